"""Reading one subtree: the tree of a scope as tables of names, walked once beside the elements.

This is the hot loop of the gateway. A plain field is handled in place; everything else is a closure made at load.
"""

from collections.abc import Callable
from typing import Any

from lxml.etree import _Element

from parcelgate.codecs.mapping.converter import Defect
from parcelgate.codecs.mapping.scope import Each, Fill, Leaf, Node, Scope, Slot
from parcelgate.codecs.xml.address import local
from parcelgate.codecs.xml.context import Context

# Takes an element, the slots of its scope, and the context.
Special = Callable[[_Element, list[Any], Context], None]
# Converter, slot, key, row, closure instead of the other four; the leaf for faults.
Entry = tuple[Callable[[str], Any] | None, int, str, int, Special | None, Leaf | None]
Table = dict[str, Entry]


class Reader:
    """Reads one scope from an element."""

    __slots__ = ("_attributes", "_empty", "_fills", "_leaf", "_slots", "_walk")

    def __init__(self, scope: Scope, prefix: str, spare_row: int) -> None:
        """Compile; prefix is the namespace in braces, spare_row counts the elements that have no row of their own."""
        self._slots = scope.slots
        self._empty: list[Any] = [None] * (len(scope.slots) - 1)
        node = scope.root
        self._leaf = node.leaf
        self._attributes = tuple(node.attributes.items())
        self._walk = _walker(scope, node, prefix, spare_row) if node.children else None
        self._fills = tuple(_filler(fill, scope.slots) for fill in scope.fills)

    def read(self, element: _Element, context: Context) -> dict[str, Any]:
        """Make the record of this scope from the element."""
        record: dict[str, Any] = {}
        slots: list[Any] = [record, *self._empty]
        if self._leaf is not None:
            _store(element, element.text, self._leaf, slots, self._slots, context, "")
        for name, leaf in self._attributes:
            text = element.get(name)
            if text is not None:
                _store(element, text, leaf, slots, self._slots, context, f"/@{name}")
        if self._walk is not None:
            self._walk(element, slots, context)
        for fill in self._fills:
            fill(element, slots, context)
        return record


def open_slot(slots: list[Any], number: int, specs: list[Slot]) -> dict[str, Any]:
    """Make the dict of a slot, and those it lies in."""
    spec = specs[number]
    parent = slots[spec.parent]
    if parent is None:
        parent = open_slot(slots, spec.parent, specs)
    if spec.select is None:
        opened: dict[str, Any] = parent.setdefault(spec.key, {})
    else:
        opened = {spec.select[0]: spec.select[1]}
        parent.setdefault(spec.key, []).append(opened)
    slots[number] = opened
    return opened


def _walker(scope: Scope, node: Node, prefix: str, spare_row: int) -> Special:
    table: Table = {}
    for name, child in node.children.items():
        table[prefix + name] = _entry(scope, child, prefix, spare_row)
    specs = scope.slots

    def walk(element: _Element, slots: list[Any], context: Context) -> None:
        counts = context.counts
        for child in element:
            try:
                read, slot, key, row, special, leaf = table[child.tag]
            except KeyError:
                continue
            counts[row] += 1
            if special is not None:
                special(child, slots, context)
                continue
            text = child.text
            if text is None:
                continue
            try:
                value = read(text)  # type: ignore[misc]  # an entry has a converter or a closure
            except Defect as defect:
                value = context.defect(child, leaf, defect, text, slots)  # type: ignore[arg-type]  # and so its leaf
            if value is None:
                continue
            target = slots[slot]
            if target is None:
                target = open_slot(slots, slot, specs)
            target[key] = value

    return walk


def _entry(scope: Scope, node: Node, prefix: str, spare_row: int) -> Entry:
    if node.each is not None:
        return None, 0, "", node.each.row.number, _each(scope, node.each, prefix, spare_row), None
    if node.fixed is not None:
        row = node.fixed
        return None, 0, "", row.number, _constant(row.const) if row.const is not None else _nothing, None
    if node.children:
        return None, 0, "", spare_row, _walker(scope, node, prefix, spare_row), None
    leaf = node.leaf
    assert leaf is not None
    special: Special | None = None
    if leaf.merge:
        special = _merge(scope.slots, leaf)
    elif leaf.row.many:
        special = _many(scope.slots, leaf)
    elif leaf.converter.normalises or node.attributes:
        special = _noting(scope.slots, leaf, tuple(node.attributes.items()))
    return leaf.converter.read, leaf.slot, leaf.key, leaf.row.number, special, leaf


