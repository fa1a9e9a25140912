"""Reports: decisions that authorities made in their own time, appended to their cases whenever they come.

One function takes them, whether by gRPC, by HTTP or as a chunk that an edge read out of a mailbox.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from parcelgate.api.intake.v1.intake_pb2 import ReportResult
from parcelgate.api.record.v1.decision_pb2 import Decision, DecisionCode, Report
from parcelgate.api.record.v1.declaration_pb2 import PROCEDURE_PRE_LOADING, PROCEDURE_UNSPECIFIED, Declaration
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.chunk import environment_value
from parcelgate.core.fact import fact
from parcelgate.core.fault import fault
from parcelgate.core.partner import Partner
from parcelgate.core.port import Store
from parcelgate.core.text import nul_at, nul_in
from parcelgate.router.answer import Answers
from parcelgate.router.book import CaseRow, DeclarationRow
from parcelgate.router.judge import fits
from parcelgate.router.lifecycle import EVENT_OF_STAGE, move_case

KEPT_MICROS = 30 * 86_400_000_000
WAITING, AMBIGUOUS = "WAITING", "AMBIGUOUS"
# An identifier of an item that is not known is told only if it looks like one.
_LONGEST = 35

_ID = re.compile(r"[\w.:/-]{1,64}", re.ASCII)


@dataclass(slots=True)
class Waiting:
    """A report that waits for its item, or for a person; place is the case id or the item identifier it names."""

    environment: str
    authority: str
    decision_id: str
    place: str
    state: str
    received_at: int
    body: bytes

    @property
    def report(self) -> Report:
        """The report as it came."""
        return Report.FromString(self.body)


@dataclass(slots=True)
class Known:
    """What the store knows of the decisions that reports name: their cases, and reports that wait."""

    cases: dict[tuple[str, str, str], str] = field(default_factory=dict)
    waiting: dict[tuple[str, str, str], Waiting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: a customs partner's authority, and its environment; both come from the credential."""

    environment: str
    authority: str

    @classmethod
    def of(cls, partner: Partner) -> "Reporter":
        """Return what a customs partner may speak for."""
        return cls(partner.environment, partner.authority)


def place_of(report: Report) -> str:
    """Return what a report names: the case id, else the item identifier in upper case without blanks."""
    return report.case_id or report.declaration.item.identifier.upper().replace(" ", "")


async def concerned(store: Store, reporter: Reporter, reports: Sequence[Report]) -> set[str]:
    """Return the ids of the declarations that reports may be about."""
    reports = [report for report in reports if not nul_at(report)]
    cases = sorted({report.case_id for report in reports if report.case_id})
    items = sorted({place_of(report) for report in reports if not report.case_id})
    found = []
    if items:
        found += await store.read("router.find_declarations_of_items", items, reporter.environment)
    if cases:
        found += await store.read("router.find_declarations_of_cases", cases, reporter.environment)
    return {row[0] for row in found}


async def recall(store: Store, reporter: Reporter, reports: Sequence[Report], known: Known) -> None:
    """Read what is known of the decisions that reports name or revoke."""
    reports = [report for report in reports if not nul_at(report)]
    ids = {report.decision.id for report in reports} | {report.decision.revokes for report in reports}
    wanted = sorted(ids - {""})
    who = (reporter.environment, reporter.authority)
    for decision_id, case in await store.read("router.find_decisions", wanted, *who):
        known.cases[(*who, decision_id)] = case
    for row in await store.read("router.find_reports", wanted, *who):
        known.waiting[(*who, row[2])] = Waiting(*row)


