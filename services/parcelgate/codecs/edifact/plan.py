"""How the segments of one scope are read: which rows for which of them, and what completes its record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from parcelgate.codecs.edifact.context import Context
from parcelgate.codecs.edifact.fields import EntryOf, Fields, position, text_at
from parcelgate.codecs.edifact.level import Level
from parcelgate.codecs.edifact.segment import Element
from parcelgate.codecs.mapping.filling import Completion, completions
from parcelgate.codecs.mapping.scope import Case, Each, Node, Scope, Slot


class Segment(NamedTuple):
    """How segments of one tag are read: by what stands at some places, by tests of any kind, or all in one way."""

    # Elements and components that choose, and the ways by what stands there.
    places: Sequence[tuple[int, int]]
    ways: Mapping[Any, Fields]
    tests: Sequence[tuple[Case, Fields]]
    other: Fields | None

    def choose(self, elements: Sequence[Element], separator: str, times: int) -> Fields | None:
        """Find the way for a segment, the how-manieth of its tag it is; None if no row reads such a one."""
        places = self.places
        if places:
            if len(places) == 1:
                return self.ways.get(text_at(elements, *places[0], separator), self.other)
            return self.ways.get(tuple(text_at(elements, *place, separator) for place in places), self.other)
        for case, fields in self.tests:
            if (not case.place or case.place == times) and all(
                test.holds(text_at(elements, *position(test.at, test.at), separator)) for test in case.tests
            ):
                return fields
        return self.other

    def fields(self) -> Iterator[Fields]:
        """Go through all ways."""
        yield from self.ways.values()
        yield from (fields for _, fields in self.tests)
        if self.other is not None:
            yield self.other


class ScopePlan:
    """Rows of one scope, as far as they are not of its parts: its slots, and what completes its record."""

    def __init__(self, scope: Scope) -> None:
        """Take the scope; the rows come with its segments."""
        if scope.spreads:
            raise scope.spreads[0].row.error("the EDIFACT engine spreads nothing")
        if scope.zips:
            raise scope.zips[0].row.error("parallel arrays are for XML")
        self.scope = scope
        self.specs: list[Slot] = scope.slots
        self.fills: tuple[Completion, ...] = completions(scope)
        self.owners: dict[int, Fields] = {}

    def level(self, context: Context) -> Level:
        """Begin to read one at the present segment."""
        return Level(self.specs, self.owners, context.tag, context.segment, context.line)

    def complete(self, level: Level, context: Context) -> None:
        """Fill in what is absent, or say that it is missing."""
        slots = level.slots
        for slot, key, basis, fill in self.fills:
            target = slots[slot]
            if (target is None or key not in target) and slots[basis] is not None:
                fill(level, slots, context)

    def segment(self, node: Node) -> Segment:
        """Compile how segments of one tag are read."""
        tests = [(case, self._fields(case.node, _named(node.name, case))) for case in node.cases]
        own = self._fields(node, node.name) if node.has_rows else None
        ats = {tuple(test.at for test in case.tests) for case, _ in tests}
        plain = all(not case.place and all(test.pattern is None for test in case.tests) for case, _ in tests)
        if plain and len(ats) == 1:
            places = [position(at, at) for at in ats.pop()]
            words = [tuple(test.value for test in case.tests) for case, _ in tests]
            ways = {word[0] if len(word) == 1 else word: fields for word, (_, fields) in zip(words, tests, strict=True)}
            return Segment(places, ways, (), own)
        return Segment((), {}, tests, own)

    def _fields(self, node: Node, name: str) -> Fields:
        if node.fact is not None:
            raise node.fact.error("the EDIFACT engine knows no facts yet")
        if node.leaf is not None:
            raise node.leaf.row.error("a segment has no value of its own; name its element")
        if node.each is not None:
            inner = ScopePlan(node.each.scope)
            fields = Fields(node.each.scope, node.each.scope.root, name, entry_of(node.each, inner))
            self.owners[node.each.row.number] = fields
            inner.owners.update({leaf.row.number: fields for leaf in fields.leaves()})
            return fields
        fields = Fields(self.scope, node, name, None)
        self.owners.update({leaf.row.number: fields for leaf in fields.leaves()})
        return fields


def entry_of(each: Each, scope: ScopePlan) -> EntryOf:
    """Say which list the entries of a scope go to."""
    return EntryOf(each.slot, each.key, each.row.number, scope)


def _named(tag: str, case: Any) -> str:
    tests = "".join(f"[{test.at}{'=' if test.pattern is None else '~'}{test.value}]" for test in case.tests)
    return f"{tag}{tests}" + (f"[{case.place}]" if case.place else "")
