"""Asks authorities: risk once a version, then clearance with what risk found. Every case gets its own answer.

A call that fails or takes too long is an answer too: the case is to be asked again, and its neighbours go on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from functools import cached_property
from typing import Literal, Protocol, TypeVar

import grpc

from parcelgate.api.clearance.v1.clearance_pb2 import DecideCall, DecideRequest, DecideResponse, DecideResult
from parcelgate.api.record.v1.assessment_pb2 import Assessment
from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_UNSPECIFIED,
    STAGE_ADVANCE,
    STAGE_ARRIVAL,
    STAGE_FINAL,
    STAGE_RECEIPT,
    STAGE_UNSPECIFIED,
    Decision,
    DecisionCode,
)
from parcelgate.api.record.v1.declaration_pb2 import PROCEDURE_PRE_LOADING, Case, Declaration, Environment, Procedure
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.risk.v1.risk_pb2 import AssessCall, AssessRequest, AssessResponse, AssessResult
from parcelgate.core.fault import fault
from parcelgate.core.field import field
from parcelgate.core.naming import call_id
from parcelgate.core.port import TryAgainError
from parcelgate.core.text import nul_at, nul_in

# Requests travel as bytes (AssessRequest, DecideRequest): heads and items are bytes here, and are passed on untouched.
Assess = Callable[[bytes], Awaitable[AssessResponse]]
Decide = Callable[[bytes], Awaitable[DecideResponse]]

MOST_CALLS = 250
# Far below the 8 MiB that a gRPC message may have, findings and the second copy of the item included.
MOST_BYTES = 2 * 1024 * 1024
_AT_ONCE = 4
# A chunk of 250 is cut 8 times to find one item; more failures in a row mean that nobody is there.
_FAILURES_IN_A_ROW = 10
# Fields of the requests and of their calls.
_CALLS = AssessRequest.CALLS_FIELD_NUMBER
_CALL_ID, _CASE, _DECLARATION = (
    AssessCall.CALL_ID_FIELD_NUMBER,
    AssessCall.CASE_FIELD_NUMBER,
    AssessCall.DECLARATION_FIELD_NUMBER,
)
_ASSESSMENT, _ACCEPTANCE = DecideCall.ASSESSMENT_FIELD_NUMBER, DecideCall.ACCEPTANCE_DATE_FIELD_NUMBER
_ITEM = Declaration.ITEM_FIELD_NUMBER
_CODES = frozenset(DecisionCode.values()) - {DECISION_CODE_UNSPECIFIED}
# An answer may leave its stage out; a correction is only ever reported.
_STAGES = frozenset([STAGE_UNSPECIFIED, STAGE_RECEIPT, STAGE_ADVANCE, STAGE_ARRIVAL, STAGE_FINAL])


@dataclass
class Question:
    """What is to be asked about one version; assessment is given where risk answered before."""

    head: bytes
    item: bytes
    environment: Environment.ValueType
    accepted: str
    risk: Case | None = None
    clearance: list[Case] = attribute(default_factory=list)
    assessment: Assessment | None = None

    @cached_property
    def call_id(self) -> str:
        """The id of the call to risk: of the case it decides, else of the one that wants its opinion."""
        return self.call_ids[0] if self.risk is None else call_id(self.risk)

    @cached_property
    def call_ids(self) -> list[str]:
        """The ids of the calls to clearance, one for each of its cases."""
        return [call_id(case) for case in self.clearance]

    @cached_property
    def declaration(self) -> bytes:
        """The version with its item, as the field of a call that both requests have alike."""
        return field(_DECLARATION, self.head + field(_ITEM, self.item))


@dataclass(slots=True)
class Answer:
    """What came of asking about one case: a decision, a later answer (pending), or a failure.

    Waits_for is the service that failed, away tells that it did not answer at all.
    """

    decision: Decision | None = None
    pending: bool = False
    failure: Fault | None = None
    waits_for: str = ""
    away: bool = False
    assessment: Assessment | None = None


@dataclass(slots=True)
class _Wanted:
    """A decision that clearance is asked for, with what risk found."""

    question: Question
    case: Case
    call_id: str
    assessment: Assessment


class _Patience:
    """How many more calls may fail in a row before nothing is asked in halves any more."""

    def __init__(self, most: int) -> None:
        self.most = self.left = most


class _Result(Protocol):
    """What the results of both services have in common."""

    @property
    def call_id(self) -> str: ...
    @property
    def pending(self) -> bool: ...
    @property
    def fault(self) -> Fault: ...
    @property
    def decision(self) -> Decision: ...
    def HasField(self, field_name: Literal["fault"]) -> bool: ...  # noqa: N802 - the name protobuf gives it


Result = TypeVar("Result", AssessResult, DecideResult)
Piece = TypeVar("Piece", Question, "_Wanted")
_NO_ASSESSMENT, _NO_DECISION = AssessResult(), DecideResult()


class Judge:
    """Asks both services, in chunks; seconds is how long each may take for a chunk."""

    def __init__(self, assess: Assess, decide: Decide, seconds: float) -> None:
        self._assess = assess
        self._decide = decide
        self._seconds = seconds

    async def ask(self, questions: Sequence[Question], *, halve: bool = False) -> dict[str, Answer]:
        """Ask about versions and return the answers by case id.

        With halve, a chunk that fails is asked in halves, so that one item that nobody can judge is found.
        """
        answers: dict[str, Answer] = {}
        patience = _Patience(_FAILURES_IN_A_ROW if halve else 0)
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(chunk: Sequence[Question]) -> None:
            async with limit:
                await self._ask_chunk(chunk, answers, patience)

        await asyncio.gather(*(one(chunk) for chunk in _chunks(questions)))
        return answers

    async def _ask_chunk(self, chunk: Sequence[Question], answers: dict[str, Answer], patience: "_Patience") -> None:
        to_risk = [question for question in chunk if question.assessment is None]
        assessed = await self._risk(to_risk, patience)
        to_clearance: list[_Wanted] = []
        for question in chunk:
            found = question.assessment
            if found is None:
                result = assessed.get(question.call_id, _NO_ASSESSMENT)
                has_opinion = result.HasField("assessment")
                answer = _answer(result, "risk", question.risk, opinion=has_opinion)
                if question.risk is not None:
                    answers[question.risk.id] = answer
                if answer.failure is not None and not has_opinion:
                    answers |= {case.id: answer for case in question.clearance}
                    continue
                found = result.assessment
            to_clearance += [
                _Wanted(question, case, name, found)
                for case, name in zip(question.clearance, question.call_ids, strict=True)
            ]
        decided = await self._clearance(to_clearance, patience)
        for wanted in to_clearance:
            answer = _answer(decided.get(wanted.call_id, _NO_DECISION), "clearance", wanted.case)
            answer.assessment = wanted.assessment
            answers[wanted.case.id] = answer

    async def _risk(self, questions: Sequence[Question], patience: "_Patience") -> Mapping[str, AssessResult]:
        async def call(part: Sequence[Question]) -> Sequence[AssessResult]:
            request = [AssessRequest(environment=part[0].environment).SerializeToString()]
            for question in part:
                case = b"" if question.risk is None else field(_CASE, question.risk.SerializeToString())
                request.append(field(_CALLS, field(_CALL_ID, question.call_id.encode()) + case + question.declaration))
            return (await self._assess(b"".join(request))).results

        return await self._call(call, questions, AssessResult, "risk", patience)

    async def _clearance(self, asked: Sequence["_Wanted"], patience: "_Patience") -> Mapping[str, DecideResult]:
        async def call(part: Sequence[_Wanted]) -> Sequence[DecideResult]:
            request = [DecideRequest(environment=part[0].question.environment).SerializeToString()]
            for one in part:
                about = (
                    field(_CALL_ID, one.call_id.encode()),
                    field(_CASE, one.case.SerializeToString()),
                    one.question.declaration,
                    field(_ASSESSMENT, one.assessment.SerializeToString()),
                    field(_ACCEPTANCE, one.question.accepted.encode()),
                )
                request.append(field(_CALLS, b"".join(about)))
            return (await self._decide(b"".join(request))).results

        return await self._call(call, asked, DecideResult, "clearance", patience)

    async def _call(
        self,
        call: Callable[[Sequence[Piece]], Awaitable[Sequence[Result]]],
        pieces: Sequence[Piece],
        result: type[Result],
        service: str,
        patience: "_Patience",
    ) -> dict[str, Result]:
        """Call once, and return results by call id; each piece of a call that failed has the fault AUTHORITY_AWAY."""
        if not pieces:
            return {}
        try:
            async with asyncio.timeout(self._seconds):
                found = {one.call_id: one for one in await call(pieces)}
        except (TimeoutError, grpc.RpcError, TryAgainError, OSError):
            patience.left -= 1
            if len(pieces) > 1 and patience.left > 0:
                middle = len(pieces) // 2
                first = await self._call(call, pieces[:middle], result, service, patience)
                return first | await self._call(call, pieces[middle:], result, service, patience)
            wrong = fault("AUTHORITY_AWAY", authority=service)
            return {piece.call_id: result(fault=wrong) for piece in pieces}
        patience.left = patience.most
        return found


def fits(code: DecisionCode.ValueType, procedure: Procedure.ValueType) -> bool:
    """Tell whether a code may be decided under a procedure: receipt codes always, security before loading only."""
    if 1 <= code < 20:
        return True
    return 20 <= code < 40 if procedure == PROCEDURE_PRE_LOADING else 40 <= code < 80


def _answer(result: _Result, service: str, wanted: Case | None, *, opinion: bool = False) -> Answer:
    """Read one result; an answer that may not be given counts as a failure of the service.

    Where no decision is wanted, an opinion is enough.
    """
    if result.HasField("fault"):
        away = result.fault.code == "AUTHORITY_AWAY"
        return Answer(failure=result.fault, waits_for=service, away=away)
    if result.pending or (wanted is None and opinion):
        return Answer(pending=True)
    decision = result.decision
    answered = decision.id and decision.code in _CODES and decision.stage in _STAGES
    if wanted is None or not answered:
        return Answer(failure=fault("ANSWER_MISSING", authority=service), waits_for=service)
    if not fits(decision.code, wanted.procedure):
        code = DecisionCode.Name(decision.code).removeprefix("DECISION_CODE_")
        return Answer(failure=fault("ANSWER_OF_OTHER_AXIS", authority=service, decision=code), waits_for=service)
    if place := nul_at(decision):
        return Answer(failure=nul_in(f"decision.{place}"), waits_for=service)
    decision.stage = decision.stage or STAGE_ADVANCE
    return Answer(decision=decision)


def _chunks(questions: Sequence[Question]) -> Iterator[list[Question]]:
    """Cut questions into chunks of one environment, 250 calls and 2 MiB."""
    chunk: list[Question] = []
    calls = size = 0
    for question in sorted(questions, key=lambda one: one.environment):
        more = max(1, len(question.clearance))
        fitting = calls + more <= MOST_CALLS and size + len(question.item) <= MOST_BYTES
        if chunk and not (fitting and question.environment == chunk[0].environment):
            yield chunk
            chunk, calls, size = [], 0, 0
        chunk.append(question)
        calls += more
        size += len(question.item) * more
    if chunk:
        yield chunk
