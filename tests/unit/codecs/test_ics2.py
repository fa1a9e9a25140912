"""The profiles of ICS2: what is peculiar to them beside what every format is tested for."""

import re

import pytest

from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_AMENDMENT_REQUESTED,
    DECISION_CODE_ASSESSMENT_COMPLETE,
    DECISION_CODE_DO_NOT_LOAD,
    DECISION_CODE_INFO_REQUESTED,
    DECISION_CODE_SCREENING_REQUESTED,
    STAGE_ADVANCE,
    DecisionCode,
    Release,
)
from parcelgate.api.record.v1.declaration_pb2 import (
    FLOW_EXPORT,
    FLOW_IMPORT,
    FUNCTION_AMEND,
    PROCEDURE_PRE_LOADING,
    Declaration,
)
from parcelgate.api.record.v1.item_pb2 import PARTY_ROLE_SELLER, Item
from parcelgate.api.record.v1.referral_pb2 import ANSWER_KIND_DO_NOT_LOAD_CONFIRMED, ItemReferralAnswer
from parcelgate.codecs import translate
from parcelgate.codecs.check import example
from parcelgate.codecs.event import ItemRead
from parcelgate.codecs.registry import shipped

FILING = "ics2/f43/own-1"
SMALLEST = example(shipped().get(FILING), "smallest").read_text("utf-8")


def item_of(text):
    _, event, _ = translate.read([text.encode()], FILING)
    assert event.accepted
    declaration = Declaration.FromString(event.message)
    return declaration, Item.FromString(event.item), [(fault.code, fault.address) for fault in event.faults]


def written(item, flow=FLOW_IMPORT):
    item.key.identifier = item.key.identifier or "RR000000014NL"
    data = b"".join(translate.write(FILING, {}, [Declaration(key={"flow": flow}, item=item)])).decode()
    return re.sub(r">\s+<", "><", data)


def test_a_filing_is_always_for_what_comes_in():
    declaration, _, faults = item_of(SMALLEST)
    assert faults == []
    assert declaration.key.flow == FLOW_IMPORT
    with pytest.raises(translate.NotWritten):
        written(Item(), FLOW_EXPORT)


def test_an_amendment_says_once_at_its_head_which_filing_all_its_items_amend():
    head = "<MRN>26DE12345678901TF8</MRN><DocumentIssueDate>"
    amending = SMALLEST.replace("<DocumentIssueDate>", head).replace(
        "  </FilingHeader>", "<FunctionCode>5</FunctionCode></FilingHeader>"
    )
    declaration, item, faults = item_of(amending)
    assert faults == []
    assert (declaration.function, item.customs_reference) == (FUNCTION_AMEND, "26DE12345678901TF8")


def test_the_number_under_ioss_is_the_fiscal_reference_of_the_seller():
    number = {"scheme": "IOSS", "number": "IM5280000123"}
    text = written(Item(parties=[{"role": PARTY_ROLE_SELLER, "name": "Market", "references": [number]}]))
    reference = "<IdentificationNumber>IM5280000123</IdentificationNumber><Role>FR5</Role>"
    assert f"<AdditionalFiscalReference>{reference}</AdditionalFiscalReference>" in text
    place = "    <Consignee>"
    read = SMALLEST.replace(place, f"<AdditionalFiscalReference>{reference}</AdditionalFiscalReference>{place}")
    _, item, faults = item_of(read)
    assert faults == []
    (seller,) = (party for party in item.parties if party.role == PARTY_ROLE_SELLER)
    assert [(each.scheme, each.number) for each in seller.references] == [("IOSS", "IM5280000123")]


@pytest.mark.parametrize(
    ("inside", "lacks"),
    [
        ("<StreetLine>Torstraße 7</StreetLine>", False),
        ("<POBox>90</POBox>", False),
        ("<StreetLine>Torstraße 7</StreetLine><POBox>90</POBox>", False),
        ("", True),
    ],
)
def test_an_address_needs_a_street_or_a_box(inside, lacks):
    address = f"<Address><City>Berlin</City><Country>DE</Country>{inside}</Address>"
    _, item, faults = item_of(SMALLEST.replace("Anna Schmidt</Name>", f"Anna Schmidt</Name>{address}"))
    where = ("FIELD_MISSING", "/IE3F43/HouseConsignment[1]/Consignee/Address")
    assert faults == ([where] if lacks else [])
    assert item.destination_country == "DE"


@pytest.mark.parametrize("name", ["Consignor", "Consignee", "TotalGrossMass", "GoodsItem"])
def test_what_every_filing_has_is_missed(name):
    without = re.sub(f"<{name}>.*</{name}>", "", SMALLEST, flags=re.DOTALL)
    _, _, faults = item_of(without)
    assert len(faults) == 1
    assert faults[0][0] in {"FIELD_MISSING", "FIELD_UNEXPECTED"}


