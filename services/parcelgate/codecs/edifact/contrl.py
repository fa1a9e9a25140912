"""CONTRL, the service message that acknowledges or rejects an interchange (ISO 9735, syntax version 3; CONTRL:D:3:UN).

Written, it says of an interchange that was read whether it was taken, and if not, which error of envelope or message rejected
it. Defects of single items are no business of it: their neighbours were taken, and the outcome tells of them. Messages that
stand in groups are not gone into. A CONTRL is never answered with a CONTRL.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.codecs.edifact.charset import SETS
from parcelgate.codecs.edifact.delimiter import DEFAULT
from parcelgate.codecs.edifact.envelope import identity, text_of
from parcelgate.codecs.edifact.opening import opened
from parcelgate.codecs.edifact.segment import Element, SegmentTooLong, Splitter
from parcelgate.codecs.edifact.writer import SegmentWriter
from parcelgate.codecs.mapping.moment import time_as
from parcelgate.core.fault import fault

# UN/EDIFACT code list 0083.
REJECTED, ACKNOWLEDGED, RECEIVED = "4", "7", "8"
# UN/EDIFACT code list 0085, by our faults; what is not here is unspecified (18).
_ERRORS: Mapping[str, str] = {
    "CHARACTER_SET_REFUSED": "2",
    "CHARACTER_SET_UNKNOWN": "2",
    "SYNTAX_VERSION_UNKNOWN": "2",
    "HEADER_FIELD_MISSING": "13",
    "EDIFACT_TRUNCATED": "13",
    "MESSAGE_DIFFERS": "17",
    "ENVELOPE_REFERENCE_REPEATED": "26",
    "ENVELOPE_REFERENCE_DIFFERS": "28",
    "ENVELOPE_COUNT_DIFFERS": "29",
    "ITEMS_COUNT_DIFFERS": "12",
    "ITEMS_MISSING": "32",
    "ENVELOPE_UNEXPECTED": "33",
    "SEGMENT_TOO_LONG": "39",
}
_UNSPECIFIED = "18"
_PLACE = re.compile(r"(?:#(\d+)/)?([A-Z0-9]{3})(?:\[(\d+)\])?(?:/(\d+)(?:\.(\d+))?)?")
_MESSAGE = "CONTRL:D:3:UN"
_ENVELOPE = frozenset(("UNA", "UNB", "UNZ", "UNG", "UNE"))


@dataclass(frozen=True, slots=True)
class ElementError:
    """What is wrong with an element; element and component count from 1, the tag not, component 0 is the whole element."""

    error: str
    element: int = 0
    component: int = 0


@dataclass(frozen=True, slots=True)
class SegmentError:
    """What is wrong with a segment, UNH being 1; elements if it is they."""

    position: int
    error: str = ""
    elements: tuple[ElementError, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageAnswer:
    """What is said of one message."""

    reference: str
    action: str
    error: str = ""
    segments: tuple[SegmentError, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a CONTRL says of an interchange; sender and recipient are those of the interchange it answers."""

    reference: str
    sender: str
    recipient: str
    action: str
    error: str = ""
    # Where in the envelope the error is.
    tag: str = ""
    place: ElementError | None = None
    messages: tuple[MessageAnswer, ...] = ()


@dataclass(slots=True)
class _Message:
    """A message of the interchange in which errors were found."""

    number: int
    reference: str = ""
    identity: tuple[str, ...] = ()
    errors: list[tuple[re.Match[str], Fault]] = field(default_factory=list)


