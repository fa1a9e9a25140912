"""One XML format, ready to read and write: its schema, its readers and its writers, compiled when first used."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import xmlschema
from lxml import etree

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.coverage import Declared
from parcelgate.codecs.engine import End, Record, Subtree
from parcelgate.codecs.mapping.mapping import FormatMapping
from parcelgate.codecs.mapping.tree import TreeWriter, Unwritable
from parcelgate.codecs.xml import reader, writer
from parcelgate.codecs.xml.declared import declared
from parcelgate.codecs.xml.name import Names
from parcelgate.codecs.xml.part import Root, opened
from parcelgate.codecs.xml.reader import XmlFormat, compile_xml
from parcelgate.codecs.xml.schema import Schema
from parcelgate.core.fault import fault

# What format.toml says of an XML format beside what every format says.
SETTINGS = frozenset(("schema", "root", "namespace"))
# Namespaces of its parts by the prefix that root and rows write before their names.
OPTIONS: Mapping[str, Any] = {"namespaces": {}}
_compiling = threading.RLock()


def recognise(first: bytes, formats: Iterable[tuple[str, Mapping[str, Any]]]) -> str | Fault:
    """Tell the format of a document by its root element; formats are ids with their settings."""
    root = next(opened([first]))
    if isinstance(root, Fault):
        return root
    assert isinstance(root, Root)
    roots: dict[tuple[str, str], str] = {}
    for name, settings in formats:
        prefix, _, local = settings["root"].rpartition(":")
        roots[local, _spaces(settings).get(prefix, "")] = name
    found = roots.get((root.name, root.namespace))
    if found is None:
        known = ", ".join(f"{Root(*each)} ({name})" for each, name in roots.items()) or "none"
        return fault("FORMAT_UNKNOWN", line=1, found=root, known=known)
    return found


class XmlEngine:
    """Reads and writes the documents of one format."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], mapping: FormatMapping) -> None:
        """Take the format's folder, its settings and its mapping."""
        self._folder, self._settings, self._mapping = folder, settings, mapping

    @cached_property
    def compiled(self) -> XmlFormat:
        """Schema and readers; raises etree.XMLSchemaParseError or ValueError if the schema is of no use."""
        with _compiling:
            mapping, settings = self._mapping, self._settings
            names = Names(_spaces(settings))
            boundaries = tuple(names.tag(name) for name in mapping.scopes if name)
            schema = Schema(self._folder / settings["schema"], names.tag(settings["root"]), boundaries)
            return compile_xml(settings["root"], names, mapping, schema)

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
        closing = self._rendered(mapping.trailer_at, {"items_count": count}, facts) if mapping.trailer else ""
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
            raise Unwritable(error.name, f"/{name}/{error.name}") from None


def _spaces(settings: Mapping[str, Any]) -> Mapping[str, str]:
    return {"": settings["namespace"], **settings["namespaces"]}
