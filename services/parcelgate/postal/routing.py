"""Routing: items of a translated interchange get their versions and go on as chunks, batch by batch.

A batch is one transaction: versions, verdicts, progress, chunks and facts together (design 6), so that a crash between
two batches is continued, and never repeated.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_DECLARATIONS, CHUNK_KIND_REPORTS, ChunkEntry
from parcelgate.api.record.v1.decision_pb2 import Release, Report
from parcelgate.api.record.v1.declaration_pb2 import (
    FLOW_UNSPECIFIED,
    FUNCTION_ORIGINAL,
    FUNCTION_UNSPECIFIED,
    Declaration,
    Flow,
)
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.chunk import Address, environment_value, pack
from parcelgate.core.fact import fact
from parcelgate.core.fault import fault
from parcelgate.core.field import field as bytes_of
from parcelgate.core.field import whole
from parcelgate.core.pace import paced
from parcelgate.core.partner import Partner, Partners
from parcelgate.core.port import Outcome, Write
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault
from parcelgate.core.version import Known, judge
from parcelgate.postal.interchange import Interchange, find, pack_faults, stamp, unpack_faults

BATCH = 250
_DECLARATION, _DATA_KEY = ChunkEntry.DECLARATION_FIELD_NUMBER, ChunkEntry.DATA_KEY_FIELD_NUMBER
_VERSION = Declaration.VERSION_FIELD_NUMBER


class Row(NamedTuple):
    """An item as kept by the translation: status READ or REJECTED, item sealed; see postal.items_to_route."""

    number: int
    identifier: str
    status: str
    declaration_id: str
    declaration: bytes
    item: bytes
    destination: str
    faults: bytes


class Verdict(NamedTuple):
    """What became of an item, and where it was accepted first."""

    row: Row
    status: str
    version: int
    faults: bytes
    receipt: str
    number: int


class Before(NamedTuple):
    """What there was before an interchange: versions of its declarations, and others of the partner not at their end."""

    known: dict[str, Known]
    others_wait: bool


@dataclass(slots=True)
class _Batch:
    interchange: Interchange
    partner: Partner
    now: int
    known: dict[str, Known]
    before: dict[str, int]
    # Field of an entry of a chunk.
    data_key: bytes
    verdicts: list[Verdict] = field(default_factory=list)
    declared: dict[Flow.ValueType, list[tuple[bytes, bytes]]] = field(default_factory=dict)
    reported: list[tuple[ChunkEntry, bytes]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"ACCEPTED": 0, "REJECTED": 0, "UNCHANGED": 0})
    outcome: Outcome = field(default_factory=Outcome)


class Routing:
    """Sends items on their way."""

    def __init__(self, runner: Runner, vault: Vault, partners: Partners) -> None:
        self._runner = runner
        self._vault = vault
        self._partners = partners

    async def must_wait(self, interchange: Interchange) -> bool:
        """Tell whether the next batch depends on an earlier interchange of the partner that is not at its end.

        Items declared for the first time may overtake; an amendment may not overtake what it amends.
        """
        if not await self._others_wait(interchange):
            return False
        rows = await self._next(interchange)
        return _depends(rows, await self._known(interchange, rows))

    async def route(self, receipt: str) -> Outcome:
        """Judge and send the next batch of an interchange; nothing if there is none."""
        interchange = await find(self._runner.store, receipt)
        if interchange is None or interchange.state != "TRANSLATED":
            return Outcome()
        rows = await self._next(interchange)
        batch = await self._send(interchange, rows, await self._known(interchange, rows))
        verdicts = [(receipt, row.number, *verdict) for row, *verdict in batch.verdicts]
        batch.outcome.writes.append(Write("postal.judge_item", verdicts))
        return batch.outcome

    async def look(self, interchange: Interchange, rows: Sequence[Row]) -> Before:
        """Look what was there before an interchange, so that all its rows can be routed at once."""
        known, others = await asyncio.gather(self._known(interchange, rows), self._others_wait(interchange))
        return Before(known, others)

    async def route_at_once(self, interchange: Interchange, rows: Sequence[Row], before: Before) -> Outcome | None:
        """Return the step that keeps all rows of an interchange as judged, and sends them; None if they have to wait.

        Of an item on its way only the verdict is kept here.
        """
        known, others = before
        if others and _depends(rows, known):
            return None
        batch = await self._send(interchange, rows, known)
        batch.outcome.writes.append(put(interchange.receipt, batch.verdicts))
        return batch.outcome

    async def _others_wait(self, interchange: Interchange) -> bool:
        place = (interchange.partner, interchange.environment, interchange.receipt)
        return bool(await self._runner.store.read("postal.earlier", *place))

    async def _send(self, interchange: Interchange, rows: Sequence[Row], known: dict[str, Known]) -> _Batch:
        """Judge these rows, send what is accepted, and end the interchange after its last row."""
        partner = self._partners.get(interchange.partner)
        if partner is None:
            partner = Partner(interchange.partner, "", "", "POST", interchange.environment, "")
        before = {name: one.version for name, one in known.items()}
        data_key = bytes_of(_DATA_KEY, interchange.data_key.encode())
        batch = _Batch(interchange, partner, self._runner.clock.micros(), known, before, data_key)
        await self._vault.fetch([interchange.data_key])
        async for some in paced(rows):
            for row in some:
                if row.status == "REJECTED":
                    _refuse(batch, row, unpack_faults(row.faults))
                elif row.item:
                    _declare(batch, row)
                else:
                    self._report(batch, row)
        self._address(batch, rows)
        _count(batch, rows)
        return batch

    async def _next(self, interchange: Interchange) -> list[Row]:
        rows = await self._runner.store.read("postal.items_to_route", interchange.receipt, interchange.routed, BATCH)
        return [Row._make(row) for row in rows]

    async def _known(self, interchange: Interchange, rows: Sequence[Row]) -> dict[str, Known]:
        ids = sorted({row.declaration_id for row in rows if row.item and row.status == "READ"})
        if not ids:
            return {}
        place = (interchange.partner, interchange.environment)
        found = await self._runner.store.read("postal.versions", *place, ids)
        return {row[0]: Known(*row[1:]) for row in found}

    def _report(self, batch: _Batch, row: Row) -> None:
        """Pass a decision of a customs mailbox on; it can only speak for its own authority."""
        if not batch.partner.authority:
            _refuse(batch, row, [fault("ROLE_REFUSED", kind=batch.partner.kind, wanted="CUSTOMS")])
            return
        release = Release.FromString(self._vault.open(batch.interchange.data_key, row.declaration))
        report = Report(
            authority=batch.partner.authority,
            case_id=release.decision.case.id,
            declaration=release.declaration.key,
            decision=release.decision,
        )
        batch.reported.append((ChunkEntry(), report.SerializeToString()))
        _settle(batch, row, "ACCEPTED", 0, row.faults)

    def _address(self, batch: _Batch, rows: Sequence[Row]) -> None:
        interchange = batch.interchange
        environment = environment_value(interchange.environment)
        first = rows[0].number if rows else 0
        for flow, entries in batch.declared.items():
            place = Address(
                "advance", "postal", CHUNK_KIND_DECLARATIONS, environment, interchange.partner, flow,
                lane=interchange.lane,
            )  # fmt: skip
            batch.outcome.messages.extend(pack(place, entries, f"{interchange.receipt}/{first}/{flow}"))
        place = Address(
            "advance", "postal", CHUNK_KIND_REPORTS, environment, interchange.partner, FLOW_UNSPECIFIED,
            batch.partner.authority, interchange.lane,
        )  # fmt: skip
        batch.outcome.messages.extend(pack(place, batch.reported, f"{interchange.receipt}/{first}/reports"))


def put(receipt: str, verdicts: Iterable[Verdict]) -> Write:
    """Return the write of items: with all that is known of those still to be routed, of the others the verdict alone."""
    return Write(
        "postal.put_item",
        [
            (
                receipt, row.number, row.identifier, status, row.declaration_id,
                row.declaration if status == "READ" else b"", row.item if status == "READ" else b"",
                row.destination, version, faults, *origin,
            )
            for row, status, version, faults, *origin in verdicts
        ],
    )  # fmt: skip


def _depends(rows: Sequence[Row], known: Mapping[str, Known]) -> bool:
    return any(
        row.declaration_id in known
        or Declaration.FromString(row.declaration).function not in (FUNCTION_ORIGINAL, FUNCTION_UNSPECIFIED)
        for row in rows
        if row.status == "READ" and row.item
    )


def _declare(batch: _Batch, row: Row) -> None:
    declaration = Declaration.FromString(row.declaration)
    known = batch.known.get(row.declaration_id)
    verdict = judge(declaration.function, declaration.canonical_hash, known or Known())
    if verdict.fault_code:
        words: dict[str, Any] = {} if known is None else {"version": known.version, "receipt": known.receipt}
        wrong = fault(verdict.fault_code, item=row.identifier, item_number=row.number, **words)
        _refuse(batch, row, [wrong, *unpack_faults(row.faults)])
        return
    declaration.version = verdict.version
    if verdict.unchanged and known is not None:
        _settle(batch, row, "UNCHANGED", known.version, row.faults, known)
        batch.outcome.facts.append(
            fact("declaration.unchanged", batch.now, declaration=declaration, distinct=str(row.number))
        )
        return
    own = Known(
        verdict.version, declaration.function, declaration.canonical_hash, batch.interchange.receipt, row.number
    )
    batch.known[row.declaration_id] = own
    # As it was read, with its version behind it.
    entry = bytes_of(_DECLARATION, row.declaration + whole(_VERSION, verdict.version)) + batch.data_key
    batch.declared.setdefault(declaration.key.flow, []).append((entry, row.item))
    _settle(batch, row, "ACCEPTED", verdict.version, row.faults)
    batch.outcome.facts.append(
        fact(
            "declaration.accepted",
            batch.now,
            declaration=declaration,
            destination=row.destination,
            faults=declaration.findings,
        )
    )


def _refuse(batch: _Batch, row: Row, faults: Sequence[Fault]) -> None:
    _settle(batch, row, "REJECTED", 0, pack_faults(faults))
    about = Declaration.FromString(row.declaration) if row.item else stamp(batch.interchange)
    about.key.item.identifier = row.identifier
    about.provenance.item_number = row.number
    batch.outcome.facts.append(
        fact("item.rejected", batch.now, declaration=about, faults=faults, distinct=str(row.number),
             code=next((one.code for one in faults), ""))
    )  # fmt: skip


def _settle(batch: _Batch, row: Row, status: str, version: int, faults: bytes, origin: Known | None = None) -> None:
    batch.counts[status] += 1
    place = (origin.receipt, origin.number) if origin else (batch.interchange.receipt, row.number)
    batch.verdicts.append(Verdict(row, status, version, faults, *place))


def _count(batch: _Batch, rows: Sequence[Row]) -> None:
    """Write versions and verdicts, move the progress on, and end the interchange after its last item."""
    interchange, outcome = batch.interchange, batch.outcome
    place = (interchange.partner, interchange.environment)
    firsts, nexts = [], []
    for name, one in batch.known.items():
        row = (*place, name, one.version, one.function, one.canonical_hash, one.receipt, one.number)
        if name not in batch.before:
            firsts.append(row)
        elif one.version != batch.before[name]:
            nexts.append((*row, batch.before[name]))
    last = rows[-1].number if rows else interchange.routed
    accepted, rejected, unchanged = (batch.counts[status] for status in ("ACCEPTED", "REJECTED", "UNCHANGED"))
    outcome.writes += [
        Write("postal.advance_interchange", [(interchange.receipt, interchange.routed, last, accepted, rejected, unchanged)], exact=True),
        Write("postal.first_version", firsts),
        Write("postal.next_version", nexts, exact=True),
    ]  # fmt: skip
    if rows and last < interchange.items:
        return
    outcome.writes.append(Write("postal.finish_interchange", [(interchange.receipt, last)], exact=True))
    kept = interchange.accepted + interchange.unchanged + accepted + unchanged
    kind = "interchange.routed" if kept or not interchange.items else "interchange.rejected"
    about = stamp(interchange)
    outcome.facts.append(
        fact(kind, batch.now, declaration=about, count=interchange.items, details=_details(interchange))
    )


def _details(interchange: Interchange) -> dict[str, str]:
    return {"name": interchange.name, "format": interchange.format}
