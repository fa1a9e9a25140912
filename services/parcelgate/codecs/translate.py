"""From bytes to records and back, whatever the format: what the services call."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, cast

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs.engine import End, Subtree
from parcelgate.codecs.event import Closed, Event, Header, ItemRead, Origin
from parcelgate.codecs.leniency import soften, softened
from parcelgate.codecs.mapping.ledger import Marks
from parcelgate.codecs.mapping.prepare import Unwritable
from parcelgate.codecs.registry import Format, Registry, shipped
from parcelgate.core import hash as canonical
from parcelgate.core.fault import fault
from parcelgate.core.naming import declaration_id

_NOTHING: dict[str, Any] = {}
# Where each kind of record has its identifier; any other has it itself.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "Declaration": ("item", "key"),
    "Release": ("declaration", "key", "item"),
    "ItemEvent": ("item",),
    "ItemReferral": ("item",),
    "ItemReferralAnswer": ("item",),
}
# What says that parts of a document are lost.
_COUNTS = frozenset(("ITEMS_COUNT_DIFFERS", "ENVELOPE_COUNT_DIFFERS"))


class NotWritten(Exception):  # noqa: N818  says what happened
    """A record has a value that the format can't carry; fault says which."""

    def __init__(self, reason: Fault) -> None:
        """Take the fault."""
        super().__init__(reason.sentence)
        self.fault = reason


def recognise(first: bytes, *, agreed: Collection[str] = (), registry: Registry | None = None) -> str | Fault:
    """Tell the format of a document from its first bytes; 64 KB are always enough.

    agreed are the formats that the sender may use: they tell a variant from the format that it looks like.
    """
    return (registry or shipped()).recognise(first, agreed)


def read(
    parts: Iterable[bytes],
    format_id: str,
    *,
    leniencies: frozenset[str] = frozenset(),
    codes: Mapping[str, Mapping[str, str]] | None = None,
    registry: Registry | None = None,
    origin: Origin | None = None,
) -> Iterator[Event]:
    """Read a document that comes in parts of any size: a Header, an ItemRead for each item, and always one Closed.

    Whatever the bytes are, nothing is raised; what is wrong is said in the faults of the items and of Closed. codes are the
    sender's own codes by code list (mapping.py); origin is stamped on all records. Raises ValueError for a leniency that does not exist, MappingError for a
    code whose value the contract does not have.
    """
    soft = softened(leniencies)
    form = (registry or shipped()).get(format_id)
    if isinstance(form, Fault):
        return iter([Closed(False, 0, 0, 0, [form], Marks((), {}).summary({}))])
    return _Document(form.with_codes(codes), soft, origin).read(parts)


def write(
    format_id: str,
    header: Mapping[str, Any],
    messages: Iterable[Message],
    *,
    codes: Mapping[str, Mapping[str, str]] | None = None,
    registry: Registry | None = None,
) -> Iterator[bytes]:
    """Write records (Declarations with their items, or Releases) as a document: the beginning, each item, the end.

    The same records give the same bytes. Raises NotWritten for a value that the format can't carry, ValueError for a format
    that does not exist.
    """
    form = (registry or shipped()).get(format_id)
    if isinstance(form, Fault):
        raise ValueError(form.sentence)  # noqa: TRY004  the format does not exist
    engine = form.with_codes(codes).engine
    try:
        yield from engine.write(_facts(header), map(canonical.fields_of, messages))
    except Unwritable as error:
        raise NotWritten(fault(error.code, address=error.address, name=error.name)) from None


def _facts(header: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: canonical.fields_of(value) if isinstance(value, Message) else value
        for name, value in header.items()
        if value is not None and value is not False and value != ""
    }


