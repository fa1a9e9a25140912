"""Which version a shipment becomes; and resume tokens, which name a place in one log only."""

import pytest

from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_AMEND, FUNCTION_CANCEL, FUNCTION_ORIGINAL
from parcelgate.carrier.resume import sequence_of, token_of
from parcelgate.carrier.version import Known, Verdict, judge
from parcelgate.core.port import RejectError

NONE = Known()
LIVING = Known(3, FUNCTION_AMEND, "same", "r1", 1)
CANCELLED = Known(4, FUNCTION_CANCEL, "key", "r2", 1)


@pytest.mark.parametrize(
    ("function", "canonical_hash", "known", "verdict"),
    [
        (FUNCTION_ORIGINAL, "same", NONE, Verdict(1)),
        (FUNCTION_AMEND, "same", NONE, Verdict(fault_code="NOTHING_TO_AMEND")),
        (FUNCTION_CANCEL, "key", NONE, Verdict(fault_code="NOTHING_TO_CANCEL")),
        (FUNCTION_ORIGINAL, "same", LIVING, Verdict(3, unchanged=True)),
        (FUNCTION_ORIGINAL, "other", LIVING, Verdict(fault_code="CHANGED_WITHOUT_AMEND")),
        (FUNCTION_AMEND, "same", LIVING, Verdict(3, unchanged=True)),
        (FUNCTION_AMEND, "other", LIVING, Verdict(4)),
        (FUNCTION_CANCEL, "key", LIVING, Verdict(4)),
        (FUNCTION_CANCEL, "key", CANCELLED, Verdict(4, unchanged=True)),
        (FUNCTION_ORIGINAL, "same", CANCELLED, Verdict(5)),
        (FUNCTION_AMEND, "other", CANCELLED, Verdict(5)),
    ],
)
def test_the_verdict_follows_from_function_content_and_what_was_known(function, canonical_hash, known, verdict):
    assert judge(function, canonical_hash, known) == verdict


@pytest.mark.parametrize("sequence", [1, 2**40, 2**63])
def test_a_token_names_its_place(sequence):
    token = token_of("carrier-orbit", "test", sequence)
    assert sequence_of("carrier-orbit", "test", token) == sequence and len(token) == 24


def test_no_token_is_the_beginning():
    assert sequence_of("carrier-orbit", "test", "") == 0


@pytest.mark.parametrize(("partner", "environment"), [("carrier-swift", "test"), ("carrier-orbit", "live")])
def test_a_token_is_of_one_partner_and_environment(partner, environment):
    with pytest.raises(RejectError):
        sequence_of(partner, environment, token_of("carrier-orbit", "test", 7))


def test_a_token_with_any_character_changed_is_refused():
    token = token_of("carrier-orbit", "test", 7)
    for place, character in enumerate(token):
        changed = token[:place] + ("A" if character != "A" else "B") + token[place + 1 :]
        with pytest.raises(RejectError):
            sequence_of("carrier-orbit", "test", changed)


@pytest.mark.parametrize("token", ["=", "A", "ü", " ", "A" * 1000, "\n" * 24])
def test_what_is_no_token_is_refused(token):
    with pytest.raises(RejectError):
        sequence_of("carrier-orbit", "test", token)
