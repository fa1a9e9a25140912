"""Every profile has declarations it fires on and near misses it does not."""

import pytest

from parcelgate.risk.assess import Assessor
from unit.risk.declare import CORPUS, declaration, from_corpus

ASSESSOR = Assessor.load()
PROFILES = sorted(one.rule.id for one in ASSESSOR.edition(0).profiles)
FIRES = sorted(CORPUS.glob("*/fires.*.textproto"))
NEAR_MISSES = sorted(CORPUS.glob("*/near-miss.*.textproto"))


def _name(path):
    return f"{path.parent.name}/{path.stem}"


def _fired(one):
    return {hit.rule.id for hit in ASSESSOR.examine(one)}


def test_there_are_at_least_eight_profiles_and_each_folder_is_one():
    assert len(PROFILES) >= 8
    assert sorted(path.name for path in CORPUS.iterdir() if path.is_dir()) == PROFILES


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_has_a_case_that_fires_and_a_near_miss(profile):
    assert list((CORPUS / profile).glob("fires.*.textproto"))
    assert list((CORPUS / profile).glob("near-miss.*.textproto"))


@pytest.mark.parametrize("path", FIRES, ids=_name)
def test_the_profile_fires(path):
    assert path.parent.name in _fired(from_corpus(path))


@pytest.mark.parametrize("path", NEAR_MISSES, ids=_name)
def test_the_near_miss_does_not_fire(path):
    assert path.parent.name not in _fired(from_corpus(path))


def test_nothing_is_found_in_an_ordinary_declaration():
    assert _fired(declaration()) == set()
