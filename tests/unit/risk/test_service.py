"""The servicer: answers in order, one a call, repeatable, masked, the strongest action deciding."""

import asyncio
import datetime
import tracemalloc

import grpc
import pytest

from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_AMENDMENT_REQUESTED,
    DECISION_CODE_ASSESSMENT_COMPLETE,
    DECISION_CODE_DO_NOT_LOAD,
    DECISION_CODE_SCREENING_REQUESTED,
    STAGE_ADVANCE,
)
from parcelgate.api.record.v1.declaration_pb2 import Case, Declaration
from parcelgate.api.record.v1.referral_pb2 import REFERRAL_TYPE_AMENDMENT, REFERRAL_TYPE_SCREENING
from parcelgate.api.risk.v1.risk_pb2 import AssessCall, AssessRequest
from parcelgate.app.sample import traffic
from parcelgate.risk.assess import Assessor
from parcelgate.risk.service import RiskServicer
from unit.risk.declare import CORPUS, declaration, from_corpus

ASSESSOR = Assessor.load()
SERVICER = RiskServicer(ASSESSOR)
CASE = Case(id="c" * 32, declaration_id="d" * 32, authority="eu-customs", version=1, round=1)


def _call(call_id, one=None, case=CASE):
    return AssessCall(call_id=call_id, declaration=declaration() if one is None else one, case=case)


def _decision(one):
    return SERVICER.assess(AssessRequest(calls=[_call("case:1:1", one)])).results[0].decision


async def test_results_come_in_the_order_of_the_calls_and_a_faulty_one_stops_no_other():
    empty = declaration()
    empty.ClearField("item")
    request = AssessRequest(calls=[_call("a"), _call("b", empty), _call(""), _call("d")])
    results = (await SERVICER.Assess(request, None)).results
    assert [result.call_id for result in results] == ["a", "b", "", "d"]
    assert [result.fault.code for result in results] == ["", "RISK_ITEM_MISSING", "RISK_CALL_ID_MISSING", ""]
    assert results[3].decision.code == DECISION_CODE_ASSESSMENT_COMPLETE


def test_a_rule_that_breaks_is_a_fault_of_its_item_and_never_no_risk():
    class Breaking(Assessor):
        def examine_all(self, declarations):
            if any(one.version == 2 for one in declarations):
                raise ZeroDivisionError("text of a party")
            return super().examine_all(declarations)

    broken = declaration("version: 2")
    broken.version = 2
    results = RiskServicer(Breaking.load()).assess(AssessRequest(calls=[_call("a", broken), _call("b")])).results
    assert results[0].fault.code == "RISK_ASSESSMENT_FAILED"
    assert "ZeroDivisionError" in results[0].fault.sentence
    assert "party" not in results[0].fault.sentence
    assert not results[0].HasField("decision")
    assert results[1].decision.code == DECISION_CODE_ASSESSMENT_COMPLETE


def test_what_is_examined_together_is_answered_as_by_itself():
    samples = traffic(3, 120, day=datetime.date(2026, 11, 24), channel="post")
    request = AssessRequest(calls=[_call(f"c:{n}", Declaration(item=one.item)) for n, one in enumerate(samples)])
    alone = [SERVICER.answer(AssessRequest(calls=[call])) for call in request.calls]
    assert SERVICER.answer(request) == b"".join(alone)
    assert len({len(answer) for answer in alone}) > 10, "too much alike to prove anything"


def test_a_repeated_call_gets_the_same_answer_and_another_call_other_ids():
    request = AssessRequest(calls=[_call("case:1:1"), _call("case:1:2")])
    first, again = SERVICER.assess(request), RiskServicer().assess(request)
    assert first.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)
    one, other = first.results
    assert one.assessment.id != other.assessment.id
    assert one.decision.id != other.decision.id
    assert one.assessment.id != one.decision.id


def test_without_a_case_there_is_an_assessment_and_no_decision():
    result = SERVICER.assess(AssessRequest(calls=[_call("a", case=None)])).results[0]
    assert result.HasField("assessment")
    assert not result.HasField("decision")


def test_an_ordinary_item_may_be_loaded_and_says_by_which_profiles():
    decision = _decision(declaration())
    assert decision.code == DECISION_CODE_ASSESSMENT_COMPLETE
    assert (decision.stage, decision.judged_version, decision.case) == (STAGE_ADVANCE, 1, CASE)
    assert decision.reasons[0].basis == ASSESSOR.profile_set
    assert not decision.referrals


