"""The book: what a step of the router knows of declarations and cases, read in a few queries, and what it changes in it.

Later entries of a batch see what earlier ones changed; the writes at the end fail if somebody else changed a row.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from functools import lru_cache, partial
from typing import Any, cast

from parcelgate.api.record.v1.decision_pb2 import Decision, DecisionBatch
from parcelgate.api.record.v1.declaration_pb2 import Case, Declaration, DeclarationKey, Procedure
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.core.chunk import environment_word
from parcelgate.core.field import field, whole
from parcelgate.core.naming import case_id
from parcelgate.core.port import RejectError, Store, Write
from parcelgate.router.agreement import Step
from parcelgate.router.lifecycle import (
    CaseEvent,
    CaseState,
    DeclarationEvent,
    DeclarationState,
    move_case,
    move_declaration,
)


@dataclass(slots=True)
class VersionRow:
    """One version: head is the declaration without its item; sealed is only read where the item is needed.

    Decisions (DecisionBatch bytes) are those made in the step that brought the version; later ones have rows of their own.
    """

    version: int
    state: str
    head: bytes
    data_key: str
    decisions: bytes = b""
    sealed: bytes = b""
    lane: str = "interactive"
    stored: bool = True
    changed: bool = False
    opened: tuple[Item, bytes] | None = None
    read: Declaration | None = None

    def made(self) -> Sequence[Decision]:
        """Return the decisions that were made in the step that brought the version."""
        return DecisionBatch.FromString(self.decisions).decisions

    def declaration(self) -> Declaration:
        """Return the declaration without its item; it is not to be changed."""
        if self.read is None:
            self.read = Declaration.FromString(self.head)
        return self.read


@dataclass(slots=True)
class DeclarationRow:
    """Where a declaration stands: version is the newest one that was applied or refused, 0 for none."""

    id: str
    environment: str
    identifier: str
    version: int = 0
    state: DeclarationState = DeclarationState.UNKNOWN
    destination: str = ""
    revision: int = 0
    changed: bool = False
    versions: dict[int, VersionRow] = attribute(default_factory=dict)
    cases: dict[str, "CaseRow"] = attribute(default_factory=dict)

    @property
    def key(self) -> DeclarationKey:
        """The key, as any version has it."""
        return next(iter(self.versions.values())).declaration().key

    def move(self, event: DeclarationEvent) -> None:
        """Take an event; raises RejectError if it is not a legal move."""
        self.state = _legal(move_declaration(self.state, event))
        self.changed = True


@dataclass(slots=True)
class CaseRow:
    """Where a case stands; times are microseconds, 0 for none. Assessment is sealed, kept while clearance is parked.

    It is kept as a line in the row of its declaration; while it waits, what it waits for has a row (waiting). Answered
    is the id of its last response, which the next one follows, and filed that of its last filing.
    """

    id: str
    declaration_id: str
    environment: str
    authority: str
    procedure: Procedure.ValueType
    way: str
    deadline_hours: int
    version: int = 0
    round: int = 0
    state: CaseState = CaseState.UNKNOWN
    waits_for: str = ""
    away: bool = False
    attempts: int = 0
    next_at: int = 0
    deadline_at: int = 0
    assessment: bytes | None = None
    waiting: bool = False
    answered: str = ""
    filed: str = ""
    changed: bool = False
    # The bytes that body gave last, and the version and round they are for.
    record_body: bytes = b""
    written: tuple[int, int] = (0, 0)

    def move(self, event: CaseEvent) -> None:
        """Take an event; raises RejectError if it is not a legal move."""
        self.state = _legal(move_case(self.state, event))
        self.changed = True
        if self.state is not CaseState.PARKED:
            self.waits_for, self.away, self.next_at, self.assessment = "", False, 0, None

    def open(self, version: int) -> None:
        """Begin a new round on a version; raises RejectError if it is not a legal move."""
        self.move(CaseEvent.OPEN)
        self.version, self.round, self.attempts, self.deadline_at = version, self.round + 1, 0, 0

    def record(self) -> Case:
        """Return the case as the contract has it."""
        return Case.FromString(self.body(self.version))

    def body(self, version: int) -> bytes:
        """Return the case before a version as bytes of the contract: every field is written, even if it is 0."""
        if self.written != (version, self.round):
            named = field(1, self.id.encode()) + field(2, self.declaration_id.encode())
            self.record_body = named + _standing(self.authority, self.procedure, version, self.round)
            self.written = (version, self.round)
        return self.record_body


class Book:
    """Declarations by id, with their versions and cases."""

    def __init__(self) -> None:
        self.declarations: dict[str, DeclarationRow] = {}
        self._appended: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    @classmethod
    async def load(cls, store: Store, ids: Iterable[str], sealed: str = "router.find_held") -> "Book":
        """Read declarations; sealed names the query that says which sealed items are needed."""
        book, wanted = cls(), sorted(set(ids))
        if not wanted:
            return book
        # Where a declaration stands is read first, and most are new: nothing else is there to be read. Whatever is
        # committed between the queries is newer than what we know, and the exact write of the declaration notices.
        rows = await store.read("router.find_declarations", wanted)
        if not rows:
            return book
        known = book.declarations
        for name, environment, identifier, version, state, destination, cases, revision in rows:
            standing = (version, DeclarationState(state), destination, revision)
            row = DeclarationRow(name, environment, identifier, *standing)
            row.cases = {case.id: case for case in map(partial(_case_of, row), cases.splitlines())}
            known[row.id] = row
        found = sorted(known)
        heads, items, waits = await asyncio.gather(
            store.read("router.find_heads", found), store.read(sealed, found), store.read("router.find_waits", found)
        )
        for declaration_id, *columns in heads:
            known[declaration_id].versions[columns[0]] = VersionRow(*columns)
        for declaration_id, version, body in items:
            if version in known[declaration_id].versions:
                known[declaration_id].versions[version].sealed = body
        for waiting, declaration_id, *columns in waits:
            if (case := known[declaration_id].cases.get(waiting)) is not None:
                case.waits_for, away, case.attempts, case.next_at, case.deadline_at, case.assessment = columns
                case.away, case.waiting = bool(away), True
        return book

    def declaration(self, declaration: Declaration) -> DeclarationRow:
        """Return the row of a declaration, a new one if it was never seen."""
        row = self.declarations.get(declaration.id)
        if row is None:
            environment = environment_word(declaration.key.environment)
            row = DeclarationRow(declaration.id, environment, declaration.key.item.identifier)
            self.declarations[declaration.id] = row
        return row

    def case(self, declaration: DeclarationRow, step: Step) -> CaseRow:
        """Return the case of a declaration under a step of its agreement, a new one if there is none."""
        key = case_id(declaration.id, step.authority, step.procedure)
        row = declaration.cases.get(key)
        if row is None:
            row = CaseRow(
                key,
                declaration.id,
                declaration.environment,
                step.authority,
                step.procedure,
                step.by,
                step.deadline_hours,
            )
            declaration.cases[key] = row
        row.way, row.deadline_hours = step.by, step.deadline_hours
        return row

    def add_decision(self, case: CaseRow, judged: int, decision: Decision, body: bytes, at: int) -> None:
        """Note a decision and its bytes: with the version that it judged if that is new as well, else in a row of its own."""
        version = self.declarations[case.declaration_id].versions[judged]
        if not version.stored:
            version.decisions += field(1, body)
            return
        said = (judged, int(decision.stage), int(decision.code), at, body)
        self.append("router.add_decisions", case.environment, case.authority, decision.id, case.id, *said)

    def append(self, statement: str, *row: Any) -> None:
        """Note a row to be added by a statement that never changes another's."""
        self._appended[statement].append(row)

    def drop_report(self, name: tuple[str, str, str]) -> None:
        """Note that a report waits no longer: environment, authority and decision id."""
        if added := self._appended.get("router.add_reports"):
            added[:] = [row for row in added if row[:3] != name]
        self.append("router.drop_reports", *name)

    def writes(self) -> list[Write]:
        """Return all changes, exact where a row was read before."""
        rows: Mapping[str, list[tuple[Any, ...]]] = defaultdict(list, self._appended)
        for one in self.declarations.values():
            _write_declaration(rows, one)
            for version in one.versions.values():
                _write_version(rows, one.id, version)
        return [Write(name, found, exact=name.startswith("router.change_")) for name, found in rows.items() if found]


