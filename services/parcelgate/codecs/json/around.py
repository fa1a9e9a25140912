"""An object that holds the items in an array: its other members are the header, as far as they stand before the items."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from parcelgate.codecs.json import limit
from parcelgate.codecs.json.element import Elements, Found, Note, Stop
from parcelgate.codecs.json.pointer import below
from parcelgate.core.fault import fault

# Names that lead from the root to the items, one way or several.
Paths: TypeAlias = tuple[tuple[str, ...], ...]


class Around:
    """Reads one such object; at are the paths that may lead to the items."""

    def __init__(self, elements: Elements, at: Paths) -> None:
        """Begin."""
        self._elements = elements
        self._at = at
        self._count = 0
        self._size = 0
        self.members: dict[str, Any] = {}
        self.notes: list[Note] = []
        self.line = 0
        # The items have come.
        self.passed = False
        # Members behind the items: their places and lines; they are not read.
        self.late: list[tuple[str, int]] = []

    def read(self) -> Iterator[Found]:
        """Yield the header when the items begin, then the items; raises Stop."""
        self.line = self._elements.window.line()
        yield from self._members(self.members, self._at, "")

    def _members(self, holder: dict[str, Any], at: Paths, pointer: str) -> Iterator[Found]:
        elements, window = self._elements, self._elements.window
        names: set[str] = set()
        window.at += 1
        while window.peek() != "}":
            if names:
                self._sign(",")
            if window.peek() != '"':
                raise self._unexpected("a name in double quotes")
            name, _ = elements.value(pointer)
            if not isinstance(name, str):
                # No text at all (half of a surrogate pair, U+0000), so no row knows it.
                name = "\ufffd"
            if name in names:
                self.notes.append(Note("JSON_NAME_REPEATED", below(pointer, name), {"name": name}))
            names.add(name)
            self._count += 1
            if self._count > limit.MEMBERS:
                things = "names beside its items"
                raise Stop(
                    fault("ITEM_TOO_COMPLEX", line=window.line(), count=self._count, things=things, limit=limit.MEMBERS)
                )
            self._sign(":")
            yield from self._member(holder, name, at, below(pointer, name))
        window.at += 1

    def _member(self, holder: dict[str, Any], name: str, at: Paths, pointer: str) -> Iterator[Found]:
        elements, window = self._elements, self._elements.window
        sign = window.peek()
        rest = tuple(path[1:] for path in at if path[0] == name)
        if () in rest and sign in ("[", "{") and not self.passed:
            yield Found("", self.line, self.members, self.notes, beside=True)
            self.passed, self.notes = True, []
            if sign == "{":
                # One item, where an array of one is usual.
                yield elements.item(pointer)
            else:
                yield from array(elements, pointer)
        elif rest and () not in rest and sign == "{":
            inner = holder[name] = {}
            yield from self._members(inner, rest, pointer)
        else:
            line = window.line()
            value, notes = elements.value(pointer)
            self.notes += notes
            self._size += elements.size
            if self._size > limit.ITEM:
                raise Stop(fault("HEADER_TOO_LARGE", line=line, limit=limit.ITEM, name="item"))
            if not self.passed:
                holder[name] = value
            elif len(self.late) < limit.FAULTS_OF_ONE:
                self.late.append((pointer, line))

    def _sign(self, sign: str) -> None:
        if self._elements.window.peek() != sign:
            raise self._unexpected(f"'{sign}'")
        self._elements.window.at += 1

    def _unexpected(self, wanted: str) -> Stop:
        return unexpected(self._elements, wanted)


def array(elements: Elements, pointer: str) -> Iterator[Found]:
    """Read an array of items; the window stands at its bracket."""
    window = elements.window
    window.at += 1
    index = 0
    if window.peek() == "]":
        window.at += 1
        return
    while True:
        window.peek()
        yield elements.item(f"{pointer}/{index}")
        sign = window.peek()
        if sign not in (",", "]") or not sign:
            raise unexpected(elements, "',' or ']'")
        window.at += 1
        if sign == "]":
            return
        index += 1


def unexpected(elements: Elements, wanted: str) -> Stop:
    """Make the end of a document that lacks a sign here, or has come to its end."""
    window = elements.window
    return elements.malformed(f"expecting {wanted}", window.at) if window.peek() else elements.truncated()
