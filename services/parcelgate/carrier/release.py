"""Writes releases that come from the router into the carriers' delivery logs."""

from collections.abc import Sequence

from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_RELEASES, Chunk
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.core.chunk import environment_word, split
from parcelgate.core.clock import Clock
from parcelgate.core.fact import responses
from parcelgate.core.fault import fault
from parcelgate.core.order import Coming, in_order
from parcelgate.core.port import Delivery, Message, Outcome, RejectError, Store


async def log_releases(messages: Sequence[Message], store: Store, clock: Clock) -> Outcome:
    """Turn chunks of releases into deliveries and facts, the responses of each case in their order.

    Raises RejectError for anything that is not a release of the partner that its chunk is addressed to.
    """
    outcome = Outcome()
    coming: list[Coming[Release]] = []
    for message in messages:
        chunk = Chunk.FromString(message.body)
        for number, body in enumerate(chunk.items):
            release = Release.FromString(body)
            key = release.declaration.key
            ours = key.partner == chunk.head.partner and key.environment == chunk.head.environment
            if chunk.head.kind != CHUNK_KIND_RELEASES or not ours or not release.response_id:
                raise RejectError(fault("RELEASE_MISROUTED"))
            coming.append(
                Coming(message, chunk.head, number, bytes(body), release.response_id, release.follows, release)
            )
    ready = await in_order(store, clock, coming, split, outcome)
    for one in ready:
        place = (one.head.partner, environment_word(one.head.environment))
        outcome.deliveries.append(Delivery(*place, one.response_id, "release", one.body))
    outcome.facts += responses((one.read for one in ready), clock.micros())
    return outcome
