"""Parts of a document as pieces for the parser, behind what its prolog says."""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.xml import limit
from parcelgate.codecs.xml.prolog import Prolog, not_xml, wide_encoding
from parcelgate.codecs.xml.prolog import Root as PrologRoot
from parcelgate.core.fault import fault


@dataclass(frozen=True, slots=True)
class Root:
    """The root element, and the encoding of the pieces where it is not the one that the document names."""

    name: str
    namespace: str
    encoding: str | None = None

    def __str__(self) -> str:
        """Show the name as people write it."""
        return str(PrologRoot(self.name, self.namespace))


class NotText(Exception):  # noqa: N818  says what the bytes are
    """Bytes are not text in the encoding that the document names."""


def opened(parts: Iterable[bytes]) -> Iterator[Root | Fault | bytes]:
    """Yield the root element or the fault that hides it, then all pieces from the first byte; raises NotText."""
    source = (part for part in parts if part)
    first = next(source, b"")
    while 0 < len(first) < 4:
        more = next(source, b"")
        if not more:
            break
        first += more
    strange = not_xml(first)
    if strange is not None:
        yield strange
        return
    wide = wide_encoding(first)
    encoding = "utf-8" if wide is not None else None
    pieces = _pieces(first, source)
    if wide is not None:
        pieces = _as_utf8(pieces, wide)
    held: list[bytes] = []
    prolog = Prolog(encoding)
    found: PrologRoot | Fault | None = None
    try:
        for piece in pieces:
            held.append(piece)
            found = prolog.feed(piece)
            if found is not None:
                break
    except NotText as error:
        found = fault("XML_ENCODING", line=1, detail=str(error))
    if found is None:
        found = prolog.feed(b"", last=True) or fault("XML_TRUNCATED", line=1)
    if isinstance(found, Fault):
        yield found
        return
    yield Root(found.name, found.namespace, encoding)
    yield from held
    yield from pieces


def _pieces(first: bytes, source: Iterator[bytes]) -> Iterator[bytes]:
    part: bytes | None = first
    while part is not None:
        for start in range(0, len(part), limit.PIECE):
            yield part[start : start + limit.PIECE]
        part = next(source, None)


def _as_utf8(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for piece in pieces:
            text = decoder.decode(piece)
            if text:
                yield text.encode()
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise NotText(str(error).partition("\n")[0][:80]) from None
