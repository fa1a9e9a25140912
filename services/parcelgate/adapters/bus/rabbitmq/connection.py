"""One supervised connection: connect, prepare, serve; on any trouble close and begin again.

Plain connections only. What a library restores in secret cannot be verified, and what it buffers is not durable; the
outbox is our buffer (docs/decisions/0009-own-supervision-of-amqp.md).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aio_pika
import structlog
from aio_pika.connection import Connection as Plain
from aio_pika.exceptions import AMQPError
from aiormq.connection import TransportFactory
from yarl import URL

from parcelgate.adapters.bus.rabbitmq.topology import UNROUTED, TopologyError
from parcelgate.core.port import BusUnavailableError

# All that a broken connection raises, besides a CancelledError that nobody asked for. StopAsyncIteration is how the
# library says that the other side had hung up before it said a word, as a proxy does whose broker is away.
TROUBLE = (AMQPError, OSError, EOFError, RuntimeError, StopAsyncIteration, TimeoutError)
ANSWER_SECONDS = 5.0
HEARTBEAT_SECONDS = 10
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 1.0
# A connection that stood for so long was a good one; after it the pauses are short again.
_GOOD_SECONDS = 5.0
# The library gives a silent connection three heartbeats and more; asking shows a black hole sooner.
_ASK_SECONDS = 5.0
_CLOSE_SECONDS = 0.5

# What becomes of a connection stands in our own log, once and as fields.
for _name in ("aio_pika", "aiormq"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class Connection(Plain):
    """A plain connection whose socket can be cut, however long the other side is silent."""

    PARAMETERS = (
        *Plain.PARAMETERS,
        aio_pika.abc.ConnectionParameter(name="transport_factory", parser=lambda value: value, is_kwarg=True),
    )

    def __init__(self, url: str, name: str) -> None:
        self._sockets = _Sockets()
        super().__init__(URL(url).update_query(heartbeat=HEARTBEAT_SECONDS, name=name), transport_factory=self._sockets)

    @property
    def blocked(self) -> bool:
        """Tell whether the broker has stopped taking messages: its memory or disk ran low."""
        if self.transport is None:
            return False
        waiting = self.transport.ready().__await__()
        try:
            next(waiting)
        except StopIteration:
            return False
        waiting.close()
        return True

    async def unblocked(self) -> None:
        """Wait until the broker takes messages."""
        if self.transport is not None:
            await self.transport.ready()

    async def lost(self) -> None:
        """Wait until the connection has ended, from whichever side."""
        if self.transport is not None:
            await asyncio.wait({self.transport.connection.closing})

    async def end(self) -> None:
        """Close politely if that goes fast; otherwise cut the socket."""
        closing = asyncio.ensure_future(self.close())
        await asyncio.wait({closing}, timeout=_CLOSE_SECONDS)
        self.cut()
        await asyncio.wait({closing}, timeout=_CLOSE_SECONDS)
        if closing.done():
            _ = closing.cancelled() or closing.exception()
        else:
            closing.cancel()

    def cut(self) -> None:
        """Cut the socket; all who wait for an answer are told."""
        self._sockets.cut()


class _Sockets(TransportFactory):
    """Opens the socket and keeps hold of it."""

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, url: URL, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open the socket."""
        secure = None
        if url.scheme == "amqps":
            secure = await options["ssl_context_provider"].get_context()
        reader, self._writer = await asyncio.open_connection(url.host, url.port, ssl=secure)
        return reader, self._writer

    def cut(self) -> None:
        """Cut the socket."""
        if self._writer is not None:
            self._writer.transport.abort()


@contextlib.asynccontextmanager
async def answered(times: int = 1) -> AsyncIterator[None]:
    """Give the broker a while for so many answers; raises BusUnavailableError for whatever goes wrong meanwhile."""
    seconds = ANSWER_SECONDS * times
    try:
        async with asyncio.timeout(seconds):
            yield
    except asyncio.CancelledError:
        # When a heartbeat expires the library cancels what waits for an answer, though nobody wanted to leave.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BusUnavailableError("the connection to the broker was lost") from None
    except TimeoutError as error:
        raise BusUnavailableError(f"the broker did not answer within {seconds:g} s") from error
    except TROUBLE as error:
        raise BusUnavailableError(f"the connection to the broker failed: {type(error).__name__}: {error}") from error


