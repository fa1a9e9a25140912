"""How one segment is read: its rows as a table of elements and components, looked up by number.

This is the hot loop of the engine. A plain value is handled in place; everything else is a closure made at load.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from parcelgate.codecs.edifact.context import Context
from parcelgate.codecs.edifact.segment import Element, Repeated
from parcelgate.codecs.mapping.converter import Converter, Defect
from parcelgate.codecs.mapping.filling import open_slot
from parcelgate.codecs.mapping.row import MappingError, Row
from parcelgate.codecs.mapping.scope import Leaf, Node, Scope, Slot

if TYPE_CHECKING:
    from parcelgate.codecs.edifact.plan import ScopePlan

# Takes the text, the slots of its scope, the context, element and component.
Special: TypeAlias = Callable[[str, list[Any], Context, int, int], None]
# Converter, slot, key, row, and the closure that does the work where it is more than one plain value.
Entry: TypeAlias = tuple[Callable[[str], Any], int, str, int, Special | None]


def _nothing(text: str, slots: list[Any], context: Context, element: int, component: int) -> None:
    """Read nothing: a row says why, or it was looked at before."""


# What a step of a path already says, counted for nobody.
CHOSEN: Entry = (str, 0, "", -1, _nothing)
_NUMBERS = frozenset(("Mass", "Money"))


class EntryOf(NamedTuple):
    """A list of which a segment, or a group, is one entry."""

    slot: int
    key: str
    row: int
    scope: "ScopePlan"


class Fields:
    """How one segment, or one kind of it, is read."""

    __slots__ = (
        "_elements",
        "_fixed",
        "_holes",
        "_ignored",
        "_leaves",
        "_listed",
        "_size",
        "_specs",
        "each",
        "name",
        "once",
        "row",
    )

    def __init__(self, scope: Scope, node: Node, name: str, each: "EntryOf | None") -> None:
        """Compile the rows of one node; name is that of the segment with what chooses it."""
        self.name = name
        self._specs = scope.slots
        self.each = each
        self.row = each.row if each is not None else -1
        self._leaves: dict[int, Leaf] = {}
        self._listed: set[tuple[int, int]] = set()
        self._fixed: dict[int, Row] = {}
        # A second one of these would take the place of the first.
        self.once = each is None
        table: dict[int, dict[int, Entry] | int] = {}
        for child in node.children.values():
            self._place(table, scope, child)
        # Elements in their order: the entry of one that has no components and is read in place, and all its entries.
        self._elements: list[tuple[int, Entry | None, Sequence[Entry | None]]] = []
        self._ignored: dict[int, int] = {}
        for number, entries in sorted(table.items()):
            if isinstance(entries, int):
                self._ignored[number] = entries
                self._elements.append((number, None, ()))
            else:
                places = [entries.get(place) for place in range(1, max(entries) + 1)]
                self._elements.append((number, places[0] if places[0] is not CHOSEN else None, places))
        self._size = max(table, default=0) + 1
        self._holes = [number for number in range(1, self._size) if number not in table]

    def entries(self, number: int) -> Sequence[Entry | None] | int | None:
        """Return how an element is read, by component; the row that says why it is not; or None if no row knows it."""
        if number in self._ignored:
            return self._ignored[number]
        return next((entries for at, _, entries in self._elements if at == number), None)

    def leaf(self, row: int) -> Leaf | None:
        """Return the value that a row reads, if it reads one."""
        return self._leaves.get(row)

    def fixed(self, row: int) -> Row:
        """Return a row that reads none."""
        return self._fixed[row]

    def leaves(self) -> Iterator[Leaf]:
        """Go through the values that are read here."""
        yield from self._leaves.values()

    def read(  # noqa: C901  one loop, all inline
        self, elements: Sequence[Element], slots: list[Any], context: Context
    ) -> None:
        """Read one segment into the slots."""
        counts, separator, leaves, specs = context.counts, context.component, self._leaves, self._specs
        count = len(elements)
        for number, first, entries in self._elements:
            if number >= count:
                break
            element = elements[number]
            if not element:
                continue
            if first is None or element.__class__ is not str or separator in element:
                self._whole(element, entries, slots, context, number)
                continue
            read, slot, key, row, special = first
            counts[row] += 1
            if special is not None:
                special(element, slots, context, number, 0)
                continue
            try:
                value = read(element)
            except Defect as defect:
                value = context.defect(leaves[row], defect, element, slots, number, 0)
            # An empty text is nothing; an empty dict is the quantity zero.
            if value or value == {}:
                target = slots[slot]
                if target is None:
                    target = open_slot(slots, slot, specs)
                target[key] = value
        if count > self._size or self._holes:
            for number in (*self._holes, *range(self._size, count)):
                if number < count and elements[number]:
                    _unknown(_texts(elements[number], separator), context, number)

    def _whole(
        self, element: Element, entries: Sequence[Entry | None], slots: list[Any], context: Context, number: int
    ) -> None:
        """Read an element of several components, or one of which not every text is of interest."""
        if not entries:
            # A row says why it is not read.
            context.counts[self._ignored[number]] += 1
        elif element.__class__ is str:
            texts = element.split(context.component)
            # What chose this way of reading stands there, and nothing else.
            if len(texts) > 1 or entries[0] is not CHOSEN:
                self._components(texts, entries, slots, context, number)
        elif element.__class__ is Repeated:
            self._components(self._repeated(element, entries, slots, context, number), entries, slots, context, number)
        else:
            self._components(element, entries, slots, context, number)  # type: ignore[arg-type]

    def _components(
        self, texts: Sequence[str], entries: Sequence[Entry | None], slots: list[Any], context: Context, number: int
    ) -> None:
        counts, size, several = context.counts, len(entries), len(texts) > 1
        place = 0
        for text in texts:
            place += 1
            if not text:
                continue
            entry = entries[place - 1] if place <= size else None
            if entry is None:
                if text.strip():
                    context.unknown(number, place, text)
                continue
            read, slot, key, row, special = entry
            counts[row] += 1
            if special is not None:
                special(text, slots, context, number, place if several else 0)
                continue
            try:
                value = read(text)
            except Defect as defect:
                value = context.defect(self._leaves[row], defect, text, slots, number, place if several else 0)
            if value or value == {}:
                target = slots[slot]
                if target is None:
                    target = open_slot(slots, slot, self._specs)
                target[key] = value

    def _repeated(
        self, element: Repeated, entries: Sequence[Entry | None], slots: list[Any], context: Context, number: int
    ) -> Sequence[str]:
        """Return the first of several, unless the rows list them all."""
        first, *others = element
        if not any((number, place) in self._listed for place in range(1, len(entries) + 1)):
            context.add("ELEMENT_REPEATED", number, name=context.name(number))
            return first
        self._components(first, entries, slots, context, number)
        for each in others[:-1]:
            self._components(each, entries, slots, context, number)
        return others[-1]

    def _place(self, table: dict[int, dict[int, Entry] | int], scope: Scope, node: Node) -> None:
        row = node.fixed or (node.leaf.row if node.leaf is not None else None)
        if node.also:
            raise node.also[0].row.error("the EDIFACT engine reads an element once")
        if row is None or node.cases or node.children or node.attributes or node.fixed_attributes:
            raise MappingError(f"{scope.name}: {self.name}/{node.name} is no element of a segment, such as 2 or 2.1")
        number, place = position(row.at, node.name)
        if node.fixed is not None and node.fixed.ignore and not node.fixed.ordinal and "." not in node.name:
            self._take(table, number, 0, node.fixed.number)
            return
        if node.fixed is not None:
            self._fixed[node.fixed.number] = node.fixed
            entry: Entry = CHOSEN if _has_chosen(node) else (str, 0, "", node.fixed.number, _fixed(node))
        else:
            assert node.leaf is not None
            leaf = node.leaf
            self._leaves[leaf.row.number] = leaf
            if leaf.row.many:
                self.once = False
                self._listed.add((number, place))
            entry = (reading(leaf.converter), leaf.slot, leaf.key, leaf.row.number, _special(leaf, scope.slots))
        self._take(table, number, place, entry)

    def _take(self, table: dict[int, dict[int, Entry] | int], number: int, place: int, entry: Any) -> None:
        known = table.get(number)
        if place == 0:
            if known is not None:
                raise MappingError(f"{self.name}/{number} has rows of its own")
            table[number] = entry
        elif isinstance(known, int) or (known is not None and place in known):
            raise MappingError(f"{self.name}/{number}.{place} has two rows")
        else:
            table.setdefault(number, {})[place] = entry  # type: ignore[index]


def position(path: str, name: str) -> tuple[int, int]:
    """Read element and component out of 2 or 2.1; raises MappingError. An element alone is its first component."""
    element, _, component = name.partition(".")
    if not element.isdecimal() or not int(element) or not (component or "1").isdecimal() or component == "0":
        raise MappingError(f"{path}: {name!r} is no element of a segment, such as 2 or 2.1")
    return int(element), int(component or 1)


def text_at(elements: Sequence[Element], element: int, component: int, separator: str) -> str:
    """Return what stands at a place of a segment, "" if nothing does."""
    if element >= len(elements):
        return ""
    found = elements[element]
    if component == 1 and found.__class__ is str and separator not in found:
        return found.strip()
    texts = _texts(found, separator)
    return texts[component - 1].strip() if component <= len(texts) else ""


def _texts(element: Element, separator: str) -> Sequence[str]:
    if isinstance(element, str):
        return element.split(separator)
    return element[0] if isinstance(element, Repeated) else element


def reading(converter: Converter) -> Callable[[str], Any]:
    """Return how a value is read; the decimal mark of numbers may be a comma (ISO 9735, 10.1)."""
    read = converter.read
    if converter.fact:
        raise MappingError(f"{converter.name}: the EDIFACT engine knows no facts yet")
    if converter.kind not in _NUMBERS:
        return read

    def number(text: str) -> Any:
        return read(text.replace(",", ".") if "," in text else text)

    return number


def _unknown(texts: Sequence[str], context: Context, number: int) -> None:
    text = context.component.join(texts)
    if text.strip():
        context.unknown(number, 0, text)


def _has_chosen(node: Node) -> bool:
    return node.fixed is not None and node.fixed.implied


def _fixed(node: Node) -> Special:
    row = node.fixed
    assert row is not None

    def check(text: str, slots: list[Any], context: Context, element: int, component: int) -> None:  # noqa: ARG001
        wanted = row.const if row.const is not None else str(context.ordinal)
        if text.strip() != wanted:
            code = "CONSTANT_DIFFERS" if row.const is not None else "ORDINAL_DIFFERS"
            context.add(code, element, component, name=context.name(element, component), wanted=wanted)

    return check if row.const is not None or row.ordinal else _nothing


def _special(leaf: Leaf, specs: Sequence[Slot]) -> Special | None:
    if not (leaf.merge or leaf.row.many or leaf.second):
        return None
    read, slot, key = reading(leaf.converter), leaf.slot, leaf.key

    def store(text: str, slots: list[Any], context: Context, element: int, component: int) -> None:
        try:
            value = read(text)
        except Defect as defect:
            value = context.defect(leaf, defect, text, slots, element, component)
        if not (value or value == {}):
            return
        target = slots[slot]
        if target is None:
            target = open_slot(slots, slot, specs)
        if leaf.merge:
            target.update(value)
        elif leaf.row.many:
            target.setdefault(key, []).append(value)
        else:
            target.setdefault(key, value)

    return store
