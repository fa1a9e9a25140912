"""Converters: the closed set of named functions between foreign text and values of the record.

Each sees its own value only, knows no path, is total (a value, None for "nothing there", or a Defect) and satisfies
read(write(value)) == value. Quantities are in quantity.py, times in moment.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parcelgate.core import codelist, identifier


class Defect(Exception):  # noqa: N818  a value that could not be read, not an error of ours
    """A foreign value that is not what its field wants; keep is what can be stored nevertheless."""

    def __init__(self, code: str, keep: Any = None, **words: object) -> None:
        super().__init__(code)
        self.code = code
        self.keep = keep
        self.words = words


class Unsaid(ValueError):  # noqa: N818  no error: another row says it
    """A value that an exact notation has no words for; the next row with the same field writes it."""


class Normalised(Defect):
    """No defect: the value was read, but something of its text was taken away, and the ledger notes it."""

    def __init__(self, value: Any) -> None:
        super().__init__("", value)


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
    # The fact of the document that says how it is read, and the ways by what the fact may say; read is the usual one.
    fact: str = ""
    ways: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    # It tells some values apart and writes all others alike: another row may say more about the same field.
    partial: bool = False
    # It raises Unsaid for what it can't write without changing it.
    exact: bool = False


_REMEMBERED = 20_000
_REMEMBERED_LENGTH = 32


class Memory(dict[str, Any]):
    """Remembers what short texts mean: few codes, countries and small numbers make up most of a document.

    The values must be such that records may share them.
    """

    def __init__(self, read: Callable[[str], Any]) -> None:
        """Take the function that is asked for texts not seen before."""
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> Any:
        """Ask the function; what it raises is not remembered."""
        value = self._read(text)
        if len(text) <= _REMEMBERED_LENGTH:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[text] = value
        return value


def remembering(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Put a memory before a function."""
    return Memory(read).__getitem__


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


def bool_of(words: str) -> Converter:
    """Make a converter for other words than true and false: bool(Y,N); raises ValueError unless there are two."""
    yes, separator, no = words.partition(",")
    if not separator or not yes or yes == no:
        raise ValueError("it needs the word for yes and the word for no")

    def read(text: str) -> bool | None:
        word = text.strip()
        if word == yes:
            return True
        if word in (no, ""):
            return None
        raise Defect("BOOLEAN_UNREADABLE")

    return Converter(f"bool({words})", "bool", remembering(read), lambda value: yes if value else no)


_COUNTRIES = frozenset(codelist.load("iso-3166-1").values)
_CURRENCIES = frozenset(codelist.load("iso-4217").values)


def _read_country(text: str) -> str | None:
    word = text.strip()
    if not word or word in _COUNTRIES:
        return word or None
    raise Defect("COUNTRY_UNKNOWN", word)


def _read_currency(text: str) -> str | None:
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
    if len(code) not in _HS_LENGTHS or code[:2] not in _HS_CHAPTERS:
        raise Defect("HS_MALFORMED", code)
    if code is not text:
        raise Normalised(code)
    return code


_HS_LENGTHS = frozenset((6, 8, 10))
_HS_CHAPTERS = frozenset(
    f"{chapter:02}" for chapter in range(1, 100) if identifier.hs_is_wellformed(f"{chapter:02}0000")
)


def _read_item_id(text: str) -> str | None:
    word = text
    s10 = _S10_SHAPE.fullmatch(text)
    if s10 is None:
        word = "".join(text.split()).upper()
        if not word:
            return None
        s10 = _S10_SHAPE.fullmatch(word)
    if s10 is not None and word[10] != _FIGURES[identifier.s10_check_digit(word[2:10])]:
        raise Defect("S10_CHECK_DIGIT", word)
    if word != text:
        raise Normalised(word)
    return word


def _shaped(is_shaped: Callable[[str], bool], code: str) -> Callable[[str], str | None]:
    """Make what reads an identifier that has a shape; another text is kept, with its fault."""

    def read(text: str) -> str | None:
        word = text
        if not is_shaped(text):
            word = "".join(text.split()).upper()
            if not word:
                return None
            if not is_shaped(word):
                raise Defect(code, word)
        if word != text:
            raise Normalised(word)
        return word

    return read


