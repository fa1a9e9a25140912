"""The reconciler: "sent" is not "done". It compares what left the outbox with what reached its consumers.

What every consumer concerned has in its inbox, its retries or its dead letters leaves the outbox. What is without that
proof for too long is sent again, but only as much of it as the queue no longer holds: a backlog is not a loss.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from parcelgate.adapters.store.postgres.store import PostgresStore
from parcelgate.core.port import Queue

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found: messages that arrived and were let go, lost ones that are sent again, and those still on their way.

    Unrouted are messages that no queue of the topology takes; they stay in the outbox until somebody looks.
    """

    arrived: int
    lost: int
    on_their_way: int
    unrouted: int


class Reconciler:
    """Looks through the outbox of all processes; one process at a time is enough, and two do no harm."""

    def __init__(
        self,
        store: PostgresStore,
        topology: Iterable[Queue],
        depth: Callable[[str], Awaitable[int]],
        patience_seconds: float = 60.0,
    ) -> None:
        """Take the topology and the bus's depth; patience is how long a message may be on its way without a question."""
        self._store = store
        self._queues = list(topology)
        self._depth = depth
        self._patience = patience_seconds

    async def look(self) -> Found:
        """Look through all that was sent before now.

        Raises StoreUnavailableError, or what depth raises when the bus is away; the next look does what is left then.
        """
        # In this order: whatever was sent before now and arrives nowhere until it is read below, was in its queue when
        # the depth was asked for, or is lost. So what exceeds the depth is lost.
        ((now,),) = await self._store.run("runner.clock")
        depths = {queue.name: await self._depth(queue.name) for queue in self._queues}
        missing: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
        arrived = unrouted = 0
        on_their_way: set[str] = set()
        async for page in self._sent(now):
            routes = {row[1]: self._routes(row[2], row[3]) for row in page}
            proven = await self._proven(routes)
            done = []
            for _, message_id, _, _, late in page:
                queues = routes[message_id]
                open_at = [queue for queue in queues if (queue.consumer, message_id) not in proven]
                if not queues:
                    unrouted += 1
                elif not open_at:
                    done.append(message_id)
                else:
                    on_their_way.add(message_id)
                for queue in open_at:
                    missing[queue.name].append((message_id, late))
            if done:
                await self._store.run("runner.forget_sent", done)
                arrived += len(done)
        lost = {one for name, found in missing.items() for one in _lost(found, depths[name])}
        again = await self._store.run("runner.send_again", sorted(lost), now) if lost else []
        return Found(arrived, len(again), len(on_their_way) - len(again), unrouted)

    async def _sent(self, now: Any) -> AsyncIterator[list[tuple[Any, ...]]]:
        position = 0
        while page := await self._store.run("runner.sent", position, now, self._patience, _PAGE):
            yield page
            position = page[-1][0]

    def _routes(self, topic: str, key: str) -> list[Queue]:
        return [queue for queue in self._queues if takes(queue, topic, key)]

    async def _proven(self, routes: dict[str, list[Queue]]) -> set[tuple[str, str]]:
        pairs = sorted({(queue.consumer, message_id) for message_id, queues in routes.items() for queue in queues})
        if not pairs:
            return set()
        consumers, ids = zip(*pairs, strict=True)
        return {(row[0], row[1]) for row in await self._store.run("runner.proven", list(consumers), list(ids))}


def takes(queue: Queue, topic: str, key: str) -> bool:
    """Tell whether a queue takes messages of a topic and key."""
    _, channel, _, *lane = key.split(".")
    return (
        queue.topic == topic
        and queue.channel in ("*", channel)
        and queue.lane in ("*", lane[0] if lane else "interactive")
    )


def _lost(found: Sequence[tuple[str, bool]], depth: int) -> Iterator[str]:
    """Return the oldest of those whose time for proof is over: a queue gives its oldest out first."""
    left = len(found) - depth
    for message_id, late in found:
        if left <= 0:
            return
        if late:
            yield message_id
            left -= 1
