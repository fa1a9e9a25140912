"""The translation processes: some for long interchanges, one for short ones, so that no short one waits for a long one.

A pipe holds little, so a process that is busy slows its feeder down, and a busy gateway its processes (back-pressure).
"""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator

from parcelgate.postal import wire
from parcelgate.postal.reading import End, Read, Task, answer_of, pack

_PIPE_BYTES = 1024 * 1024
# How far a process that reads long interchanges stands back (nice) when the machine is busy: whoever waits for the answer
# to a single item, or for any other service, comes first.
_NICE = {"interactive": 0, "bulk": 5}


class WorkerLostError(Exception):
    """The translation process died while it worked on this interchange."""


class Pool:
    """Keeps processes, lends one for each interchange and replaces those that died."""

    def __init__(self, workers: int) -> None:
        self._sizes = {"interactive": 1, "bulk": workers}
        self._idle: dict[str, asyncio.Queue[Process | None]] = {}
        self._all: set[Process] = set()

    async def start(self) -> None:
        """Start all processes; to be called before any gRPC channel exists."""
        for lane, size in self._sizes.items():
            self._idle[lane] = asyncio.Queue()
            for _ in range(size):
                self._idle[lane].put_nowait(await self._spawn(lane))

    async def close(self) -> None:
        """End all processes; one that is still busy is killed."""
        for process in list(self._all):
            await self._end(process)

    async def read(self, lane: str, task: Task, parts: AsyncIterator[bytes]) -> AsyncGenerator[list[Read] | End, None]:
        """Have an interchange read: lists of items, then its end. Raises WorkerLostError if the process dies."""
        process = await self._idle[lane].get()
        feeding: asyncio.Task[None] | None = None
        whole = False
        try:
            if process is None or process.returncode is not None:
                process = await self._spawn(lane)
            closed = asyncio.Event()
            feeding = asyncio.create_task(_feed(process, task, parts, closed))
            while True:
                found = await _answer(process)
                if isinstance(found, End):
                    # Whatever follows in the document cannot change the verdict.
                    closed.set()
                    await feeding
                    whole = True
                    yield found
                    break
                yield found
        except (asyncio.IncompleteReadError, ConnectionError, BrokenPipeError) as error:
            # If the parts could not be had, the feeder killed the process, and its reason is the true one.
            if feeding is not None and feeding in (await asyncio.wait({feeding}, timeout=1.0))[0]:
                await feeding
            raise WorkerLostError(f"a translation process died while it read {task.receipt}") from error
        finally:
            if feeding is not None and not feeding.done():
                feeding.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await feeding
            if not whole and process is not None:
                await self._end(process)
            self._idle[lane].put_nowait(process if whole else None)

    async def _spawn(self, lane: str) -> Process:
        paths = os.pathsep.join(path for path in sys.path if path)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "parcelgate.postal.worker",
            str(_NICE[lane]),
            stdin=PIPE,
            stdout=PIPE,
            limit=_PIPE_BYTES,
            env={**os.environ, "PYTHONPATH": paths},
        )
        self._all.add(process)
        return process

    async def _end(self, process: Process) -> None:
        self._all.discard(process)
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(ConnectionError, BrokenPipeError):
                await process.stdin.wait_closed()
        if process.stdout is not None:
            await process.stdout.read()
        await process.wait()


async def _feed(process: Process, task: Task, parts: AsyncIterator[bytes], closed: asyncio.Event) -> None:
    assert process.stdin is not None
    fed = False
    try:
        process.stdin.write(wire.frame(wire.BEGIN, pack(task)))
        async for part in parts:
            if closed.is_set():
                break
            process.stdin.write(wire.frame(wire.PART, part))
            await process.stdin.drain()
        process.stdin.write(wire.frame(wire.END))
        await process.stdin.drain()
        fed = True
    except (ConnectionError, BrokenPipeError):
        # The reader of the answers sees the same death and says so.
        return
    finally:
        # A process that was not fed to the end would wait for ever.
        if not fed:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


async def _answer(process: Process) -> list[Read] | End:
    assert process.stdout is not None
    kind, length = wire.HEAD.unpack(await process.stdout.readexactly(wire.HEAD.size))
    return answer_of(kind, await process.stdout.readexactly(length))
