"""Writing: a record as a neutral tree of foreign names, which the writer of each syntax renders.

A part appears only if something in it has a value; constants and what the foreign side insists on follow the values beside
them, they never make a part appear.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from parcelgate.codecs.mapping.converter import Defect, Unsaid
from parcelgate.codecs.mapping.prepare import Cells, Unwritable, prepare, values_of
from parcelgate.codecs.mapping.scope import Each, Fill, Leaf, Node, Scope

Facts = Mapping[str, Any]


class Branch(NamedTuple):
    """One foreign element: its text, its attributes, what stands in it. A tuple, because there are so many of them."""

    name: str
    text: str
    attributes: Sequence[tuple[str, str]]
    children: Sequence["Branch"]
    # The node of the mapping that it was written by: how a syntax shows it may depend on its rows.
    node: Node


Writer = Callable[[Cells, Facts, list[Branch]], bool]
Fills = Mapping[int, Fill]
# What writes the attributes of an element, and says whether one of them has a value of the record.
Attributes = Callable[[Cells, Facts], tuple[list[tuple[str, str]], bool]]
# Lists (slot and key) whose entries have several homes.
Guards = Mapping[tuple[int, str], list[Each]]


class TreeWriter:
    """Writes the records of one scope."""

    def __init__(self, scope: Scope) -> None:
        """Compile."""
        self._scope = scope
        self._prepares = bool(
            scope.sets or scope.spreads or scope.computed or scope.gathers or scope.zips or scope.joins
        )
        self._prepares = self._prepares or any(fill.leaf.row.absent for fill in scope.fills)
        fills = {fill.leaf.row.number: fill for fill in scope.fills if not fill.written}
        node = scope.root
        self._text = _text_of(node.leaf, fills) if node.leaf is not None else None
        self._attributes = _attributes_of(node, fills)
        guards = _guards(scope)
        self._children = [_writer(child, fills, guards) for child in node.children.values()]

    def write(self, name: str, record: Mapping[str, Any], facts: Facts, node: Node | None = None) -> Branch:
        """Turn a record into a branch; facts are those of the header. Raises Unwritable."""
        cells = _cells(self._scope, record)
        if self._prepares:
            prepare(self._scope, cells)
        children: list[Branch] = []
        for child in self._children:
            child(cells, facts, children)
        text = self._text(cells, facts) if self._text is not None else None
        return Branch(name, text or "", self._attributes(cells, facts)[0], children, node or self._scope.root)


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


def _guards(scope: Scope) -> dict[tuple[int, str], list[Each]]:
    """Find the lists whose entries have several homes: which rows take which entries, by what they set."""
    guards: dict[tuple[int, str], list[Each]] = {}
    for node in scope.root.inner():
        if node.each is not None and node.each.scope.sets:
            guards.setdefault((node.each.slot, node.each.key), []).append(node.each)
    return guards


def _home(entry: Mapping[str, Any], guarded: Sequence[Each]) -> Each | None:
    """Find the rows that set what an entry has; None if it belongs to the list's own rows."""
    for each in guarded:
        if all(one.slot == 0 and entry.get(one.key) == one.value for one in each.scope.sets):
            return each
    return None


def _writer(node: Node, fills: Fills, guards: Guards) -> Writer:
    if not node.cases:
        return _own_writer(node, fills, guards)
    nodes = [case.node for case in node.cases] + ([node] if node.has_rows else [])
    lists = [(each, each.each) for each in nodes if each.each is not None]
    if len(lists) == len(nodes) > 1 and len({(each.slot, each.key) for _, each in lists}) == 1:
        return _in_order(lists, guards)
    writers = [_own_writer(node, fills, guards) if each is node else _writer(each, fills, guards) for each in nodes]

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        wrote = False
        for writer in writers:
            wrote = writer(cells, facts, out) or wrote
        return wrote

    return write


