"""A TCP line that a test can cut, make a black hole of, heal and slow down."""

import asyncio
import contextlib
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Passes bytes on between a port of its own and a target; use it as an async context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay = 0.0
        self._refusing = False
        self.connections = 0

    @property
    def port(self) -> int:
        return self._server.sockets[0].getsockname()[1]

    def through(self, url: str) -> str:
        """Return a url with this proxy in place of its host and port."""
        parts = urlsplit(url)
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{self.port}"))

    def cut(self, *, refuse: bool = False) -> None:
        """Reset all connections; with refuse, new ones as well until heal."""
        self._refusing = refuse
        for writer in list(self._writers):
            writer.transport.abort()

    def blackhole(self) -> None:
        """Keep connections open, old and new ones, and pass nothing on until heal."""
        self._flowing.clear()

    def heal(self) -> None:
        """Pass everything on again."""
        self._refusing = False
        self._delay = 0.0
        self._flowing.set()

    def delay(self, seconds: float) -> None:
        """Hold every piece back for so long, in both directions."""
        self._delay = seconds

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        there = None
        try:
            if self._refusing:
                return
            self.connections += 1
            await self._flowing.wait()
            incoming, there = await asyncio.open_connection(*self._target)
            self._writers.add(there)
            pumps = [asyncio.create_task(self._pump(*ends)) for ends in ((reader, there), (incoming, writer))]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass
        finally:
            for end in filter(None, (writer, there)):
                self._writers.discard(end)
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                if self._delay:
                    await asyncio.sleep(self._delay)
                await self._flowing.wait()
                writer.write(piece)
                await writer.drain()
