"""Compiling: the rows of one part of a document, checked against the contract, as a scope."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from google.protobuf.descriptor import Descriptor

from parcelgate.codecs.mapping import converter, listing, moment, quantity, target
from parcelgate.codecs.mapping.converter import Converter
from parcelgate.codecs.mapping.row import MappingError, Row, RowCount, rows_of
from parcelgate.codecs.mapping.scope import (
    Agreement,
    Computed,
    Each,
    Fill,
    Leaf,
    Node,
    Scope,
    Set,
    Slot,
    Spread,
)
from parcelgate.codecs.mapping.step import Choice, steps_of

_PLAIN: Mapping[str, Converter] = {
    each.name: each
    for each in (
        converter.TEXT,
        converter.REFERENCE,
        converter.COUNTRY,
        converter.CURRENCY,
        converter.HS,
        converter.ITEM_ID,
        converter.DISPATCH_ID,
        converter.RECEPTACLE_ID,
        converter.IMPC,
        converter.BOOL,
        quantity.INT,
        quantity.MONEY,
        quantity.MASS,
        moment.TIME,
        moment.DAY,
    )
}
# Converters that are told more, as in mass(oz): what makes them; each raises ValueError for what it does not know.
_TOLD: Mapping[str, Callable[[str], Converter]] = {
    "bool": converter.bool_of,
    "mass": quantity.mass_in,
    "time": moment.time_as,
    "written": moment.written_as,
    "day": moment.day_as,
}
# Functions of derive and from: what each makes, itself, and of how many fields.
DERIVATIONS: Mapping[str, tuple[str, Callable[..., Any], int]] = {
    "item_scheme": ("enum", converter.derive_scheme, 1),
    "s10_issuer": ("string", converter.derive_issuer, 1),
    "s8_of_s9": ("string", converter.derive_dispatch, 1),
    "s8_category": ("enum", converter.derive_category, 1),
    "s8_class": ("enum", converter.derive_class, 1),
    "s8_subclass": ("string", converter.derive_subclass, 1),
    "s9_mass": ("Mass", converter.derive_receptacle_mass, 1),
    "time": ("Instant", moment.read_time, 1),
    "same": ("string", converter.same, 1),
    "times": ("Money", quantity.times, 2),
    "share": ("Money", quantity.share, 2),
}
# Functions of agree: how what a document says is held against what they make.
AGREEMENTS: Mapping[str, Callable[..., Any]] = {"times": quantity.agree_times}


@dataclass(slots=True)
class Compiler:
    """Compiles the scopes of one mapping; raises MappingError with the row that can't be used."""

    shapes: Mapping[str, Any]
    codes: Mapping[str, tuple[str, Mapping[str, int], str | None]]
    rows: RowCount
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    facts: dict[str, Row] = field(default_factory=dict)

    def scope(
        self, name: str, data: Mapping[str, Any], record: Descriptor | None, open_: tuple[str, ...] = ()
    ) -> Scope:
        """Compile one scope; record is the message it makes, None for the facts of a header."""
        if name in open_:
            raise MappingError(f"{name}: the shape is repeated inside itself")
        scope = Scope(name, record, Node(""), [Slot(0, "", None)], [], {})
        rows = rows_of(name, data, self.shapes, self.rows)
        self.facts |= {row.fact: row for row in rows if row.fact}
        for row in rows:
            if row.value is not None:
                self._set(scope, row)
            elif row.absent:
                scope.leaves[row.to] = self._plain_leaf(scope, row)
            else:
                self._place(scope, row, (*open_, name))
        for node in scope.root.inner():
            node.leaf = _merged(scope, node.leaf)
        _check_exact(scope, rows)
        for row in rows:
            self._fill(scope, row)
            self._compute(scope, row)
        return scope

    def _place(self, scope: Scope, row: Row, open_: tuple[str, ...]) -> None:
        node, attribute = self._node(scope, row)
        if row.also:
            self._read_too(scope, row, node)
            return
        if row.const is not None or row.ignore or row.fact:
            if attribute and not row.fact:
                node.fixed_attributes[attribute] = row
            elif node.children or attribute:
                raise row.error("const, ignore and fact stand for a whole element")
            else:
                node.fact, node.fixed = (row, None) if row.fact else (None, row)
            return
        leaf = self._spread(scope, row) if row.spread else self._leaf(scope, row, open_, node)
        if leaf is None:
            return
        if not row.spread:
            scope.leaves.setdefault(row.to, leaf)
        if attribute:
            node.attributes[attribute] = leaf
        elif node.leaf is not None or node.children:
            raise row.error("the element already has a row, or elements inside it")
        else:
            node.leaf = leaf
        if node.leaf is not None and node.leaf.row.many and (node.attributes or node.fixed_attributes):
            raise row.error("an element of a list of plain values has no attributes")

    def _node(self, scope: Scope, row: Row) -> tuple[Node, str]:
        """Find or make the node at which a row stands; returns it, and the attribute of it that is meant."""
        try:
            steps = steps_of(row.at)
        except ValueError as error:
            raise row.error(str(error)) from None
        node = scope.root
        attribute = steps.pop().name[1:] if steps and steps[-1].name.startswith("@") else ""
        for place, step in enumerate(steps, 1):
            known = node.children.get(step.name)
            if place == len(steps) and known is not None and known.fixed is not None and known.fixed.implied:
                # The row itself says where it stands among the others.
                del node.children[step.name]
            node = node.at(step)
            for test in step.tests:
                self._imply(scope, node, test)
            taken = node.each is not None or node.fixed is not None or (node.leaf is not None and place < len(steps))
            if taken and not (row.also and place == len(steps)):
                raise row.error(f"{step.name} has a row of its own that reads all of it")
        return node, attribute

    def _read_too(self, scope: Scope, row: Row, node: Node) -> None:
        if not (node.leaf or node.each) or scope.record is None or "@" in row.at:
            raise row.error("a further row needs one before it that reads the element")
        leaf = self._plain_leaf(scope, row)
        node.also.append(leaf)
        scope.leaves.setdefault(row.to, leaf)

    def _imply(self, scope: Scope, node: Node, test: Choice) -> None:
        """Let what chooses an occurrence be written with it, before its other fields if no row says otherwise."""
        if test.pattern is not None:
            return
        for step in steps_of(test.at):
            if step.name.startswith("@"):
                name = step.name[1:]
                if name not in node.attributes and name not in node.fixed_attributes:
                    number = self.rows.next(f"{scope.name}/{test.at}={test.value}")
                    node.fixed_attributes[name] = Row(number, scope.name, test.at, const=test.value, implied=True)
                return
            node = node.at(step)
        if not node.has_rows:
            number = self.rows.next(f"{scope.name}/{test.at}={test.value}")
            node.fixed = Row(number, scope.name, test.at, const=test.value, implied=True)

    def _set(self, scope: Scope, row: Row) -> None:
        assert scope.record is not None
        assert row.value is not None
        try:
            aim = target.target(scope.record, row.to)
            value = target.value_of(target.field_of(scope.record, row.to), row.value)
        except ValueError as error:
            raise row.error(str(error)) from None
        scope.sets.append(Set(row, self._slot(scope, aim.steps[:-1]), aim.steps[-1].name, value))

    def _spread(self, scope: Scope, row: Row) -> Leaf:
        if scope.record is None:
            raise row.error("a header has nothing to spread over")
        chosen = None
        for path in row.spread:
            try:
                found = target.field_of(scope.record, path, through_lists=True)
            except ValueError as error:
                raise row.error(str(error)) from None
            chosen = self._converter(row, target.aim_of(found))
        assert chosen is not None
        key = f"spread {row.number}"
        paths = tuple(tuple(path.split(".")) for path in row.spread)
        scope.spreads.append(Spread(row, chosen, key, paths))
        return Leaf(row, chosen, 0, key)

    def _leaf(self, scope: Scope, row: Row, open_: tuple[str, ...], node: Node) -> Leaf | None:
        if not row.each:
            return self._plain_leaf(scope, row)
        if scope.record is None:
            raise row.error("a header has no lists")
        aim = self._aim(scope.record, row)
        slot = self._slot(scope, aim.steps[:-1])
        if row.each not in self.shapes:
            raise row.error(f"there is no shape {row.each!r}")
        if node.each or node.leaf or not all(child.is_implied for child in node.children.values()):
            raise row.error("the element already has rows")
        inner = self.scope(row.each, self.shapes[row.each], aim.message, open_)
        self._choose_first(row, node, inner)
        node.each = Each(row, inner, slot, aim.steps[-1].name)
        return None

    @staticmethod
    def _choose_first(row: Row, node: Node, inner: Scope) -> None:
        """Let what chooses the entries stand inside them, before their other fields if the shape does not say otherwise."""
        chosen, known = node.children, inner.root.children
        for name, child in chosen.items():
            if name in known and not (known[name].has_rows and child.fixed is not None):
                raise row.error(f"the shape has no row for all of {name}, by which the entries are chosen")
        inner.root.children = {**chosen, **known}
        inner.root.fixed_attributes = {**node.fixed_attributes, **inner.root.fixed_attributes}
        node.children, node.fixed_attributes = {}, {}

    def _plain_leaf(self, scope: Scope, row: Row) -> Leaf:
        if scope.record is None:
            if row.many:
                raise row.error("a header has no lists")
            return Leaf(row, self._converter(row, None), 0, row.to)
        aim = self._aim(scope.record, row)
        slot, key = self._slot(scope, aim.steps[:-1]), aim.steps[-1].name
        if row.part:
            return listing.array(scope, aim, Leaf(row, converter.TEXT, slot, key))
        if row.converter.startswith("join"):
            return listing.joined(scope, aim, Leaf(row, converter.PIECE, slot, key))
        chosen = self._converter(row, aim)
        if chosen.kind != aim.kind:
            raise row.error(f"{row.converter} makes {chosen.kind}, but {row.to} is {aim.kind}")
        if row.sum and chosen.kind != "Mass":
            raise row.error("only masses are summed up")
        if row.place:
            return listing.gathered(scope, row, Leaf(row, chosen, slot, key))
        first = None if row.many else scope.leaves.get(row.to)
        # Two that each tell some values apart are no first and second choice.
        second = first is not None and not (chosen.partial or first.converter.partial)
        exact = first if first is not None and first.converter.exact else None
        return Leaf(row, chosen, slot, key, second=second, first=exact)

    @staticmethod
    def _aim(record: Descriptor, row: Row) -> target.Target:
        path = row.to.removesuffix(f".{row.part}") if row.part else row.to
        try:
            aim = target.target(record, path)
        except ValueError as error:
            raise row.error(str(error)) from None
        if aim.repeated != bool(row.each or row.many or row.place):
            raise row.error(f"{path} {'is' if aim.repeated else 'is not'} a list")
        return aim

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
            enum, numbers, other = self.codes[argument]
            if aim is not None and (aim.enum is None or aim.enum.full_name != enum):
                raise row.error(f"the code list {argument} is of {enum}, not of {row.to}")
            return converter.code(row.converter, numbers, other)
        if name == "enum":
            if aim is None or aim.enum is None:
                raise row.error("enum is for fields that are enums")
            return converter.code("enum", target.short_names(aim.enum))
        if name == "label":
            if argument not in self.labels:
                raise row.error(f"there is no list of labels {argument!r}")
            return converter.label(row.converter, self.labels[argument])
        if name in _TOLD and argument:
            return self._told(row, name, argument)
        if name not in _PLAIN or argument:
            raise row.error(f"there is no converter {row.converter!r}")
        return _PLAIN[name]

    def _told(self, row: Row, name: str, argument: str) -> Converter:
        """Make a converter that is told something, or one that asks a fact for it."""
        try:
            if not argument.startswith("$"):
                return _TOLD[name](argument)
            fact = self.facts.get(argument[1:])
            if fact is None:
                raise row.error(f"there is no fact {argument[1:]!r}")
            ways = {value: _TOLD[name](value) for value in fact.values.values()}
        except ValueError as error:
            raise row.error(f"{row.converter}: {error}") from None
        usual = ways[fact.values[fact.encode]]
        return replace(usual, fact=fact.fact, ways={value: way.read for value, way in ways.items()})

    def _fill(self, scope: Scope, row: Row) -> None:
        if row.part or not (row.need or row.derive or row.agree or row.inherit or row.default is not None):
            return
        leaf = scope.leaves[row.to]
        derive: Callable[..., Any] | None = None
        sources: tuple[Leaf, ...] = ()
        default: Any = None
        if row.derive:
            derive, sources = self._function(scope, row, row.derive, leaf)
        if row.agree:
            derive, sources = self._function(scope, row, row.agree, leaf)
            agrees = AGREEMENTS.get(row.agree.partition("(")[0])
            if agrees is None:
                raise row.error(f"nothing can agree with {row.agree!r}, only with {', '.join(AGREEMENTS)}")
            scope.agreements.append(Agreement(leaf, agrees, sources))
        if row.default is not None:
            try:
                default = leaf.converter.read(row.default)
            except converter.Defect:
                raise row.error(f"the default {row.default!r} can't be read") from None
        scope.fills.append(Fill(leaf, row.inherit, derive, sources, default, written=bool(row.agree)))

    def _compute(self, scope: Scope, row: Row) -> None:
        if row.source:
            leaf = scope.leaves[row.to]
            scope.computed.append(Computed(leaf, *self._function(scope, row, row.source, leaf)))

    def _function(self, scope: Scope, row: Row, words: str, leaf: Leaf) -> tuple[Callable[..., Any], tuple[Leaf, ...]]:
        """Find what derive or from asks for: function(path, path)."""
        name, _, inner = words.removesuffix(")").partition("(")
        kind, function, count = DERIVATIONS.get(name, ("", None, 0))
        sources = tuple(self._named(scope, path.strip()) for path in inner.split(","))
        if function is None or len(sources) != count or None in sources:
            raise row.error(f"{words!r} names no function of derive, or no field of this scope")
        if kind != leaf.converter.kind:
            raise row.error(f"{name} makes {kind}, but {row.to} is {leaf.converter.kind}")
        return function, cast("tuple[Leaf, ...]", sources)

    def _named(self, scope: Scope, path: str) -> Leaf | None:
        """Find the field that a function is asked about; the document need not have it."""
        found = scope.leaves.get(path)
        if found is None and scope.record is not None:
            try:
                steps = target.target(scope.record, path).steps
            except ValueError:
                return None
            if len(steps) == 1:
                return Leaf(Row(0, scope.name, path, to=path), converter.TEXT, 0, steps[0].name)
        return found


def _merged(scope: Scope, leaf: Leaf | None) -> Leaf | None:
    """Let an amount go into the slot that its currency has opened."""
    if leaf is None or leaf.converter.kind != "Money":
        return leaf
    for number, slot in enumerate(scope.slots):
        if number and slot.parent == leaf.slot and slot.key == leaf.key:
            return Leaf(leaf.row, leaf.converter, number, "", merge=True)
    return leaf


def _check_exact(scope: Scope, rows: list[Row]) -> None:
    """Refuse an exact row that no other follows: what it leaves unsaid would be lost."""
    for leaf in scope.leaves.values():
        if leaf.converter.exact and sum(row.to == leaf.row.to for row in rows) < 2:
            raise leaf.row.error(f"{leaf.row.converter} needs a second row for what it can't say")
