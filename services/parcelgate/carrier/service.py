"""The carrier service: its subscription, its two doors, and what it does of its own accord."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import grpc.aio
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from parcelgate.api.carrier.v1 import carrier_pb2, carrier_pb2_grpc
from parcelgate.api.partner.v1 import partner_pb2, partner_pb2_grpc
from parcelgate.carrier import openapi
from parcelgate.carrier.call import DecisionCalls, IntakeCalls
from parcelgate.carrier.door import Door
from parcelgate.carrier.feed import Feed
from parcelgate.carrier.intake import Intake
from parcelgate.carrier.profile import PartnerCalls
from parcelgate.carrier.queue import DecisionQueue
from parcelgate.carrier.release import log_releases
from parcelgate.codecs.registry import Registry, shipped
from parcelgate.core.charge import Alone, Charge
from parcelgate.core.chunk import split
from parcelgate.core.credential import Credentials
from parcelgate.core.letter import PartnerQueue
from parcelgate.core.partner import Partners
from parcelgate.core.port import Message, Outcome, StoreUnavailableError, Write
from parcelgate.core.runner import Consumer, Runner
from parcelgate.core.seal import Vault

# Answers are kept for 13 months: a request id may be repeated that long.
KEPT_MICROS = 396 * 24 * 3600 * 1_000_000
_TIDY_SECONDS = 3600.0


class CarrierService:
    """Takes carriers' shipments in and hands their decisions out.

    queue gives the queue of a carrier by its id, formats the formats as they are now.
    """

    name = "carrier"

    def __init__(
        self,
        *,
        runner: Runner,
        vault: Vault,
        partners: Partners,
        credentials: Credentials,
        charge: Charge | None = None,
        queue: Callable[[str], PartnerQueue] | None = None,
        formats: Callable[[], Registry] = shipped,
    ) -> None:
        self._runner = runner
        self._charge = charge or Alone()
        self._queue = queue
        self._formats = formats
        self._partners = partners
        self._credentials = credentials
        self.intake = Intake(runner, vault)
        self.feed = Feed(runner.store, runner.bell)

    def consumers(self) -> Sequence[Consumer]:
        """Subscribe to the releases for carriers."""
        return [Consumer(self.name, "carrier.release", self._log_releases, split)]

    def routes(self) -> Sequence[BaseRoute]:
        """Return the HTTP routes of the table in openapi.py, and the document that describes them."""
        door = Door(self.intake, self.feed, self._credentials, self._formats)
        described = [Route(row.path, getattr(door, row.use), methods=[row.method]) for row in openapi.ROUTES]
        return [*described, Route("/v1/openapi.json", _describe, methods=["GET"])]

    def attach(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add the gRPC services for carriers, and that of partner profiles."""
        carrier_pb2_grpc.add_CarrierServiceServicer_to_server(IntakeCalls(self.intake, self._credentials), server)
        carrier_pb2_grpc.add_DecisionServiceServicer_to_server(DecisionCalls(self.feed, self._credentials), server)
        partner_pb2_grpc.add_PartnerServiceServicer_to_server(PartnerCalls(self._partners, self._credentials), server)
        files = (carrier_pb2.DESCRIPTOR, partner_pb2.DESCRIPTOR)
        return [service.full_name for file in files for service in file.services_by_name.values()]

    async def run(self, stop: asyncio.Event) -> None:
        """Top up queues, forget old answers from time to time; when stopped, tell those who follow to come again."""
        async with asyncio.TaskGroup() as group:
            for partner in self._partners.all():
                if self._queue is not None and partner.queue and partner.kind == "CARRIER":
                    decisions = DecisionQueue(self._runner, self._charge, partner, self._queue(partner.id))
                    group.create_task(decisions.run(stop), name=f"queue of {partner.id}")
            await self._tidy_until(stop)

    async def _tidy_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.tidy()
            except StoreUnavailableError as error:
                structlog.get_logger("carrier").warning("answers_not_tidied", reason=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TIDY_SECONDS):
                    await stop.wait()
        self.feed.close()

    async def tidy(self) -> None:
        """Forget the answers to requests older than 13 months; declarations are kept."""
        oldest = self._runner.clock.micros() - KEPT_MICROS
        await self._runner.transact(Outcome(writes=[Write("carrier.forget_requests", [(oldest,)])]))

    async def _log_releases(self, messages: Sequence[Message]) -> Outcome:
        return await log_releases(messages, self._runner.store, self._runner.clock)


async def _describe(_request: Request) -> Response:
    return JSONResponse(openapi.document())
