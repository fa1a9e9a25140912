"""Checks of one shipment: all faults at once. Only what can't be identified or represented rejects it."""

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR
from parcelgate.api.record.v1.item_pb2 import (
    NATURE_OF_TRANSACTION_DOCUMENTS,
    PARTY_ROLE_RECIPIENT,
    PARTY_ROLE_SENDER,
    PARTY_ROLE_UNSPECIFIED,
    ContentPiece,
    Item,
    Party,
)
from parcelgate.api.record.v1.quantity_pb2 import Instant, Mass, Money
from parcelgate.carrier.finding import Findings
from parcelgate.carrier.key import instant_micros, settle_key
from parcelgate.codecs.mapping.moment import ISO_EXAMPLE
from parcelgate.core import codelist
from parcelgate.core.chunk import LARGEST_ENTRY
from parcelgate.core.identifier import hs_digits, hs_is_wellformed
from parcelgate.core.text import NUL

# A sealed item is some bytes larger than the item itself.
LARGEST_ITEM = LARGEST_ENTRY - 1024
NANOS = 1_000_000_000
_CODES = ("issuer_country", "country", "currency", "origin_country", "destination_country")
_CODE_LENGTH = 3
_CONTROL = {chr(code) for code in range(32)} - set("\t\n\r") | {chr(127)}


def check_item(item: Item, caller: str, path: str, found: Findings) -> None:
    """Check an item at a path and bring it into the form of the record; faults are added to what was found."""
    if (size := item.ByteSize()) > LARGEST_ITEM:
        found.add("ITEM_TOO_LARGE", path, size=size, limit=LARGEST_ITEM)
    check_texts(item, path, found)
    item.DiscardUnknownFields()
    settle_key(item.key, item.posted, caller, f"{path}.key", found)
    _settle_posted(item, path, found)
    _check_country(item, "origin_country", path, found)
    if not item.destination_country:
        found.add("KEY_MISSING", f"{path}.destination_country")
    else:
        _check_country(item, "destination_country", path, found, rejects=True)
    for name in ("postage", "insured_value", "declared_value"):
        _check_money(item, name, path, found)
    _check_mass(item, "gross_mass", path, found)
    _check_parties(item, path, found)
    _check_content(item, path, found)


def _settle_posted(item: Item, path: str, found: Findings) -> None:
    """Fill in the instant of posting from its text, or from the posting date of the key."""
    written = item.posted.written or item.key.posting_date
    if item.posted.utc_micros or not written:
        return
    try:
        micros = instant_micros(written)
    except (ValueError, OverflowError):
        if item.posted.written and item.posted.written != item.key.posting_date:
            found.add("TIME_UNREADABLE", f"{path}.posted.written", written, example=ISO_EXAMPLE)
        micros = 0
    item.posted.CopyFrom(Instant(utc_micros=micros, written=written))


def check_texts(message: Message, path: str, found: Findings) -> None:
    """Check what holds for any message: no control characters, no unknown codes or fields; codes in upper case."""
    unknown_fields: Iterable[Any] = UnknownFieldSet(message)  # type: ignore[assignment]  # the stubs miss __iter__
    for unknown in unknown_fields:
        found.add("UNKNOWN_FIELD_NUMBER", path, number=unknown.field_number)
    for field, value in message.ListFields():
        place = f"{path}.{field.name}"
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner, inner_path in _each(field, value, place):
                check_texts(inner, inner_path, found)
        elif field.type == FieldDescriptor.TYPE_STRING:
            for text, text_path in _each(field, value, place):
                if not _CONTROL.isdisjoint(text):
                    found.add("TEXT_NUL" if NUL in text else "SHIPMENT_TEXT_CONTROL", text_path)
            # Only what has the size of a code is taken for one: a fault's sentence must never repeat other text.
            if field.name in _CODES and (code := value.strip().upper()) != value and len(code) <= _CODE_LENGTH:
                setattr(message, field.name, code)
                found.add("SHIPMENT_NORMALISED", place, value, now=code)
        elif field.enum_type is not None and value not in (known := field.enum_type.values_by_number):
            found.add("CODE_UNKNOWN", place, str(value), known=f"0 to {max(known)}")


def _each(field: FieldDescriptor, value: Any, path: str) -> Iterator[tuple[Any, str]]:
    if not field.is_repeated:
        yield value, path
        return
    for index, one in enumerate(value):
        yield one, f"{path}[{index}]"


def _check_country(message: Message, name: str, path: str, found: Findings, *, rejects: bool = False) -> None:
    value = getattr(message, name)
    if value and value not in codelist.load("iso-3166-1"):
        found.add("COUNTRY_UNKNOWN", f"{path}.{name}", value, SEVERITY_ERROR if rejects else None)


