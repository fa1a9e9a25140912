"""The recipe of items of one shape: which text of the item goes where, and which texts have to be what they were."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from parcelgate.codecs.edifact.delimiter import Delimiters
from parcelgate.codecs.edifact.fields import CHOSEN, Fields
from parcelgate.codecs.edifact.plan import ScopePlan
from parcelgate.codecs.edifact.structure import GroupPlan, Structure
from parcelgate.codecs.edifact.table import Entry, Group
from parcelgate.codecs.mapping.scope import Fill


class Unfit(Exception):  # noqa: N818  this shape, or this value, is for the ordinary way
    """It can't be read by a recipe."""


class Recipe(NamedTuple):
    """How items of one shape are put together; cells are the dicts of the record, the first the record itself."""

    fixed: Callable[[list[str]], Any]
    wanted: Any
    # Above, key and whether it is an entry of a list: for each cell but the first.
    cells: Sequence[tuple[int, str, tuple[str, Any] | None, bool]]
    # Converter, place of the text, cell, key.
    values: Sequence[tuple[Callable[[str], Any], int, int, str]]
    # The same for lists of plain values.
    listed: Sequence[tuple[Callable[[str], Any], int, int, str]]
    # Function, and cells and keys of what it is asked about; cell and key of what it says.
    derived: Sequence[tuple[Callable[..., Any], tuple[tuple[int, str], ...], int, str]]
    rows: Sequence[int]
    segments: int
    # Place of the number of the item, -1 if it has none.
    ordinal: int

    def record(self, texts: list[str], ordinal: int) -> dict[str, Any]:
        """Put one together; raises Unfit or Defect."""
        if self.fixed(texts) != self.wanted or (self.ordinal >= 0 and texts[self.ordinal] != str(ordinal)):
            raise Unfit
        cells = self._made()
        for read, place, number, key in self.values:
            value = read(texts[place])
            if not value and value != {}:
                raise Unfit
            cells[number][key] = value
        for read, place, number, key in self.listed:
            value = read(texts[place])
            if not value:
                raise Unfit
            cells[number].setdefault(key, []).append(value)
        for function, sources, number, key in self.derived:
            value = function(*[cells[cell][name] for cell, name in sources])
            if value is not None:
                cells[number][key] = value
        return cells[0]

    def _made(self) -> list[dict[str, Any]]:
        """Make the dicts of the record, each in its place."""
        cells: list[dict[str, Any]] = [{}]
        for above, key, select, is_entry in self.cells:
            cell: dict[str, Any] = {} if select is None else {select[0]: select[1]}
            cells.append(cell)
            if is_entry:
                cells[above].setdefault(key, []).append(cell)
            else:
                cells[above][key] = cell
        return cells


def recipe_of(item: str, structure: Structure, delimiters: Delimiters) -> Recipe:
    """Write the recipe of an item that was read without a fault; raises Unfit."""
    return _Writing(structure, delimiters).recipe(item)


class _Part:
    """A group or entry of a list while a recipe is written: its scope, and which cell each slot is."""

    def __init__(self, own: ScopePlan, first: int) -> None:
        self.own = own
        self.cells: dict[int, int] = {0: first}
        self.once: set[Fields] = set()


