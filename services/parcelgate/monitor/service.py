"""The monitor's service: projects the facts, serves tracking over gRPC, the JSON API and the page."""

import asyncio
import secrets
from collections.abc import Sequence

import grpc.aio
from starlette.routing import BaseRoute

from parcelgate.api.tracking.v1 import tracking_pb2_grpc
from parcelgate.core.credential import Credentials
from parcelgate.core.port import Message, Outcome, Write
from parcelgate.core.runner import Consumer, Runner, split_facts
from parcelgate.monitor.door import Api
from parcelgate.monitor.lookup import Lookup
from parcelgate.monitor.page.view import Page
from parcelgate.monitor.projection import Projection
from parcelgate.monitor.tracking import SERVICE, Tracking

# Facts are small, and what happens to an item within moments falls into one row, so that more of them at once cost less.
_BATCHES_AT_ONCE = 32
_REST_SECONDS = 0.25


class MonitorService:
    """Shows where every item is and why it stopped."""

    name = "monitor"

    def __init__(self, *, runner: Runner, credentials: Credentials) -> None:
        self._store = runner.store
        self.lookup = Lookup(runner.store)
        self._tracking = Tracking(self.lookup, credentials)
        self._api = Api(self.lookup, credentials, runner.clock)
        self._page = Page(self.lookup, credentials, runner.clock)

    def consumers(self) -> Sequence[Consumer]:
        """Return its subscription to the facts."""
        return [
            Consumer(
                "monitor",
                "monitor.facts",
                self.project,
                split_facts,
                _BATCHES_AT_ONCE,
                _REST_SECONDS,
                takes_pressed=True,
            )
        ]

    def routes(self) -> Sequence[BaseRoute]:
        """Return the JSON API and the page."""
        return [*self._api.routes(), *self._page.routes()]

    def attach(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add the tracking service."""
        tracking_pb2_grpc.add_TrackingServiceServicer_to_server(self._tracking, server)
        return [SERVICE]

    async def run(self, stop: asyncio.Event) -> None:
        """End the watches when the gateway stops; there is nothing else to do of its own accord."""
        await stop.wait()
        self._tracking.close()

    async def project(self, messages: Sequence[Message]) -> Outcome:
        """Turn batches of facts into writes; whoever changed the same state meanwhile makes the runner compute again."""
        projection = Projection()
        for message in messages:
            projection.add(message.id, message.body)
            # What is interactive goes between: nobody waits for the monitor.
            await asyncio.sleep(0)
        ((token,),) = await self._store.read("monitor.read_turn")
        items = await self._store.read("monitor.read_items_to_advance", list(projection.items))
        interchanges = await self._store.read("monitor.read_interchanges_to_advance", list(projection.interchanges))
        faulty = await self._store.read("monitor.read_known_faults", list(projection.faulty))
        writes = projection.writes(items, interchanges, [row[0] for row in faulty])
        turn = Write("monitor.take_turn", [(secrets.token_hex(8), token)], exact=True)
        return Outcome(writes=[turn, *writes])
