"""What a translation process is asked and what it answers, and the work itself: a document's bytes to item after item."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed, Header, ItemRead
from parcelgate.codecs.registry import shipped
from parcelgate.core.chunk import environment_value
from parcelgate.core.fault import fault
from parcelgate.core.naming import declaration_id
from parcelgate.postal import wire

# What travels from a process in one frame.
_MOST_ITEMS = 250
_MOST_BYTES = 512 * 1024


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

    def pack(self) -> bytes:
        """Write it for the wire."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpack(cls, body: bytes) -> "Task":
        """Read it from the wire."""
        return cls(**json.loads(body))


@dataclass(frozen=True, slots=True)
class Read:
    """An item as read: declaration is without item and version, or a whole Release; faults are a Fact's bytes."""

    number: int
    accepted: bool
    identifier: str
    declaration_id: str
    declaration: bytes
    item: bytes
    destination: str
    faults: bytes

    def pack(self) -> bytes:
        """Write it for the wire."""
        texts = (str(self.number), "1" if self.accepted else "", self.identifier, self.declaration_id, self.destination)
        return wire.pack([*(text.encode() for text in texts), self.declaration, self.item, self.faults])

    @classmethod
    def unpack(cls, body: bytes) -> "Read":
        """Read it from the wire."""
        number, accepted, identifier, name, destination, declaration, item, faults = wire.unpack(body)
        return cls(
            int(number),
            bool(accepted),
            identifier.decode(),
            name.decode(),
            declaration,
            item,
            destination.decode(),
            faults,
        )


@dataclass(frozen=True, slots=True)
class End:
    """How the reading ended; only a routable interchange may go on."""

    routable: bool
    items: int
    format: str
    reference: str
    ledger: str
    faults: bytes

    def pack(self) -> bytes:
        """Write it for the wire."""
        texts = ("1" if self.routable else "", str(self.items), self.format, self.reference, self.ledger)
        return wire.pack([*(text.encode() for text in texts), self.faults])

    @classmethod
    def unpack(cls, body: bytes) -> "End":
        """Read it from the wire."""
        routable, items, form, reference, ledger, faults = wire.unpack(body)
        return cls(bool(routable), int(items), form.decode(), reference.decode(), ledger.decode(), faults)


def refuse(faults: list[Fault], form: str = "") -> End:
    """End a reading that could not even begin."""
    return End(routable=False, items=0, format=form, reference="", ledger="", faults=_pack(faults))


def read(task: Task, parts: Iterator[bytes]) -> Iterator[list[Read] | End]:
    """Read a document: lists of items in its order, then its end; holds one list at a time."""
    first = next(parts, b"")
    registry = shipped(Path(task.folder) if task.folder else None)
    form = translate.recognise(first, registry=registry)
    if isinstance(form, Fault):
        yield refuse([form])
        return
    if form not in task.formats:
        agreed = ", ".join(task.formats) or "none"
        yield refuse([fault("FORMAT_NOT_AGREED", format=form, agreed=agreed)], form)
        return
    provenance = Declaration()
    provenance.provenance.receipt = task.receipt
    provenance.provenance.format = form
    provenance.provenance.received.utc_micros = task.received_at
    found: list[Read] = []
    size = 0
    for event in translate.read(
        _again(first, parts), form, leniencies=frozenset(task.leniencies), codes=task.codes, registry=registry
    ):
        if isinstance(event, Header):
            provenance.provenance.interchange_reference = str(event.values.get("interchange_reference", ""))
            provenance.provenance.message_reference = str(event.values.get("message_reference", ""))
        elif isinstance(event, ItemRead):
            one = _item(task, provenance, event)
            found.append(one)
            size += len(one.item) + len(one.declaration) + len(one.faults)
            if len(found) >= _MOST_ITEMS or size >= _MOST_BYTES:
                yield found
                found, size = [], 0
        else:
            if found:
                yield found
            yield _end(event, form)


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _item(task: Task, stamp: Declaration, event: ItemRead) -> Read:
    if not event.accepted:
        return Read(event.number, False, event.identifier, "", b"", b"", "", _pack(event.faults))
    if not event.item:
        release = Release.FromString(event.message)
        release.declaration.key.environment = environment_value(task.environment)
        body = release.SerializeToString()
        return Read(event.number, True, event.identifier, release.declaration.id, body, b"", "", _pack(event.faults))
    declaration = Declaration.FromString(event.message)
    # Who declares, and whether in earnest, is what the credential says and nothing else.
    declaration.key.partner = task.partner
    declaration.key.environment = environment_value(task.environment)
    declaration.id = declaration_id(declaration.key)
    declaration.canonical_hash = event.canonical_hash
    declaration.provenance.MergeFrom(stamp.provenance)
    declaration.provenance.item_number = event.number
    if not declaration.findings:
        declaration.findings.extend(one for one in event.faults if one.severity != SEVERITY_ERROR)
    return Read(
        event.number,
        True,
        event.identifier,
        declaration.id,
        declaration.SerializeToString(),
        event.item,
        Item.FromString(event.item).destination_country,
        _pack(event.faults),
    )


def _end(event: Closed, form: str) -> End:
    reference = str(event.header.get("interchange_reference", ""))
    ledger = json.dumps(asdict(event.ledger), ensure_ascii=False)
    return End(event.routable, event.items, form, reference, ledger, _pack(list(event.faults)))


def _pack(faults: object) -> bytes:
    return Fact(faults=faults).SerializeToString() if faults else b""  # type: ignore[arg-type]