class _Writing:
    """Writes the recipe of one item, segment by segment."""

    def __init__(self, structure: Structure, delimiters: Delimiters) -> None:
        self._structure, self._delimiters = structure, delimiters
        self._fixed: dict[int, str] = {}
        self._cells: list[tuple[int, str, tuple[str, Any] | None, bool]] = []
        self._keys: list[set[str]] = [set()]
        self._values: list[tuple[Callable[[str], Any], int, int, str]] = []
        self._listed: list[tuple[Callable[[str], Any], int, int, str]] = []
        self._derived: list[tuple[Callable[..., Any], tuple[tuple[int, str], ...], int, str]] = []
        self._rows: list[int] = []
        self._parts: list[_Part] = []
        # Open groups: the part that each fills, how it is read, how often groups stood in it, and its own number (0: the item).
        self._open: list[tuple[Group, _Part, GroupPlan, dict[Group, int], int]] = []
        self._ordinal = -1

    def recipe(self, item: str) -> Recipe:
        """Write it; raises Unfit."""
        component, element, terminator = (
            self._delimiters.component,
            self._delimiters.element,
            self._delimiters.terminator,
        )
        place, at, times = 0, self._structure.item.entries[0], 1
        segments = item.split(terminator)
        for number, raw in enumerate(segments):
            elements = raw.split(element)
            self._fixed[place] = elements[0]
            if number == 0:
                self._enter(self._structure.item, 0)
            else:
                at, times = self._move(at, elements[0], times)
            self._segment(elements, component, place)
            place += sum(each.count(component) + 1 for each in elements)
        for part in self._parts:
            self._complete(part)
        places = sorted(self._fixed)
        if len(places) < 2:
            raise Unfit
        wanted = tuple(self._fixed[each] for each in places)
        return Recipe(
            itemgetter(*places),
            wanted,
            self._cells,
            self._values,
            self._listed,
            self._derived,
            self._rows,
            len(segments),
            self._ordinal,
        )

    def _move(self, at: Entry, tag: str, times: int) -> tuple[Entry, int]:
        move = self._structure.table.move(at, tag)
        if move is None or move.to is None or move.over is not None or move.lacks:
            raise Unfit
        for group, lacks in move.closes:
            if lacks or group is self._structure.item or group is not self._open[-1][0]:
                raise Unfit
            self._open.pop()
        if move.opens is not None:
            counts = self._open[-1][3]
            ordinal = counts[move.opens] = counts.get(move.opens, 0) + 1
            entry = move.opens.entry
            if entry is None or ordinal > entry.most:
                raise Unfit
            self._enter(move.opens, ordinal)
        times = times + 1 if move.again and move.opens is None else 1
        if times > move.to.most:
            raise Unfit
        return move.to, times

    def _enter(self, group: Group, ordinal: int) -> None:
        plan = self._structure.plan(group)
        if plan is None or plan.own is None:
            raise Unfit
        if self._open and plan.each is None:
            part = self._open[-1][1]
            if part.own is not plan.own:
                raise Unfit
        else:
            part = self._part(plan.own, *((plan.each.slot, plan.each.key) if plan.each is not None else (-1, "")))
            if plan.each is not None:
                self._rows.append(plan.each.row)
        self._open.append((group, part, plan, {}, ordinal))

    def _part(self, own: ScopePlan, slot: int, key: str) -> _Part:
        """Begin the item itself, or an entry of a list in the part that is open."""
        number = 0
        if slot >= 0:
            above = self._cell(self._open[-1][1], slot)
            number = self._new(above, key, None, is_entry=True)
        part = _Part(own, number)
        self._parts.append(part)
        return part

    def _new(self, above: int, key: str, select: tuple[str, Any] | None, *, is_entry: bool) -> int:
        self._cells.append((above, key, select, is_entry))
        self._keys[above].add(key)
        self._keys.append({select[0]} if select is not None else set())
        return len(self._keys) - 1

    def _cell(self, part: _Part, slot: int) -> int:
        if slot not in part.cells:
            spec = part.own.specs[slot]
            above = self._cell(part, spec.parent)
            part.cells[slot] = self._new(above, spec.key, spec.select, is_entry=spec.select is not None)
        return part.cells[slot]

    def _segment(self, elements: Sequence[str], component: str, place: int) -> None:
        _, part, plan, _, ordinal = self._open[-1]
        found = plan.segments.get(elements[0])
        if found is None or found[0].tests:
            raise Unfit
        segment = found[0]
        fields = segment.choose(elements, component, 0)
        if fields is None:
            raise Unfit
        if fields.each is not None:
            self._rows.append(fields.each.row)
            part = self._part(fields.each.scope, fields.each.slot, fields.each.key)
        elif fields.once and fields in part.once:
            raise Unfit
        part.once.add(fields)
        for number, text in enumerate(elements):
            parts = text.split(component)
            if number and text:
                self._element(part, fields, number, parts, place, ordinal)
            elif number:
                self._fixed[place] = ""
            place += len(parts)

    def _element(
        self, part: _Part, fields: Fields, number: int, parts: Sequence[str], place: int, ordinal: int
    ) -> None:
        entries = fields.entries(number)
        if entries is None:
            raise Unfit
        if isinstance(entries, int):
            self._rows.append(entries)
            return
        for at, text in enumerate(parts):
            entry = entries[at] if at < len(entries) else None
            if not text:
                self._fixed[place + at] = ""
            elif entry is None:
                raise Unfit
            elif entry is CHOSEN:
                self._fixed[place + at] = text
            else:
                self._value(part, fields, entry, place + at, text, ordinal)

    def _value(self, part: _Part, fields: Fields, entry: Any, place: int, text: str, ordinal: int) -> None:
        read, slot, key, row, _ = entry
        self._rows.append(row)
        leaf = fields.leaf(row)
        if leaf is None:
            self._constant(fields, row, place, text, ordinal)
            return
        if leaf.merge:
            raise Unfit
        cell = self._cell(part, slot)
        if leaf.row.many:
            self._listed.append((read, place, cell, key))
            self._keys[cell].add(key)
            return
        if key in self._keys[cell]:
            raise Unfit
        self._keys[cell].add(key)
        self._values.append((read, place, cell, key))

    def _constant(self, fields: Fields, row: int, place: int, text: str, ordinal: int) -> None:
        fixed = fields.fixed(row)
        if fixed.const is not None:
            self._fixed[place] = text
        elif fixed.ordinal and ordinal:
            self._fixed[place] = str(ordinal)
        elif fixed.ordinal:
            # That of the item itself differs from item to item.
            self._ordinal = place

    def _complete(self, part: _Part) -> None:
        """Say what is filled in where the items of this shape say nothing."""
        scope = part.own.scope
        if scope.sets or scope.spreads or scope.gathers or scope.joins or scope.agreements:
            raise Unfit
        for fill in scope.fills:
            slot, key = fill.leaf.slot, fill.leaf.key
            if slot in part.cells and key in self._keys[part.cells[slot]]:
                continue
            sources = [(source.slot, source.key) for source in fill.sources]
            if fill.inherit or fill.default is not None or (fill.derive is None and fill.leaf.row.need):
                raise Unfit
            if fill.derive is not None and all(
                source in part.cells and name in self._keys[part.cells[source]] for source, name in sources
            ):
                self._derive(part, fill, sources)
            elif fill.leaf.row.need:
                raise Unfit

    def _derive(self, part: _Part, fill: Fill, sources: Sequence[tuple[int, str]]) -> None:
        slot, key = fill.leaf.slot, fill.leaf.key
        if slot not in part.cells:
            raise Unfit
        assert fill.derive is not None
        asked = tuple((part.cells[source], name) for source, name in sources)
        self._derived.append((fill.derive, asked, part.cells[slot], key))
        self._keys[part.cells[slot]].add(key)
