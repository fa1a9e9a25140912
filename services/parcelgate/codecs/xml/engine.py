"""One XML format, ready to read and write: its schema, its readers and its writers, compiled when first used."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import xmlschema
from lxml import etree

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.coverage import Declared
from parcelgate.codecs.engine import End, Record, Subtree
from parcelgate.codecs.mapping.mapping import FormatMapping
from parcelgate.codecs.mapping.prepare import Unwritable
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.mapping.tree import TreeWriter
from parcelgate.codecs.xml import reader, writer
from parcelgate.codecs.xml.declared import declared
from parcelgate.codecs.xml.name import Names
from parcelgate.codecs.xml.part import Root, opened
from parcelgate.codecs.xml.reader import XmlFormat, compile_xml
from parcelgate.codecs.xml.schema import Schema
from parcelgate.core.fault import fault

# What format.toml says of an XML format beside what every format says.
SETTINGS = frozenset(("schema", "root", "namespace"))
# Namespaces of its parts by the prefix that root and rows write before their names; whether documents may leave all of them out.
OPTIONS: Mapping[str, Any] = {"namespaces": {}, "unqualified": False}
_compiling = threading.RLock()


class Known(NamedTuple):
    """A format that a document may be of; its mapping is only looked at if others have the same root."""

    id: str
    settings: Mapping[str, Any]
    mapping: Callable[[], FormatMapping]


def recognise(first: bytes, formats: Sequence[Known]) -> str | Fault:
    """Tell the format of a document by its root element, or if several have that, by the first item in it."""
    pieces = opened([first])
    root = next(pieces)
    if isinstance(root, Fault):
        return root
    assert isinstance(root, Root)
    found = [one for one in formats if (root.name, root.namespace) in _roots(one.settings)]
    if not found:
        known = ", ".join(f"{Root(*_roots(one.settings)[0])} ({one.id})" for one in formats) or "none"
        return fault("FORMAT_UNKNOWN", line=1, found=root, known=known)
    if len(found) > 1:
        name = _by_item(cast("Iterator[bytes]", pieces), root, found)
        return (
            fault("ITEMS_MISSING", name=" or ".join(one.mapping().item_at for one in found)) if name is None else name
        )
    return found[0].id


def _roots(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name the root elements that a document of the format may have, and their namespaces; its own comes first."""
    prefix, _, name = settings["root"].rpartition(":")
    spaces = [_spaces(settings).get(prefix, ""), *([""] if settings["unqualified"] else [])]
    return [(name, space) for space in dict.fromkeys(spaces)]


def _by_item(pieces: Iterator[bytes], root: Root, formats: Sequence[Known]) -> str | None:
    items: dict[str, str] = {}
    for one in formats:
        tag = Names(_spaces(one.settings)).tag(one.mapping().item_at)
        items[tag.rpartition("}")[2] if one.settings["unqualified"] and not root.namespace else tag] = one.id
    parser = etree.XMLPullParser(
        events=("start",), encoding=root.encoding, resolve_entities=False, no_network=True, huge_tree=False
    )
    with contextlib.suppress(etree.XMLSyntaxError):
        for piece in pieces:
            parser.feed(piece)
    for _, element in parser.read_events():
        parent = element.getparent()
        if parent is not None and parent.getparent() is None and str(element.tag) in items:
            return items[str(element.tag)]
    return None


class XmlEngine:
    """Reads and writes the documents of one format."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], mapping: FormatMapping) -> None:
        """Take the format's folder, its settings and its mapping."""
        if mapping.around:
            raise MappingError("scope is for groups of segments; XML has none")
        self._folder, self._settings, self._mapping = folder, settings, mapping

    @cached_property
    def compiled(self) -> XmlFormat:
        """Schema and readers; raises etree.XMLSchemaParseError or ValueError if the schema is of no use."""
        with _compiling:
            mapping, settings = self._mapping, self._settings
            names = Names(_spaces(settings))
            boundaries = tuple(names.tag(name) for name in mapping.scopes if name)
            schema = Schema(self._folder / settings["schema"], names.tag(settings["root"]), boundaries)
            return compile_xml(settings["root"], names, mapping, schema, unqualified=settings["unqualified"])

    @cached_property
    def _writers(self) -> Mapping[str, TreeWriter]:
        """The writers of header, item and trailer, by the name of their element."""
        with _compiling:
            return {name: TreeWriter(scope) for name, scope in self._mapping.scopes.items()}

    def read(self, parts: Iterable[bytes]) -> Iterator[Subtree | End]:
        """Yield header, items and trailer as they close, then the end."""
        return reader.read(parts, self.compiled)

    def write(self, facts: Record, records: Iterable[Record]) -> Iterator[bytes]:
        """Yield the document in parts; raises Unwritable."""
        mapping, settings, count = self._mapping, self._settings, 0
        opening = writer.start(settings["root"], _spaces(settings))
        header = "" if mapping.header_at is None else self._rendered(mapping.header_at, facts, facts)
        yield (opening + header).encode()
        for record in records:
            count += 1
            yield self._rendered(mapping.item_at, record, facts).encode()
        closing = ""
        if mapping.trailer_at is not None:
            closing = self._rendered(mapping.trailer_at, {"items_count": count}, facts)
        yield (closing + writer.end(settings["root"])).encode()

    def address(self, boundary: str, path: str = "") -> str:
        """Write an XPath."""
        steps = [self._settings["root"], boundary, *path.split("/")]
        return "".join(f"/{step.rpartition(':')[2]}" for step in steps if step)

    def defects(self) -> Iterator[str]:
        """Say what two validators find wrong with the XSD; the second is asked if the first has nothing to say."""
        name = self._settings["schema"]
        try:
            schema = self.compiled.schema
            _ = schema.fast, self.declared().inside
        except (etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
            yield from (f"{name}, line {one.line}: {one.message}" for one in error.error_log)
        except (etree.LxmlError, xmlschema.XMLSchemaException, LookupError, OSError, ValueError) as error:
            yield f"{name}: {error}"

    def declared(self) -> Declared:
        """Return what the XSD declares for the root element."""
        return declared(self.compiled.schema.explaining, self._settings["root"], self.compiled.names)

    def invalid(self, data: bytes) -> Iterator[str]:
        """Say what two validators, each with the whole XSD, find wrong with a document."""
        schema = self.compiled.schema
        try:
            document = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError as error:
            yield str(error)
            return
        if not schema.fast.validate(document):
            yield from (f"line {one.line}: {one.message}" for one in schema.fast.error_log)
        yield from (f"{one.path}: {one.reason}" for one in schema.errors(document))

    def _rendered(self, name: str, record: Record, facts: Record) -> str:
        try:
            branch = self._writers[name].write(name, record, facts)
            # A header without an element of its own is the root's first fields.
            return writer.render(branch, 1) if name else "".join(writer.render(each, 1) for each in branch.children)
        except Unwritable as error:
            raise Unwritable(error.name, f"/{name}/{error.name}", error.code) from None


def _spaces(settings: Mapping[str, Any]) -> Mapping[str, str]:
    return {"": settings["namespace"], **settings["namespaces"]}
