"""Tables of dated rows in TOML, checked when they are read: columns, days, amounts, and no two rows for one thing on one day."""

import tomllib
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, TypeVar

OPEN = date.max


class TableError(ValueError):
    """A regime table cannot be used; the message names file, row and column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """What every row has: an identity, the first and last day it holds, and where it comes from."""

    id: str
    version: str
    valid_from: date
    valid_to: date
    source: str
    # None: nobody has held the row against its source yet.
    checked_on: date | None
    name: str = ""

    def holds_on(self, day: date) -> bool:
        """Tell whether the row holds on the day, its first and last days included."""
        return self.valid_from <= day <= self.valid_to


class Windowed(Protocol):
    """Anything that holds from one day to another."""

    @property
    def name(self) -> str:
        """Name it in a message."""

    @property
    def valid_from(self) -> date:
        """First day."""

    @property
    def valid_to(self) -> date:
        """Last day."""


Column = Callable[[Any], Any]
_W = TypeVar("_W", bound=Windowed)


def text(value: Any) -> str:
    """Take a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text that is not empty is wanted")
    return value


def text_or_none(value: Any) -> str:
    """Take a text, empty or not."""
    if not isinstance(value, str):
        raise TypeError("a text is wanted")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Take a list of texts."""
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
        raise ValueError("a list of texts is wanted")
    return tuple(value)


def flag(value: Any) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise TypeError("true or false is wanted")
    return value


def one_of(*words: str) -> Column:
    """Make a column that takes one of the words."""

    def column(value: Any) -> str:
        if value not in words:
            raise ValueError(f"one of {', '.join(word or 'nothing' for word in words)} is wanted")
        return str(value)

    return column


def day(value: Any) -> date:
    """Take a calendar day written YYYY-MM-DD; raises ValueError for anything else, a week or an ordinal day included."""
    if not isinstance(value, str) or len(value) != 10 or value[4] != "-" or value[7] != "-":
        raise ValueError("a day YYYY-MM-DD is wanted")
    return date.fromisoformat(value)


@lru_cache(maxsize=4096)
def is_day(value: str) -> bool:
    """Tell whether a text is a calendar day written YYYY-MM-DD."""
    try:
        day(value)
    except ValueError:
        return False
    return True


def last_day(value: Any) -> date:
    """Take a last day; empty is open."""
    return OPEN if value == "" else day(value)


def checked_day(value: Any) -> date | None:
    """Take the day a row was held against its source; empty if nobody has done that yet."""
    return None if value == "" else day(value)


def amount(value: Any) -> Decimal:
    """Take an exact number written as text, zero or more."""
    try:
        number = Decimal(text(value))
    except InvalidOperation as fault:
        raise ValueError("an exact number written as text is wanted") from fault
    if not number.is_finite() or number < 0:
        raise ValueError("a number of zero or more is wanted")
    return number


def amount_or_none(value: Any) -> Decimal | None:
    """Take an exact number written as text, or nothing."""
    return None if value == "" else amount(value)


DATED: Mapping[str, Column] = {
    "version": text,
    "valid_from": day,
    "valid_to": last_day,
    "source": text,
    "checked_on": checked_day,
}


def document(path: Path) -> dict[str, Any]:
    """Read one TOML file; raises TableError if it is none."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise TableError(f"{path.name}: {fault}") from fault


def rows(path: Path, columns: Mapping[str, Column]) -> list[dict[str, Any]]:
    """Read the rows of a table with exactly these columns; raises TableError."""
    found = document(path)
    if set(found) != {"row"}:
        raise TableError(f"{path.name}: only [[row]] is wanted, found {', '.join(sorted(found)) or 'nothing'}")
    return [checked(f"{path.name}, row {number}", row, columns) for number, row in enumerate(found["row"], start=1)]


def checked(where: str, row: Mapping[str, Any], columns: Mapping[str, Column]) -> dict[str, Any]:
    """Check one row against its columns and convert its values; raises TableError naming the column."""
    for kind, names in (("unknown", row.keys() - columns.keys()), ("missing", columns.keys() - row.keys())):
        if names:
            raise TableError(f"{where}: {kind} column {', '.join(sorted(names))}")
    values: dict[str, Any] = {}
    for name, column in columns.items():
        try:
            values[name] = column(row[name])
        except (TypeError, ValueError) as fault:
            raise TableError(f"{where}, column {name}: {fault}") from fault
    if values.get("valid_from", date.min) > values.get("valid_to", OPEN):
        raise TableError(f"{where}: valid_to is before valid_from")
    return values


def refuse_overlaps(where: str, found: Iterable[_W], key: Callable[[_W], Hashable]) -> None:
    """Raise TableError if two rows with one key hold on one day."""
    groups: dict[Hashable, list[_W]] = {}
    for row in found:
        groups.setdefault(key(row), []).append(row)
    for group in groups.values():
        group.sort(key=lambda row: row.valid_from)
        for earlier, later in pairwise(group):
            if later.valid_from <= earlier.valid_to:
                raise TableError(f"{where}: {earlier.name} and {later.name} both hold on {later.valid_from}")