def _check_money(message: Message, name: str, path: str, found: Findings) -> None:
    if not message.HasField(name):
        return
    place, money = f"{path}.{name}", getattr(message, name)
    if abs(money.nanos) >= NANOS or money.units * money.nanos < 0:
        found.add("MONEY_MALFORMED", place)
    elif money.units < 0 or money.nanos < 0:
        found.add("AMOUNT_NEGATIVE", place)
    if not money.currency:
        found.add("FIELD_MISSING", f"{place}.currency", container=name)
    elif money.currency not in codelist.load("iso-4217"):
        found.add("CURRENCY_UNKNOWN", f"{place}.currency", money.currency)


def _check_mass(message: Message, name: str, path: str, found: Findings) -> None:
    mass: Mass = getattr(message, name)
    if mass.milligrams < 0:
        found.add("MASS_NEGATIVE", f"{path}.{name}", str(mass.milligrams))


def _check_parties(item: Item, path: str, found: Findings) -> None:
    roles = {party.role for party in item.parties}
    for role, word in ((PARTY_ROLE_SENDER, "a sender"), (PARTY_ROLE_RECIPIENT, "a recipient")):
        if role not in roles:
            found.add("FIELD_MISSING", f"{path}.parties", container="The shipment", name=word)
    for index, party in enumerate(item.parties):
        _check_party(party, f"{path}.parties[{index}]", found)


def _check_party(party: Party, path: str, found: Findings) -> None:
    if party.role == PARTY_ROLE_UNSPECIFIED:
        found.add("FIELD_MISSING", f"{path}.role", container="The party")
    if not (party.name or party.last_name or party.company):
        found.add("FIELD_MISSING", f"{path}.name", container="The party")
    if party.role in (PARTY_ROLE_SENDER, PARTY_ROLE_RECIPIENT) and not party.address.country:
        found.add("FIELD_MISSING", f"{path}.address.country", container="The address")
    if party.HasField("address"):
        _check_country(party.address, "country", f"{path}.address", found)
    for index, reference in enumerate(party.references):
        _check_country(reference, "issuer_country", f"{path}.references[{index}]", found)


def _check_content(item: Item, path: str, found: Findings) -> None:
    if not item.content and item.nature != NATURE_OF_TRANSACTION_DOCUMENTS:
        found.add("FIELD_MISSING", f"{path}.content", container="The shipment", name="content lines")
    counted = not any(piece.number for piece in item.content)
    numbers: set[int] = set()
    for index, piece in enumerate(item.content):
        place = f"{path}.content[{index}]"
        if counted:
            piece.number = index + 1
        if piece.number in numbers:
            found.add("LINE_NUMBER_TWICE", f"{place}.number", str(piece.number))
        numbers.add(piece.number)
        _check_piece(piece, place, found)


def _check_piece(piece: ContentPiece, path: str, found: Findings) -> None:
    if not piece.description.strip():
        found.add("FIELD_MISSING", f"{path}.description", container="The content line")
    if piece.quantity == 0:
        found.add("FIELD_MISSING", f"{path}.quantity", container="The content line")
    for name in ("hs_code", "revised_hs_code"):
        _check_hs(piece, name, path, found)
    _check_country(piece, "origin_country", path, found)
    for name in ("net_mass", "gross_mass"):
        _check_mass(piece, name, path, found)
    for name in ("value", "unit_value"):
        _check_money(piece, name, path, found)
    if piece.HasField("value") and piece.HasField("unit_value") and piece.quantity and not _values_agree(piece):
        found.add("VALUE_DIFFERS", f"{path}.value")


def _check_hs(piece: ContentPiece, name: str, path: str, found: Findings) -> None:
    written = getattr(piece, name)
    if not written:
        return
    digits = hs_digits(written)
    if not hs_is_wellformed(digits):
        found.add("HS_MALFORMED", f"{path}.{name}", written)
    elif digits != written:
        setattr(piece, name, digits)
        found.add("SHIPMENT_NORMALISED", f"{path}.{name}", written, now=digits)


def _values_agree(piece: ContentPiece) -> bool:
    """Tell whether line value and unit value fit within the rounding of one minor unit a piece."""
    line, unit = piece.value, piece.unit_value
    if line.currency != unit.currency:
        return False
    row = codelist.load("iso-4217").values.get(line.currency, {"exponent": 2})
    minor_unit: int = 10 ** (9 - int(row.get("exponent", 2)))
    return abs(_nanos(unit) * piece.quantity - _nanos(line)) * 2 <= minor_unit * (piece.quantity + 1)


def _nanos(money: Money) -> int:
    return money.units * NANOS + money.nanos
