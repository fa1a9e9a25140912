"""Segments out of bytes that come in parts of any size: a generator, linear, that holds one piece at a time.

Bytes are cut at segment terminators, decoded and split piece by piece. Only a segment with a release character or a
repetition is looked at more closely: its released characters are hidden, it is split, and they come back.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
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
# Half a surrogate pair stands for a released character while a segment is split: no decoded text has one.
_HIDDEN = 0xD800
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
        self._service = "".join(delimiters.service).encode()
        marks = delimiters.release + delimiters.repetition
        self._marks = re.compile(f"[{re.escape(marks)}]") if marks else None
        self._hide = {char: chr(_HIDDEN + place) for place, char in enumerate(delimiters.service)}
        self._shown = {ord(hidden): char for char, hidden in self._hide.items()}
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
                yield from self.plain(block)
            else:
                yield block

    def plain(self, text: str) -> Iterator[Segment]:
        """Split a text in which nothing is released or repeated, and all characters belong to the set."""
        element = self._delimiters.element
        raws = text.split(self._delimiters.terminator)
        if "\n" not in text and "\r" not in text:
            line = self.line
            for raw in raws:
                yield line, True, raw.split(element)
            return
        for raw in raws:
            segment = self._placed(raw)
            yield self.line, True, segment.split(element)
            self.line += segment.count("\n")

    def blocks(self, parts: Iterable[bytes]) -> Iterator[str | Segment]:
        """Yield texts of whole segments for plain(), without the last terminator, and between them segments that are not plain.

        Raises SegmentTooLong.
        """
        # Bytes after the last terminator so far; a segment of which a released terminator was taken for its end.
        rest, open_ = b"", ""
        terminator = self._terminator
        decode, has_all, service = self._charset.text, self._charset.has_all, self._service
        for piece in _pieces(parts):
            self.consumed += len(piece)
            end = piece.rfind(terminator)
            if end < 0:
                rest += piece
                if len(rest) > limit.SEGMENT:
                    raise SegmentTooLong
                continue
            data = rest + piece[:end]
            rest = piece[end + 1 :]
            text = decode(data)
            sound = has_all(data, service) and _REPLACED not in text
            if open_ or not sound:
                open_ = yield from self._closely(open_ + text, sound=sound)
            elif self._marks is not None and self._marks.search(text) is not None:
                open_ = yield from self._parted(text, self._marks)
            else:
                yield self._short(text)
        self.rest = (open_ + decode(rest)).strip(_BLANK)

    def _placed(self, raw: str) -> str:
        """Take line breaks and blanks from before a segment, and count the lines."""
        text = raw.lstrip("\r\n\t ")
        self.line += raw.count("\n", 0, len(raw) - len(text))
        return text

    def _short(self, text: str) -> str:
        if len(text) > limit.SEGMENT and len(max(text.split(self._delimiters.terminator), key=len)) > limit.SEGMENT:
            raise SegmentTooLong
        return text

    def _parted(self, text: str, marks: re.Pattern[str]) -> Generator[str | Segment, None, str]:
        """Part a sound text into plain stretches and the few segments that are not plain; returns what is still open."""
        terminator = self._delimiters.terminator
        at = 0
        while (mark := marks.search(text, at)) is not None:
            begin = text.rfind(terminator, at, mark.start()) + 1 or at
            if begin > at:
                yield self._short(text[at : begin - 1])
            end = self._end(text, mark.start())
            if end < 0:
                return self._open(text[begin:])
            if end - begin > limit.SEGMENT:
                raise SegmentTooLong
            yield self._one(self._placed(text[begin:end]), sound=True)
            at = end + 1
            if at > len(text):
                return ""
        yield self._short(text[at:])
        return ""

    def _end(self, text: str, at: int) -> int:
        """Find the terminator of a segment that is not released, -1 if it is still to come; the text's own last is left out."""
        terminator, release = self._delimiters.terminator, self._delimiters.release
        while True:
            end = text.find(terminator, at)
            place = end if end >= 0 else len(text)
            run = place
            while release and run > at and text[run - 1] == release:
                run -= 1
            if (place - run) % 2 == 0:
                return place
            if end < 0:
                return -1
            at = end + 1

    def _open(self, text: str) -> str:
        """Keep a segment whose end was released."""
        if len(text) > limit.SEGMENT:
            raise SegmentTooLong
        return text + self._delimiters.terminator

    def _closely(self, text: str, *, sound: bool) -> Generator[Segment, None, str]:
        """Split a text that has released or repeated things, or characters outside the set; returns what is still open."""
        terminator, release = self._delimiters.terminator, self._delimiters.release
        open_: list[str] = []
        for raw in text.split(terminator):
            if not open_ and not (release and release in raw):
                # Most have none, even among those that are looked at closely.
                if len(raw) > limit.SEGMENT:
                    raise SegmentTooLong
                yield self._one(self._placed(raw), sound=sound)
                continue
            open_.append(raw)
            if release and raw.endswith(release) and (len(raw) - len(raw.rstrip(release))) % 2:
                continue
            whole = terminator.join(open_)
            open_ = []
            if len(whole) > limit.SEGMENT:
                raise SegmentTooLong
            yield self._one(self._placed(whole), sound=sound)
        return self._open(terminator.join(open_)) if open_ else ""

    def _one(self, text: str, *, sound: bool) -> Segment:
        """Split one segment; sound says that all around it have only characters of the set."""
        line = self.line
        self.line += text.count("\n")
        sound = sound or self._charset.holds(text, self._service)
        # Controls that part something are still there; any other is none of ours.
        if not sound:
            text = "".join(char if char in self._hide else without_controls(char) for char in text)
        return line, sound, self.split(text)

    def parted(self, elements: Sequence[Element]) -> list[Element]:
        """Split the elements of a segment into their components."""
        component = self._delimiters.component
        return [elements[0], *(each.split(component) if isinstance(each, str) else each for each in elements[1:])]

    def split(self, text: str) -> list[Element]:
        """Split one segment."""
        component, element, _, release, repetition, _ = self._delimiters
        if release and release in text:
            text = self._hidden(text)
        elif not (repetition and repetition in text):
            return list(text.split(element))
        found: list[Element] = []
        for each in text.split(element):
            if not found:
                found.append(self._released(each))
            elif repetition and repetition in each:
                found.append(Repeated(self._components(one, component) for one in each.split(repetition)))
            else:
                found.append(self._components(each, component))
        return found

    def _components(self, text: str, component: str) -> list[str]:
        return [self._released(each) for each in text.split(component)]

    def _released(self, text: str) -> str:
        return text.translate(self._shown)

    def _hidden(self, text: str) -> str:
        """Put stand-ins for released characters, and take the release characters away."""
        release, hide = self._delimiters.release, self._hide
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