def write(
    parts: Iterable[bytes], faults: Iterable[Fault], *, reference: str, prepared_at: Mapping[str, Any]
) -> bytes | None:
    """Answer an interchange that was read and had these faults; parts are its bytes once more.

    Returns None for what can't be answered: a document without UNB, an interchange without reference, a CONTRL. Raises
    Unwritable for names of partners that Latin-1 can't write.
    """
    errors = [each for each in faults if each.severity == SEVERITY_ERROR and not each.item_number]
    messages: dict[int, _Message] = {}
    outer: list[tuple[re.Match[str] | None, Fault]] = []
    for each in errors:
        place = _PLACE.match(each.address)
        if place is None or place[2] in _ENVELOPE:
            outer.append((place, each))
        else:
            number = int(place[1] or 1)
            messages.setdefault(number, _Message(number)).errors.append((place, each))
    subject = _look_up(parts, messages)
    if subject is None:
        return None
    unb, grouped = subject
    segments = [_ucm(each) for each in messages.values() if each.reference and not grouped]
    return _interchange(unb, _uci(unb, errors, outer), segments, reference, prepared_at)


def _look_up(parts: Iterable[bytes], messages: Mapping[int, _Message]) -> tuple[Sequence[Element], bool] | None:
    """Find UNB, and the references of the messages; None if there is nothing to be answered."""
    found = opened(parts)
    if isinstance(found, Fault):
        return None
    splitter = Splitter(found.delimiters, found.charset)
    unb: Sequence[Element] = ()
    number, wanted, grouped = 0, len(messages), False
    try:
        for _, _, elements in splitter.segments(found.parts):
            tag = elements[0]
            if tag == "UNB" and not unb:
                unb = splitter.parted(elements)
            elif tag == "UNG":
                grouped = True
            elif tag == "UNH":
                number += 1
                named = splitter.parted(elements)
                if identity(named)[0] == "CONTRL":
                    return None
                if number in messages:
                    wanted -= 1
                    messages[number].reference, messages[number].identity = text_of(named, 1), identity(named)
                if not wanted:
                    break
    except SegmentTooLong:
        pass
    return (unb, grouped) if text_of(unb, 5) else None


def _uci(
    unb: Sequence[Element], errors: Sequence[Fault], outer: Sequence[tuple[re.Match[str] | None, Fault]]
) -> dict[tuple[int, int], str]:
    found = {(1, 1): text_of(unb, 5), (4, 1): REJECTED if errors else ACKNOWLEDGED}
    for number in (2, 3):
        found |= {(number, place): text_of(unb, number, place) for place in (1, 2, 3)}
    if outer:
        place, each = outer[0]
        found[5, 1] = _ERRORS.get(each.code, _UNSPECIFIED)
        if place is not None and place[2] in ("UNB", "UNZ", "UNA"):
            found[6, 1] = place[2]
            found |= _position(7, place)
    return found


def _ucm(message: _Message) -> list[tuple[str, dict[tuple[int, int], str]]]:
    """Say what rejected a message: in UNH or UNT, or in segments between them."""
    head = {(1, 1): message.reference, (3, 1): REJECTED}
    head |= {(2, place): word for place, word in enumerate(message.identity, 1)}
    found = [("UCM", head)]
    for place, each in message.errors:
        code = _ERRORS.get(each.code, _UNSPECIFIED)
        if place[2] in ("UNH", "UNT"):
            if (4, 1) not in head:
                head |= {(4, 1): code, (5, 1): place[2]} | _position(6, place)
        elif place[4]:
            found.append(("UCS", {(1, 1): place[3]}))
            found.append(("UCD", {(1, 1): code} | _position(2, place)))
        else:
            found.append(("UCS", {(1, 1): place[3], (2, 1): code}))
    return found


def _position(number: int, place: re.Match[str]) -> dict[tuple[int, int], str]:
    """Write where an element stands (S011), which counts the tag as the first."""
    if not place[4]:
        return {}
    return {(number, 1): str(int(place[4]) + 1), (number, 2): place[5] or ""}


