"""The embedded store and bus keep the promises."""

import sqlite3

import pytest
from bus_promises import TOPOLOGY, BusPromises
from store_promises import StorePromises

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.statement import run_many
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


async def test_the_writer_hands_no_cursor_to_another_thread(open_store):
    store = await open_store()
    with pytest.raises(TypeError, match="cursor"):
        await store.writer.submit(lambda connection: connection.execute("SELECT 1"))


async def test_many_threads_of_work_share_the_one_writer(open_store):
    """Cursors let go of by the loop's thread once reset statements that the writer was running."""
    import asyncio

    from store_promises import message, transaction

    from parcelgate.core.port import Outcome

    store = await open_store()

    async def one(start):
        for number in range(start, start + 60):
            await store.commit(transaction(Outcome(messages=[message(number)]), f"s{number}"))
            await store.mark_sent([f"m{number}"])

    await asyncio.gather(*(one(start) for start in range(0, 1200, 60)))
    assert await store.unsent(10) == []


def test_many_rows_at_a_time_are_the_same_rows_in_the_same_order():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE sum (key INTEGER PRIMARY KEY, amount INTEGER, fixed INTEGER)")
    text = "INSERT INTO sum VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET amount = amount * 2 + excluded.amount"
    rows = [(number % 30, number) for number in range(97)]
    run_many(connection, text, rows)
    one_by_one = sqlite3.connect(":memory:")
    one_by_one.execute("CREATE TABLE sum (key INTEGER PRIMARY KEY, amount INTEGER, fixed INTEGER)")
    one_by_one.executemany(text, rows)
    assert list(connection.execute("SELECT * FROM sum")) == list(one_by_one.execute("SELECT * FROM sum"))
    connection.close()
    one_by_one.close()
