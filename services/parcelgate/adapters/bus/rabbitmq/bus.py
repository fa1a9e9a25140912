"""The bus of the cluster; keeps the promises of core.port.Bus over RabbitMQ quorum queues."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from parcelgate.adapters.bus.rabbitmq import topology as place
from parcelgate.adapters.bus.rabbitmq.alarm import Watch
from parcelgate.adapters.bus.rabbitmq.connection import Connection, Link, answered
from parcelgate.adapters.bus.rabbitmq.inlet import Inlets
from parcelgate.adapters.bus.rabbitmq.publisher import Parcel, Publisher
from parcelgate.core.port import BusUnavailableError, Message, Queue, Received, UnroutableError

# How long open waits for a broker before it leaves the rest to the background.
_OPEN_SECONDS = 5.0


class RabbitBus:
    """Durable queues for many processes. One connection publishes and one consumes, each supervised on its own."""

    def __init__(self, url: str, topology: Sequence[Queue], name: str) -> None:
        self._topology = tuple(topology)
        self._plan = place.plan(topology)
        self._inlets = Inlets(queue.name for queue in topology)
        self._publisher = Publisher(url, f"{name} publishes", self._tell)
        self._watch = Watch(self._plan, self._publisher)
        self._link = Link(url, f"{name} consumes", self._prepare, self._inlets.serve, self._heal)
        self._connected: list[Callable[[], None]] = []

    @classmethod
    async def open(cls, url: str, topology: Sequence[Queue], *, name: str, wait: bool = True) -> Self:
        """Connect, declare and verify, and return. name says on the broker's pages whose connections these are.

        If the broker is away: with wait it keeps trying in the background, and returns after five seconds all the same;
        without, it raises BusUnavailableError. Raises TopologyError if what is there differs from what is needed.
        """
        bus = cls(url, topology, name)
        bus._link.start()
        try:
            await bus._link.first(_OPEN_SECONDS, patient=wait)
        except place.TopologyError:
            await bus.close()
            raise
        except BusUnavailableError:
            if not wait:
                await bus.close()
                raise
        bus._publisher.link.start()
        if bus._link.up:
            with contextlib.suppress(BusUnavailableError):
                await bus._publisher.link.first(_OPEN_SECONDS)
        return bus

    def on_connected(self, tell: Callable[[], None]) -> None:
        """Have somebody told each time when the broker is back and the topology is verified."""
        self._connected.append(tell)

    @property
    def connected(self) -> bool:
        """Tell whether both connections stand and the topology is verified."""
        return self._link.up and self._publisher.link.up

    @property
    def blocked(self) -> bool:
        """Tell whether the broker has stopped taking messages (its memory or disk ran low)."""
        return self._publisher.link.blocked

    def alarms(self) -> Mapping[str, int]:
        """Return how many messages lie in parcelgate.unrouted and parcelgate.dead, as last seen; both should be 0."""
        return dict(self._watch.depths)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return when the broker has confirmed all; raises UnroutableError or BusUnavailableError."""
        for message in messages:
            if not any(_takes(queue, message) for queue in self._topology):
                raise UnroutableError(f"no queue takes {message.topic} {message.key}")
        await self._publisher.send(
            [Parcel(place.exchange_of(one.topic), one.key, one.body, one.id) for one in messages]
        )

    async def receive(self, queue: str, limit: int) -> list[Received]:
        """Wait until something is queued, then take what is there, at most limit."""
        return await self._inlets.take(queue, limit)

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Take messages off for good; what an earlier connection handed out comes again and is recognised then."""
        await self._inlets.acknowledge(received)

    async def give_back(self, received: Sequence[Received]) -> None:
        """Put messages back at the head of this process's own buffer."""
        self._inlets.give_back(received)

    async def depth(self, queue: str) -> int:
        """Return how many messages the broker has ready, and this process taken; raises BusUnavailableError."""
        connection = self._link.standing()
        async with answered():
            channel = connection.channel(publisher_confirms=False)
            await channel.initialize()
            found = await channel.declare_queue(queue, passive=True)
            await channel.close()
        return (found.declaration_result.message_count or 0) + self._inlets[queue].held

    async def close(self) -> None:
        """Let go within two seconds; what was taken and not acknowledged comes again."""
        await self._inlets.end()
        await asyncio.gather(self._link.close(), self._publisher.link.close())

    async def _prepare(self, connection: Connection) -> None:
        await place.declare(connection, self._plan)

    async def _heal(self, connection: Connection) -> None:
        self._tell()
        await self._watch.run(connection)

    def _tell(self) -> None:
        if self.connected:
            for tell in self._connected:
                tell()


def _takes(queue: Queue, message: Message) -> bool:
    _, channel, _, *lane = message.key.split(".")
    lanes = ("*", lane[0] if lane else "interactive")
    return queue.topic == message.topic and queue.channel in ("*", channel) and queue.lane in lanes
