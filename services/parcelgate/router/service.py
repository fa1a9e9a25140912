"""The router as a service: one subscription, the door of authorities, and a task that looks for what is due."""

import asyncio
from collections.abc import Sequence

import grpc.aio
from starlette.routing import BaseRoute, Route

from parcelgate.api.intake.v1.intake_pb2 import DESCRIPTOR
from parcelgate.api.intake.v1.intake_pb2_grpc import add_DecisionIntakeServicer_to_server
from parcelgate.core.charge import Charge
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.runner import BULK_AT_ONCE, Consumer, Runner
from parcelgate.core.seal import Vault
from parcelgate.core.setting import Settings
from parcelgate.router.agreement import Agreements
from parcelgate.router.desk import Desk, split
from parcelgate.router.door import ReportDoor
from parcelgate.router.drain import Drain
from parcelgate.router.judge import Assess, Decide, Judge


class RouterService:
    """Routes versions to authorities and their decisions back; assess and decide reach risk and clearance."""

    name = "router"

    def __init__(
        self,
        *,
        runner: Runner,
        vault: Vault,
        partners: Partners,
        credentials: Credentials,
        settings: Settings,
        assess: Assess,
        decide: Decide,
        charge: Charge,
        agreements: Agreements | None = None,
    ) -> None:
        chosen = agreements or Agreements(settings.data / "agreements")
        self.desk = Desk(runner, vault, partners, chosen, Judge(assess, decide, settings.call_seconds))
        self._door = ReportDoor(self.desk, credentials)
        self._drain = Drain(self.desk, charge)

    def consumers(self) -> Sequence[Consumer]:
        """Return its subscriptions to the topic advance, one for each lane."""
        return (
            Consumer("router", "router.advance", self.desk.handle, split),
            Consumer("router.bulk", "router.advance.bulk", self.desk.handle, split, BULK_AT_ONCE),
        )

    def routes(self) -> Sequence[BaseRoute]:
        """Return the HTTP door of authorities."""
        return (Route("/v1/reports", self._door.post, methods=["POST"]),)

    def attach(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add DecisionIntake."""
        add_DecisionIntakeServicer_to_server(self._door, server)
        return (DESCRIPTOR.services_by_name["DecisionIntake"].full_name,)

    async def run(self, stop: asyncio.Event) -> None:
        """Look for what is due until stop is set."""
        await self._drain.run(stop)

    async def reprocess(self, declaration_id: str) -> int:
        """Judge the version in force anew; returns how many changed decisions were sent.

        Raises RejectError if there is no such declaration in force, or its data was erased.
        """
        return await self.desk.reprocess(declaration_id)
