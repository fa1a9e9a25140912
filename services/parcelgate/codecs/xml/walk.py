"""Reading one subtree: the tree of a scope as tables of names, walked once beside the elements.

This is the hot loop of the gateway. A plain field is handled in place; everything else is a closure made at load.
"""

from collections.abc import Callable
from typing import Any

from lxml.etree import _Element

from parcelgate.codecs.mapping import quantity
from parcelgate.codecs.mapping.converter import Defect
from parcelgate.codecs.mapping.filling import Completion, completions, open_slot, spreading
from parcelgate.codecs.mapping.scope import Each, Leaf, Node, Scope, Slot
from parcelgate.codecs.xml.address import local
from parcelgate.codecs.xml.context import Context
from parcelgate.codecs.xml.name import Names

# Takes an element, the slots of its scope, and the context.
Special = Callable[[_Element, list[Any], Context], None]
# Converter, slot, key, row, and the closure that does the work where it is more than one plain value.
Entry = tuple[Callable[[str], Any], int, str, int, Special | None]


class Reader:
    """Reads one scope from an element."""

    __slots__ = ("_empty", "fills", "read")

    def __init__(self, scope: Scope, names: Names, spare_row: int) -> None:
        """Compile; names are the format's namespaces, spare_row counts the elements that have no row of their own."""
        self._empty: list[Any] = [None] * (len(scope.slots) - 1)
        node = scope.root
        # What stands for absent fields.
        self.fills: tuple[Completion, ...] = completions(scope)
        walk = _walker(scope, node, names, spare_row) if node.children else _text(node, scope.slots)
        attributes = _attributes(scope, node)
        # Makes the record of this scope from an element.
        self.read: Callable[[_Element, Context], dict[str, Any]] = self._parts(
            walk if attributes is None else _both(walk, attributes)
        )
        if scope.spreads:
            self.read = _spreading(self.read, scope)

    def _parts(self, walk: Special) -> Callable[[_Element, Context], dict[str, Any]]:
        empty, fills = self._empty, self.fills

        def read(element: _Element, context: Context) -> dict[str, Any]:
            record: dict[str, Any] = {}
            slots: list[Any] = [record, *empty]
            walk(element, slots, context)
            for slot, key, basis, complete in fills:
                target = slots[slot]
                if (target is None or key not in target) and slots[basis] is not None:
                    complete(element, slots, context)
            return record

        return read


def _text(node: Node, specs: list[Slot]) -> Special:
    """Make the closure of an element that has a text of its own, or nothing."""
    leaf = node.leaf
    if leaf is None:
        return _nothing

    def store(element: _Element, slots: list[Any], context: Context) -> None:
        context.counts[leaf.row.number] += 1
        _store(element, element.text, leaf, slots, specs, context, "")

    return store


def _spreading(
    read: Callable[[_Element, Context], dict[str, Any]], scope: Scope
) -> Callable[[_Element, Context], dict[str, Any]]:
    spread = spreading(scope.spreads)

    def read_and_spread(element: _Element, context: Context) -> dict[str, Any]:
        record = read(element, context)
        spread(record)
        return record

    return read_and_spread


def _walker(scope: Scope, node: Node, names: Names, spare_row: int) -> Special:  # noqa: C901  one loop, all inline
    table: dict[str, Entry] = {}
    leaves: dict[int, Leaf] = {}
    for name, child in node.children.items():
        table[names.tag(name)] = entry = _entry(scope, child, names, spare_row)
        if child.leaf is not None:
            leaves[entry[3]] = child.leaf
    specs = scope.slots

    def walk(element: Any, slots: list[Any], context: Context) -> None:
        counts = context.counts
        for child in element:
            try:
                read, slot, key, row, special = table[child.tag]
            except KeyError:
                context.unmapped(child)
                continue
            counts[row] += 1
            if special is not None:
                special(child, slots, context)
                continue
            text = child.text
            if text is None:
                continue
            try:
                value = read(text)
            except Defect as defect:
                value = context.defect(child, leaves[row], defect, text, slots)
            # An empty text is nothing; an empty dict is the quantity zero.
            if value or value == {}:
                target = slots[slot]
                if target is None:
                    above, name, select = specs[slot]
                    if select is None and slots[above] is not None:
                        slots[above][name] = slots[slot] = target = {}
                    else:
                        target = open_slot(slots, slot, specs)
                target[key] = value

    return walk


