"""A link to the broker goes on trying, whatever the library raises on the way."""

import asyncio

import pytest
from aio_pika.exceptions import AMQPConnectionError

from parcelgate.adapters.bus.rabbitmq import connection
from parcelgate.adapters.bus.rabbitmq.connection import Link
from parcelgate.core.port import BusUnavailableError


class Line:
    """A connection that fails in the ways given, one after the other, and then stands."""

    blocked = False

    def __init__(self, failures):
        self._failures = failures

    async def connect(self, timeout):
        if self._failures:
            raise self._failures.pop(0)

    async def lost(self):
        await asyncio.Event().wait()

    async def end(self):
        pass

    def channel(self, **_):
        return self

    async def initialize(self):
        pass


@pytest.fixture
async def linked(monkeypatch):
    monkeypatch.setattr(connection, "_FIRST_PAUSE", 0.0)
    links = []

    def link(failures, prepare=None, serve=None):
        async def nothing(_):
            pass

        async def forever(_):
            await asyncio.Event().wait()

        monkeypatch.setattr(connection, "Connection", lambda url, name: Line(failures))
        links.append(Link("amqp://nowhere", "test", prepare or nothing, serve or forever))
        links[-1].start()
        return links[-1]

    yield link
    for one in links:
        await one.close()


@pytest.mark.parametrize(
    "failure",
    [
        # What the library raises if the other side hung up before it said a word.
        StopAsyncIteration(),
        AMQPConnectionError("closed"),
        ConnectionResetError(),
        # A cancellation that nobody asked for, as when a heartbeat expires.
        asyncio.CancelledError(),
        # Our own bug, or one of the library's.
        KeyError("frame"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_a_link_comes_up_after_whatever_connecting_raised(linked, failure):
    link = linked([failure, failure])
    await link.first(10.0)
    assert link.up


async def test_a_link_whose_preparation_has_a_bug_says_what_is_in_the_way_and_tries_again(linked):
    mended = False

    async def prepare(_):
        await asyncio.sleep(0)
        if not mended:
            raise KeyError("queue")

    link = linked([], prepare)
    with pytest.raises(BusUnavailableError, match="queue"):
        await link.first(10.0, patient=False)
    mended = True
    await link.first(10.0)
    assert link.up


async def test_a_link_whose_serving_has_a_bug_is_made_anew(linked):
    tries = []

    async def serve(_):
        tries.append(1)
        if len(tries) < 3:
            raise KeyError("delivery")
        await asyncio.Event().wait()

    linked([], serve=serve)
    async with asyncio.timeout(10.0):
        while len(tries) < 3:
            await asyncio.sleep(0)
