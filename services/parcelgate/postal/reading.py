"""What a translation process is asked and what it answers, and the work itself: a document's bytes to item after item."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed, ItemRead, Origin
from parcelgate.codecs.registry import Registry, shipped
from parcelgate.core.chunk import environment_value
from parcelgate.core.fault import fault
from parcelgate.postal import wire
from parcelgate.postal.interchange import pack_faults

# What travels from a process in one frame.
_MOST_ITEMS = 250
_MOST_BYTES = 512 * 1024
# What an interchange may bring; dispatches, events and referrals are read, and wait for what links them to items.
TAKEN = frozenset(("Declaration", "Release"))


@dataclass(frozen=True, slots=True)
class Task:
    """One interchange to be read, if it has an agreed format; folder is the operator's own one of formats."""

    receipt: str
    partner: str
    environment: str
    received_at: int
    formats: list[str]
    leniencies: list[str]
    folder: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)


class Read(NamedTuple):
    """An item as read: declaration is without item and version, or a whole Release; faults are a Fact's bytes."""

    number: int
    accepted: bool
    identifier: str
    declaration_id: str
    declaration: bytes
    item: bytes
    destination: str
    faults: bytes


class End(NamedTuple):
    """How the reading ended; only a routable interchange may go on."""

    routable: bool
    items: int
    format: str
    reference: str
    ledger: str
    faults: bytes


# A task, items or an end as the body of a frame.
pack = msgspec.msgpack.Encoder().encode
# A task from the body of a frame.
task_of = msgspec.msgpack.Decoder(Task).decode
_items_of = msgspec.msgpack.Decoder(list[Read]).decode
_end_of = msgspec.msgpack.Decoder(End).decode


def answer_of(kind: int, body: bytes) -> list[Read] | End:
    """Return what a frame of a translation process says; raises msgspec.ValidationError if it is not of that shape."""
    return _end_of(body) if kind == wire.CLOSED else _items_of(body)


def refuse(faults: list[Fault], form: str = "") -> End:
    """End a reading that could not even begin."""
    return End(routable=False, items=0, format=form, reference="", ledger="", faults=pack_faults(faults))


def read(task: Task, parts: Iterator[bytes]) -> Iterator[list[Read] | End]:
    """Read a document: lists of items in its order, then its end; holds one list at a time."""
    first = next(parts, b"")
    registry = shipped(Path(task.folder) if task.folder else None)
    form = translate.recognise(first, agreed=task.formats, registry=registry)
    if isinstance(form, Fault):
        yield refuse([form])
        return
    if form not in task.formats:
        agreed = ", ".join(task.formats) or "none"
        yield refuse([fault("FORMAT_NOT_AGREED", format=form, agreed=agreed)], form)
        return
    if (untaken := not_taken(form, registry)) is not None:
        yield refuse([untaken], form)
        return
    found: list[Read] = []
    size = 0
    for event in translate.read(
        _again(first, parts),
        form,
        leniencies=frozenset(task.leniencies),
        codes=task.codes,
        registry=registry,
        # Who declares, and whether in earnest, is what the credential says and nothing else.
        origin=Origin(task.partner, environment_value(task.environment), task.receipt, task.received_at),
    ):
        if isinstance(event, ItemRead):
            found.append(_item(event))
            size += len(event.item) + len(event.message)
            if len(found) >= _MOST_ITEMS or size >= _MOST_BYTES:
                yield found
                found, size = [], 0
        elif isinstance(event, Closed):
            if found:
                yield found
            yield _end(event, form)


def not_taken(form_id: str, registry: Registry) -> Fault | None:
    """Return the fault of a format whose record nothing here can do anything with; None if it is taken in."""
    form = registry.get(form_id)
    if isinstance(form, Fault):
        return form
    return None if form.record in TAKEN else fault("RECORD_NOT_TAKEN", format=form_id, record=form.record)


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _item(event: ItemRead) -> Read:
    number, accepted, identifier, message, item, _, faults, name, destination, _ = event
    return Read(number, accepted, identifier, name, message, item, destination, pack_faults(faults))


def _end(event: Closed, form: str) -> End:
    reference = str(event.header.get("interchange_reference", ""))
    ledger = json.dumps(asdict(event.ledger), ensure_ascii=False)
    return End(event.routable, event.items, form, reference, ledger, pack_faults(event.faults))
