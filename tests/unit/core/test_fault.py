"""The catalogue of faults."""

import re
import string

import pytest

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, SEVERITY_WARNING
from parcelgate.core.fault import catalogue, fault


def test_every_code_has_a_sentence_and_a_hint_for_a_person():
    for row in catalogue().values():
        assert re.fullmatch(r"[A-Z][A-Z0-9_]{3,62}", row.code), row.code
        assert row.sentence.endswith(".") and row.hint.endswith("."), row.code
        assert len(row.sentence) <= 200 and len(row.hint) <= 240, row.code


def test_words_in_braces_are_plain_names():
    for row in catalogue().values():
        for _, name, form, _ in string.Formatter().parse(row.sentence + row.hint):
            assert name is None or (name.isidentifier() and not form), row.code


def test_a_fault_says_what_where_and_how_to_mend_it():
    made = fault(
        "TRIED_TOO_OFTEN", attempts=7, reason="risk is away", address="/a/b[2]", line=3, item="X", item_number=2
    )
    assert made.sentence == "The work was tried 7 times without success: risk is away."
    assert (made.severity, made.address, made.line, made.item_number) == (SEVERITY_ERROR, "/a/b[2]", 3, 2)
    assert made.hint


def test_a_leniency_may_soften_a_fault():
    assert fault("DATA_ERASED", severity=SEVERITY_WARNING).severity == SEVERITY_WARNING


def test_a_long_value_is_cut():
    assert len(fault("DATA_ERASED", value="x" * 500).value) == 80


def test_an_unknown_code_or_a_missing_word_is_our_own_bug():
    with pytest.raises(KeyError):
        fault("NO_SUCH_CODE")
    with pytest.raises(KeyError):
        fault("TRIED_TOO_OFTEN", attempts=7)