def _interchange(
    unb: Sequence[Element],
    uci: Mapping[tuple[int, int], str],
    messages: Sequence[Sequence[tuple[str, Mapping[tuple[int, int], str]]]],
    reference: str,
    prepared_at: Mapping[str, Any],
) -> bytes:
    """Put the envelope around; the answer goes back the way the interchange came."""
    writer = SegmentWriter(DEFAULT.of_version("3"), SETS["UNOC"])
    prepared = time_as("201").write(prepared_at)
    head = {(1, 1): "UNOC", (1, 2): "3", (4, 1): prepared[:-4], (4, 2): prepared[-4:], (5, 1): reference}
    for ours, theirs in ((2, 3), (3, 2)):
        head |= {(ours, place): text_of(unb, theirs, place) for place in (1, 2, 3)}
    head[11, 1] = "1" if text_of(unb, 11) == "1" else ""
    named = {(1, 1): "1"} | {(2, place): word for place, word in enumerate(_MESSAGE.split(":"), 1)}
    body = [("UCI", uci), *(segment for each in messages for segment in each)]
    segments = [
        ("UNB", head),
        ("UNH", named),
        *body,
        ("UNT", {(1, 1): str(len(body) + 2), (2, 1): "1"}),
        ("UNZ", {(1, 1): "1", (2, 1): reference}),
    ]
    return b"".join(writer.segment(tag, elements) for tag, elements in segments)


def read(parts: Iterable[bytes]) -> Answer | Fault:
    """Read what a partner says of an interchange that it got from us; the first CONTRL of the document counts."""
    found = opened(parts)
    if isinstance(found, Fault):
        return found
    splitter = Splitter(found.delimiters, found.charset)
    try:
        segments = [splitter.parted(elements) for _, _, elements in _body(splitter, found.parts)]
    except SegmentTooLong:
        return fault("FORMAT_DIFFERS", address="UNB", found="a segment without end", wanted=_MESSAGE)
    if not segments or segments[0][0] != "UCI" or not text_of(segments[0], 1):
        return fault("FORMAT_DIFFERS", address="UNH[1]/2", found="no UCI", wanted=_MESSAGE)
    uci = segments[0]
    return Answer(
        text_of(uci, 1),
        text_of(uci, 2),
        text_of(uci, 3),
        text_of(uci, 4),
        text_of(uci, 5),
        text_of(uci, 6),
        _element(uci, 5, 7) if text_of(uci, 7) else None,
        tuple(_messages(segments[1:])),
    )


_MOST = 10_000


def _body(splitter: Splitter, parts: Iterable[bytes]) -> Iterator[tuple[int, bool, Sequence[Element]]]:
    """Go through the segments of the first CONTRL, so many at most."""
    inside = False
    count = 0
    for segment in splitter.segments(parts):
        elements = segment[2]
        if elements[0] == "UNH":
            if inside:
                return
            inside = identity(splitter.parted(elements))[0] == "CONTRL"
        elif elements[0] == "UNT" and inside:
            return
        elif inside and count < _MOST:
            count += 1
            yield segment


def _messages(segments: Sequence[Sequence[Element]]) -> Iterator[MessageAnswer]:
    starts = [number for number, each in enumerate(segments) if each[0] == "UCM"]
    for start, end in pairwise([*starts, len(segments)]):
        ucm = segments[start]
        inner = tuple(_segments(segments[start + 1 : end]))
        yield MessageAnswer(text_of(ucm, 1), text_of(ucm, 3), text_of(ucm, 4), inner)


def _segments(segments: Sequence[Sequence[Element]]) -> Iterator[SegmentError]:
    starts = [number for number, each in enumerate(segments) if each[0] == "UCS"]
    for start, end in pairwise([*starts, len(segments)]):
        elements = tuple(_element(each, 1, 2) for each in segments[start + 1 : end] if each[0] == "UCD")
        yield SegmentError(_number(text_of(segments[start], 1)), text_of(segments[start], 2), elements)


def _element(segment: Sequence[Element], error: int, place: int) -> ElementError:
    position = _number(text_of(segment, place))
    return ElementError(text_of(segment, error), max(position - 1, 0), _number(text_of(segment, place, 2)))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
