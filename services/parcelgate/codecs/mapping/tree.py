"""Writing: a record as a neutral tree of foreign names, which the writer of each syntax renders.

A part appears only if something in it has a value; constants and what the foreign side insists on follow the values beside
them, they never make a part appear.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from parcelgate.codecs.mapping.converter import Defect
from parcelgate.codecs.mapping.scope import Fill, Leaf, Node, Scope

Facts = Mapping[str, Any]
# The dicts of the slots of a scope, None where the record has nothing there.
Cells = Sequence[Any]


class Branch(NamedTuple):
    """One foreign element: its text, its attributes, what stands in it. A tuple, because there are so many of them."""

    name: str
    text: str
    attributes: Sequence[tuple[str, str]]
    children: Sequence["Branch"]


class Unwritable(Exception):  # noqa: N818  a value of ours that the format can't carry
    """A value has no text in this format; the words name the field."""


Writer = Callable[[Cells, Facts, list[Branch]], bool]


class TreeWriter:
    """Writes the records of one scope."""

    def __init__(self, scope: Scope) -> None:
        """Compile."""
        self._scope = scope
        fills = {fill.leaf.row.number: fill for fill in scope.fills}
        node = scope.root
        self._text = _text_of(node.leaf, fills) if node.leaf is not None else None
        self._attributes = [(name, _text_of(leaf, fills)) for name, leaf in node.attributes.items()]
        self._children = [_writer(child, fills) for child in node.children.values()]

    def write(self, name: str, record: Mapping[str, Any], facts: Facts) -> Branch:
        """Turn a record into a branch; facts are those of the header. Raises Unwritable."""
        cells = _cells(self._scope, record)
        children: list[Branch] = []
        for child in self._children:
            child(cells, facts, children)
        text = self._text(cells, facts) if self._text is not None else None
        attributes = [(key, value) for key, read in self._attributes if (value := read(cells, facts)) is not None]
        return Branch(name, text or "", attributes, children)


def _cells(scope: Scope, record: Mapping[str, Any]) -> list[Any]:
    cells: list[Any] = [record]
    for slot in scope.slots[1:]:
        parent = cells[slot.parent]
        value = parent.get(slot.key) if parent is not None else None
        if value is not None and slot.select is not None:
            key, number = slot.select
            value = next((entry for entry in value if entry.get(key) == number), None)
        cells.append(value)
    return cells


def _writer(node: Node, fills: Mapping[int, Fill]) -> Writer:
    if node.each is not None:
        return _each(node)
    if node.fixed is not None:
        return _fixed(node.name, node.fixed.const if node.fixed.const is not None else node.fixed.encode)
    if node.children:
        return _container(node, fills)
    assert node.leaf is not None
    if node.leaf.row.many:
        return _many(node.name, node.leaf)
    if node.leaf.merge or node.leaf.row.number in fills:
        return _filled(node.name, _text_of(node.leaf, fills))
    return _plain(node.name, node.leaf)


def _plain(name: str, leaf: Leaf) -> Writer:
    convert, slot, key, at = leaf.converter.write, leaf.slot, leaf.key, leaf.row.at

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:  # noqa: ARG001  writers share one shape
        cell = cells[slot]
        if cell is None or (value := cell.get(key)) is None:
            return False
        try:
            text = convert(value)
        except (KeyError, ValueError, OverflowError):
            raise Unwritable(at) from None
        out.append(Branch(name, text, (), ()))
        return True

    return write


def _filled(name: str, read: Callable[[Cells, Facts], str | None]) -> Writer:
    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        text = read(cells, facts)
        if text is None:
            return False
        out.append(Branch(name, text, (), ()))
        return True

    return write


def _fixed(name: str, text: str) -> Writer:
    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:  # noqa: ARG001  writers share one shape
        if text:
            out.append(Branch(name, text, (), ()))
        return False

    return write


def _many(name: str, leaf: Leaf) -> Writer:
    convert, slot, key = leaf.converter.write, leaf.slot, leaf.key

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:  # noqa: ARG001  writers share one shape
        cell = cells[slot]
        values = cell.get(key, ()) if cell is not None else ()
        out.extend(Branch(name, convert(value), (), ()) for value in values)
        return bool(values)

    return write


def _each(node: Node) -> Writer:
    each = node.each
    assert each is not None
    inner, slot, key = TreeWriter(each.scope), each.slot, each.key

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        cell = cells[slot]
        entries = cell.get(key, ()) if cell is not None else ()
        wrote = False
        for entry in entries:
            # An entry that other rows write by its role is not written again.
            if not any(entry is taken for taken in cells[1:]):
                out.append(inner.write(node.name, entry, facts))
                wrote = True
        return wrote

    return write


def _container(node: Node, fills: Mapping[int, Fill]) -> Writer:
    name = node.name
    writers = [_writer(child, fills) for child in node.children.values()]

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        children: list[Branch] = []
        wrote = False
        for writer in writers:
            wrote = writer(cells, facts, children) or wrote
        if wrote:
            out.append(Branch(name, "", (), children))
        return wrote

    return write


def _text_of(leaf: Leaf, fills: Mapping[int, Fill]) -> Callable[[Cells, Facts], str | None]:
    convert, slot, key, merge = leaf.converter.write, leaf.slot, leaf.key, leaf.merge
    fill = fills.get(leaf.row.number)

    def read(cells: Cells, facts: Facts) -> str | None:
        cell = cells[slot]
        if cell is None:
            return None
        if merge:
            return convert(cell)
        value = cell.get(key)
        if value is None or (fill is not None and _implied(fill, value, cells, facts)):
            return None
        try:
            return convert(value)
        except (KeyError, ValueError, OverflowError):
            raise Unwritable(leaf.row.at) from None

    return read


def _implied(fill: Fill, value: Any, cells: Cells, facts: Facts) -> bool:
    """Tell whether a reader would find the value by itself."""
    if fill.inherit and fill.inherit in facts:
        return bool(facts[fill.inherit] == value)
    if fill.derive is not None and fill.source is not None:
        cell = cells[fill.source.slot]
        basis = cell.get(fill.source.key) if cell is not None else None
        try:
            return basis is not None and fill.derive(basis) == value
        except Defect:
            return False
    return bool(fill.default is not None and fill.default == value)
