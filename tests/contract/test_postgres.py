"""PostgreSQL keeps the promises of the store, for many processes at once."""

import pytest
from store_promises import StorePromises

from parcelgate.adapters.store.postgres.store import PostgresStore


@pytest.fixture
async def open_store(database):
    opened = []

    async def open_it(owner="here-1"):
        opened.append(await PostgresStore.open(database, owner=owner))
        return opened[-1]

    yield open_it
    for store in opened:
        await store.close()


class TestPostgresStore(StorePromises):
    pass
