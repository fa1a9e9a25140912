"""Scopes: the rows of one part of a document as a tree of foreign names over slots of the record.

A slot is one dict of the record that several rows fill (item.key, the party with the role SENDER). Slot 0 is the dict that
the scope makes; the others open when the first field inside them comes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor

from parcelgate.codecs.mapping.converter import Converter
from parcelgate.codecs.mapping.piece import Pieces
from parcelgate.codecs.mapping.row import Row
from parcelgate.codecs.mapping.step import Choice, Step


class Slot(NamedTuple):
    """One dict of the record: a field of its parent slot, or the entry of a list with a certain role."""

    parent: int
    key: str
    select: tuple[str, int | str] | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A plain value: where it goes and how it is converted."""

    row: Row
    converter: Converter
    slot: int
    key: str
    # The value is a dict whose other fields come from other rows (an amount and its currency).
    merge: bool = False
    # A row before it has the same to, and is the one that is written.
    second: bool = False
    # That row, if it is exact: this one writes what that one leaves unsaid.
    first: "Leaf | None" = None


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
    # Attributes that have a constant, or are not read.
    fixed_attributes: dict[str, Row] = field(default_factory=dict)
    leaf: Leaf | None = None
    # Further values that are read from the same text.
    also: list[Leaf] = field(default_factory=list)
    each: Each | None = None
    fixed: Row | None = None
    fact: Row | None = None
    # The element comes as a JSON array.
    array: bool = False
    # What is read instead where an occurrence has certain values; the node's own rows are for all others.
    cases: list["Case"] = field(default_factory=list)

    def inner(self) -> Iterator["Node"]:
        """Go through this node and all nodes below it; entries of lists have scopes of their own."""
        yield self
        for case in self.cases:
            yield from case.node.inner()
        for child in self.children.values():
            yield from child.inner()

    def at(self, step: Step) -> "Node":
        """Find or make the node of a step below this one."""
        node = self.children.setdefault(step.name, Node(step.name))
        node.array = node.array or step.array
        if not step.tests and not step.place:
            return node
        for case in node.cases:
            if (case.tests, case.place) == (step.tests, step.place):
                return case.node
        case = Case(step.tests, step.place, Node(step.name))
        node.cases.append(case)
        return case.node

    @property
    def is_implied(self) -> bool:
        """All there is of it comes from steps that choose."""
        if self.fixed is not None:
            return self.fixed.implied
        return bool(self.children) and all(child.is_implied for child in self.children.values())

    @property
    def has_rows(self) -> bool:
        """Something of it is read or written."""
        return bool(self.children or self.each or self.leaf or self.fixed or self.fact)


@dataclass(frozen=True, slots=True)
class Case:
    """One occurrence among several of a name: by what it has inside, or by its place from 1."""

    tests: tuple[Choice, ...]
    place: int
    node: Node


@dataclass(frozen=True, slots=True)
class Fill:
    """What stands for an absent field: a value of the header, a computed one, or a default; and whether it is needed."""

    leaf: Leaf
    inherit: str = ""
    derive: Callable[..., Any] | None = None
    sources: tuple[Leaf, ...] = ()
    default: Any = None
    # It is written though it would be computed again.
    written: bool = False


@dataclass(frozen=True, slots=True)
class Agreement:
    """A field that says what others say together: a line's total beside the price of a piece."""

    leaf: Leaf
    agrees: Callable[..., Any]
    sources: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class Set:
    """What the record has whatever the document says; where it has something else, the format can't carry it."""

    row: Row
    slot: int
    key: str
    value: int | str | bool


@dataclass(frozen=True, slots=True)
class Spread:
    """One field of the document that is the value of many of the record."""

    row: Row
    converter: Converter
    # Under this name the value is among the fields of the scope, until it is spread.
    key: str
    paths: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """What is written where the record lacks a field."""

    leaf: Leaf
    function: Callable[..., Any]
    sources: tuple[Leaf, ...]


@dataclass(slots=True)
class Gather:
    """A list whose entries have fields of their own in the document: under these names they are kept until all are read."""

    slot: int
    key: str
    names: list[str] = field(default_factory=list)
    # The last name has that entry and all that follow.
    open: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """A text that stands in several fields of one name: under its own name they are kept until all are read."""

    slot: int
    key: str
    name: str
    pieces: Pieces


@dataclass(slots=True)
class Zip:
    """A list whose entries' fields are parallel arrays in the document: each array is one leaf, and kept under its key until all are read."""

    row: Row
    slot: int
    key: str
    arrays: list[Leaf] = field(default_factory=list)


@dataclass(slots=True)
class Scope:
    """A compiled scope."""

    name: str
    record: Descriptor | None
    root: Node
    slots: list[Slot]
    fills: list[Fill]
    leaves: dict[str, Leaf]
    sets: list[Set] = field(default_factory=list)
    spreads: list[Spread] = field(default_factory=list)
    computed: list[Computed] = field(default_factory=list)
    gathers: list[Gather] = field(default_factory=list)
    zips: list[Zip] = field(default_factory=list)
    joins: list[Joined] = field(default_factory=list)
    agreements: list[Agreement] = field(default_factory=list)