def _write_declaration(rows: Mapping[str, list[tuple[Any, ...]]], row: DeclarationRow) -> None:
    moved = [case for case in row.cases.values() if case.changed]
    if not (row.changed or moved):
        return
    standing = (row.version, row.state.value, row.destination, "\n".join(map(_line_of, row.cases.values())))
    if row.revision:
        rows["router.change_declarations"].append((*standing, row.id, row.revision))
    else:
        rows["router.add_declarations"].append((row.id, row.environment, row.identifier, *standing))
    for case in moved:
        _write_wait(rows, case)


def _write_version(rows: Mapping[str, list[tuple[Any, ...]]], declaration_id: str, row: VersionRow) -> None:
    if not row.stored:
        columns = (declaration_id, row.version, row.state, row.head, row.data_key, row.decisions, row.sealed)
        rows["router.add_versions"].append(columns)
    elif row.changed:
        rows["router.change_versions"].append((row.state, declaration_id, row.version))


def _write_wait(rows: Mapping[str, list[tuple[Any, ...]]], case: CaseRow) -> None:
    if case.state in (CaseState.PARKED, CaseState.PENDING):
        waits = (case.waits_for, int(case.away), case.attempts, case.next_at, case.deadline_at, case.assessment)
        rows["router.put_waits"].append((case.id, case.declaration_id, *waits))
    elif case.waiting:
        rows["router.drop_waits"].append((case.id,))


@lru_cache(4096)
def _standing(authority: str, procedure: Procedure.ValueType, version: int, count: int) -> bytes:
    """Return what many cases have in common, as fields of a Case: authority, procedure, version and round."""
    return field(3, authority.encode()) + whole(4, procedure) + whole(5, version) + whole(6, count)


def _line_of(case: CaseRow) -> str:
    """Write where a case stands: words and numbers with a blank between them, for none of the words has one."""
    named = f"{case.authority} {int(case.procedure)} {case.way} {case.deadline_hours}"
    return f"{named} {case.version} {case.round} {case.state.value} {case.answered or '-'} {case.filed or '-'}"


def _case_of(row: DeclarationRow, line: str) -> CaseRow:
    authority, procedure, way, hours, version, count, state, answered, filed = line.split()
    kind = cast("Procedure.ValueType", int(procedure))
    name = case_id(row.id, authority, kind)
    standing = (int(version), int(count), CaseState(state))
    found = CaseRow(name, row.id, row.environment, authority, kind, way, int(hours), *standing)
    found.answered, found.filed = answered.strip("-"), filed.strip("-")
    return found


def _legal(after: Any) -> Any:
    if isinstance(after, Fault):
        raise RejectError(after)
    return after
