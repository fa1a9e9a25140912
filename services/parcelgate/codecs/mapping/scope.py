"""Scopes: the rows of one part of a document as a tree of foreign names over slots of the record.

A slot is one dict of the record that several rows fill (item.key, the party with the role SENDER). Slot 0 is the dict that
the scope makes; the others open when the first field inside them comes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor

from parcelgate.codecs.mapping import converter, moment, quantity, target
from parcelgate.codecs.mapping.converter import Converter
from parcelgate.codecs.mapping.row import MappingError, Row, RowCount, rows_of

_PLAIN: Mapping[str, Converter] = {
    each.name: each
    for each in (
        converter.TEXT,
        converter.REFERENCE,
        converter.COUNTRY,
        converter.CURRENCY,
        converter.HS,
        converter.ITEM_ID,
        converter.BOOL,
        quantity.INT,
        quantity.MONEY,
        quantity.MASS,
        moment.TIME,
        moment.DAY,
    )
}
DERIVATIONS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "item_scheme": ("enum", converter.derive_scheme),
    "s10_issuer": ("string", converter.derive_issuer),
    "time": ("Instant", moment.read_time),
}


class Slot(NamedTuple):
    """One dict of the record: a field of its parent slot, or the entry of a list with a certain role."""

    parent: int
    key: str
    select: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A plain value: where it goes and how it is converted."""

    row: Row
    converter: Converter
    slot: int
    key: str
    # The value is a dict whose other fields come from other rows (an amount and its currency).
    merge: bool = False


@dataclass(frozen=True, slots=True)
class Each:
    """A repeated part: every occurrence is one entry of the list."""

    row: Row
    scope: "Scope"
    slot: int
    key: str


@dataclass(slots=True)
class Node:
    """One foreign name: its own value, its attributes, and what stands inside it."""

    name: str
    children: dict[str, "Node"] = field(default_factory=dict)
    attributes: dict[str, Leaf] = field(default_factory=dict)
    leaf: Leaf | None = None
    each: Each | None = None
    fixed: Row | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """What stands for an absent field: a value of the header, a computed one, or a default; and whether it is needed."""

    leaf: Leaf
    inherit: str = ""
    derive: Callable[[Any], Any] | None = None
    source: Leaf | None = None
    default: Any = None


@dataclass(slots=True)
class Scope:
    """A compiled scope."""

    name: str
    record: Descriptor | None
    root: Node
    slots: list[Slot]
    fills: list[Fill]
    leaves: dict[str, Leaf]


