"""One row of a profile, compiled to a plain function of a subject or of a line.

A field without a value satisfies no operator but "missing"; so a profile fires on what is declared, never on what is absent,
unless it says so.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from parcelgate.risk.fields import FIELDS, Field
from parcelgate.risk.reference import Reference

Test = Callable[[Any], bool]
_KEPT = 4096
_KEYS = frozenset({"field", "operator", "value", "values", "list", "table", "quantile", "percent", "other"})


@dataclass(frozen=True, slots=True)
class Predicate:
    """A compiled row; it can hold only where one of these words (a mask) or HS codes is found, if it names any."""

    field: Field
    test: Test
    words: int = 0
    prefixes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with the place it stands in, for clear messages."""

    place: str
    table: Mapping[str, Any]
    reference: Reference

    def take(self, key: str) -> Any:
        """Return what the operator needs; raises ValueError if the row lacks it."""
        if key not in self.table:
            raise ValueError(f"{self.place}: operator {self.table['operator']} needs {key}")
        return self.table[key]

    def number(self, key: str = "value") -> float:
        """Return a number; raises ValueError for anything else."""
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{self.place}: {key} must be a number")  # noqa: TRY004  # data is wrong, not code
        return value

    def named(self, key: str, known: Mapping[str, Any]) -> Any:
        """Return the list or table that the row names; raises ValueError, saying what there is, if there is none."""
        name = self.take(key)
        if name not in known:
            raise ValueError(f"{self.place}: unknown {key} {name}, known are {', '.join(sorted(known))}")
        return known[name]

    def codes(self) -> frozenset[str]:
        """Return the codes of values, or of the list that the row names."""
        if "values" in self.table:
            return frozenset(self.table["values"])
        return frozenset(self.named("list", self.reference.lists))


def compiled(table: Mapping[str, Any], reference: Reference, place: str) -> Predicate:
    """Compile one row; raises ValueError naming the place for an unknown field, operator, list, table or key."""
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise ValueError(f"{place}: unknown key {', '.join(unknown)}, known are {', '.join(sorted(_KEYS))}")
    name, operator = str(table.get("field")), str(table.get("operator"))
    if name not in FIELDS:
        raise ValueError(f"{place}: unknown field {name}, known are {', '.join(sorted(FIELDS))}")
    field = FIELDS[name]
    operators = OPERATORS[field.kind]
    if operator not in operators:
        raise ValueError(f"{place}: {name} has no operator {operator}, it has {', '.join(sorted(operators))}")
    row = _Row(place, table, reference)
    test = operators[operator](field, row)
    if operator == "contains_any":
        return Predicate(field, test, words=reference.lexicon.bits[table["list"]])
    if operator == "starts_with" and name == "line.hs_code":
        return Predicate(field, test, prefixes=row.codes())
    return Predicate(field, test)


def _is(field: Field, row: _Row) -> Test:
    read, value = field.read, row.take("value")
    return lambda source: bool(read(source) == value)


def _is_not(field: Field, row: _Row) -> Test:
    read, value = field.read, row.take("value")
    return lambda source: (found := read(source)) not in ("", None) and found != value


def _in(field: Field, row: _Row) -> Test:
    read, codes = field.read, row.codes()
    return lambda source: read(source) in codes


def _not_in(field: Field, row: _Row) -> Test:
    read, codes = field.read, row.codes()
    return lambda source: (found := read(source)) != "" and found not in codes


def _starts_with(field: Field, row: _Row) -> Test:
    read, begins = field.read, beginning_with(row.codes())
    return lambda source: begins(read(source))


def beginning_with(prefixes: Collection[str]) -> Callable[[str], bool]:
    """Return a test whether a code begins with one of the prefixes; it keeps the answers, for traffic repeats few codes."""
    wanted, longest = tuple(prefixes), max(map(len, prefixes), default=0)
    begins = lru_cache(_KEPT)(lambda code: code.startswith(wanted))
    return lambda code: begins(code[:longest])


def _not_starts_with(field: Field, row: _Row) -> Test:
    read, prefixes = field.read, tuple(row.codes())
    return lambda source: (found := read(source)) != "" and not found.startswith(prefixes)


def _differs_from(field: Field, row: _Row) -> Test:
    other = row.named("other", FIELDS)
    if other.kind != "code" or other.level != field.level:
        raise ValueError(f"{row.place}: {field.name} cannot be compared with {other.name}")
    read, read_other = field.read, other.read
    return lambda source: (found := read(source)) != "" and (against := read_other(source)) != "" and found != against


