"""Checking a format as somebody brings it: its words, its rows, its schema, its code lists, its examples, and the way there and back."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs import translate
from parcelgate.codecs.coverage import Schematic, gaps
from parcelgate.codecs.crosswalk import code_lists
from parcelgate.codecs.event import Closed, Header, ItemRead
from parcelgate.codecs.mapping import target
from parcelgate.codecs.mapping.mapping import uncovered
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.registry import Format, Registry
from parcelgate.core import hash as canonical

EXAMPLES = ("smallest", "full", "faulty")
_SEVERITIES = {1: "notice", 2: "warning", 3: "error"}


class Finding(NamedTuple):
    """Something that is wrong: which check found it, where, and what it is."""

    # format, mapping, schema, coverage, record, codes, example or round trip.
    check: str
    where: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found about one folder; the format is missing if its format.toml is of no use."""

    folder: Path
    format: Format | None
    findings: Sequence[Finding]


def check(registry: Registry, folders: Sequence[Path]) -> Iterator[Report]:
    """Check the formats of folders; they may extend each other, and those of the registry."""
    beside = registry.beside(folders)
    for folder, form in registry.read(folders):
        if isinstance(form, MappingError):
            yield Report(folder, None, [Finding("format", "format.toml", str(form))])
        else:
            # What was compiled already is not compiled again; another folder may have the same id.
            known = beside.get(form.id)
            same = known if known == form and isinstance(known, Format) else form
            yield Report(folder, same, list(findings(same, registry.with_formats([same]))))


def folders_below(folder: Path) -> list[Path]:
    """Find the folders of formats in a folder, which may be one itself; raises ValueError if there is none."""
    below = [path.parent for path in sorted(folder.resolve().rglob("format.toml"))]
    if not below:
        raise ValueError(f"there is no format in {folder}: no format.toml in it or below it")
    return below


def findings(form: Format, registry: Registry) -> Iterator[Finding]:
    """Check one format; the registry has it and what it extends."""
    for word in ("name", "title", "direction", "status", "unit", "provenance"):
        if not str(getattr(form, word)).strip():
            yield Finding("format", "format.toml", f"{word} is empty")
    try:
        engine = form.engine
    except MappingError as error:
        yield Finding("mapping", "mapping.toml", str(error))
        return
    if isinstance(engine, Schematic):
        defects = [Finding("schema", str(form.schema_folder), defect) for defect in engine.defects()]
        if defects:
            yield from defects
            return
        yield from (Finding("coverage", path, sentence) for path, sentence in gaps(form.mapping, engine.declared()))
    for path in uncovered(form.mapping):
        yield Finding("record", path, "no row carries this field of the record, and [loss] does not say why not")
    yield from _codes(form)
    yield from _examples(form, registry)


def _codes(form: Format) -> Iterator[Finding]:
    lists = form.source.get("code", {})
    for name, table in lists.items():
        enum = target.enum_of(table["enum"])
        for value in table.get("lacks", {}).keys() - enum.values_by_name.keys():
            yield Finding("codes", f"code.{name}", f"{value} is no value of {enum.full_name}")
    # A field that several lists read has all their codes; of fields that the same lists read, the first is named.
    fields: dict[tuple[str, ...], str] = {}
    for field, used in code_lists(form.mapping).items():
        fields.setdefault(tuple(dict.fromkeys(used)), field)
    for names, field in fields.items():
        known = {value for name in names for value in (*lists[name]["values"].values(), *lists[name].get("lacks", {}))}
        for one in target.enum_of(lists[names[0]]["enum"]).values:
            if one.number and one.name not in known:
                where = ", ".join(f"code.{name}" for name in names)
                yield Finding("codes", where, f"{one.name} of {field} has no code, and lacks does not say why not")


def example(form: Format, name: str) -> Path | None:
    """Find an example: smallest, full or faulty; a variant that has none of its own has that of the format it extends."""
    for path in sorted((form.folder / "examples").glob(f"{name}.*")):
        if path.suffix != ".toml":
            return path
    return example(form.parent, name) if form.parent is not None else None


