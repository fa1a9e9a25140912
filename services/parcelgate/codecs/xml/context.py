"""What the reading of one document carries along: marks of the ledger, the header's facts, and the faults of one item."""

from collections.abc import Mapping
from typing import Any

from lxml.etree import _Element

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.codecs.mapping.converter import Defect, Normalised
from parcelgate.codecs.mapping.ledger import Marks
from parcelgate.codecs.mapping.masking import value_shown
from parcelgate.codecs.mapping.scope import Fill, Leaf
from parcelgate.codecs.xml.address import address_of, local, path_of
from parcelgate.codecs.xml.line import Lines
from parcelgate.core.fault import fault


class Context:
    """One document being read; begin() turns it to the next boundary (header, item, trailer)."""

    __slots__ = (
        "boundary",
        "counts",
        "failed",
        "faults",
        "header",
        "lines",
        "marks",
        "number",
        "places",
        "root",
        "shapes",
        "valid",
    )

    def __init__(self, root: str, marks: Marks, lines: Lines) -> None:
        """Take the local name of the root element, the ledger's marks and the line counter."""
        self.root = root
        self.marks = marks
        self.counts = marks.rows
        self.lines = lines
        self.header: Mapping[str, Any] = {}
        self.faults: list[Fault] = []
        # Elements whose value the mapping already found at fault.
        self.places: set[str] = set()
        # Slots whose field was there but unreadable: no default may cover it.
        self.failed: set[tuple[int, int]] = set()
        # The schema has accepted the boundary: what no row knows is a gap of the mapping, and no fault of the sender.
        self.valid = False
        self.boundary: _Element
        self.number = 0
        # How many items were read by each shape; their rows are counted at the end.
        self.shapes: dict[Any, int] = {}

    def begin(self, boundary: _Element, number: int) -> None:
        """Turn to the next boundary."""
        self.boundary = boundary
        self.number = number
        # Always a new list: the last one was handed out with its item.
        self.faults = []
        if self.places:
            self.places = set()
        if self.failed:
            self.failed = set()

    def unmapped(self, element: _Element) -> None:
        """Note an element that no row reads; where the schema refused its boundary, unknown names are reported anyway."""
        if self.valid:
            self.marks.unknown(path_of(element, self.boundary, self.root))

    def add(self, code: str, element: _Element, *, below: str = "", value: str = "", **words: Any) -> None:
        """Add a fault at an element, or at a name below it."""
        address = address_of(element, self.boundary, self.root, self.number) + below
        self.places.add(address)
        self.faults.append(
            fault(
                code,
                address=address,
                line=self.lines.of(element, self.boundary),
                value=value,
                item_number=self.number,
                **words,
            )
        )

    def defect(
        self, element: _Element, leaf: Leaf, defect: Defect, text: str, slots: list[Any], below: str = ""
    ) -> Any:
        """Turn what a converter raised into a fault; returns what can be kept."""
        if isinstance(defect, Normalised):
            self.marks.normalised[leaf.row.number] += 1
            return defect.keep
        name = below.rpartition("/")[2] or local(element.tag)
        shown = value_shown(text, personal=leaf.converter.personal)
        self.add(defect.code, element, below=below, value=shown, name=name, **defect.words)
        if defect.keep is None:
            self.failed.add((id(slots), leaf.row.number))
            if leaf.row.need == "key":
                self.faults[-1].severity = SEVERITY_ERROR
        return defect.keep

    def missing(self, fill: Fill, element: _Element) -> None:
        """Add the fault that a needed field is missing."""
        row = fill.leaf.row
        name = row.at.rpartition("/")[2]
        below, container = deepest(element, row.at)
        if row.need == "key":
            code = "HEADER_FIELD_MISSING" if self.number == 0 else "KEY_MISSING"
            empty = (
                next((child for child in container if local(child.tag) == name), None) if below == f"/{name}" else None
            )
            if empty is None:
                self.add(code, container, below=below, name=name)
            else:
                self.add(code, empty, name=name)
        else:
            self.add("FIELD_MISSING", container, below=below, name=name, container=local(container.tag))

    def uneven(self, short: Leaf, long: Leaf, element: _Element, counts: tuple[int, int], *, apart: bool) -> None:
        """Add the fault that of two parallel arrays one has fewer entries, at the shorter one."""
        names = []
        for leaf in (short, long):
            above, _, name = leaf.row.at.rpartition("/")
            names.append(above.rpartition("/")[2] if apart else name)
        above = short.row.at.rpartition("/")[0]
        below, container = deepest(element, above)
        if not apart:
            below += f"/{names[0]}"
        self.add(
            "ARRAYS_UNEVEN", container, below=below, name=names[0], other=names[1], found=counts[0], wanted=counts[1]
        )

    def underived(self, fill: Fill, element: _Element, slots: list[Any], defect: Defect) -> Any:
        """Add the fault that a field can't be computed from another one, at that one; returns what can be kept."""
        source = fill.sources[0]
        text = str(slots[source.slot][source.key])
        below, deep = deepest(element, source.row.at)
        return self.defect(deep, fill.leaf, defect, text, slots, below)


def deepest(element: _Element, path: str) -> tuple[str, _Element]:
    """Go down a path as far as it exists; returns the rest of the path and the last element there is."""
    steps = path.split("/")
    while steps:
        inner = next((child for child in element if local(child.tag) == steps[0]), None)
        if inner is None:
            break
        element = inner
        steps = steps[1:]
    return "".join(f"/{step}" for step in steps), element
