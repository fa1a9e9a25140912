"""What the reading of one document carries along: marks of the ledger, the header's facts, and the faults of one item."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.codecs.json import limit
from parcelgate.codecs.json.element import Found
from parcelgate.codecs.json.pointer import below, shown, steps_of
from parcelgate.codecs.json.value import Odd, kind_of
from parcelgate.codecs.mapping.converter import Defect, Normalised
from parcelgate.codecs.mapping.ledger import Marks
from parcelgate.codecs.mapping.masking import value_shown
from parcelgate.codecs.mapping.scope import Fill, Leaf
from parcelgate.core.fault import catalogue, fault

# Where something stands: the place around it, and the name or number of it there; None is the item itself.
Place = tuple[Any, str | int] | None


class Context:
    """One document being read; begin() turns it to the next item."""

    __slots__ = ("counts", "facts", "failed", "faults", "header", "line", "marks", "number", "pointer")

    def __init__(self, marks: Marks) -> None:
        """Take the ledger's marks."""
        self.marks = marks
        self.counts = marks.rows
        self.header: Mapping[str, Any] = {}
        self.faults: list[Fault] = []
        # Slots whose field was there but unreadable: no default may cover it.
        self.failed: set[tuple[int, int]] = set()
        # What the item says by fields that others are read by; None if it says it unreadably.
        self.facts: dict[str, str | None] = {}
        self.pointer, self.line, self.number = "", 0, 0

    def begin(self, found: Found, number: int) -> None:
        """Turn to the next item, or to what stands beside the items (number 0)."""
        self.pointer, self.line, self.number = found.pointer, found.line, number
        # Always a new list: the last one was handed out with its item.
        self.faults = []
        if self.failed:
            self.failed = set()
        if self.facts:
            self.facts = {}
        for note in found.notes:
            words = {"name": shown(note.address.rpartition("/")[2]) or "The item", **note.words}
            self._add(note.code, note.address, "", words)

    def add(self, code: str, place: Place, *, under: str = "", value: str = "", **words: Any) -> None:
        """Add a fault at a place, or at a pointer under it."""
        self._add(code, self.address(place) + under, value, words)

    def address(self, place: Place) -> str:
        """Write a place as a JSON Pointer from the document's root."""
        steps: list[str | int] = []
        while place is not None:
            place, step = place
            steps.append(step)
        pointer = self.pointer
        for step in reversed(steps):
            pointer = below(pointer, step)
        return pointer

    def unknown(self, place: Place, name: str | int) -> None:
        """Add the fault that no row knows a name; by names alone it goes to the ledger."""
        steps: list[str] = [shown(name)] if isinstance(name, str) else []
        around = place
        while around is not None:
            around, step = around
            if isinstance(step, str):
                steps.append(shown(step))
        self.marks.unknown("/" + "/".join(reversed(steps)))
        self.add("FIELD_UNKNOWN", (place, name), name=shown(str(name)))

    def odd(self, value: Any, place: Place, leaf: Leaf, slots: list[Any]) -> str | None:
        """Take what is no text as one, if it can be; otherwise it is a fault and no default may cover it."""
        if value is True or value is False:
            return "true" if value else "false"
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
            # One where there may be several.
            return value[0]
        name = name_of(place)
        if isinstance(value, Odd):
            self._add(value.code, self.address(place), "", {"name": name, **value.words})
        else:
            self.kind(value, place, "a text or a number")
        self._fail(leaf, slots)
        return None

    def kind(self, value: Any, place: Place, wanted: str) -> None:
        """Add the fault that a value is not of the kind its row wants."""
        found = "no value" if isinstance(value, Odd) else kind_of(value)
        self.add("JSON_VALUE_KIND", place, name=name_of(place), found=found, wanted=wanted)

    def defect(self, place: Place, leaf: Leaf, defect: Defect, text: str, slots: list[Any], under: str = "") -> Any:
        """Turn what a converter raised into a fault; returns what can be kept."""
        if isinstance(defect, Normalised):
            self.marks.normalised[leaf.row.number] += 1
            return defect.keep
        name = under.rpartition("/")[2] or name_of(place)
        self.add(
            defect.code,
            place,
            under=under,
            value=value_shown(text, personal=leaf.converter.personal),
            name=name,
            **defect.words,
        )
        if defect.keep is None:
            self._fail(leaf, slots)
        return defect.keep

    def missing(self, fill: Fill, place: tuple[Any, Place]) -> None:
        """Add the fault that a needed field is missing."""
        row = fill.leaf.row
        if row.absent and fill.sources:
            # The document has no field for it, but one from which it would be known.
            row = replace(fill.sources[0].row, need=row.need)
        # Of a path that chooses an occurrence, the array is there or not; which entry it would be, nobody can say.
        plain, chooses, _ = row.at.replace("[]", "").partition("[")
        steps = steps_of(plain) or (row.to,)
        under, around, name = _deepest(*place, steps)
        if chooses:
            steps = (row.at.replace("[]", ""),)
        if row.need == "key":
            code = "HEADER_FIELD_MISSING" if self.number == 0 else "KEY_MISSING"
            self.add(code, around, under=under, name=steps[-1])
        else:
            self.add("FIELD_MISSING", around, under=under, name=steps[-1], container=name)

    def underived(self, fill: Fill, place: tuple[Any, Place], slots: list[Any], defect: Defect) -> Any:
        """Add the fault that a field can't be computed from another one, at that one; returns what can be kept."""
        source = fill.sources[0]
        value = slots[source.slot][source.key]
        text = value if isinstance(value, str) else source.converter.write(value)
        under, around, _ = _deepest(*place, steps_of(source.row.at))
        if any(each.address == self.address(around) + under for each in self.faults):
            # The other one is at fault itself.
            return defect.keep
        return self.defect(around, fill.leaf, defect, text, slots, under)

    def _fail(self, leaf: Leaf, slots: list[Any]) -> None:
        self.failed.add((id(slots), leaf.row.number))
        if leaf.row.need == "key":
            if self.faults[-1].code == "FAULTS_CUT":
                self._add("KEY_MISSING", self.pointer, "", {"name": leaf.row.to})
            self.faults[-1].severity = SEVERITY_ERROR

    def _add(self, code: str, address: str, value: str, words: Mapping[str, Any]) -> None:
        # What rejects the item is said however many faults there are.
        if len(self.faults) < limit.FAULTS_OF_ONE or catalogue()[code].severity == SEVERITY_ERROR:
            self.faults.append(
                fault(code, address=address, line=self.line, value=value, item_number=self.number, **words)
            )
        elif len(self.faults) == limit.FAULTS_OF_ONE:
            self.faults.append(fault("FAULTS_CUT", address=self.pointer, line=self.line, item_number=self.number))


def name_of(place: Place) -> str:
    """Name what stands at a place: an entry of an array by the array's name."""
    while place is not None:
        place, step = place
        if isinstance(step, str):
            return shown(step)
    return "The item"


def _deepest(value: Any, place: Place, steps: tuple[str, ...]) -> tuple[str, Place, str]:
    """Go down as far as there are objects: the pointer of the rest, where it begins, and the name of what is there."""
    while len(steps) > 1 and isinstance(value, dict) and isinstance(value.get(steps[0]), dict):
        value, place, steps = value[steps[0]], (place, steps[0]), steps[1:]
    return "".join(below("", step) for step in steps), place, name_of(place)
