"""From bytes to records and back, whatever the format: what the services call."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from google.protobuf.message import Message

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs.event import Closed, Event, Header, ItemRead, Origin
from parcelgate.codecs.leniency import soften, softened
from parcelgate.codecs.mapping.ledger import Marks
from parcelgate.codecs.mapping.tree import TreeWriter, Unwritable
from parcelgate.codecs.registry import Format, Registry, shipped
from parcelgate.codecs.xml import reader as xml_reader
from parcelgate.codecs.xml import writer as xml_writer
from parcelgate.core import hash as canonical
from parcelgate.core.fault import fault
from parcelgate.core.naming import declaration_id

_NOTHING: dict[str, Any] = {}


class NotWritten(Exception):  # noqa: N818  says what happened
    """A record has a value that the format can't carry; fault says which."""

    def __init__(self, reason: Fault) -> None:
        """Take the fault."""
        super().__init__(reason.sentence)
        self.fault = reason


def recognise(first: bytes, *, registry: Registry | None = None) -> str | Fault:
    """Tell the format of a document from its first bytes; 64 KB are always enough."""
    return (registry or shipped()).recognise(first)


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
    form = form.with_codes(codes)
    mapping, writers = form.mapping, form.writers
    facts = _facts(header)
    count = 0
    yield (
        xml_writer.start(form.root, form.namespace)
        + _rendered(writers[mapping.header_at], mapping.header_at, facts, facts)
    ).encode()
    for message in messages:
        count += 1
        record = canonical.fields_of(message)
        yield _rendered(writers[mapping.item_at], mapping.item_at, record, facts).encode()
    closing = ""
    if mapping.trailer is not None:
        closing = _rendered(writers[mapping.trailer_at], mapping.trailer_at, {"items_count": count}, facts)
    yield (closing + xml_writer.end(form.root)).encode()


def _facts(header: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: canonical.fields_of(value) if isinstance(value, Message) else value
        for name, value in header.items()
        if value is not None and value is not False and value != ""
    }


def _rendered(writer: TreeWriter, name: str, record: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    try:
        return xml_writer.render(writer.write(name, record, facts), 1)
    except Unwritable as error:
        raise NotWritten(fault("TEXT_NOT_WRITABLE", address=f"/{name}/{error}", name=str(error))) from None


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
        self._declares = form.mapping.record is Declaration.DESCRIPTOR

    def read(self, parts: Iterable[bytes]) -> Iterator[Event]:
        mapping = self._form.mapping
        for part in xml_reader.read(parts, self._form.xml):
            if isinstance(part, xml_reader.End):
                yield self._closed(part)
            elif part.number:
                yield self._item(part)
            else:
                self._faults += part.faults
                if "items_count" in part.record or part.name == mapping.trailer_at:
                    self._said.append((part.name, part.record.get("items_count", 0)))
                if part.name == mapping.header_at:
                    if self._seen_header:
                        address = f"/{self._form.root}/{part.name}"
                        self._faults.append(fault("HEADER_REPEATED", address=address, name=part.name))
                        continue
                    self._seen_header = True
                    self._header = part.record
                    for name in ("interchange_reference", "message_reference"):
                        if name in self._header:
                            self._provenance[name] = self._header[name]
                    yield Header(part.record)

    def _item(self, part: xml_reader.Subtree) -> ItemRead:
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
                return ItemRead(part.number, False, identifier, b"", b"", "", faults)
        self._accepted += 1
        if not self._declares:
            return self._released(part, identifier)
        item = record.pop("item")
        record["key"] |= {"item": key, **self._key_of_all}
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
        )

    def _released(self, part: xml_reader.Subtree, identifier: str) -> ItemRead:
        release = Release(**part.record)
        if self._origin is not None:
            release.declaration.key.environment = cast("Any", self._origin.environment)
        body, name = release.SerializeToString(), release.declaration.id
        return ItemRead(part.number, True, identifier, body, b"", "", part.faults, name)

    def _key(self, record: Mapping[str, Any]) -> dict[str, Any]:
        if self._declares:
            key: dict[str, Any] = record.get("item", _NOTHING).get("key", _NOTHING)
            return key
        named: dict[str, Any] = record.get("declaration", _NOTHING).get("key", _NOTHING).get("item", _NOTHING)
        return named

    def _place_of_count(self, name: str) -> str:
        mapping = self._form.mapping
        scope = mapping.trailer if name == mapping.trailer_at and mapping.trailer is not None else mapping.header
        leaf = scope.leaves.get("items_count")
        return f"/{self._form.root}/{name}" + (f"/{leaf.row.at}" if leaf is not None else "")

    def _closed(self, end: xml_reader.End) -> Closed:
        mapping = self._form.mapping
        faults = [*self._faults, *end.unknown]
        if end.stopped is not None:
            faults.append(end.stopped)
        else:
            if not self._seen_header:
                faults.append(fault("HEADER_MISSING", name=mapping.header_at))
            if not self._items:
                faults.append(fault("ITEMS_MISSING", name=mapping.item_at))
            faults += [
                fault("ITEMS_COUNT_DIFFERS", address=self._place_of_count(name), said=said, found=self._items)
                for name, said in self._said
                if said != self._items
            ]
        soften(faults, self._soft)
        counted = not any(each.code == "ITEMS_COUNT_DIFFERS" and each.severity == SEVERITY_ERROR for each in faults)
        return Closed(
            end.stopped is None and counted,
            self._items,
            self._accepted,
            self._items - self._accepted,
            faults,
            end.marks.summary(mapping.losses),
            self._header,
        )
