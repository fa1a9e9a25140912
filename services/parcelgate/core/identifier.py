"""Identifiers of the trade: S10 items (UPU S10-12), HS codes (WCO, edition 2022)."""

import re
from typing import NamedTuple

# Figures of other scripts are no figures of an S10.
_S10 = re.compile("([A-Z]{2})([0-9]{8})([0-9])([A-Z]{2})")
# Service indicators that S10 reserves; nobody may issue them.
_S10_RESERVED = frozenset("JKSTW")


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


def hs_digits(text: str) -> str:
    """Take dots and blanks out of an HS code as written."""
    return text.replace(".", "").replace(" ", "")


def hs_is_wellformed(code: str) -> bool:
    """Tell whether an HS code has 6 to 10 digits, an even number of them, and a chapter that exists (77 is reserved)."""
    return (
        code.isascii() and code.isdigit() and len(code) in (6, 8, 10) and 1 <= int(code[:2]) <= 99 and code[:2] != "77"
    )
