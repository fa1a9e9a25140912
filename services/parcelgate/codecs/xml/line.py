"""Line numbers beyond 65,535, where libxml2's elements stop counting.

The bytes since the last item but one are kept; where a fault needs a line that the element can't tell, the item is found in
them again and read once more by itself.
"""

import re

from lxml import etree
from lxml.etree import _Element

LAST = 65_535
_ENTITY = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z_:\x80-\xff][\w.:\x80-\xff-]{0,63});",
    re.DOTALL,
)


class Lines:
    """Knows the line of every element of the items that just ended."""

    def __init__(self, item_name: str) -> None:
        """Begin at line 1; item_name is the local name of the items."""
        name = re.escape(item_name.encode())
        self._name = re.compile(rb"<(?:[\w.\-]+:)?" + name + rb"(?=[\s/>])")
        self._end = re.compile(
            rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|(</(?:[\w.\-]+:)?"
            + name
            + rb"\s*>|<(?:[\w.\-]+:)?"
            + name
            + rb"(?:\s[^>]*)?/>)",
            re.DOTALL,
        )
        self._pieces: list[bytes] = []
        self._before = 0
        # Items that end in the first piece kept, and items of the current batch handed out so far.
        self._ended = 0
        self._batch = 0

    def feed(self, piece: bytes) -> None:
        """Keep one more piece."""
        self._pieces.append(piece)
        self._batch = 0

    def item_ended(self) -> None:
        """Note that the next item of the current piece is being looked at."""
        self._batch += 1

    def piece_done(self) -> None:
        """Let go of what lies before the current piece, if an item ended in it."""
        if self._batch:
            self._before += sum(piece.count(b"\n") for piece in self._pieces[:-1])
            self._pieces = self._pieces[-1:]
            self._ended = self._batch
        self._batch = 0

    def undefined_entity(self) -> tuple[str, int] | None:
        """Find the first entity since the last item that XML does not define: its name and line."""
        window = b"".join(self._pieces)
        for match in _ENTITY.finditer(window):
            if match[1]:
                return match[1].decode("utf-8", "replace"), self._before + window.count(b"\n", 0, match.start()) + 1
        return None

    def after_items(self) -> int:
        """Tell the line on which the last item ended, or the document begins."""
        window = b"".join(self._pieces)
        last = max((match.end() for match in self._end.finditer(window) if match[1]), default=0)
        return self._before + window.count(b"\n", 0, last) + 1

    def of(self, element: _Element, item: _Element) -> int:
        """Tell the line of an element of the current item."""
        line = element.sourceline or 0
        return line if line < LAST else self._beyond(element, item)

    def _beyond(self, element: _Element, item: _Element) -> int:
        window = b"".join(self._pieces)
        ends = [match.end() for match in self._end.finditer(window) if match[1]]
        index = self._ended + self._batch - 1
        if not 0 <= index < len(ends):
            return LAST
        start = ends[index - 1] if index else 0
        opening = self._name.search(window, start, ends[index])
        if opening is None:
            return LAST
        line = self._before + window.count(b"\n", 0, opening.start()) + 1
        place = next((place for place, each in enumerate(item.iter()) if each is element), 0)
        return line + _inner_line(window[opening.start() : ends[index]], item, place) - 1


def _inner_line(raw: bytes, item: _Element, place: int) -> int:
    names = "".join(f' xmlns{":" + prefix if prefix else ""}="{uri}"' for prefix, uri in item.nsmap.items())
    encoding = item.getroottree().docinfo.encoding or "utf-8"
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, encoding=encoding
    )
    try:
        again = etree.fromstring(f"<again{names}>".encode() + raw + b"</again>", parser)[0]
    except etree.XMLSyntaxError:
        return 1
    for count, each in enumerate(again.iter()):
        if count == place:
            return each.sourceline or 1
    return 1