@dataclass(slots=True)
class Compiler:
    """Compiles the scopes of one mapping; raises MappingError with the row that can't be used."""

    shapes: Mapping[str, Any]
    codes: Mapping[str, tuple[str, Mapping[str, int]]]
    rows: RowCount

    def scope(
        self, name: str, data: Mapping[str, Any], record: Descriptor | None, open_: tuple[str, ...] = ()
    ) -> Scope:
        """Compile one scope; record is the message it makes, None for the facts of a header."""
        if name in open_:
            raise MappingError(f"{name}: the shape is repeated inside itself")
        scope = Scope(name, record, Node(""), [Slot(0, "", None)], [], {})
        rows = rows_of(name, data, self.shapes, self.rows)
        for row in rows:
            self._place(scope, row, (*open_, name))
        for node in _nodes(scope.root):
            node.leaf = _merged(scope, node.leaf)
        for row in rows:
            self._fill(scope, row)
        return scope

    def _place(self, scope: Scope, row: Row, open_: tuple[str, ...]) -> None:
        node = scope.root
        steps = row.at.split("/") if row.at else []
        attribute = steps.pop()[1:] if steps and steps[-1].startswith("@") else ""
        for place, step in enumerate(steps, 1):
            if not step:
                raise row.error("a step of the path is empty")
            node = node.children.setdefault(step, Node(step))
            if node.each is not None or node.fixed is not None or (node.leaf is not None and place < len(steps)):
                raise row.error(f"{step} has a row of its own that reads all of it")
        if row.const is not None or row.ignore:
            if node.children or attribute:
                raise row.error("const and ignore stand for a whole element")
            node.fixed = row
            return
        leaf = self._leaf(scope, row, open_, node)
        if leaf is None:
            return
        scope.leaves[row.to] = leaf
        if attribute:
            node.attributes[attribute] = leaf
        elif node.leaf is not None or node.children:
            raise row.error("the element already has a row, or elements inside it")
        else:
            node.leaf = leaf

    def _leaf(self, scope: Scope, row: Row, open_: tuple[str, ...], node: Node) -> Leaf | None:
        if scope.record is None:
            if row.each or row.many:
                raise row.error("a header has no lists")
            return Leaf(row, self._converter(row, None), 0, row.to)
        try:
            aim = target.target(scope.record, row.to)
        except ValueError as error:
            raise row.error(str(error)) from None
        if aim.repeated != bool(row.each or row.many):
            raise row.error(f"{row.to} {'is' if aim.repeated else 'is not'} a list")
        slot = self._slot(scope, aim.steps[:-1])
        key = aim.steps[-1].name
        if row.each:
            if row.each not in self.shapes:
                raise row.error(f"there is no shape {row.each!r}")
            if node.children or node.each or node.leaf:
                raise row.error("the element already has rows")
            inner = self.scope(row.each, self.shapes[row.each], aim.message, open_)
            node.each = Each(row, inner, slot, key)
            return None
        chosen = self._converter(row, aim)
        if chosen.kind != aim.kind:
            raise row.error(f"{row.converter} makes {chosen.kind}, but {row.to} is {aim.kind}")
        return Leaf(row, chosen, slot, key)

    def _slot(self, scope: Scope, steps: tuple[target.Step, ...]) -> int:
        number = 0
        for step in steps:
            wanted = Slot(number, step.name, step.select)
            if wanted not in scope.slots[1:]:
                scope.slots.append(wanted)
            number = scope.slots.index(wanted, 1)
        return number

    def _converter(self, row: Row, aim: target.Target | None) -> Converter:
        name, _, argument = row.converter.partition("(")
        argument = argument.removesuffix(")")
        if name == "code":
            if argument not in self.codes:
                raise row.error(f"there is no code list {argument!r}")
            enum, numbers = self.codes[argument]
            if aim is not None and (aim.enum is None or aim.enum.full_name != enum):
                raise row.error(f"the code list {argument} is of {enum}, not of {row.to}")
            return converter.code(row.converter, numbers)
        if name == "enum":
            if aim is None or aim.enum is None:
                raise row.error("enum is for fields that are enums")
            return converter.code("enum", target.short_names(aim.enum))
        if name not in _PLAIN or argument:
            raise row.error(f"there is no converter {row.converter!r}")
        return _PLAIN[name]

    def _fill(self, scope: Scope, row: Row) -> None:
        if not (row.need or row.derive or row.inherit or row.default is not None):
            return
        leaf = scope.leaves[row.to]
        derive, source, default = None, None, None
        if row.derive:
            name, _, path = row.derive.removesuffix(")").partition("(")
            if name not in DERIVATIONS or path not in scope.leaves:
                raise row.error(f"{row.derive!r} names no function of derive, or no field of this scope")
            kind, derive = DERIVATIONS[name]
            source = scope.leaves[path]
            if kind != leaf.converter.kind:
                raise row.error(f"{name} makes {kind}, but {row.to} is {leaf.converter.kind}")
        if row.default is not None:
            try:
                default = leaf.converter.read(row.default)
            except converter.Defect:
                raise row.error(f"the default {row.default!r} can't be read") from None
        scope.fills.append(Fill(leaf, row.inherit, derive, source, default))


def _merged(scope: Scope, leaf: Leaf | None) -> Leaf | None:
    """Let an amount go into the slot that its currency has opened."""
    if leaf is None or leaf.converter.kind != "Money":
        return leaf
    for number, slot in enumerate(scope.slots):
        if number and slot.parent == leaf.slot and slot.key == leaf.key:
            return Leaf(leaf.row, leaf.converter, number, "", merge=True)
    return leaf


def _nodes(node: Node) -> list[Node]:
    found = [node]
    for child in node.children.values():
        found += _nodes(child)
    return found
