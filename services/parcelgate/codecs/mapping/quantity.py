"""Converters of quantities: whole numbers, money and masses, exact to the last digit; never a float."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from parcelgate.codecs.mapping.converter import Converter, Defect, remembering
from parcelgate.core import codelist

_UINT32 = 2**32 - 1
_INT64 = 2**63 - 1
_DIGITS_OF_UNITS = 18
_CENTS = {f"{cents:02}": cents * 10_000_000 for cents in range(100)}


def _read_int(text: str) -> int | None:
    word = text.strip()
    if not word:
        return None
    digits = word.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise Defect("NUMBER_UNREADABLE")
    if len(digits.lstrip("0")) > 10 or (number := int(digits)) > _UINT32:
        raise Defect("NUMBER_TOO_LARGE", limit=_UINT32)
    return number or None


def decimal_parts(text: str, units: int, places: int) -> tuple[bool, int, int] | None:
    """Split a plain decimal into sign, whole part and fraction counted in 10^-places; None if it is none or too long.

    Zeros at the end of the fraction do not count as places.
    """
    whole, _, fraction = text.partition(".")
    negative = False
    if whole[:1] in ("-", "+"):
        negative = whole[0] == "-"
        whole = whole[1:]
    if len(fraction) > places:
        fraction = fraction.rstrip("0")
    if len(whole) > units:
        whole = whole.lstrip("0")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit()) or len(whole) > units or len(fraction) > places:
        # "0.000" with more zeros than places leaves no digit at all.
        if not digits and text.strip("+-.0") == "" and "0" in text:
            return False, 0, 0
        return None
    return negative, int(whole or "0"), int(fraction.ljust(places, "0")) if fraction else 0


def _read_money(text: str) -> dict[str, int] | None:
    # Two decimals and no sign: nearly every amount there is.
    if text[-3:-2] == "." and len(text) < _DIGITS_OF_UNITS:
        whole = text[:-3]
        nanos = _CENTS.get(text[-2:])
        if nanos is not None and whole.isdigit() and whole.isascii():
            units = int(whole)
            if not nanos:
                return {"units": units} if units else {}
            return {"nanos": nanos, "units": units} if units else {"nanos": nanos}
    word = text.strip()
    if not word:
        return None
    parts = decimal_parts(word, _DIGITS_OF_UNITS, 9)
    if parts is None:
        raise Defect("AMOUNT_UNREADABLE")
    negative, units, nanos = parts
    money = {}
    if units:
        money["units"] = -units if negative else units
    if nanos:
        money["nanos"] = -nanos if negative else nanos
    return money


def _write_money(value: Mapping[str, int]) -> str:
    units, nanos = value.get("units", 0), value.get("nanos", 0)
    sign = "-" if units < 0 or nanos < 0 else ""
    fraction = f"{abs(nanos):09}".rstrip("0").ljust(2, "0")
    return f"{sign}{abs(units)}.{fraction}"


def _read_mass(text: str) -> dict[str, int] | None:
    # Grams behind the point: nearly every mass there is.
    if text[-4:-3] == "." and len(text) < 12:
        grams = text[:-4] + text[-3:]
        if grams.isdigit() and grams.isascii():
            plain = int(grams) * 1000
            return {"milligrams": plain} if plain else {}
    word = text.strip()
    if not word:
        return None
    parts = decimal_parts(word, 12, 6)
    if parts is None or (parts[0] and (parts[1] or parts[2])):
        raise Defect("MASS_UNREADABLE")
    milligrams = parts[1] * 1_000_000 + parts[2]
    return {"milligrams": milligrams} if milligrams else {}


def _write_mass(value: Mapping[str, int]) -> str:
    kilograms, rest = divmod(value.get("milligrams", 0), 1_000_000)
    return f"{kilograms}.{rest:06}".rstrip("0").ljust(len(str(kilograms)) + 4, "0")


INT = Converter("int", "int", remembering(_read_int), str)
MONEY = Converter("money", "Money", remembering(_read_money), _write_money)
MASS = Converter("mass", "Mass", remembering(_read_mass), _write_mass)


# Milligrams of one unit, as a fraction: avoirdupois pound and ounce as defined in 1959 (0.45359237 kg; a sixteenth of it).
_UNITS: Mapping[str, Fraction] = {
    "kg": Fraction(1_000_000),
    "g": Fraction(1000),
    "mg": Fraction(1),
    "lb": Fraction(45_359_237, 100),
    "oz": Fraction(45_359_237, 1600),
}


def mass_in(unit: str) -> Converter:
    """Make the converter of masses in kg, g, mg, lb or oz, rounded to the milligram; raises ValueError for others.

    What is written has no more decimals than it takes to read the same milligrams again.
    """
    if unit not in _UNITS:
        raise ValueError(f"masses are in {', '.join(_UNITS)}, not in {unit!r}")
    if unit == "kg":
        return MASS
    size = _UNITS[unit]
    places = {"g": 3, "mg": 0, "lb": 7, "oz": 6}[unit]
    # Of a milligram so many parts are counted while it is rounded, half up.
    whole = size.denominator * 10**9

    def read(text: str) -> dict[str, int] | None:
        word = text.strip()
        if not word:
            return None
        parts = decimal_parts(word, 12, 9)
        if parts is None or (parts[0] and (parts[1] or parts[2])):
            raise Defect("MASS_UNREADABLE_IN", unit=unit)
        milligrams = (2 * (parts[1] * 10**9 + parts[2]) * size.numerator + whole) // (2 * whole)
        return {"milligrams": milligrams} if milligrams else {}

    def write(value: Mapping[str, int]) -> str:
        milligrams = value.get("milligrams", 0)
        for shown in range(places + 1):
            scaled = _rounded(milligrams / size * 10**shown)
            if shown == places or _rounded(Fraction(scaled, 10**shown) * size) == milligrams:
                break
        before, behind = divmod(scaled, 10**shown)
        return f"{before}.{behind:0{shown}}" if shown else str(before)

    return Converter(f"mass({unit})", "Mass", remembering(read), write)


def _rounded(value: Fraction) -> int:
    """Round half up."""
    return math.floor(value + Fraction(1, 2))


def plus(mass: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Add two masses; raises Defect if the record has no room for it."""
    milligrams = mass.get("milligrams", 0) + more.get("milligrams", 0)
    if milligrams > _INT64:
        raise Defect("NUMBER_TOO_LARGE", limit=_INT64)
    return {"milligrams": milligrams} if milligrams else {}


