"""One value out of the stream: waits until it is whole, keeps its limits, and notes what is wrong with it as JSON."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.json import limit
from parcelgate.codecs.json.measure import Extent, measure
from parcelgate.codecs.json.pointer import below
from parcelgate.codecs.json.value import Decoder, Odd, Repeated, depth_of, kind_of
from parcelgate.codecs.json.window import Window
from parcelgate.core.fault import fault

# What may stand at the end of a document that was cut off inside of a word, a number or an escape.
_BROKEN_OFF = re.compile(r"[\w.+\\-]{0,9}\s*")


class Note(NamedTuple):
    """What is wrong with an item as JSON, before any row looks at it."""

    code: str
    address: str
    words: dict[str, Any]


class Found(NamedTuple):
    """An item, or what stands around the items (beside is True then); value is None if it can't be looked at."""

    pointer: str
    line: int
    value: Any
    notes: list[Note]
    beside: bool = False


class Stop(Exception):  # noqa: N818  says how the reading ended
    """Nothing more of the document can be read."""

    def __init__(self, reason: Fault) -> None:
        """Take the fault that says why."""
        super().__init__(reason.code)
        self.fault = reason


class Elements:
    """Takes values off a window, one after the other."""

    def __init__(self, window: Window) -> None:
        """Begin."""
        self.window = window
        self._decoder = Decoder()
        # Characters of the last value.
        self.size = 0

    def item(self, pointer: str) -> Found:
        """Take the next value as an item; raises Stop if its end can't be found."""
        line = self.window.line()
        return _item(pointer, line, *self.value(pointer))

    def line(self, end: int, pointer: str, *, last: bool) -> Found:
        """Take what is left of a line as an item, whatever it is; raises Stop if it is the last one and was cut off."""
        window, line = self.window, self.window.line()
        text = window.text[window.at : end].rstrip()
        found: Found | None = None
        try:
            value, stop = self._decoder.value(text, 0)
            found = _item(pointer, line, *self._checked(value, text, 0, stop, pointer))
            wrong, place = "something stands behind its end", stop
        except json.JSONDecodeError as error:
            if last and _is_cut(error, text):
                raise self.truncated() from None
            wrong, place = error.msg, error.pos
        except RecursionError:
            found, place = Found(pointer, line, None, [_too_deep(pointer)]), len(text)
        if place < len(text) or found is None:
            words = _words(wrong, window.column(window.at + place))
            found = Found(pointer, line, None, [Note("JSON_NOT_WELL_FORMED", pointer, words)])
        window.at = end
        return found

    def value(self, pointer: str) -> tuple[Any, list[Note]]:
        """Take the next value, and what is wrong with it; None stands for one that breaks a limit. Raises Stop."""
        window = self.window
        grown = False
        while True:
            taken = self._measured(pointer) if grown and _is_large(window.text, window.at) else None
            taken = taken or self._decoded(pointer)
            if taken is not None:
                return taken
            grown = True

    def _decoded(self, pointer: str) -> tuple[Any, list[Note]] | None:
        """Decode the next value; None if more text has come, and it is to be tried again."""
        window, text, at = self.window, self.window.text, self.window.at
        try:
            value, end = self._decoder.value(text, at)
        except json.JSONDecodeError as error:
            if not _is_cut(error, text):
                raise self.malformed(error.msg, error.pos) from None
            self._wait()
            return None
        except RecursionError:
            extent = measure(text, at)
            if extent is not None:
                return self._passed(extent, _too_deep(pointer))
            self._wait()
            return None
        # A number or a word at the very end may go on in the next part.
        if end == len(text) and text[end - 1] not in '}]"' and window.more():
            return None
        checked = self._checked(value, text, at, end, pointer)
        self.size, window.at = end - at, end
        return checked

    def _passed(self, extent: Extent, note: Note) -> tuple[None, list[Note]]:
        """Pass over a value that is not looked at."""
        self.size, self.window.at = extent.end - self.window.at, extent.end
        return None, [note]

    def _measured(self, pointer: str) -> tuple[Any, list[Note]] | None:
        """Measure the next value before it is decoded; None if it is within its limits, or has not all come."""
        window = self.window
        extent = measure(window.text, window.at)
        while extent is None:
            self._wait()
            extent = measure(window.text, window.at)
        broken = _limits(extent, window.text, window.at, pointer)
        return None if broken is None else self._passed(extent, broken)

    def malformed(self, detail: str, place: int) -> Stop:
        """Make the end of a document that is no JSON at a place of the window."""
        window = self.window
        column = window.column(place)
        window.at = place
        return Stop(fault("JSON_NOT_WELL_FORMED", line=window.line(), **_words(detail, column)))

    def truncated(self) -> Stop:
        """Make the end of a document that was cut off."""
        self.window.at = len(self.window.text)
        return Stop(fault("JSON_TRUNCATED", line=self.window.line()))

    def _wait(self) -> None:
        window = self.window
        if len(window.text) - window.at > limit.GAP:
            raise Stop(fault("HEADER_TOO_LARGE", line=window.line(), limit=limit.GAP, name="item"))
        if not window.more():
            raise self.truncated()

    def _checked(self, value: Any, text: str, start: int, end: int, pointer: str) -> tuple[Any, list[Note]]:
        """Check the limits of a value that was decoded, and note what has no place in JSON."""
        stray = self.window.stray(text, start, end)
        if stray:
            return None, [Note("JSON_ENCODING", pointer, {"detail": stray})]
        if end - start > limit.ITEM // 4:
            size = len(text[start:end].encode())
            if size > limit.ITEM:
                return None, [_too_large(size, pointer)]
        if end - start > 2 * limit.VALUES:
            extent = measure(text, start)
            broken = _limits(extent, text, start, pointer) if extent is not None else None
            if broken is not None:
                return None, [broken]
        elif text.count("{", start, end) + text.count("[", start, end) > limit.DEPTH and depth_of(value) > limit.DEPTH:
            return None, [_too_deep(pointer)]
        if not self._decoder.odd:
            return value, []
        notes = list(_notes(value, pointer))
        # It stands for itself, not in an object where it could be replaced.
        return None if isinstance(value, Odd) else value, notes


