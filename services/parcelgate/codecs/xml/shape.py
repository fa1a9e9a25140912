"""Items of the same shape, read by a function written for that shape.

A sender's items mostly have the same elements in the same places. Once a shape (the names of all elements in document order)
was seen a few times, a function is written for it that builds the whole record in one go,
without looking a name up. It is only asked for items that the schema accepted; whenever a value is empty or anything but
plain, it gives up, and the item is read in the ordinary way, which knows what to say. Where most shapes were never met
before, the looking costs more than it saves, and is left alone for a while.
"""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

from lxml.etree import _Element

from parcelgate.codecs.mapping.converter import Defect, Memory
from parcelgate.codecs.mapping.scope import Leaf, Node, Scope
from parcelgate.codecs.xml import limit
from parcelgate.codecs.xml.context import Context
from parcelgate.codecs.xml.name import Names
from parcelgate.codecs.xml.walk import Reader

_tag: Callable[[_Element], str] = attrgetter("tag")
_text: Callable[[_Element], str | None] = attrgetter("text")
# Texts, elements, context, and a list for the rows of attributes in; the record out.
Function = Callable[[list[Any], list[_Element], Context, list[int]], dict[str, Any]]


class _Unfit(Exception):  # noqa: N818  this shape, or this value, is for the ordinary way
    pass


class Shape:
    """One shape: its function, and the rows that an item of it has, each as often as it has them."""

    __slots__ = ("function", "parents", "rows")

    def __init__(self, function: Function, parents: list[tuple[int, int]], rows: list[int]) -> None:
        """Take what was written for it; parents are the elements with children, and how many they have."""
        self.function = function
        self.parents = parents
        self.rows = rows


class Shapes:
    """The shapes of one scope that were met so far."""

    def __init__(self, scope: Scope, reader: Reader, names: Names) -> None:
        """Begin without any."""
        self._scope, self._reader, self._names = scope, reader, names
        # Converters of rows, as all functions call them.
        self._strict: dict[int, Any] = {}
        self._known: dict[Any, Shape | None] = {}
        self._seen: dict[Any, int] = {}
        # Items still to be read in this stretch, how many of it had a shape met before, and whether shapes are looked at.
        self._left, self._hits, self._looking = limit.SHAPES_TRIED, 0, True

    def read(self, element: _Element, context: Context) -> dict[str, Any]:
        """Make the record of an element that the schema accepted."""
        self._left -= 1
        if self._left < 0:
            self._looking = not self._looking or self._hits > limit.SHAPES_TRIED // 2
            self._left, self._hits = limit.SHAPES_TRIED if self._looking else limit.SHAPES_LEFT_ALONE, 0
        if not self._looking:
            return self._reader.read(element, context)
        elements = list(element.iter())
        key = tuple(map(_tag, elements))
        shape = self._known.get(key)
        if shape is not None:
            self._hits += 1
            for place, count in shape.parents:
                if len(elements[place]) != count:
                    return self._reader.read(element, context)
            rows: list[int] = []
            try:
                record = shape.function(list(map(_text, elements)), elements, context, rows)
            except (Defect, _Unfit, TypeError, AttributeError):
                # An empty text is None, and no converter takes that.
                return self._reader.read(element, context)
            context.shapes[shape] = context.shapes.get(shape, 0) + 1
            for row in rows:
                context.counts[row] += 1
            return record
        if key not in self._known:
            self._meet(key, elements)
        return self._reader.read(element, context)

    def _meet(self, key: Any, elements: list[_Element]) -> None:
        times = self._seen.get(key, 0) + 1
        # A shape that comes again will have its function soon: of many shapes, few have it after one stretch.
        self._hits += times > 1
        if len(self._seen) >= limit.SHAPES_MET:
            self._seen.clear()
        self._seen[key] = times
        if times < limit.SHAPE_TIMES or len(self._known) >= limit.SHAPES or len(elements) > limit.SHAPE_ELEMENTS:
            return
        try:
            self._known[key] = _Writing(self._scope, self._reader, self._names, elements, self._strict).shape()
        except _Unfit:
            self._known[key] = None


