"""A round: every case of a version that is to be judged is asked about or filed, and takes what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_HOLD_INFORMATION,
    STAGE_ADVANCE,
    Decision,
)
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.core.chunk import environment_value
from parcelgate.core.clock import day
from parcelgate.core.fault import fault
from parcelgate.core.naming import derived_id
from parcelgate.core.pace import paced
from parcelgate.core.seal import Vault
from parcelgate.router.answer import Answers, reason_of
from parcelgate.router.book import CaseRow, DeclarationRow, VersionRow
from parcelgate.router.judge import Answer, Judge, Question
from parcelgate.router.lifecycle import CaseEvent

NO_AUTHORITY = "none"
# Seconds until a case is asked about again, by number of tries so far; the last one is kept for good.
LADDER = (1, 5, 30, 120, 600)
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR


@dataclass(slots=True)
class Turn:
    """The cases of one version that are to be judged now; item is its opened bytes, accepted its day of acceptance.

    Settled holds earlier decisions by case: one that says the same again is not appended.
    """

    declaration: DeclarationRow
    version: VersionRow
    head: Declaration
    item: bytes
    accepted: str
    cases: list[CaseRow]
    settled: Mapping[str, Decision] = field(default_factory=dict)


async def play(turns: Sequence[Turn], answers: Answers, judge: Judge, vault: Vault, *, halve: bool = False) -> bool:
    """Ask about all cases and let them take the answers; tells whether any service answered at all."""
    questions = [question for turn in turns if (question := _question(turn, vault)) is not None]
    came = await judge.ask(questions, halve=halve) if questions else {}
    answered = not came or any(not answer.away for answer in came.values())
    if halve and answered:
        # The service is there: what it cannot answer alone waits for its own time.
        for answer in came.values():
            answer.away = False
    async for some in paced(turns):
        for turn in some:
            for case in turn.cases:
                _settle(turn, case, _answer(turn, case, came, answers), answers, vault)
    return answered


def _answer(turn: Turn, case: CaseRow, came: Mapping[str, Answer], answers: Answers) -> Answer:
    if case.way == NO_AUTHORITY:
        return Answer(decision=_no_agreement(turn, case))
    return _filed(turn, case, answers) if case.way == "mailbox" else came[case.id]


def _question(turn: Turn, vault: Vault) -> Question | None:
    risk, clearance, kept = None, [], None
    for case in turn.cases:
        if case.way == "risk":
            risk = case
        elif case.way == "clearance":
            clearance.append(case)
            if case.assessment is not None:
                kept = vault.open(turn.version.data_key, case.assessment)
    if risk is None and not clearance:
        return None
    # Where risk is asked for its decision, its opinion comes anew with it.
    opinion = kept if risk is None else None
    environment = environment_value(turn.declaration.environment)
    return Question(turn.version.head, turn.item, environment, turn.accepted, risk, clearance, opinion)


def _settle(turn: Turn, case: CaseRow, answer: Answer, answers: Answers, vault: Vault) -> None:
    if answer.decision is not None:
        before = turn.settled.get(case.id)
        if before is not None and says_the_same(before, answer.decision):
            # Judged anew with the same result: the decision that stands is enough.
            case.move(CaseEvent.DECIDE)
            if case.attempts:
                # It was told that the case waits.
                answers.tell("case.settled", turn.declaration, turn.head, case)
            return
        answers.decide(turn.declaration, case, answer.decision, turn.head, turn.version.lane, body=answer.body)
    elif answer.pending:
        case.move(CaseEvent.PEND)
        case.deadline_at = answers.now + case.deadline_hours * _HOUR
        answers.tell("case.pending", turn.declaration, turn.head, case)
    else:
        _park(turn, case, answer, answers, vault)


def _park(turn: Turn, case: CaseRow, answer: Answer, answers: Answers, vault: Vault) -> None:
    if case.attempts == 0:
        code = answer.failure.code if answer.failure else ""
        what = "does not answer now" if answer.away else "could not judge this item"
        sentence = f"{answer.waits_for} {what}; the case waits, and is asked about again by itself."
        waits = (("waits_for", answer.waits_for),)
        answers.tell("case.parked", turn.declaration, turn.head, case, code, sentence=sentence, details=waits)
    case.move(CaseEvent.PARK)
    case.waits_for, case.away = answer.waits_for, answer.away
    case.next_at = answers.now + LADDER[min(case.attempts, len(LADDER) - 1)] * 1_000_000
    case.attempts += 1
    if answer.assessment is not None:
        case.assessment = vault.seal(turn.version.data_key, answer.assessment)


def _filed(turn: Turn, case: CaseRow, answers: Answers) -> Answer:
    if answers.file(case, turn.version, turn.head):
        return Answer(pending=True)
    return Answer(failure=fault("MAILBOX_MISSING", authority=case.authority), waits_for="mailbox")


def _no_agreement(turn: Turn, case: CaseRow) -> Decision:
    return Decision(
        id=derived_id("no-agreement", case.id, turn.version.version, case.round),
        stage=STAGE_ADVANCE,
        code=DECISION_CODE_HOLD_INFORMATION,
        reasons=[reason_of("NO_AGREEMENT")],
    )


def day_of_acceptance(head: Declaration, now: int) -> str:
    """Return the day on which a version was received, YYYY-MM-DD in UTC: the same however often it is judged."""
    return _day((head.provenance.received.utc_micros or now) // _DAY)


@lru_cache(1000)
def _day(number: int) -> str:
    return day(number * _DAY)


def says_the_same(one: Decision, other: Decision) -> bool:
    """Tell whether two decisions mean the same for the declarant: ids, rounds and times aside."""
    return _meaning(one) == _meaning(other)


def _meaning(decision: Decision) -> bytes:
    bare = Decision()
    bare.CopyFrom(decision)
    for name in ("id", "case", "judged_version", "decided", "authority_reference"):
        bare.ClearField(name)
    return bare.SerializeToString(deterministic=True)
