"""What the reading of one interchange carries along: marks of the ledger, facts around the item, and the faults of one item."""

from collections.abc import Iterable, Mapping
from typing import Any

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.codecs.edifact import address
from parcelgate.codecs.edifact.finding import Findings
from parcelgate.codecs.edifact.level import Level
from parcelgate.codecs.mapping.converter import Defect, Normalised
from parcelgate.codecs.mapping.ledger import Marks
from parcelgate.codecs.mapping.masking import value_shown
from parcelgate.codecs.mapping.scope import Fill, Leaf
from parcelgate.core.fault import fault


class Context:
    """One interchange being read; at() turns it to the next segment, item and beside to what its faults belong to."""

    __slots__ = (
        "beside",
        "component",
        "counts",
        "failed",
        "faults",
        "header",
        "line",
        "marks",
        "message",
        "number",
        "ordinal",
        "segment",
        "tag",
    )

    def __init__(self, marks: Marks, component: str) -> None:
        """Take the ledger's marks and the component separator."""
        self.marks = marks
        self.counts = marks.rows
        self.component = component
        # Facts of the interchange that items inherit.
        self.header: Mapping[str, Any] = {}
        # Faults of the item, and those of what stands beside the items; one of them is added to.
        self.beside = Findings()
        self.faults = self.beside
        self.failed: set[tuple[int, int]] = set()
        # Item, 0 beside them; message of the interchange; segment of the message, with its tag and line.
        self.number = self.message = self.segment = self.line = 0
        self.tag = ""
        # Which one of its kind the present group is, from 1.
        self.ordinal = 1

    def begin_around(self, number: int, faults: Findings) -> None:
        """Turn to what stands around the next items: its faults will be theirs."""
        self.number = number
        self.faults = faults
        self.failed = set()

    def begin_item(self, number: int, around: Iterable[Fault]) -> None:
        """Turn to an item; its faults are a list of its own, and those of what stands around it."""
        self.number = number
        self.faults = Findings()
        for each in around:
            mine = Fault()
            mine.CopyFrom(each)
            mine.item_number = number
            self.faults.append(mine)
        self.failed = set()

    def end_item(self) -> list[Fault]:
        """Turn to what stands beside the items; returns the faults of the item."""
        found, self.faults = self.faults, self.beside
        self.number = 0
        return found

    def renew(self) -> None:
        """Begin a new list of what stands beside the items: the last one was handed out."""
        found = Findings(after=self.beside)
        if self.faults is self.beside:
            self.faults = found
        self.beside = found

    def address(self, element: int = 0, component: int = 0) -> str:
        """Write where in the present segment something stands."""
        return address.of(self.tag, self.message, self.segment, element, component)

    def add(
        self,
        code: str,
        element: int = 0,
        component: int = 0,
        *,
        where: str = "",
        line: int = 0,
        must: bool = False,
        **words: Any,
    ) -> None:
        """Add a fault of the present segment, or of another place; after many, only those that must be there."""
        if self.faults.has_room(code, self.number, must=must):
            place = where or self.address(element, component)
            self.faults.append(fault(code, address=place, line=line or self.line, item_number=self.number, **words))

    def name(self, element: int, component: int = 0) -> str:
        """Name an element in a sentence: MEA/3.2."""
        return address.of(self.tag, 0, 0, element, component)

    def unknown(self, element: int, component: int, text: str) -> None:
        """Note that no row knows an element; its text may be personal data, and only its length is told."""
        name = self.name(element, component)
        self.marks.unknown(name)
        self.add("FIELD_UNKNOWN", element, component, value=f"({len(text)} characters)", name=name)

    def defect(self, leaf: Leaf, defect: Defect, text: str, slots: list[Any], element: int, component: int) -> Any:
        """Turn what a converter raised into a fault; returns what can be kept."""
        if isinstance(defect, Normalised):
            self.marks.normalised[leaf.row.number] += 1
            return defect.keep
        shown = value_shown(text, personal=leaf.converter.personal)
        name, needed = self.name(element, component), leaf.row.need == "key" and defect.keep is None
        self.add(defect.code, element, component, must=needed, value=shown, name=name, **_words(defect))
        if defect.keep is None:
            self.failed.add((id(slots), leaf.row.number))
            if needed:
                self.faults[-1].severity = SEVERITY_ERROR
        return defect.keep

    def missing(self, fill: Fill, place: Level) -> None:
        """Add the fault that a needed field is missing."""
        row = fill.leaf.row
        where = self.place(place, row.number, row.at)
        place.lacking.discard(row.at.partition("/")[0].partition("[")[0])
        if row.need == "key":
            code = "HEADER_FIELD_MISSING" if self.number == 0 else "KEY_MISSING"
            self.add(code, where=where, line=place.line, must=True, name=row.at)
        else:
            self.add("FIELD_MISSING", where=where, line=place.line, name=row.at, container=place.name(self.message))

    def underived(self, fill: Fill, place: Level, slots: list[Any], defect: Defect) -> Any:
        """Add the fault that a field can't be computed from another one; returns what can be kept."""
        source = fill.sources[0]
        text = str(slots[source.slot][source.key])
        where = self.place(place, source.row.number, source.row.at)
        shown = value_shown(text)
        self.add(defect.code, where=where, line=place.line, value=shown, name=source.row.at, **_words(defect))
        return defect.keep

    def place(self, level: Level, row: int, path: str) -> str:
        """Write where the field of a row stands, or would stand: in its segment, or else in the group."""
        segment = level.segment_of(row)
        if segment is None:
            return f"{level.name(self.message)}/{path}"
        tag, number = segment
        rest = path.rpartition("/")[2]
        element, _, component = rest.partition(".")
        return address.of(tag, self.message, number, int(element), int(component or 0))


def _words(defect: Defect) -> dict[str, Any]:
    return dict(defect.words)
