"""The embedded store and bus keep the promises."""

import asyncio
import sqlite3
import threading

import pytest
from bus_promises import TOPOLOGY, BusPromises
from store_promises import StorePromises

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.statement import run_many
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.core.port import StoreUnavailableError


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


async def test_a_reader_that_sqlite_fails_says_that_the_store_is_away(open_store, monkeypatch):
    """Whatever waits for the store then tries again, instead of taking it for a fault of the work."""
    store = await open_store()

    def fails(_connection):
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(StoreUnavailableError, match="disk I/O"):
        await store._reading(fails)


@pytest.mark.parametrize("error", [sqlite3.DatabaseError("malformed"), MemoryError(), SystemError()])
async def test_the_writer_outlives_a_commit_that_fails_in_any_way(open_store, error):
    from store_promises import message, transaction

    from parcelgate.core.port import Outcome

    store = await open_store()
    connection, failures = store.writer.connection, [error]

    class Failing:
        """SQLite as it behaves when a page is damaged or memory ends: COMMIT itself raises."""

        def __getattr__(self, name):
            return getattr(connection, name)

        def execute(self, text, *rest):
            if text == "COMMIT" and failures:
                raise failures.pop()
            return connection.execute(text, *rest)

    store.writer.connection = Failing()
    async with asyncio.timeout(5):
        with pytest.raises(StoreUnavailableError):
            await store.commit(transaction(Outcome(messages=[message(1)]), "s1"))
        await store.commit(transaction(Outcome(messages=[message(2)]), "s2"))
    assert [one.id for one in await store.unsent(10)] == ["m2"]


async def test_a_job_cancelled_before_its_turn_leaves_its_neighbours_alone(open_store):
    store = await open_store()
    held, go_on = threading.Event(), threading.Event()

    def hold(_connection):
        held.set()
        go_on.wait(5)

    holding = asyncio.create_task(store.writer.submit(hold))
    await asyncio.to_thread(held.wait, 5)
    jobs = [asyncio.create_task(store.writer.submit(lambda _c, number=number: number)) for number in range(5)]
    await asyncio.sleep(0)
    jobs[2].cancel()
    go_on.set()
    found = await asyncio.gather(holding, *jobs, return_exceptions=True)
    assert [one for one in found[1:] if isinstance(one, int)] == [0, 1, 3, 4]


async def test_a_faulty_statement_fails_its_own_transaction_and_no_other(open_store, monkeypatch):
    import asyncio

    from store_promises import message, transaction

    from parcelgate.adapters.store.sqlite import store as module
    from parcelgate.core.port import Outcome, StoreUnavailableError, Write

    real = module.statement
    monkeypatch.setattr(module, "statement", lambda name: "SELECT nonsense(" if name == "x.broken" else real(name))
    store = await open_store()
    broken = Outcome(writes=[Write("x.broken", [()])])
    results = await asyncio.gather(
        store.commit(transaction(Outcome(messages=[message(1)]))),
        store.commit(transaction(broken)),
        store.commit(transaction(Outcome(messages=[message(2)]))),
        return_exceptions=True,
    )
    assert isinstance(results[1], Exception) and not isinstance(results[1], StoreUnavailableError)
    assert [one.id for one in await store.unsent(10)] == ["m1", "m2"]