class _Document:
    """One document being read."""

    def __init__(self, form: Format, soft: frozenset[str], origin: Origin | None) -> None:
        self._form = form
        self._soft = soft
        self._origin = origin
        self._header: dict[str, Any] = {}
        self._provenance: dict[str, Any] = {"format": form.id}
        # Part of the key of every declaration.
        self._key_of_all: dict[str, Any] = {}
        if origin is not None:
            self._provenance |= {"receipt": origin.receipt, "received": {"utc_micros": origin.received_at}}
            self._key_of_all = {"partner": origin.partner, "environment": origin.environment}
        self._faults: list[Fault] = []
        self._said: list[tuple[str, int]] = []
        self._items = self._accepted = 0
        self._seen_header = False
        self._record: Any = GetMessageClass(form.mapping.record)
        self._declares = self._record is Declaration

    def read(self, parts: Iterable[bytes]) -> Iterator[Event]:
        mapping = self._form.mapping
        for part in self._form.engine.read(parts):
            if isinstance(part, End):
                yield self._closed(part)
            elif part.number:
                yield self._item(part)
            else:
                self._faults += part.faults
                if "items_count" in part.record or part.name == mapping.trailer_at:
                    self._said.append((part.name, part.record.get("items_count", 0)))
                if part.name == mapping.header_at:
                    if self._seen_header:
                        address = self._form.engine.address(part.name)
                        self._faults.append(fault("HEADER_REPEATED", address=address, name=part.name))
                        continue
                    self._seen_header = True
                    self._header = part.record
                    for name in ("interchange_reference", "message_reference"):
                        if name in self._header:
                            self._provenance[name] = self._header[name]
                    yield Header(part.record)

    def _item(self, part: Subtree) -> ItemRead:
        self._items += 1
        record, faults = part.record, part.faults
        key = self._key(record)
        identifier: str = key.get("identifier", "")
        if faults:
            soften(faults, self._soft)
            refused = False
            for each in faults:
                each.item = identifier
                refused = refused or each.severity == SEVERITY_ERROR
            if refused:
                return ItemRead(part.number, False, identifier, b"", b"", "", faults, address=part.address)
        self._accepted += 1
        if not self._declares:
            return self._told(part, identifier)
        item = record.pop("item")
        record["key"] = {**record.get("key", _NOTHING), "item": key, **self._key_of_all}
        digest = canonical.of_fields(item)
        record["canonical_hash"] = digest
        record["provenance"] = {**self._provenance, "item_number": part.number}
        if faults:
            record["findings"] = faults
        declaration = Declaration(**record)
        name = ""
        if self._origin is not None:
            declaration.id = name = declaration_id(declaration.key)
        return ItemRead(
            part.number,
            True,
            identifier,
            declaration.SerializeToString(),
            Item(**item).SerializeToString(),
            digest,
            faults,
            name,
            item.get("destination_country", ""),
            part.address,
        )

    def _told(self, part: Subtree, identifier: str) -> ItemRead:
        """Answer with a record that is no declaration, for example a Release."""
        message = self._record(**part.record)
        name = ""
        if isinstance(message, Release):
            if self._origin is not None:
                message.declaration.key.environment = cast("Any", self._origin.environment)
            name = message.declaration.id
        return ItemRead(part.number, True, identifier, message.SerializeToString(), b"", "", part.faults, name)

    def _key(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Find the part of a record that has its identifier."""
        for step in _KEYS.get(self._record.DESCRIPTOR.name, ()):
            record = record.get(step, _NOTHING)
        return record

    def _place_of_count(self, name: str) -> str:
        mapping = self._form.mapping
        scope = mapping.trailer if name == mapping.trailer_at and mapping.trailer is not None else mapping.header
        leaf = scope.leaves.get("items_count")
        return self._form.engine.address(name, leaf.row.at if leaf is not None else "")

    def _closed(self, end: End) -> Closed:
        mapping = self._form.mapping
        faults = [*self._faults, *end.unknown]
        if end.stopped is not None:
            faults.append(end.stopped)
        else:
            if mapping.header_at is not None and not self._seen_header:
                faults.append(fault("HEADER_MISSING", name=mapping.header_at))
            if not self._items:
                faults.append(fault("ITEMS_MISSING", name=mapping.item_at))
            faults += [
                fault("ITEMS_COUNT_DIFFERS", address=self._place_of_count(name), said=said, found=self._items)
                for name, said in self._said
                if said != self._items
            ]
        soften(faults, self._soft)
        counted = not any(each.code in _COUNTS and each.severity == SEVERITY_ERROR for each in faults)
        return Closed(
            end.stopped is None and counted,
            self._items,
            self._accepted,
            self._items - self._accepted,
            faults,
            end.marks.summary(mapping.losses),
            self._header,
        )