def test_a_stop_beats_everything_and_asks_nothing():
    one = from_corpus(CORPUS / "security-watch" / "fires.detonators.textproto")
    one.item.ClearField("gross_mass")
    decision = _decision(one)
    assert decision.code == DECISION_CODE_DO_NOT_LOAD
    assert [reason.code for reason in decision.reasons] == ["SECURITY_WATCH", "MASS_MISSING"]
    assert decision.reasons[0].basis == "security-watch@2026-01"
    assert not decision.referrals


def test_screening_beats_amendment_and_both_are_asked_for():
    one = from_corpus(CORPUS / "dangerous-goods" / "fires.power-bank-by-air.textproto")
    one.item.ClearField("gross_mass")
    decision = _decision(one)
    assert decision.code == DECISION_CODE_SCREENING_REQUESTED
    assert [referral.type for referral in decision.referrals] == [REFERRAL_TYPE_SCREENING, REFERRAL_TYPE_AMENDMENT]
    assert [referral.pointer for referral in decision.referrals] == ["content[0].description", "gross_mass"]
    assert len({referral.reference for referral in decision.referrals}) == 2


def test_an_amendment_says_what_and_where():
    one = declaration()
    one.item.content[1].description = "gift"
    decision = _decision(one)
    assert decision.code == DECISION_CODE_AMENDMENT_REQUESTED
    (referral,) = decision.referrals
    assert (referral.code, referral.pointer) == ("DESCRIPTION_STOP_WORD", "content[1].description")
    assert referral.text


@pytest.mark.parametrize("path", sorted(CORPUS.glob("prohibited-goods/fires.*")), ids=lambda path: path.stem)
def test_a_finding_for_clearance_leaves_security_as_it_is(path):
    result = SERVICER.assess(AssessRequest(calls=[_call("a", from_corpus(path))])).results[0]
    by_profile = [finding for finding in result.assessment.findings if not finding.rule.startswith("quality.")]
    assert [(finding.action, finding.weight) for finding in by_profile] == [("EXAMINE", 600)]
    assert result.assessment.score >= 600
    assert result.decision.code == DECISION_CODE_ASSESSMENT_COMPLETE
    assert all(finding.rule.startswith("quality.") for finding in result.decision.findings)


def test_findings_name_rule_version_and_inputs_and_never_show_a_party():
    one = declaration()
    one.item.parties[1].name = "Grünwald"
    one.item.parties[1].address.city = "Germany"
    one.item.parties[1].telephone = "0221 5550100"
    result = SERVICER.assess(AssessRequest(calls=[_call("a", one)])).results[0]
    findings = {finding.rule: finding for finding in result.assessment.findings}
    assert set(findings) == {"quality.name-single", "quality.city-is-country", "quality.telephone"}
    name = findings["quality.name-single"]
    assert (name.version, name.inputs[0].path, name.inputs[0].value) == ("2026-01", "parties[1].name", "G… (8)")
    written = result.SerializeToString()
    assert all(text.encode() not in written for text in ("Grünwald", "5550100", "Germany"))


def test_a_long_description_is_shown_cut():
    one = declaration()
    one.item.content[0].description = "power bank " * 30
    inputs = SERVICER.assess(AssessRequest(calls=[_call("a", one)])).results[0].assessment.findings[0].inputs
    assert len(inputs[0].value) == 80


async def test_a_single_call_need_not_wait_for_a_full_chunk_that_came_before_it():
    done = []

    async def ask(name, calls):
        await SERVICER.serve(AssessRequest(calls=calls), None)
        done.append(name)

    await asyncio.gather(ask("chunk", [_call(f"c{n}") for n in range(250)]), ask("single", [_call("a")]))
    assert done == ["single", "chunk"]


async def test_more_than_250_calls_are_refused():
    class Context:
        async def abort(self, code, details):
            raise RuntimeError(code, details)

    with pytest.raises(RuntimeError) as refused:
        await SERVICER.Assess(AssessRequest(calls=[_call("a")] * 251), Context())
    assert refused.value.args[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_long_texts_in_place_of_codes_do_not_pile_up_in_memory():
    _decision(declaration())
    tracemalloc.start()
    try:
        for number in range(30):
            one = declaration()
            one.item.destination_country = f"{number} Atlantis" * 10_000
            line = one.item.content[0]
            line.description, line.hs_code = f"{number} shirt" * 10_000, f"{number}" * 50_000
            one.item.transport.arrival.iso = f"{number}" * 50_000
            _decision(one)
        del one, line
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 300_000
