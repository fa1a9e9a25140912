"""Chunks: up to 250 entries or 128 KB that travel together; one larger entry travels alone, up to 1 MiB.

Releases, which are in clear, have up to 256 KB before they are pressed.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_RELEASES, Chunk, ChunkEntry, ChunkHead, ChunkKind
from parcelgate.api.record.v1.declaration_pb2 import (
    ENVIRONMENT_LIVE,
    ENVIRONMENT_TEST,
    FLOW_UNSPECIFIED,
    Environment,
    Flow,
)
from parcelgate.core.field import field
from parcelgate.core.port import Message

RECORD_REVISION = 1
# The lane of what comes many at a time; everything else is interactive and never waits behind it.
BULK = "bulk"
MOST_ENTRIES = 250
MOST_BYTES = 128 * 1024
LARGEST_ENTRY = 1024 * 1024

_HEAD, _ITEMS, _ENTRIES = Chunk.HEAD_FIELD_NUMBER, Chunk.ITEMS_FIELD_NUMBER, ChunkHead.ENTRIES_FIELD_NUMBER
_WORDS: dict[Environment.ValueType, str] = {ENVIRONMENT_TEST: "test", ENVIRONMENT_LIVE: "live"}
_VALUES = {word: value for value, word in _WORDS.items()}


def environment_word(value: Environment.ValueType) -> str:
    """Return test or live, as stored and as used in keys; raises KeyError if unspecified."""
    return _WORDS[value]


def environment_value(word: str) -> Environment.ValueType:
    """Return the enum value of test or live."""
    return _VALUES[word]


@dataclass(frozen=True, slots=True)
class Address:
    """What all entries of a chunk agree in, and where it goes: topic and channel choose the queue."""

    topic: str
    channel: str
    kind: ChunkKind.ValueType
    environment: Environment.ValueType
    partner: str
    flow: Flow.ValueType = FLOW_UNSPECIFIED
    authority: str = ""
    lane: str = "interactive"

    @property
    def key(self) -> str:
        """The routing key: environment, channel, partner, and the lane if it is bulk."""
        key = f"{environment_word(self.environment)}.{self.channel}.{self.partner}"
        return f"{key}.{BULK}" if self.lane == BULK else key


def pack(address: Address, entries: Iterable[tuple[ChunkEntry | bytes, bytes]], seed: str) -> Iterator[Message]:
    """Pack entries into messages; the same seed and entries always give the same message ids.

    What is said about an entry may be the bytes of a ChunkEntry. The ids make a crash between commit and publish
    harmless: what is published again is recognised.
    """
    # What is in clear is pressed on its way, and weighs a fifth there.
    most = MOST_BYTES * 2 if address.kind == CHUNK_KIND_RELEASES else MOST_BYTES
    heads: list[bytes] = []
    bodies: list[bytes] = []
    size = number = 0
    for entry, body in entries:
        head = entry if isinstance(entry, bytes) else entry.SerializeToString()
        weight = len(body) + len(head)
        if heads and (len(heads) == MOST_ENTRIES or size + weight > most):
            yield _message(address, heads, bodies, f"{seed}/{number}")
            heads, bodies, size, number = [], [], 0, number + 1
        heads.append(head)
        bodies.append(body)
        size += weight
    if heads:
        yield _message(address, heads, bodies, f"{seed}/{number}")


def split(message: Message) -> list[Message]:
    """Split a chunk into chunks of one entry each, with ids that follow from its own; what is no chunk stays whole."""
    try:
        chunk = Chunk.FromString(message.body)
    except DecodeError:
        return [message]
    singles = []
    for number, (entry, body) in enumerate(zip(chunk.head.entries, chunk.items, strict=True)):
        head = ChunkHead()
        head.CopyFrom(chunk.head)
        del head.entries[:]
        head.id = f"{message.id}.{number}"
        head.entries.append(entry)
        single = Chunk(head=head, items=[body])
        singles.append(Message(head.id, message.topic, message.key, single.SerializeToString()))
    return singles


def _message(address: Address, entries: list[bytes], bodies: list[bytes], seed: str) -> Message:
    chunk_id = hashlib.sha256(f"{address.topic}/{address.key}/{seed}".encode()).hexdigest()[:32]
    head = ChunkHead(
        id=chunk_id,
        kind=address.kind,
        environment=address.environment,
        partner=address.partner,
        flow=address.flow,
        authority=address.authority,
        lane=address.lane,
        record_revision=RECORD_REVISION,
    )
    told = b"".join((head.SerializeToString(), *(field(_ENTRIES, entry) for entry in entries)))
    body = b"".join((field(_HEAD, told), *(field(_ITEMS, body) for body in bodies)))
    return Message(chunk_id, address.topic, address.key, body)