def _strictly(leaf: Leaf) -> Any:
    """Return the converter of a leaf in a form that raises where there is nothing to store."""
    read = leaf.converter.read
    memory = getattr(read, "__self__", None)
    if not isinstance(memory, Memory):
        return read

    def strict(text: str) -> Any:
        value = read(text)
        if value is None or value == "":
            raise _Unfit
        return value

    return Memory(strict).__getitem__


def _value_with_attributes(scope: Scope) -> Callable[[_Element, list[int]], dict[str, Any]]:
    leaf = scope.root.leaf
    if leaf is None or len(scope.slots) > 1 or scope.root.fixed_attributes:
        raise _Unfit
    value = (leaf.key, leaf.row.number, _strictly(leaf))
    attributes = [(name, each.key, each.row.number, _strictly(each)) for name, each in scope.root.attributes.items()]

    def read(element: _Element, rows: list[int]) -> dict[str, Any]:
        key, row, convert = value
        record: dict[str, Any] = {}
        rows.append(row)
        if element.text is not None:
            record[key] = convert(element.text) or _nothing()
        for name, key, row, convert in attributes:
            text = element.get(name)
            if text is not None:
                rows.append(row)
                record[key] = convert(text) or _nothing()
        return record

    return read


def _nothing() -> Any:
    raise _Unfit


