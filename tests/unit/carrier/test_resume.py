"""Resume tokens name a place in one log only."""

import pytest

from parcelgate.carrier.resume import sequence_of, token_of
from parcelgate.core.port import RejectError


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
