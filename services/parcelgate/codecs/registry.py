"""The formats: folders below schemas/ (and any other folder given), found by their format.toml, compiled when first used."""

import codecs
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.engine import Engine
from parcelgate.codecs.json import engine as json_engine
from parcelgate.codecs.json import recognition as json_recognition
from parcelgate.codecs.mapping.mapping import FormatMapping, compile_mapping
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.xml import engine as xml_engine
from parcelgate.core import resource
from parcelgate.core.fault import fault

_KEYS = frozenset(("id", "name", "title", "direction", "status", "syntax", "unit", "provenance"))
# What makes an engine of a format's folder, its settings and its mapping.
_Make: TypeAlias = Callable[[Path, Mapping[str, Any], FormatMapping], Engine]
# The engines there are: what format.toml must tell each, what it may with what holds if it does not, and what makes it.
_ENGINES: Mapping[str, tuple[frozenset[str], Mapping[str, Any], _Make]] = {
    "json": (json_engine.SETTINGS, json_engine.OPTIONS, json_engine.JsonEngine),
    "xml": (xml_engine.SETTINGS, xml_engine.OPTIONS, xml_engine.XmlEngine),
}
_compiling = threading.RLock()
Codes: TypeAlias = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True)
class Format:
    """One format: what its format.toml says, and on demand its compiled mapping and engine."""

    id: str
    name: str
    title: str
    direction: str
    status: str
    syntax: str
    unit: str
    provenance: str
    folder: Path
    # What the engine of its syntax has to know, for example the root element of an XML format.
    settings: Mapping[str, Any] = field(compare=False)
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
    def engine(self) -> Engine:
        """The engine of its syntax, for this format; raises MappingError."""
        with _compiling:
            return _ENGINES[self.syntax][2](self.folder, self.settings, self.mapping)


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
        """Tell the format of a document from its first bytes (the root element, or the first item, must be among them)."""
        if first.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")[:1] in (b"{", b"["):
            return json_recognition.recognise(first, [(one.id, one.settings) for one in self if one.syntax == "json"])
        known = [
            xml_engine.Known(one.id, one.settings, partial(getattr, one, "mapping"))
            for one in self
            if one.syntax == "xml"
        ]
        return xml_engine.recognise(first, known)

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
    syntax = data.get("syntax")
    if syntax is not None and syntax not in _ENGINES:
        raise MappingError(f"{path}: there is no engine for the syntax {syntax!r}")
    needed, options, _ = _ENGINES[syntax] if syntax is not None else (frozenset(), {}, None)
    needed = needed | _KEYS
    if missing := needed - data.keys():
        raise MappingError(f"{path}: missing key {min(missing)!r}")
    if unknown := data.keys() - needed - options.keys():
        raise MappingError(f"{path}: unknown key {min(unknown)!r}")
    if data["id"] != "/".join(path.parent.parts[-3:]):
        raise MappingError(f"{path}: the id {data['id']!r} is not the folder's name")
    settings = {name: value for name, value in {**options, **data}.items() if name not in _KEYS}
    return Format(**{name: data[name] for name in _KEYS}, folder=path.parent, settings=settings)