def _missing(field: Field, _row: _Row) -> Test:
    read = field.read
    return lambda source: read(source) in ("", None)


def _flag(field: Field, row: _Row) -> Test:
    value = row.take("value")
    if not isinstance(value, bool):
        raise ValueError(f"{row.place}: value must be true or false")  # noqa: TRY004  # data is wrong, not code
    read = field.read
    return lambda source: read(source) is value


def _below(field: Field, row: _Row) -> Test:
    read, value = field.read, row.number()
    return lambda source: (found := read(source)) is not None and found < value


def _at_most(field: Field, row: _Row) -> Test:
    read, value = field.read, row.number()
    return lambda source: (found := read(source)) is not None and found <= value


def _above(field: Field, row: _Row) -> Test:
    read, value = field.read, row.number()
    return lambda source: (found := read(source)) is not None and found > value


def _at_least(field: Field, row: _Row) -> Test:
    read, value = field.read, row.number()
    return lambda source: (found := read(source)) is not None and found >= value


def _contains_any(field: Field, row: _Row) -> Test:
    read, bit = field.read, row.named("list", row.reference.lexicon.bits)
    return lambda source: read(source) & bit != 0


def _contains_none(field: Field, row: _Row) -> Test:
    read, bit = field.read, row.named("list", row.reference.lexicon.bits)
    return lambda source: read(source) & bit == 0


def _any_in(field: Field, row: _Row) -> Test:
    read, codes = field.read, row.codes()
    return lambda source: not codes.isdisjoint(read(source).split())


def _none_in(field: Field, row: _Row) -> Test:
    read, codes = field.read, row.codes()
    return lambda source: codes.isdisjoint(read(source).split())


def _below_quantile(field: Field, row: _Row) -> Test:
    table = row.named("table", row.reference.quantiles)
    quantile = row.take("quantile")
    lacking = [key for key, values in table.items() if quantile not in values]
    if lacking:
        raise ValueError(f"{row.place}: {row.take('table')} has no quantile {quantile} for {', '.join(lacking)}")
    floors = {chapter: values[quantile] for chapter, values in table.items()}
    read = field.read

    def test(source: Any) -> bool:
        floor = floors.get(source.hs_code[:2])
        return floor is not None and (found := read(source)) is not None and found < floor

    return test


def _outside_range(field: Field, row: _Row) -> Test:
    ranges = row.named("table", row.reference.ranges)
    lengths = sorted({len(prefix) for prefix in ranges}, reverse=True)
    longest = lengths[0]
    read = field.read

    @lru_cache(_KEPT)
    def range_of(hs_code: str) -> tuple[float, float] | None:
        return next((ranges[prefix] for length in lengths if (prefix := hs_code[:length]) in ranges), None)

    def test(source: Any) -> bool:
        low_high = range_of(source.hs_code[:longest])
        return low_high is not None and (found := read(source)) is not None and not low_high[0] <= found <= low_high[1]

    return test


def _just_below(field: Field, row: _Row) -> Test:
    rows = row.named("table", row.reference.thresholds)
    percent = row.number("percent")
    by_currency: dict[str, list[tuple[frozenset[str], int, int, int, int]]] = {}
    for entry in rows:
        floor = int(entry.amount - entry.amount * percent / 100)
        by_currency.setdefault(entry.currency, []).append(
            (entry.territory, floor, entry.amount, entry.first_day, entry.last_day)
        )
    read = field.read

    def test(source: Any) -> bool:
        found = read(source)
        if found is None:
            return False
        value, currency, country, day = found
        for territory, floor, ceiling, first, last in by_currency.get(currency, ()):
            if floor <= value <= ceiling and country in territory and (day == 0 or first <= day <= last):
                return True
        return False

    return test


_NUMBERS = {"below": _below, "at_most": _at_most, "above": _above, "at_least": _at_least}
OPERATORS: Mapping[str, Mapping[str, Callable[[Field, _Row], Test]]] = {
    "code": {
        "is": _is,
        "is_not": _is_not,
        "in": _in,
        "not_in": _not_in,
        "starts_with": _starts_with,
        "not_starts_with": _not_starts_with,
        "differs_from": _differs_from,
        "missing": _missing,
    },
    "codes": {"any_in": _any_in, "none_in": _none_in},
    "flag": {"is": _flag},
    "number": {**_NUMBERS, "missing": _missing},
    "words": {"contains_any": _contains_any, "contains_none": _contains_none},
    "by_hs": {**_NUMBERS, "below_quantile": _below_quantile, "outside_range": _outside_range, "missing": _missing},
    "money": {"just_below": _just_below, "missing": _missing},
}