def _entry(scope: Scope, node: Node, names: Names, spare_row: int) -> Entry:
    if node.cases:
        return str, 0, "", spare_row, _choosing(scope, node, names, spare_row)
    return _own_entry(scope, node, names, spare_row)


def _own_entry(scope: Scope, node: Node, names: Names, spare_row: int) -> Entry:
    read, slot, key, row, special = _main_entry(scope, node, names, spare_row)
    if special is None and node.also and node.leaf is not None:
        special = _storing(scope.slots, node.leaf)
    for leaf in node.also:
        special = _both(special or _nothing, _storing(scope.slots, leaf))
    return read, slot, key, row, special


def _main_entry(scope: Scope, node: Node, names: Names, spare_row: int) -> Entry:
    if node.each is not None:
        return str, 0, "", node.each.row.number, _each(scope, node.each, names, spare_row)
    if node.fixed is not None:
        row = node.fixed
        return str, 0, "", row.number, _constant(row.const) if row.const is not None else _nothing
    if node.children:
        walk, beside = _walker(scope, node, names, spare_row), _attributes(scope, node)
        return str, 0, "", spare_row, walk if beside is None else _both(walk, beside)
    leaf = node.leaf
    if leaf is None:
        return str, 0, "", spare_row, _attributes(scope, node) or _nothing
    special: Special | None = None
    if leaf.merge:
        special = _merging(scope.slots, leaf)
    elif leaf.row.many:
        special = _lining_up(scope.slots, leaf) if leaf.row.part else _listing(scope.slots, leaf)
    elif leaf.row.sum:
        special = _adding(scope.slots, leaf)
    attributes = _attributes(scope, node)
    if attributes is not None:
        special = _both(special or _storing(scope.slots, leaf), attributes)
    return leaf.converter.read, leaf.slot, leaf.key, leaf.row.number, special


def chosen(node: Node, element: _Element, names: Names) -> Node | None:
    """Find the rows that an element of a name is read by, where it depends on what is in it; None if there are none."""
    for case in node.cases:
        if case.place and sum(1 for _ in element.itersiblings(str(element.tag), preceding=True)) != case.place - 1:
            continue
        if all(test.holds(_inside(element, test.at, names)) for test in case.tests):
            return case.node
    return node if node.has_rows else None


def _inside(element: _Element, path: str, names: Names) -> str | None:
    """Return the text at a path inside an element, where tests look."""
    for step in path.split("/"):
        if step.startswith("@"):
            return element.get(step[1:])
        found = next((child for child in element if child.tag == names.tag(step)), None)
        if found is None:
            return None
        element = found
    return (element.text or "").strip()


def _choosing(scope: Scope, node: Node, names: Names, spare_row: int) -> Special:
    """Make the closure of a name whose occurrences are read each by its own rows."""
    ways = {id(case.node): _reading(scope, case.node, names, spare_row) for case in node.cases}
    if node.has_rows:
        ways[id(node)] = _reading(scope, node, names, spare_row)

    def choose(element: _Element, slots: list[Any], context: Context) -> None:
        found = chosen(node, element, names)
        if found is None:
            context.unmapped(element)
        else:
            ways[id(found)](element, slots, context)

    return choose


def _reading(scope: Scope, node: Node, names: Names, spare_row: int) -> Special:
    """Make the closure that does all a walker does for one child."""
    _, _, _, row, special = _own_entry(scope, node, names, spare_row)
    leaf = node.leaf

    def read(element: _Element, slots: list[Any], context: Context) -> None:
        context.counts[row] += 1
        if special is not None:
            special(element, slots, context)
        elif leaf is not None:
            _store(element, element.text, leaf, slots, scope.slots, context, "")

    return read


def _nothing(element: _Element, slots: list[Any], context: Context) -> None:
    """Read nothing: the row says why."""


def _constant(wanted: str) -> Special:
    def check(element: _Element, slots: list[Any], context: Context) -> None:  # noqa: ARG001  closures share one shape
        if (element.text or "").strip() != wanted:
            context.add("CONSTANT_DIFFERS", element, name=local(element.tag), wanted=wanted)

    return check


def _each(scope: Scope, each: Each, names: Names, spare_row: int) -> Special:
    read = Reader(each.scope, names, spare_row).read
    slot, key, specs = each.slot, each.key, scope.slots

    def append(element: _Element, slots: list[Any], context: Context) -> None:
        entry = read(element, context)
        target = slots[slot]
        if target is None:
            target = open_slot(slots, slot, specs)
        entries = target.get(key)
        if entries is None:
            target[key] = [entry]
        else:
            entries.append(entry)

    return append


