"""What the monitor can tell: finding, timelines, interchanges, faults and the overview, each for one caller's scope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from parcelgate.api.record.v1.chunk_pb2 import Chunk
from parcelgate.api.record.v1.fact_pb2 import Fact, FactBatch
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.tracking.v1.tracking_pb2 import Found
from parcelgate.core.credential import Identity
from parcelgate.core.fact import KINDS, STAGES, each
from parcelgate.core.port import Dead, Store
from parcelgate.core.press import opened
from parcelgate.core.text import NUL
from parcelgate.monitor.projection import ENVIRONMENTS, STATES, item_key, subject_of

MOST_FOUND = 500
DEFAULT_FOUND = 50
MOST_DEAD = 500
_BATCHES_A_READ = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """What a caller may see: one environment, and one partner's traffic or (partner empty) everybody's."""

    environment: str
    partner: str

    @classmethod
    def of(cls, identity: Identity) -> "Scope":
        """Return the scope that a credential gives: integrators see all partners of their environment."""
        return cls(identity.environment, "" if identity.sees_all else identity.partner.id)

    def sees(self, environment: str, partner: str) -> bool:
        """Tell whether something of a partner is visible; what belongs to no environment only integrators see."""
        return environment in ("", self.environment) and self.partner in ("", partner)


@dataclass(frozen=True, slots=True)
class Interchange:
    """The newest state of an interchange or call, with how many items it brought by outcome."""

    receipt: str
    partner: str
    reference: str
    format: str
    file_name: str
    state: str
    first_seen_micros: int
    last_seen_micros: int
    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """A count of the overview; name is the destination (security, fiscal), the severity (fault) or empty (stage)."""

    partner: str
    dimension: str
    name: str
    value: str
    amount: int


@dataclass(frozen=True, slots=True)
class FoundFault:
    """A fault with where it was found."""

    receipt: str
    subject: str
    item: str
    partner: str
    at_micros: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Work that failed for good, with the items it concerns: pairs of declaration id and identifier."""

    consumer: str
    partner: str
    dead: Dead
    items: Sequence[tuple[str, str]]


