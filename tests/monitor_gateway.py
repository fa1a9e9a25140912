"""A monitor over the embedded store and bus, as the app puts it together."""

import httpx
from starlette.applications import Starlette

from houses import store_and_bus
from monitor_traffic import START
from parcelgate.app.topology import QUEUES
from parcelgate.core.bell import Bell
from parcelgate.core.clock import FixedClock
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.port import Message, Outcome
from parcelgate.core.runner import Runner
from parcelgate.monitor.service import MonitorService


class Gateway:
    """A store, a bus, a runner and a monitor; what it is given is projected at once."""

    def __init__(self, folder):
        self.store, bus = store_and_bus(folder / "store.sqlite", QUEUES)
        self.runner = Runner(self.store, bus, FixedClock(START), Bell())
        self.credentials = Credentials(folder, Partners())
        self.monitor = MonitorService(runner=self.runner, credentials=self.credentials)
        self.lookup = self.monitor.lookup

    async def take_in(self, outcome):
        """Commit an outcome and project the facts that are queued then."""
        await self.runner.transact(outcome)
        await self.runner.sent(5)
        (consumer,) = self.monitor.consumers()
        while await self.runner.bus.depth("monitor.facts"):
            received = await self.runner.bus.receive("monitor.facts", consumer.most)
            await self.runner.work(consumer, [one.message for one in received])
            await self.runner.bus.acknowledge(received)

    async def take_facts(self, facts):
        await self.take_in(Outcome(facts=list(facts)))

    async def take_batches(self, bodies):
        """Project batches as they stand, each as a message of its own."""
        (consumer,) = self.monitor.consumers()
        for number, body in enumerate(bodies):
            await self.runner.work(consumer, [Message(f"{number:032x}", "facts", "test.monitor.x", body)])

    def client(self, partner=""):
        """Return a client with the key of a partner, or without one."""
        headers = {"Authorization": f"Bearer {self.credentials.issue(partner)}"} if partner else {}
        transport = httpx.ASGITransport(Starlette(routes=list(self.monitor.routes())))
        return httpx.AsyncClient(transport=transport, base_url="http://monitor", headers=headers)
