"""The way from the advance hop to the monitor in one process: CPU of an item by part, and the rows that it writes.

Real chunks, a real router that asks real services over a local gRPC line, the delivery of its releases, and the
projection of all facts. The store is there and its thread is not counted; no bus, no HTTP, no other process.
"""

import asyncio
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self, TypeVar

import grpc.aio
import metered
from documents import POST, documents
from row import Row, row

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.api.clearance.v1.clearance_pb2_grpc import add_ClearanceServiceServicer_to_server
from parcelgate.api.record.v1.fact_pb2 import Fact, FactBatch
from parcelgate.api.risk.v1.risk_pb2_grpc import add_RiskServiceServicer_to_server
from parcelgate.app.topology import QUEUES
from parcelgate.app.wire import LIMITS, InternalOnly, Line
from parcelgate.clearance.service import ClearanceServicer
from parcelgate.core.bell import Bell
from parcelgate.core.charge import Alone
from parcelgate.core.clock import SystemClock
from parcelgate.core.credential import Credentials
from parcelgate.core.naming import derived_id
from parcelgate.core.partner import Partners
from parcelgate.core.port import Message, Outcome, Transaction
from parcelgate.core.runner import BULK_AT_ONCE, Runner
from parcelgate.core.seal import Vault
from parcelgate.core.setting import Settings
from parcelgate.monitor.service import MonitorService
from parcelgate.postal.delivery import Delivering
from parcelgate.postal.interchange import Interchange
from parcelgate.postal.reading import End, Task, read
from parcelgate.postal.routing import BATCH, Before, Routing
from parcelgate.postal.routing import Row as ItemRow
from parcelgate.risk.service import RiskServicer
from parcelgate.router.service import RouterService

SIZE = 1000
_FACTS_A_MESSAGE = 500
_WHOLE = "router, risk and clearance with the line between them"
_NOTES = {
    "risk": "the cluster's figure: 40, with reading and writing messages",
    "clearance": "the cluster's figure: 25, with reading and writing messages",
    "monitor": "the cluster's figure: 30, with broker and database",
}
T = TypeVar("T")


