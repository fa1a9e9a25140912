"""Profiles are data: a change needs no code, and a mistake fails at load and says where."""

import shutil
from datetime import date

import pytest

from parcelgate.core import resource
from parcelgate.risk.assess import Assessor
from unit.risk.declare import declaration

PROFILE = """
id = "heavy"
version = "1"
valid_from = 2026-01-01
valid_to = 2026-12-31
source = "test"
author = "test desk"
channel = "any"
territory = ["*"]
weight = 10
action = "NONE"
reason = "HEAVY"
sentence = "Heavy."

[[when]]
all = [{ field = "item.gross_mass_mg", operator = "above", value = 800000 }]
"""
ROW = '{ field = "item.gross_mass_mg", operator = "above", value = 800000 }'


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(resource.schemas() / "risk", tmp_path / "risk")
    for path in (tmp_path / "risk" / "profiles").glob("*.toml"):
        path.unlink()
    return tmp_path / "risk"


def _load(folder, text, name="heavy.toml"):
    (folder / "profiles" / name).write_text(text, "utf-8")
    return Assessor.load(folder)


def _fired(assessor, one=None):
    found = {hit.rule.id for hit in assessor.examine(declaration() if one is None else one)}
    return {rule for rule in found if not rule.startswith("quality.")}


def test_a_new_file_is_a_new_profile_and_changes_the_name_of_the_set(folder):
    without = Assessor.load(folder)
    assessor = _load(folder, PROFILE)
    assert _fired(without) == set()
    assert _fired(assessor) == {"heavy"}
    assert without.profile_set != assessor.profile_set


def test_the_day_the_data_came_in_chooses_the_version(folder):
    later = PROFILE.replace('"1"', '"2"').replace("valid_from = 2026-01-01", "valid_from = 2027-01-01")
    later = later.replace("valid_to = 2026-12-31\n", "").replace("800000", "2000000")
    _load(folder, later, "heavy-2.toml")
    assessor = _load(folder, PROFILE)
    one = declaration()
    assert _fired(assessor, one) == {"heavy"}
    one.provenance.received.utc_micros += 365 * 86_400_000_000
    assert _fired(assessor, one) == set()
    one.provenance.Clear()
    assert _fired(assessor, one) == set()
    assert [entry.rule.version for entry in assessor.edition(date(2026, 6, 1).toordinal()).profiles] == ["1"]


@pytest.mark.parametrize(
    ("old", "new", "fires"),
    [
        ('channel = "any"', 'channel = "EXPRESS"', False),
        ('channel = "any"', 'channel = "POST"', True),
        ('["*"]', '["FR"]', False),
        ('["*"]', '["FR", "DE"]', True),
        ('["*"]', '["@european-union"]', True),
        (ROW, '{ field = "item.nature", operator = "is_not", value = "GIFT" }', True),
        (ROW, '{ field = "item.nature", operator = "in", values = ["SALE"] }', True),
        (ROW, '{ field = "item.mail_subclass", operator = "missing" }', True),
        (ROW, '{ field = "item.mail_subclass", operator = "is_not", value = "CN" }', False),
        (ROW, '{ field = "line.hs_code", operator = "not_starts_with", values = ["61"] }', True),
        (ROW, '{ field = "line.hs_code", operator = "starts_with", values = ["62"] }', False),
        (ROW, '{ field = "line.quantity", operator = "at_least", value = 2 }', True),
        (ROW, '{ field = "line.quantity", operator = "at_most", value = 0 }', False),
        (
            ROW,
            '{ field = "line.quantity", operator = "above", value = 1 }, { field = "line.hs_code", operator = "is", value = "420330" }',
            False,
        ),
    ],
)
def test_channel_territory_and_rows_decide_whether_it_fires(folder, old, new, fires):
    assert _fired(_load(folder, PROFILE.replace(old, new))) == ({"heavy"} if fires else set())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "item.gross_mass_mg",
            "item.gros_mass",
            "heavy.toml, alternative 1, row 1: unknown field item.gros_mass, known are",
        ),
        ('"above"', '"over"', "item.gross_mass_mg has no operator over, it has above"),
        (ROW, '{ field = "line.words", operator = "contains_any", list = "arms" }', "unknown list arms, known are"),
        (ROW, '{ field = "line.hs_code", operator = "in", list = "arms" }', "unknown list arms, known are"),
        (
            ROW,
            '{ field = "line.value_per_kg_usd", operator = "below_quantile", table = "x", quantile = "p05" }',
            "unknown table x",
        ),
        (
            ROW,
            '{ field = "line.value_per_kg_usd", operator = "below_quantile", table = "value-per-kg", quantile = "p02" }',
            "has no quantile p02",
        ),
        (
            ROW,
            '{ field = "item.origin_country", operator = "differs_from", other = "line.hs_code" }',
            "cannot be compared",
        ),
        (ROW, '{ field = "item.sender_is_organisation", operator = "is", value = "yes" }', "must be true or false"),
        ("value = 800000", 'value = "800000"', "value must be a number"),
        ("value = 800000", "valu = 800000", "unknown key valu"),
        (", value = 800000", "", "operator above needs value"),
        ('["*"]', '["@europe"]', "unknown list europe"),
        ('"NONE"', '"HALT"', "unknown action HALT"),
        ('"NONE"', '"REFER_SCREENING"', "needs a question"),
        ("weight = 10", "weight = 2000", "weight must be"),
        ("weight = 10\n", "", "weight missing"),
        ('version = "1"\n', "", "version missing"),
        ('"any"', '"RAIL"', "unknown channel RAIL"),
        ("2026-12-31", "2025-12-31", "valid_from and valid_to"),
        ('id = "heavy"', 'id = "light"', "must begin with the id light"),
        ('reason = "HEAVY"', 'reason = "HEAVY"\nexpression = "1"', "unknown key expression"),
        ("all = [", "any = [", "a list of rows named all"),
        ('id = "heavy"', "id = heavy", "heavy.toml:"),
    ],
)
def test_a_mistake_fails_at_load_and_says_where(folder, old, new, says):
    assert old in PROFILE
    with pytest.raises(ValueError, match=says):
        _load(folder, PROFILE.replace(old, new))


def test_two_versions_of_a_profile_may_not_overlap(folder):
    (folder / "profiles" / "heavy-2.toml").write_text(PROFILE.replace('"1"', '"2"'), "utf-8")
    with pytest.raises(ValueError, match="profile heavy: versions 2 and 1 overlap"):
        _load(folder, PROFILE)
