"""What sample traffic promises: the same from the same seed, and each ailment in its stated share."""

import datetime as dt
from collections import Counter

import pytest

from parcelgate.api.record.v1.declaration_pb2 import (
    FLOW_EXPORT,
    FLOW_IMPORT,
    FUNCTION_AMEND,
    FUNCTION_CANCEL,
    FUNCTION_ORIGINAL,
)
from parcelgate.app.sample import Plan, traffic
from parcelgate.app.sample.plan import table
from parcelgate.app.sample.statistics import script_of, statistics

DAY = dt.date(2026, 7, 14)
COUNT = 12_000


@pytest.fixture(scope="module")
def post():
    return list(traffic(7, COUNT, day=DAY, channel="post"))


@pytest.fixture(scope="module")
def carrier():
    return list(traffic(7, 4_000, day=DAY, channel="carrier"))


def test_the_same_seed_draws_the_same_samples_and_another_draws_others():
    first = [sample.item.SerializeToString() for sample in traffic(3, 50, day=DAY, channel="post")]
    again = [sample.item.SerializeToString() for sample in traffic(3, 50, day=DAY, channel="post")]
    other = [sample.item.SerializeToString() for sample in traffic(4, 50, day=DAY, channel="post")]
    assert first == again
    assert first != other


def test_a_longer_stream_begins_like_a_shorter_one():
    short = [sample.item.key.identifier for sample in traffic(3, 20, day=DAY, channel="post")]
    long = [sample.item.key.identifier for sample in traffic(3, 200, day=DAY, channel="post")]
    assert long[:20] == short


def test_each_ailment_occurs_in_its_stated_share(post):
    counted = statistics(post)
    for ailment, share in table("ailments")["share"].items():
        # Three standard deviations of a binomial draw, and what the first samples can't come back to.
        tolerance = 3 * (share * (1 - share) / COUNT) ** 0.5 + 0.001
        assert counted.share(ailment) == pytest.approx(share, abs=tolerance), ailment


def test_only_items_meant_to_have_a_wrong_check_digit_have_one(post):
    counted = statistics(post)
    assert counted.s10_invalid == counted.ailments["check-digit"] > 0
    assert counted.s10_valid == COUNT - counted.s10_invalid


def test_carriers_send_waybills_and_no_wrong_check_digits(carrier):
    counted = statistics(carrier)
    assert counted.s10_valid == counted.s10_invalid == 0
    assert counted.ailments["check-digit"] == 0
    for sample in carrier[:500]:
        assert int(sample.item.key.identifier[:9]) % 7 == int(sample.item.key.identifier[9])


def test_identifiers_are_unique_but_for_what_comes_back(post, carrier):
    for samples in (post, carrier):
        fresh = [s.item.key.identifier for s in samples if s.function == FUNCTION_ORIGINAL and s.ailment != "duplicate"]
        assert len(set(fresh)) == len(fresh)


def test_at_least_six_scripts_occur(post):
    assert {"LATIN", "HAN", "KANA", "HANGUL", "DEVANAGARI", "CYRILLIC"} <= statistics(post).scripts_in_share(0.004)
    assert {"ARABIC", "GREEK", "HEBREW", "THAI"} <= set(statistics(post).scripts)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Łukasz Wójcik", "LATIN"),
        ("王秀英", "HAN"),
        ("佐藤 さくら", "KANA"),
        ("김민준", "HANGUL"),
        ("Ольга Бойко", "CYRILLIC"),
        ("123", ""),
    ],
)
def test_a_script_is_named_by_the_letters(text, script):
    assert script_of(text) == script


def test_masses_follow_the_quantiles_of_their_chapter(post):
    quantiles = table("quantiles")
    checked = 0
    for chapter, masses in statistics(post).masses.items():
        if len(masses) < 250:
            continue
        checked += 1
        ordered = sorted(masses)
        for rank in (0.25, 0.5, 0.75):
            real = quantiles["chapter"][chapter]["post"][quantiles["ranks"].index(rank)]
            # A piece weighs at least what such a piece weighs, so that light ranks come out somewhat heavier.
            assert 0.7 * real <= ordered[int(rank * len(ordered))] <= 1.6 * real + 0.35, (chapter, rank)
    assert checked >= 10