def _listing(specs: list[Slot], leaf: Leaf) -> Special:
    """Make the closure of a list of plain values."""
    read, slot, key = leaf.converter.read, leaf.slot, leaf.key

    def append(element: _Element, slots: list[Any], context: Context) -> None:
        text = element.text
        if text is None:
            return
        try:
            value = read(text)
        except Defect as defect:
            value = context.defect(element, leaf, defect, text, slots)
        if not value:
            return
        target = slots[slot]
        if target is None:
            target = open_slot(slots, slot, specs)
        if key in target:
            target[key].append(value)
        else:
            target[key] = [value]

    return append


def _adding(specs: list[Slot], leaf: Leaf) -> Special:
    """Make the closure of a mass that several elements have a part of."""

    def add(element: _Element, slots: list[Any], context: Context) -> None:
        before = None if slots[leaf.slot] is None else slots[leaf.slot].pop(leaf.key, None)
        _store(element, element.text, leaf, slots, specs, context, "")
        if before is not None:
            target = slots[leaf.slot]
            try:
                target[leaf.key] = quantity.plus(before, target.get(leaf.key, {}))
            except Defect as defect:
                target[leaf.key] = before
                context.defect(element, leaf, defect, element.text or "", slots)

    return add


def _lining_up(specs: list[Slot], leaf: Leaf) -> Special:
    """Make the closure of one of several parallel arrays: an empty entry of it is one too."""
    read, slot, key = leaf.converter.read, leaf.slot, leaf.key

    def append(element: _Element, slots: list[Any], context: Context) -> None:  # noqa: ARG001  closures share one shape
        target = slots[slot]
        if target is None:
            target = open_slot(slots, slot, specs)
        target.setdefault(key, []).append(read(element.text or ""))

    return append


def _merging(specs: list[Slot], leaf: Leaf) -> Special:
    """Make the closure of an amount whose currency stands in another element."""
    read, slot = leaf.converter.read, leaf.slot
    above, key, _ = specs[slot]

    def merge(element: _Element, slots: list[Any], context: Context) -> None:
        text = element.text
        if text is None:
            return
        try:
            value = read(text)
        except Defect as defect:
            value = context.defect(element, leaf, defect, text, slots)
        if value is None:
            return
        target, parent = slots[slot], slots[above]
        if target is None and parent is not None:
            parent[key] = slots[slot] = value.copy()
            return
        if target is None:
            target = open_slot(slots, slot, specs)
        target.update(value)

    return merge


def _both(first: Special, second: Special) -> Special:
    def both(element: _Element, slots: list[Any], context: Context) -> None:
        first(element, slots, context)
        second(element, slots, context)

    return both


def _storing(specs: list[Slot], leaf: Leaf) -> Special:
    def store(element: _Element, slots: list[Any], context: Context) -> None:
        _store(element, element.text, leaf, slots, specs, context, "")

    return store


def _attributes(scope: Scope, node: Node) -> Special | None:
    """Make the closure of an element's attributes; None if the mapping knows none."""
    if not node.attributes and not node.fixed_attributes:
        return None
    leaves, specs = tuple(node.attributes.items()), scope.slots
    fixed = tuple(node.fixed_attributes.items())

    def read(element: _Element, slots: list[Any], context: Context) -> None:
        for name, leaf in leaves:
            _store(element, element.get(name), leaf, slots, specs, context, f"/@{name}")
        for name, row in fixed:
            text = element.get(name)
            if text is None:
                continue
            context.counts[row.number] += 1
            if row.const is not None and text.strip() != row.const:
                context.add("CONSTANT_DIFFERS", element, below=f"/@{name}", name=name, wanted=row.const)

    return read


def _store(
    element: _Element, text: str | None, leaf: Leaf, slots: list[Any], specs: list[Slot], context: Context, below: str
) -> None:
    if text is None:
        return
    if below:
        context.counts[leaf.row.number] += 1
    try:
        value = leaf.converter.read(text)
    except Defect as defect:
        value = context.defect(element, leaf, defect, text, slots, below)
    if value or value == {}:
        target = slots[leaf.slot]
        if target is None:
            target = open_slot(slots, leaf.slot, specs)
        target[leaf.key] = value
