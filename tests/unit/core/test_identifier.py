"""S10, S8, S9, IMPC and HS codes, against published, computed and made-up examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelgate.core.identifier import (
    S8,
    S9,
    hs_digits,
    hs_is_wellformed,
    impc_is_shaped,
    s8_parts,
    s9_parts,
    s10_check_digit,
    s10_is_valid,
    s10_parts,
)

PUBLISHED = ["EE471108151FR", "EB000717618HK", "RB167995284IT", "RR473124829GB"]
COMPUTED = [
    "LA123456785XB",
    "EE000001235AU",
    "UX000001200XA",
    "CP100200305NZ",
    "CC202600011NZ",
    "EM987654326XC",
    "RX000000014XA",
]


@pytest.mark.parametrize("text", PUBLISHED + COMPUTED)
def test_a_right_s10_is_valid(text):
    assert s10_is_valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "LA123456784XB",
        "EE000001230AU",
        "CP001020301BR",
        "LA12345678XB",
        "1A123456785XB",
        "la123456785xb",
        "",
        "JA123456785XB",
        "RR４７３１２４８２９DE",
    ],
)
def test_a_wrong_s10_is_not_valid(text):
    assert not s10_is_valid(text)


@given(st.integers(0, 99_999_999), st.integers(0, 9))
def test_exactly_one_check_digit_is_right_and_the_parts_are_kept(serial, digit):
    text = f"RR{serial:08}{digit}DE"
    parts = s10_parts(text)
    assert parts is not None
    assert (parts.service, parts.serial, parts.check_digit, parts.country) == ("RR", f"{serial:08}", digit, "DE")
    assert s10_is_valid(text) == (digit == s10_check_digit(f"{serial:08}"))


@pytest.mark.parametrize("code", ["610910", "61091000", "6109100010", "010121", "970110"])
def test_a_hs_code_has_six_eight_or_ten_digits(code):
    assert hs_is_wellformed(code)


@pytest.mark.parametrize("code", ["", "6109", "61091", "6109100", "000000", "770110", "61091O", "61.09.10", "١٢٣٤٥٦"])
def test_other_texts_are_no_hs_code(code):
    assert not hs_is_wellformed(code)


def test_dots_and_blanks_of_a_written_hs_code_do_not_count():
    assert hs_digits("6109.10 00") == "61091000"


# Made up after the public description of the fields; the offices have the shapes of IMPC codes seen in public sources.
DISPATCH = "NZAKLAAUSYDAACN60012"


def test_a_dispatch_identifier_has_its_parts():
    assert s8_parts(DISPATCH) == S8("NZAKLA", "AUSYDA", "A", "CN", "6", "0012")
    assert s8_parts("BOLPB1NLHAG2DU961234") == S8("BOLPB1", "NLHAG2", "D", "U9", "6", "1234")


def test_a_receptacle_identifier_begins_with_that_of_its_dispatch():
    assert s9_parts(DISPATCH + "003000125") == S9(s8_parts(DISPATCH), "003", False, False, 125)
    assert s9_parts(DISPATCH + "999199999") == S9(s8_parts(DISPATCH), "999", True, None, None)
    assert s9_parts(DISPATCH + "001910000") == S9(s8_parts(DISPATCH), "001", None, True, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        DISPATCH[:-1],
        DISPATCH + "0",
        DISPATCH.lower(),
        "1ZAKLAAUSYDAACN60012",
        "NZAKLAAUSYDAECN60012",
        "NZAKLAAUSYDAACNX0012",
        "NZAKLAAUSYDAACN6O012",
        "NZAKLAAUSYDAACN6001２",
    ],
)
def test_other_texts_are_no_dispatch(text):
    assert s8_parts(text) is None
    assert s9_parts(text + "003000125") is None


@pytest.mark.parametrize(
    "end", ["", "00300012", "0030001250", "003200125", "003020125", "00A000125", "003000 25", "00300012５"]
)
def test_other_texts_are_no_receptacle(end):
    assert s9_parts(DISPATCH + end) is None


@pytest.mark.parametrize("text", ["NLAMSA", "USLAX1", "BO1PBB"])
def test_an_office_of_exchange_is_a_country_a_place_and_a_qualifier(text):
    assert impc_is_shaped(text)


@pytest.mark.parametrize("text", ["", "NLAMS", "NLAMSAB", "nlamsa", "N1AMSA", "NLAMS-", "NLAMSÄ"])
def test_other_texts_are_no_office(text):
    assert not impc_is_shaped(text)