def _nothing(element: _Element, slots: list[Any], context: Context) -> None:
    """Read nothing: the row says why."""


def _constant(wanted: str) -> Special:
    def check(element: _Element, slots: list[Any], context: Context) -> None:  # noqa: ARG001  closures share one shape
        if (element.text or "").strip() != wanted:
            context.add("CONSTANT_DIFFERS", element, name=local(element.tag), wanted=wanted)

    return check


def _each(scope: Scope, each: Each, prefix: str, spare_row: int) -> Special:
    read = Reader(each.scope, prefix, spare_row).read
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


def _many(specs: list[Slot], leaf: Leaf) -> Special:
    read, slot, key = leaf.converter.read, leaf.slot, leaf.key

    def append(element: _Element, slots: list[Any], context: Context) -> None:
        value = _converted(element, element.text, read, leaf, slots, context, "")
        if value is None:
            return
        target = slots[slot]
        if target is None:
            target = open_slot(slots, slot, specs)
        entries = target.get(key)
        if entries is None:
            target[key] = [value]
        else:
            entries.append(value)

    return append


def _merge(specs: list[Slot], leaf: Leaf) -> Special:
    read, slot = leaf.converter.read, leaf.slot

    def merge(element: _Element, slots: list[Any], context: Context) -> None:
        value = _converted(element, element.text, read, leaf, slots, context, "")
        if value is None:
            return
        target = slots[slot]
        if target is None:
            target = open_slot(slots, slot, specs)
        target.update(value)

    return merge


def _noting(specs: list[Slot], leaf: Leaf, attributes: tuple[tuple[str, Leaf], ...]) -> Special:
    def note(element: _Element, slots: list[Any], context: Context) -> None:
        _store(element, element.text, leaf, slots, specs, context, "")
        for name, inner in attributes:
            _store(element, element.get(name), inner, slots, specs, context, f"/@{name}")

    return note


def _store(
    element: _Element, text: str | None, leaf: Leaf, slots: list[Any], specs: list[Slot], context: Context, below: str
) -> None:
    value = _converted(element, text, leaf.converter.read, leaf, slots, context, below)
    if value is None:
        return
    if below:
        context.counts[leaf.row.number] += 1
    if leaf.converter.normalises and value != text:
        context.marks.normalised[leaf.row.number] += 1
    target = slots[leaf.slot]
    if target is None:
        target = open_slot(slots, leaf.slot, specs)
    target[leaf.key] = value


def _converted(
    element: _Element,
    text: str | None,
    read: Callable[[str], Any],
    leaf: Leaf,
    slots: list[Any],
    context: Context,
    below: str,
) -> Any:
    if text is None:
        return None
    try:
        return read(text)
    except Defect as defect:
        return context.defect(element, leaf, defect, text, slots, below)


def _filler(fill: Fill, specs: list[Slot]) -> Special:
    """Make the closure that fills an absent field in, or says that it is missing."""
    slot, key, row = fill.leaf.slot, fill.leaf.key, fill.leaf.row

    def put(slots: list[Any], value: Any) -> None:
        target = slots[slot]
        if target is None:
            target = open_slot(slots, slot, specs)
        target[key] = value

    def complete(element: _Element, slots: list[Any], context: Context) -> None:
        target = slots[slot]
        if target is not None and key in target:
            return
        if (id(slots), row.number) in context.failed:
            return
        value = context.header.get(fill.inherit) if fill.inherit else None
        if value is None and fill.derive is not None:
            value = _derived(fill, element, slots, context)
        if value is None and fill.default is not None:
            value = fill.default
            context.marks.defaulted[row.number] += 1
        if value is not None:
            put(slots, value)
        elif row.need:
            context.missing(fill, element)

    return complete


def _derived(fill: Fill, element: _Element, slots: list[Any], context: Context) -> Any:
    assert fill.source is not None
    assert fill.derive is not None
    source = slots[fill.source.slot]
    basis = source.get(fill.source.key) if source is not None else None
    if basis is None:
        return None
    try:
        return fill.derive(basis)
    except Defect as defect:
        at = fill.source.row.at
        return context.defect(element, fill.leaf, defect, str(basis), slots, f"/{at}")