def times(money: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Multiply an amount: what one piece costs, by how many there are; raises Defect for more digits than an amount has."""
    nanos = _nanos(money) * count
    if abs(nanos) >= 10 ** (_DIGITS_OF_UNITS + 9):
        raise Defect("AMOUNT_UNREADABLE")
    return _amount(nanos, money)


def share(money: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Divide an amount by how many pieces it is for; raises Defect if it can't be said exactly."""
    if not count:
        raise Defect("AMOUNT_UNREADABLE")
    nanos, rest = divmod(_nanos(money), count)
    if rest:
        raise Defect("AMOUNT_UNREADABLE")
    return _amount(nanos, money)


_EXPONENTS = {code: value["exponent"] for code, value in codelist.load("iso-4217").values.items()}


def agree_times(total: Mapping[str, Any], money: Mapping[str, Any], count: int) -> None:
    """Hold a total against the price of a piece, which may be rounded by half of a minor unit; raises Defect if they differ."""
    computed = times(money, count)
    minor = 10 ** (9 - _EXPONENTS.get(total.get("currency", ""), 2))
    apart = abs(_nanos(total) - _nanos(computed))
    if 2 * apart > count * minor or total.get("currency", "") != money.get("currency", ""):
        raise Defect("TOTAL_DISAGREES", computed=_shown(computed))


def _shown(money: Mapping[str, Any]) -> str:
    return f"{_write_money(money)} {money.get('currency', '')}".strip()


def _nanos(money: Mapping[str, Any]) -> int:
    return int(money.get("units", 0)) * 10**9 + int(money.get("nanos", 0))


def _amount(nanos: int, like: Mapping[str, Any]) -> dict[str, Any]:
    units, rest = divmod(abs(nanos), 10**9)
    fields: dict[str, Any] = {}
    if currency := like.get("currency"):
        fields["currency"] = currency
    if units:
        fields["units"] = units if nanos > 0 else -units
    if rest:
        fields["nanos"] = rest if nanos > 0 else -rest
    return fields
