"""The postal path by itself, in one process: what each step costs an item, with a store that forgets what it is given.

The steps are those of the gateway: the translation process (fed from memory), keeping what it read, versions and chunks, and
the delivery log. Times are CPU time of this process; rounds alternate, medians are told.
"""

import asyncio
import bisect
import cProfile
import gc
import io
import pstats
import statistics
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from documents import POST, documents
from row import Row, row

from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_RELEASES, Chunk, ChunkEntry
from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_ASSESSMENT_COMPLETE,
    DECISION_CODE_RELEASED_WITH_DUTY,
    STAGE_ADVANCE,
    Decision,
    DutyTax,
    Reason,
    Release,
)
from parcelgate.api.record.v1.declaration_pb2 import PROCEDURE_IMPORT, Case
from parcelgate.api.record.v1.quantity_pb2 import Instant, Money
from parcelgate.codecs.registry import shipped
from parcelgate.core import naming
from parcelgate.core.bell import Bell
from parcelgate.core.chunk import Address, pack
from parcelgate.core.partner import Partner, Partners
from parcelgate.core.port import DataKey, Delivered, Message, Outcome, Stretch, Transaction
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault
from parcelgate.postal import wire
from parcelgate.postal.delivery import Delivering
from parcelgate.postal.form import Forms
from parcelgate.postal.handout import HandOut
from parcelgate.postal.interchange import Interchange
from parcelgate.postal.reading import Task, answer_of
from parcelgate.postal.reading import pack as packed
from parcelgate.postal.routing import Routing
from parcelgate.postal.translation import Translation
from parcelgate.postal.worker import serve

SIZE = 1000
_CUSITM = "upu/cusitm/own-1"
_PART = 256 * 1024
_NOW = 1_800_000_000_000_000
_LOOP = asyncio.new_event_loop()
_STEPS = {
    "translation process": 75.0,
    "versions and chunks": None,
    "delivery log": None,
    "packing facts": None,
    "handing out": None,
}


