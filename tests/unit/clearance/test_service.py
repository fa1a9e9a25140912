"""The servicer: results in order, faults that stop nobody else, answers that repeat."""

import asyncio
import datetime
import tracemalloc

import grpc
import pytest

from parcelgate.api.clearance.v1.clearance_pb2 import DecideCall, DecideRequest
from parcelgate.api.record.v1 import item_pb2 as record
from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_EXAMINE,
    DECISION_CODE_HOLD_INFORMATION,
    DECISION_CODE_RELEASED_WITH_DUTY,
    DECISION_CODE_TRANSFER,
    STAGE_ADVANCE,
)
from parcelgate.api.record.v1.declaration_pb2 import (
    FLOW_IMPORT,
    FUNCTION_CANCEL,
    PROCEDURE_IMPORT,
    PROCEDURE_PRE_LOADING,
    PROCEDURE_TRANSIT,
)
from parcelgate.api.record.v1.quantity_pb2 import Money
from parcelgate.api.record.v1.referral_pb2 import REFERRAL_TYPE_AMENDMENT, REFERRAL_TYPE_INFORMATION
from parcelgate.app.sample import traffic
from parcelgate.clearance import regime
from parcelgate.clearance.decision import Decider
from parcelgate.clearance.service import ClearanceServicer


@pytest.fixture(scope="module")
def servicer():
    return ClearanceServicer()


def shirt(call_id="c1", **changes):
    call = DecideCall(call_id=call_id, acceptance_date="2026-09-01")
    call.case.id, call.case.procedure, call.case.version, call.case.round = "f" * 32, PROCEDURE_IMPORT, 2, 1
    call.declaration.version = 2
    call.declaration.key.flow = FLOW_IMPORT
    call.declaration.item.CopyFrom(
        record.Item(
            destination_country="DE",
            nature=record.NATURE_OF_TRANSACTION_SALE,
            content=[record.ContentPiece(number=1, hs_code="610910", value=Money(currency="EUR", units=50))],
        )
    )
    for name, value in changes.items():
        setattr(call, name, value)
    return call


def decided(servicer, call):
    (result,) = servicer.decide(DecideRequest(calls=[call])).results
    assert not result.HasField("fault"), result.fault
    return result.decision


def refused(servicer, call):
    (result,) = servicer.decide(DecideRequest(calls=[call])).results
    assert not result.HasField("decision")
    return result.fault.code


async def test_results_come_in_the_order_of_the_calls_and_a_fault_stops_no_other(servicer):
    calls = [shirt("a"), DecideCall(call_id="b", acceptance_date="2026-09-01"), shirt("c")]
    response = await servicer.Decide(DecideRequest(calls=calls), None)
    assert [result.call_id for result in response.results] == ["a", "b", "c"]
    assert [result.HasField("decision") for result in response.results] == [True, False, True]


def test_what_is_decided_together_is_decided_as_by_itself(servicer):
    request = DecideRequest()
    for number, sample in enumerate(traffic(3, 120, day=datetime.date(2026, 9, 1), channel="post")):
        call = request.calls.add(call_id=f"c{number}", acceptance_date="2026-09-01")
        call.case.procedure = PROCEDURE_IMPORT if number % 5 else PROCEDURE_TRANSIT
        call.declaration.item.CopyFrom(sample.item)
        if number % 7 == 0:
            call.assessment.findings.add(rule="undervaluation", version="1", action="EXAMINE")
    alone = [servicer.answer(DecideRequest(calls=[call])) for call in request.calls]
    assert servicer.answer(request) == b"".join(alone)
    assert len({len(answer) for answer in alone}) > 10, "too much alike to prove anything"


def test_the_decision_names_case_version_and_stage(servicer):
    decision = decided(servicer, shirt())
    assert decision.code == DECISION_CODE_RELEASED_WITH_DUTY
    assert (decision.case.id, decision.judged_version, decision.stage) == ("f" * 32, 2, STAGE_ADVANCE)
    assert not decision.HasField("decided")


def test_a_repeated_call_gets_the_same_answer_from_another_servicer(servicer):
    assert decided(servicer, shirt()) == decided(ClearanceServicer(), shirt())
    assert decided(servicer, shirt("one")).id != decided(servicer, shirt("two")).id


def test_an_id_is_made_from_the_call_and_no_other_service_makes_the_same(servicer):
    assert len(decided(servicer, shirt()).id) == 32


def test_a_call_without_id_is_a_fault(servicer):
    assert refused(servicer, shirt("")) == "CLEARANCE_CALL_ID_MISSING"


@pytest.mark.parametrize("day", ["", "2026-9-1", "20260901", "2026-W36-2", "2026-02-30"])
def test_a_day_of_acceptance_that_is_none_is_a_fault(servicer, day):
    assert refused(servicer, shirt(acceptance_date=day)) == "CLEARANCE_DATE_INVALID"


