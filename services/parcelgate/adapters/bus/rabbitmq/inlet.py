"""Consuming one queue: messages the broker handed out wait in a local buffer until the runner takes them."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from parcelgate.adapters.bus.rabbitmq.connection import Connection, answered
from parcelgate.core.port import Message, Received

# Handed out and not acknowledged, for each queue and process. Small: a lost connection counts all of them.
PREFETCH = 32
# What waited on the broker when we came is taken together; it arrives within this time.
_FILL_SECONDS = 0.25

_tickets = count(1)


class Inlet:
    """The buffer of one queue; tickets of an earlier connection are void, because the broker hands out again."""

    def __init__(self, queue: str, lost: Callable[[], None]) -> None:
        self.queue = queue
        self._notify = lost
        self._waiting: deque[Received] = deque()
        # Ticket -> delivery tag of what was handed out over the present channel and not acknowledged.
        self._held: dict[int, int] = {}
        self._channel: AbstractChannel | None = None
        self._news = asyncio.Event()
        self._filled = False
        self.wanted = False
        # False once the broker ended the subscription: the queue was deleted, or the consumer was too slow.
        self.alive = True

    @property
    def held(self) -> int:
        """How many messages are handed out to this process and not acknowledged."""
        return len(self._held)

    async def subscribe(self, connection: Connection) -> None:
        """Begin to consume, with a fresh channel and consumer tag."""
        async with answered():
            channel = connection.channel(publisher_confirms=False)
            await channel.initialize()
            await channel.set_qos(prefetch_count=PREFETCH)
            queue = await channel.declare_queue(self.queue, passive=True)
            there = queue.declaration_result.message_count or 0
            underlay = await channel.get_underlay_channel()

            async def lost(*_: object) -> None:
                self._lost(channel)

            underlay.on_consumer_cancel_callbacks.add(lost)
            channel.close_callbacks.add(lost)
            self._channel, self.alive = channel, True
            await queue.consume(partial(self._arrived, channel))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FILL_SECONDS):
                while len(self._waiting) < min(there, PREFETCH):
                    self._news.clear()
                    await self._news.wait()
        self._filled = True
        self._news.set()

    def reset(self) -> None:
        """Forget what the lost connection handed out."""
        self._waiting.clear()
        self._held.clear()
        self._channel = None
        self._filled = False

    async def take(self, limit: int) -> list[Received]:
        """Wait for the first message, then take what is there, at most limit."""
        while not (self._filled and self._waiting):
            self._news.clear()
            await self._news.wait()
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Acknowledge what this connection handed out; anything else comes again and is recognised."""
        tags = [tag for one in received if (tag := self._held.pop(one.ticket, None)) is not None]
        if not tags or self._channel is None:
            return
        channel = await self._channel.get_underlay_channel()
        # One frame covers them all where nothing older is left out.
        if not self._held or max(tags) < min(self._held.values()):
            await channel.basic_ack(max(tags), multiple=True, wait=False)
            return
        for tag in tags:
            await channel.basic_ack(tag, wait=False)

    def give_back(self, received: Sequence[Received]) -> None:
        """Put messages back in front, without a word to the broker: it would count that as a delivery."""
        self._waiting.extendleft(one for one in reversed(received) if one.ticket in self._held)
        self._news.set()

    async def end(self) -> None:
        """Close the channel, so that what was acknowledged reaches the broker first."""
        if self._channel is not None:
            await self._channel.close()

    def _lost(self, channel: AbstractChannel) -> None:
        if channel is self._channel:
            self.alive = False
            self._notify()

    async def _arrived(self, channel: AbstractChannel, incoming: AbstractIncomingMessage) -> None:
        if channel is not self._channel or incoming.delivery_tag is None:
            return
        topic = (incoming.exchange or "").removeprefix("parcelgate.")
        message = Message(incoming.message_id or "", topic, incoming.routing_key or "", incoming.body)
        received = Received(self.queue, message, next(_tickets))
        self._held[received.ticket] = incoming.delivery_tag
        self._waiting.append(received)
        self._news.set()
