"""Data quality: each defect is found, and most only add weight."""

import pytest

from parcelgate.api.record.v1.item_pb2 import PARTY_ROLE_INTERMEDIARY, PERSON_TYPE_NATURAL
from parcelgate.risk.assess import Assessor
from parcelgate.risk.quality.dates import ordinal
from unit.risk.declare import declaration

ASSESSOR = Assessor.load()

S10 = 'item {{ key {{ identifier: "{}" }} }}'
GOODS = (
    'item {{ content {{ number: 1 quantity: 1 description: "{}" hs_code: "{}" origin_country: "NZ" '
    'net_mass {{ milligrams: 300000 }} value {{ currency: "EUR" units: 85 }} }} }}'
)
SENDER = (
    'parties { role: PARTY_ROLE_SENDER name: "Harbour Knitwear Limited" person_type: PERSON_TYPE_LEGAL '
    'address { lines: "12 Quay Street" postcode: "1010" city: "Auckland" country: "NZ" } }'
)


def _found(differs, *, quality_only=True):
    hits = ASSESSOR.examine(declaration(differs))
    return {
        hit.rule.id.removeprefix("quality.") for hit in hits if not quality_only or hit.rule.id.startswith("quality.")
    }


def _recipient(fields, address='address { lines: "Lindenweg 3" postcode: "50667" city: "Köln" country: "DE" }'):
    return f"item {{ {SENDER} parties {{ role: PARTY_ROLE_RECIPIENT person_type: PERSON_TYPE_NATURAL {fields} {address} }} }}"


@pytest.mark.parametrize(
    ("identifier", "rule"),
    [
        ("CP10020030NZ", "s10-shape"),
        ("CP１００２００３０５NZ", "s10-shape"),
        ("CP100200304NZ", "s10-check-digit"),
        ("JA100200305NZ", "s10-service-reserved"),
        ("PA100200305NZ", "s10-service-domestic"),
        ("EE100200305NZ", "s10-class"),
        ("CP100200305QQ", "s10-issuer-unknown"),
        ("CP100200305AU", "s10-issuer-origin"),
    ],
)
def test_a_defect_of_the_s10_is_found(identifier, rule):
    assert _found(S10.format(identifier)) == {rule}


@pytest.mark.parametrize("identifier", ["EE000001235AU", "UX000001200XA", "LA123456785XB"])
def test_check_digits_of_the_special_cases_are_right(identifier):
    assert "s10-check-digit" not in _found(S10.format(identifier))


def test_an_express_waybill_is_not_read_as_s10():
    assert _found('item { key { scheme: ITEM_SCHEME_HOUSE_WAYBILL identifier: "1Z999" } mail_class: 0 }') == set()


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("", "hs-missing"),
        ("61091", "hs-malformed"),
        ("6109AB", "hs-malformed"),
        ("770100", "hs-chapter"),
        ("000100", "hs-chapter"),
        ("980100", "hs-national-chapter"),
    ],
)
def test_a_defect_of_the_hs_code_is_found(code, rule):
    assert _found(GOODS.format("Ladies knitted cotton shirt", code)) == {rule}


def test_between_two_private_persons_no_hs_code_is_needed():
    one = declaration()
    one.item.content[0].hs_code = ""
    assert _rules(one) == {"hs-missing"}
    one.item.parties[0].person_type = PERSON_TYPE_NATURAL
    assert _rules(one) == set()


@pytest.mark.parametrize(
    ("description", "rule"),
    [
        ("", "description-missing"),
        ("   ", "description-missing"),
        ("Gift", "description-stop-word"),
        ("GIFTS!", "description-stop-word"),
        ("Ｇｉｆｔ", "description-stop-word"),
        ("2 gift items", "description-stop-word"),
        ("leather bags", "description-stop-word-inside"),
        ("123456", "description-digits"),
        ("12-34", "description-digits"),
        ("***", "description-signs"),
        ("aaaa", "description-one-sign"),
        ("invoice_17.PDF", "description-file-name"),
        ("Knitted cotton pullover, long sleeve"[:35], "description-cut"),
        ("AAA cell charger stand", ""),
        ("Ladies leather bags with zip", ""),
    ],
)
def test_a_description_is_judged_by_what_it_says(description, rule):
    assert _found(GOODS.format(description, "610910")) == ({rule} if rule else set())