def _examples(form: Format, registry: Registry) -> Iterator[Finding]:
    for name in EXAMPLES:
        path = example(form, name)
        if path is None:
            yield Finding("example", f"examples/{name}", "there is no such example")
            continue
        where = f"examples/{path.name}" + (f" of {form.extends}" if form.folder not in path.parents else "")
        yield from (_faulty if name == "faulty" else _sound)(form, registry, path, where)


def _sound(form: Format, registry: Registry, path: Path, where: str) -> Iterator[Finding]:
    data = path.read_bytes()
    if isinstance(form.engine, Schematic):
        yield from (Finding("example", where, f"not valid: {one}") for one in form.engine.invalid(data))
    seen = registry.recognise(data, (form.id,))
    if seen != form.id:
        told = seen.sentence if isinstance(seen, Fault) else f"it is recognised as {seen}"
        yield Finding("example", where, told)
    first = _Reading(form, registry, data)
    yield from (Finding("example", where, f"{one.code} at {one.address}: {one.sentence}") for one in first.faults)
    if not first.records:
        yield Finding("example", where, "no item of it can be read")
        return
    try:
        again = _Reading(
            form, registry, b"".join(translate.write(form.id, first.header, first.records, registry=registry))
        )
    except translate.NotWritten as error:
        yield Finding("round trip", where, f"what was read can't be written: {error.fault.address}: {error}")
        return
    yield from (
        Finding("round trip", where, f"written and read again: {one.code} at {one.address}: {one.sentence}")
        for one in again.faults
    )
    wanted, found = list(map(_normal, first.records)), list(map(_normal, again.records))
    for one in _differences({"header": first.header, "items": wanted}, {"header": again.header, "items": found}, ""):
        yield Finding("round trip", where, f"{one} is not the same when it was written and read again")
    if first.hashes != again.hashes:
        yield Finding("round trip", where, "the canonical hash is not the same when it was written and read again")


def _faulty(form: Format, registry: Registry, path: Path, where: str) -> Iterator[Finding]:
    listed = path.with_suffix(".toml")
    try:
        wanted = tomllib.loads(listed.read_text("utf-8"))["fault"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        yield Finding("example", where, f"the faults to be found are not listed beside it, in {listed.name}: {error}")
        return
    found = [fault_row(one) for one in _Reading(form, registry, path.read_bytes()).faults]
    if found == wanted:
        return
    for row in wanted:
        if row not in found:
            yield Finding("example", where, f"listed, but not found: {row}")
    for row in found:
        if row not in wanted:
            yield Finding("example", where, f"found, but not listed: {row}")
    if sorted(map(str, found)) == sorted(map(str, wanted)):
        yield Finding("example", where, "the faults listed are found in another order")


def fault_row(one: Fault) -> dict[str, Any]:
    """Write a fault as faulty.toml lists it."""
    return {
        "code": one.code,
        "severity": _SEVERITIES[one.severity],
        "item": one.item_number,
        "line": one.line,
        "address": one.address,
    }


class _Reading:
    """A document read whole: its header, its records, their hashes, and all faults."""

    def __init__(self, form: Format, registry: Registry, data: bytes) -> None:
        self.header: Mapping[str, Any] = {}
        self.records: list[Message] = []
        self.hashes: list[str] = []
        self.faults: list[Fault] = []
        make: Any = GetMessageClass(form.mapping.record)
        for event in translate.read([data], form.id, registry=registry):
            if isinstance(event, Header):
                self.header = event.values
                continue
            self.faults += event.faults
            if isinstance(event, Closed) or not event.accepted:
                continue
            self.records.append(_whole(make, event))
            self.hashes.append(event.canonical_hash)


def _whole(make: Any, event: ItemRead) -> Message:
    record: Message = make.FromString(event.message)
    if event.item:
        record.item.MergeFromString(event.item)  # type: ignore[attr-defined]
    return record


def _normal(record: Message) -> dict[str, Any]:
    """Put the parties in the order in which the hash has them: it is not the document's business."""
    fields = canonical.fields_of(record)
    item = fields.get("item", {})
    if "parties" in item:
        item["parties"].sort(key=lambda party: party.get("role", 0))
    return fields


def _differences(one: Any, other: Any, path: str) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted(one.keys() | other.keys()):
            yield from _differences(one.get(name), other.get(name), f"{path}.{name}" if path else name)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True), 1):
            yield from _differences(left, right, f"{path}[{place}]")
    elif one != other:
        yield path
