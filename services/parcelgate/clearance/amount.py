"""Exact amounts: money as whole minor units of its currency, rounded half up; no fraction is ever a float."""

from decimal import Decimal
from functools import lru_cache

from parcelgate.api.record.v1.quantity_pb2 import Money
from parcelgate.core import codelist
from parcelgate.core.field import field

_NANOS = 1_000_000_000
_SCALES = tuple(int("1" + "0" * decimals) for decimals in range(5))


def exponent(currency: str) -> int:
    """Return the number of decimals of a currency's minor unit (ISO 4217); raises KeyError for an unknown currency."""
    return int(codelist.load("iso-4217").values[currency]["exponent"])


def scale(currency: str) -> int:
    """Return how many minor units make one unit of a currency; raises KeyError for an unknown currency."""
    return _SCALES[exponent(currency)]


def currency_is_known(currency: str) -> bool:
    """Tell whether the code is in the edition of ISO 4217 at hand."""
    return currency in codelist.load("iso-4217")


def nanos(money: Money) -> int:
    """Return an amount in billionths of its unit."""
    return money.units * _NANOS + money.nanos


def half_up(numerator: int, denominator: int) -> int:
    """Divide and round to the nearest whole number, halves away from zero; the denominator is more than zero."""
    if numerator < 0:
        return -half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def ratio(number: Decimal) -> tuple[int, int]:
    """Return an exact number as numerator and denominator."""
    return number.as_integer_ratio()


def minor(number: Decimal, decimals: int) -> int:
    """Return an amount as minor units, rounded half up."""
    numerator, denominator = ratio(number)
    return half_up(numerator * _SCALES[decimals], denominator)


def write(money: Money, currency: str, units: int, parts: int) -> None:
    """Write minor units, zero or more, of which so many make one unit, as money into an empty message."""
    money.currency = currency
    money.units = units // parts
    nanos = units % parts
    if nanos:
        money.nanos = nanos * (_NANOS // parts)


@lru_cache(8192)
def written(number: int, currency: str, units: int, parts: int) -> bytes:
    """Return minor units, zero or more, of which so many make one unit, as a field of this number; traffic repeats prices."""
    money = Money()
    write(money, currency, units, parts)
    return field(number, money.SerializeToString())
