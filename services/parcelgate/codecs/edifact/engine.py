"""One EDIFACT format, ready to read and write: its segment table and its rows, compiled when first used."""

import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.edifact import opening, reader
from parcelgate.codecs.edifact.charset import SETS
from parcelgate.codecs.edifact.envelope import identity
from parcelgate.codecs.edifact.interchange import InterchangeWriter
from parcelgate.codecs.edifact.segment import SegmentTooLong, Splitter
from parcelgate.codecs.edifact.shape import Shapes
from parcelgate.codecs.edifact.structure import Structure
from parcelgate.codecs.edifact.table import Table
from parcelgate.codecs.engine import End, Record, Subtree
from parcelgate.codecs.mapping.mapping import FormatMapping
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.core.fault import fault

# What format.toml says of an EDIFACT format beside what every format says: the file of its segment table, what UNH says of
# its messages (type, version, release, agency, association code), and with which set and syntax version it is written.
SETTINGS = frozenset(("segments", "message", "characters"))
OPTIONS: Mapping[str, Any] = {}
_compiling = threading.RLock()


def looks_like(first: bytes) -> bool:
    """Tell whether a document begins like an interchange, or has one soon after its beginning."""
    return opening.begins(first)


def recognise(first: bytes, formats: Iterable[tuple[str, Mapping[str, str]]]) -> str | Fault:
    """Tell the format of an interchange by its first message; formats are ids with their settings."""
    found = opening.opened([first])
    if isinstance(found, Fault):
        return found
    messages = {settings["message"]: name for name, settings in formats}
    known = ", ".join(f"{message} ({name})" for message, name in messages.items()) or "none"
    splitter = Splitter(found.delimiters, found.charset, found.line)
    try:
        for line, _, elements in splitter.segments(found.parts):
            if elements[0] == "UNH":
                words = ":".join(identity(splitter.parted(elements)))
                name = messages.get(words)
                if name is None:
                    return fault("FORMAT_UNKNOWN", address="UNH[1]/2", line=line, found=words.rstrip(":"), known=known)
                return name
    except SegmentTooLong:
        pass
    return fault("FORMAT_UNKNOWN", address="UNB", line=found.line, found="an interchange without UNH", known=known)


class EdifactEngine:
    """Reads and writes the interchanges of one format."""

    def __init__(self, folder: Path, settings: Mapping[str, str], mapping: FormatMapping) -> None:
        """Take the format's folder, its settings and its mapping; raises MappingError."""
        self._folder, self._mapping = folder, mapping
        self._message = settings["message"]
        self._characters, _, self._version = settings["characters"].partition(":")
        if len(self.identity) != 5:
            raise MappingError("message is type, version, release, agency and association code: IFTSTA:D:00A:UN:PG01")
        if self._characters not in SETS or self._version not in ("1", "2", "3", "4"):
            raise MappingError("characters is a character set and a syntax version, for example UNOC:3")
        self._table: dict[str, Any] = tomllib.loads((folder / settings["segments"]).read_text("utf-8"))

    @property
    def identity(self) -> tuple[str, ...]:
        """What UNH says: type, version, release, agency, association code."""
        return tuple(self._message.split(":"))

    @cached_property
    def structure(self) -> Structure:
        """Segment table and rows; raises MappingError."""
        with _compiling:
            return Structure(Table(self._table), self._mapping)

    @cached_property
    def _shapes(self) -> Shapes:
        with _compiling:
            return Shapes(self.structure)

    @cached_property
    def _writer(self) -> InterchangeWriter:
        with _compiling:
            return InterchangeWriter(self.structure, self._message, SETS[self._characters], self._version)

    def read(self, parts: Iterable[bytes]) -> Iterator[Subtree | End]:
        """Yield the header and the items as they close, then the end."""
        return reader.read(parts, self.structure, self._shapes, self.identity)

    def write(self, facts: Record, records: Iterable[Record]) -> Iterator[bytes]:
        """Yield UNB, message after message, and UNZ; raises Unwritable."""
        return self._writer.write(facts, records)

    def address(self, boundary: str, path: str = "") -> str:
        """Write tag and element."""
        return f"{boundary}/{path}" if path else boundary