class Link:
    """Keeps one connection up: prepare gets each new one before it counts as up, and each serve runs while it is.

    A serve that ends, or raises BusUnavailableError, has the connection made anew.
    """

    def __init__(
        self,
        url: str,
        name: str,
        prepare: Callable[[Connection], Awaitable[None]],
        *serve: Callable[[Connection], Awaitable[None]],
    ) -> None:
        self._url = url
        self._name = name
        self._prepare = prepare
        self._serve = serve
        self._task: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._log = structlog.get_logger("broker").bind(link=name)
        self.connection: Connection | None = None
        self.trouble: BusUnavailableError = BusUnavailableError("the broker was not reached yet")

    @property
    def up(self) -> bool:
        """Tell whether the connection stands and is prepared."""
        return self._up.is_set()

    @property
    def blocked(self) -> bool:
        """Tell whether the broker has stopped taking messages over this connection."""
        return self.connection is not None and self.connection.blocked

    def standing(self) -> Connection:
        """Return the connection; raises BusUnavailableError at once if there is none."""
        if self.connection is None:
            raise BusUnavailableError(str(self.trouble))
        return self.connection

    def start(self) -> None:
        """Begin to keep it up."""
        self._task = asyncio.create_task(self._keep(), name=f"broker link {self._name}")

    async def first(self, seconds: float, *, patient: bool = True) -> None:
        """Wait until it is up, at most so long; raises what is in the way: TopologyError at once, and all if impatient."""
        end = asyncio.get_running_loop().time() + seconds
        untried = self.trouble
        while not self.up:
            failed = self.trouble is not untried
            if failed and (not patient or isinstance(self.trouble, TopologyError)):
                raise self.trouble
            if asyncio.get_running_loop().time() > end:
                raise self.trouble
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await self._up.wait()

    async def close(self) -> None:
        """Let go within two seconds, whatever the broker does."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.5)
            self._task = None

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            connection = Connection(self._url, self._name)
            begun = asyncio.get_running_loop().time()
            try:
                await self._once(connection)
            except BusUnavailableError as error:
                if str(error) != str(self.trouble) or self.up:
                    self._log.warning("broker_away", reason=str(error))
                self.trouble = error
            except Exception as error:  # noqa: BLE001 - a link that gave up for good would leave the process deaf
                self._log.error("broker_link_failed", exc_info=error)
                self.trouble = BusUnavailableError(f"{type(error).__name__}: {error}")
            finally:
                self.connection = None
                self._up.clear()
                await connection.end()
            await asyncio.sleep(pause)
            stood = asyncio.get_running_loop().time() - begun > _GOOD_SECONDS + pause
            pause = _FIRST_PAUSE if stood else min(pause * 2, _LONGEST_PAUSE)

    async def _once(self, connection: Connection) -> None:
        async with answered():
            await connection.connect(timeout=ANSWER_SECONDS)
        async with answered(2):
            await self._prepare(connection)
        self.connection = connection
        self._up.set()
        self._log.info("broker_reached")
        tasks = [
            *(asyncio.ensure_future(serve(connection)) for serve in self._serve),
            asyncio.create_task(self._ask(connection)),
            asyncio.create_task(connection.lost()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, TROUBLE):
                raise BusUnavailableError(f"{type(error).__name__}: {error}") from error
            if isinstance(error, Exception):
                raise error
        raise BusUnavailableError("the connection to the broker was lost")

    async def _ask(self, connection: Connection) -> None:
        """Ask the broker something small from time to time."""
        async with answered():
            channel = connection.channel(publisher_confirms=False)
            await channel.initialize()
        while True:
            await asyncio.sleep(_ASK_SECONDS)
            # A blocked connection is not read by the broker, but its heartbeats go on.
            if not connection.blocked:
                async with answered():
                    await channel.declare_exchange(UNROUTED, passive=True)
