"""Authorities are asked in chunks; what fails is found and stops nobody else."""

import asyncio

from parcelgate.api.clearance.v1.clearance_pb2 import DecideRequest, DecideResponse
from parcelgate.api.record.v1.assessment_pb2 import Assessment
from parcelgate.api.record.v1.decision_pb2 import DECISION_CODE_ASSESSMENT_COMPLETE, DECISION_CODE_RELEASED, Decision
from parcelgate.api.record.v1.declaration_pb2 import (
    ENVIRONMENT_LIVE,
    ENVIRONMENT_TEST,
    PROCEDURE_IMPORT,
    PROCEDURE_PRE_LOADING,
    Case,
    Declaration,
)
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.api.risk.v1.risk_pb2 import AssessRequest, AssessResponse
from parcelgate.core.naming import call_id
from parcelgate.core.port import TryAgainError
from parcelgate.router.book import CaseRow
from parcelgate.router.judge import Judge, Question, fits


def case(name, procedure, way):
    return CaseRow(name, "d", "test", "somebody", procedure, way, 24, version=1, round=1)


def question(number, *, environment=ENVIRONMENT_TEST, risk=True, size=10, assessment=None):
    clearance = case(f"c{number}", PROCEDURE_IMPORT, "clearance")
    security = case(f"r{number}", PROCEDURE_PRE_LOADING, "risk") if risk else None
    head = Declaration(id=f"d{number}").SerializeToString()
    item = Item(nature_text="x" * size).SerializeToString()
    return Question(head, item, environment, "2026-11-24", security, [clearance], assessment)


class Services:
    def __init__(self, bad=(), answer=None):
        self.bad, self.asked, self.decided = set(bad), [], []
        self.answer = answer or (lambda call: Decision(id="x" + call.call_id, code=DECISION_CODE_RELEASED))

    async def assess(self, body):
        request = AssessRequest.FromString(body)
        self.asked.append(request)
        if self.bad & {call.declaration.id for call in request.calls}:
            raise TryAgainError
        response = AssessResponse()
        for call in reversed(request.calls):
            result = response.results.add(call_id=call.call_id, assessment=Assessment(id="a" + call.declaration.id))
            if call.HasField("case"):
                result.decision.CopyFrom(Decision(id=call.call_id, code=DECISION_CODE_ASSESSMENT_COMPLETE))
        return response

    async def decide(self, body):
        request = DecideRequest.FromString(body)
        self.decided.append(request)
        response = DecideResponse()
        for call in request.calls:
            response.results.add(call_id=call.call_id, decision=self.answer(call))
        return response

    def judge(self):
        return Judge(self.assess, self.decide, 1.0)


async def test_risk_is_asked_once_and_clearance_gets_its_assessment():
    services = Services()
    answers = await services.judge().ask([question(1), question(2)])
    assert {name: answer.decision.code for name, answer in answers.items()} == {"r1": 20, "r2": 20, "c1": 41, "c2": 41}
    assert [call.assessment.id for call in services.decided[0].calls] == ["ad1", "ad2"]
    assert services.asked[0].calls[0].call_id == call_id(Case(id="r1", version=1, round=1))
    assert services.decided[0].calls[0].acceptance_date == "2026-11-24"


async def test_without_a_case_of_its_own_risk_is_asked_for_an_opinion():
    services = Services()
    answers = await services.judge().ask([question(1, risk=False)])
    assert list(answers) == ["c1"]
    assert not services.asked[0].calls[0].HasField("case")


async def test_an_assessment_known_from_before_is_used_again():
    services = Services()
    await services.judge().ask([question(1, risk=False, assessment=Assessment(id="kept").SerializeToString())])
    assert services.asked == []
    assert services.decided[0].calls[0].assessment.id == "kept"


async def test_chunks_hold_at_most_250_calls_2_mebibytes_and_one_environment():
    services = Services()
    live = [question(f"l{number}", environment=ENVIRONMENT_LIVE) for number in range(3)]
    large = [question(f"b{number}", size=1_000_000) for number in range(3)]
    await services.judge().ask([*live, *(question(number) for number in range(600)), *large])
    assert sum(len(request.calls) for request in services.asked) == 606
    assert all(len(request.calls) <= 250 and request.ByteSize() < 3 * 1024 * 1024 for request in services.asked)
    assert sorted(request.environment for request in services.asked)[-1:] == [ENVIRONMENT_LIVE]


async def test_a_chunk_that_fails_is_answered_at_once_for_all_of_it():
    services = Services(bad={"d3"})
    answers = await services.judge().ask([question(number) for number in range(10)])
    assert len(services.asked) == 1
    assert all(answer.away and answer.waits_for == "risk" for answer in answers.values())
    assert len(answers) == 20


async def test_in_halves_the_one_that_nobody_can_judge_is_found():
    services = Services(bad={"d3"})
    answers = await services.judge().ask([question(number) for number in range(250)], halve=True)
    assert {name for name, answer in answers.items() if answer.decision is None} == {"r3", "c3"}


async def test_halving_ends_soon_when_nobody_is_there():
    services = Services(bad={f"d{number}" for number in range(250)})
    await services.judge().ask([question(number) for number in range(250)], halve=True)
    assert len(services.asked) <= 30


async def test_a_call_that_takes_too_long_is_given_up():
    async def hang(_request):
        await asyncio.sleep(60)

    answers = await Judge(hang, hang, 0.01).ask([question(1)])
    assert {answer.failure.code for answer in answers.values()} == {"AUTHORITY_AWAY"}


async def test_answers_that_may_not_be_given_count_as_failures():
    wrong = {
        "c1": (Decision(id="x", code=DECISION_CODE_ASSESSMENT_COMPLETE), "ANSWER_OF_OTHER_AXIS"),
        "c2": (Decision(code=DECISION_CODE_RELEASED), "ANSWER_MISSING"),
        "c3": (Decision(id="x"), "ANSWER_MISSING"),
        "c4": (Decision(id="x", code=777), "ANSWER_MISSING"),
        "c5": (Decision(id="x", code=DECISION_CODE_RELEASED, stage=9), "ANSWER_MISSING"),
    }
    services = Services(answer=lambda call: wrong[call.case.id][0])
    answers = await services.judge().ask([question(number) for number in range(1, 6)])
    assert {name: answers[name].failure.code for name in wrong} == {name: code for name, (_, code) in wrong.items()}
    assert not any(answer.away for answer in answers.values())


def test_security_codes_fit_before_loading_only_and_receipt_codes_fit_both():
    assert [fits(code, PROCEDURE_PRE_LOADING) for code in (1, 3, 20, 25, 40, 54)] == [True] * 4 + [False] * 2
    assert [fits(code, PROCEDURE_IMPORT) for code in (1, 3, 20, 25, 40, 54)] == [True] * 2 + [False] * 2 + [True] * 2