class Reports:
    """Takes reports into the book of one step."""

    def __init__(self, answers: Answers, known: Known) -> None:
        self._answers = answers
        self._known = known
        self._by_case: dict[str, tuple[DeclarationRow, CaseRow]] = {}
        self._by_item: defaultdict[str, list[tuple[DeclarationRow, CaseRow]]] = defaultdict(list)
        for declaration in answers.book.declarations.values():
            for case in declaration.cases.values():
                self._by_case[case.id] = (declaration, case)
                self._by_item[declaration.identifier].append((declaration, case))
            for version in declaration.versions.values():
                for one in version.made() if version.decisions else ():
                    known.cases[declaration.environment, one.case.authority, one.id] = one.case.id

    def take(self, reporter: Reporter, report: Report) -> ReportResult:
        """Append a reported decision, or say why not; a decision known before changes nothing."""
        if place := nul_at(report):
            return self._refused(reporter, report, [nul_in(place)])
        given = report.authority or reporter.authority
        if given != reporter.authority:
            return self._refused(reporter, report, [fault("AUTHORITY_NOT_YOURS", authority=given)])
        if missing := _missing(report):
            return self._refused(reporter, report, missing)
        decision_id = report.decision.id
        name = (reporter.environment, reporter.authority, decision_id)
        if name in self._known.cases:
            return ReportResult(decision_id=decision_id, outcome="REPEATED")
        found = self._find(reporter, report)
        if isinstance(found, Fault):
            return self._refused(reporter, report, [found])
        if len(found) != 1:
            return self._wait(reporter, report, len(found))
        ((declaration, case),) = found
        if wrong := self._wrong(reporter, report.decision, declaration, case):
            return self._refused(reporter, report, [wrong])
        self._append(report, declaration, case)
        self._known.cases[name] = case.id
        self._drop(name)
        return ReportResult(decision_id=decision_id, outcome="APPENDED")

    def join(self, waiting: Iterable[Waiting]) -> None:
        """Take reports that waited, now that what they name may have come; those still waiting keep their time."""
        for row in waiting:
            name = (row.environment, row.authority, row.decision_id)
            self._known.waiting.setdefault(name, row)
            result = self.take(Reporter(row.environment, row.authority), row.report)
            if result.outcome in ("REFUSED", "REPEATED"):
                self._drop(name)

    def expire(self, rows: Iterable[Waiting]) -> None:
        """Give up reports whose item did not come in time."""
        for row in rows:
            name = (row.environment, row.authority, row.decision_id)
            self._known.waiting[name] = row
            self._refused(Reporter(row.environment, row.authority), row.report, [fault("REPORT_EXPIRED")])
            self._drop(name)

    def _find(self, reporter: Reporter, report: Report) -> list[tuple[DeclarationRow, CaseRow]] | Fault:
        """Find the cases that a report may be about."""
        if report.case_id:
            found = self._by_case.get(report.case_id)
            if found is None:
                return []
            _, case = found
            if (case.environment, case.authority) != (reporter.environment, reporter.authority):
                return fault("CASE_NOT_YOURS")
            return [found]
        return [
            (declaration, case)
            for declaration, case in self._by_item[place_of(report)]
            if (case.environment, case.authority) == (reporter.environment, reporter.authority)
            and _same_item(report, declaration)
            and _same_axis(report.decision, case)
        ]

    def _wrong(
        self, reporter: Reporter, decision: Decision, declaration: DeclarationRow, case: CaseRow
    ) -> Fault | None:
        if not fits(decision.code, case.procedure):
            code = DecisionCode.Name(decision.code).removeprefix("DECISION_CODE_")
            return fault("CODE_OF_OTHER_AXIS", address="decision.code", decision=code)
        judged = decision.judged_version or case.version
        if not 1 <= judged <= declaration.version or judged not in declaration.versions:
            return fault(
                "VERSION_UNKNOWN", address="decision.judged_version", version=judged, newest=declaration.version
            )
        revoked = self._known.cases.get((reporter.environment, reporter.authority, decision.revokes))
        if decision.revokes and revoked != case.id:
            return fault("REVOKES_UNKNOWN", address="decision.revokes")
        after = move_case(case.state, EVENT_OF_STAGE[decision.stage])
        return after if isinstance(after, Fault) else None

    def _append(self, report: Report, declaration: DeclarationRow, case: CaseRow) -> None:
        decision = Decision()
        decision.CopyFrom(report.decision)
        judged = declaration.versions[decision.judged_version or case.version]
        if judged.version != case.version and case.state.value in ("PARKED", "PENDING", "OVERDUE"):
            # It judged an older version: that is appended and passed on, and the newest one still waits.
            self._answers.pass_on(declaration, case, decision, judged.declaration(), "interactive", quote=False)
            return
        self._answers.decide(declaration, case, decision, judged.declaration(), "interactive", quote=False)

    def _wait(self, reporter: Reporter, report: Report, count: int) -> ReportResult:
        name = (reporter.environment, reporter.authority, report.decision.id)
        state = AMBIGUOUS if count else WAITING
        faults = [fault("AMBIGUOUS_ITEM", count=count)] if count else []
        result = ReportResult(decision_id=report.decision.id, outcome="WAITING", faults=faults)
        before = self._known.waiting.get(name)
        if before is not None and (before.state, before.place) == (state, place_of(report)):
            return result
        received = before.received_at if before else self._answers.now
        row = Waiting(*name, place_of(report), state, received, report.SerializeToString())
        self._known.waiting[name] = row
        self._answers.book.append("router.add_reports", *_columns(row))
        self._tell("report.waiting", reporter, report, faults)
        return result

    def _drop(self, name: tuple[str, str, str]) -> None:
        if self._known.waiting.pop(name, None) is not None:
            self._answers.book.drop_report(name)

    def _refused(self, reporter: Reporter, report: Report, faults: Sequence[Fault]) -> ReportResult:
        self._tell("report.refused", reporter, report, faults)
        return ReportResult(decision_id=report.decision.id, outcome="REFUSED", faults=faults)

    def _tell(self, kind: str, reporter: Reporter, report: Report, faults: Sequence[Fault]) -> None:
        known = self._by_case.get(report.case_id)
        # Of an item that we know it is told what we know; a report could name anybody.
        about = Declaration(id=known[0].id, key=known[0].key) if known else Declaration()
        if not known and len(named := report.declaration.item.identifier) <= _LONGEST and named.isalnum():
            about.key.item.identifier = named
        about.key.environment = environment_value(reporter.environment)
        self._answers.facts.append(
            fact(
                kind,
                self._answers.now,
                declaration=about,
                case_id=report.case_id if _is_id(report.case_id) else "",
                authority=reporter.authority,
                code=faults[0].code if faults else WAITING,
                sentence=faults[0].sentence if faults else "",
                faults=faults,
                distinct=f"{reporter.authority}/{report.decision.id}",
            )
        )


