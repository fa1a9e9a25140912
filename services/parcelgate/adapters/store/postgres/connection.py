"""Connections to PostgreSQL: a few of them, kept open, each with what it has prepared; broken ones are replaced.

Nothing here waits for ever: not for a free connection, not for a new one, not for an answer.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any, TypeVar

import asyncpg

from parcelgate.adapters.store.postgres.failure import FAILURES, line_is_gone, translated
from parcelgate.adapters.store.postgres.statement import TEXTS, Statement
from parcelgate.core.port import StoreUnavailableError

T = TypeVar("T")
Call = tuple[Statement, Sequence[Any]]
CONNECT_SECONDS = 5
# The database gives up first, so that what we gave up on is not committed behind our back.
ANSWER_SECONDS = 10
_STATEMENT_MILLISECONDS = "8000"
# The arrays that statements take; see statements/*.sql.
_ARRAYS = "SELECT $1::text[], $2::bigint[], $3::bytea[], $4::boolean[], $5::integer[], $6::smallint[]"
# Hardly any text has it: the unit separator of ASCII.
_SEPARATOR = "\x1f"
_COLUMN = {TEXTS: "string_to_array(${}, $1)"}
_A_MOMENT = "SELECT pg_sleep(0.02)"
SETTINGS = {
    "statement_timeout": _STATEMENT_MILLISECONDS,
    "idle_in_transaction_session_timeout": "10000",
    # A client that died in mid-statement must not keep its locks.
    "client_connection_check_interval": "2000",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    # Every query is written for an index, row by row. Plans are made once, often while the tables are still empty, and
    # must not be those that suit a small table.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_memoize": "off",
    "jit": "off",
    "timezone": "UTC",
}


class Session:
    """One connection, and the functions that were made on it."""

    __slots__ = ("connection", "functions", "texts")

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self.connection = connection
        self.functions: set[str] = set()
        self.texts: dict[tuple[str, ...], str] = {}

    async def make_ready(self, wanted: Sequence[Statement]) -> None:
        """Make the functions of writes, and learn the types of arrays: else the first who needs them waits for it."""
        if wanted:
            await self.connection.prepare(_ARRAYS)
            await self._prepare(wanted)

    async def fetch(self, text: str, *arguments: Any) -> list[Any]:
        """Run a query and return its rows."""
        return await self.connection.fetch(text, *arguments)

    async def call(self, calls: Sequence[Call]) -> None:
        """Run writes in order, as one statement that commits by itself.

        The database evaluates what is selected from left to right; each function sees what those before it changed.
        """
        names = tuple([one.name for one, _ in calls])
        text = self.texts.get(names)
        if text is None:
            text = self.texts[names] = await self._prepare([one for one, _ in calls])
        await self.connection.fetchrow(text, *_arguments(calls, _SEPARATOR))

    async def _prepare(self, wanted: Sequence[Statement]) -> str:
        missing = {one.name: one.definition for one in wanted if one.name not in self.functions}
        if missing:
            await self.connection.execute(";\n".join(missing.values()))
            self.functions.update(missing)
        # The first argument is what separates texts.
        places, found = count(2), []
        for one in wanted:
            columns = [_COLUMN.get(kind, "${}").format(next(places)) for kind in one.types]
            found.append(f"{one.function}({', '.join(columns)}, ${next(places)}, ${next(places)})")
        return f"SELECT $1::text, {', '.join(found)}"


def _arguments(calls: Sequence[Call], separator: str) -> list[Any]:
    """Return the separator and the arguments of writes; a column of texts comes as one, which costs a tenth of an array."""
    found: list[Any] = [separator]
    for one, columns in calls:
        for kind, column in zip(one.types, columns, strict=False):
            if kind != TEXTS:
                found.append(column)
                continue
            joined = separator.join(column)
            if column and joined.count(separator) >= len(column):
                # One of the texts has the separator in it; the next one nobody can guess.
                return _arguments(calls, secrets.token_hex(16))
            found.append(joined)
        found += columns[len(one.types) :]
    return found


class Pool:
    """Hands out sessions, the one used last first; raises StoreUnavailableError when there is none to be had."""

    def __init__(self, dsn: str, name: str, connections: int, beforehand: Sequence[Statement] = ()) -> None:
        self._dsn = dsn
        self._connections = connections
        self._beforehand = beforehand
        self._settings = {**SETTINGS, "application_name": f"parcelgate {name}"[:63]}
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[Session] = []
        self._closed = False

    async def fill(self) -> None:
        """Open all connections now; raises StoreUnavailableError if the database cannot be reached."""
        # Each takes long enough that the others need connections of their own.
        asked = (self.run(lambda session: session.fetch(_A_MOMENT), again=True) for _ in range(self._connections))
        await asyncio.gather(*asked)

    async def run(self, work: Callable[[Session], Awaitable[T]], *, again: bool) -> T:
        """Do work with a session; again says that the work may be done twice, should the line break during the first.

        Raises StoreUnavailableError, ConflictError or AlreadySeenError, whatever PostgreSQL's own error means.
        """
        try:
            return await self._once(work)
        except FAILURES as error:
            if not (again and line_is_gone(error)) or isinstance(error, TimeoutError):
                raise translated(error) from error
        try:
            return await self._once(work)
        except FAILURES as error:
            raise translated(error) from error

    async def close(self) -> None:
        """Wait for what is being done, and close all connections; closing twice does no harm."""
        self._closed = True
        while self._idle:
            session = self._idle.pop()
            try:
                await session.connection.close(timeout=2)
            except FAILURES:
                session.connection.terminate()

    async def _once(self, work: Callable[[Session], Awaitable[T]]) -> T:
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._slots.acquire()
        try:
            session = await self._session()
            # Of whatever ends in another way, cancellation for one, an answer may still come that nobody waits for.
            well = False
            try:
                result = await work(session)
                well = True
            except FAILURES as error:
                well = not line_is_gone(error)
                raise
            finally:
                self._put_back(session, well=well)
            return result
        finally:
            self._slots.release()

    async def _session(self) -> Session:
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        while self._idle:
            session = self._idle.pop()
            if not session.connection.is_closed():
                return session
        try:
            connection = await asyncpg.connect(
                self._dsn,
                timeout=CONNECT_SECONDS,
                command_timeout=ANSWER_SECONDS,
                server_settings=self._settings,
                statement_cache_size=1000,
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=0,
            )
        except FAILURES as error:
            reason = str(error) or type(error).__name__
            raise StoreUnavailableError(f"PostgreSQL cannot be reached: {reason}") from error
        session = Session(connection)
        try:
            await session.make_ready(self._beforehand)
        except FAILURES as error:
            connection.terminate()
            raise translated(error) from error
        return session

    def _put_back(self, session: Session, *, well: bool) -> None:
        """Keep a session for the next; what broke the line of one has broken those that wait as well."""
        if well and not self._closed:
            self._idle.append(session)
            return
        session.connection.terminate()
        while self._idle:
            self._idle.pop().connection.terminate()
