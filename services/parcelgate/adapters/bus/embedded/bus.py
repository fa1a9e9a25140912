"""The bus of the embedded gateway: its queues are rows beside the store, written by the same writer thread.

What is taken and not acknowledged is remembered only in memory, so a start after a crash hands it out again.
"""

import asyncio
import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.core.port import BusUnavailableError, Message, Queue, Received, StoreUnavailableError, UnroutableError


class EmbeddedBus:
    """Durable queues for one process; keeps the promises of core.port.Bus."""

    def __init__(self, store: SqliteStore, topology: Iterable[Queue]) -> None:
        self._store = store
        self._queues = {queue.name: queue for queue in topology}
        self._waiting: dict[str, deque[int]] = {name: deque() for name in self._queues}
        self._news: defaultdict[str, asyncio.Condition] = defaultdict(asyncio.Condition)

    async def open(self) -> None:
        """Find what an earlier process left in the queues; call once before any receive."""
        rows = await self._store.writer.submit(
            lambda connection: connection.execute(
                "SELECT queue, position FROM bus_message ORDER BY position"
            ).fetchall()
        )
        for queue, position in rows:
            if queue in self._waiting:
                self._waiting[queue].append(position)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return when every queue concerned has the messages on disk."""
        routed = [(queue, message) for message in messages for queue in self._route(message)]
        # A caller that leaves in between must not leave rows behind of which the queues in memory know nothing.
        await asyncio.shield(self._place(routed))

    async def receive(self, queue: str, limit: int) -> list[Received]:
        """Wait until something is queued, then take what is there, at most limit."""
        waiting = self._waiting[queue]
        while True:
            async with self._news[queue]:
                await self._news[queue].wait_for(lambda: len(waiting) > 0)
                taken = [waiting.popleft() for _ in range(min(limit, len(waiting)))]
            try:
                rows = await self._store.read("bus.taken", taken)
            except BaseException:
                waiting.extendleft(reversed(taken))
                raise
            if rows:
                return [Received(queue, Message(*row[1:]), row[0]) for row in rows]

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Delete messages for good."""
        rows = [(one.ticket,) for one in received]

        def delete(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM bus_message WHERE position = ?", rows)

        await self._store.writer.submit(delete)

    async def give_back(self, received: Sequence[Received]) -> None:
        """Put messages back at the head of their queue."""
        for one in reversed(received):
            async with self._news[one.queue]:
                self._waiting[one.queue].appendleft(one.ticket)
                self._news[one.queue].notify_all()

    async def depth(self, queue: str) -> int:
        """Return how many messages the queue holds, taken ones included."""
        ((count,),) = await self._store.read("bus.depth", queue)
        return int(count)

    async def close(self) -> None:
        """Nothing to let go of: the file belongs to the store."""

    async def _place(self, routed: Sequence[tuple[str, Message]]) -> None:
        try:
            placed = await self._store.writer.submit(lambda connection: _insert(connection, routed))
        except StoreUnavailableError as error:
            raise BusUnavailableError(str(error)) from error
        for queue in {name for name, _ in placed}:
            async with self._news[queue]:
                self._waiting[queue].extend(position for name, position in placed if name == queue)
                self._news[queue].notify_all()

    def _route(self, message: Message) -> list[str]:
        _, channel, _, *lane = message.key.split(".")
        lanes = ("*", lane[0] if lane else "interactive")
        names = [
            queue.name
            for queue in self._queues.values()
            if queue.topic == message.topic and queue.channel in ("*", channel) and queue.lane in lanes
        ]
        if not names:
            raise UnroutableError(f"no queue takes {message.topic} {message.key}")
        return names


def _insert(connection: sqlite3.Connection, routed: Sequence[tuple[str, Message]]) -> list[tuple[str, int]]:
    placed = []
    for queue, message in routed:
        cursor = connection.execute(
            "INSERT INTO bus_message (queue, message_id, topic, key, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (queue, message_id) DO NOTHING",
            (queue, message.id, message.topic, message.key, message.body),
        )
        if cursor.rowcount == 1 and cursor.lastrowid is not None:
            placed.append((queue, cursor.lastrowid))
    return placed
