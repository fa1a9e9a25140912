"""Delivery logs: what one step logs for a partner lies together in a block; the ids of responses lie apart, to be found.

A block is written once and read whole, so that a response costs one narrow row and no share of a wide one.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from parcelgate.api.record.v1.log_pb2 import LogBlock
from parcelgate.core.port import Delivered, Delivery
from parcelgate.core.press import opened, pressed

# What a block may hold, so that whoever wants one response of it does not read much more.
MOST_RESPONSES = 500
_MOST_BYTES = 256 * 1024


def distinct(deliveries: Iterable[Delivery], known: set[str], *, guarded: bool) -> list[Delivery]:
    """Leave out deliveries of one log that it has, and all but the first of an id; without the guard, rename them."""
    found: dict[str, Delivery] = {}
    for one in deliveries:
        if one.response_id not in known and one.response_id not in found:
            found[one.response_id] = one
        elif not guarded:
            name = f"{one.response_id}+{secrets.token_hex(8)}"
            found[name] = replace(one, response_id=name)
    return list(found.values())


def blocks(deliveries: Sequence[Delivery]) -> Iterator[tuple[int, int, str, int, bytes]]:
    """Return the blocks of deliveries of one log: places of the first and last from 1 on, kind, bytes of bodies, block."""
    start = size = 0
    for place, one in enumerate(deliveries):
        full = place - start == MOST_RESPONSES or size + len(one.body) > _MOST_BYTES
        if place > start and (full or one.kind != deliveries[start].kind):
            yield start + 1, place, deliveries[start].kind, size, _block(deliveries[start:place])
            start, size = place, 0
        size += len(one.body)
    yield start + 1, len(deliveries), deliveries[start].kind, size, _block(deliveries[start:])


def _block(deliveries: Sequence[Delivery]) -> bytes:
    block = LogBlock()
    add = block.responses.add
    for one in deliveries:
        if one.head or one.data_key:
            add(response_id=one.response_id, kind=one.kind, body=one.body, head=one.head, data_key=one.data_key)
        else:
            add(response_id=one.response_id, kind=one.kind, body=one.body)
    return pressed(block.SerializeToString())


def unpacked(partner: str, environment: str, rows: Iterable[tuple[int, int, bytes]]) -> Iterator[Delivered]:
    """Return the deliveries of blocks of one log, given as sequence of the first, time and bytes."""
    for first, at, body in rows:
        for sequence, one in enumerate(LogBlock.FromString(opened(body)).responses, first):
            delivery = Delivery(partner, environment, one.response_id, one.kind, one.body, one.head, one.data_key)
            yield Delivered(sequence, delivery, at)
