"""The store of the embedded gateway; keeps the promises of core.port.Store in one SQLite file."""

import asyncio
import json
import secrets
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from parcelgate.adapters.store.sqlite.migration import migrate
from parcelgate.adapters.store.sqlite.statement import run_many, statement
from parcelgate.adapters.store.sqlite.writer import Writer, connect
from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core import failpoint
from parcelgate.core.port import (
    AlreadySeenError,
    ConflictError,
    Dead,
    Delivered,
    Delivery,
    Message,
    Outcome,
    Postponed,
    StoreUnavailableError,
    Stretch,
    Transaction,
    Write,
)

T = TypeVar("T")
_READERS = 2
_LOGGED = (
    "SELECT response_id FROM delivery_log"
    " WHERE partner = ? AND environment = ? AND response_id IN (SELECT value FROM json_each(?))"
)
_RESPONSES = (
    "SELECT log.sequence, log.response_id, log.kind, log.body, log.head, log.data_key, log.at"
    " FROM json_each(?) AS beginning JOIN delivery_log AS log"
    " ON log.response_id >= beginning.value AND log.response_id < beginning.value || 'g'"
    " WHERE log.partner = ? AND log.environment = ? ORDER BY log.sequence"
)
_COUNT = (
    "INSERT INTO delivery_count VALUES (?, ?, ?)"
    " ON CONFLICT (partner, environment) DO UPDATE SET last = last + excluded.last RETURNING last"
)
_MOST_COUNTED = 100_000
_BACKLOG = "SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT ?)"
_INBOX = "INSERT INTO inbox VALUES (?, ?, ?)"
_INBOX_UNGUARDED = "INSERT OR IGNORE INTO inbox VALUES (?, ?, ?)"