def test_one_description_with_two_hs_codes_is_found():
    line = 'content {{ quantity: 1 description: "Knitted shirt" hs_code: "{}" net_mass {{ milligrams: 200000 }} value {{ currency: "EUR" units: 42 nanos: 500000000 }} }}'
    assert _found(f"item {{ {line.format('610910')} {line.format('610990')} }}") == {"description-repeated"}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ("", "name-missing"),
        ('name: "N/A"', "name-placeholder"),
        ('name: "Unknown"', "name-placeholder"),
        ('name: "No Name"', "name-placeholder"),
        ('name: "Private person"', "name-placeholder"),
        ('name: "12345 6789"', "name-placeholder"),
        ('name: "--"', "name-placeholder"),
        ('name: "Grünwald"', "name-single"),
        ('name: "王小明"', ""),
        ('name: "김철수"', ""),
        ('first_name: "Änne" last_name: "Grünwald"', ""),
        ('name: "Änne Grünwald" telephone: "0221 5550100"', "telephone"),
        ('name: "Änne Grünwald" telephone: "+49 (221) 555-0100"', ""),
        ('name: "Änne Grünwald" telephone: "+49 12"', "telephone"),
    ],
)
def test_a_defect_of_a_party_is_found(fields, rule):
    assert _found(_recipient(fields)) == ({rule} if rule else set())


@pytest.mark.parametrize(
    ("address", "rules"),
    [
        ("", {"address-missing"}),
        ('address { country: "DE" }', {"address-missing"}),
        ('address { postcode: "50667" city: "Köln" country: "DE" }', {"street-missing"}),
        ('address { po_box: "17" postcode: "50667" city: "Köln" country: "DE" }', set()),
        ('address { lines: "Lindenweg 3" postcode: "50667" country: "DE" }', {"city-missing"}),
        ('address { lines: "Lindenweg 3" city: "Köln" country: "DE" }', {"postcode-missing"}),
        ('address { lines: "Nathan Road 3" city: "Kowloon" country: "HK" }', set()),
        ('address { lines: "Lindenweg 3" postcode: "50667" city: "GERMANY" country: "DE" }', {"city-is-country"}),
        ('address { lines: "Raffles Road 3" postcode: "048616" city: "Singapore" country: "SG" }', set()),
        ('address { lines: "Lindenweg 3" postcode: "50667" city: "Köln" country: "ZZ" }', {"country-unknown"}),
        ('address { lines: "Lindenweg 3" postcode: "50667" city: "Köln" }', {"country-missing"}),
    ],
)
def test_a_defect_of_an_address_is_found(address, rules):
    assert _found(_recipient('name: "Änne Grünwald"', address)) == rules


def test_a_missing_party_and_equal_parties_are_found():
    assert _found(f"item {{ {SENDER} }}") == {"party-missing"}
    assert _found(f"item {{ {SENDER} {SENDER.replace('SENDER', 'RECIPIENT')} }}") == {"parties-same"}


@pytest.mark.parametrize(
    ("differs", "rule"),
    [
        ('declared_value { currency: "EUR" units: 95 }', "value-sum"),
        ('declared_value { currency: "" units: 85 }', ""),
        ('declared_value { currency: "XQQ" }', "currency-unknown"),
        ("gross_mass { milligrams: 600000 }", "mass-sum"),
        ("gross_mass { milligrams: 0 }", ""),
        ("gross_mass { milligrams: 40000000 }", "mass-implausible"),
        ('posted { utc_micros: 0 } key { posting_date: "2027-01-01" }', ""),
    ],
)
def test_a_defect_of_value_mass_or_date_is_found(differs, rule):
    assert _found(f"item {{ {differs} }}") == ({rule} if rule else set())


def _cleared(*names, **days):
    one = declaration()
    for name in names:
        one.item.ClearField(name)
    for name, iso in days.items():
        getattr(one.item.transport, name).iso = iso
    return one


def _rules(one):
    return {hit.rule.id.removeprefix("quality.") for hit in ASSESSOR.examine(one)}


def test_absent_masses_values_and_content_are_found():
    assert _rules(_cleared("gross_mass")) == {"gross-mass-missing"}
    assert _rules(_cleared("content")) == {"content-missing"}
    one = _cleared("declared_value")
    for piece in one.item.content:
        piece.ClearField("value")
    assert _rules(one) == {"value-missing"}
    one = declaration()
    one.item.content[0].value.Clear()
    one.item.content[1].net_mass.Clear()
    one.item.content[1].quantity = 0
    assert _rules(one) == {"value-zero", "net-mass-missing", "quantity-missing"}


