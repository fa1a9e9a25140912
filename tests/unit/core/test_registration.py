"""Registration numbers and GTINs, against published examples: their check digits hold, and a changed digit is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean

from parcelgate.core import codelist
from parcelgate.core.registration import CHECK_DIGIT, SHAPE, problem

# The examples of python-stdnum's documentation, at least one for each member state and the United Kingdom.
VAT = [
    *("ATU13585627", "BE0428759497", "BG175074752", "CY10259033P", "CZ25123891", "DE136695976", "DK13585628"),
    *("EE100594102", "EL094259216", "ESB64717838", "FI20774740", "FR23334175221", "FRK7399859412", "GB980780684"),
    *("HR33392005961", "HU12892312", "IE6433435F", "IE6433435OA", "IT00743110157", "LT119511515", "LT100001919017"),
    *("LU15027442", "LV40003521600", "MT11679112", "NL004495445B01", "NL002455799B11", "PL8567346215", "PT501964843"),
    *("RO18547290", "SE123456789701", "SI50223054", "SK2022749619", "XI980780684"),
]
# GS1's worked example of the check digit (GTIN-13) and that of its Tag Data Standard (GTIN-14), the UPC-A of the textbooks
# (GTIN-12), python-stdnum's GTIN-8 and GTIN-14.
GTIN = ["6291041500213", "80614141123458", "036000291452", "73513537", "98412345678908"]
# Inland Revenue's specification for payers of interest (NZ), the ATO's own ABN and an example of the register (AU),
# python-stdnum's examples (CA, IN).
GST = [
    *(("NZ", "49-091-850"), ("NZ", "49-098-576"), ("NZ", "136-410-132"), ("NZ", "35901981")),
    *(("AU", "51 824 753 556"), ("AU", "83 914 571 673"), ("CA", "12302 6635 RC 0001"), ("IN", "27AAPFU0939F1ZV")),
]


@pytest.mark.parametrize("number", VAT)
def test_a_published_vat_number_is_right_with_and_without_its_country(number):
    country = "GR" if number.startswith("EL") else number[:2]
    assert problem("VAT", number) == problem("VAT", number, country) == problem("VAT", number[2:], country) == ""


@pytest.mark.parametrize(
    ("number", "found"),
    [
        # python-stdnum's examples of wrong numbers.
        ("ATU13585626", CHECK_DIGIT),
        ("BE431150351", CHECK_DIGIT),
        ("CY10259033Z", CHECK_DIGIT),
        ("DE136695978", CHECK_DIGIT),
        ("EL123456781", CHECK_DIGIT),
        ("GB802311781", CHECK_DIGIT),
        ("IE6433435E", CHECK_DIGIT),
        ("NL123456789B90", CHECK_DIGIT),
        ("PL8567346216", CHECK_DIGIT),
        ("SE123456789101", CHECK_DIGIT),
        ("DE13669597", SHAPE),
        ("DE", SHAPE),
        ("DE１３６６９５９７６", SHAPE),
        ("IM9999999999", SHAPE),
    ],
)
def test_a_wrong_vat_number_is_found(number, found):
    assert problem("VAT", number) == found


def test_vat_numbers_of_elsewhere_are_not_judged_even_if_they_begin_like_one_of_the_union():
    assert problem("VAT", "BEG850101AB9", "MX") == ""
    assert problem("VAT", "987654321", "CN") == ""
    assert problem("VAT", "987654321") == ""
    assert problem("VAT", "BEG850101AB9") == SHAPE


def test_a_number_of_a_one_stop_shop_stands_in_place_of_a_vat_number():
    # The first is python-stdnum's example.
    assert problem("VAT", "EU 372022452") == problem("VAT", "IM3720000224", "EU") == ""


@pytest.mark.parametrize("number", ["IM3720000224", "IM 276 000 0742", "im9000000001"])
def test_an_ioss_number_has_the_member_state_and_seven_digits(number):
    assert problem("IOSS", number) == ""


@pytest.mark.parametrize("number", ["IN3720000224", "IM9990000224", "IM372000022", "EU372022452", "3720000224", ""])
def test_other_numbers_are_no_ioss_number(number):
    assert problem("IOSS", number) == SHAPE


# NL000123456 is the example of business.gov.nl, GB123456789000 that of HM Revenue & Customs; Finnish ones keep a hyphen.
@pytest.mark.parametrize(
    "number", ["NL000123456", "GB123456789000", "XI123456789000000", "FI1234567-8", "GR123", "DE123456789012345", "CH1"]
)
def test_an_eori_number_has_a_country_and_what_the_country_published(number):
    assert problem("EORI", number) == problem("EORI", number.lower()) == ""


@pytest.mark.parametrize(
    "number",
    ["EL094259216", "QQ1234", "GB12345678900", "XI1234567890000", "NL123456", "DE1234567890123456", "DE", "1234", ""],
)
def test_other_numbers_are_no_eori_number(number):
    assert problem("EORI", number) == SHAPE


@pytest.mark.parametrize(("country", "number"), GST)
def test_a_published_gst_number_is_right(country, number):
    assert problem("GST", number, country) == ""


@pytest.mark.parametrize(
    ("country", "number", "found"),
    [
        ("NZ", "136410133", CHECK_DIGIT),
        ("NZ", "9125568", SHAPE),
        ("AU", "99 999 999 999", CHECK_DIGIT),
        ("CA", "123456783", CHECK_DIGIT),
        ("IN", "27AAPFU0939F1ZO", CHECK_DIGIT),
        ("SG", "whatever", ""),
        ("", "136410133", ""),
    ],
)
def test_a_wrong_gst_number_is_found_where_the_country_is_known(country, number, found):
    assert problem("GST", number, country) == found


def test_an_arn_has_twelve_digits_and_stands_for_a_gst_number_of_australia():
    assert problem("ARN", "3000 1234 5678") == problem("GST", "300012345678", "AU") == ""
    assert problem("ARN", "51824753556") == problem("ARN", "30001234567A") == SHAPE


@pytest.mark.parametrize("number", GTIN)
def test_a_published_gtin_is_right(number):
    assert problem("GTIN", number) == ""


@pytest.mark.parametrize(
    ("number", "found"),
    [("6291041500214", CHECK_DIGIT), ("629104150021", CHECK_DIGIT), ("62910415002", SHAPE), ("62910415O0213", SHAPE)],
)
def test_a_wrong_gtin_is_found(number, found):
    assert problem("GTIN", number) == found


@given(st.sampled_from([7, 11, 12, 13]), st.data())
def test_a_changed_digit_of_a_gtin_is_found(length, data):
    body = data.draw(st.text("0123456789", min_size=length, max_size=length))
    number = body + ean.calc_check_digit(body)
    assert problem("GTIN", number) == ""
    place, other = data.draw(st.integers(0, length)), data.draw(st.sampled_from("0123456789"))
    changed = number[:place] + other + number[place + 1 :]
    assert problem("GTIN", changed) == ("" if changed == number else CHECK_DIGIT)


# The schemes whose check digit finds every single change; those of other countries let a few through.
@pytest.mark.parametrize(
    ("scheme", "country", "number"),
    [
        *(("VAT", number[:2], number) for number in VAT if number[:2] in {"AT", "DE", "HR", "IT", "LU", "PL"}),
        *(("GTIN", "", number) for number in GTIN),
        ("GST", "AU", "51824753556"),
        ("GST", "CA", "123026635"),
        ("GST", "IN", "27AAPFU0939F1ZV"),
    ],
)
def test_every_single_changed_digit_is_found(scheme, country, number):
    changed = {
        number[:place] + other + number[place + 1 :]
        for place, digit in enumerate(number)
        if digit.isdigit()
        for other in "0123456789"
        if other != digit
    }
    assert [each for each in sorted(changed) if not problem(scheme, each, country)] == []


SCHEMES = st.sampled_from(["ARN", "EORI", "GST", "GTIN", "IOSS", "VAT"])
COUNTRIES = st.sampled_from([*sorted({number[:2] for number in VAT}), "GR", "AU", "CA", "IN", "NZ", ""])
NUMBERS = st.text("0123456789ABEGIKMNTUXZ -.?+*/", max_size=17)


@given(SCHEMES, COUNTRIES, COUNTRIES, st.text(max_size=70) | NUMBERS)
def test_every_text_gets_an_answer(scheme, country, prefix, text):
    for number in (text, prefix + text):
        assert problem(scheme, number, country) in ("", SHAPE, CHECK_DIGIT)
    assert problem(scheme, text, text) in ("", SHAPE, CHECK_DIGIT)


def test_other_schemes_are_nobodys_business():
    assert problem("VOEC", "no such number", "NO") == problem("NATIONAL_ID", "?") == problem("", "") == ""


def test_a_text_longer_than_any_number_is_none():
    assert problem("VAT", "DE136695976" + " " * 100) == SHAPE


def test_every_shape_names_who_published_it():
    shapes = codelist.load("registration-shapes")
    assert set(shapes.values) == {"ARN", "EORI", "EORI GB", "EORI NL", "EORI XI"}
    assert all(row["source"] for row in shapes.values.values())
