"""A carrier's own JSON dialect as a request: shipments by the rows of its format, all faults at their JSON Pointers."""

import os.path
import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import cast

from parcelgate.api.carrier.v1.carrier_pb2 import Shipment, SubmitRequest
from parcelgate.api.record.v1.declaration_pb2 import (
    FUNCTION_ORIGINAL,
    FUNCTION_UNSPECIFIED,
    Declaration,
    Function,
)
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.record.v1.item_pb2 import Item, ItemKey
from parcelgate.carrier.key import shown_identifier
from parcelgate.carrier.request import Request
from parcelgate.codecs import translate
from parcelgate.codecs.crosswalk import VALUES, Crosswalk, crosswalk, fields
from parcelgate.codecs.event import Closed, ItemRead
from parcelgate.codecs.json import recognition as json_recognition
from parcelgate.codecs.registry import Format, Registry
from parcelgate.core.fault import fault
from parcelgate.core.naming import derived_id
from parcelgate.core.partner import Partner
from parcelgate.core.port import RejectError

# So many bytes tell the format, whatever the size of the body.
_BEGINNING = 64 * 1024
_STEP = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")
# Places of the crosswalk that are none in the document: what is constant, derived or counted.
_NO_PLACE = re.compile(r"(always|from|by) ")


def read_dialect(raw: bytes, partner: Partner, request_id: str, registry: Registry) -> Request:
    """Read a body in the dialect that the partner agreed on, recognised from the body itself.

    Without a request id it is one of the bytes: the same ones are the same request. Raises RejectError for a format that is not
    known or not agreed, or carries no declarations, and for a document that cannot be read to its end.
    """
    form = _agreed(raw, partner, registry)
    message = SubmitRequest(request_id=request_id or derived_id("dialect", form.id, raw))
    line_faults: dict[int, Sequence[Fault]] = {}
    refused: dict[int, str] = {}
    addresses: list[str] = []
    faults: Sequence[Fault] = ()
    events = translate.read([raw], form.id, leniencies=partner.leniencies, codes=partner.code_lists, registry=registry)
    for event in events:
        if isinstance(event, ItemRead):
            index = len(addresses)
            addresses.append(event.address)
            line_faults[index] = event.faults
            shipment = _shipment(event) if event.accepted else None
            if isinstance(shipment, Fault):
                line_faults[index] = [shipment, *event.faults]
            if isinstance(shipment, Shipment):
                message.shipments.append(shipment)
            else:
                message.shipments.append(Shipment(client_reference=event.identifier))
                refused[index] = shown_identifier(ItemKey(identifier=event.identifier))
        elif isinstance(event, Closed):
            if not event.routable:
                raise RejectError(*event.faults)
            faults = event.faults
    places = crosswalk(form.mapping)
    return Request(
        message,
        lambda path: _pointer(path, addresses, places),
        faults,
        line_faults,
        format=form.id,
        content=f"2:{sha256(form.id.encode() + b' ' + raw).hexdigest()}",
        refused=refused,
    )


def _agreed(raw: bytes, partner: Partner, registry: Registry) -> Format:
    beginning = raw[:_BEGINNING]
    found = translate.recognise(beginning, agreed=partner.formats_in, registry=registry)
    if isinstance(found, Fault):
        if found.code == "DOCUMENT_NOT_XML":
            # What looks like no syntax at all was meant as JSON at this door.
            dialects = [(one.id, one.settings) for one in registry if one.syntax == "json"]
            raise RejectError(cast("Fault", json_recognition.recognise(beginning, dialects)))
        raise RejectError(found)
    if found not in partner.formats_in:
        agreed = ", ".join(partner.formats_in) or "none"
        raise RejectError(fault("FORMAT_NOT_AGREED", format=found, agreed=agreed))
    form = registry.get(found)
    if isinstance(form, Fault):
        raise RejectError(form)
    if form.record != "Declaration":
        raise RejectError(fault("RECORD_NOT_TAKEN", format=found, record=form.record))
    return form


def _shipment(event: ItemRead) -> Shipment | Fault:
    declaration = Declaration.FromString(event.message)
    if declaration.function not in (FUNCTION_UNSPECIFIED, FUNCTION_ORIGINAL):
        word = Function.Name(declaration.function).removeprefix("FUNCTION_").lower()
        return fault("FUNCTION_NOT_TAKEN", address=event.address, function=word)
    item = Item.FromString(event.item)
    return Shipment(item=item, flow=declaration.key.flow, client_reference=event.identifier)


def _pointer(path: str, addresses: Sequence[str], places: Crosswalk) -> str:
    """Turn the path of a field (shipments[1].item.content[2].hs_code) into the place that the format has it at.

    A value stands where its figure does. What else stands at several places is addressed where they part, what stands at
    none where its shipment begins.
    """
    (first, *rest) = cast("list[tuple[str, str]]", _STEP.findall(path))
    if first[0] != "shipments" or not first[1]:
        return path if first[0] == "request_id" else ""
    address = addresses[int(first[1])]
    names = [name for name, _ in rest]
    numbers = [int(number) for _, number in rest if number]
    while names and not (found := _places_of(names, places)):
        names.pop()
    if not names:
        return address
    pointers = [_numbered(at, numbers) for at in found]
    if ".".join(names) in _values():
        return address + pointers[0]
    common = os.path.commonpath(pointers)
    return address + common if common != "/" else address


@cache
def _values() -> frozenset[str]:
    """Return the fields of a declaration that are one value: amounts, masses, times."""
    messages = ((path, field.message_type) for path, field in fields(Declaration.DESCRIPTOR))
    return frozenset(path for path, message in messages if message is not None and message.name in VALUES)


def _places_of(names: Sequence[str], places: Mapping[str, Sequence[str]]) -> list[str]:
    """Find where a field stands, or what is in it."""
    name = ".".join(names)
    inside = f"{name}."
    return [
        at
        for to, found in places.items()
        if to == name or to.startswith(inside)
        for at in found
        if not _NO_PLACE.match(at)
    ]


def _numbered(at: str, numbers: Sequence[int]) -> str:
    """Write a path of the mapping as a pointer; its lists have the numbers that those of the record have, as far as it has any."""
    left = list(numbers)
    pointer = []
    for step in at.split("/"):
        name, bracket, choice = step.partition("[")
        pointer.append(f"/{name}")
        if not bracket:
            continue
        if choice != "]" or not left:
            # Which entry it is, only the reader knew.
            break
        pointer.append(f"/{left.pop(0)}")
    return "".join(pointer)
