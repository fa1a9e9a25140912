"""Consuming one queue: messages the broker handed out wait in a local buffer until the runner takes them."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.message import IncomingMessage
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from parcelgate.adapters.bus.rabbitmq.connection import TROUBLE, Connection, answered
from parcelgate.core.port import BusUnavailableError, Message, Received

# Handed out and not acknowledged, for each queue and process. Small: a lost connection counts all of them.
PREFETCH = 32
# What waited on the broker when we came is taken together; it arrives within this time.
_FILL_SECONDS = 0.25

_tickets = count(1)


class Inlet:
    """The buffer of one queue; tickets of an earlier connection are void, because the broker hands out again."""

    def __init__(self, queue: str, lost: Callable[[], None], prefetch: int = PREFETCH) -> None:
        self.queue = queue
        self._prefetch = prefetch
        self._notify = lost
        self._waiting: deque[Received] = deque()
        # By ticket, what was handed out over the present channel and not acknowledged.
        self._held: dict[int, DeliveredMessage] = {}
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
            await channel.set_qos(prefetch_count=self._prefetch)
            queue = await channel.declare_queue(self.queue, passive=True)
            there = queue.declaration_result.message_count or 0
            underlay = await channel.get_underlay_channel()

            async def lost(*_: object) -> None:
                self._lost(channel)

            underlay.on_consumer_cancel_callbacks.add(lost)
            channel.close_callbacks.add(lost)
            self._channel, self.alive = channel, True
            # One floor below the library's own messages, which cost more than all the rest of a delivery.
            await underlay.basic_consume(self.queue, partial(self._arrived, channel))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FILL_SECONDS):
                while len(self._waiting) < min(there, self._prefetch):
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
        mine = [incoming for one in received if (incoming := self._held.pop(one.ticket, None)) is not None]
        if not mine or self._channel is None:
            return
        tags = [_tag(incoming) for incoming in mine]
        channel = await self._channel.get_underlay_channel()
        # One frame covers them all where nothing older is left out; what came first is held first.
        if not self._held or max(tags) < _tag(next(iter(self._held.values()))):
            await channel.basic_ack(max(tags), multiple=True, wait=False)
            return
        for tag in tags:
            await channel.basic_ack(tag, wait=False)

    def whole(self, received: Received) -> AbstractIncomingMessage | None:
        """Return a message with its properties, or None if the connection that handed it out is gone."""
        incoming = self._held.get(received.ticket)
        return None if incoming is None else IncomingMessage(incoming)

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

    async def _arrived(self, channel: AbstractChannel, incoming: DeliveredMessage) -> None:
        delivery = incoming.delivery
        if channel is not self._channel or not isinstance(delivery, Basic.Deliver):
            return
        topic = (delivery.exchange or "").removeprefix("parcelgate.")
        name = incoming.header.properties.message_id or ""
        message = Message(name, topic, delivery.routing_key or "", incoming.body)
        received = Received(self.queue, message, next(_tickets))
        self._held[received.ticket] = incoming
        self._waiting.append(received)
        self._news.set()


def _tag(incoming: DeliveredMessage) -> int:
    delivery = incoming.delivery
    return (delivery.delivery_tag or 0) if isinstance(delivery, Basic.Deliver) else 0


class Inlets:
    """The buffers of all queues that are consumed over one connection."""

    def __init__(self, queues: Iterable[str], prefetch: int = PREFETCH) -> None:
        self._changed = asyncio.Event()
        self._inlets = {name: Inlet(name, self._changed.set, prefetch) for name in queues}
        self._ending = False

    def __getitem__(self, queue: str) -> Inlet:
        return self._inlets[queue]

    async def take(self, queue: str, limit: int) -> list[Received]:
        """Wait for the first message of a queue, then take what is there; the first caller has it consumed."""
        inlet = self._inlets[queue]
        if not inlet.wanted:
            inlet.wanted = True
            self._changed.set()
        return await inlet.take(limit)

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Acknowledge; what is lost on the way costs a repetition, nothing else."""
        for queue in {one.queue for one in received}:
            with contextlib.suppress(*TROUBLE):
                await self._inlets[queue].acknowledge([one for one in received if one.queue == queue])

    def give_back(self, received: Sequence[Received]) -> None:
        """Put messages back in front of their buffers."""
        for queue in {one.queue for one in received}:
            self._inlets[queue].give_back([one for one in received if one.queue == queue])

    async def serve(self, connection: Connection) -> None:
        """Consume what is wanted, until the connection or one of the subscriptions is lost (BusUnavailableError)."""
        begun: set[str] = set()
        try:
            while self._ending or all(self._inlets[name].alive for name in begun):
                self._changed.clear()
                new = [inlet for inlet in self._inlets.values() if inlet.wanted and inlet.queue not in begun]
                begun.update(inlet.queue for inlet in new)
                await asyncio.gather(*(inlet.subscribe(connection) for inlet in new))
                await self._changed.wait()
        finally:
            # What lies here is handed out again, perhaps to others.
            for inlet in self._inlets.values():
                inlet.reset()
        raise BusUnavailableError("the broker ended a subscription")

    async def end(self) -> None:
        """Let the broker have what was acknowledged before the connection is closed; takes half a second at most."""
        self._ending = True
        with contextlib.suppress(TimeoutError, *TROUBLE):
            async with asyncio.timeout(0.5):
                await asyncio.gather(*(inlet.end() for inlet in self._inlets.values()), return_exceptions=True)
