"""Order of responses and filings: several processes write delivery logs, and each of a case is logged after the one before it.

Which one that is, the router says in the release or the head of the filing. One that comes too early waits among the retries, and holds up nobody.
"""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from parcelgate.api.record.v1.chunk_pb2 import ChunkHead
from parcelgate.core.chunk import environment_word
from parcelgate.core.clock import Clock
from parcelgate.core.port import Message, Outcome, Postponed, Store, TryAgainError

_WAIT_MICROS = 200_000
_REASON = "an earlier response or filing of the same case has not been logged yet"
T = TypeVar("T")


class Coming(NamedTuple, Generic[T]):
    """An entry of a chunk: the message it came in, the head of its chunk, its number there, and its bytes.

    Then the id under which it is logged, the id that has to stand there before it, and what was read of it.
    """

    message: Message
    head: ChunkHead
    number: int
    body: bytes
    response_id: str
    follows: str
    read: T


async def in_order(
    store: Store, clock: Clock, coming: Sequence[Coming[T]], split: Callable[[Message], list[Message]], outcome: Outcome
) -> list[Coming[T]]:
    """Return those that may be logged now, and postpone the others.

    Raises TryAgainError for one that came alone, so that its tries are counted.
    """
    if not any(one.follows for one in coming):
        return list(coming)
    wanted: dict[tuple[str, str], set[str]] = {}
    for one in coming:
        if one.follows:
            place = (one.head.partner, environment_word(one.head.environment))
            wanted.setdefault(place, set()).add(one.follows)
    known = set[str]()
    for (partner, environment), ids in wanted.items():
        known |= await store.logged(partner, environment, sorted(ids))
    ready: list[Coming[T]] = []
    for one in coming:
        if not one.follows or one.follows in known:
            known.add(one.response_id)
            ready.append(one)
        elif len(coming) == 1:
            raise TryAgainError(_REASON)
        else:
            alone = split(one.message)[one.number]
            outcome.postponed.append(Postponed(alone, 1, clock.micros() + _WAIT_MICROS, _REASON))
    return ready
