"""Partners' own queues on the cluster's broker: in.<partner> and release.<partner>."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Self

from parcelgate.adapters.bus.rabbitmq import topology as place
from parcelgate.adapters.bus.rabbitmq.alarm import Watch
from parcelgate.adapters.bus.rabbitmq.connection import Connection, Link, answered
from parcelgate.adapters.bus.rabbitmq.inlet import Inlets
from parcelgate.adapters.bus.rabbitmq.publisher import Parcel, Publisher
from parcelgate.core.letter import HandedIn, Letter
from parcelgate.core.partner import Partner
from parcelgate.core.port import BusUnavailableError, Message, NotNowError, Received

# Documents may be large: one of each partner at a time lies in memory.
_PREFETCH = 1
_NAME_LENGTH = 200


def partner_plan(partners: Sequence[Partner]) -> place.Plan:
    """Return what has to be on the broker for the partners that have a queue.

    Posts and customs hand in and take; carriers take decisions only, they hand in over gRPC or HTTP.
    """
    queued = [one for one in partners if one.queue]
    return place.partner_plan([one.id for one in queued if one.kind != "CARRIER"], [one.id for one in queued])


class PartnerQueues:
    """Two supervised connections for the queues of all partners that a process serves."""

    def __init__(self, url: str, partners: Sequence[Partner], name: str) -> None:
        self._plan = partner_plan(partners)
        self.inlets = Inlets([place.in_queue(one.id) for one in partners], _PREFETCH)
        self.publisher = Publisher(url, f"{name} answers partners")
        watch = Watch(self._plan, self.publisher)
        self.link = Link(url, f"{name} hears partners", self._prepare, self.inlets.serve, watch.run)

    @classmethod
    async def open(cls, url: str, partners: Sequence[Partner], *, name: str) -> Self:
        """Begin to connect; a broker that is away is awaited in the background.

        Raises TopologyError if queues of partners are there that differ from what is needed.
        """
        queues = cls(url, partners, name)
        queues.link.start()
        queues.publisher.link.start()
        try:
            await queues.link.first(2.0)
        except place.TopologyError:
            await queues.close()
            raise
        except BusUnavailableError:
            pass
        return queues

    def of(self, partner: str) -> "AmqpQueue":
        """Return the queues of one partner."""
        return AmqpQueue(self, partner)

    async def close(self) -> None:
        """Let go within two seconds."""
        await self.inlets.end()
        await asyncio.gather(self.link.close(), self.publisher.link.close())

    async def _prepare(self, connection: Connection) -> None:
        await place.declare(connection, self._plan)


class AmqpQueue:
    """The queues of one partner; keeps the promises of core.letter.PartnerQueue."""

    def __init__(self, queues: PartnerQueues, partner: str) -> None:
        self._queues = queues
        self._in = place.in_queue(partner)
        self._release = place.release_queue(partner)

    async def room(self) -> int:
        """Return how many letters fit in."""
        try:
            connection = self._queues.link.standing()
            async with answered():
                channel = connection.channel(publisher_confirms=False)
                await channel.initialize()
                found = await channel.declare_queue(self._release, passive=True)
                await channel.close()
        except BusUnavailableError as error:
            raise NotNowError(str(error)) from error
        return max(0, place.RELEASE_MESSAGES - (found.declaration_result.message_count or 0))

    async def put(self, letter: Letter) -> None:
        """Return when the letter lies there durably; raises NotNowError if the queue is full or the broker away."""
        headers = dict(letter.headers)
        parcel = Parcel(
            "", self._release, letter.body, letter.id, letter.kind, letter.content_type, letter.correlation, headers
        )
        try:
            await self._queues.publisher.send([parcel])
        except BusUnavailableError as error:
            raise NotNowError(str(error)) from error

    async def next(self, seconds: float) -> HandedIn | None:
        """Return what was handed in, waiting so long at most."""
        received: list[Received] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                received = await self._queues.inlets.take(self._in, 1)
        if not received:
            return None
        (one,) = received
        whole = self._queues.inlets[self._in].whole(one)
        name = whole.headers.get("file-name") if whole is not None else None
        shown = name if isinstance(name, str) else one.message.id
        return HandedIn(one.message.id, shown[:_NAME_LENGTH], one.message.body, one.ticket)

    def holds(self, handed_in: HandedIn) -> bool:
        """Tell whether the connection that handed it out still stands."""
        return self._queues.inlets[self._in].whole(self._received(handed_in)) is not None

    async def done(self, handed_in: HandedIn) -> None:
        """Take it off for good."""
        await self._queues.inlets.acknowledge([self._received(handed_in)])

    def _received(self, handed_in: HandedIn) -> Received:
        return Received(self._in, Message(handed_in.id, "", "", b""), handed_in.ticket)
