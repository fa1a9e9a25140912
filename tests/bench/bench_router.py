"""The way from the advance hop to the monitor in one process: CPU of an item by part, and the rows that it writes.

Real chunks, a real router that asks real services over a local gRPC line, the delivery of its releases, and the
projection of all facts. The store is there and its thread is not counted; no bus, no HTTP, no other process.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import grpc.aio
import metered
from documents import POST, documents
from row import Row, row

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.api.clearance.v1.clearance_pb2 import DecideRequest
from parcelgate.api.clearance.v1.clearance_pb2_grpc import add_ClearanceServiceServicer_to_server
from parcelgate.api.risk.v1.risk_pb2 import AssessRequest
from parcelgate.api.risk.v1.risk_pb2_grpc import add_RiskServiceServicer_to_server
from parcelgate.app.topology import QUEUES
from parcelgate.app.wire import LIMITS, InternalOnly, Line
from parcelgate.clearance.service import ClearanceServicer
from parcelgate.core.bell import Bell
from parcelgate.core.clock import SystemClock
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.port import Message, Outcome
from parcelgate.core.runner import BULK_AT_ONCE, Runner, _fact_messages
from parcelgate.core.seal import Vault
from parcelgate.core.setting import Settings
from parcelgate.monitor.service import MonitorService
from parcelgate.postal.delivery import Delivering
from parcelgate.postal.interchange import Interchange
from parcelgate.postal.reading import End, Task, read
from parcelgate.postal.routing import BATCH, Routing
from parcelgate.postal.routing import Row as ItemRow
from parcelgate.risk.service import RiskServicer
from parcelgate.router.service import RouterService

SIZE = 1000
T = TypeVar("T")


class Way:
    """Everything that an item passes behind the translation; micros and written gather what it took."""

    def __init__(self, folder: Path, *, wired: bool) -> None:
        self.store = SqliteStore(folder / "store.sqlite")
        self.clock = SystemClock()
        self.runner = Runner(self.store, EmbeddedBus(self.store, QUEUES), self.clock, Bell())
        self.vault = Vault(b"0" * 32, self.store)
        self.partners = Partners()
        self.credentials = Credentials(folder, self.partners)
        self._risk, self._clearance = RiskServicer(), ClearanceServicer()
        self._line = Line(self.credentials.local_key("gateway"), 10)
        self._wired = wired
        settings = Settings(data=folder, call_seconds=10)
        self.router = RouterService(
            runner=self.runner,
            vault=self.vault,
            partners=self.partners,
            credentials=self.credentials,
            settings=settings,
            assess=self._line.assess if wired else self._assess,
            decide=self._line.decide if wired else self._decide,
        )
        self.monitor = MonitorService(runner=self.runner, credentials=self.credentials)
        self._routing = Routing(self.runner, self.vault, self.partners)
        self._delivering = Delivering(self.clock)
        self.written: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.micros: defaultdict[str, int] = defaultdict(int)
        self.items = 0

    async def __aenter__(self) -> "Way":
        self._stack = AsyncExitStack()
        if self._wired:
            server = grpc.aio.server(interceptors=(InternalOnly(self.credentials),), options=LIMITS)
            add_RiskServiceServicer_to_server(self._risk, server)
            add_ClearanceServiceServicer_to_server(self._clearance, server)
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            self._stack.push_async_callback(server.stop, 1)
            await self._stack.enter_async_context(self._line.connected(*[f"127.0.0.1:{port}"] * 2))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        await self.store.close()

    async def _assess(self, request: Any) -> Any:
        return self._risk.assess(AssessRequest.FromString(request))

    async def _decide(self, request: Any) -> Any:
        return self._clearance.decide(DecideRequest.FromString(request))

    async def take(self, number: int, document: bytes) -> None:
        """Take an interchange all the way."""
        chunks, facts = await self._chunks(number, document)
        for start in range(0, len(chunks), BULK_AT_ONCE):
            routed = await self._part("router", self.router.desk.handle, chunks[start : start + BULK_AT_ONCE])
            facts += await self._commit(routed)
            logged = await self._delivering.handle(routed.messages)
            facts += await self._commit(logged)
        shown = await self._part("monitor", self.monitor.project, facts)
        await self._commit(shown)
        self.items += SIZE

    async def _part(
        self, name: str, work: Callable[[Sequence[Message]], Awaitable[T]], messages: Sequence[Message]
    ) -> T:
        before = time.process_time_ns() if self._wired else time.thread_time_ns()
        result = await work(messages)
        self.micros[name] += (time.process_time_ns() if self._wired else time.thread_time_ns()) - before
        return result

    async def _chunks(self, number: int, document: bytes) -> tuple[list[Message], list[Message]]:
        key = self.vault.new_key()
        await self.runner.store.commit(_transaction(Outcome(keys=[key]), self.clock.micros()))
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
        columns = (receipt, POST, "test", "TRANSLATED", "bench.xml", key.id, number, "", 10**6, 1)
        whole = Interchange(*columns, "upu/cusitm/own-1", str(number), SIZE, 0, 0, 0, 0, b"", "", now)
        chunks: list[Message] = []
        facts: list[Message] = []
        for start in range(0, len(rows), BATCH):
            outcome = await self._routing.send(whole, rows[start : start + BATCH])
            chunks += outcome.messages
            outcome.writes.clear()
            facts += await self._commit(outcome)
        return chunks, facts

    async def _commit(self, outcome: Outcome) -> list[Message]:
        """Commit without bus and outbox; returns the messages of the facts."""
        for write in outcome.writes:
            self.written[write.statement] += len(write.rows)
            self.bytes[write.statement] += sum(
                len(one) for each in write.rows for one in each if isinstance(one, bytes | str)
            )
        self.written["delivery log"] += len(outcome.deliveries)
        self.written["(facts)"] += len(outcome.facts)
        facts = _fact_messages(outcome.facts)
        self.bytes["(facts)"] += sum(len(one.body) for one in facts)
        self.bytes["(messages)"] += sum(len(one.body) for one in outcome.messages)
        await self.store.commit(_transaction(Outcome(writes=outcome.writes), self.clock.micros()))
        return facts


def _transaction(outcome: Outcome, now: int) -> Any:
    from parcelgate.core.port import Transaction

    return Transaction("", (), outcome, now)


async def _measure(made: Sequence[bytes], *, wired: bool) -> tuple[Way, dict[str, float]]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        async with Way(Path(folder), wired=wired) as way:
            for number, document in enumerate(made):
                way.micros.clear()
                metered._totals.clear()
                await way.take(number, document)
                for part, taken in (metered._totals if metered.installed else way.micros).items():
                    found[part].append(taken / 1e3 / SIZE)
                if metered.installed:
                    for part, taken in way.micros.items():
                        found[f"{part}, whole"].append(taken / 1e3 / SIZE)
            way.runner.stop()
    return way, {part: sorted(values[1:])[1] for part, values in found.items()}


if __name__ == "__main__":
    import pickle

    place = Path("/tmp/perf2bench/docs.pickle")
    if not place.exists():
        place.write_bytes(pickle.dumps(documents(POST, 8, SIZE, seed=1)))
    made = pickle.loads(place.read_bytes())
    wired = "wired" in sys.argv
    metered.installed = "metered" in sys.argv
    if metered.installed:
        metered.install()
    if "profile" in sys.argv:
        import cProfile, pstats, gc

        gc.disable()

        async def go():
            with tempfile.TemporaryDirectory() as folder:
                async with Way(Path(folder), wired=False) as way:
                    await way.take(0, made[0])
                    profile = cProfile.Profile()
                    part = sys.argv[-1]
                    inner = way._part

                    async def _part(name, work, messages):
                        if name == part:
                            profile.enable()
                        result = await work(messages)
                        if name == part:
                            profile.disable()
                        return result

                    way._part = _part
                    for n in (1, 2, 3):
                        await way.take(n, made[n])
                    pstats.Stats(profile).sort_stats("tottime").print_stats(45)

        asyncio.run(go())
        sys.exit()
    import gc

    if "nogc" in sys.argv:
        gc.disable()
    if "freeze" in sys.argv:
        gc.collect()
        gc.freeze()
    if "gc50" in sys.argv:
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)

    def loop():
        b = time.thread_time_ns()
        for _ in range(40):
            d = {}
            for n in range(5000):
                d[str(n)] = (n, [n])
            sum(len(k) + v[0] for k, v in d.items())
        return (time.thread_time_ns() - b) / 1e6

    speed = min(loop() for _ in range(3))
    way, micros = asyncio.run(_measure(made, wired=wired))
    speed = (speed + min(loop() for _ in range(3))) / 2
    print(f"speed {speed:.0f} ms (254)")
    for part, taken in micros.items():
        print(f"{part:40} {taken:8.1f}")
    for name, count in way.written.most_common():
        print(f"{name:40} {count / way.items:8.2f} rows {way.bytes[name] / way.items:8.0f} B")
    print("messages", way.bytes["(messages)"] / way.items)
