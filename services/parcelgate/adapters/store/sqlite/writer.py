"""The one writer thread of the SQLite file: takes what is queued and commits it together."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from pathlib import Path
from typing import Any, TypeVar

from parcelgate.core import failpoint
from parcelgate.core.port import StoreUnavailableError

T = TypeVar("T")
Job = tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]
_MOST_JOBS = 128
# What says of the file, not of the job, that it cannot be written: full, I/O, busy, locked, read-only, no memory, gone.
_AWAY = frozenset(
    (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CANTOPEN,
    )
)


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the file with the settings that the promises rest on: WAL, and a commit that has reached the disk."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
        return connection
    # Ids are scattered, so that a batch touches pages all over; they are kept in memory until the commit, and written
    # back to the file less often: 16 MB of cache, 32 MB of log.
    connection.execute("PRAGMA cache_size = -16000")
    connection.execute("PRAGMA wal_autocheckpoint = 8000")
    return connection


class Writer:
    """Runs jobs, each atomic by itself, many of them in one commit."""

    def __init__(self, path: Path) -> None:
        self.connection = connect(path)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def submit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work inside a transaction and return its result once the commit has reached the disk.

        Raises what work raises (nothing of it is kept then), and StoreUnavailableError if SQLite cannot write.
        """
        future: Future[T] = Future()
        self._jobs.put((work, future))
        return await asyncio.wrap_future(future)

    def post(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        """Have work done without waiting for it; it is lost if SQLite cannot write or the process dies."""
        self._jobs.put((work, Future()))

    def close(self) -> None:
        """Finish the queued jobs and close the file."""
        self._jobs.put(None)
        self._thread.join()
        self.connection.close()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = [job]
            last = False
            while len(jobs) < _MOST_JOBS and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    last = True
                    break
                jobs.append(following)
            self._commit(jobs)
            if last:
                return

    def _commit(self, jobs: list[Job]) -> None:
        ended: list[tuple[Future[Any], Any, Exception | None]] = []
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            for work, future in jobs:
                if future.set_running_or_notify_cancel():
                    ended.append((future, *self._attempt(work)))
                    failpoint.pass_by("store.mid_batch")
            self.connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - if this thread ended, everybody would wait for ever
            # If this fails as well, the next BEGIN does, and this is tried again.
            with contextlib.suppress(sqlite3.Error):
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
            for _, future in jobs:
                # Whoever waited may leave at this very moment.
                with contextlib.suppress(InvalidStateError):
                    if not future.done():
                        future.set_exception(StoreUnavailableError(f"the store cannot be written: {error}"))
            return
        # Told only now, failures too: whoever caused a conflict is on disk, and reading again will see it.
        for future, result, failure in ended:
            # Whoever waited may leave at this very moment.
            with contextlib.suppress(InvalidStateError):
                if failure is None:
                    future.set_result(result)
                else:
                    future.set_exception(failure)

    def _attempt(self, work: Callable[[sqlite3.Connection], Any]) -> tuple[Any, Exception | None]:
        """Run one job atomically inside the batch; raises what says that the file cannot be written, for the whole batch."""
        self.connection.execute("SAVEPOINT job")
        try:
            result, failure = _without_cursor(work(self.connection)), None
        except Exception as error:
            if isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF in _AWAY:
                raise
            self.connection.execute("ROLLBACK TO job")
            _clear(error)
            result, failure = None, error
        self.connection.execute("RELEASE job")
        return result, failure


def _without_cursor(result: T) -> T:
    """Refuse to hand a cursor out: if another thread let go of it, it would reset a statement that this one is running."""
    if isinstance(result, sqlite3.Cursor):
        raise TypeError("a job must not return a cursor")
    return result


def _clear(error: BaseException | None) -> None:
    """Let go of the cursors in an error's frames here, before the error goes to another thread."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__
