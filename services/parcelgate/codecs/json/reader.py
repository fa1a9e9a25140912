"""Reading a document that comes in parts: what stands around the items, and item by item, decoded and let go of.

A document is one object, several one after the other (in lines: NDJSON), an array of them, or an object that holds such an
array. Whatever the bytes are, nothing is raised but Stop, which says where reading ended; the time is linear in the bytes.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from parcelgate.codecs.json import limit
from parcelgate.codecs.json.around import Around, Paths, array
from parcelgate.codecs.json.element import Elements, Found, Note, Stop
from parcelgate.codecs.json.first import not_json
from parcelgate.codecs.json.window import Window
from parcelgate.core.fault import fault

_BLANKS = " \t\r\n"


class Reading:
    """One document; at are the paths that may lead to its array of items, none if items do not lie in an object."""

    def __init__(self, parts: Iterable[bytes], at: Paths = ()) -> None:
        """Take the first bytes."""
        self._window = Window(parts)
        self._elements = Elements(self._window)
        self._at = at
        # Names that stand behind the items, and their lines.
        self.late: list[tuple[str, int]] = []

    def found(self) -> Iterator[Found]:
        """Yield what the document has; raises Stop where it can't be read on."""
        window = self._window
        if window.foreign:
            raise Stop(fault("JSON_ENCODING", line=1, detail=f"it is {window.foreign}"))
        sign = window.peek()
        if sign == "[":
            yield from array(self._elements, "")
        elif sign != "{":
            raise Stop(not_json(window.text[window.at :], window.line()))
        elif self._is_lines():
            yield from self._lines()
        elif self._at:
            yield from self._around()
        else:
            yield from self._objects()
        if window.peek():
            raise self._elements.malformed("something stands behind its end", window.at)

    def _around(self) -> Iterator[Found]:
        """Read an object that holds the items; if it does not, it is an item itself."""
        around = Around(self._elements, self._at)
        try:
            yield from around.read()
        finally:
            self.late = around.late
        if not around.passed:
            yield from self._and_others(Found("", around.line, around.members, around.notes))
        elif around.notes:
            yield Found("", around.line, None, around.notes, beside=True)

    def _objects(self) -> Iterator[Found]:
        """Read objects one after the other, wherever their lines end."""
        yield from self._and_others(self._elements.item(""))

    def _and_others(self, first: Found) -> Iterator[Found]:
        """Yield an object and those after it; if there are none, it is the root of the document."""
        if self._window.peek() != "{":
            yield first
            return
        notes = [Note(note.code, f"/0{note.address}", note.words) for note in first.notes]
        yield first._replace(pointer="/0", notes=notes)
        index = 0
        while self._window.peek() == "{":
            index += 1
            yield self._elements.item(f"/{index}")

    def _is_lines(self) -> bool:
        """Tell whether the first line is an object of its own, and others follow."""
        window = self._window
        end = self._line_end()
        if end is None or end == len(window.text):
            return False
        first = window.text[window.at : end].rstrip(_BLANKS)
        if not first.endswith("}"):
            return False
        following = self._after(end)
        try:
            tree = json.loads(first)
        except (ValueError, RecursionError):
            return following == "{"
        return bool(following) and isinstance(tree, dict) and not any(_leads(tree, path) for path in self._at)

    def _after(self, end: int) -> str:
        """Look behind a place for the next sign that is not blank; nothing is taken."""
        window = self._window
        offset = end - window.at
        while True:
            rest = window.text[window.at + offset :].lstrip(_BLANKS)
            if rest:
                return rest[0]
            if len(window.text) - window.at > limit.GAP or not window.more():
                return ""

    def _line_end(self) -> int | None:
        """Find the end of the line, which is the end of the text in the last one; None if it is too long for an item."""
        window = self._window
        while True:
            end = window.text.find("\n", window.at)
            if end >= 0:
                return end
            if len(window.text) - window.at > limit.ITEM:
                return None
            if not window.more():
                return len(window.text)

    def _lines(self) -> Iterator[Found]:
        window = self._window
        index = 0
        while window.peek():
            pointer = f"/{index}"
            end = self._line_end()
            if end is None:
                yield self._skipped(pointer)
            else:
                yield self._elements.line(end, pointer, last=end == len(window.text))
            index += 1

    def _skipped(self, pointer: str) -> Found:
        """Pass over a line that is longer than an item may be; only its length is known."""
        window, line, size = self._window, self._window.line(), 0
        end = -1
        while end < 0:
            end = window.text.find("\n", window.at)
            stop = end if end >= 0 else len(window.text)
            size += len(window.text[window.at : stop].encode("utf-8", "surrogateescape"))
            window.at = stop
            if end < 0 and not window.more():
                break
        return Found(pointer, line, None, [Note("ITEM_TOO_LARGE", pointer, {"size": size, "limit": limit.ITEM})])


def _leads(tree: Any, path: tuple[str, ...]) -> bool:
    """Tell whether an object has something at a path."""
    for step in path:
        if not isinstance(tree, dict) or step not in tree:
            return False
        tree = tree[step]
    return True
