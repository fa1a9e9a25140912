"""Segments out of bytes that come in parts of any size: a generator, linear, that holds one piece at a time.

Bytes are cut at segment terminators, decoded and split piece by piece. Released characters are hidden before anything is
split, and come back in the texts; only a segment that has some, or a repetition, is looked at closely.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from parcelgate.codecs.edifact import limit
from parcelgate.codecs.edifact.charset import CharacterSet, without_controls
from parcelgate.codecs.edifact.delimiter import Delimiters


class Repeated(list[list[str]]):
    """An element that stands more than once (syntax version 4): the components of each repetition."""


# An element as it stands in the segment, not yet split; or its components, released; or its repetitions.
Element: TypeAlias = str | list[str] | Repeated
# Line, whether all its characters belong to the set, and the elements; the first is the tag.
Segment: TypeAlias = tuple[int, bool, Sequence[Element]]
# Two halves of surrogate pairs stand for a released character while a segment is split, the first always the same: no decoded
# text has one.
_MARK = "\ud800"
_REPLACED = "\ufffd"
# What may stand behind the last segment: line ends, and what fills files up.
_BLANK = "\r\n\t \x1a\0\ufeff"


class SegmentTooLong(Exception):  # noqa: N818  says what happened
    """No segment terminator within the limit."""


class Splitter:
    """Splits one interchange; begins at UNB."""

    def __init__(self, delimiters: Delimiters, charset: CharacterSet, line: int = 1) -> None:
        """Take the service characters, the character set, and the line at which the first part begins."""
        self._delimiters, self._charset = delimiters, charset
        self._terminator = delimiters.terminator.encode()
        self._service = delimiters.service.encode()
        self._hide = {char: _MARK + chr(ord(_MARK) + place) for place, char in enumerate(delimiters.service, 1)}
        self._shown = {ord(hidden[1]): char for char, hidden in self._hide.items()} | {ord(_MARK): ""}
        # A segment that has one of these must be looked at closely.
        self._marks = [_MARK, *delimiters.repetition]
        # Line of what comes next.
        self.line = line
        # Bytes handed out so far, counted in pieces.
        self.consumed = 0
        # Text after the last terminator; known when all segments are read.
        self.rest = ""

    def segments(self, parts: Iterable[bytes]) -> Iterator[Segment]:
        """Yield segment after segment; raises SegmentTooLong."""
        for block in self.blocks(parts):
            if isinstance(block, str):
                yield from self.sound(block)
            else:
                yield block

    def blocks(self, parts: Iterable[bytes]) -> Iterator[str | Segment]:
        """Yield texts of whole segments for sound(), without the last terminator, and segments with odd characters.

        Released characters of the texts are hidden. Raises SegmentTooLong.
        """
        # Bytes after the last terminator so far; a segment, hidden, of which a released terminator was taken for its end.
        rest, open_, was_sound = b"", "", True
        terminator = self._delimiters.terminator
        for piece in _pieces(parts):
            self.consumed += len(piece)
            end = piece.rfind(self._terminator)
            if end < 0:
                rest += piece
                if len(rest) > limit.SEGMENT:
                    raise SegmentTooLong
                continue
            text, is_sound, is_open = self._read(rest + piece[:end])
            rest = piece[end + 1 :]
            text, open_, is_sound = open_ + text, "", is_sound and was_sound
            was_sound = True
            if is_open:
                was_sound = is_sound
                text, parted, open_ = text.rpartition(terminator)
                if not parted:
                    _check_length(open_)
                    continue
            _check_length(*(text.split(terminator) if len(text) > limit.SEGMENT else ()), open_)
            if is_sound:
                yield text
            else:
                yield from (self._doubtful(self._placed(raw)) for raw in text.split(terminator))
        self.rest = (self._released(open_) + self._charset.text(rest)).strip(_BLANK)

    def _read(self, data: bytes) -> tuple[str, bool, bool]:
        """Decode, and hide what is released; also tells whether all is sound, and whether the terminator behind it is text."""
        text = self._charset.text(data)
        is_sound = self._charset.has_all(data, self._service) and _REPLACED not in text
        release = self._delimiters.release
        if not release or release not in text:
            return text, is_sound, False
        if (len(text) - len(text.rstrip(release))) % 2:
            return self._hidden(text[:-1]) + self._hide[self._delimiters.terminator], is_sound, True
        return self._hidden(text), is_sound, False

    def sound(self, text: str) -> Iterator[Segment]:
        """Split a text of blocks() into its segments."""
        element = self._delimiters.element
        raws = text.split(self._delimiters.terminator)
        marks = [mark for mark in self._marks if mark in text]
        if "\n" in text or "\r" in text:
            for raw in raws:
                segment = self._placed(raw)
                is_plain = not any(mark in segment for mark in marks)
                yield self.line, True, segment.split(element) if is_plain else self._split(segment)
                self.line += segment.count("\n")
            return
        line = self.line
        if not marks:
            for raw in raws:
                yield line, True, raw.split(element)
            return
        # There are two marks at most.
        first, last = marks[0], marks[-1]
        for raw in raws:
            yield line, True, self._split(raw) if first in raw or last in raw else raw.split(element)

    def texts(self, item: str) -> list[str] | None:
        """Split segments of blocks() into all their texts, in order; None if something is repeated."""
        component, element, _, _, repetition, terminator = self._delimiters
        found = item.replace(terminator, element).replace(component, element).split(element)
        if repetition and repetition in item:
            return None
        if _MARK not in item:
            return found
        return [self._released(text) if _MARK in text else text for text in found]

    def parted(self, elements: Sequence[Element]) -> list[Element]:
        """Split the elements of a segment into their components."""
        component = self._delimiters.component
        return [elements[0], *(each.split(component) if isinstance(each, str) else each for each in elements[1:])]

    def _placed(self, raw: str) -> str:
        """Take line breaks and blanks from before a segment, and count the lines."""
        text = raw.lstrip("\r\n\t ")
        self.line += raw.count("\n", 0, len(raw) - len(text))
        return text

    def _doubtful(self, text: str) -> Segment:
        """Split a segment that may have characters outside the set."""
        line = self.line
        self.line += text.count("\n")
        is_sound = self._charset.holds(self._released(text), self._service)
        # Controls that part something are still there; any other is none of ours.
        if not is_sound:
            text = "".join(char if char in self._hide else without_controls(char) for char in text)
        return line, is_sound, self._split(text)

    def _split(self, text: str) -> list[Element]:
        """Split a segment that has released or repeated things."""
        component, element, _, _, repetition, _ = self._delimiters
        tag, *elements = text.split(element)
        found: list[Element] = [self._released(tag)]
        for each in elements:
            if repetition and repetition in each:
                found.append(Repeated(self._components(one, component) for one in each.split(repetition)))
            else:
                found.append(self._components(each, component))
        return found

    def _components(self, text: str, component: str) -> list[str]:
        return [self._released(each) if _MARK in each else each for each in text.split(component)]

    def _released(self, text: str) -> str:
        return text.translate(self._shown)

    def _hidden(self, text: str) -> str:
        """Put stand-ins for released characters, and take the release characters away."""
        release, hide = self._delimiters.release, self._hide
        if release + release not in text:
            for char, hidden in hide.items():
                text = text.replace(release + char, hidden)
            return text.replace(release, "")
        first, *rest = text.split(release)
        found = [first]
        released_itself = False
        for part in rest:
            if released_itself:
                found.append(part)
                released_itself = False
            elif part:
                found.append(hide.get(part[0], part[0]) + part[1:])
            else:
                found.append(hide[release])
                released_itself = True
        return "".join(found)


def _check_length(*segments: str) -> None:
    if len(max(segments, key=len)) > limit.SEGMENT:
        raise SegmentTooLong


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Make pieces that are neither tiny nor huge."""
    held = b""
    for part in parts:
        if len(part) > limit.PIECE:
            view = held + part
            held = b""
            for at in range(0, len(view), limit.PIECE):
                yield view[at : at + limit.PIECE]
            continue
        held += part
        if len(held) >= limit.PIECE_LEAST:
            yield held
            held = b""
    if held:
        yield held
