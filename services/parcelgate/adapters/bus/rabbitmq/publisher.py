"""Publishing: confirmed, mandatory, in time, many at once within a window. What is not confirmed counts as not sent."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import DeliveryError, PublishError
from aiormq import Channel
from pamqp.commands import Basic

from parcelgate.adapters.bus.rabbitmq.connection import Connection, Link, answered
from parcelgate.core import failpoint
from parcelgate.core.port import BusUnavailableError, UnroutableError

# Messages that wait for their confirms at the same time; a chunk has 128 KB.
WINDOW = 128
_PERSISTENT = 2


class RefusedError(BusUnavailableError):
    """The queue is full and refuses (reject-publish); the message is not there."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message as it goes over the wire; durable. Exchange "" reaches the queue that the key names."""

    exchange: str
    key: str
    body: bytes
    id: str
    kind: str = ""
    content_type: str = "application/octet-stream"
    correlation: str = ""
    headers: dict[str, Any] = field(default_factory=dict)


class Publisher:
    """Publishes over a connection of its own, so that a broker that stops reading it does not stop consuming."""

    def __init__(self, url: str, name: str, tell: Callable[[], None] | None = None) -> None:
        self._tell = tell
        self._confirms = failpoint.guard_is_on("confirms")
        self._window = asyncio.Semaphore(WINDOW)
        self._channel: AbstractChannel | None = None
        self._lost = asyncio.Event()
        self.link = Link(url, name, self._open_channel, self._serve)

    async def send(self, parcels: Sequence[Parcel]) -> None:
        """Return when the broker has confirmed all parcels.

        Raises UnroutableError if no queue takes one, RefusedError if its queue is full, BusUnavailableError if whether
        it arrived is not known. Of several troubles the one that says least about arrival is raised.
        """
        results = await asyncio.gather(*(self._send_one(parcel) for parcel in parcels), return_exceptions=True)
        errors = [one for one in results if isinstance(one, BaseException)]
        for error in sorted(errors, key=lambda one: isinstance(one, (UnroutableError, RefusedError))):
            raise error

    async def _send_one(self, parcel: Parcel) -> None:
        async with self._window:
            connection, channel = self.link.standing(), self._channel
            if channel is None:
                raise BusUnavailableError("the connection to the broker is being prepared")
            try:
                async with answered():
                    # The broker no longer reads; what we wrote all the same would pile up in our memory.
                    await connection.unblocked()
                    await self._publish(channel, parcel)
            except (UnroutableError, RefusedError):
                raise
            except BusUnavailableError:
                # Whatever it was, this channel is not used again; a blocked one is merely slow.
                if self._channel is channel and not connection.blocked:
                    self._lost.set()
                raise

    async def _publish(self, channel: AbstractChannel, parcel: Parcel) -> None:
        properties = Basic.Properties(
            headers=parcel.headers or None,
            message_id=parcel.id,
            message_type=parcel.kind or None,
            content_type=parcel.content_type,
            correlation_id=parcel.correlation or None,
            delivery_mode=_PERSISTENT,
        )
        # One floor below the library's messages and exchanges, which cost more than the rest of a publish.
        underlay = await channel.get_underlay_channel()
        assert isinstance(underlay, Channel)
        try:
            await underlay.basic_publish(
                parcel.body,
                exchange=parcel.exchange,
                routing_key=parcel.key,
                properties=properties,
                mandatory=True,
                # What counts is the confirm; that the socket has taken it says nothing.
                wait=False,
            )
        except PublishError as error:
            raise UnroutableError(f"no queue takes {parcel.exchange or 'queue'} {parcel.key}") from error
        except DeliveryError as error:
            raise RefusedError(f"{parcel.exchange or 'queue'} {parcel.key} is full and refuses") from error

    async def _open_channel(self, connection: Connection) -> None:
        channel = connection.channel(publisher_confirms=self._confirms, on_return_raises=self._confirms)
        await channel.initialize()
        self._lost.clear()
        self._channel = channel

    async def _serve(self, _connection: Connection) -> None:
        """Keep the connection until a publish had trouble; the next one gets a new connection and channel."""
        assert self._channel is not None
        if self._tell is not None:
            self._tell()
        lost = asyncio.ensure_future(self._lost.wait())
        closed = asyncio.ensure_future(self._channel.closed())
        try:
            await asyncio.wait({lost, closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._channel = None
            lost.cancel()
            closed.cancel()
        raise BusUnavailableError("a publish was not answered; the connection is made anew")
