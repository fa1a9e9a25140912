"""The beginning of a document up to its root element: refuses DOCTYPE, finds encoding, root and namespace.

Read with expat, which stops at the first start tag; libxml2 sees nothing that did not pass here.
"""

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.parsers import expat

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.xml import limit
from parcelgate.core.fault import fault


@dataclass(frozen=True, slots=True)
class Root:
    """The root element."""

    name: str
    namespace: str

    def __str__(self) -> str:
        """Show the name as people write it."""
        return f"<{self.name} xmlns={self.namespace!r}>" if self.namespace else f"<{self.name}>"


class _Found(Exception):  # noqa: N818  ends expat's work, not an error
    def __init__(self, result: Root | Fault) -> None:
        self.result = result


class Prolog:
    """Takes the first bytes until the root is known."""

    def __init__(self, encoding: str | None = None) -> None:
        """Begin; encoding is given where the bytes were written anew and the XML declaration no longer tells the truth."""
        self._size = 0
        self._blank = True
        self._parser = expat.ParserCreate(encoding, " ")
        self._parser.ordered_attributes = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def feed(self, data: bytes, *, last: bool = False) -> Root | Fault | None:
        """Take more bytes; returns the root, a fault, or None if neither is known yet."""
        self._size += len(data)
        self._blank = self._blank and not data.strip(_BLANKS)
        try:
            self._parser.Parse(data, last)
        except _Found as found:
            return found.result
        except expat.ExpatError as error:
            return self._malformed(error)
        except (ValueError, LookupError) as error:
            return fault("XML_ENCODING", line=1, detail=_first_line(error))
        if self._size > limit.PROLOG:
            return fault("XML_PROLOG_TOO_LARGE", line=1, limit=limit.PROLOG)
        return None

    def _malformed(self, error: expat.ExpatError) -> Fault:
        message = expat.ErrorString(error.code) or "not XML"
        if self._blank:
            return fault("DOCUMENT_EMPTY")
        if "encoding" in message or "multi-byte" in message:
            return fault("XML_ENCODING", line=error.lineno, detail=message)
        if message in ("no element found", "unclosed token", "partial character"):
            return fault("XML_TRUNCATED", line=error.lineno)
        return fault("XML_NOT_WELL_FORMED", line=error.lineno, detail=message)

    def _doctype(self, _name: str, _system: str | None, _public: str | None, _subset: bool) -> None:  # noqa: FBT001  expat's call
        raise _Found(fault("XML_DOCTYPE", line=self._parser.CurrentLineNumber))

    def _start(self, name: str, attributes: Sequence[str]) -> None:
        count = len(attributes) // 2
        if count > limit.ROOT_ATTRIBUTES:
            raise _Found(fault("XML_TOO_MANY_ATTRIBUTES", line=1, count=count, limit=limit.ROOT_ATTRIBUTES))
        namespace, _, local = name.rpartition(" ")
        raise _Found(Root(local, namespace))


_BLANKS = b" \t\r\n"
_FOREIGN_ENCODINGS: Mapping[bytes, str] = {
    codecs.BOM_UTF32_LE: "it is UTF-32",
    codecs.BOM_UTF32_BE: "it is UTF-32",
    "<?xml".encode("cp037"): "it is EBCDIC",
}
_FOREIGN_KINDS: Mapping[bytes, str] = {
    b"PK\x03\x04": "is a ZIP archive",
    b"\x1f\x8b": "is compressed with gzip",
    b"BZh": "is compressed with bzip2",
    b"\xfd7zXZ": "is compressed with xz",
    b"%PDF": "is a PDF",
    b"\xd0\xcf\x11\xe0": "is an office document",
    b"{": "looks like JSON",
    b"[": "looks like JSON",
    b"UNA": "looks like EDIFACT",
    b"UNB+": "looks like EDIFACT",
}


def not_xml(first: bytes) -> Fault | None:
    """Return the fault of a document that cannot be XML, by its first bytes; None if it may be XML, or is empty."""
    for mark, detail in _FOREIGN_ENCODINGS.items():
        if first.startswith(mark):
            return fault("XML_ENCODING", line=1, detail=detail)
    text = first.removeprefix(codecs.BOM_UTF8).lstrip(_BLANKS)
    if not text or text.startswith(b"<") or wide_encoding(first) is not None:
        return None
    known = next((kind for mark, kind in _FOREIGN_KINDS.items() if text.startswith(mark)), None)
    line = first[: len(first) - len(text)].count(b"\n") + 1
    return fault("DOCUMENT_NOT_XML", line=line, found=known or "does not begin with <")


_MARKS: Mapping[bytes, str] = {
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}


def wide_encoding(first: bytes) -> str | None:
    """Tell the encoding of a document whose characters have two bytes; such a document is read as UTF-8 written anew."""
    return _MARKS.get(first[:2])


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:80] or type(error).__name__
