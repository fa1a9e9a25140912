"""The formats: folders below schemas/ and in an operator's own folder, found by their format.toml, compiled when first used.

A format that extends another one is a variant of it: what its format.toml does not say is as there, its mapping.toml is laid
over that of the other (mapping/overlay.py), and its schema may be its own. A variant that does not say how it is recognised
looks like the format it extends: it is read as the variant where the partner agreed on that, and not on the format itself.
"""

import codecs
import threading
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.coverage import Schematic
from parcelgate.codecs.edifact import engine as edifact_engine
from parcelgate.codecs.engine import Engine
from parcelgate.codecs.folder import Folders, State, found, state
from parcelgate.codecs.json import engine as json_engine
from parcelgate.codecs.json import recognition as json_recognition
from parcelgate.codecs.mapping.mapping import FormatMapping, compile_mapping
from parcelgate.codecs.mapping.overlay import merged
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.xml import engine as xml_engine
from parcelgate.core import resource
from parcelgate.core.fault import fault

_KEYS = frozenset(("id", "name", "title", "direction", "status", "syntax", "unit", "provenance"))
# What a variant says itself.
_OF_VARIANT = frozenset(("id", "provenance"))
# What makes an engine of a format's folder, its settings and its mapping.
_Make: TypeAlias = Callable[[Path, Mapping[str, Any], FormatMapping], Engine]
# The engines there are: what format.toml must tell each, what it may with what holds if it does not, and what makes it.
_ENGINES: Mapping[str, tuple[frozenset[str], Mapping[str, Any], _Make]] = {
    "edifact": (edifact_engine.SETTINGS, edifact_engine.OPTIONS, edifact_engine.EdifactEngine),
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
    # What it is a variant of.
    parent: "Format | None" = None
    # Names and times of its files: a folder that changes is another format.
    state: State = ()

    @property
    def extends(self) -> str:
        """The id of the format that this one is a variant of; empty if of none."""
        return self.parent.id if self.parent is not None else ""

    @property
    def look(self) -> str:
        """The id of the format that its documents look like from outside."""
        if self.parent is None or {**self.settings, "schema": ""} != {**self.parent.settings, "schema": ""}:
            return self.id
        return self.parent.look

    @property
    def schema_folder(self) -> Path:
        """Where the files are that its settings name: its own folder, or that of the format that it extends."""
        if self.parent is None or any((self.folder / str(value)).is_file() for value in self.settings.values()):
            return self.folder
        return self.parent.schema_folder

    def with_codes(self, codes: Mapping[str, Mapping[str, str]] | None) -> "Format":
        """Return the format with a partner's own codes; the same codes give the same, compiled once."""
        if not codes:
            return self
        return _coded(self, tuple(sorted((name, tuple(sorted(values.items()))) for name, values in codes.items())))

    @cached_property
    def source(self) -> Mapping[str, Any]:
        """Its mapping.toml, laid over that of the format that it extends; raises MappingError, naming the format."""
        path = self.folder / "mapping.toml"
        try:
            if self.parent is None:
                return tomllib.loads(path.read_text("utf-8"))
            return merged(self.parent.source, tomllib.loads(path.read_text("utf-8")) if path.is_file() else {})
        except (MappingError, tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
            raise MappingError(f"{self.id}: {error}") from None

    @property
    def record(self) -> str:
        """The name of the record that one item of it becomes, for example Declaration; raises MappingError."""
        return str(self.source.get("record", "")).rpartition(".")[2]

    @cached_property
    def mapping(self) -> FormatMapping:
        """The compiled mapping; raises MappingError, naming the format."""
        with _compiling:
            source = self.source
            try:
                return compile_mapping(source, {name: dict(values) for name, values in self.codes})
            except MappingError as error:
                raise MappingError(f"{self.id}: {error}") from None

    @cached_property
    def engine(self) -> Engine:
        """The engine of its syntax, for this format; raises MappingError."""
        with _compiling:
            return _ENGINES[self.syntax][2](self.schema_folder, self.settings, self.mapping)

    def prepare(self) -> None:
        """Compile everything now; raises MappingError with what can't be used."""
        engine = self.engine
        if isinstance(engine, Schematic):
            for defect in engine.defects():
                raise MappingError(f"{self.id}: {defect}")


@lru_cache(maxsize=256)
def _coded(form: Format, codes: Codes) -> Format:
    made = replace(form, codes=codes)
    # Its file may have changed since.
    made.__dict__["source"] = form.source
    return made


class Registry:
    """All formats of one or more folders; a later folder may replace a format of an earlier one."""

    def __init__(self, *folders: Path) -> None:
        """Read every format.toml below the folders; raises MappingError if one can't be read."""
        self._formats: dict[str, Format] = {}
        # What was not taken in, by its folder, and why.
        self.refused: dict[Path, str] = {}
        for folder in folders:
            reading = Folders(found(folder), self._formats, _format)
            self._formats |= {form.id: form for form in map(reading.read, reading.folders)}

    def __iter__(self) -> Iterator[Format]:
        """Go through the formats by id."""
        return iter(sorted(self._formats.values(), key=lambda each: each.id))

    def read(self, folders: Iterable[Path]) -> Iterator[tuple[Path, Format | MappingError]]:
        """Read folders that may extend these formats or each other; yields a format, or what is wrong with its format.toml."""
        reading = Folders(folders, self._formats, _format)
        for folder in reading.folders:
            try:
                yield folder, reading.read(folder)
            except MappingError as error:
                yield folder, error

    def beside(self, folders: Iterable[Path], *, former: "Registry | None" = None) -> "Registry":
        """Return these formats and those of the folders that can be used; refused says what is wrong with the others.

        What has not changed since a former registry is not compiled again; what was good there and can't be used now stays as it was.
        """
        before = {} if former is None else {one.folder: one for one in former}
        taken: list[Format] = []
        refused: dict[Path, str] = {}
        for folder, form in self.read(folders):
            known = before.get(folder)
            if form != known:
                try:
                    if isinstance(form, MappingError):
                        raise form
                    form.prepare()
                    known = form
                except MappingError as error:
                    refused[folder] = str(error)
            if known is not None:
                taken.append(known)
        result = self.with_formats(taken)
        result.refused = refused
        return result

    def with_formats(self, formats: Iterable[Format]) -> "Registry":
        """Return these formats and further ones, which may take the place of others."""
        result = Registry()
        result._formats = {**self._formats, **{form.id: form for form in formats}}
        return result

    def get(self, format_id: str) -> Format | Fault:
        """Find a format, for example upu/cusitm/own-1."""
        known = self._formats.get(format_id)
        if known is None:
            return fault("FORMAT_NOT_LOADED", format=format_id, known=self._known())
        return known

    def recognise(self, first: bytes, agreed: Collection[str] = ()) -> str | Fault:
        """Tell the format of a document from its first bytes (root element, first item or message header must be among them).

        Of a format and its variants that look alike, it is the one that was agreed on; the format itself, if that says nothing.
        """
        seen = self._seen(first)
        if isinstance(seen, Fault) or seen in agreed:
            return seen
        alike = [one.id for one in self if one.id in agreed and one.look == seen]
        return alike[0] if len(alike) == 1 else seen

    def _seen(self, first: bytes) -> str | Fault:
        """Ask the engine of the syntax; of formats that look alike it is told of one."""
        if edifact_engine.looks_like(first):
            return edifact_engine.recognise(first, self._looks("edifact"))
        if first.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")[:1] in (b"{", b"["):
            return json_recognition.recognise(first, self._looks("json"))
        known = [
            xml_engine.Known(one.id, one.settings, partial(getattr, one, "mapping"))
            for one in self
            if one.syntax == "xml" and one.look == one.id
        ]
        return xml_engine.recognise(first, known)

    def _looks(self, syntax: str) -> list[tuple[str, Mapping[str, Any]]]:
        """List the formats of a syntax, with what they are recognised by; of those that look alike only one."""
        return [(one.id, one.settings) for one in self if one.syntax == syntax and one.look == one.id]

    def _known(self) -> str:
        return ", ".join(sorted(self._formats)) or "none"


@cache
def _shipped() -> Registry:
    return Registry(resource.schemas())


# An operator's own folder as it was when it was read last.
_own: dict[Path, tuple[State, Registry]] = {}


def shipped(extra: Path | None = None) -> Registry:
    """Return the formats that travel with parcelgate, and those of an operator's own folder as it is now.

    What can't be used of that folder is told in refused, and does not keep the others away.
    """
    if extra is None:
        return _shipped()
    folders = found(extra)
    now = tuple(each for folder in folders for each in state(folder))
    with _compiling:
        former = _own.get(extra)
        if former is None or former[0] != now:
            _own[extra] = former = (now, _shipped().beside(folders, former=former[1] if former is not None else None))
        return former[1]


def _format(path: Path, data: dict[str, Any], parent: Format | None) -> Format:
    folder = path.parent
    if parent is not None:
        said = {name: getattr(parent, name) for name in _KEYS - _OF_VARIANT}
        data = {**said, **parent.settings, **{name: data[name] for name in data if name != "extends"}}
    syntax = data.get("syntax")
    if syntax is not None and syntax not in _ENGINES:
        raise MappingError(f"{path}: there is no engine for the syntax {syntax!r}")
    needed, options, _ = _ENGINES[syntax] if syntax is not None else (frozenset(), {}, None)
    needed = needed | _KEYS
    if missing := needed - data.keys():
        raise MappingError(f"{path}: missing key {min(missing)!r}")
    if unknown := data.keys() - needed - options.keys():
        raise MappingError(f"{path}: unknown key {min(unknown)!r}")
    if data["id"] != "/".join(folder.parts[-3:]):
        raise MappingError(f"{path}: the id {data['id']!r} is not the folder's name")
    settings = {name: value for name, value in {**options, **data}.items() if name not in _KEYS}
    files = state(folder) + (parent.state if parent is not None else ())
    words = {name: data[name] for name in _KEYS}
    return Format(**words, folder=folder, settings=settings, parent=parent, state=files)
