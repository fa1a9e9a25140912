"""The desk: each thing the router does is one step here, from reading the book to one outcome."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError

from parcelgate.api.intake.v1.intake_pb2 import ReportResult
from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_DECLARATIONS, CHUNK_KIND_REPORTS, Chunk
from parcelgate.api.record.v1.decision_pb2 import STAGE_ADVANCE, Decision, Report
from parcelgate.core import chunk as chunks
from parcelgate.core.fault import fault
from parcelgate.core.partner import Partners
from parcelgate.core.port import ConflictError, Message, Outcome, RejectError
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault
from parcelgate.router.agreement import Agreements
from parcelgate.router.answer import Answers
from parcelgate.router.book import Book, CaseRow, DeclarationRow
from parcelgate.router.judge import Judge
from parcelgate.router.lifecycle import CaseEvent, CaseState, DeclarationState
from parcelgate.router.report import Known, Reporter, Reports, Waiting, concerned, recall
from parcelgate.router.round import Turn, day_of_acceptance, play
from parcelgate.router.routing import Arrival, Routing, arrivals, open_item

T = TypeVar("T")
_CONFLICTS = 20


class Desk:
    """Everything that changes what the router keeps."""

    def __init__(self, runner: Runner, vault: Vault, partners: Partners, agreements: Agreements, judge: Judge) -> None:
        self.runner = runner
        self._vault = vault
        self._partners = partners
        self._judge = judge
        self._routing = Routing(vault, partners, agreements, judge)

    async def handle(self, messages: Sequence[Message]) -> Outcome:
        """Take chunks of declarations and reports; raises RejectError for one that cannot be read."""
        coming: list[Arrival] = []
        reports: dict[Reporter, list[Report]] = {}
        for message in messages:
            chunk = _read_chunk(message)
            if chunk.head.kind == CHUNK_KIND_DECLARATIONS:
                coming += arrivals(chunk)
            else:
                reports.setdefault(self._reporter(chunk), []).extend(map(_read_report, chunk.items))
        store = self.runner.store
        ids = {arrival.declaration.id for arrival in coming}
        for reporter, given in reports.items():
            ids |= await concerned(store, reporter, given)
        # What has to be read is read at the same time: a single item waits for every question one after the other.
        keys = {arrival.version.data_key for arrival in coming}
        answers, _ = await asyncio.gather(self._open_book(ids), self._vault.fetch(keys))
        await self._routing.route(coming, answers)
        waiting = await self._waiting(answers.book, {arrival.declaration.id for arrival in coming})
        if waiting or reports:
            known = Known()
            await self._recall(waiting, known)
            for reporter, given in reports.items():
                await recall(store, reporter, given, known)
            taken = Reports(answers, known)
            taken.join(waiting)
            for reporter, given in reports.items():
                for report in given:
                    taken.take(reporter, report)
        return answers.outcome()

    async def report(self, reporter: Reporter, given: Sequence[Report]) -> list[ReportResult]:
        """Take reports at a door: commit what they change and say what became of each, in their order.

        Raises BusyError or StoreUnavailableError if nothing can be kept now; the caller then reports again.
        """
        self.runner.pressure.check()

        async def step() -> tuple[Outcome, list[ReportResult]]:
            store, known = self.runner.store, Known()
            answers = await self._open_book(await concerned(store, reporter, given))
            await recall(store, reporter, given, known)
            taken = Reports(answers, known)
            results = [taken.take(reporter, report) for report in given]
            return answers.outcome(), results

        return await self._transact(step)

    async def join(self, rows: Sequence[Waiting]) -> None:
        """Take reports whose item came while they were being stored."""

        async def step() -> tuple[Outcome, None]:
            store, known, ids = self.runner.store, Known(), set[str]()
            for reporter, given in _by_reporter(rows).items():
                ids |= await concerned(store, reporter, given)
            await self._recall(rows, known)
            answers = await self._open_book(ids)
            Reports(answers, known).join(rows)
            return answers.outcome(), None

        await self._transact(step)

    async def expire(self, rows: Sequence[Waiting]) -> None:
        """Give up reports that have waited too long."""
        answers = await self._open_book(())
        Reports(answers, Known()).expire(rows)
        await self.runner.transact(answers.outcome())

    async def ask_again(self, service: str, ids: Sequence[str], *, halve: bool) -> bool:
        """Ask about parked cases of declarations that wait for a service; tells whether it answered at all.

        Raises ConflictError if something else happened to them meanwhile.
        """
        answers = await self._open_book(ids, "router.find_sealed")
        turns: list[Turn] = []
        await self._vault.fetch(
            row.data_key for one in answers.book.declarations.values() for row in one.versions.values() if row.sealed
        )
        for declaration in answers.book.declarations.values():
            parked = [
                case
                for case in declaration.cases.values()
                if case.state is CaseState.PARKED and case.waits_for == service
            ]
            # A newer version may have been refused since: the case waits on the one before.
            for version in sorted({case.version for case in parked}):
                turns += self._turn(declaration, version, [case for case in parked if case.version == version], answers)
        settled = await self._settled(turns)
        for turn in turns:
            turn.settled = settled
        answered = await play(turns, answers, self._judge, self._vault, halve=halve)
        await self.runner.transact(answers.outcome())
        return answered

    async def tell_overdue(self, rows: Sequence[tuple[str, str]]) -> None:
        """Tell that the deadlines of cases have passed; nothing is decided because of it."""

        async def step() -> tuple[Outcome, None]:
            late = {row[0] for row in rows}
            answers = await self._open_book({row[1] for row in rows})
            for declaration in answers.book.declarations.values():
                for case in declaration.cases.values():
                    passed = case.state is CaseState.PENDING and case.deadline_at <= answers.now
                    if case.id in late and passed:
                        case.move(CaseEvent.EXPIRE)
                        head = declaration.versions[case.version].declaration()
                        answers.tell("case.overdue", declaration, head, case)
            return answers.outcome(), None

        await self._transact(step)

    async def reprocess(self, declaration_id: str) -> int:
        """Judge the version in force anew, in a new round; returns how many decisions changed and were sent.

        Cases with a final decision and mailbox cases stay as they are. Raises RejectError if there is no such
        declaration in force, or its data was erased.
        """

        async def step() -> tuple[Outcome, int]:
            answers = await self._open_book([declaration_id], "router.find_sealed")
            declaration = answers.book.declarations.get(declaration_id)
            if declaration is None or declaration.state is not DeclarationState.IN_FORCE:
                raise RejectError(fault("DECLARATION_UNKNOWN"))
            await self._vault.fetch([declaration.versions[declaration.version].data_key])
            turn = self._routing.anew(declaration, answers)
            turn.settled = await self._settled([turn])
            await play([turn], answers, self._judge, self._vault)
            outcome = answers.outcome()
            sent = sum(len(write.rows) for write in outcome.writes if write.statement == "router.add_decisions")
            return outcome, sent

        return await self._transact(step)

    async def _settled(self, turns: Sequence[Turn]) -> dict[str, Decision]:
        """Return the newest decision on advance data of each case, as far as it judged the version that the case has."""
        versions = {case.id: turn.version.version for turn in turns for case in turn.cases}
        later = await self.runner.store.read("router.find_decisions_of_cases", sorted(versions))
        made = [one for turn in turns for one in turn.version.made()]
        return {
            one.case.id: one
            for one in (*made, *(Decision.FromString(body) for (body,) in later))
            if one.judged_version == versions.get(one.case.id) and one.stage == STAGE_ADVANCE
        }

    def _turn(self, declaration: DeclarationRow, version: int, cases: list[CaseRow], answers: Answers) -> list[Turn]:
        row = declaration.versions[version]
        head = row.declaration()
        try:
            _, plain = open_item(row, self._vault)
        except RejectError as error:
            # Erased while it waited: there is nothing left to ask about.
            for case in cases:
                answers.close(declaration, case, head, error.faults[0].code)
            return []
        return [Turn(declaration, row, head, plain, day_of_acceptance(head, answers.now), cases)]

    async def _open_book(self, ids: "set[str] | Sequence[str]", sealed: str = "router.find_held") -> Answers:
        book = await Book.load(self.runner.store, ids, sealed)
        return Answers(book, self._partners, self.runner.clock.micros())

    async def _waiting(self, book: Book, ids: set[str]) -> list[Waiting]:
        """Return the reports that wait for these declarations' items or cases."""
        places = set()
        for declaration_id in ids:
            declaration = book.declarations[declaration_id]
            places |= {declaration.identifier, *declaration.cases}
        # Mostly none waits at all, which is asked sooner than for a thousand places.
        if not places or not await self.runner.store.read("router.find_any_report"):
            return []
        return [Waiting(*row) for row in await self.runner.store.read("router.find_waiting", sorted(places))]

    async def _recall(self, rows: Sequence[Waiting], known: Known) -> None:
        for reporter, given in _by_reporter(rows).items():
            await recall(self.runner.store, reporter, given, known)

    async def _transact(self, step: Callable[[], Awaitable[tuple[Outcome, T]]]) -> T:
        """Compute and commit; compute again if somebody else changed the same rows."""
        for _ in range(_CONFLICTS):
            outcome, result = await step()
            if not (outcome.writes or outcome.messages or outcome.facts):
                return result
            with contextlib.suppress(ConflictError):
                await self.runner.transact(outcome)
                return result
        raise ConflictError("somebody else kept changing the same rows")

    def _reporter(self, chunk: Chunk) -> Reporter:
        partner = self._partners.get(chunk.head.partner)
        environment = chunks.environment_word(chunk.head.environment)
        if partner is None or not partner.authority or partner.environment != environment:
            raise RejectError(fault("AUTHORITY_NOT_YOURS", authority=chunk.head.authority or "nobody"))
        return Reporter.of(partner)


def split(message: Message) -> list[Message]:
    """Split a chunk into its entries; one that cannot be read stays whole."""
    try:
        return chunks.split(message)
    except (DecodeError, ValueError):
        return [message]


def _by_reporter(rows: Sequence[Waiting]) -> dict[Reporter, list[Report]]:
    found: dict[Reporter, list[Report]] = {}
    for row in rows:
        found.setdefault(Reporter(row.environment, row.authority), []).append(row.report)
    return found


def _read_chunk(message: Message) -> Chunk:
    try:
        chunk = Chunk.FromString(message.body)
    except DecodeError:
        raise RejectError(fault("CHUNK_UNREADABLE")) from None
    head = chunk.head
    complete = head.kind == CHUNK_KIND_REPORTS or len(head.entries) == len(chunk.items)
    if head.kind not in (CHUNK_KIND_DECLARATIONS, CHUNK_KIND_REPORTS) or not head.environment or not complete:
        raise RejectError(fault("CHUNK_UNREADABLE"))
    return chunk


def _read_report(body: bytes) -> Report:
    try:
        return Report.FromString(body)
    except DecodeError:
        raise RejectError(fault("REPORT_UNREADABLE", reason="it is not a Report")) from None
