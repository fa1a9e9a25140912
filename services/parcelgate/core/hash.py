"""The canonical hash of an item: the same for the same facts, whatever the format, the order of fields or the revision.

It is taken over the pairs (path, normalised value) of the item in the order of their paths, never over serialised bytes.
Version 2: fields with their default value are absent; parties stand in the order of their roles, other lists as they are;
text is in Unicode normal form C; a time is its instant, in whatever notation it was written (version 1 took the words too). The pairs are written nested (each list and each message once), with sorted names.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

VERSION = "2"
# Bytes of UTF-8 text that is in normal form C whatever it says: below U+0300, Cyrillic, Chinese, and most of Korean (test_hash.py). Cheaper
# to look for than to normalise.
_PLAIN = bytes((*range(0xCC), 0xD0, 0xD1, *range(0xE4, 0xEA), 0xEB, 0xEC, 0xED))
_encode = msgspec.json.Encoder(order="deterministic").encode


def of_fields(item: Mapping[str, Any]) -> str:
    """Hash an item given as nested dicts of present fields, enums as numbers; for example 2:9f86d0…."""
    parties = item.get("parties")
    if parties is not None and not _in_order(parties):
        item = {**item, "parties": sorted(parties, key=_role_or_none)}
    posted = item.get("posted")
    if posted is not None and "utc_micros" in posted and "written" in posted:
        item = {**item, "posted": {"utc_micros": posted["utc_micros"]}}
    pairs = _encode(item)
    if pairs.translate(None, _PLAIN) and not unicodedata.is_normalized("NFC", pairs.decode()):
        pairs = unicodedata.normalize("NFC", pairs.decode()).encode()
    return f"{VERSION}:{sha256(pairs).hexdigest()}"


def of_item(item: Message) -> str:
    """Hash an Item of the contract."""
    return of_fields(fields_of(item))


def fields_of(message: Message) -> dict[str, Any]:
    """Turn a message into nested dicts of its present fields, enums as numbers."""
    fields: dict[str, Any] = {}
    for field, value in message.ListFields():
        name, convert = _ways[field]
        fields[name] = value if convert is None else convert(value)
    return fields


class _Ways(dict[FieldDescriptor, tuple[str, Callable[[Any], Any] | None]]):
    """How the value of each field is written, with its name: looked up once."""

    def __missing__(self, field: FieldDescriptor) -> tuple[str, Callable[[Any], Any] | None]:
        convert: Callable[[Any], Any] | None = list if field.is_repeated else None
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            convert = _all_fields_of if field.is_repeated else fields_of
        self[field] = way = (field.name, convert)
        return way


def _all_fields_of(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [fields_of(each) for each in messages]


_ways = _Ways()


def _in_order(parties: Sequence[Mapping[str, Any]]) -> bool:
    last = 0
    for party in parties:
        role = party.get("role", 0)
        if role < last:
            return False
        last = role
    return True


def _role_or_none(party: Mapping[str, Any]) -> int:
    role: int = party.get("role", 0)
    return role
