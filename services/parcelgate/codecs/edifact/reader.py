"""Reading an interchange that comes in parts: its header, each item, and how it closed; nothing is raised, nothing is kept."""

from collections.abc import Iterable, Iterator, Sequence

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.edifact import limit
from parcelgate.codecs.edifact.context import Context
from parcelgate.codecs.edifact.envelope import SERVICE, Envelope, identity, reference_of
from parcelgate.codecs.edifact.opening import Opening, opened
from parcelgate.codecs.edifact.segment import Element, Segment, SegmentTooLong, Splitter
from parcelgate.codecs.edifact.shape import ShapeReader, Shapes
from parcelgate.codecs.edifact.structure import Structure
from parcelgate.codecs.edifact.walk import TooManySegments, Walk
from parcelgate.codecs.engine import End, Subtree
from parcelgate.codecs.mapping.ledger import Marks
from parcelgate.core.fault import fault

# Items are handed on in so many at once.
_HELD = 100


def read(
    parts: Iterable[bytes], structure: Structure, shapes: Shapes, wanted: tuple[str, ...]
) -> Iterator[Subtree | End]:
    """Yield the header, items, and what stands beside them, then the end; wanted is what UNH has to say."""
    marks = Marks(structure.mapping.paths, structure.mapping.ignored)
    opening = opened(parts)
    if isinstance(opening, Fault):
        yield End(opening, marks)
        return
    reader = shapes.reader(opening.delimiters)
    reading = _Reading(opening, structure, reader, wanted, marks)
    yield from reading.run()
    reader.count(marks.rows)
    yield End(reading.stopped, marks)


