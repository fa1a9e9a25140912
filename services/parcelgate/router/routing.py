"""Versions of declarations come in: they are put in order, given to the authorities of their agreement, and judged."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from parcelgate.api.record.v1.chunk_pb2 import Chunk
from parcelgate.api.record.v1.decision_pb2 import DECISION_CODE_RECEIVED, DECISION_CODE_REJECTED
from parcelgate.api.record.v1.declaration_pb2 import (
    FLOW_EXPORT,
    FLOW_IMPORT,
    FLOW_TRANSIT,
    FUNCTION_CANCEL,
    PROCEDURE_EXPORT,
    PROCEDURE_IMPORT,
    PROCEDURE_TRANSIT,
    PROCEDURE_UNSPECIFIED,
    Declaration,
)
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.core.fault import fault
from parcelgate.core.pace import paced
from parcelgate.core.partner import Partners
from parcelgate.core.port import RejectError
from parcelgate.core.seal import Vault
from parcelgate.router.agreement import Agreements, Asked, Step
from parcelgate.router.answer import OURSELVES, Answers
from parcelgate.router.book import CaseRow, DeclarationRow, VersionRow
from parcelgate.router.judge import Judge
from parcelgate.router.lifecycle import CaseState, DeclarationEvent
from parcelgate.router.round import NO_AUTHORITY, Turn, day_of_acceptance, play
from parcelgate.router.version import put_in_order

_PROCEDURES = {
    FLOW_IMPORT: PROCEDURE_IMPORT,
    FLOW_EXPORT: PROCEDURE_EXPORT,
    FLOW_TRANSIT: PROCEDURE_TRANSIT,
}
_UNDECIDED = (CaseState.PARKED, CaseState.PENDING, CaseState.OVERDUE)
_FILED = (CaseState.PENDING, CaseState.OVERDUE, CaseState.DECIDED)


@dataclass(slots=True)
class Arrival:
    """A version that came in on the bus."""

    declaration: Declaration
    version: VersionRow


def arrivals(chunk: Chunk) -> Iterator[Arrival]:
    """Read the entries of a chunk of declarations."""
    lane = chunk.head.lane or "interactive"
    for entry, sealed in zip(chunk.head.entries, chunk.items, strict=True):
        declaration = entry.declaration
        yield Arrival(
            declaration,
            VersionRow(
                declaration.version,
                "",
                declaration.SerializeToString(),
                entry.data_key,
                sealed=sealed,
                lane=lane,
                stored=False,
                read=declaration,
            ),
        )


class Routing:
    """Applies versions; what it needs to know is given, what it finds goes to the answers and their book."""

    def __init__(self, vault: Vault, partners: Partners, agreements: Agreements, judge: Judge) -> None:
        self._vault = vault
        self._partners = partners
        self._agreements = agreements
        self._judge = judge

    async def route(self, coming: Sequence[Arrival], answers: Answers) -> None:
        """Apply what can be applied, in order; hold what came too early; record what came too late.

        Raises RejectError if an item cannot be opened or read: the runner then splits it out.
        """
        held = (row for one in answers.book.declarations.values() for row in one.versions.values() if row.sealed)
        await self._vault.fetch({row.data_key for row in (*held, *(arrival.version for arrival in coming))})
        async for some in paced(coming):
            for arrival in some:
                self._read(arrival.version)
        waves = self._waves(coming, answers)
        while wave := [queue.pop(0) for queue in waves if queue]:
            turns: list[Turn] = []
            async for part in paced(wave):
                for declaration, row in part:
                    turns += self._apply(declaration, row, answers)
            await play(turns, answers, self._judge, self._vault)

    def anew(self, declaration: DeclarationRow, answers: Answers) -> Turn:
        """Open a new round on the version in force, for the authorities that agreements name now.

        Final decisions, and declarations that lie in a mailbox already, stay as they are.
        """
        row = declaration.versions[declaration.version]
        head = row.declaration()
        item, plain = self._read(row)
        accepted = day_of_acceptance(head, answers.now)
        cases = [answers.book.case(declaration, step) for step in self._steps(head, item, accepted)]
        self._leave(declaration, cases, row, head, answers)
        judged = [case for case in cases if _may_be_judged_anew(case)]
        for case in judged:
            case.open(row.version)
        return Turn(declaration, row, head, plain, accepted, judged)

    def _waves(self, coming: Sequence[Arrival], answers: Answers) -> list[list[tuple[DeclarationRow, VersionRow]]]:
        """Put versions in order and return, for each declaration, those to apply one after the other."""
        by_declaration: defaultdict[str, dict[int, Arrival]] = defaultdict(dict)
        for arrival in coming:
            by_declaration[arrival.declaration.id].setdefault(arrival.version.version, arrival)
        queues = []
        for arriving in by_declaration.values():
            first = next(iter(arriving.values()))
            declaration = answers.book.declaration(first.declaration)
            if len(arriving) == 1 and first.version.version == 1 and not declaration.versions:
                # As nearly all are: the first version, and alone.
                declaration.versions[1] = first.version
                queues.append([(declaration, first.version)])
                continue
            waiting = {number for number, row in declaration.versions.items() if row.state == "HELD"}
            order = put_in_order(declaration.version, arriving, waiting)
            for number in order.older:
                answers.tell("version.superseded", declaration, arriving[number].declaration)
            for number in (*order.apply, *order.hold):
                if number not in declaration.versions:
                    declaration.versions[number] = arriving[number].version
            for number in order.hold:
                declaration.versions[number].state = "HELD"
                declaration.move(DeclarationEvent.HOLD)
                answers.tell("version.held", declaration, arriving[number].declaration)
            queues.append([(declaration, declaration.versions[number]) for number in order.apply])
        return queues

    def _apply(self, declaration: DeclarationRow, row: VersionRow, answers: Answers) -> list[Turn]:
        """Put a version in force and return the cases that it is to be judged on."""
        head = row.declaration()
        before = declaration.versions.get(declaration.version)
        declaration.version, row.changed, row.state = row.version, True, "APPLIED"
        if head.function == FUNCTION_CANCEL:
            self._cancel(declaration, row, head, before, answers)
            return []
        try:
            item, plain = self._read(row)
        except RejectError as error:
            # It was read when it came, so its key was erased while it was held. The versions around it go on.
            self._refuse(declaration, row, head, answers, error.faults[0].code)
            return []
        accepted = day_of_acceptance(head, answers.now)
        cases = [answers.book.case(declaration, step) for step in self._steps(head, item, accepted)]
        if all(case.state is CaseState.FINAL for case in cases):
            self._after_final(cases, row, head, answers)
            self._refuse(declaration, row, head, answers, "AFTER_FINAL")
            return []
        declaration.move(DeclarationEvent.APPLY)
        declaration.destination = item.destination_country
        answers.tell("version.applied", declaration, head)
        self._supersede(declaration.cases.values(), before, answers, "SUPERSEDED")
        self._leave(declaration, cases, row, head, answers)
        self._after_final(cases, row, head, answers)
        judged = [case for case in cases if case.state is not CaseState.FINAL]
        for case in judged:
            case.open(row.version)
            answers.tell("case.opened", declaration, head, case)
        return [Turn(declaration, row, head, plain, accepted, judged)]

    def _cancel(
        self,
        declaration: DeclarationRow,
        row: VersionRow,
        head: Declaration,
        before: VersionRow | None,
        answers: Answers,
    ) -> None:
        """Close the cases; those with a final decision stay as they are."""
        cases = list(declaration.cases.values())
        final = [case for case in cases if case.state is CaseState.FINAL]
        going = [case for case in cases if case.state not in (CaseState.FINAL, CaseState.CLOSED)]
        self._after_final(final, row, head, answers)
        if final and not going:
            self._refuse(declaration, row, head, answers, "AFTER_FINAL")
            return
        declaration.move(DeclarationEvent.CANCEL)
        answers.tell("version.applied", declaration, head)
        self._supersede(going, before, answers, "CANCELLED")
        for case in going:
            if case.way == "mailbox" and case.state in _FILED:
                answers.file(case, row, head)
            answers.close(declaration, case, head, "CANCELLED")
        for case in going or [case for case in cases if case.state is CaseState.CLOSED]:
            case.version, case.changed = row.version, True
            answers.receipt(case, head, DECISION_CODE_RECEIVED, "CANCELLED", row.lane)

    def _leave(
        self,
        declaration: DeclarationRow,
        cases: Sequence[CaseRow],
        row: VersionRow,
        head: Declaration,
        answers: Answers,
    ) -> None:
        """Close cases that the agreement for the new version no longer asks for."""
        staying = {case.id for case in cases}
        for case in declaration.cases.values():
            if case.id in staying or case.state in (CaseState.FINAL, CaseState.CLOSED):
                continue
            answers.close(declaration, case, head, "REROUTED")
            answers.receipt(case, head, DECISION_CODE_RECEIVED, "REROUTED", row.lane)

    @staticmethod
    def _supersede(cases: Iterable[CaseRow], before: VersionRow | None, answers: Answers, reason: str) -> None:
        """Answer the version before, on the cases that had not decided on it: every version gets an answer."""
        for case in cases:
            if before is not None and case.state in _UNDECIDED and case.version == before.version:
                answers.receipt(case, before.declaration(), DECISION_CODE_RECEIVED, reason, before.lane)

    @staticmethod
    def _after_final(cases: Iterable[CaseRow], row: VersionRow, head: Declaration, answers: Answers) -> None:
        for case in cases:
            if case.state is CaseState.FINAL:
                answers.receipt(case, head, DECISION_CODE_REJECTED, "AFTER_FINAL", row.lane)

    @staticmethod
    def _refuse(declaration: DeclarationRow, row: VersionRow, head: Declaration, answers: Answers, code: str) -> None:
        row.state = "REFUSED"
        declaration.move(DeclarationEvent.REFUSE)
        answers.tell("version.refused", declaration, head, code=code)

    def _steps(self, head: Declaration, item: Item, accepted: str) -> tuple[Step, ...]:
        key = head.key
        name, flow = key.partner, key.flow
        partner = self._partners.get(name)
        kind = partner.kind if partner else ""
        asked = Asked(name, kind, flow, item.destination_country, item.origin_country, accepted)
        row = self._agreements.choose(asked)
        if row is not None:
            return row.steps
        return (Step(OURSELVES, _PROCEDURES.get(flow, PROCEDURE_UNSPECIFIED), NO_AUTHORITY, 0),)

    def _read(self, row: VersionRow) -> tuple[Item, bytes]:
        row.opened = row.opened or open_item(row, self._vault)
        return row.opened


def _may_be_judged_anew(case: CaseRow) -> bool:
    if case.state in (CaseState.UNKNOWN, CaseState.CLOSED):
        return True
    return case.way != "mailbox" and case.state is not CaseState.FINAL


def open_item(row: VersionRow, vault: Vault) -> tuple[Item, bytes]:
    """Return the item of a version, read and as bytes; raises RejectError if it is erased, changed or no item."""
    plain = vault.open(row.data_key, row.sealed) if row.data_key else row.sealed
    try:
        return Item.FromString(plain), plain
    except DecodeError:
        raise RejectError(fault("ITEM_UNREADABLE")) from None
