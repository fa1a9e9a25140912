"""The data that the rules of quality and the profiles look things up in: schemas/risk and a few code lists."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from parcelgate.core import codelist
from parcelgate.risk.rule import Rule, rule_of
from parcelgate.risk.subject import NANOS
from parcelgate.risk.words import Lexicon, Terms, Tokens, tokens, with_english_plurals

STOP_TERMS = "stop-words"
CODE_LISTS = (
    "countries-without-postcode",
    "iso-3166-1",
    "iso-4217",
    "registration-shapes",
    "s10-service-indicators",
    "stop-words",
    "unece-rec-20",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of quality.toml; masses in milligrams, values in billionths of a unit, times in days."""

    cut_lengths: frozenset[int]
    file_extensions: tuple[str, ...]
    postal_gross_mass_at_most: int
    gross_mass_at_least: int
    express_gross_mass_at_most: int
    value_difference_at_most: int
    posting_ahead_at_most: int
    posting_behind_at_most: int
    telephone_digits: tuple[int, int]
    city_states: frozenset[str]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A row of the table of thresholds; amount in billionths of the currency unit, days as ordinals."""

    territory: frozenset[str]
    currency: str
    amount: int
    first_day: int
    last_day: int


@dataclass(frozen=True, slots=True)
class Reference:
    """All data beside the profiles."""

    rules: Mapping[str, Rule]
    limits: Limits
    lists: Mapping[str, frozenset[str]]
    lexicon: Lexicon
    quantiles: Mapping[str, Mapping[str, Mapping[str, float]]]
    ranges: Mapping[str, Mapping[str, tuple[float, float]]]
    thresholds: Mapping[str, tuple[Threshold, ...]]
    usd_per_nano: Mapping[str, float]
    countries: Mapping[str, str]
    country_names: Mapping[str, tuple[str, ...]]
    currencies: Mapping[str, Any]
    without_postcode: frozenset[str]
    service_indicators: Mapping[str, Any]
    units: Mapping[str, Any]
    goods_terms: Terms
    party_terms: frozenset[Tokens]
    party_beginnings: frozenset[str]


def read(path: Path, *needed: str) -> dict[str, Any]:
    """Read a TOML file; raises ValueError naming the file if it is not TOML or lacks version, source or a needed key."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: {error}") from error
    missing = [key for key in ("version", "source", *needed) if key not in data]
    if missing:
        raise ValueError(f"{path.name}: {', '.join(missing)} missing")
    return data


def load(root: Path) -> Reference:
    """Read lists, tables and rules below the folder schemas/risk; raises ValueError naming the file that is wrong."""
    lists = {path.stem: read(path, "kind", "values") for path in sorted((root / "lists").glob("*.toml"))}
    tables = {path.stem: read(path, "kind") for path in sorted((root / "tables").glob("*.toml"))}
    codes = {name: frozenset(map(str, data["values"])) for name, data in lists.items() if data["kind"] != "words"}
    stop = codelist.load("stop-words").values
    goods_terms = [term for term, row in stop.items() if row["scope"] in ("description", "both")]
    quality = read(root / "quality.toml", "limits", "rules")
    party_terms = frozenset(tokens(term) for term, row in stop.items() if row["scope"] in ("party", "both"))
    countries = codelist.load("iso-3166-1").values
    rates = [data for data in tables.values() if data["kind"] == "rates"]
    return Reference(
        rules={
            name: rule_of(table, f"quality.{name}", quality["version"], f"quality.toml, rule {name}")
            for name, table in quality["rules"].items()
        },
        limits=_limits(quality["limits"]),
        lists=codes,
        lexicon=Lexicon({**_phrases(lists), STOP_TERMS: goods_terms}),
        quantiles=_tables(tables, "quantiles"),
        ranges={
            name: {prefix: (row["low"], row["high"]) for prefix, row in rows.items()}
            for name, rows in _tables(tables, "ranges").items()
        },
        thresholds={
            name: tuple(_threshold(row, codes, name) for row in data["rows"])
            for name, data in tables.items()
            if data["kind"] == "thresholds"
        },
        usd_per_nano={code: 1 / (rate * NANOS) for data in rates for code, rate in data["values"].items()},
        countries=countries,
        country_names={code: tokens(name) for code, name in countries.items()},
        currencies=codelist.load("iso-4217").values,
        without_postcode=frozenset(codelist.load("countries-without-postcode").values),
        service_indicators=codelist.load("s10-service-indicators").values,
        units=codelist.load("unece-rec-20").values,
        goods_terms=Terms(goods_terms),
        party_terms=party_terms,
        party_beginnings=frozenset(term[0] for term in party_terms if term),
    )


def territory(entries: list[str], lists: Mapping[str, frozenset[str]], place: str) -> frozenset[str]:
    """Resolve countries and @names of lists of countries; raises ValueError naming the place for an unknown list."""
    found: set[str] = set()
    for entry in entries:
        if not entry.startswith("@"):
            found.add(entry)
        elif entry[1:] in lists:
            found |= lists[entry[1:]]
        else:
            raise ValueError(f"{place}: unknown list {entry[1:]}, known are {', '.join(sorted(lists))}")
    return frozenset(found)


def _phrases(lists: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    return {
        name: with_english_plurals(data["values"]) if data.get("plurals") == "english" else data["values"]
        for name, data in lists.items()
        if data["kind"] == "words"
    }


def _tables(tables: Mapping[str, Mapping[str, Any]], kind: str) -> dict[str, Mapping[str, Any]]:
    return {name: data["values"] for name, data in tables.items() if data["kind"] == kind}


def _threshold(row: Mapping[str, Any], lists: Mapping[str, frozenset[str]], name: str) -> Threshold:
    last: date = row.get("valid_to", date.max)
    return Threshold(
        territory(row["territory"], lists, f"{name}.toml"),
        row["currency"],
        row["amount"] * NANOS,
        row["valid_from"].toordinal(),
        last.toordinal(),
    )


def _limits(data: Mapping[str, Any]) -> Limits:
    low, high = data["telephone_digits"]
    return Limits(
        **{
            **data,
            "cut_lengths": frozenset(data["cut_lengths"]),
            "file_extensions": tuple(f".{extension}" for extension in data["file_extensions"]),
            "telephone_digits": (low, high),
            "city_states": frozenset(data["city_states"]),
        }
    )
