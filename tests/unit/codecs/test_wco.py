"""The WCO profiles: what is peculiar to them beside what every format is tested for."""

import re

import pytest

from parcelgate.api.record.v1.decision_pb2 import DecisionCode, Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import PARTY_ROLE_SELLER, Item
from parcelgate.codecs import translate
from parcelgate.codecs.registry import shipped

DECLARATION, RESPONSE = "wco/declaration/own-1", "wco/response/own-1"
SMALLEST = (shipped().get(DECLARATION).folder / "examples" / "smallest.xml").read_text("utf-8")


def item_of(text):
    _, event, closed = translate.read([text.encode()], DECLARATION)
    assert event.accepted
    return Item.FromString(event.item), event.faults, closed


def with_(part, before="<FunctionCode>"):
    return SMALLEST.replace(before, part + before, 1)


def written(item):
    item.key.identifier = item.key.identifier or "RR000000014NL"
    data = b"".join(translate.write(DECLARATION, {}, [Declaration(item=item)])).decode()
    return re.sub(r">\s+<", "><", data)


@pytest.mark.parametrize(
    ("unit", "number", "milligrams"), [("KGM", "1.2", 1_200_000), ("GRM", "1200", 1_200_000), ("LBR", "1", 453_592)]
)
def test_a_mass_is_read_by_its_unit(unit, number, milligrams):
    mass = f'<TotalGrossMassMeasure unitCode="{unit}">{number}</TotalGrossMassMeasure>'
    item, faults, _ = item_of(SMALLEST.replace("</TypeCode>", "</TypeCode>" + mass, 1))
    assert faults == []
    assert item.gross_mass.milligrams == milligrams
    assert '<TotalGrossMassMeasure unitCode="KGM">' in written(item)


def test_a_mass_in_a_unit_that_nobody_knows_is_no_mass():
    mass = '<TotalGrossMassMeasure unitCode="STN">1.2</TotalGrossMassMeasure>'
    item, faults, closed = item_of(SMALLEST.replace("</TypeCode>", "</TypeCode>" + mass, 1))
    assert not item.HasField("gross_mass")
    assert [fault.address for fault in faults] == ["/MetaData/Declaration[1]/TotalGrossMassMeasure"]
    assert closed.ledger.unknown == {"/MetaData/Declaration/TotalGrossMassMeasure": 1}


@pytest.mark.parametrize(
    ("posted", "element"),
    [
        (
            {"utc_micros": 1_793_702_111_000_000, "written": "2026-11-03T11:35:11+01:00"},
            '<DateTimeString formatCode="304">20261103103511Z</DateTimeString>',
        ),
        (
            {"utc_micros": 1_793_702_111_000_000, "written": "20261103113511+01"},
            '<DateTimeString formatCode="304">20261103113511+01</DateTimeString>',
        ),
        ({"utc_micros": 1_793_702_111_250_000}, "<DateTime>2026-11-03T10:35:11.250000Z</DateTime>"),
        ({"written": "next week"}, "<DateTime>next week</DateTime>"),
    ],
)
def test_a_time_is_in_the_notation_of_the_model_where_that_can_say_it(posted, element):
    assert f"<AcceptanceDateTime>{element}</AcceptanceDateTime>" in written(Item(posted=posted))


def test_the_second_party_of_a_role_stands_among_the_parties_without_a_tag():
    sellers = [{"role": PARTY_ROLE_SELLER, "name": name} for name in ("A", "B")]
    text = written(Item(parties=sellers))
    assert "<Seller><Name>A</Name></Seller>" in text
    assert "<AdditionalParty><RoleCode>SELLER</RoleCode><Name>B</Name></AdditionalParty>" in text
    posted = text.replace("<FunctionalReferenceID>", "<PostingDate>2026-11-03</PostingDate><FunctionalReferenceID>")
    posted = posted.replace("<GoodsShipment>", "<TypeCode>929</TypeCode><GoodsShipment>")
    assert [(party.role, party.name) for party in item_of(posted)[0].parties] == [(4, "A"), (4, "B")]


def test_a_code_that_says_what_the_profile_has_no_place_for_shows_in_the_ledger():
    other = (
        "<AdditionalInformation><StatementTypeCode>XYZ</StatementTypeCode>"
        "<StatementDescription>quota</StatementDescription></AdditionalInformation>"
    )
    item, faults, closed = item_of(SMALLEST.replace("</TypeCode>", "</TypeCode>" + other, 1))
    assert faults == []
    assert not item.comments
    assert closed.ledger.unknown == {"/MetaData/Declaration/AdditionalInformation": 1}


def decision_of(code, codes=None):
    text = (shipped().get(RESPONSE).folder / "examples" / "smallest.xml").read_text("utf-8")
    text = text.replace("<FunctionCode>01<", f"<FunctionCode>{code}<")
    _, event, _ = translate.read([text.encode()], RESPONSE, codes=codes)
    return Release.FromString(event.message)


@pytest.mark.parametrize("name", [name for name, number in DecisionCode.items() if number])
def test_a_decision_is_written_by_its_code_and_read_by_its_code_or_name(name):
    release = decision_of(name.removeprefix("DECISION_CODE_"))
    assert release.decision.code == DecisionCode.Value(name)
    text = b"".join(translate.write(RESPONSE, {}, [release])).decode()
    code = f"{release.decision.code:02}"
    assert f"<FunctionCode>{code}</FunctionCode>" in text
    assert decision_of(code) == release


def test_an_administration_s_own_codes_take_the_place_of_both():
    codes = {"decision": {"09": "DECISION_CODE_RELEASED"}}
    release = decision_of("09", codes)
    assert DecisionCode.Name(release.decision.code) == "DECISION_CODE_RELEASED"
    assert b"<FunctionCode>09<" in b"".join(translate.write(RESPONSE, {}, [release], codes=codes))
    assert not decision_of("41", codes).HasField("decision")


def test_reasons_and_what_is_asked_for_are_told_apart_by_their_kind():
    text = (shipped().get(RESPONSE).folder / "examples" / "full.xml").read_bytes()
    _, event, *_ = translate.read([text], RESPONSE)
    decision = Release.FromString(event.message).decision
    assert [reason.code for reason in decision.reasons] == ["HS_MISSING", "INSPECTION"]
    assert [referral.reference for referral in decision.referrals] == ["Q-3-1", "Q-4-1", "Q-4-2"]
