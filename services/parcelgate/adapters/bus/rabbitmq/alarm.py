"""Watches the queues that nothing should lie in, and sends what was unrouted on once its way is there again."""

import asyncio
from collections.abc import Mapping

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity

from parcelgate.adapters.bus.rabbitmq import topology as place
from parcelgate.adapters.bus.rabbitmq.connection import Connection, answered
from parcelgate.adapters.bus.rabbitmq.publisher import Parcel, Publisher

LOOK_SECONDS = 10.0
# Messages sent on in one round.
_MOST_AT_ONCE = 200


class Watch:
    """Looks at the depths of parcelgate.unrouted and parcelgate.dead every ten seconds."""

    def __init__(self, wanted: place.Plan, publisher: Publisher) -> None:
        self._plan = wanted
        self._publisher = publisher
        self._log = structlog.get_logger("broker")
        self.depths: Mapping[str, int] = dict.fromkeys(place.ALARMS, 0)

    async def run(self, connection: Connection) -> None:
        """Look, heal and rest, until the connection is lost (BusUnavailableError)."""
        async with answered():
            channel = connection.channel(publisher_confirms=False)
            await channel.initialize()
        while True:
            await self._look(channel)
            if self.depths[place.UNROUTED] and self._publisher.link.up:
                async with answered():
                    await place.declare(connection, self._plan)
                await self._send_on(connection, channel, min(self.depths[place.UNROUTED], _MOST_AT_ONCE))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, channel: AbstractChannel) -> None:
        depths = {}
        for name in place.ALARMS:
            async with answered():
                queue = await channel.declare_queue(name, passive=True)
            depths[name] = queue.declaration_result.message_count or 0
            if depths[name]:
                self._log.error("messages_lie_where_none_should", queue=name, messages=depths[name])
        self.depths = depths

    async def _send_on(self, connection: Connection, channel: AbstractChannel, count: int) -> None:
        """Publish unrouted messages again under their own exchange and key; each is taken off once it is confirmed.

        One whose exchange is not there any more stays, and so does its alarm.
        """
        queue = await channel.get_queue(place.UNROUTED, ensure=False)
        taken = []
        for _ in range(count):
            async with answered():
                one = await queue.get(fail=False)
            if one is None:
                break
            taken.append(one)
        there = {name: await _exists(connection, name) for name in {one.exchange or "" for one in taken}}
        sent = 0
        for one in taken:
            if there[one.exchange or ""]:
                await self._publisher.send([_again(one)])
            async with answered():
                await (one.ack() if there[one.exchange or ""] else one.nack(requeue=True))
            sent += there[one.exchange or ""]
        self._log.warning("unrouted_messages_sent_on", messages=sent)


async def _exists(connection: Connection, exchange: str) -> bool:
    # A channel of its own, for the answer no closes it.
    async with answered():
        channel = connection.channel(publisher_confirms=False)
        await channel.initialize()
        try:
            await channel.declare_exchange(exchange, passive=True)
        except ChannelNotFoundEntity:
            return False
        await channel.close()
        return True


def _again(one: aio_pika.abc.AbstractIncomingMessage) -> Parcel:
    return Parcel(
        one.exchange or "",
        one.routing_key or "",
        one.body,
        one.message_id or "",
        one.type or "",
        one.content_type or "",
        one.correlation_id or "",
        dict(one.headers),
    )