def _item(pointer: str, line: int, value: Any, notes: list[Note]) -> Found:
    if not isinstance(value, dict) and not notes:
        return Found(pointer, line, None, [Note("ITEM_NOT_OBJECT", pointer, {"found": kind_of(value)})])
    return Found(pointer, line, value if isinstance(value, dict) else None, notes)


def _notes(value: Any, pointer: str) -> Iterator[Note]:
    """Go through a value in which something is odd; what spoils the whole item is noted, and gone then."""
    if isinstance(value, Odd):
        name = pointer.rpartition("/")[2]
        if value.code in ("JSON_NOT_A_NUMBER", "TEXT_NUL") or not name:
            yield Note(value.code, pointer, {"name": name, **value.words})
        return
    if isinstance(value, Repeated):
        for name in value.names:
            yield Note("JSON_NAME_REPEATED", below(pointer, name), {"name": below("", name)[1:]})
    if isinstance(value, dict | list):
        for place, each in list(value.items() if isinstance(value, dict) else enumerate(value)):
            for note in _notes(each, below(pointer, place)):
                if isinstance(each, Odd):
                    value[place] = None
                yield note


def _is_large(text: str, at: int) -> bool:
    """Tell whether what is left may be too much to be decoded before it is measured."""
    left = len(text) - at
    if text[at : at + 1] not in ("{", "["):
        return False
    return left > limit.ITEM or (left > 2 * limit.VALUES and text.count(",", at) > limit.VALUES)


def _is_cut(error: json.JSONDecodeError, text: str) -> bool:
    """Tell whether more text could mend what the decoder did not like."""
    return error.msg.startswith("Unterminated string") or _BROKEN_OFF.fullmatch(text, error.pos) is not None


def _limits(extent: Extent, text: str, start: int, pointer: str) -> Note | None:
    size = len(text[start : extent.end].encode("utf-8", "surrogateescape"))
    if size > limit.ITEM:
        return _too_large(size, pointer)
    if extent.depth > limit.DEPTH:
        return _too_deep(pointer)
    if extent.values > limit.VALUES:
        words = {"count": extent.values, "things": "values", "limit": limit.VALUES}
        return Note("ITEM_TOO_COMPLEX", pointer, words)
    return None


def _too_large(size: int, pointer: str) -> Note:
    return Note("ITEM_TOO_LARGE", pointer, {"size": size, "limit": limit.ITEM})


def _too_deep(pointer: str) -> Note:
    return Note("JSON_TOO_DEEP", pointer, {"limit": limit.DEPTH})


def _words(detail: str, column: int) -> dict[str, Any]:
    return {"detail": (detail[:1].lower() + detail[1:]).rstrip(": "), "column": column}
