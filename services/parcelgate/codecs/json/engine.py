"""One JSON format, ready to read and write: its readers and writers, compiled when first used."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.engine import End, Record, Subtree
from parcelgate.codecs.json.context import Context
from parcelgate.codecs.json.element import Found, Stop
from parcelgate.codecs.json.pointer import below, steps_of
from parcelgate.codecs.json.reader import Reading
from parcelgate.codecs.json.walk import Reader
from parcelgate.codecs.json.writer import Shape
from parcelgate.codecs.mapping.ledger import Marks
from parcelgate.codecs.mapping.mapping import FormatMapping
from parcelgate.codecs.mapping.prepare import Unwritable
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.mapping.scope import Scope
from parcelgate.codecs.mapping.tree import TreeWriter
from parcelgate.core.fault import fault

# What format.toml says of a JSON format beside what every format says: the names by which a document is recognised.
SETTINGS = frozenset(("schema", "keys"))
# items: paths at which an object holds its items; written: several items as an "array" or as "lines"; numbers: "number" or
# "text"; strict: one object where an array is usual is worth a word; beside: names beside the items that are not read, and why.
OPTIONS: Mapping[str, Any] = {"items": [], "written": "array", "numbers": "number", "strict": False, "beside": {}}
_compiling = threading.RLock()


class JsonEngine:
    """Reads and writes the documents of one format."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], mapping: FormatMapping) -> None:
        """Take the format's folder, its settings and its mapping; raises MappingError for settings of no use."""
        del folder
        if settings["written"] not in ("array", "lines") or settings["numbers"] not in ("number", "text"):
            raise MappingError("format.toml: written is 'array' or 'lines', numbers is 'number' or 'text'")
        if mapping.header_at is not None and not settings["items"]:
            raise MappingError("format.toml: a header lies around its items, but items has no path to them")
        if mapping.around:
            raise MappingError("mapping.toml: groups around items ([[scope]]) are for EDIFACT")
        if any(_zips(scope) for scope in mapping.scopes.values()):
            raise MappingError("mapping.toml: parallel arrays (zip) are for XML")
        self._settings, self._mapping = settings, mapping
        self._paths = paths_of(settings)

    @cached_property
    def _readers(self) -> Mapping[str, Reader]:
        with _compiling:
            strict = bool(self._settings["strict"])
            return {name: Reader(scope, strict=strict) for name, scope in self._mapping.scopes.items()}

    @cached_property
    def _writers(self) -> tuple[Mapping[str, TreeWriter], Shape]:
        with _compiling:
            scopes = self._mapping.scopes
            shape = Shape(scopes, numbers=self._settings["numbers"] == "number")
            return {name: TreeWriter(scope) for name, scope in scopes.items()}, shape

    def read(self, parts: Iterable[bytes]) -> Iterator[Subtree | End]:
        """Yield what stands before the items, then each item, then the end."""
        mapping = self._mapping
        marks = Marks(mapping.paths, mapping.ignored)
        context = Context(marks)
        reading = Reading(parts, self._paths)
        stopped: Fault | None = None
        number, beside = 0, list[Fault]()
        try:
            for found in reading.found():
                if found.beside:
                    yield from self._beside(found, context, beside)
                else:
                    number += 1
                    yield self._subtree(mapping.item_at, found, context, number)
        except Stop as stop:
            stopped = stop.fault
        beside += [self._late(*each) for each in reading.late if each[0][1:] not in self._settings["beside"]]
        yield End(stopped, marks, beside)

    def _late(self, address: str, line: int) -> Fault:
        """Make the fault of a name that stands behind the items."""
        name = address[1:]
        if name in self._mapping.header.root.children:
            return fault("FIELD_UNEXPECTED", address=address, line=line, name=name, wanted="before the items")
        return fault("FIELD_UNKNOWN", address=address, line=line, name=name)

    def _beside(self, found: Found, context: Context, beside: list[Fault]) -> Iterator[Subtree]:
        """Read the header; where a format has none, its names are unknown."""
        at = self._mapping.header_at
        if at is not None and found.value is not None:
            yield self._subtree(at, found, context, 0)
            context.header = dict(context.header)
            return
        context.begin(found, 0)
        for name in found.value or ():
            if name not in self._settings["beside"]:
                context.unknown(None, name)
        beside += context.faults

    def _subtree(self, name: str, found: Found, context: Context, number: int) -> Subtree:
        context.begin(found, number)
        record = {} if found.value is None else self._readers[name].read(found.value, context, None)
        if not number:
            context.header = record
        return Subtree(name, number, record, context.faults, found.pointer)

    def write(self, facts: Record, records: Iterable[Record]) -> Iterator[bytes]:
        """Yield the document in parts; raises Unwritable.

        One item is written as one object, several as the format says. A format with a header has its items inside of it.
        """
        if self._mapping.header_at is not None:
            yield from self._around(facts, records)
        elif self._settings["written"] == "lines":
            for record in records:
                yield self._rendered(record, facts, None).encode() + b"\n"
        else:
            yield from self._plain(facts, records)

    def _plain(self, facts: Record, records: Iterable[Record]) -> Iterator[bytes]:
        waiting: Record | None = None
        several = False
        for record in records:
            if waiting is not None:
                yield (",\n  " if several else "[\n  ").encode() + self._rendered(waiting, facts, 1).encode()
                several = True
            waiting = record
        if waiting is None:
            yield b"[]\n"
        elif several:
            yield b",\n  " + self._rendered(waiting, facts, 1).encode() + b"\n]\n"
        else:
            yield self._rendered(waiting, facts, 0).encode() + b"\n"

    def _around(self, facts: Record, records: Iterable[Record]) -> Iterator[bytes]:
        writers, shape = self._writers
        assert self._mapping.header_at is not None
        header = writers[self._mapping.header_at].write("", facts, facts)
        before, after = shape.render_around(header, self._paths[0])
        yield f"{before}[".encode()
        sign = "\n  "
        for record in records:
            yield (sign + self._rendered(record, facts, 1)).encode()
            sign = ",\n  "
        yield f"\n]{after}\n".encode()

    def address(self, boundary: str, path: str = "") -> str:
        """Write a JSON Pointer; the header is the root of the document."""
        del boundary
        pointer = ""
        for step in steps_of(path):
            pointer = below(pointer, step)
        return pointer

    def _rendered(self, record: Record, facts: Record, depth: int | None) -> str:
        writers, shape = self._writers
        name = self._mapping.item_at
        try:
            return shape.render(writers[name].write("", record, facts), depth)
        except Unwritable as error:
            raise Unwritable(error.name, f"/{error.name}", error.code) from None


def paths_of(settings: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Return the paths at which an object of the format holds its items."""
    return tuple(tuple(path.split("/")) for path in settings["items"])


def _zips(scope: Scope) -> bool:
    """Tell whether a scope, or one of the entries of its lists, has parallel arrays."""
    inner = (node.each.scope for node in scope.root.inner() if node.each is not None)
    return bool(scope.zips) or any(map(_zips, inner))
