"""The embedded store and bus keep the promises."""

import pytest
from bus_promises import TOPOLOGY, BusPromises
from store_promises import StorePromises

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.store import SqliteStore


@pytest.fixture
async def open_store(tmp_path):
    opened = []

    async def open_it():
        opened.append(SqliteStore(tmp_path / "store.sqlite"))
        return opened[-1]

    yield open_it
    for store in opened:
        await store.close()


@pytest.fixture
async def open_bus(open_store):
    async def open_it():
        bus = EmbeddedBus(await open_store(), TOPOLOGY)
        await bus.open()
        return bus

    return open_it


class TestEmbeddedStore(StorePromises):
    pass


class TestEmbeddedBus(BusPromises):
    pass