_FIGURES = "0123456789"
_S10_SHAPE = re.compile("[A-Z]{2}[0-9]{9}[A-Z]{2}")
TEXT = Converter("text", "string", str.strip, _same, personal=True)
# A piece of a text: a blank at its end may be one between two words.
PIECE = Converter("join", "string", _same, _same, personal=True)
REFERENCE = Converter("reference", "string", str.strip, _same)
COUNTRY = Converter("country", "string", remembering(_read_country), _same)
CURRENCY = Converter("currency", "string", remembering(_read_currency), _same)
HS = Converter("hs", "string", remembering(_read_hs), _same)
DISPATCH_ID = Converter(
    "dispatch_id", "string", _shaped(lambda text: identifier.s8_parts(text) is not None, "S8_MALFORMED"), _same
)
RECEPTACLE_ID = Converter(
    "receptacle_id", "string", _shaped(lambda text: identifier.s9_parts(text) is not None, "S9_MALFORMED"), _same
)
IMPC = Converter("impc", "string", remembering(_shaped(identifier.impc_is_shaped, "IMPC_MALFORMED")), _same)
ITEM_ID = Converter("item_id", "string", _read_item_id, _same)
BOOL = Converter("bool", "bool", remembering(_read_bool), _write_bool)


def code(name: str, numbers: Mapping[str, int], other: str | None = None) -> Converter:
    """Make the converter of one code list: foreign codes to the numbers of an enum.

    other is what is written for all values that are not in the list, and read as nothing; an empty one is not written.
    """
    codes = {number: word for word, number in reversed(list(numbers.items()))}
    known = ", ".join(list(numbers)[:12])

    def read(text: str) -> int | None:
        word = text.strip()
        number = numbers.get(word)
        if number is None and word and word != other:
            raise Defect("CODE_UNKNOWN", known=known)
        return number or None

    if other is None:
        return Converter(name, "enum", remembering(read), codes.__getitem__)
    return Converter(name, "enum", remembering(read), lambda value: codes.get(value, other), partial=True)


def label(name: str, words: Mapping[str, str]) -> Converter:
    """Make the converter of a list of labels: foreign words to ours; a word that is not in the list is kept as it is."""
    theirs = {ours: word for word, ours in reversed(list(words.items()))}

    def read(text: str) -> str:
        word = text.strip()
        return words.get(word, word)

    def write(value: str) -> str:
        return theirs.get(value, value)

    return Converter(name, "string", remembering(read), write)


# Functions of derive: each computes a field from another one of the same record.


def derive_scheme(item_id: str) -> int:
    """Tell how an item identifier is to be read: 1 is S10, 3 is any other number (values of ItemScheme)."""
    if _S10_SHAPE.fullmatch(item_id) is None:
        raise Defect("ITEM_ID_NOT_S10", 3)
    return 1


def same(text: str) -> str:
    """Say what another field says."""
    return text


def derive_issuer(item_id: str) -> str | None:
    """Take the country of the issuer out of an S10."""
    return item_id[-2:] if _S10_SHAPE.fullmatch(item_id) is not None else None


def derive_dispatch(receptacle: str) -> str | None:
    """Take the dispatch (S8) out of a receptacle identifier (S9)."""
    return receptacle[:20] if identifier.s9_parts(receptacle) is not None else None


def _of_dispatch(read: Callable[[identifier.S8], Any]) -> Callable[[str], Any]:
    """Make what takes something out of a dispatch identifier, or of a receptacle's, which begins with one."""

    def derive(text: str) -> Any:
        parts = identifier.s8_parts(text[:20])
        return read(parts) if parts is not None else None

    return derive


# Numbers of MailCategory and MailClass; other letters of a class are bilateral, and have none.
_CATEGORIES = {"A": 1, "B": 2, "C": 3, "D": 4}
_CLASSES = {"U": 1, "C": 2, "E": 3, "T": 4}
derive_subclass = _of_dispatch(lambda parts: parts.subclass)
derive_category = _of_dispatch(lambda parts: _CATEGORIES[parts.category])
derive_class = _of_dispatch(lambda parts: _CLASSES.get(parts.subclass[0]))


def derive_receptacle_mass(receptacle: str) -> dict[str, int] | None:
    """Take the gross mass out of a receptacle identifier, which has it in tenths of a kilogram."""
    parts = identifier.s9_parts(receptacle)
    if parts is None or parts.tenths is None:
        return None
    return {"milligrams": parts.tenths * 100_000} if parts.tenths else {}