def _in_order(lists: Sequence[tuple[Node, Each]], guards: Guards) -> Writer:
    """Make the writer of one list whose entries have several homes under one name: they keep their order."""
    slot, key = lists[0][1].slot, lists[0][1].key
    guarded = guards.get((slot, key), [])
    homes = {id(each) if each.scope.sets else None: (node, TreeWriter(each.scope)) for node, each in lists}

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        cell = cells[slot]
        wrote = False
        for entry in cell.get(key, ()) if cell is not None else ():
            home = _home(entry, guarded)
            node, inner = homes.get(None if home is None else id(home), (None, None))
            if node is not None and inner is not None and not any(entry is taken for taken in cells[1:]):
                out.append(inner.write(node.name, entry, facts, node))
                wrote = True
        return wrote

    return write


def _own_writer(node: Node, fills: Fills, guards: Guards) -> Writer:
    if node.attributes or node.fixed_attributes:
        return _attributed(node, _plain_writer(node, fills, guards), _attributes_of(node, fills))
    return _plain_writer(node, fills, guards)


def _attributes_of(node: Node, fills: Fills) -> Attributes:
    """Make what writes the attributes of an element: all of them, and whether one has a value of the record."""
    reads = [(name, _text_of(leaf, fills)) for name, leaf in node.attributes.items() if not leaf.second]
    fixed = [(name, row.encode if row.const is None else row.const) for name, row in node.fixed_attributes.items()]
    always = [(name, text) for name, text in fixed if text]

    def write(cells: Cells, facts: Facts) -> tuple[list[tuple[str, str]], bool]:
        own = [(name, text) for name, read in reads if (text := read(cells, facts)) is not None]
        return [*own, *always], bool(own)

    return write


def _attributed(node: Node, writer: Writer, attributes: Attributes) -> Writer:
    name = node.name

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        before = len(out)
        wrote = writer(cells, facts, out)
        pairs, own = attributes(cells, facts)
        if len(out) > before:
            out[-1] = out[-1]._replace(attributes=pairs)
        elif own:
            out.append(Branch(name, "", pairs, (), node))
        return wrote or own

    return write


def _plain_writer(node: Node, fills: Fills, guards: Guards) -> Writer:
    if node.each is not None:
        return _each(node, guards)
    if node.fixed is not None:
        return _fixed(node, node.fixed.const if node.fixed.const is not None else node.fixed.encode)
    if node.fact is not None:
        return _fixed(node, node.fact.encode)
    if node.children or node.leaf is None:
        return _container(node, fills, guards)
    writer = _leaf_writer(node, node.leaf, fills)
    return _insisting(node, writer, node.leaf.row.encode) if node.leaf.row.encode else writer


def _leaf_writer(node: Node, leaf: Leaf, fills: Fills) -> Writer:
    if leaf.second:
        return _unwritten if leaf.first is None else _left(node, leaf, leaf.first)
    if leaf.row.many:
        return _many(node, leaf)
    if leaf.merge or leaf.converter.partial or leaf.row.number in fills:
        return _filled(node, _text_of(leaf, fills))
    return _plain(node, leaf)


def _insisting(node: Node, writer: Writer, text: str) -> Writer:
    """Make a writer of a field that the foreign side wants wherever the part around it stands."""
    name = node.name

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        wrote = writer(cells, facts, out)
        if not wrote:
            out.append(Branch(name, text, (), (), node))
        return wrote

    return write


def _unwritten(cells: Cells, facts: Facts, out: list[Branch]) -> bool:  # noqa: ARG001  writers share one shape
    """Write nothing: the row of the first choice has."""
    return False


def _plain(node: Node, leaf: Leaf) -> Writer:
    name, convert, slot, key, at = node.name, leaf.converter.write, leaf.slot, leaf.key, leaf.row.at

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:  # noqa: ARG001  writers share one shape
        cell = cells[slot]
        if cell is None or (value := cell.get(key)) is None:
            return False
        try:
            text = convert(value)
        except Unsaid:
            return False
        except (KeyError, ValueError, OverflowError):
            raise Unwritable(at) from None
        out.append(Branch(name, text, (), (), node))
        return True

    return write


