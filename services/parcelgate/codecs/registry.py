"""The formats: folders below schemas/ (and any other folder given), found by their format.toml, compiled when first used."""

import threading
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.mapping.mapping import FormatMapping, compile_mapping
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.mapping.tree import TreeWriter
from parcelgate.codecs.xml.part import Root, opened
from parcelgate.codecs.xml.reader import XmlFormat, compile_xml
from parcelgate.codecs.xml.schema import Schema
from parcelgate.core import resource
from parcelgate.core.fault import fault

_KEYS = frozenset(
    ("id", "name", "title", "direction", "status", "syntax", "schema", "root", "namespace", "unit", "provenance")
)
_compiling = threading.RLock()
Codes: TypeAlias = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True)
class Format:
    """One format: what its format.toml says, and on demand the compiled mapping, reader and writers."""

    id: str
    name: str
    title: str
    direction: str
    status: str
    syntax: str
    schema: str
    root: str
    namespace: str
    unit: str
    provenance: str
    folder: Path
    codes: Codes = ()

    def with_codes(self, codes: Mapping[str, Mapping[str, str]] | None) -> "Format":
        """Return the format with a partner's own codes; the same codes give the same, compiled once."""
        if not codes:
            return self
        return _variant(self, tuple(sorted((name, tuple(sorted(values.items()))) for name, values in codes.items())))

    @cached_property
    def mapping(self) -> FormatMapping:
        """The compiled mapping; raises MappingError, naming the format."""
        with _compiling:
            try:
                codes = {name: dict(values) for name, values in self.codes}
                return compile_mapping(tomllib.loads((self.folder / "mapping.toml").read_text("utf-8")), codes)
            except (MappingError, tomllib.TOMLDecodeError, OSError) as error:
                raise MappingError(f"{self.id}: {error}") from None

    @cached_property
    def xml(self) -> XmlFormat:
        """The reader of an XML format."""
        with _compiling:
            mapping = self.mapping
            boundaries = tuple(filter(None, (mapping.header_at, mapping.item_at, mapping.trailer_at)))
            schema = Schema(self.folder / self.schema, self.root, boundaries)
            return compile_xml(self.root, self.namespace, mapping, schema)

    @cached_property
    def writers(self) -> Mapping[str, TreeWriter]:
        """The writers of header, item and trailer, by the name of their element."""
        with _compiling:
            mapping = self.mapping
            writers = {mapping.header_at: TreeWriter(mapping.header), mapping.item_at: TreeWriter(mapping.item)}
            if mapping.trailer is not None:
                writers[mapping.trailer_at] = TreeWriter(mapping.trailer)
            return writers


@lru_cache(maxsize=256)
def _variant(form: Format, codes: Codes) -> Format:
    return replace(form, codes=codes)


class Registry:
    """All formats of one or more folders; a later folder may replace a format of an earlier one."""

    def __init__(self, *folders: Path) -> None:
        """Read every format.toml below the folders; raises MappingError if one can't be read."""
        self._formats: dict[str, Format] = {}
        for folder in folders:
            for path in sorted(folder.glob("*/*/*/format.toml")):
                each = _format(path)
                self._formats[each.id] = each
        self._by_root: dict[tuple[str, str], Format] = {
            (each.root, each.namespace): each for each in self._formats.values() if each.syntax == "xml"
        }

    def __iter__(self) -> Iterator[Format]:
        """Go through the formats by id."""
        return iter(sorted(self._formats.values(), key=lambda each: each.id))

    def get(self, format_id: str) -> Format | Fault:
        """Find a format, for example upu/cusitm/own-1."""
        found = self._formats.get(format_id)
        if found is None:
            return fault("FORMAT_NOT_LOADED", format=format_id, known=self._known())
        return found

    def recognise(self, first: bytes) -> str | Fault:
        """Tell the format of a document from its first bytes (the root element must be among them)."""
        root = next(opened([first]))
        if isinstance(root, Fault):
            return root
        assert isinstance(root, Root)
        found = self._by_root.get((root.name, root.namespace))
        if found is None:
            return fault("FORMAT_UNKNOWN", line=1, found=root, known=self._roots())
        return found.id

    def _roots(self) -> str:
        shown = [f"{Root(each.root, each.namespace)} ({each.id})" for each in self]
        return ", ".join(shown) or "none"

    def _known(self) -> str:
        return ", ".join(sorted(self._formats)) or "none"


@cache
def shipped(extra: Path | None = None) -> Registry:
    """Return the formats that travel with parcelgate, and those of an operator's own folder."""
    return Registry(resource.schemas(), *([extra] if extra is not None else []))


def _format(path: Path) -> Format:
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path}: {error}") from None
    wrong = data.keys() ^ _KEYS
    if wrong:
        raise MappingError(f"{path}: {'missing' if min(wrong) in _KEYS else 'unknown'} key {min(wrong)!r}")
    if data["syntax"] != "xml":
        raise MappingError(f"{path}: there is no engine for the syntax {data['syntax']!r}")
    if data["id"] != "/".join(path.parent.parts[-3:]):
        raise MappingError(f"{path}: the id {data['id']!r} is not the folder's name")
    return Format(**data, folder=path.parent)
