"""The bell of many processes: what one rings after its commit, the others hear through the database.

A wake-up can be missed, so whoever waits also looks by himself. Nothing is rung inside a transaction that matters:
notifying takes a lock that all who notify share.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import asyncpg
import structlog

from parcelgate.adapters.store.postgres.connection import CONNECT_SECONDS
from parcelgate.adapters.store.postgres.failure import FAILURES
from parcelgate.core.bell import Bell

_CHANNEL = "parcelgate"
# PostgreSQL takes less than 8,000 bytes at once.
_MOST_BYTES = 7000
_AGAIN_SECONDS = 1.0
# A line that went dead without a word is noticed by asking.
_ASK_SECONDS = 5.0
_SETTINGS = {"synchronous_commit": "off", "application_name": "parcelgate bell"}


class PostgresBell(Bell):
    """Rings here at once, and in all processes that have one on the same database a moment later."""

    def __init__(self, dsn: str) -> None:
        """Take the database; nothing is heard from others, nor by them, before open."""
        super().__init__()
        self._dsn = dsn
        self._waiting_to_go: set[str] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("bell")

    async def open(self) -> None:
        """Listen from now on; tries for a moment, and goes on trying in the background if the database is away."""
        listening = asyncio.Event()
        self._task = asyncio.create_task(self._serve(listening), name="bell")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                await listening.wait()

    async def close(self) -> None:
        """Hear and tell nothing any more; closing twice does no harm."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def ring(self, names: Iterable[str]) -> None:
        """Wake all who wait for one of the names, here now and elsewhere soon."""
        rung = set(names)
        super().ring(rung)
        if rung and self._task is not None:
            self._waiting_to_go |= rung
            self._news.set()

    async def _serve(self, listening: asyncio.Event) -> None:
        while True:
            try:
                await self._hear_and_tell(listening)
            except FAILURES as error:
                self._log.warning("bell_waits", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _hear_and_tell(self, listening: asyncio.Event) -> None:
        connection = await asyncpg.connect(
            self._dsn, timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS, server_settings=_SETTINGS
        )
        try:
            connection.add_termination_listener(lambda _: self._news.set())
            await connection.add_listener(_CHANNEL, self._hear)
            listening.set()
            while not connection.is_closed():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ASK_SECONDS):
                        await self._news.wait()
                await self._tell(connection)
        finally:
            connection.terminate()

    async def _tell(self, connection: "asyncpg.Connection[Any]") -> None:
        self._news.clear()
        names = frozenset(self._waiting_to_go)
        payloads = list(_packed(sorted(names)))
        await connection.execute("SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload", _CHANNEL, payloads)
        self._waiting_to_go -= names

    def _hear(self, connection: Any, pid: int, _channel: str, payload: object) -> None:
        # What this process tells comes back to it; it has rung already.
        if pid != connection.get_server_pid():
            super().ring(str(payload).split("\n"))


def _packed(names: Iterable[str]) -> Iterator[str]:
    packed = ""
    for name in names:
        if packed and len(packed.encode()) + len(name.encode()) >= _MOST_BYTES:
            yield packed
            packed = ""
        packed = f"{packed}\n{name}" if packed else name
    if packed:
        yield packed