def test_more_goods_items_than_a_house_consignment_may_have_are_read_and_found():
    (one,) = re.findall(r"    <GoodsItem>.*</GoodsItem>\n", SMALLEST, flags=re.DOTALL)
    _, item, faults = item_of(SMALLEST.replace(one, one * 99))
    assert (len(item.content), faults) == (99, [])
    _, item, faults = item_of(SMALLEST.replace(one, one * 100))
    assert len(item.content) == 100
    assert len(faults) == 1


def test_whether_an_hs_code_may_be_missing_is_not_for_the_format_to_say():
    _, item, faults = item_of(SMALLEST)
    assert [piece.hs_code for piece in item.content] == [""]
    assert faults == []


MESSAGES = {
    "ie3q01": {DECISION_CODE_DO_NOT_LOAD},
    "ie3q02": {DECISION_CODE_INFO_REQUESTED, DECISION_CODE_AMENDMENT_REQUESTED},
    "ie3q03": {DECISION_CODE_SCREENING_REQUESTED},
    "ie3n03": {DECISION_CODE_ASSESSMENT_COMPLETE},
}


def decisions(text, form_id):
    _, *events, _ = translate.read([text], form_id)
    assert all(event.accepted for event in events)
    return [Release.FromString(event.message) for event in events]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_says_its_own_decisions_before_loading_and_no_others(name):
    form = shipped().get(f"ics2/{name}/own-1")
    releases = decisions(example(form, "full").read_bytes(), form.id)
    assert {release.decision.code for release in releases} == MESSAGES[name]
    assert {release.decision.stage for release in releases} == {STAGE_ADVANCE}
    assert {release.decision.case.procedure for release in releases} == {PROCEDURE_PRE_LOADING}
    for code in set(DecisionCode.values()) - {0} - MESSAGES[name]:
        release = Release.FromString(releases[0].SerializeToString())
        release.decision.code = code
        with pytest.raises(translate.NotWritten):
            list(translate.write(form.id, {}, [release]))


@pytest.mark.parametrize("name", MESSAGES)
def test_what_ics2_says_of_a_filing_holds_for_its_items_unless_they_say_otherwise(name):
    form = shipped().get(f"ics2/{name}/own-1")
    first, second = decisions(example(form, "full").read_bytes(), form.id)
    assert (first.decision.authority_reference, first.decision.case.authority) == ("26DE12345678902TF6", "eu-ics2-de")
    assert (second.decision.authority_reference, second.decision.case.authority) == ("26DE12345678901TF8", "eu-ics2")


@pytest.mark.parametrize("name", ["ie3q02", "ie3q03"])
def test_what_ics2_asks_for_reaches_a_post_in_a_cusrsp_as_it_was_asked(name):
    form = shipped().get(f"ics2/{name}/own-1")
    releases = decisions(example(form, "full").read_bytes(), form.id)
    passed_on = b"".join(translate.write("upu/cusrsp/own-1", {}, releases))
    for release, again in zip(releases, decisions(passed_on, "upu/cusrsp/own-1"), strict=True):
        assert again.decision.referrals == release.decision.referrals
        assert len(release.decision.referrals) > 0


@pytest.mark.parametrize("name", ["ie3r02", "ie3r03"])
def test_the_answer_of_the_post_that_has_the_item_reaches_ics2_and_comes_back(name):
    form, refrsp = shipped().get(f"ics2/{name}/own-1"), shipped().get("upu/refrsp/own-1")
    first, second = answers(example(form, "full").read_bytes(), form.id)
    assert (first.registration, second.registration) == ("26DE12345678902TF6", "26DE12345678901TF8")
    second.referral_id = "IR-2026-000043"
    passed = answers(b"".join(translate.write(refrsp.id, {}, [first, second])), refrsp.id)
    assert answers(b"".join(translate.write(form.id, {}, passed)), form.id) == [first, second]


@pytest.mark.parametrize("name", ["ie3r02", "ie3r03"])
def test_that_an_item_is_stopped_has_no_answer_in_ics2(name):
    stopped = ItemReferralAnswer(item={"identifier": "RR000000014NL"})
    stopped.answers.add(reference="DE-00017", kind=ANSWER_KIND_DO_NOT_LOAD_CONFIRMED)
    with pytest.raises(translate.NotWritten):
        list(translate.write(f"ics2/{name}/own-1", {}, [stopped]))


def answers(text, form_id):
    _, *events, _ = translate.read([text], form_id)
    assert all(event.accepted for event in events if isinstance(event, ItemRead))
    return [ItemReferralAnswer.FromString(event.message) for event in events if isinstance(event, ItemRead)]
