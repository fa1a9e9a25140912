"""Choosing among the occurrences of a name: each is read by the rows that its values or its place ask for."""

from collections.abc import Callable
from typing import Any

from parcelgate.codecs.json.context import Context, Place
from parcelgate.codecs.json.step import lookup
from parcelgate.codecs.mapping.scope import Node
from parcelgate.codecs.mapping.step import Choice

# Takes a value, the slots of its scope, the context, and where the value stands.
Special = Callable[[Any, list[Any], Context, Place], None]


def choosing(ways: "list[Way]") -> Special:
    """Make the closure that reads each occurrence by the first way that fits it."""
    at, table, others = _by_first_test(ways)

    def choose(value: Any, slots: list[Any], context: Context, place: Place) -> None:
        seen: set[Way] | None = None
        several = value.__class__ is list
        for number, one in enumerate(value if several else (value,), 1):
            if one is None:
                continue
            here = (place, number - 1) if several else place
            for way in table.get(_text(one, at), others):
                if (not way.place or way.place == number) and (not way.tests or _holds(way.tests, one)):
                    if way.single:
                        if seen is None:
                            seen = {way}
                        elif way in seen:
                            context.add("FIELD_REPEATED", here, name=name_at(place))
                        else:
                            seen.add(way)
                    way.special(one, slots, context, here)
                    break
            else:
                _unread(context, place, here)

    return choose


def _holds(tests: tuple[Choice, ...], value: Any) -> bool:
    return all(test.holds(_text(value, test.at)) for test in tests)


class Way:
    """Rows that read an occurrence with certain values, or at a certain place."""

    __slots__ = ("place", "single", "special", "tests")

    def __init__(self, tests: tuple[Choice, ...], place: int, special: Special, single: bool) -> None:  # noqa: FBT001  one of four
        self.tests = tests
        self.place = place
        self.special = special
        self.single = single


def _by_first_test(ways: list[Way]) -> tuple[str, dict[str | None, list[Way]], list[Way]]:
    """Sort the ways by the value that they all look at first: where it is, the ways of each value, and those of any other."""
    first = {way.tests[0].at for way in ways if way.tests and way.tests[0].pattern is None}
    if len(first) != 1 or any(way.tests and way.tests[0].pattern is not None for way in ways):
        return "", {}, ways
    others = [way for way in ways if not way.tests]
    table: dict[str | None, list[Way]] = {}
    for value in {way.tests[0].value for way in ways if way.tests}:
        table[value] = [
            Way(way.tests[1:], way.place, way.special, way.single) if way.tests else way
            for way in ways
            if not way.tests or way.tests[0].value == value
        ]
    return first.pop(), table, others


def is_single(node: Node) -> bool:
    """Tell whether these rows read one occurrence only."""
    leaves = [inner.leaf for inner in node.inner() if inner.leaf is not None]
    return node.each is None and not any(leaf.row.many or leaf.row.sum for leaf in leaves)


def _text(value: Any, path: str) -> str | None:
    """Return the text that a test looks at."""
    if value.__class__ is dict:
        found = value.get(path)
        if found.__class__ is str:
            return str(found).strip()
    return lookup(value, tuple(path.split("/"))) if path else None


def _unread(context: Context, place: Any, here: Any) -> None:
    """Say that no row is for this occurrence."""
    if here is place:
        context.unknown(place[0], place[1])
    else:
        context.unknown(place, here[1])


def occurrences(value: Any, place: Place) -> list[tuple[Any, Place]]:
    """List one or many: an array may be left out around a single entry."""
    if value.__class__ is list:
        return [(each, (place, index)) for index, each in enumerate(value)]
    return [(value, place)]


def name_at(place: Place) -> str:
    """Return the last step of a place."""
    return str(place[1]) if place is not None else ""
