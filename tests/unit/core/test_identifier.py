"""S10 and HS codes, against published and computed examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelgate.core.identifier import hs_digits, hs_is_wellformed, s10_check_digit, s10_is_valid, s10_parts

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
