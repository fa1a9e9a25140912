"""The text of a document as far as it has come and is not read yet; what was read is let go of."""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from parcelgate.codecs.json import limit

_BLANKS = re.compile(r"[ \t\r\n]*")
# Bytes that are no UTF-8, as they stand in the text.
_STRAY = re.compile("[\udc80-\udcff]")
_FOREIGN = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class Window:
    """A stretch of text; at is the place that reading has come to."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        """Take the first bytes."""
        pieces = _pieces(parts)
        first = next(pieces, b"")
        while 0 < len(first) < 4 and (more := next(pieces, b"")):
            first += more
        # The name of an encoding that is not UTF-8.
        self.foreign = _foreign(first)
        self._source = chain([first.removeprefix(codecs.BOM_UTF8)], pieces)
        # The beginning of a character whose other bytes have not come yet.
        self._rest = b""
        self.text = ""
        self.at = 0
        self.ended = False
        self._stray = False
        # Line and column at which the text begins, from 1; lines are counted up to _counted.
        self._line, self._column = 1, 1
        self._counted = 0
        self._breaks = False

    def more(self) -> bool:
        """Take in at least as much again as is not read yet; False if nothing came."""
        wanted = max(limit.PIECE, len(self.text) - self.at)
        came: list[str] = []
        while wanted > 0 and not self.ended:
            piece = self._next()
            came.append(piece)
            wanted -= len(piece)
        if not any(came):
            return False
        self._let_go()
        self.text += "".join(came)
        self._breaks = "\n" in self.text
        return True

    def peek(self) -> str:
        """Go on to the next sign that is not blank; the empty text at the end of the document."""
        if self.at < len(self.text) and (sign := self.text[self.at]) not in " \t\r\n":
            return sign
        while True:
            match = _BLANKS.match(self.text, self.at)
            self.at = match.end() if match is not None else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def line(self) -> int:
        """Tell the line of the place that reading has come to."""
        if self._breaks:
            self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def column(self, place: int) -> int:
        """Tell the column of a place in the text."""
        start = self.text.rfind("\n", 0, place)
        return place - start if start >= 0 else self._column + place

    def stray(self, text: str, start: int, end: int) -> str:
        """Name the first byte of a stretch that is no UTF-8; empty if all are."""
        found = _STRAY.search(text, start, end) if self._stray else None
        return f"it is no UTF-8, byte 0x{ord(found[0]) - 0xDC00:02X} does not fit" if found else ""

    def _next(self) -> str:
        came = next(self._source, b"")
        data, last = self._rest + came, not came
        try:
            text, used = codecs.utf_8_decode(data, "strict", last)
        except UnicodeDecodeError:
            self._stray = True
            text, used = codecs.utf_8_decode(data, "surrogateescape", last)
        self._rest = data[used:]
        self.ended = last
        return text

    def _let_go(self) -> None:
        if not self.at:
            return
        self.line()
        start = self.text.rfind("\n", 0, self.at)
        self._column = self.at - start if start >= 0 else self._column + self.at
        self.text = self.text[self.at :]
        self.at = self._counted = 0


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        for start in range(0, len(part), limit.PIECE):
            yield part[start : start + limit.PIECE]


def _foreign(first: bytes) -> str:
    marked = next((name for mark, name in _FOREIGN.items() if first.startswith(mark)), "")
    if marked or len(first) < 2 or first.startswith(codecs.BOM_UTF8):
        return marked
    # No JSON text has U+0000 among its first signs (RFC 4627, 3).
    nulls = [not each for each in first[:4]]
    if nulls in ([True, True, True, False], [False, True, True, True]):
        return "UTF-32"
    return "UTF-16" if nulls[:2] in ([True, False], [False, True]) else ""
