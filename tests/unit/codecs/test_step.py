"""Steps of foreign paths."""

import pytest

from parcelgate.codecs.mapping.step import Choice, Step, steps_of


def test_a_plain_path_is_names():
    assert steps_of("a/b.c/@d") == [Step("a"), Step("b.c"), Step("@d")]
    assert steps_of("") == []


def test_a_step_may_choose_by_values_by_place_and_say_that_it_is_an_array():
    (found,) = steps_of("numbers[][typeCode=SDT][issuer/code=NO]")
    assert found == Step("numbers", (Choice("typeCode", "SDT"), Choice("issuer/code", "NO")), 0, array=True)
    assert steps_of("line[2]/text") == [Step("line", place=2), Step("text")]


def test_a_pattern_is_matched_as_a_whole():
    (found,) = steps_of("id[number~IM\\d{10}]")
    (test,) = found.tests
    assert test.holds("IM0123456789")
    assert not test.holds("IM01234567890")
    assert not test.holds(None)


@pytest.mark.parametrize("path", ["a//b", "/a", "a/", "a[b", "a]b", "a[b=c]d", "a[b]", "a[0]"])
def test_a_path_that_makes_no_sense_is_refused(path):
    with pytest.raises(ValueError, match=r"step|neither"):
        steps_of(path)