def _missing(report: Report) -> list[Fault]:
    """Return a fault for each thing that every report must say."""
    decision = report.decision
    said = {
        "decision.id": decision.id,
        "decision.stage": decision.stage in EVENT_OF_STAGE,
        "decision.code": decision.code in DecisionCode.values() and decision.code,
        "case_id": place_of(report) and (not report.case_id or _is_id(report.case_id)),
    }
    return [fault("REPORT_INCOMPLETE", address=name, field=name) for name, value in said.items() if not value]


def _is_id(text: str) -> bool:
    """Tell whether it may be an id; anything else may hold what must not be shown."""
    return _ID.fullmatch(text) is not None


def _same_item(report: Report, declaration: DeclarationRow) -> bool:
    """Compare what the report says of the item beside its identifier; what it leaves out fits."""
    said = report.declaration
    known = declaration.key
    pairs: Iterator[tuple[Any, Any]] = iter(
        (
            (said.item.scheme, known.item.scheme),
            (said.item.issuer, known.item.issuer),
            (said.item.posting_date, known.item.posting_date),
            (said.flow, known.flow),
            (said.partner, known.partner),
        )
    )
    return all(not given or given == have for given, have in pairs)


def _same_axis(decision: Decision, case: CaseRow) -> bool:
    """Choose among the cases of one authority by the procedure that the report names, else by its code."""
    named = decision.case.procedure
    if named != PROCEDURE_UNSPECIFIED:
        return named == case.procedure
    if 20 <= decision.code < 80:
        return (decision.code < 40) == (case.procedure == PROCEDURE_PRE_LOADING)
    return True


def _columns(row: Waiting) -> tuple[Any, ...]:
    return row.environment, row.authority, row.decision_id, row.place, row.state, row.received_at, row.body
