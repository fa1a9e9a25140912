"""A post at its own queues of the broker: takes its messages, hands interchanges in, and writes the journal after it."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPException
from load import Journal
from yarl import URL

# StopAsyncIteration: the other side had hung up before it said a word.
TROUBLE = (AMQPException, ConnectionError, StopAsyncIteration, TimeoutError, OSError)
ANSWER_SECONDS = 20.0
_CONFIRM_SECONDS = 5.0
_CLOSE_SECONDS = 1.0

# The library tells of every broken line at length, and here they all break.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)
logging.getLogger("aio_pika").setLevel(logging.CRITICAL)


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[aio_pika.Connection]:
    """Hold a connection and close it, whatever state it is in."""
    line = aio_pika.Connection(URL(url))
    try:
        await line.connect(timeout=_CONFIRM_SECONDS)
        yield line
    except asyncio.CancelledError:
        # When a heartbeat expires the library cancels what waits, though nobody wanted to leave.
        if asyncio.current_task().cancelling():
            raise
        raise ConnectionError("the line is gone") from None
    finally:
        with contextlib.suppress(*TROUBLE):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await line.close()


class Taker:
    """Speaks AMQP as any client may, and begins again whenever the broker or the line breaks."""

    def __init__(self, partner: str, url: str, folder: Path, journal: Journal) -> None:
        self.partner = partner
        self.took = 0
        self._url = url
        self._folder = folder
        self._journal = journal
        self._answers: dict[str, dict] = {}
        folder.mkdir(parents=True)

    async def take(self) -> None:
        """Take for ever what comes."""
        while True:
            with contextlib.suppress(*TROUBLE):
                async with connected(self._url) as line:
                    channel = await line.channel()
                    await channel.set_qos(5)
                    queue = await channel.get_queue(f"release.{self.partner}", ensure=False)
                    await queue.consume(self._took, timeout=_CONFIRM_SECONDS)
                    # Heartbeats are slow to find a black hole; the broker gives out again what was not acknowledged.
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(ANSWER_SECONDS):
                            await channel.closed()
            await asyncio.sleep(0.2)

    async def hand_in(self, name: str, body: bytes) -> dict:
        """Hand an interchange in and return its receipt; repeats what was not answered."""
        while name not in self._answers:
            with contextlib.suppress(*TROUBLE):
                async with connected(self._url) as line:
                    channel = await line.channel(publisher_confirms=True, on_return_raises=True)
                    exchange = await channel.get_exchange(f"in.{self.partner}", ensure=False)
                    message = aio_pika.Message(body, message_id=name, delivery_mode=2, headers={"file-name": name})
                    await exchange.publish(message, f"in.{self.partner}", timeout=_CONFIRM_SECONDS)
                    for _ in range(int(ANSWER_SECONDS / 0.1)):
                        if name in self._answers:
                            break
                        await asyncio.sleep(0.1)
            await asyncio.sleep(0.2)
        return self._answers[name]

    async def _took(self, message: AbstractIncomingMessage) -> None:
        if message.type == "receipt":
            self._answers[message.correlation_id] = json.loads(message.body)
        else:
            self.took += 1
            path = self._folder / f"{self.took:06}.xml"
            path.write_bytes(message.body)
            self._journal.write(door="message", partner=self.partner, id=message.message_id, file=str(path))
        # What cannot be acknowledged comes again, under the same id.
        with contextlib.suppress(*TROUBLE):
            await message.ack()
