"""Converters: the closed set of named functions between foreign text and values of the record.

Each sees its own value only, knows no path, is total (a value, None for "nothing there", or a Defect) and satisfies
read(write(value)) == value. Quantities are in quantity.py, times in moment.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from parcelgate.core import codelist, identifier


class Defect(Exception):  # noqa: N818  a value that could not be read, not an error of ours
    """A foreign value that is not what its field wants; keep is what can be stored nevertheless."""

    def __init__(self, code: str, keep: Any = None, **words: object) -> None:
        super().__init__(code)
        self.code = code
        self.keep = keep
        self.words = words


@dataclass(frozen=True, slots=True)
class Converter:
    """One converter, ready for one row."""

    name: str
    # What it makes: string, int, bool, enum, or the message Money, Mass, Instant, Day.
    kind: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    # The value may be personal data: faults show it masked.
    personal: bool = False
    # It takes something away from the text; the ledger notes where it did.
    normalises: bool = False


def read_text(text: str) -> str | None:
    """Take blanks at both ends away; nothing left is nothing there."""
    return text.strip() or None


def _same(value: str) -> str:
    return value


def _read_bool(text: str) -> bool | None:
    word = text.strip()
    if word in ("true", "1"):
        return True
    if word in ("false", "0", ""):
        return None
    raise Defect("BOOLEAN_UNREADABLE")


def _write_bool(value: bool) -> str:  # noqa: FBT001  a converter takes its value
    return "true" if value else "false"


_COUNTRIES = frozenset(codelist.load("iso-3166-1").values)
_CURRENCIES = frozenset(codelist.load("iso-4217").values)


def _read_country(text: str) -> str | None:
    if text in _COUNTRIES:
        return text
    word = text.strip()
    if not word or word in _COUNTRIES:
        return word or None
    raise Defect("COUNTRY_UNKNOWN", word)


def _read_currency(text: str) -> str | None:
    if text in _CURRENCIES:
        return text
    word = text.strip()
    if not word or word in _CURRENCIES:
        return word or None
    raise Defect("CURRENCY_UNKNOWN", word)


def _read_hs(text: str) -> str | None:
    code = text
    if not (code.isascii() and code.isdigit()):
        code = identifier.hs_digits(text.strip())
        if not code:
            return None
        if not (code.isascii() and code.isdigit()):
            raise Defect("HS_MALFORMED", code)
    if len(code) in _HS_LENGTHS and code[:2] in _HS_CHAPTERS:
        return code
    raise Defect("HS_MALFORMED", code)


_HS_LENGTHS = frozenset((6, 8, 10))
_HS_CHAPTERS = frozenset(
    f"{chapter:02}" for chapter in range(1, 100) if identifier.hs_is_wellformed(f"{chapter:02}0000")
)


def _read_item_id(text: str) -> str | None:
    word = "".join(text.split()).upper()
    if not word:
        return None
    parts = identifier.s10_parts(word)
    if parts is not None and parts.check_digit != identifier.s10_check_digit(parts.serial):
        raise Defect("S10_CHECK_DIGIT", word)
    return word


TEXT = Converter("text", "string", read_text, _same, personal=True)
REFERENCE = Converter("reference", "string", read_text, _same)
COUNTRY = Converter("country", "string", _read_country, _same)
CURRENCY = Converter("currency", "string", _read_currency, _same)
HS = Converter("hs", "string", _read_hs, _same, normalises=True)
ITEM_ID = Converter("item_id", "string", _read_item_id, _same, normalises=True)
BOOL = Converter("bool", "bool", _read_bool, _write_bool)


def code(name: str, numbers: Mapping[str, int]) -> Converter:
    """Make the converter of one code list: foreign codes to the numbers of an enum."""
    codes = {number: word for word, number in reversed(numbers.items())}
    known = ", ".join(list(numbers)[:12])

    def read(text: str) -> int | None:
        number = numbers.get(text)
        if number is None:
            word = text.strip()
            number = numbers.get(word)
            if number is None and word:
                raise Defect("CODE_UNKNOWN", known=known)
        return number or None

    return Converter(name, "enum", read, codes.__getitem__)


# Functions of derive: each computes a field from another one of the same record.


def derive_scheme(item_id: str) -> int:
    """Tell how an item identifier is to be read: 1 is S10, 3 is any other number (values of ItemScheme)."""
    if identifier.s10_parts(item_id) is None:
        raise Defect("ITEM_ID_NOT_S10", 3)
    return 1


def derive_issuer(item_id: str) -> str | None:
    """Take the country of the issuer out of an S10."""
    return item_id[-2:] if identifier.s10_parts(item_id) is not None else None