def test_unit_values_and_currencies_that_do_not_fit_are_found():
    one = declaration()
    one.item.content[0].unit_value.units = 20
    assert _rules(one) == {"value-unit"}
    one = declaration()
    one.item.content[1].value.currency = "ISK"
    assert _rules(one) == {"currency-not-compared"}
    one = declaration()
    one.item.content[1].value.currency = ""
    assert _rules(one) == {"currency-missing"}


def test_days_are_compared_with_the_day_of_receipt_and_no_clock():
    assert _rules(_cleared(departure="2026-07-04", arrival="2026-07-03")) == {"arrival-before-departure"}
    assert _rules(_cleared(departure="2026-06-20", arrival="2026-06-22")) == {"data-late"}
    assert _rules(_cleared(departure="04.07.2026")) == {"day-unreadable"}
    one = _cleared("posted")
    for written, rule in (("2026-07-30", "ahead"), ("2025-05-01T10:00:00", "behind"), ("yesterday", "unreadable")):
        one.item.key.posting_date = written
        assert _rules(one) == {f"posting-date-{rule}"}
    one.provenance.Clear()
    one.item.key.posting_date = "2031-01-01"
    assert _rules(one) == set()


def test_days_are_read_in_the_shapes_of_the_trade():
    assert ordinal("2026-07-01") == ordinal("20260701") == ordinal("2026-07-01T23:59:59") != 0
    assert ordinal("2026-13-01") == ordinal("") == ordinal("2026-07-011") == 0


def test_only_defects_of_the_seven_plus_one_elements_ask_for_anything():
    asking = {name for name, rule in ASSESSOR.rules.items() if rule.action != "NONE"}
    assert asking == {
        "s10-shape", "content-missing", "description-missing", "description-stop-word", "description-digits",
        "description-signs", "description-one-sign", "description-file-name", "party-missing", "name-missing",
        "name-placeholder", "address-missing", "gross-mass-missing",
    }  # fmt: skip


def _inputs(one):
    return [(hit.rule.id.removeprefix("quality."), hit.inputs) for hit in ASSESSOR.examine(one)]


def test_a_wrong_registration_is_found_at_its_place_and_shown_masked():
    one = declaration()
    one.item.parties.add(name="Harbour Market").references.add(scheme="CUSTOMER", number="17")
    one.item.parties[2].references.add(scheme="EORI", number="NL12345", issuer_country="NL")
    (hit,) = ASSESSOR.examine(one)
    assert hit.inputs == (
        ("parties[2].references[1].number", "N… (7)"),
        ("parties[2].references[1].scheme", "EORI"),
    )
    assert "number of the party does" in hit.sentence()
    one.item.parties[2].role = PARTY_ROLE_INTERMEDIARY
    (hit,) = ASSESSOR.examine(one)
    assert "number of the intermediary does" in hit.sentence()


def test_every_wrong_number_of_a_party_is_found():
    one = declaration()
    for scheme, number in (("IOSS", "IN3720000224"), ("VAT", "DE136695978"), ("VAT", "DE136695976"), ("EORI", "")):
        one.item.parties[0].references.add(scheme=scheme, number=number)
    found = [(rule, inputs[0]) for rule, inputs in _inputs(one)]
    assert found == [
        ("registration-shape", ("parties[0].references[0].number", "I… (12)")),
        ("registration-check-digit", ("parties[0].references[1].number", "D… (11)")),
        ("registration-shape", ("parties[0].references[3].number", "")),
    ]


def test_a_gtin_is_a_number_of_goods_and_not_of_a_party():
    one = declaration()
    one.item.parties[0].references.add(scheme="GTIN", number="17")
    assert _rules(one) == set()
    one.item.content[1].product_identifiers.add(scheme="IOSS", identifier="17")
    one.item.content[1].product_identifiers.add(scheme="GTIN", identifier="6291041500214")
    assert _inputs(one) == [
        ("gtin-check-digit", (("content[1].product_identifiers[1].identifier", "6291041500214"),)),
    ]


def test_an_unknown_unit_is_found_at_its_line_and_cut():
    one = declaration()
    one.item.content[0].unit_code = "KGM"
    one.item.content[1].unit_code = "pieces " * 20
    assert _inputs(one) == [("unit-unknown", (("content[1].unit_code", ("pieces " * 20)[:80]),))]
