"""The tables of schemas/regimes, read and checked once: territories, zones, thresholds, rates of duty and VAT, agencies, reasons.

This is the one place that reads them; an operator's folder replaces files of the same name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from parcelgate.clearance import amount, exchange, table
from parcelgate.core import resource

_BASES = table.one_of("ACCEPTANCE", "ARRIVAL", "RELEASE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory(table.Dated):
    """A customs territory with its currency."""

    title: str
    currency: str
    zone: str
    legal_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(table.Dated):
    """A country in a territory."""

    country: str
    territory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone(table.Dated):
    """Postcodes of a country where other rules hold; an empty territory has no data here."""

    country: str
    postcodes: tuple[str, ...]
    postcode_needed: bool
    territory: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(table.Dated):
    """Up to which intrinsic value a treatment applies; no amount is no limit."""

    territory: str
    flow: str
    channel: str
    transaction: str
    measure: str
    treatment: str
    requires: str
    comparison: str
    amount: Decimal | None
    currency: str
    basis: str
    needs_hs: bool
    excluded_hs: tuple[str, ...]
    date_basis: str
    legal_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty(table.Dated):
    """A rate of customs duty."""

    territory: str
    kind: str
    hs: str
    digits: int
    amount: Decimal | None
    currency: str
    rate: Decimal | None
    excluded_origins: tuple[str, ...]
    date_basis: str
    legal_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vat(table.Dated):
    """A rate of import VAT in a country or zone, in per cent."""

    place: str
    rate: Decimal
    base: tuple[str, ...]
    excluded_hs: tuple[str, ...]
    date_basis: str
    legal_reference: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a reason says, and what the declarant is asked for."""

    sentence: str
    asks: str


@dataclass(frozen=True, slots=True)
class Regime:
    """All tables."""

    territories: tuple[Territory, ...]
    members: tuple[Member, ...]
    zones: Mapping[str, tuple[Zone, ...]]
    thresholds: tuple[Threshold, ...]
    duties: tuple[Duty, ...]
    vat: tuple[Vat, ...]
    agencies: Mapping[str, tuple[str, str]]
    sentences: Mapping[str, Sentence]
    exchange_rates: tuple[exchange.Rate, ...]


_IDENTIFIED = {"id": table.text, **table.DATED}
_TERRITORY = {
    **_IDENTIFIED,
    "title": table.text,
    "currency": table.text,
    "zone": table.text,
    "legal_reference": table.text,
}
_MEMBER = {**table.DATED, "country": table.text, "territory": table.text}
_ZONE = {
    **_IDENTIFIED,
    "country": table.text,
    "postcodes": table.texts,
    "postcode_needed": table.flag,
    "territory": table.text_or_none,
    "note": table.text,
}
_THRESHOLD = {
    **_IDENTIFIED,
    "territory": table.text,
    "flow": table.one_of("IMPORT", "EXPORT"),
    "channel": table.one_of("any", "post", "express"),
    "transaction": table.one_of("any", "B2C", "B2B", "C2C", "gift"),
    "measure": table.one_of("FORMALITY", "DUTY", "VAT"),
    "treatment": table.one_of("low-value", "relief", "per-classification", "at-sale", "import"),
    "requires": table.one_of("", "IOSS"),
    "comparison": table.one_of("<=", "<"),
    "amount": table.amount_or_none,
    "currency": table.text,
    "basis": table.one_of("intrinsic"),
    "needs_hs": table.flag,
    "excluded_hs": table.texts,
    "date_basis": _BASES,
    "legal_reference": table.text,
}


def _digits(value: Any) -> int:
    if isinstance(value, bool) or value not in (2, 4, 6, 8, 10):
        raise ValueError("2, 4, 6, 8 or 10 is wanted")
    return int(value)


_DUTY = {
    **_IDENTIFIED,
    "territory": table.text,
    "kind": table.one_of("per-classification", "ad-valorem"),
    "hs": table.text_or_none,
    "digits": _digits,
    "amount": table.amount_or_none,
    "currency": table.text,
    "rate": table.amount_or_none,
    "excluded_origins": table.texts,
    "date_basis": _BASES,
    "legal_reference": table.text,
}
_VAT = {
    **_IDENTIFIED,
    "place": table.text,
    "rate": table.amount,
    "base": table.texts,
    "excluded_hs": table.texts,
    "date_basis": _BASES,
    "legal_reference": table.text,
}
_AGENCY = {
    "rule": table.text,
    "version": table.text,
    "agency": table.text,
    "source": table.text,
    "checked_on": table.checked_day,
}
_TREATMENTS = {
    "FORMALITY": ("low-value",),
    "DUTY": ("relief", "per-classification"),
    "VAT": ("relief", "at-sale", "import"),
}
_R = TypeVar("_R", bound=table.Dated)