class _Reading:
    """One interchange on its way."""

    def __init__(
        self, opening: Opening, structure: Structure, shapes: ShapeReader, wanted: tuple[str, ...], marks: Marks
    ) -> None:
        self._opening = opening
        self._wanted = wanted
        self._context = Context(marks, opening.delimiters.component)
        self._envelope = Envelope(self._context, opening.version)
        self._splitter = Splitter(opening.delimiters, opening.charset, opening.line)
        self._walk = Walk(structure, self._context, self._splitter, shapes)
        # What begins an item, behind the segment before it; one that is a whole message is read segment by segment.
        self._trigger = structure.item.entries[0].tag + opening.delimiters.element
        self._by_shape = not structure.is_whole
        # The message is none of this format, and its segments are only counted.
        self._skipping = False
        self.stopped: Fault | None = None

    def run(self) -> Iterator[Subtree]:
        """Yield what was read; stopped says afterwards whether something kept the reading from its end."""
        if self._opening.preceded:
            self._context.add("TEXT_BEFORE_INTERCHANGE", where="UNB", line=1)
        try:
            yield from self._blocks(self._splitter.blocks(self._opening.parts))
            if self.stopped is None:
                self._ended()
        except SegmentTooLong:
            where = self._context.address() if self._context.tag else ""
            line = self._splitter.line
            self.stopped = fault("SEGMENT_TOO_LONG", address=where, line=line, limit=limit.SEGMENT)
        except TooManySegments:
            where, line = self._context.address(), self._context.line
            self.stopped = fault("MESSAGE_HEADER_TOO_LONG", address=where, line=line, limit=limit.HEADER_SEGMENTS)
        if self._envelope.is_begun:
            self._walk.finish()
        yield from self._walk.out

    def _blocks(self, blocks: Iterable[str | Segment]) -> Iterator[Subtree]:
        """Go through texts of plain segments, and segments that are not plain."""
        walk = self._walk
        for block in blocks:
            if not isinstance(block, str):
                self._segment(*block)
            else:
                yield from self._items(block) if self._by_shape else self._segments(block)
            if walk.out:
                yield from walk.out
                walk.out = []
            if self.stopped is not None:
                return

    def _items(self, text: str) -> Iterator[Subtree]:
        """Go through a text in which items begin: those that stand whole in it are known by their shape, or read as all others."""
        terminator, trigger, walk = self._opening.delimiters.terminator, self._trigger, self._walk
        between = _line_end(text, terminator)
        parts = text.split(terminator + between + trigger)
        yield from self._segments(parts[0])
        self._splitter.line += between.count("\n") if len(parts) > 1 else 0
        last = len(parts) - 1
        for number, part in enumerate(parts[1:], 1):
            item = trigger + part
            if between:
                item = item.replace(terminator + between, terminator)
            if number < last and self._envelope.in_message and not self._skipping and "\n" not in item:
                if walk.whole(item):
                    self._splitter.line += part.count("\n") + between.count("\n")
                    if len(walk.out) >= _HELD:
                        yield from walk.out
                        walk.out = []
                    continue
                first, *rest = self._splitter.sound(trigger + part)
                self._count(*first)
                walk.ordinarily(first[2])
                for segment in rest:
                    self._segment(*segment)
            else:
                yield from self._segments(trigger + part)
            self._splitter.line += between.count("\n") if number < last else 0
            if walk.out:
                yield from walk.out
                walk.out = []
            if self.stopped is not None:
                return

    def _segments(self, text: str) -> Iterator[Subtree]:
        walk = self._walk
        for line, sound, elements in self._splitter.sound(text):
            if walk.between:
                self._count(line, sound, elements)
                walk.ordinarily(elements)
            else:
                self._segment(line, sound, elements)
            if walk.out:
                yield from walk.out
                walk.out = []
            if self.stopped is not None:
                return

    def _count(self, line: int, sound: bool, elements: Sequence[Element]) -> None:  # noqa: FBT001  a segment's three parts
        context = self._context
        context.line = line
        context.segment += 1
        context.tag = str(elements[0])
        if not sound:
            self._unsound()

    def _segment(self, line: int, sound: bool, elements: Sequence[Element]) -> None:  # noqa: FBT001  a segment's three parts
        if self.stopped is not None:
            return
        tag = str(elements[0])
        if self._envelope.in_message and tag not in SERVICE:
            self._count(line, sound, elements)
            if not self._skipping:
                self._walk.take(elements)
        else:
            self._context.line = line
            self._service(tag, elements, sound=sound)

    def _service(self, tag: str, elements: Sequence[Element], *, sound: bool) -> None:
        """Take a segment of the envelope, or one that stands outside messages."""
        context, envelope = self._context, self._envelope
        split = self._splitter.parted(elements)
        if tag == "UNT" and envelope.in_message:
            context.segment += 1
            context.tag = tag
            self._end_message()
            envelope.end_of_message(split)
            if not sound:
                self._unsound()
            return
        if envelope.in_message:
            # What comes instead of UNT ends the message.
            self._end_message()
            envelope.unclosed(tag)
        context.tag, context.message, context.segment = tag, 0, 0
        if tag == "UNB":
            self._interchange(split)
        elif tag in SERVICE and not envelope.is_closed and tag != "UNT":
            {
                "UNG": envelope.group,
                "UNH": self._message,
                "UNE": envelope.end_of_group,
                "UNZ": envelope.end_of_interchange,
            }[tag](split)
        else:
            envelope.stray()
        if not sound:
            self._unsound()

    def _interchange(self, elements: Sequence[Element]) -> None:
        if self._envelope.is_begun:
            self.stopped = fault("INTERCHANGE_SECOND", address="UNB", line=self._context.line)
        else:
            self._envelope.interchange(elements)

    def _message(self, elements: Sequence[Element]) -> None:
        context = self._context
        self._envelope.message(elements)
        found = identity(elements)
        self._skipping = found != self._wanted
        if self._skipping:
            shown = ":".join(found).rstrip(":") or "not named"
            context.add("MESSAGE_DIFFERS", 2, found=shown, wanted=":".join(self._wanted))
            return
        if "message_reference" not in context.header and reference_of(elements):
            context.header = {**context.header, "message_reference": reference_of(elements)}
        self._walk.begin()

    def _end_message(self) -> None:
        if not self._skipping:
            self._walk.end()

    def _ended(self) -> None:
        """See at the end of the bytes whether everything is closed."""
        context, envelope = self._context, self._envelope
        rest = self._splitter.rest
        if envelope.is_closed and rest:
            context.tag, context.message, context.segment = "UNZ", 0, 0
            context.line = self._splitter.line
            context.add("ENVELOPE_UNEXPECTED", name="text", detail="the interchange is closed")
        elif not envelope.is_closed:
            detail = "the last segment has no terminator" if rest else envelope.unfinished()
            where = context.address() if context.tag else "UNB"
            self.stopped = fault("EDIFACT_TRUNCATED", address=where, line=self._splitter.line, detail=detail)

    def _unsound(self) -> None:
        name = self._context.tag[:8]
        self._context.add("CHARACTER_OUTSIDE_SET", name=name, charset=self._opening.charset.name)


def _line_end(text: str, terminator: str) -> str:
    """Return what stands between the segments of a text: nothing, or a line end."""
    end = text.find(terminator) + len(terminator)
    if not text.startswith(("\r", "\n"), end):
        return ""
    return "\r\n" if text.startswith("\r\n", end) else "\n"
