"""Identifiers of the trade: S10 items (UPU S10-12), dispatches (S8) and receptacles (S9), HS codes (WCO, edition 2022)."""

import re
from typing import NamedTuple

# Figures of other scripts are no figures of an S10.
_S10 = re.compile("([A-Z]{2})([0-9]{8})([0-9])([A-Z]{2})")
# Service indicators that S10 reserves; nobody may issue them.
_S10_RESERVED = frozenset("JKSTW")
# Offices of exchange are registered under S34: country, place, qualifier. Some parsers take letters only; digits are used too.
_IMPC = re.compile("[A-Z]{2}[A-Z0-9]{4}")
_S8 = re.compile("([A-Z]{2}[A-Z0-9]{4})([A-Z]{2}[A-Z0-9]{4})([A-D])([A-Z0-9]{2})([0-9])([0-9]{4})")
_S9 = re.compile("([A-Z0-9]{20})([0-9]{3})([019])([019])([0-9]{4})")


class S8(NamedTuple):
    """The parts of a dispatch identifier."""

    origin: str
    destination: str
    category: str
    subclass: str
    # Last digit of the year.
    year: str
    number: str


class S9(NamedTuple):
    """The parts of a receptacle identifier."""

    dispatch: S8
    number: str
    # Whether it is the receptacle with the highest number, and whether it holds registered or insured items; None: not given.
    is_last: bool | None
    is_registered: bool | None
    # Gross mass in tenths of a kilogram; None: above 999.8 kg.
    tenths: int | None


class S10(NamedTuple):
    """The parts of an S10 item identifier."""

    service: str
    serial: str
    check_digit: int
    country: str


def s10_check_digit(serial: str) -> int:
    """Compute the check digit of an 8-digit serial: 11 - (weighted sum mod 11), where 10 becomes 0 and 11 becomes 5."""
    # The codes of the figures stand for their values: 48 too much each, which makes 2112 = 0 (mod 11) in all.
    a, b, c, d, e, f, g, h = serial.encode()
    digit = 11 - (8 * a + 6 * b + 4 * c + 2 * d + 3 * e + 5 * f + 9 * g + 7 * h) % 11
    return 0 if digit == 10 else 5 if digit == 11 else digit


def s10_is_shaped(text: str) -> bool:
    """Tell whether a text has the shape of an S10; neither service indicator nor check digit is looked at."""
    return _S10.fullmatch(text) is not None


def s10_parts(text: str) -> S10 | None:
    """Split a text of the S10 shape; None if it has another shape. The check digit is not looked at."""
    match = _S10.fullmatch(text)
    if match is None:
        return None
    service, serial, digit, country = match.groups()
    return S10(service, serial, int(digit), country)


def s10_is_valid(text: str) -> bool:
    """Tell whether shape, service indicator and check digit are those of an S10."""
    parts = s10_parts(text)
    return (
        parts is not None
        and parts.service[0] not in _S10_RESERVED
        and parts.check_digit == s10_check_digit(parts.serial)
    )


def impc_is_shaped(text: str) -> bool:
    """Tell whether a text has the shape of an office of exchange (IMPC code): country, place, qualifier."""
    return _IMPC.fullmatch(text) is not None


def s8_parts(text: str) -> S8 | None:
    """Split a dispatch identifier (20 characters); None if it has another shape."""
    match = _S8.fullmatch(text)
    return S8(*match.groups()) if match is not None else None


def s9_parts(text: str) -> S9 | None:
    """Split a receptacle identifier (29 characters, the dispatch's first); None if it has another shape."""
    match = _S9.fullmatch(text)
    dispatch = s8_parts(text[:20])
    if match is None or dispatch is None:
        return None
    _, number, last, registered, mass = match.groups()
    said = {"0": False, "1": True, "9": None}
    return S9(dispatch, number, said[last], said[registered], int(mass) if mass != "9999" else None)


def hs_digits(text: str) -> str:
    """Take dots and blanks out of an HS code as written."""
    return text.replace(".", "").replace(" ", "")


def hs_is_wellformed(code: str) -> bool:
    """Tell whether an HS code has 6 to 10 digits, an even number of them, and a chapter that exists (77 is reserved)."""
    return (
        code.isascii() and code.isdigit() and len(code) in (6, 8, 10) and 1 <= int(code[:2]) <= 99 and code[:2] != "77"
    )
