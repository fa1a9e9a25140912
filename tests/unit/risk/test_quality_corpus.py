"""Rules of data quality that have a folder in the corpus: what breaks the rule, and what only looks like it."""

import pytest

from parcelgate.risk.assess import Assessor
from unit.risk.declare import CORPUS, from_corpus

ASSESSOR = Assessor.load()
QUALITY = CORPUS.parent / "quality"
RULES = sorted(path.name for path in QUALITY.iterdir() if path.is_dir())
FIRES = sorted(QUALITY.glob("*/fires.*.textproto"))
NEAR_MISSES = sorted(QUALITY.glob("*/near-miss.*.textproto"))


def _name(path):
    return f"{path.parent.name}/{path.stem}"


def _hits(path):
    return ASSESSOR.examine(from_corpus(path))


def test_each_folder_is_a_rule_with_a_case_that_fires_and_a_near_miss():
    assert set(RULES) <= set(ASSESSOR.rules)
    assert {path.parent.name for path in FIRES} == {path.parent.name for path in NEAR_MISSES} == set(RULES)


def test_the_numbers_of_parties_and_goods_and_the_units_are_among_them():
    numbers = {"registration-shape", "registration-check-digit", "gtin-shape", "gtin-check-digit", "unit-unknown"}
    assert numbers <= set(RULES)


@pytest.mark.parametrize("path", FIRES, ids=_name)
def test_the_rule_fires_alone_asks_for_nothing_and_rides_along(path):
    (hit,) = _hits(path)
    assert hit.rule.id == f"quality.{path.parent.name}"
    assert hit.rule.action == "NONE"
    assert "{" not in hit.sentence()


@pytest.mark.parametrize("path", NEAR_MISSES, ids=_name)
def test_the_near_miss_breaks_no_rule(path):
    assert _hits(path) == []