class _Writing:
    """Writes the function of one shape: nested displays of dicts and lists over numbered texts."""

    def __init__(
        self, scope: Scope, reader: Reader, names: Names, elements: list[_Element], strict: dict[int, Any]
    ) -> None:
        self._scope, self._reader, self._tags = scope, reader, names
        self._elements = elements
        self._strict = strict
        self._place = 0
        self._names: dict[str, Any] = {"nothing": _nothing}
        self._rows: list[int] = []

    def shape(self) -> Shape:
        """Write and compile."""
        if self._scope.spreads:
            raise _Unfit
        cells, items = self._cells(self._scope)
        lines = self._displays(self._scope, cells, items)
        slots = ", ".join(f"s{number}" if number in cells else "None" for number in range(len(self._scope.slots)))
        completions = []
        for number, (slot, key, basis, complete) in enumerate(self._reader.fills):
            if basis in cells and key not in cells.get(slot, {}):
                self._names[f"c{number}"] = complete
                completions.append(f"    c{number}(e[0], slots, context)")
        if completions:
            completions.insert(0, f"    slots = [{slots}]")
        code = "\n".join(["def read(t, e, context, rows):", *lines, *completions, "    return s0"])
        exec(compile(code, f"<shape of {self._scope.name}>", "exec"), self._names)  # noqa: S102  made of names of our own mapping
        parents = [(place, len(element)) for place, element in enumerate(self._elements) if len(element)]
        return Shape(self._names["read"], parents, self._rows)

    def _cells(self, scope: Scope) -> tuple[dict[int, dict[str, str]], dict[int, dict[str, list[str]]]]:
        """Walk the elements of one scope; returns for each open slot its plain fields and its lists, as expressions."""
        cells: dict[int, dict[str, str]] = {0: {}}
        items: dict[int, dict[str, list[str]]] = {}
        self._children(scope, scope.root, cells, items)
        return cells, items

    def _children(self, scope: Scope, node: Node, cells: Any, items: Any) -> None:
        count = len(self._elements[self._place])
        if node.attributes or node.fixed_attributes or (node.leaf is not None and count):
            raise _Unfit
        for _ in range(count):
            self._place += 1
            name = self._tags.name(str(self._elements[self._place].tag))
            child = node.children.get(name) if name is not None else None
            if child is None or child.attributes or child.fixed_attributes or child.cases or child.also:
                raise _Unfit
            self._child(scope, child, cells, items)

    def _child(self, scope: Scope, child: Node, cells: Any, items: Any) -> None:
        if child.each is not None:
            self._rows.append(child.each.row.number)
            self._open(scope, child.each.slot, cells)
            entry = self._entry(child.each.scope)
            items.setdefault(child.each.slot, {}).setdefault(child.each.key, []).append(entry)
        elif child.fixed is not None:
            if child.fixed.const is not None or len(self._elements[self._place]):
                raise _Unfit
            self._rows.append(child.fixed.number)
        elif child.leaf is not None:
            self._leaf(scope, child.leaf, cells, items)
        else:
            self._children(scope, child, cells, items)

    def _leaf(self, scope: Scope, leaf: Leaf, cells: Any, items: Any) -> None:
        if leaf.row.sum or leaf.row.place:
            raise _Unfit
        self._rows.append(leaf.row.number)
        self._open(scope, leaf.slot, cells)
        name = f"r{leaf.row.number}"
        if leaf.row.number not in self._strict:
            self._strict[leaf.row.number] = _strictly(leaf)
        self._names[name] = self._strict[leaf.row.number]
        value = f"{name}(t[{self._place}])"
        if not isinstance(getattr(leaf.converter.read, "__self__", None), Memory):
            value = f"({value} or nothing())"
        if leaf.row.many:
            items.setdefault(leaf.slot, {}).setdefault(leaf.key, []).append(value)
            return
        key = "**" if leaf.merge else leaf.key
        if key in cells[leaf.slot]:
            raise _Unfit
        cells[leaf.slot][key] = value

    def _entry(self, scope: Scope) -> str:
        """Write one entry of a list: its parts, or where it has a text and attributes of its own, the call that reads them."""
        if scope.fills or scope.sets or scope.spreads:
            raise _Unfit
        if scope.root.leaf is not None:
            name = f"o{scope.root.leaf.row.number}"
            self._names.setdefault(name, _value_with_attributes(scope))
            return f"{name}(e[{self._place}], rows)"
        cells, items = self._cells(scope)
        parts: list[dict[str, Any]] = [*cells.values(), *items.values()]
        found = {key for part in parts for key in part}
        # Names and arrays that only together make a list are put together when the entry was read, which takes the ordinary way.
        if not found.isdisjoint(_kept(scope)):
            raise _Unfit
        return self._display(scope, 0, cells, items, inline=True)

    def _open(self, scope: Scope, slot: int, cells: Any) -> None:
        while slot not in cells:
            cells[slot] = {}
            slot = scope.slots[slot].parent

    def _displays(self, scope: Scope, cells: Any, items: Any) -> list[str]:
        """Write one assignment a slot, the innermost first."""
        return [
            f"    s{slot} = {self._display(scope, slot, cells, items, inline=False)}"
            for slot in sorted(cells, key=lambda slot: -_depth(scope, slot))
        ]

    def _display(self, scope: Scope, slot: int, cells: Any, items: Any, *, inline: bool) -> str:
        """Write one dict in the order of its names, in which it will be hashed: what is sorted already is sorted soonest."""
        fields: dict[str, str] = dict(cells[slot])
        lists: dict[str, list[str]] = {}
        select = scope.slots[slot].select if slot else None
        if select is not None:
            fields[select[0]] = str(select[1])
        # Slots of a list open in the order of the document, and so before the entries that have rows of their own.
        for number in cells:
            inner = scope.slots[number]
            if number and inner.parent == slot:
                value = self._display(scope, number, cells, items, inline=True) if inline else f"s{number}"
                if inner.select is None:
                    fields[inner.key] = value
                else:
                    lists.setdefault(inner.key, []).append(value)
        for key, values in items.get(slot, {}).items():
            lists.setdefault(key, []).extend(values)
        fields |= {key: f"[{', '.join(values)}]" for key, values in lists.items()}
        merged = fields.pop("**", None)
        parts = [f"{key!r}: {fields[key]}" for key in sorted(fields)] + ([f"**{merged}"] if merged is not None else [])
        return f"{{{', '.join(parts)}}}"


def _kept(scope: Scope) -> Iterator[str]:
    """Name what is kept aside until all parts of a list are read."""
    for gather in scope.gathers:
        yield from gather.names
    yield from (joined.name for joined in scope.joins)
    for zipped in scope.zips:
        yield from (leaf.key for leaf in zipped.arrays)


def _depth(scope: Scope, slot: int) -> int:
    depth = 0
    while slot:
        slot = scope.slots[slot].parent
        depth += 1
    return depth
