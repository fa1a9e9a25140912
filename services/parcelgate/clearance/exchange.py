"""Exchange rates of customs: dated files with a source, in units of the foreign currency for one unit of the territory's own.

The file that holds on the day of its basis applies (Regulation (EU) 2015/2447, Art. 146: a rate is fixed for a month).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from parcelgate.clearance import table

_HEAD: Mapping[str, table.Column] = {
    "id": table.text,
    "version": table.text,
    "territory": table.text,
    "base": table.text,
    "date_basis": table.one_of("ACCEPTANCE", "ARRIVAL", "RELEASE"),
    "status": table.one_of("sample", "sourced"),
    "source": table.text,
    "checked_on": table.checked_day,
}
_PERIOD: Mapping[str, table.Column] = {"valid_from": table.day, "valid_to": table.last_day}


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate: an amount in the foreign currency times numerator, divided by denominator, is one in the own currency."""

    name: str
    territory: str
    currency: str
    base: str
    numerator: int
    denominator: int
    valid_from: date
    valid_to: date
    date_basis: str
    label: str


def load(folder: Path) -> tuple[Rate, ...]:
    """Read all rate files of a folder; raises TableError if a file is wrong or two rates hold for one currency on one day."""
    rates: list[Rate] = []
    for path in sorted(folder.glob("*.toml")):
        rates.extend(_file(path))
    table.refuse_overlaps("exchange-rates", rates, key=lambda rate: (rate.territory, rate.currency))
    return tuple(rates)


def _file(path: Path) -> list[Rate]:
    content = table.document(path)
    periods = content.pop("period", [])
    head = table.checked(path.name, content, _HEAD)
    rates = []
    for number, period in enumerate(periods, start=1):
        where = f"{path.name}, period {number}"
        written = period.pop("rates", {})
        window = table.checked(where, period, _PERIOD)
        for currency, value in written.items():
            try:
                units = table.amount(value)
            except (TypeError, ValueError) as fault:
                raise table.TableError(f"{where}, rate of {currency}: {fault}") from fault
            if not units:
                raise table.TableError(f"{where}, rate of {currency}: a rate is more than zero")
            rates.append(_rate(head, window, currency, units))
    return rates


def _rate(head: Mapping[str, str], window: Mapping[str, date], currency: str, units: Decimal) -> Rate:
    foreign, one = units.as_integer_ratio()
    name = f"{head['id']}@{head['version']}"
    until = "" if window["valid_to"] == table.OPEN else f" to {window['valid_to']}"
    return Rate(
        name=f"{name} {currency}",
        territory=head["territory"],
        currency=currency,
        base=head["base"],
        numerator=one,
        denominator=foreign,
        valid_from=window["valid_from"],
        valid_to=window["valid_to"],
        date_basis=head["date_basis"],
        label=f"{name}: 1 {head['base']} = {units:f} {currency}, from {window['valid_from']}{until} "
        f"({head['status']}; {head['source']})",
    )
