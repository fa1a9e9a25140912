"""Asks authorities: risk once a version, then clearance with what risk found. Every case gets its own answer.

A call that fails or takes too long is an answer too: the case is to be asked again, and its neighbours go on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Literal, Protocol, TypeVar

import grpc

from parcelgate.api.clearance.v1.clearance_pb2 import DecideCall, DecideResponse, DecideResult
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
from parcelgate.api.record.v1.declaration_pb2 import PROCEDURE_PRE_LOADING, Declaration, Environment, Procedure
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.risk.v1.risk_pb2 import AssessCall, AssessRequest, AssessResponse, AssessResult
from parcelgate.core.fault import fault
from parcelgate.core.field import field, whole
from parcelgate.core.naming import call_id
from parcelgate.core.pace import paced
from parcelgate.core.port import TryAgainError
from parcelgate.core.text import nul_at, nul_in
from parcelgate.router.book import CaseRow

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
_ENVIRONMENT, _CALLS = AssessRequest.ENVIRONMENT_FIELD_NUMBER, AssessRequest.CALLS_FIELD_NUMBER
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


@dataclass(slots=True)
class Question:
    """What is to be asked about one version; assessment (bytes) is given where risk answered before.

    Call_id is that of the call to risk: of the case it decides, else of the one that wants its opinion. Declaration is
    the version with its item, as the field of a call that both requests have alike.
    """

    head: bytes
    item: bytes
    environment: Environment.ValueType
    accepted: str
    risk: CaseRow | None
    clearance: Sequence[CaseRow]
    assessment: bytes | None = None
    call_id: str = attribute(init=False)
    declaration: bytes = attribute(init=False)

    def __post_init__(self) -> None:
        self.call_id = call_id(self.risk or self.clearance[0])
        self.declaration = field(_DECLARATION, self.head + field(_ITEM, self.item))


@dataclass(slots=True)
class Answer:
    """What came of asking about one case: a decision, a later answer (pending), or a failure.

    Waits_for is the service that failed, away tells that it did not answer at all.
    """

    decision: Decision | None = None
    body: bytes = b""
    pending: bool = False
    failure: Fault | None = None
    waits_for: str = ""
    away: bool = False
    assessment: bytes | None = None


Results_co = TypeVar("Results_co", covariant=True)


class _Patience:
    """How many more calls may fail in a row before nothing is asked in halves any more."""

    def __init__(self, most: int) -> None:
        self.most = self.left = most


class _Response(Protocol[Results_co]):
    """What the responses of both services have in common."""

    @property
    def results(self) -> Iterable[Results_co]: ...


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
# One call of a request: its id, and its other fields.
_Piece = tuple[str, bytes]
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
        environment = chunk[0].environment
        to_risk = [
            (one.call_id, (b"" if one.risk is None else _case(one.risk)) + one.declaration)
            for one in chunk
            if one.assessment is None
        ]
        assessed = await self._call(self._assess, environment, to_risk, AssessResult, "risk", patience)
        to_clearance: list[_Piece] = []
        wanted: list[tuple[str, CaseRow, bytes]] = []
        async for some in paced(chunk):
            for question in some:
                found = question.assessment
                if found is None:
                    result = assessed.get(question.call_id, _NO_ASSESSMENT)
                    found = _take_assessed(question, result, answers)
                    if found is None:
                        continue
                accepted = field(_ACCEPTANCE, question.accepted.encode())
                about = question.declaration + field(_ASSESSMENT, found) + accepted
                for case in question.clearance:
                    name = call_id(case)
                    to_clearance.append((name, _case(case) + about))
                    wanted.append((name, case, found))
        decided = await self._call(self._decide, environment, to_clearance, DecideResult, "clearance", patience)
        async for part in paced(wanted):
            for name, case, found in part:
                answers[case.id] = answer = _answer(decided.get(name, _NO_DECISION), "clearance", case)
                answer.assessment = found

    async def _call(
        self,
        ask: Callable[[bytes], Awaitable[_Response[Result]]],
        environment: Environment.ValueType,
        pieces: Sequence[_Piece],
        result: type[Result],
        service: str,
        patience: "_Patience",
    ) -> dict[str, Result]:
        """Call once, and return results by call id; each piece of a call that failed has the fault AUTHORITY_AWAY."""
        if not pieces:
            return {}
        request = [whole(_ENVIRONMENT, environment)]
        request += [field(_CALLS, field(_CALL_ID, name.encode()) + about) for name, about in pieces]
        try:
            async with asyncio.timeout(self._seconds):
                found = {one.call_id: one for one in (await ask(b"".join(request))).results}
        except (TimeoutError, grpc.RpcError, TryAgainError, OSError):
            patience.left -= 1
            if len(pieces) > 1 and patience.left > 0:
                middle = len(pieces) // 2
                first = await self._call(ask, environment, pieces[:middle], result, service, patience)
                return first | await self._call(ask, environment, pieces[middle:], result, service, patience)
            wrong = fault("AUTHORITY_AWAY", authority=service)
            return {name: result(fault=wrong) for name, _ in pieces}
        patience.left = patience.most
        return found


def _take_assessed(question: Question, result: AssessResult, answers: dict[str, Answer]) -> bytes | None:
    """Take what risk said of a version; returns its assessment, or None if clearance cannot be asked without it."""
    has_opinion = result.HasField("assessment")
    answer = _answer(result, "risk", question.risk, opinion=has_opinion)
    if question.risk is not None:
        answers[question.risk.id] = answer
    if answer.failure is not None and not has_opinion:
        answers |= {case.id: answer for case in question.clearance}
        return None
    return result.assessment.SerializeToString()


def _case(case: CaseRow) -> bytes:
    """Return a case as the field of a call that both requests have alike."""
    return field(_CASE, case.body(case.version))


def fits(code: DecisionCode.ValueType, procedure: Procedure.ValueType) -> bool:
    """Tell whether a code may be decided under a procedure: receipt codes always, security before loading only."""
    if 1 <= code < 20:
        return True
    return 20 <= code < 40 if procedure == PROCEDURE_PRE_LOADING else 40 <= code < 80


def _answer(result: _Result, service: str, wanted: CaseRow | None, *, opinion: bool = False) -> Answer:
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
    decision.stage = decision.stage or STAGE_ADVANCE
    body = decision.SerializeToString()
    # Hardly any message has even a byte of it.
    if b"\0" in body and (place := nul_at(decision)):
        return Answer(failure=nul_in(f"decision.{place}"), waits_for=service)
    return Answer(decision, body)


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
