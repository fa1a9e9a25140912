"""RabbitMQ keeps the promises of the bus."""

import asyncio

import aio_pika
import pytest
from bus_promises import TOPOLOGY, BusPromises

from parcelgate.adapters.bus.rabbitmq.bus import RabbitBus
from parcelgate.adapters.bus.rabbitmq.topology import plan


@pytest.fixture(scope="module")
def vhost(rabbit_node):
    return rabbit_node.add_vhost()


@pytest.fixture
async def open_bus(vhost):
    opened = []

    async def open_it():
        opened.append(await RabbitBus.open(vhost, TOPOLOGY, name="test"))
        assert opened[-1].connected
        return opened[-1]

    async with await aio_pika.connect(vhost) as connection, connection.channel() as channel:
        await open_it()
        for queue in plan(TOPOLOGY).queues:
            await (await channel.get_queue(queue.name)).purge()
    await opened[0].close()
    yield open_it
    await asyncio.gather(*(bus.close() for bus in opened))


class TestRabbitBus(BusPromises):
    pass
