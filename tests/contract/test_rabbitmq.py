"""RabbitMQ keeps the promises of the bus."""

import asyncio

import pytest
from bus_promises import TOPOLOGY, BusPromises

from parcelgate.adapters.bus.rabbitmq.bus import RabbitBus


@pytest.fixture
async def open_bus(rabbit_node):
    url = await asyncio.to_thread(rabbit_node.add_vhost)
    opened = []

    async def open_it():
        opened.append(await RabbitBus.open(url, TOPOLOGY, name="test"))
        assert opened[-1].connected
        return opened[-1]

    yield open_it
    for bus in opened:
        await bus.close()


class TestRabbitBus(BusPromises):
    pass