def _left(node: Node, leaf: Leaf, first: Leaf) -> Writer:
    """Make the writer of what the first row of a field leaves unsaid."""
    plain, slot, key, says = _plain(node, leaf), leaf.slot, leaf.key, first.converter.write

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        if cells[slot] is not None and key in cells[slot]:
            try:
                says(cells[slot][key])
            except Unsaid:
                return plain(cells, facts, out)
        return False

    return write


def _filled(node: Node, read: Callable[[Cells, Facts], str | None]) -> Writer:
    name = node.name

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        text = read(cells, facts)
        if text is None:
            return False
        out.append(Branch(name, text, (), (), node))
        return True

    return write


def _fixed(node: Node, text: str) -> Writer:
    name = node.name

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:  # noqa: ARG001  writers share one shape
        if text:
            out.append(Branch(name, text, (), (), node))
        return False

    return write


def _many(node: Node, leaf: Leaf) -> Writer:
    name = node.name
    convert, slot, key = leaf.converter.write, leaf.slot, leaf.key

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:  # noqa: ARG001  writers share one shape
        cell = cells[slot]
        values = cell.get(key, ()) if cell is not None else ()
        out.extend(Branch(name, convert(value), (), (), node) for value in values)
        return bool(values)

    return write


def _each(node: Node, guards: Guards) -> Writer:
    each = node.each
    assert each is not None
    guarded = guards.get((each.slot, each.key), [])
    home = each if each.scope.sets else None
    inner, slot, key = TreeWriter(each.scope), each.slot, each.key

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        cell = cells[slot]
        entries = cell.get(key, ()) if cell is not None else ()
        wrote = False
        for entry in entries:
            # An entry that other rows write by its role is not written again.
            if not any(entry is taken for taken in cells[1:]) and (not guarded or _home(entry, guarded) is home):
                out.append(inner.write(node.name, entry, facts, node))
                wrote = True
        return wrote

    return write


def _insists(node: Node) -> bool:
    """Tell whether all that may stand in an element is constant or insisted on: it is to the values beside it what a constant is."""
    return not node.cases and all(
        child.fixed is not None
        or child.fact is not None
        or (child.leaf is not None and bool(child.leaf.row.encode))
        or (child.leaf is None and child.each is None and bool(child.children) and _insists(child))
        for child in node.children.values()
    )


def _container(node: Node, fills: Fills, guards: Guards) -> Writer:
    name = node.name
    writers = [_writer(child, fills, guards) for child in node.children.values()]
    insists = _insists(node)

    def write(cells: Cells, facts: Facts, out: list[Branch]) -> bool:
        children: list[Branch] = []
        wrote = False
        for writer in writers:
            wrote = writer(cells, facts, children) or wrote
        if wrote or (insists and children):
            out.append(Branch(name, "", (), children, node))
        return wrote

    return write


def _text_of(leaf: Leaf, fills: Fills) -> Callable[[Cells, Facts], str | None]:
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
            # A list of codes may have no word for a value that another row writes.
            return convert(value) or None
        except Unsaid:
            return None
        except (KeyError, ValueError, OverflowError):
            raise Unwritable(leaf.row.at) from None

    return read


def _implied(fill: Fill, value: Any, cells: Cells, facts: Facts) -> bool:
    """Tell whether a reader would find the value by itself."""
    if fill.inherit and fill.inherit in facts:
        return bool(facts[fill.inherit] == value)
    if fill.derive is not None:
        basis = values_of(fill.sources, cells)
        try:
            return None not in basis and fill.derive(*basis) == value
        except Defect:
            return False
    return bool(fill.default is not None and fill.default == value)
