"""parcelgate translate and validate: the translator without a gateway, streaming from file to standard output."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from rich.console import Console
from rich.markup import escape

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.app.ledger import Lost, show_lost
from parcelgate.app.ledger import show as show_ledger
from parcelgate.codecs import translate as codec
from parcelgate.codecs.event import Closed, Event, Header, ItemRead
from parcelgate.codecs.mapping.mapping import FormatMapping
from parcelgate.codecs.registry import Registry, shipped
from parcelgate.core.door import fault_json
from parcelgate.core.fault import fault
from parcelgate.core.setting import Settings

_PART = 64 * 1024
_NO_REFERENCE = re.compile(r"[^A-Za-z0-9._-]+")
# Characters of an interchange reference.
_REFERENCE = 35


class _Document:
    """A document being read: its format, its faults, and its records one by one."""

    def __init__(self, registry: Registry, file: Path, format_id: str | None, stack: ExitStack) -> None:
        source = sys.stdin.buffer if str(file) == "-" else stack.enter_context(file.open("rb"))
        first = source.read(_PART)
        found = format_id or codec.recognise(first, registry=registry)
        self.faults: list[Fault] = [found] if isinstance(found, Fault) else []
        self.format = "" if isinstance(found, Fault) else found
        self.closed: Closed | None = None
        self.header: dict[str, Any] = {}
        parts = chain([first], iter(lambda: source.read(_PART), b""))
        form = registry.get(self.format)
        self._kind: Any = Release if isinstance(form, Fault) else GetMessageClass(form.mapping.record)
        self._events: Iterator[Event] = iter(()) if self.faults else codec.read(parts, self.format, registry=registry)

    def records(self) -> Iterator[Message]:
        """Yield Declarations with their items, or what else the format is about; collects header and faults on the way."""
        for event in self._events:
            if isinstance(event, Header):
                self.header = dict(event.values)
            elif isinstance(event, ItemRead):
                self.faults.extend(event.faults)
                if event.accepted:
                    yield _record(event, self._kind)
            else:
                self.closed = event
                self.faults.extend(event.faults)

    @property
    def well(self) -> bool:
        """The document closed, and neither it nor an item was rejected."""
        return self.closed is not None and self.closed.routable and not self.closed.rejected


def validate(settings: Settings, file: Path, format_id: str | None, *, as_json: bool) -> int:
    """Print all faults of a document; returns 1 if it or one of its items is rejected."""
    console = Console(highlight=False, soft_wrap=True)
    with ExitStack() as stack:
        document = _Document(shipped(settings.format_root), file, format_id, stack)
        for _ in document.records():
            pass
    closed = document.closed
    if as_json:
        counts = (
            {} if closed is None else {"items": closed.items, "accepted": closed.accepted, "rejected": closed.rejected}
        )
        faults = [fault_json(one) for one in document.faults]
        sys.stdout.write(
            json.dumps({"format": document.format, "well": document.well, **counts, "faults": faults}) + "\n"
        )
    else:
        for one in document.faults:
            show_fault(console, one)
        if closed is not None:
            counted = f"{closed.items} items, {closed.accepted} accepted, {closed.rejected} rejected"
            console.print(
                f"{document.format}: {counted}{'' if closed.routable else '; the document as a whole is rejected'}"
            )
    return 0 if document.well else 1


def translate(settings: Settings, file: Path, to: str, format_id: str | None, *, ledger: bool = False) -> int:
    """Write a document in another format on standard output, faults on standard error; returns 1 if an item is left out.

    To json gives the canonical record, one JSON object a line. A document without a reference gets one of the file's name,
    where the other format wants one. With the ledger, what became of each field follows the faults.
    """
    registry = shipped(settings.format_root)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with ExitStack() as stack:
        document = _Document(registry, file, format_id, stack)
        records = document.records()
        first = next(records, None)
        lost: Lost | None = None
        if first is not None and (wrong := _cannot_carry(registry, to, first)):
            document.faults.append(wrong)
        elif first is not None:
            everything: Iterator[Message] = chain([first], records)
            if ledger and to != "json":
                lost = Lost(_mapping(registry, document.format), _mapping(registry, to))
                everything = lost.watch(everything)
            header = _header_for(registry, to, document.header, file)
            parts = _as_json(everything) if to == "json" else codec.write(to, header, everything, registry=registry)
            try:
                for part in parts:
                    sys.stdout.buffer.write(part)
            except codec.NotWritten as error:
                document.faults.append(error.fault)
            sys.stdout.buffer.flush()
    for one in document.faults:
        show_fault(console, one)
    if ledger and document.closed is not None and not isinstance(registry.get(document.format), Fault):
        show_ledger(console, document.closed.ledger, _mapping(registry, document.format).paths)
        if lost is not None:
            show_lost(console, lost, document.header, to)
    return int(not document.well or any(one.severity == SEVERITY_ERROR for one in document.faults))


def show_fault(console: Console, one: Fault) -> None:
    """Print a fault on one line for its item and one for how to mend it."""
    severity = {1: "notice", 2: "warning", 3: "error"}[one.severity]
    where = " ".join(filter(None, (one.item, one.address, f"line {one.line}" if one.line else "")))
    console.print(f"{severity} {one.code} at {escape(where or 'the document')}: {escape(one.sentence)}")
    console.print(f"    {escape(one.hint)}")


def _record(event: ItemRead, kind: Any) -> Message:
    if not event.item:
        record: Message = kind.FromString(event.message)
        return record
    declaration = Declaration.FromString(event.message)
    declaration.item.CopyFrom(Item.FromString(event.item))
    return declaration


def _cannot_carry(registry: Registry, to: str, record: Message) -> Fault | None:
    if to == "json":
        return None
    form = registry.get(to)
    if isinstance(form, Fault):
        return form
    if form.mapping.record is not record.DESCRIPTOR:
        return fault("FORMAT_CARRIES_OTHER", format=to, carries=form.mapping.record.name, given=record.DESCRIPTOR.name)
    return None


def _header_for(registry: Registry, to: str, header: dict[str, Any], file: Path) -> dict[str, Any]:
    """Give a document whose own format has no reference that of the file's name, where the other format wants one."""
    form = registry.get(to)
    if "interchange_reference" in header or isinstance(form, Fault):
        return header
    if "interchange_reference" not in form.mapping.header.leaves:
        return header
    name = _NO_REFERENCE.sub("-", file.stem)[:_REFERENCE].strip("-") or "STDIN"
    return {**header, "interchange_reference": name}


def _mapping(registry: Registry, format_id: str) -> FormatMapping:
    form = registry.get(format_id)
    assert not isinstance(form, Fault)
    return form.mapping


def _as_json(records: Iterator[Message]) -> Iterator[bytes]:
    for record in records:
        yield json.dumps(MessageToDict(record, preserving_proto_field_name=True), ensure_ascii=False).encode() + b"\n"
