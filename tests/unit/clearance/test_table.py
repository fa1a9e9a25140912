"""Regime tables are checked when they are read; an operator's folder replaces files of the same name."""

import shutil

import pytest

from parcelgate.clearance import regime
from parcelgate.clearance.table import TableError
from parcelgate.core import resource


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(resource.schemas() / "regimes", tmp_path / "regimes")
    return tmp_path / "regimes"


def edit(path, old, new, count=1):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), "utf-8")


def test_the_tables_that_come_with_parcelgate_are_sound():
    tables = regime.load()
    assert {territory.id for territory in tables.territories} == {"EU", "GB"}
    assert sum(member.territory == "EU" for member in tables.members) == 27


def test_every_member_state_has_a_vat_rate_through_2026():
    tables = regime.load()
    places = {row.place for row in tables.vat if row.valid_to.year > 2026}
    assert {member.country for member in tables.members} <= places


def test_every_row_says_where_it_comes_from_and_what_law_it_follows():
    tables = regime.load()
    for row in (*tables.thresholds, *tables.duties, *tables.vat):
        assert row.source
        assert row.legal_reference
        assert row.name == f"{row.id}@{row.version}"


def test_rates_that_nobody_published_say_that_they_are_samples():
    labels = {rate.name: rate.label for rate in regime.load().exchange_rates}
    assert "(sample;" in labels["eu-sample@1 USD"]
    assert "(sourced;" in labels["eu-fixed@1 BGN"]


def test_two_rows_for_the_same_thing_on_the_same_day_are_refused(folder):
    edit(folder / "vat.toml", 'valid_to = "2025-06-30"', 'valid_to = "2025-07-01"')
    with pytest.raises(TableError, match=r"eu-vat-ee-2024-01@1 and eu-vat-ee-2025-07@1 both hold on 2025-07-01"):
        regime.load(folder)


def test_two_thresholds_of_the_same_amount_on_the_same_day_are_refused(folder):
    text = (folder / "thresholds.toml").read_text("utf-8")
    row = next(part for part in text.split("[[row]]") if 'id = "gb-duty-relief-135"' in part)
    (folder / "thresholds.toml").write_text(f"{text}\n[[row]]{row.replace('gb-duty-relief-135', 'again')}", "utf-8")
    with pytest.raises(TableError, match="both hold"):
        regime.load(folder)


def test_an_exchange_rate_in_two_files_is_refused(folder):
    rates = folder / "exchange-rates"
    edit(rates / "eu-fixed.toml", 'HRK = "7.5345"', 'HRK = "7.5345"\nUSD = "1.10"')
    with pytest.raises(TableError, match="USD"):
        regime.load(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "duties.toml",
            'kind = "per-classification"',
            'kind = "per-classification"\ncolour = "red"',
            "unknown column colour",
        ),
        ("duties.toml", 'hs = ""\n', "", "missing column hs"),
        ("duties.toml", 'amount = "3.00"', "amount = 3.0", "column amount"),
        ("duties.toml", 'amount = "3.00"', 'amount = ""', "per-classification wants an amount"),
        ("duties.toml", 'currency = "EUR"', 'currency = "GBP"', "not the currency of the territory EU"),
        ("duties.toml", "digits = 6", "digits = 5", "column digits"),
        ("vat.toml", 'rate = "20"', 'rate = "twenty"', "column rate"),
        ("vat.toml", 'rate = "20"', 'rate = "-1"', "column rate"),
        ("vat.toml", 'base = ["goods", "postage", "duty"]', 'base = ["postage"]', "base is goods"),
        ("thresholds.toml", 'valid_from = "2024-01-01"', 'valid_from = "2024-13-01"', "column valid_from"),
        ("thresholds.toml", 'valid_from = "2024-01-01"', 'valid_from = "2024-W01-1"', "column valid_from"),
        ("thresholds.toml", 'valid_to = ""', 'valid_to = "2020-01-01"', "valid_to is before valid_from"),
        ("thresholds.toml", 'comparison = "<="', 'comparison = ">"', "column comparison"),
        ("thresholds.toml", 'treatment = "low-value"', 'treatment = "relief"', "no treatment of FORMALITY"),
        ("territories.toml", 'currency = "EUR"', 'currency = "EUX"', "EU"),
        ("reasons.toml", "[HS_MISSING]", "[HS_GONE]", "no sentence for HS_MISSING"),
        ("members.toml", "[[row]]", "[[line]]", r"only \[\[row\]\]"),
        ("zones.toml", "[[row]]", "[[row", "zones.toml"),
        ("exchange-rates/eu-sample.toml", 'USD = "1.15"', "USD = 1.15", "rate of USD"),
        ("exchange-rates/eu-sample.toml", 'USD = "1.15"', 'USD = "0"', "more than zero"),
        ("exchange-rates/eu-sample.toml", 'base = "EUR"', 'base = "USD"', "not the currency"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(folder, file, old, new, said):
    edit(folder / file, old, new)
    with pytest.raises(TableError, match=said):
        regime.load(folder)


def test_an_operators_file_replaces_the_whole_file_of_that_name(tmp_path):
    text = (resource.schemas() / "regimes" / "duties.toml").read_text("utf-8")
    (tmp_path / "duties.toml").write_text(text.replace('amount = "3.00"', 'amount = "4.00"'), "utf-8")
    changed, shipped = regime.load(tmp_path), regime.load()
    assert str(changed.duties[0].amount) == "4.00"
    assert changed.thresholds == shipped.thresholds


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        regime.load(tmp_path / "none")
