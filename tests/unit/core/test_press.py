"""Bodies are pressed and come back as they were, whatever they are."""

import secrets

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from parcelgate.core import press


@given(st.binary(max_size=64).flatmap(lambda piece: st.integers(0, 500).map(lambda times: piece * times)))
def test_what_was_pressed_comes_back_as_it_was(body):
    assert press.opened(press.pressed(body)) == body


def test_a_document_becomes_far_smaller():
    assert len(press.pressed(b"<ContentPiece><Amount>1.00</Amount></ContentPiece>" * 1000)) < 1000


def test_what_does_not_shrink_stays_what_it_is():
    sealed = secrets.token_bytes(10_000)
    assert press.pressed(sealed) is sealed
    assert press.pressed(b"short") == b"short"


def test_a_body_that_looks_pressed_by_itself_comes_back_unopened():
    for foreign in (zstd.compress(b"what a partner sent"), b"\x28\xb5\x2f\xfd and no frame at all"):
        assert press.opened(press.pressed(foreign)) == foreign


@pytest.mark.parametrize("damage", [lambda f: f[:-1], lambda f: f[:9] + b"\xff" * 9 + f[18:], lambda f: f + b"more"])
def test_a_damaged_body_is_said_to_be_damaged(damage):
    with pytest.raises(ValueError, match="pressed body"):
        press.opened(damage(press.pressed(b"<item>1</item>" * 1000)))


def test_a_body_that_would_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(press, "_MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="holds more"):
        press.opened(press.pressed(b"a" * 5000))
