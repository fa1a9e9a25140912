"""The book: what a step of the router knows of declarations and cases, read in a few queries, and what it changes in it.

Later entries of a batch see what earlier ones changed; the writes at the end fail if somebody else changed a row.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parcelgate.api.record.v1.declaration_pb2 import Case, Declaration, DeclarationKey, Procedure
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.core.chunk import environment_word
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
    """One version: head is the declaration without its item; sealed is only read where the item is needed."""

    version: int
    state: str
    head: bytes
    data_key: str
    sealed: bytes = b""
    lane: str = "interactive"
    stored: bool = True
    changed: bool = False
    opened: tuple[Item, bytes] | None = None
    read: Declaration | None = None

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
    versions: dict[int, VersionRow] = field(default_factory=dict)
    cases: dict[str, "CaseRow"] = field(default_factory=dict)

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
    """Where a case stands; times are microseconds, 0 for none. Assessment is sealed, kept while clearance is parked."""

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
    revision: int = 0
    changed: bool = False

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
        record = Case()
        self.fill(record)
        return record

    def fill(self, record: Case) -> None:
        """Write the case into one of the contract."""
        record.id, record.declaration_id, record.authority = self.id, self.declaration_id, self.authority
        record.procedure, record.version, record.round = self.procedure, self.version, self.round


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
        # Cases first: whatever is committed between the queries is then newer than what we know of the case, and the
        # exact write of the case notices.
        cases = await store.read("router.find_cases", wanted)
        rows, heads, items = await asyncio.gather(
            store.read("router.find_declarations", wanted),
            store.read("router.find_heads", wanted),
            store.read(sealed, wanted),
        )
        for row in rows:
            book.declarations[row[0]] = DeclarationRow(*row)
            book.declarations[row[0]].state = DeclarationState(row[4])
        known = book.declarations
        for declaration_id, *columns in heads:
            if declaration_id in known:
                known[declaration_id].versions[columns[0]] = VersionRow(*columns)
        for declaration_id, version, body in items:
            if declaration_id in known and version in known[declaration_id].versions:
                known[declaration_id].versions[version].sealed = body
        for row in cases:
            if row[1] in known:
                known[row[1]].cases[row[0]] = _case_row(row)
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
            for case in one.cases.values():
                _write_case(rows, case)
        return [Write(name, found, exact=name.startswith("router.change_")) for name, found in rows.items() if found]


def _write_declaration(rows: Mapping[str, list[tuple[Any, ...]]], row: DeclarationRow) -> None:
    if not row.changed:
        return
    if row.revision:
        rows["router.change_declarations"].append((row.version, row.state.value, row.destination, row.id, row.revision))
    else:
        columns = (row.id, row.environment, row.identifier, row.version, row.state.value, row.destination)
        rows["router.add_declarations"].append(columns)


def _write_version(rows: Mapping[str, list[tuple[Any, ...]]], declaration_id: str, row: VersionRow) -> None:
    if not row.stored:
        columns = (declaration_id, row.version, row.state, row.head, row.data_key, row.sealed)
        rows["router.add_versions"].append(columns)
    elif row.changed:
        rows["router.change_versions"].append((row.state, declaration_id, row.version))


def _write_case(rows: Mapping[str, list[tuple[Any, ...]]], row: CaseRow) -> None:
    if not row.changed:
        return
    moving: tuple[Any, ...] = (
        row.way,
        row.deadline_hours,
        row.version,
        row.round,
        row.state.value,
        row.waits_for,
        int(row.away),
    )
    moving = (*moving, row.attempts, row.next_at, row.deadline_at, row.assessment)
    if row.revision:
        rows["router.change_cases"].append((*moving, row.id, row.revision))
    else:
        fixed = (row.id, row.declaration_id, row.environment, row.authority, int(row.procedure))
        rows["router.add_cases"].append((*fixed, *moving))


def _case_row(row: tuple[Any, ...]) -> CaseRow:
    case = CaseRow(*row)
    case.state, case.away = CaseState(case.state), bool(case.away)
    return case


def _legal(after: Any) -> Any:
    if isinstance(after, Fault):
        raise RejectError(after)
    return after