class Lookup:
    """Reads the projection; what a scope may not see is answered as if it did not exist."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, scope: Scope, query: str, limit: int = 0) -> list[Found]:
        """Find items by identifier, declaration id, receipt, interchange reference or file name; newest first."""
        wanted = _plain(query)
        if not wanted:
            return []
        most = min(limit or DEFAULT_FOUND, MOST_FOUND)
        rows = await self._store.read(
            "monitor.find_items", *_pair(scope), wanted, item_key(wanted), wanted.lower(), most
        )
        return [_found(row) for row in rows]

    async def find_interchanges(self, scope: Scope, query: str, limit: int = 20) -> list[Interchange]:
        """Find interchanges by receipt, reference or file name; newest first."""
        wanted = _plain(query)
        rows = await self._store.read("monitor.find_interchanges", *_pair(scope), wanted, wanted.lower(), limit)
        return await self._interchanges(rows)

    async def item(self, scope: Scope, declaration_id: str) -> Found | None:
        """Return one item, or None if the caller may not see it or there is none."""
        rows = await self._store.read("monitor.read_item", *_pair(scope), _plain(declaration_id))
        return _found(rows[0]) if rows else None

    async def timeline(self, scope: Scope, declaration_id: str) -> list[Fact] | None:
        """Return all that happened to an item, by time and rank; None if the caller may not see it."""
        if await self.item(scope, declaration_id) is None:
            return None
        return await self._facts_of(declaration_id)

    async def interchange(self, scope: Scope, receipt: str) -> Interchange | None:
        """Return one interchange, or None if the caller may not see it or there is none."""
        found = await self._store.read("monitor.find_interchanges", *_pair(scope), "", _plain(receipt), 1)
        return (await self._interchanges(found))[0] if found else None

    async def facts_of_interchange(self, receipt: str) -> list[Fact]:
        """Return what happened to an interchange as a whole, by time and rank."""
        return await self._facts_of(receipt)

    async def stages_of_interchange(self, receipt: str) -> dict[str, int]:
        """Return how many items of an interchange have reached which stage."""
        rows = await self._store.read("monitor.count_stages_of_interchange", receipt)
        return {STAGES[stage]: amount for stage, amount in sorted(rows) if stage >= 0}

    async def members(self, receipt: str, limit: int, offset: int = 0) -> list[tuple[str, Found]]:
        """Return items of an interchange with their outcomes, the rejected ones first, then by identifier."""
        rows = await self._store.read("monitor.read_members", receipt, limit, offset)
        return [(row[0], _found(row[1:])) for row in rows]

    async def fault_counts_of_interchange(self, receipt: str) -> list[tuple[str, int, int]]:
        """Return code, severity and number of the faults of an interchange, the most frequent first."""
        return [
            (row[0], row[1], row[2]) for row in await self._store.read("monitor.count_faults_of_interchange", receipt)
        ]

    async def faults_of_interchange(self, receipt: str, limit: int) -> list[FoundFault]:
        """Return the first faults of an interchange, errors first."""
        rows = await self._store.read("monitor.read_faults_of_interchange", receipt, limit)
        return [FoundFault(receipt, row[0], row[1], "", 0, Fault.FromString(row[2])) for row in rows]

    async def faults_of_code(self, scope: Scope, code: str, limit: int) -> list[FoundFault]:
        """Return the newest faults with a code."""
        rows = await self._store.read("monitor.read_faults_of_code", *_pair(scope), _plain(code), limit)
        return [_found_fault(*row) for row in rows]

    async def newest_interchanges(self, scope: Scope, limit: int) -> list[Interchange]:
        """Return the newest interchanges and calls."""
        if scope.partner:
            rows = await self._store.read("monitor.newest_own_interchanges", scope.environment, scope.partner, limit)
        else:
            rows = await self._store.read("monitor.newest_interchanges", scope.environment, limit)
        return await self._interchanges(rows)

    async def counts(self, scope: Scope) -> list[Counted]:
        """Return all counts that the caller may see."""
        return [Counted(*row) for row in await self._store.read("monitor.sum_counts", *_pair(scope))]

    async def dead(self, scope: Scope) -> list[DeadLetter]:
        """Return the newest dead letters that the caller may see, newest first, at most MOST_DEAD of all partners."""
        found = []
        for consumer, dead in await self._store.dead(MOST_DEAD):
            environment, _, rest = dead.message.key.partition(".")
            partner = rest.partition(".")[2].partition(".")[0]
            if scope.sees(environment, partner):
                found.append(DeadLetter(consumer, partner, dead, _items_of(dead)))
        return found

    async def newest_position(self) -> int:
        """Return the position of the newest batch of facts, 0 if there is none."""
        ((position,),) = await self._store.read("monitor.newest_position")
        return int(position)

    async def facts_after(self, scope: Scope, position: int) -> tuple[int, list[Fact]]:
        """Return what the caller may see of the next batches after a position, and the position to go on from."""
        seen: list[Fact] = []
        rows = await self._store.read("monitor.read_batches_after", position, _BATCHES_A_READ)
        for _, body in rows:
            for told in FactBatch.FromString(opened(body)).facts:
                if scope.sees(ENVIRONMENTS.get(told.environment, ""), told.partner):
                    seen += each(told)
        return (rows[-1][0] if rows else position), seen

    async def _facts_of(self, subject: str) -> list[Fact]:
        ids = [one for row in await self._store.read("monitor.read_batch_ids", subject) for one in row[0].split()]
        # The same fact may have come in two batches; its id says so.
        facts: dict[str, Fact] = {}
        for (body,) in await self._store.read("monitor.read_batches", ids):
            for told in FactBatch.FromString(opened(body)).facts:
                if subject_of(told) == subject:
                    facts.update((one.id, one) for one in each(told))
        return sorted(facts.values(), key=_moment)

    async def _interchanges(self, rows: Sequence[tuple[Any, ...]]) -> list[Interchange]:
        amounts: dict[str, dict[str, int]] = {row[0]: {} for row in rows}
        for receipt, outcome, amount in await self._store.read("monitor.count_memberships", list(amounts)):
            amounts[receipt][outcome] = amount
        return [_interchange(row, amounts[row[0]]) for row in rows]


def _interchange(row: Sequence[Any], amounts: Mapping[str, int]) -> Interchange:
    receipt, _, partner, reference, form, file_name, state, first, last = row
    brought = [amounts.get(outcome, 0) for outcome in ("accepted", "unchanged", "rejected")]
    return Interchange(receipt, partner, reference, form, file_name, STATES[state], first, last, *brought)


def _found_fault(receipt: str, subject: str, item: str, partner: str, at_micros: int, body: bytes) -> FoundFault:
    return FoundFault(receipt, subject, item, partner, at_micros, Fault.FromString(body))


def _moment(fact: Fact) -> tuple[int, int, str]:
    kind = KINDS.get(fact.kind)
    return fact.at_micros, kind.rank if kind else 0, fact.id


def _plain(query: str) -> str:
    """Return a query without what no store holds; a page may be asked for anything."""
    return query.replace(NUL, "\ufffd").strip()


def _pair(scope: Scope) -> tuple[str, str]:
    return scope.environment, scope.partner


def _found(row: Sequence[Any]) -> Found:
    declaration_id, item, partner, version, stage, security, fiscal, destination, receipt, first_seen = row
    return Found(
        declaration_id=declaration_id,
        item=item,
        partner=partner,
        version=version,
        stage=STAGES[stage] if stage >= 0 else "",
        security=security,
        fiscal=fiscal,
        destination=destination,
        receipt=receipt,
        first_seen_micros=first_seen,
    )


def _items_of(dead: Dead) -> list[tuple[str, str]]:
    if dead.message.topic == "facts":
        return []
    try:
        entries = Chunk.FromString(dead.message.body).head.entries
    except DecodeError:
        # A step of a service's own, or something damaged.
        return []
    found = [(entry.declaration.id, entry.declaration.key.item.identifier) for entry in entries]
    return [pair for pair in found if pair[0]]