class Way:
    """Everything that an item passes behind the translation; micros and written gather what it took."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "store.sqlite")
        self.clock = SystemClock()
        self.runner = Runner(self.store, EmbeddedBus(self.store, QUEUES), self.clock, Bell())
        self.vault = Vault(b"0" * 32, self.store)
        self.partners = Partners()
        self.credentials = Credentials(folder, self.partners)
        self._line = Line(self.credentials.local_key("gateway"), 10)
        settings = Settings(data=folder, call_seconds=10)
        self.router = RouterService(
            runner=self.runner,
            vault=self.vault,
            partners=self.partners,
            credentials=self.credentials,
            settings=settings,
            charge=Alone(),
            assess=self._line.assess,
            decide=self._line.decide,
        )
        self.monitor = MonitorService(runner=self.runner, credentials=self.credentials)
        self._routing = Routing(self.runner, self.vault, self.partners)
        self._delivering = Delivering(self.store, self.clock)
        self.written: Counter[str] = Counter()
        self.sizes: Counter[str] = Counter()
        self.micros: defaultdict[str, int] = defaultdict(int)
        self.items = 0

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        server = grpc.aio.server(interceptors=(InternalOnly(self.credentials),), options=LIMITS)
        add_RiskServiceServicer_to_server(RiskServicer(), server)
        add_ClearanceServiceServicer_to_server(ClearanceServicer(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self._stack.push_async_callback(server.stop, 1)
        await self._stack.enter_async_context(self._line.connected(*[f"127.0.0.1:{port}"] * 2))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        await self.store.close()

    async def take(self, number: int, document: bytes) -> None:
        """Take an interchange all the way."""
        chunks, facts = await self._chunks(number, document)
        for start in range(0, len(chunks), BULK_AT_ONCE):
            routed = await self._part(_WHOLE, self.router.desk.handle, chunks[start : start + BULK_AT_ONCE])
            facts += await self._commit(routed)
            logged = await self._delivering.handle(routed.messages)
            facts += await self._commit(logged)
        shown = await self.monitor.project(facts)
        await self._commit(shown)
        self.items += SIZE

    async def _part(
        self, name: str, work: Callable[[Sequence[Message]], Awaitable[T]], messages: Sequence[Message]
    ) -> T:
        before = time.process_time_ns()
        result = await work(messages)
        self.micros[name] += time.process_time_ns() - before
        return result

    async def _chunks(self, number: int, document: bytes) -> tuple[list[Message], list[Message]]:
        key = self.vault.new_key()
        await self.store.commit(self._transaction(Outcome(keys=[key])))
        receipt, now = f"r{number:025d}", self.clock.micros()
        task = Task(receipt, POST, "test", now, ["upu/cusitm/own-1"], [])
        rows: list[ItemRow] = []
        for found in read(task, iter([document])):
            if isinstance(found, End):
                break
            rows += [
                ItemRow(
                    one.number,
                    one.identifier,
                    "READ",
                    one.declaration_id,
                    one.declaration,
                    self.vault.seal(key.id, one.item),
                    one.destination,
                    one.faults,
                )
                for one in found
            ]
        columns = (receipt, POST, "test", "TRANSLATED", "bench.xml", key.id, "", 10**6, 1)
        whole = Interchange(*columns, "upu/cusitm/own-1", str(number), SIZE, 0, 0, 0, 0, b"", "", now)
        chunks: list[Message] = []
        facts: list[Message] = []
        for start in range(0, len(rows), BATCH):
            outcome = await self._routing.route_at_once(
                whole, rows[start : start + BATCH], Before({}, others_wait=False)
            )
            assert outcome is not None
            chunks += outcome.messages
            outcome.writes.clear()
            facts += await self._commit(outcome)
        return chunks, facts

    async def _commit(self, outcome: Outcome) -> list[Message]:
        """Commit without bus and outbox; returns the messages of the facts."""
        for write in outcome.writes:
            self.written[write.statement] += len(write.rows)
            columns = (one for each in write.rows for one in each if isinstance(one, bytes | str))
            self.sizes[write.statement] += sum(map(len, columns))
        self.written["delivery log"] += len(outcome.deliveries)
        self.sizes["delivery log"] += sum(len(one.body) for one in outcome.deliveries)
        facts = _messages(outcome.facts)
        self.written["facts, no rows of their own"] += len(outcome.facts)
        self.sizes["facts, no rows of their own"] += sum(len(one.body) for one in facts)
        await self.store.commit(self._transaction(Outcome(writes=outcome.writes)))
        return facts

    def _transaction(self, outcome: Outcome) -> Transaction:
        return Transaction("", (), outcome, self.clock.micros())


def _messages(facts: Sequence[Fact]) -> list[Message]:
    """Make messages of facts as the runner does."""
    parts = [facts[start : start + _FACTS_A_MESSAGE] for start in range(0, len(facts), _FACTS_A_MESSAGE)]
    return [
        Message(
            derived_id("facts", *(one.id for one in part)),
            "facts",
            "test.monitor.x",
            FactBatch(facts=part).SerializeToString(),
        )
        for part in parts
    ]


def rows(interchanges: int = 8) -> list[Row]:
    """Measure the least CPU that an interchange took, by part, and count the rows that all of them wrote."""
    made = documents(POST, interchanges, SIZE, seed=1)
    way, micros = asyncio.run(_measure(made))
    found = [
        row(
            f"router to monitor, in one process: {part}", taken, None, None, "µs CPU an item", note=_NOTES.get(part, "")
        )
        for part, taken in sorted(micros.items(), key=lambda one: -one[1])
    ]
    return found + [
        row(
            f"router to monitor, written: {name}",
            count / way.items,
            None,
            None,
            "rows an item",
            note=f"{way.sizes[name] / way.items:.0f} bytes an item",
        )
        for name, count in way.written.most_common()
    ]


async def _measure(made: Sequence[bytes]) -> tuple[Way, dict[str, float]]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    metered.install()
    with tempfile.TemporaryDirectory() as folder:
        async with Way(Path(folder)) as way:
            for number, document in enumerate(made):
                way.micros.clear()
                metered.totals.clear()
                await way.take(number, document)
                for part, taken in (metered.totals | way.micros).items():
                    found[part].append(taken / 1e3 / SIZE)
    return way, {part: min(values) for part, values in found.items()}


if __name__ == "__main__":
    for each in rows():
        print(each)
