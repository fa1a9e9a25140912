"""The envelope: UNB, UNG, UNH and their ends; references that must agree, and counts that must be right."""

from collections.abc import Sequence
from typing import Any

from parcelgate.codecs.edifact import limit
from parcelgate.codecs.edifact.context import Context
from parcelgate.codecs.edifact.segment import Element, Repeated
from parcelgate.codecs.mapping.converter import Defect
from parcelgate.codecs.mapping.moment import time_as

SERVICE = frozenset(("UNB", "UNG", "UNH", "UNT", "UNE", "UNZ"))
# Date and time of preparation, as UNB has them up to syntax version 3 and in version 4.
_TIMES = {False: time_as("201"), True: time_as("203")}


class Envelope:
    """How far one interchange is, and what its ends have to say."""

    def __init__(self, context: Context, version: str) -> None:
        """Begin before UNB."""
        self._context = context
        self._century = version == "4"
        self._reference = self._group = self._message = ""
        self._references: set[str] = set()
        self._messages = self._groups = self._messages_of_group = 0
        self.is_begun = self.in_group = self.in_message = self.is_closed = False

    def interchange(self, elements: Sequence[Element]) -> None:
        """Take UNB; its facts become the header's."""
        context = self._context
        self.is_begun = True
        facts: dict[str, Any] = {
            "interchange_reference": text_of(elements, 5),
            "sender": text_of(elements, 2),
            "sender_qualifier": text_of(elements, 2, 2),
            "recipient": text_of(elements, 3),
            "recipient_qualifier": text_of(elements, 3, 2),
            "prepared_at": self._prepared(elements),
            "test_indicator": text_of(elements, 11) == "1",
        }
        self._reference = facts["interchange_reference"]
        context.header = {name: value for name, value in facts.items() if value}
        if not self._reference:
            context.add("HEADER_FIELD_MISSING", 5, name="UNB/5")

    def group(self, elements: Sequence[Element]) -> None:
        """Take UNG."""
        if self.in_message:
            self._unexpected("the message before it is not closed")
        if self.in_group:
            self._unexpected("the group before it is not closed")
        self._groups += 1
        self._context.segment = self._groups
        self._group = text_of(elements, 5)
        self._messages_of_group = 0
        self.in_group = True

    def message(self, elements: Sequence[Element]) -> None:
        """Take UNH; a message that is still open was ended before."""
        context = self._context
        if self._groups and not self.in_group:
            self._unexpected("the messages of this interchange stand in groups, and none is open")
        self._messages += 1
        self._messages_of_group += 1
        context.message = self._messages
        context.segment = 1
        self._message = text_of(elements, 1)
        self.in_message = True
        if not self._message:
            context.add("HEADER_FIELD_MISSING", 1, name="UNH/1")
        elif self._message in self._references:
            context.add("ENVELOPE_REFERENCE_REPEATED", 1, value=self._message)
        elif len(self._references) < limit.REFERENCES:
            self._references.add(self._message)

    def end_of_message(self, elements: Sequence[Element]) -> None:
        """Take UNT; the present segment is counted already."""
        self.in_message = False
        self._count(elements, "segments", self._context.segment)
        self._agree(elements, self._message, "UNH/1")

    def end_of_group(self, elements: Sequence[Element]) -> None:
        """Take UNE."""
        self._beside(self._groups)
        if not self.in_group:
            self._unexpected("no group is open")
            return
        self.in_group = False
        self._count(elements, "messages", self._messages_of_group)
        self._agree(elements, self._group, "UNG/5")

    def end_of_interchange(self, elements: Sequence[Element]) -> None:
        """Take UNZ."""
        self._beside(0)
        if self.in_group:
            self._unexpected("a group is not closed")
        self.is_closed = True
        things, found = ("groups", self._groups) if self._groups else ("messages", self._messages)
        self._count(elements, things, found)
        self._agree(elements, self._reference, "UNB/5")

    def stray(self) -> None:
        """Note a segment that stands in no message."""
        self._unexpected("no message is open" if not self.is_closed else "the interchange is closed")

    def unfinished(self) -> str:
        """Say what is still open."""
        return "a message has no UNT" if self.in_message else "UNZ is missing"

    def unclosed(self, tag: str) -> None:
        """Note that a message ends without UNT before this segment."""
        self.in_message = False
        self._context.add("ENVELOPE_UNEXPECTED", where=tag, name=tag, detail="the message before it has no UNT")

    def _beside(self, number: int) -> None:
        self._context.message, self._context.segment = 0, number

    def _unexpected(self, detail: str) -> None:
        self._context.add("ENVELOPE_UNEXPECTED", name=self._context.tag, detail=detail)

    def _count(self, elements: Sequence[Element], things: str, found: int) -> None:
        said = text_of(elements, 1)
        if not (said.isascii() and said.isdigit() and len(said) < 12 and int(said) == found):
            name = self._context.name(1)
            self._context.add("ENVELOPE_COUNT_DIFFERS", 1, name=name, said=said or "no", things=things, found=found)

    def _agree(self, elements: Sequence[Element], wanted: str, other: str) -> None:
        said = text_of(elements, 2)
        if said != wanted:
            name = self._context.name(2)
            self._context.add("ENVELOPE_REFERENCE_DIFFERS", 2, value=said[:35], name=name, other=other)

    def _prepared(self, elements: Sequence[Element]) -> Any:
        day, time = text_of(elements, 4), text_of(elements, 4, 2)
        converter = _TIMES[self._century and len(day) == 8]
        try:
            return converter.read(day + time)
        except Defect as defect:
            example = "20261103:1015" if len(day) == 8 else "261103:1015"
            self._context.add(defect.code, 4, value=(day + time)[:20], name="UNB/4", example=example)
            return defect.keep


def identity(elements: Sequence[Element]) -> tuple[str, ...]:
    """Return what a message is, from its UNH: type, version, release, agency, association code."""
    return tuple(text_of(elements, 2, place) for place in range(1, 6))


def reference_of(elements: Sequence[Element]) -> str:
    """Return the reference of a message, from its UNH."""
    return text_of(elements, 1)


def text_of(elements: Sequence[Element], number: int, component: int = 1) -> str:
    """Return the text at a place of a service segment, where components are split already."""
    if number >= len(elements):
        return ""
    element = elements[number]
    if isinstance(element, str):
        return element.strip() if component == 1 else ""
    parts = element[0] if isinstance(element, Repeated) else element
    return parts[component - 1].strip() if component <= len(parts) else ""