def load(folder: Path | None = None) -> Regime:
    """Read the tables that come with parcelgate, each replaced by the file of the same name in the folder, if there is one.

    Raises TableError, naming file, row and column, if a table is wrong; FileNotFoundError if the folder is not there.
    """
    if folder is not None and not folder.is_dir():
        raise FileNotFoundError(folder)

    def place(name: str) -> Path:
        own = None if folder is None else folder / name
        return own if own is not None and own.exists() else resource.schemas() / "regimes" / name

    zones = _dated(place("zones.toml"), _ZONE, Zone)
    regime = Regime(
        territories=_dated(place("territories.toml"), _TERRITORY, Territory),
        members=_dated(place("members.toml"), _MEMBER, Member),
        zones={country: tuple(z for z in zones if z.country == country) for country in {z.country for z in zones}},
        thresholds=_dated(place("thresholds.toml"), _THRESHOLD, Threshold),
        duties=_dated(place("duties.toml"), _DUTY, Duty),
        vat=_dated(place("vat.toml"), _VAT, Vat),
        agencies={
            row["rule"]: (row["agency"], f"{row['rule']}@{row['version']}")
            for row in table.rows(place("agencies.toml"), _AGENCY)
        },
        sentences=_sentences(place("reasons.toml")),
        exchange_rates=exchange.load(place("exchange-rates")),
    )
    _check_overlaps(regime)
    _check_rows(regime)
    _check_currencies(regime)
    return regime


def _dated(path: Path, columns: Mapping[str, table.Column], kind: type[_R]) -> tuple[_R, ...]:
    found = []
    for row in table.rows(path, columns):
        row.setdefault("id", f"{row.get('territory')}-{row.get('country')}".lower())
        found.append(kind(**row, name=f"{row['id']}@{row['version']}"))
    return tuple(found)


def _sentences(path: Path) -> dict[str, Sentence]:
    columns = {"sentence": table.text, "asks": table.text_or_none}
    found = {
        code: Sentence(**table.checked(f"{path.name}, {code}", row, columns))
        for code, row in table.document(path).items()
    }
    missing = table.document(resource.schemas() / "regimes" / "reasons.toml").keys() - found.keys()
    if missing:
        raise table.TableError(f"{path.name}: no sentence for {', '.join(sorted(missing))}")
    return found


def _check_overlaps(regime: Regime) -> None:
    """Check that no two rows are for the same thing on the same day."""
    overlaps = table.refuse_overlaps
    overlaps("territories.toml", regime.territories, lambda row: row.id)
    overlaps("members.toml", regime.members, lambda row: row.country)
    for zones in regime.zones.values():
        for postcode in {code for zone in zones for code in zone.postcodes}:
            overlaps("zones.toml", [zone for zone in zones if postcode in zone.postcodes], lambda _: 0)
    overlaps(
        "thresholds.toml",
        regime.thresholds,
        lambda row: (row.territory, row.flow, row.channel, row.transaction, row.measure, row.requires, row.amount),
    )
    overlaps("duties.toml", regime.duties, lambda row: (row.territory, row.kind, row.hs))
    overlaps("vat.toml", regime.vat, lambda row: row.place)


def _check_rows(regime: Regime) -> None:
    """Check that the columns of a row fit each other."""
    for threshold in regime.thresholds:
        if threshold.treatment not in _TREATMENTS[threshold.measure]:
            raise table.TableError(f"{threshold.name}: {threshold.treatment} is no treatment of {threshold.measure}")
    for duty in regime.duties:
        per_classification = duty.kind == "per-classification"
        if (duty.amount is not None) != per_classification or (duty.rate is None) != per_classification:
            raise table.TableError(f"{duty.name}: per-classification wants an amount, ad-valorem a rate, neither both")
    for vat in regime.vat:
        if not set(vat.base) <= {"goods", "postage", "duty"} or "goods" not in vat.base:
            raise table.TableError(f"{vat.name}: base is goods, and may add postage and duty")


def _check_currencies(regime: Regime) -> None:
    """Check that amounts and exchange rates are in the currency of their territory."""
    currencies = {territory.id: territory.currency for territory in regime.territories}
    for currency in currencies.values():
        if not amount.currency_is_known(currency):
            raise table.TableError(f"territories.toml: {currency} is no currency of ISO 4217")
    stated = [(row.name, row.territory, row.currency) for row in regime.thresholds]
    stated += [(row.name, row.territory, row.currency) for row in regime.duties]
    stated += [(rate.name, rate.territory, rate.base) for rate in regime.exchange_rates]
    for name, territory, currency in stated:
        if currencies.get(territory) != currency:
            raise table.TableError(f"{name}: {currency} is not the currency of the territory {territory}")
