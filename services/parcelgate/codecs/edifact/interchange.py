"""Writing an interchange: items into messages, as many into each as belong together and its table allows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from parcelgate.codecs.edifact.charset import CharacterSet
from parcelgate.codecs.edifact.delimiter import DEFAULT
from parcelgate.codecs.edifact.structure import MESSAGE, Structure
from parcelgate.codecs.edifact.table import Group
from parcelgate.codecs.edifact.writer import GroupWriter, SegmentWriter, interchange_header
from parcelgate.codecs.engine import Record
from parcelgate.codecs.mapping.moment import time_as
from parcelgate.codecs.mapping.prepare import Unwritable
from parcelgate.codecs.mapping.scope import Node, Scope
from parcelgate.codecs.mapping.tree import Branch, TreeWriter

_EMPTY = Node("")


@dataclass(slots=True)
class _Open:
    """A group around the items while it is written."""

    group: Group
    branches: Sequence[Branch]
    ordinal: int
    # Groups of the next kind inside it.
    inner: int = 0
    segments: list[bytes] = field(default_factory=list)


class InterchangeWriter:
    """Writes the interchanges of one format."""

    def __init__(self, structure: Structure, message: str, charset: CharacterSet, version: str) -> None:
        """Compile."""
        self._charset, self._version, self._message = charset.name, version, message
        self._prepared = time_as("203" if version == "4" else "201")
        delimiters = DEFAULT.of_version(version)
        self._segments = SegmentWriter(delimiters, charset)
        self._groups = GroupWriter(self._segments)
        self._structure = structure
        mapping = structure.mapping
        scopes = dict(mapping.around)
        # Message, groups around the item, item: outermost first.
        around = [] if structure.is_whole else [structure.table.message, *structure.outer()]
        self._path: list[Group] = [*around, structure.item]
        self._scopes: list[Scope | None] = [
            *(scopes.get(group.path or MESSAGE) for group in self._path[:-1]),
            mapping.item,
        ]
        self._trees = [TreeWriter(scope) if scope is not None else None for scope in self._scopes]
        self._header = TreeWriter(mapping.header)

    def write(self, facts: Record, records: Iterable[Record]) -> Iterator[bytes]:
        """Yield UNB, message after message, and UNZ; raises Unwritable."""
        if "prepared_at" not in facts:
            raise Unwritable("prepared_at", "UNB/4")
        try:
            prepared = self._prepared.write(facts["prepared_at"])
        except ValueError:
            raise Unwritable("prepared_at", "UNB/4") from None
        yield interchange_header(self._segments, self._charset, self._version, facts, prepared)
        count = 0
        messages = self._whole if self._structure.is_whole else self._messages
        for found in messages(facts, records):
            count += 1
            reference = self._reference(facts, count)
            head = self._segments.segment("UNH", {(1, 1): reference} | _identity(self._message))
            tail = self._segments.segment("UNT", {(1, 1): str(len(found) + 2), (2, 1): reference})
            yield b"".join((head, *found, tail))
        yield self._segments.segment("UNZ", {(1, 1): str(count), (2, 1): str(facts["interchange_reference"])})

    @staticmethod
    def _reference(facts: Record, count: int) -> str:
        """Name a message: the first as it was said, the others by their number."""
        first = str(facts.get("message_reference") or "1")
        if count == 1:
            return first
        return f"{first}-{count}"[-14:] if first != "1" else str(count)

    def _whole(self, facts: Record, records: Iterable[Record]) -> Iterator[list[bytes]]:
        """Yield the same where a message is one item."""
        (group,), root = self._path, self._structure.mapping.item.root
        for record in records:
            yield list(self._groups.write(group, self._branches(0, record, facts), root, 1))

    def _messages(self, facts: Record, records: Iterable[Record]) -> Iterator[list[bytes]]:
        """Yield the segments of one message after the other, without UNH and UNT."""
        open_: list[_Open] = []
        items = 0
        limits = [group.entry.most if group.entry is not None else 0 for group in self._path]
        for record in records:
            branches = [self._branches(number, record, facts) for number in range(len(self._path))]
            same = 0
            while same < len(open_) and open_[same].branches == branches[same]:
                same += 1
            # A group that is full ends, and with it those inside; the outermost ends the message.
            while same and open_[same - 1].inner >= limits[same]:
                same -= 1
            if open_ and not same:
                yield self._closed(open_, 0, facts, items)
                items = 0
            elif open_:
                self._closed(open_, same, facts, items)
            for number in range(len(open_), len(self._path) - 1):
                ordinal = self._next(open_)
                open_.append(_Open(self._path[number], branches[number], ordinal))
                if number:
                    self._open(open_, number)
            items += 1
            ordinal = self._next(open_)
            node = self._structure.mapping.item.root
            open_[-1].segments += self._groups.write(self._path[-1], branches[-1], node, ordinal)
        if open_:
            yield self._closed(open_, 0, facts, items)

    @staticmethod
    def _next(open_: list[_Open]) -> int:
        if not open_:
            return 1
        open_[-1].inner += 1
        return open_[-1].inner

    def _open(self, open_: list[_Open], number: int) -> None:
        """Write what stands before the items of a group around them."""
        each = open_[number]
        scope = self._scopes[number]
        node = scope.root if scope is not None else _EMPTY
        inner = self._path[number + 1]
        each.segments += self._groups.write(each.group, each.branches, node, each.ordinal, but=inner)

    def _closed(self, open_: list[_Open], down_to: int, facts: Record, items: int) -> list[bytes]:
        """Close groups from the innermost to the one said; returns the segments of the message if that is closed."""
        while len(open_) > down_to:
            last = open_.pop()
            number = len(open_)
            scope = self._scopes[number]
            node = scope.root if scope is not None else _EMPTY
            inner = self._path[number + 1]
            if number:
                tail = list(self._groups.behind(last.group, last.branches, node, inner))
                open_[-1].segments += [*last.segments, *tail]
                continue
            header = self._header.write("", {**facts, "items_count": items}, facts).children
            both = Node("", {**node.children, **self._structure.mapping.header.root.children})
            branches = [*last.branches, *header]
            head = list(self._groups.write(last.group, branches, both, 1, but=inner))
            return [*head, *last.segments, *self._groups.behind(last.group, branches, both, inner)]
        return []

    def _branches(self, number: int, record: Record, facts: Record) -> Sequence[Branch]:
        tree = self._trees[number]
        return tree.write("", record, facts).children if tree is not None else ()


def _identity(message: str) -> dict[tuple[int, int], str]:
    return {(2, place): word for place, word in enumerate(message.split(":"), 1)}