def test_values_spread_as_real_ones_do(post):
    low, median, high = _spread([_euros(sample) for sample in post if sample.ailment is None])
    assert 30 <= median <= 400
    assert 2 <= median / low <= 8
    assert 2 <= high / median <= 8


def test_chapters_occur_as_often_as_in_real_declarations(post):
    rows = {chapter: row["rows"] for chapter, row in table("quantiles")["chapter"].items()}
    counted = statistics(post).chapters
    for chapter, count in rows.items():
        share = count / sum(rows.values())
        assert counted[chapter] / counted.total() == pytest.approx(share, abs=0.012), chapter


def test_goods_come_from_where_real_goods_come_from(post):
    origins = statistics(post).origins_of_goods
    assert [country for country, _ in origins.most_common(3)] == ["CN", "JP", "US"]
    assert 0.35 <= origins["CN"] / origins.total() <= 0.6


def test_no_item_goes_to_where_it_comes_from_and_posts_and_destinations_are_many(post):
    counted = statistics(post)
    assert all(sample.item.origin_country != sample.item.destination_country for sample in post)
    assert len(counted.origins) == len(table("routes")["origin"])
    assert len(counted.destinations) == len(table("routes")["destination"])
    without = {code for code, row in table("routes")["destination"].items() if not row.get("agreement", True)}
    assert 0.01 <= sum(counted.destinations[code] for code in without) / COUNT <= 0.05


def test_duplicates_are_the_same_item_again(post):
    first = {}
    for sample in post:
        key = sample.item.key.identifier
        if sample.ailment == "duplicate":
            assert sample.function == FUNCTION_ORIGINAL
            assert sample.version == 1
            assert sample.item == first[key].item
        elif sample.function == FUNCTION_ORIGINAL:
            first[key] = sample


def test_corrections_change_the_version_before_and_cancellations_end_it(post):
    last = {}
    seen = Counter()
    for sample in post:
        key = sample.item.key.identifier
        if sample.ailment in ("correction", "cancellation"):
            before = last[key]
            seen[sample.ailment] += 1
            assert before.function != FUNCTION_CANCEL
            assert sample.version == before.version + 1
            assert sample.item.key == before.item.key
            assert sample.function == (FUNCTION_AMEND if sample.ailment == "correction" else FUNCTION_CANCEL)
            assert (sample.item != before.item) == (sample.ailment == "correction")
        last[key] = sample
    assert seen["correction"] > 50 < seen["cancellation"]


def test_a_clean_plan_has_only_clean_originals():
    counted = statistics(traffic(1, 500, day=DAY, channel="post", plan=Plan.clean()))
    assert not counted.ailments
    assert counted.functions == {"FUNCTION_ORIGINAL": 500}


def test_a_plan_decides_on_flows():
    plan = Plan(flows={FLOW_IMPORT: 1.0, FLOW_EXPORT: 1.0})
    flows = statistics(traffic(1, 500, day=DAY, channel="post", plan=plan)).flows
    assert 180 < flows["FLOW_EXPORT"] < 320


@pytest.mark.parametrize("shares", [{"gremlins": 0.1}, {"late": 0.7, "vague": 0.7}, {"late": -0.1}])
def test_a_plan_that_cannot_be_is_refused(shares):
    with pytest.raises(ValueError, match="ailments"):
        Plan(shares=shares)


def _euros(sample):
    amount = sample.item.declared_value
    return amount.units / table("routes")["per_euro"][amount.currency]


def _spread(values):
    ordered = sorted(values)
    return [ordered[int(rank * len(ordered))] for rank in (0.25, 0.5, 0.75)]
