"""Writing segments: branches as bytes of a character set, released where they must be, and the envelope around them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from parcelgate.codecs.edifact.charset import CharacterSet
from parcelgate.codecs.edifact.delimiter import Delimiters
from parcelgate.codecs.edifact.fields import position
from parcelgate.codecs.edifact.table import Group
from parcelgate.codecs.mapping.prepare import Unwritable
from parcelgate.codecs.mapping.row import ORDINAL
from parcelgate.codecs.mapping.scope import Node
from parcelgate.codecs.mapping.tree import Branch


class SegmentWriter:
    """Writes segments with the service characters and the character set of one format."""

    def __init__(self, delimiters: Delimiters, charset: CharacterSet) -> None:
        """Take both; raises nothing."""
        self._delimiters, self._charset = delimiters, charset
        release = delimiters.release
        self._released = {ord(char): release + char for char in delimiters.service}

    def segment(self, tag: str, elements: Mapping[tuple[int, int], str]) -> bytes:
        """Write one segment; elements by element and component, empty ones at the end left out. Raises Unwritable."""
        parts: dict[int, dict[int, str]] = {}
        for (number, component), text in elements.items():
            if text:
                parts.setdefault(number, {})[component] = self._text(text, tag, number, component)
        found = [tag]
        for number in range(1, max(parts, default=0) + 1):
            inner = parts.get(number, {})
            components = [inner.get(place, "") for place in range(1, max(inner, default=0) + 1)]
            found.append(self._delimiters.component.join(components))
        return (self._delimiters.element.join(found) + self._delimiters.terminator).encode(self._charset.codec)

    def _text(self, text: str, tag: str, number: int, component: int) -> str:
        try:
            self._charset.data(text)
        except UnicodeEncodeError:
            raise Unwritable(
                f"{tag}/{number}.{component}", f"{tag}/{number}.{component}", "TEXT_NOT_WRITABLE"
            ) from None
        if "\n" in text or "\r" in text:
            raise Unwritable(f"{tag}/{number}.{component}", f"{tag}/{number}.{component}", "TEXT_NOT_WRITABLE")
        return text.translate(self._released)


class GroupWriter:
    """Writes branches in the order of the segment table, with the segments that must be there."""

    def __init__(self, segments: SegmentWriter) -> None:
        """Take the writer of segments."""
        self._segments = segments

    def write(
        self, group: Group, branches: Sequence[Branch], node: Node, ordinal: int, *, but: Group | None = None
    ) -> Iterator[bytes]:
        """Yield the segments of a group; but is the group inside of which others take care. Raises Unwritable."""
        for entry in group.entries:
            if entry.group is not None and entry.group is but:
                return
            yield from self._entry(entry.name, entry.group, entry.least, branches, node, ordinal)

    def behind(self, group: Group, branches: Sequence[Branch], node: Node, inner: Group) -> Iterator[bytes]:
        """Yield the segments of a group that stand behind an inner one."""
        assert inner.entry is not None
        for entry in group.entries[inner.entry.place + 1 :]:
            yield from self._entry(entry.name, entry.group, entry.least, branches, node, 1)

    def _entry(
        self, name: str, group: Group | None, least: int, branches: Sequence[Branch], node: Node, ordinal: int
    ) -> Iterator[bytes]:
        found = [branch for branch in branches if branch.name == name]
        if group is not None:
            for number, branch in enumerate(found, 1):
                yield from self.write(group, branch.children, _rows_of(branch.node), number)
            return
        for branch in found:
            for elements in _elements(branch, ordinal):
                yield self._segments.segment(name, elements)
        if not found and least:
            yield self._bare(name, node, ordinal)

    def _bare(self, tag: str, node: Node, ordinal: int) -> bytes:
        """Write a segment that must be there and of which the record has nothing: if it says the same always, it can be."""
        rows = node.children.get(tag)
        fixed = [child for child in rows.children.values() if child.fixed is not None] if rows is not None else []
        if rows is None or not fixed or not (len(fixed) == len(rows.children) or _can_stand_alone(rows, fixed)):
            raise Unwritable(tag, tag)
        elements = {}
        for child in fixed:
            assert child.fixed is not None
            text = child.fixed.const if child.fixed.const is not None else child.fixed.encode
            elements[position(tag, child.name)] = _shown(text, ordinal)
        return self._segments.segment(tag, elements)


def interchange_header(
    segments: SegmentWriter, charset: str, version: str, facts: Mapping[str, Any], prepared: str
) -> bytes:
    """Write UNB; raises Unwritable for what it must have and the facts lack."""
    for name, at in (("interchange_reference", 5), ("sender", 2), ("recipient", 3)):
        if not facts.get(name):
            raise Unwritable(name, f"UNB/{at}", "HEADER_FIELD_MISSING")
    day, time = prepared[:-4], prepared[-4:]
    elements = {
        (1, 1): charset,
        (1, 2): version,
        (2, 1): str(facts["sender"]),
        (2, 2): str(facts.get("sender_qualifier", "")),
        (3, 1): str(facts["recipient"]),
        (3, 2): str(facts.get("recipient_qualifier", "")),
        (4, 1): day,
        (4, 2): time,
        (5, 1): str(facts["interchange_reference"]),
        (11, 1): "1" if facts.get("test_indicator") else "",
    }
    return segments.segment("UNB", elements)


def _rows_of(node: Node) -> Node:
    return node.each.scope.root if node.each is not None else node


def _can_stand_alone(rows: Node, fixed: Sequence[Node]) -> bool:
    """Tell whether a segment says enough by what never changes: it numbers its group, or says something and needs no field."""
    if any(_numbers(child) for child in fixed):
        return True
    needed = any(child.leaf is not None and child.leaf.row.need for child in rows.children.values())
    return not needed and any(child.fixed is not None and (child.fixed.const or child.fixed.encode) for child in fixed)


def _numbers(node: Node) -> bool:
    return node.fixed is not None and node.fixed.ordinal


def _shown(text: str, ordinal: int) -> str:
    return str(ordinal) if text == ORDINAL else text


def _elements(branch: Branch, ordinal: int) -> Iterator[dict[tuple[int, int], str]]:
    """Yield the elements of a segment; of several values for one place, each makes a segment."""
    found: dict[tuple[int, int], list[str]] = {}
    for child in branch.children:
        found.setdefault(position(branch.name, child.name), []).append(_shown(child.text, ordinal))
    for number in range(max(map(len, found.values()), default=0)):
        yield {place: texts[number] if number < len(texts) else texts[0] for place, texts in found.items()}