class Forgetful:
    """A store that answers what the postal path asks about one new interchange, and keeps nothing else of it."""

    def __init__(self) -> None:
        self.interchange: tuple[Any, ...] = ()
        self.log: list[Delivered] = []
        self.keys: dict[str, bytes] = {}
        self.parts: list[bytes] = []

    async def commit(self, transaction: Transaction) -> None:
        """Forget it."""

    async def read(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Answer as a store that knows nothing but this interchange."""
        if query == "postal.interchange":
            return [self.interchange]
        if query == "postal.part":
            return [(self.parts[arguments[1]],)]
        return []

    async def deliveries(self, partner: str, environment: str, after: int, limit: int) -> list[Delivered]:
        """Return what was delivered last."""
        del partner, environment
        start = bisect.bisect_right(self.log, after, key=lambda one: one.sequence)
        return self.log[start : start + limit]

    async def stretches(self, partner: str, environment: str, after: int, limit: int) -> list[Stretch]:
        """Tell of what was delivered last, as one stretch."""
        del partner, environment, limit
        if not self.log or self.log[-1].sequence <= after:
            return []
        size = sum(len(one.delivery.body) for one in self.log)
        return [Stretch(max(after + 1, self.log[0].sequence), self.log[-1].sequence, "release", size)]

    async def data_keys(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the keys there are."""
        return {one: self.keys[one] for one in ids if one in self.keys}

    async def mark_sent(self, ids: Sequence[str]) -> None:
        """Forget that too."""


class Silent:
    """A bus that takes everything to nobody."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Take them."""


class Still:
    """A clock that stands."""

    def micros(self) -> int:
        """Tell the same time again."""
        return _NOW


class Recorded:
    """A pool whose process has answered before."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    async def read(self, lane: str, task: Task, parts: AsyncIterator[bytes]) -> AsyncGenerator[Any, None]:
        """Give the frames of the answer, one after the other."""
        del lane, task, parts
        place = 0
        while place < len(self._answer):
            kind, length = wire.HEAD.unpack_from(self._answer, place)
            place += wire.HEAD.size + length
            yield answer_of(kind, self._answer[place - length : place])


class PostalPath:
    """The postal path over one store double."""

    def __init__(self) -> None:
        self.store = Forgetful()
        self.runner = Runner(self.store, Silent(), Still(), Bell())  # type: ignore[arg-type]  # doubles of the ports
        self.vault = Vault(bytes(32), self.store)  # type: ignore[arg-type]  # a double of the port
        self.partners = Partners()
        self.delivering = Delivering(self.runner.store, self.runner.clock)
        self.routing = Routing(self.runner, self.vault, self.partners)
        self.hand_out = HandOut(self.runner, self.vault, Forms(shipped))
        self.key: DataKey = self.vault.new_key()
        self.store.keys[self.key.id] = self.key.wrapped

    def asked(self, document: bytes, receipt: str) -> bytes:
        """Return what the translation process is fed for a document."""
        task = Task(receipt, POST, "test", _NOW, [_CUSITM], [])
        parts = [document[start : start + _PART] for start in range(0, len(document), _PART)]
        framed = (wire.frame(wire.PART, part) for part in parts)
        return b"".join([wire.frame(wire.BEGIN, packed(task)), *framed, wire.frame(wire.END)])

    def arrived(self, document: bytes, receipt: str) -> None:
        """Let the store know the interchange."""
        one = Interchange(
            receipt, POST, "test", "RECEIVED", "bench", self.key.id, "", len(document), 0, "", "", 0, 0, 0, 0, 0, b"", "",
            _NOW,
        )  # fmt: skip
        self.store.interchange = tuple(getattr(one, name) for name in Interchange.__slots__)


def measure(rounds: int = 8, profiled: str = "") -> dict[str, float]:
    """Return the median microseconds of CPU an item by step; the step named is profiled to standard error."""
    made = documents(POST, rounds + 1, SIZE, seed=1)
    path = PostalPath()
    found: dict[str, list[float]] = {step: [] for step in _STEPS}
    profile = cProfile.Profile()

    def timed(step: str, work: Callable[[], Any]) -> Any:
        gc.collect()
        looked_at = step == profiled and found[step]
        if looked_at:
            profile.enable()
        began = time.process_time()
        result = work()
        found[step].append((time.process_time() - began) * 1e6 / SIZE)
        profile.disable()
        return result

    for number, document in enumerate(made):
        _round(path, document, f"r{number}", timed)
    if profiled:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(32)
    return {step: statistics.median(times[1:]) for step, times in found.items()}


def _round(path: PostalPath, document: bytes, receipt: str, timed: Callable[[str, Callable[[], Any]], Any]) -> None:
    asked, sink = path.asked(document, receipt), io.BytesIO()
    timed("translation process", lambda: serve(io.BytesIO(asked), sink))
    path.arrived(document, receipt)
    pool: Any = Recorded(sink.getvalue())
    translation = Translation(path.runner, path.vault, path.partners, pool, path.routing, "")
    outcomes: list[Outcome] = []

    async def keep() -> None:
        outcomes.append(await translation.translate(receipt))

    timed("versions and chunks", lambda: _run(keep()))
    messages = [message for outcome in outcomes for message in outcome.messages]
    released = list(_released(messages))
    batches = [released[start : start + 4] for start in range(0, len(released), 4)]

    async def deliver() -> None:
        for batch in batches:
            outcomes.append(await path.delivering.handle(batch))  # noqa: PERF401 - timed as a loop

    timed("delivery log", lambda: _run(deliver()))
    path.store.log = [
        Delivered(number, one, _NOW) for number, one in enumerate((d for o in outcomes for d in o.deliveries), 1)
    ]
    post = Partner(POST, "", "", "POST", "test", "")

    async def hand_out() -> None:
        while (closed := await path.hand_out.close(post)) is not None:
            await path.hand_out.compose(post, closed)
            path.store.log = path.store.log[closed.last - closed.first + 1 :]

    timed("handing out", lambda: _run(hand_out()))
    only_facts = [Outcome(facts=one.facts) for one in outcomes]

    async def tell() -> None:
        for one in only_facts:
            await path.runner.transact(one)

    timed("packing facts", lambda: _run(tell()))


def _released(messages: Sequence[Message]) -> Any:
    """Answer each item as the router does: two decisions, one with duties."""
    for message in messages:
        chunk = Chunk.FromString(message.body)
        entries = []
        for entry in chunk.head.entries:
            for code in (DECISION_CODE_ASSESSMENT_COMPLETE, DECISION_CODE_RELEASED_WITH_DUTY):
                entries.append(_answer(entry, code))  # noqa: PERF401 - one more line would not read better
        place = Address(
            "release",
            "postal",
            CHUNK_KIND_RELEASES,
            chunk.head.environment,
            POST,
            chunk.head.flow,
            "it-customs",
            "bulk",
        )
        yield from pack(place, entries, message.id)


def _answer(entry: ChunkEntry, code: Any) -> tuple[ChunkEntry, bytes]:
    head = entry.declaration
    case = Case(
        id=naming.case_id(head.id, "it-customs", PROCEDURE_IMPORT), declaration_id=head.id, authority="it-customs",
        procedure=PROCEDURE_IMPORT, version=1, round=1,
    )  # fmt: skip
    duties = [
        DutyTax(type=kind, content_piece=1, amount=Money(units=12, nanos=340_000_000, currency="EUR"), row="IT-1")
        for kind in ("A00", "B00")
    ]
    decision = Decision(
        id=naming.derived_id("bench", case.id, int(code)), case=case, judged_version=1, stage=STAGE_ADVANCE, code=code,
        decided=Instant(utc_micros=_NOW),
        reasons=[Reason(code="RELEASED", sentence="Nothing speaks against it.", basis="bench")],
    )  # fmt: skip
    if code == DECISION_CODE_RELEASED_WITH_DUTY:
        decision.duties.extend(duties)
        decision.total_due.CopyFrom(Money(units=24, nanos=680_000_000, currency="EUR"))
    answered = type(head)(id=head.id, key=head.key, version=head.version, provenance=head.provenance)
    release = Release(response_id=naming.derived_id("response", decision.id), declaration=answered, decision=decision)
    return ChunkEntry(declaration=type(head)(id=head.id, key=head.key, version=1)), release.SerializeToString()


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return _LOOP.run_until_complete(work)


def rows() -> list[Row]:
    """Return the rows of `make bench`."""
    return [
        row(f"postal path by itself: {step}", micros, None, None, "µs CPU an item")
        for step, micros in measure().items()
    ]


if __name__ == "__main__":
    for name, micros in measure(profiled=" ".join(sys.argv[1:])).items():
        print(f"{name:32} {micros:6.1f} µs an item")