def test_a_cancelled_version_has_nothing_to_clear(servicer):
    call = shirt()
    call.declaration.function = FUNCTION_CANCEL
    assert refused(servicer, call) == "CLEARANCE_CANCELLED"


def test_a_pre_loading_case_is_not_clearances(servicer):
    call = shirt()
    call.case.procedure = PROCEDURE_PRE_LOADING
    assert refused(servicer, call) == "CLEARANCE_PROCEDURE_UNFIT"


def test_the_procedure_of_the_case_comes_before_the_flow(servicer):
    call = shirt()
    call.case.procedure = PROCEDURE_TRANSIT
    assert decided(servicer, call).code == DECISION_CODE_TRANSFER


def test_a_bug_is_a_fault_of_its_item_and_never_a_release():
    class Broken(Decider):
        def decide(self, calls):
            if any(call.call_id == "bad" for call, _ in calls):
                raise KeyError(calls)
            return super().decide(calls)

    response = ClearanceServicer(Broken(regime.load())).decide(DecideRequest(calls=[shirt("good"), shirt("bad")]))
    assert response.results[0].HasField("decision")
    assert not response.results[1].HasField("decision")
    assert response.results[1].fault.code == "CLEARANCE_FAILED"


async def test_a_single_call_need_not_wait_for_a_full_chunk_that_came_before_it(servicer):
    done = []

    async def ask(name, calls):
        await servicer.serve(DecideRequest(calls=calls), None)
        done.append(name)

    await asyncio.gather(ask("chunk", [shirt(f"c{n}") for n in range(250)]), ask("single", [shirt()]))
    assert done == ["single", "chunk"]


async def test_more_than_250_calls_are_refused(servicer):
    class Context:
        async def abort(self, code, details):
            raise RuntimeError(code, details)

    with pytest.raises(RuntimeError) as refusal:
        await servicer.Decide(DecideRequest(calls=[shirt()] * 251), Context())
    assert refusal.value.args[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_findings_of_quality_are_shown_and_how_a_profile_fired_is_not(servicer):
    call = shirt()
    call.assessment.findings.add(rule="quality.name-single", version="1", action="NONE")
    call.assessment.findings.add(rule="undervaluation", version="1", action="EXAMINE")
    decision = decided(servicer, call)
    assert decision.code == DECISION_CODE_EXAMINE
    assert [finding.rule for finding in decision.findings] == ["quality.name-single"]
    assert decision.reasons[0].basis == "undervaluation@1"


def test_examination_comes_before_the_other_agency_in_either_order(servicer):
    for rules in (("restricted-goods", "undervaluation"), ("undervaluation", "restricted-goods")):
        call = shirt()
        for rule in rules:
            call.assessment.findings.add(rule=rule, version="1", action="EXAMINE")
        assert decided(servicer, call).code == DECISION_CODE_EXAMINE


def test_a_finding_that_asks_for_an_amendment_is_passed_on_as_one(servicer):
    call = shirt()
    call.assessment.findings.add(rule="quality.x", version="1", action="REFER_AMENDMENT").inputs.add(
        path="parties[0].name"
    )
    call.declaration.item.content[0].hs_code = ""
    decision = decided(servicer, call)
    assert [(referral.type, referral.pointer) for referral in decision.referrals] == [
        (REFERRAL_TYPE_AMENDMENT, "parties[0].name"),
        (REFERRAL_TYPE_INFORMATION, "content[0].hs_code"),
    ]
    assert len({referral.reference for referral in decision.referrals}) == 2


def test_an_arrival_that_is_no_day_is_asked_for(servicer):
    call = shirt()
    call.declaration.item.transport.arrival.iso = "soon"
    assert [reason.code for reason in decided(servicer, call).reasons] == ["DATE_INVALID"]


def test_the_code_that_customs_revised_counts(servicer):
    call = shirt()
    call.declaration.item.content[0].revised_hs_code = "910211"
    assert decided(servicer, call).duties[0].hs_code == "910211"


def test_a_unit_value_times_the_quantity_is_the_value_of_a_line(servicer):
    call = shirt()
    piece = call.declaration.item.content[0]
    piece.ClearField("value")
    piece.unit_value.CopyFrom(Money(currency="EUR", units=10))
    piece.quantity = 5
    assert decided(servicer, call).duties[1].base == Money(currency="EUR", units=53)


def test_long_texts_in_place_of_codes_do_not_pile_up_in_memory(servicer):
    decided(servicer, shirt())
    tracemalloc.start()
    try:
        for number in range(30):
            call = shirt()
            item = call.declaration.item
            if number % 2:
                item.destination_country = f"{number} Atlantis" * 10_000
            item.content[0].hs_code = f"{number}" * 50_000
            item.parties.add().references.add(scheme="IOSS", number=f"{number}" * 50_000)
            assert decided(servicer, call).code == DECISION_CODE_HOLD_INFORMATION
        del call, item
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 300_000
