"""What a fault shows of a value of the sender's."""

import pytest

from parcelgate.codecs.mapping.masking import masked, value_shown


@pytest.mark.parametrize("text", ["NL", "EUR", "12.50", "3 ".strip(), "2026-11-03T10:15:00+01:00", "RR123456785NZ", ""])
def test_codes_and_numbers_are_shown(text):
    assert value_shown(f" {text} ") == text


@pytest.mark.parametrize("text", ["Anna", "Anna 12", "12 Harbour Road", "x" * 41, "Åse", "anna@example.org", "٣٤"])
def test_what_may_be_a_name_is_not(text):
    assert value_shown(text) == masked(text) == f"{text[0]}… ({len(text)} characters)"


def test_a_field_of_a_person_is_masked_whatever_it_says():
    assert value_shown("12.50", personal=True) == "1… (5 characters)"
    assert value_shown("  ", personal=True) == ""