class SqliteStore:
    """One file, one writer thread, a few readers that see the last commit."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.writer = Writer(path)
        migrate(self.writer.connection)
        self._path = path
        self._closed = False
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    async def commit(self, transaction: Transaction) -> None:
        """Commit all of it or nothing."""
        await self.writer.submit(lambda connection: _apply(connection, transaction))

    async def read(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run a named query; a list argument is a set, given to SQLite as JSON."""
        text = statement(query)
        plain = [json.dumps(argument) if isinstance(argument, list) else argument for argument in arguments]
        return await self._reading(lambda connection: connection.execute(text, plain).fetchall())

    async def seen(self, consumer: str, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that the inbox of the consumer knows."""
        rows = await self._reading(
            lambda connection: connection.execute(
                "SELECT message_id FROM inbox WHERE consumer = ? AND message_id IN (SELECT value FROM json_each(?))",
                (consumer, json.dumps(list(ids))),
            ).fetchall()
        )
        return {row[0] for row in rows}

    async def unsent(self, limit: int) -> list[Message]:
        """Return messages of the outbox, oldest first; a sent message leaves the outbox.

        The writer looks, so that it sees every mark made before.
        """
        rows = await self.writer.submit(
            lambda connection: connection.execute(
                "SELECT message_id, topic, key, body FROM outbox ORDER BY position LIMIT ?", (limit,)
            ).fetchall()
        )
        return [Message(*row) for row in rows]

    async def backlog(self) -> int:
        """Return how many messages the outbox holds; the writer counts, so that it sees every mark made before."""
        ((count,),) = await self.writer.submit(
            lambda connection: connection.execute("SELECT count(*) FROM outbox").fetchall()
        )
        return int(count)

    async def mark_sent(self, ids: Sequence[str]) -> None:
        """Take confirmed messages out of the outbox, with the next commit: one that a crash leaves there is sent again."""
        rows = [(message_id,) for message_id in ids]
        self.writer.post(lambda connection: _delete(connection, "DELETE FROM outbox WHERE message_id = ?", rows))

    async def due(self, consumer: str, now_micros: int, limit: int) -> list[Postponed]:
        """Return postponed work of a consumer whose time has come."""
        rows = await self._reading(
            lambda connection: connection.execute(
                "SELECT message_id, topic, key, body, attempts, next_at, reason FROM retry"
                " WHERE consumer = ? AND next_at <= ? ORDER BY next_at LIMIT ?",
                (consumer, now_micros, limit),
            ).fetchall()
        )
        return [Postponed(Message(*row[:4]), *row[4:]) for row in rows]

    async def drop_postponed(self, consumer: str, ids: Sequence[str]) -> None:
        """Forget postponed work that was done otherwise."""
        rows = [(consumer, message_id) for message_id in ids]
        text = "DELETE FROM retry WHERE consumer = ? AND message_id = ?"
        await self.writer.submit(lambda connection: _delete(connection, text, rows))

    async def dead(self, limit: int) -> list[tuple[str, Dead]]:
        """Return dead letters with their consumers, newest first."""
        rows = await self._reading(
            lambda connection: connection.execute(
                "SELECT consumer, message_id, topic, key, body, faults, at, attempts FROM dead_letter"
                " ORDER BY position DESC LIMIT ?",
                (limit,),
            ).fetchall()
        )
        return [(row[0], Dead(Message(*row[1:5]), _unpack_faults(row[5]), *row[6:])) for row in rows]

    async def replay(self, consumer: str, message_id: str, at_micros: int) -> bool:
        """Move a dead letter to the retries; its new id tells the inbox that this is wanted."""
        place = (consumer, message_id)
        return await self.writer.submit(lambda connection: _replay(connection, place, at_micros))

    async def deliveries(self, partner: str, environment: str, after: int, limit: int) -> list[Delivered]:
        """Return the delivery log of a partner after a sequence, in sequence."""
        rows = await self._reading(
            lambda connection: connection.execute(
                "SELECT sequence, response_id, kind, body, head, data_key, at FROM delivery_log"
                " WHERE partner = ? AND environment = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                (partner, environment, after, limit),
            ).fetchall()
        )
        return [Delivered(row[0], Delivery(partner, environment, *row[1:6]), row[6]) for row in rows]

    async def stretches(self, partner: str, environment: str, after: int, limit: int) -> list[Stretch]:
        """Return how the delivery log of a partner goes on after a sequence, response by response."""
        rows = await self._reading(
            lambda connection: connection.execute(
                "SELECT sequence, sequence, kind, length(body) FROM delivery_log"
                " WHERE partner = ? AND environment = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                (partner, environment, after, limit),
            ).fetchall()
        )
        return [Stretch(*row) for row in rows]

    async def logged(self, partner: str, environment: str, ids: Sequence[str]) -> set[str]:
        """Return those of the response ids that stand in the delivery log of a partner."""
        place = (partner, environment, json.dumps(list(ids)))
        rows = await self._reading(lambda connection: connection.execute(_LOGGED, place).fetchall())
        return {row[0] for row in rows}

    async def responses(self, partner: str, environment: str, beginnings: Sequence[str]) -> list[Delivered]:
        """Return what the delivery log of a partner holds whose response ids begin with one of these, in sequence."""
        place = (json.dumps(list(beginnings)), partner, environment)
        rows = await self._reading(lambda connection: connection.execute(_RESPONSES, place).fetchall())
        return [Delivered(row[0], Delivery(partner, environment, *row[1:6]), row[6]) for row in rows]

    async def data_keys(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return wrapped data keys by id; an erased key is missing."""
        rows = await self._reading(
            lambda connection: connection.execute(
                "SELECT id, wrapped FROM data_key WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
        )
        return dict(rows)

    async def erase(self, key_id: str) -> bool:
        """Delete a data key for good."""
        changed = await self.writer.submit(
            lambda connection: connection.execute("DELETE FROM data_key WHERE id = ?", (key_id,)).rowcount
        )
        return changed == 1

    async def close(self) -> None:
        """Finish what was accepted and close the file; closing twice does no harm."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._opened:
            connection.close()
        await asyncio.to_thread(self.writer.close)

    async def _reading(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._with_reader, work)

    def _with_reader(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if not hasattr(self._local, "connection"):
                self._local.connection = connect(self._path, read_only=True)
                self._opened.append(self._local.connection)
            return work(self._local.connection)
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(f"the store cannot be read: {error}") from None


def _apply(connection: sqlite3.Connection, transaction: Transaction) -> None:
    outcome, now = transaction.outcome, transaction.at_micros
    seen = [(transaction.consumer, message_id, now) for message_id in transaction.seen]
    insert = _INBOX if failpoint.guard_is_on("inbox") else _INBOX_UNGUARDED
    try:
        connection.executemany(insert, seen)
    except sqlite3.IntegrityError:
        raise AlreadySeenError(f"{transaction.consumer} has processed this before") from None
    connection.executemany("DELETE FROM retry WHERE consumer = ? AND message_id = ?", (row[:2] for row in seen))
    try:
        connection.executemany("INSERT INTO data_key VALUES (?, ?)", ((key.id, key.wrapped) for key in outcome.keys))
        for write in outcome.writes:
            _write(connection, write)
        connection.executemany(
            # An id follows from the content: the same message is sent once, however often it is meant.
            "INSERT INTO outbox (message_id, topic, key, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            map(_columns, outcome.messages),
        )
    except sqlite3.IntegrityError as error:
        raise ConflictError(f"a key is taken: {error}") from None
    _log_deliveries(connection, outcome.deliveries, now)
    _set_aside(connection, transaction.consumer, outcome)


def _delete(connection: sqlite3.Connection, text: str, rows: Sequence[tuple[str, ...]]) -> None:
    connection.executemany(text, rows)


def _write(connection: sqlite3.Connection, write: Write) -> None:
    text = statement(write.statement)
    if not write.exact:
        run_many(connection, text, write.rows)
        return
    for row in write.rows:
        if connection.execute(text, row).rowcount != 1:
            raise ConflictError(f"{write.statement} found its row changed")


def _log_deliveries(connection: sqlite3.Connection, deliveries: Sequence[Delivery], now: int) -> None:
    places: defaultdict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        places[delivery.partner, delivery.environment].append(delivery)
    for place, found in places.items():
        ids = json.dumps([delivery.response_id for delivery in found])
        known = {row[0] for row in connection.execute(_LOGGED, (*place, ids))}
        fresh: list[tuple[str, Delivery]] = []
        for delivery in found:
            if delivery.response_id not in known:
                fresh.append((delivery.response_id, delivery))
            elif not failpoint.guard_is_on("inbox"):
                # Only reached when a test has switched the guard off.
                fresh.append((f"{delivery.response_id}+{secrets.token_hex(8)}", delivery))
            known.add(delivery.response_id)
        if fresh:
            (last,) = connection.execute(_COUNT, (*place, len(fresh))).fetchone()
            rows = [
                (*place, sequence, response_id, one.kind, one.body, one.head, one.data_key, one.version, now)
                for sequence, (response_id, one) in enumerate(fresh, last - len(fresh) + 1)
            ]
            run_many(connection, "INSERT INTO delivery_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _set_aside(connection: sqlite3.Connection, consumer: str, outcome: Outcome) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO retry VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (consumer, *_columns(work.message), work.attempts, work.next_micros, work.reason)
            for work in outcome.postponed
        ),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO dead_letter (consumer, message_id, topic, key, body, faults, at, attempts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (consumer, *_columns(dead.message), _pack_faults(dead.faults), dead.at_micros, dead.attempts)
            for dead in outcome.dead
        ),
    )


def _replay(connection: sqlite3.Connection, place: tuple[str, str], now: int) -> bool:
    moved = connection.execute(
        "INSERT INTO retry SELECT consumer, message_id || '/' || ?, topic, key, body, 0, ?, 'replayed' FROM dead_letter"
        " WHERE consumer = ? AND message_id = ?",
        (now, now, *place),
    ).rowcount
    connection.execute("DELETE FROM dead_letter WHERE consumer = ? AND message_id = ?", place)
    return moved == 1


def _columns(message: Message) -> tuple[str, str, str, bytes]:
    return message.id, message.topic, message.key, message.body


def _pack_faults(faults: Sequence[Fault]) -> bytes:
    return Fact(faults=faults).SerializeToString()


def _unpack_faults(packed: bytes) -> tuple[Fault, ...]:
    return tuple(Fact.FromString(packed).faults)
