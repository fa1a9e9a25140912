"""Order of responses: several processes write delivery logs, and each response of a case is logged after the one before it.

Which one that is, the router says in the release. One that comes too early waits among the retries, and holds up nobody.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from parcelgate.api.record.v1.chunk_pb2 import ChunkHead
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.core.chunk import environment_word
from parcelgate.core.clock import Clock
from parcelgate.core.port import Message, Outcome, Postponed, Store, TryAgainError

_WAIT_MICROS = 200_000
_REASON = "an earlier response on the same case has not been logged yet"


class Coming(NamedTuple):
    """A release of a chunk: the message it came in, the head of its chunk, its number there, its bytes, and as read."""

    message: Message
    head: ChunkHead
    number: int
    body: bytes
    release: Release


async def in_order(
    store: Store, clock: Clock, coming: Sequence[Coming], split: Callable[[Message], list[Message]], outcome: Outcome
) -> list[Coming]:
    """Return the releases that may be logged now, and postpone the others.

    Raises TryAgainError for a release that came alone, so that its tries are counted.
    """
    if not any(one.release.follows for one in coming):
        return list(coming)
    wanted: dict[tuple[str, str], set[str]] = {}
    for one in coming:
        if one.release.follows:
            place = (one.head.partner, environment_word(one.head.environment))
            wanted.setdefault(place, set()).add(one.release.follows)
    known = set[str]()
    for (partner, environment), ids in wanted.items():
        known |= await store.logged(partner, environment, sorted(ids))
    ready: list[Coming] = []
    for one in coming:
        if not one.release.follows or one.release.follows in known:
            known.add(one.release.response_id)
            ready.append(one)
        elif len(coming) == 1:
            raise TryAgainError(_REASON)
        else:
            alone = split(one.message)[one.number]
            outcome.postponed.append(Postponed(alone, 1, clock.micros() + _WAIT_MICROS, _REASON))
    return ready
