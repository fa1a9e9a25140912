"""PostgreSQL keeps the promises of the store, for many processes at once, and heals when the database comes back."""

import asyncio
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest
from store_promises import StorePromises, delivery, message, transaction

from parcelgate.adapters.store.postgres import connection as lines
from parcelgate.adapters.store.postgres.bell import PostgresBell
from parcelgate.adapters.store.postgres.commit import calls_of
from parcelgate.adapters.store.postgres.connection import Session
from parcelgate.adapters.store.postgres.lease import Leases
from parcelgate.adapters.store.postgres.migration import migrate, migrations
from parcelgate.adapters.store.postgres.store import PostgresStore
from parcelgate.app.node.postgres import PostgresNode
from parcelgate.core import failpoint
from parcelgate.core.port import AlreadySeenError, ConflictError, Outcome, StoreUnavailableError, Write


@pytest.fixture
async def open_store(database):
    opened = []

    async def open_it(owner="here-1"):
        opened.append(await PostgresStore.open(database, owner=owner))
        return opened[-1]

    yield open_it
    for store in opened:
        await store.close()


@pytest.fixture
async def sql(database):
    """A connection of an operator, beside the stores."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


class TestPostgresStore(StorePromises):
    pass


@asynccontextmanager
async def slow_commit(connection, step):
    """Do all of a transaction but its commit, which happens when the block ends."""
    async with connection.transaction():
        await Session(connection).call(calls_of(step, "slow-1"))
        yield


async def waits(task):
    """Tell whether a task is still waiting after others had their turn."""
    await asyncio.wait({task}, timeout=0.2)
    return not task.done()


def ids(log):
    return [(one.sequence, one.delivery.response_id) for one in log]


async def test_a_delivery_log_is_in_the_order_of_the_commits_whoever_is_slow(open_store, sql):
    one, other = await open_store("a-1"), await open_store("b-1")
    await one.commit(transaction(Outcome(deliveries=[delivery("r1")])))
    async with slow_commit(sql, transaction(Outcome(deliveries=[delivery("r2"), delivery("r3")]))):
        # r2 is being logged by the slow one, and by another that repeats it.
        waiting = asyncio.create_task(other.commit(transaction(Outcome(deliveries=[delivery("r2"), delivery("r4")]))))
        assert await waits(waiting)
        await one.commit(transaction(Outcome(deliveries=[delivery("r9", "post-jp")])))
        assert ids(await other.deliveries("post-cn", "test", 0, 10)) == [(1, "r1")]
    await waiting
    assert ids(await one.deliveries("post-cn", "test", 0, 10)) == [(1, "r1"), (2, "r2"), (3, "r3"), (4, "r4")]


async def test_a_slow_commit_that_fails_leaves_no_gap(open_store, sql):
    store = await open_store()
    with suppress(ZeroDivisionError):
        async with slow_commit(sql, transaction(Outcome(deliveries=[delivery("r1")]))):
            waiting = asyncio.create_task(store.commit(transaction(Outcome(deliveries=[delivery("r2")]))))
            assert await waits(waiting)
            raise ZeroDivisionError
    await waiting
    assert ids(await store.deliveries("post-cn", "test", 0, 10)) == [(1, "r2")]


async def test_two_processes_log_for_the_same_partners_at_once_without_a_gap(open_store):
    stores = [await open_store("a-1"), await open_store("b-1")]
    partners = ("post-cn", "post-jp", "post-gb")

    async def log(store, number):
        # Each response is meant by both, and the partners come in another order each time.
        order = partners[number % 3 :] + partners[: number % 3]
        await store.commit(transaction(Outcome(deliveries=[delivery(f"r{number}", one) for one in order])))

    await asyncio.gather(*(log(store, number) for number in range(40) for store in stores))
    for partner in partners:
        found = await stores[0].deliveries(partner, "test", 0, 100)
        assert [one.sequence for one in found] == list(range(1, 41))
        assert {one.delivery.response_id for one in found} == {f"r{number}" for number in range(40)}


async def test_without_the_guard_duplicates_get_through(open_store, monkeypatch):
    store = await open_store()
    await store.commit(transaction(Outcome(deliveries=[delivery("r1")]), "m1"))
    monkeypatch.setattr(failpoint, "_OFF", frozenset(["inbox"]))
    await store.commit(transaction(Outcome(deliveries=[delivery("r1"), delivery("r2"), delivery("r2")]), "m1"))
    logged = ids(await store.deliveries("post-cn", "test", 0, 10))
    assert [sequence for sequence, _ in logged] == [1, 2, 3, 4]
    assert [response.partition("+")[0] for _, response in logged] == ["r1", "r1", "r2", "r2"]


async def test_of_two_processes_that_handle_the_same_message_one_is_told_that_it_was_seen(open_store, sql):
    store = await open_store()
    async with slow_commit(sql, transaction(Outcome(messages=[message(1)]), "m0")):
        waiting = asyncio.create_task(store.commit(transaction(Outcome(messages=[message(2)]), "m0")))
        assert await waits(waiting)
    with pytest.raises(AlreadySeenError):
        await waiting
    assert await store.backlog() == 1


async def test_of_two_processes_that_change_the_same_row_one_computes_again(open_store, sql):
    store = await open_store()
    await store.commit(
        transaction(Outcome(writes=[Write("router.add_declarations", [("d", "test", "i", 1, "S", "NZ", "")])]))
    )

    def change(state):
        return Outcome(writes=[Write("router.change_declarations", [(2, state, "NZ", "", "d", 1)], exact=True)])

    async with slow_commit(sql, transaction(change("FIRST"))):
        waiting = asyncio.create_task(store.commit(transaction(change("SECOND"))))
        assert await waits(waiting)
    with pytest.raises(ConflictError, match=r"router\.change_declarations"):
        await waiting
    assert (await store.read("router.find_declarations", ["d"]))[0][4] == "FIRST"


async def test_what_a_dead_process_left_unsent_is_taken_over_after_a_while(open_store, sql):
    dead, alive = await open_store("dead-1"), await open_store("alive-1")
    await dead.commit(transaction(Outcome(messages=[message(1), message(2)])))
    await alive.commit(transaction(Outcome(messages=[message(3)])))
    assert await alive.unsent(10) == [message(3)]
    await sql.execute("UPDATE runner.outbox SET entered_at = entered_at - interval '6 seconds' WHERE owner = 'dead-1'")
    assert await alive.unsent(10) == [message(1), message(2), message(3)]
    # It is not fought over: whoever has just taken it has its own while.
    assert await dead.unsent(10) == []
    assert await dead.backlog() == 3


async def test_of_two_that_take_over_at_once_each_row_goes_to_one(open_store, sql):
    dead = await open_store("dead-1")
    await dead.commit(transaction(Outcome(messages=[message(number) for number in range(100)])))
    await sql.execute("UPDATE runner.outbox SET entered_at = entered_at - interval '6 seconds'")
    heirs = [await open_store(f"heir-{number}") for number in range(3)]
    await asyncio.gather(*(one.unsent(60) for one in heirs for _ in range(2)))
    found = [{one.id for one in await heir.unsent(200)} for heir in heirs]
    assert sum(map(len, found)) == len(set.union(*found)) == 100
    owners = await sql.fetch("SELECT message_id, owner FROM runner.outbox")
    assert all(row["message_id"] in found[int(row["owner"].removeprefix("heir-"))] for row in owners)


async def test_a_sent_message_stays_in_the_outbox_and_is_not_entered_twice(open_store, sql):
    store = await open_store()
    await store.commit(transaction(Outcome(messages=[message(1)])))
    await store.mark_sent(["m1"])
    await store.commit(transaction(Outcome(messages=[message(1)])))
    assert await store.unsent(10) == []
    assert await sql.fetchval("SELECT count(*) FROM runner.outbox WHERE sent_at IS NOT NULL") == 1


async def test_a_lease_belongs_to_one_until_it_is_given_back_or_runs_out(open_store, sql):
    here, there = Leases(await open_store("a-1")), Leases(await open_store("b-1"))
    assert await here.mine("sweep")
    assert await here.mine("sweep")
    assert not await there.mine("sweep")
    assert await there.mine("drain")
    await here.let_go()
    assert await there.mine("sweep")
    assert not await here.mine("sweep")
    await sql.execute("UPDATE runner.lease SET until = clock_timestamp() - interval '1 second'")
    assert await here.mine("sweep")


async def test_a_lease_is_renewed_each_third_of_its_time(open_store, sql):
    leases = Leases(await open_store("a-1"), seconds=0.3)
    assert await leases.mine("sweep")
    await sql.execute("UPDATE runner.lease SET holder = 'b-1', until = until + interval '9 seconds'")
    assert await leases.mine("sweep")
    async with asyncio.timeout(5):
        while await leases.mine("sweep"):
            await asyncio.sleep(0.01)


async def heard(bell, name):
    """Wait for a bell; tells whether it rang within a few seconds."""
    try:
        async with asyncio.timeout(5):
            await bell.wait(name, 60)
    except TimeoutError:
        return False
    return True


@pytest.fixture
async def bells(database):
    found = [PostgresBell(database), PostgresBell(database)]
    for one in found:
        await one.open()
    yield found
    for one in found:
        await one.close()
        await one.close()


async def test_a_bell_is_heard_in_all_processes_each_name_for_itself(bells):
    here, there = bells
    names = [f"delivery/test/partner-{number}" for number in range(600)]
    listening = [asyncio.create_task(heard(bell, names[-1])) for bell in bells]
    other = asyncio.create_task(there.wait("delivery/test/nobody", 60))
    await asyncio.sleep(0)
    here.ring(names)
    assert await asyncio.gather(*listening) == [True, True]
    assert await waits(other)
    other.cancel()


async def test_a_bell_whose_line_was_cut_rings_again_by_itself(bells, sql, monkeypatch):
    monkeypatch.setattr("parcelgate.adapters.store.postgres.bell._AGAIN_SECONDS", 0.05)
    here, there = bells
    await sql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'parcelgate bell'"
    )
    listening = asyncio.create_task(heard(there, "x"))
    async with asyncio.timeout(5):
        while not listening.done():
            here.ring(["x"])
            await asyncio.sleep(0.05)
    assert listening.result()


async def test_two_processes_migrate_one_database_at_the_same_moment(postgres_node):
    address = postgres_node.create_database()
    applied = await asyncio.gather(*(migrate(address) for _ in range(3)))
    assert sorted(map(len, applied)) == [0, 0, sum(one.phase == "pre" for one in migrations())]
    assert await migrate(address) == []
    assert await migrate(address, "post") == []


@pytest.fixture
def own_node():
    """A node that a test may kill."""
    with PostgresNode() as node:
        yield node


async def test_a_store_heals_by_itself_when_the_database_was_killed_and_came_back(own_node):
    await migrate(own_node.dsn)
    store = await PostgresStore.open(own_node.dsn, owner="a-1")
    await asyncio.gather(*(store.commit(transaction(Outcome(messages=[message(n)]), f"s{n}")) for n in range(20)))
    own_node.kill()
    with pytest.raises(StoreUnavailableError):
        await store.seen("router", ["s1"])
    with pytest.raises(StoreUnavailableError):
        await store.commit(transaction(Outcome(messages=[message(20)]), "s20"))
    own_node.start()
    await asyncio.gather(*(store.commit(transaction(Outcome(messages=[message(n)]), f"s{n}")) for n in range(20, 40)))
    assert await store.seen("router", [f"s{n}" for n in range(50)]) == {f"s{n}" for n in range(40)}
    # In good order this time, and so fast that nobody asked in between.
    own_node.restart()
    assert await store.backlog() == 40
    await store.commit(transaction(Outcome(messages=[message(41)])))
    await store.close()


async def test_a_database_that_is_not_there_is_away():
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        await PostgresStore.open("postgresql://nobody:x@127.0.0.1:1/nothing", owner="a-1")
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        await migrate("postgresql://nobody:x@127.0.0.1:1/nothing")


class Line:
    """A line to the database that can be cut before an answer comes back, or swallow what comes without a word."""

    def __init__(self, node):
        self.node = node
        self.cut_answers = 0
        self.silent = False

    @asynccontextmanager
    async def opened(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield port
        finally:
            server.close()

    async def serve(self, reader, writer):
        answers, questions = await asyncio.open_connection("127.0.0.1", self.node.port)

        async def pump(source, target, *, back):
            while data := await source.read(65536):
                if back and self.cut_answers:
                    self.cut_answers -= 1
                    break
                while back and self.silent:
                    await asyncio.sleep(0.01)
                target.write(data)
            for one in (writer, questions):
                one.transport.abort()

        with suppress(OSError):
            await asyncio.gather(pump(reader, questions, back=False), pump(answers, writer, back=True))


async def test_a_commit_whose_answer_was_lost_is_recognised_and_without_an_inbox_left_to_the_door(
    migrated_node, database, open_store
):
    node, direct = migrated_node[0], await open_store("b-1")
    line = Line(node)
    async with line.opened() as port:
        store = await PostgresStore.open(database.replace(f":{node.port}/", f":{port}/"), owner="a-1", connections=1)
        await store.commit(transaction(Outcome(messages=[message(1)]), "s1"))
        line.cut_answers = 1
        with pytest.raises(AlreadySeenError):
            await store.commit(transaction(Outcome(messages=[message(2)]), "s2"))
        assert await direct.seen("router", ["s2"]) == {"s2"}
        assert {one.id for one in await store.unsent(10)} == {"m1", "m2"}
        await store.commit(transaction(Outcome(messages=[message(3)])))
        line.cut_answers = 1
        with pytest.raises(StoreUnavailableError):
            await store.commit(transaction(Outcome(messages=[message(4)])))
        assert await store.backlog() == 4
        line.cut_answers = 1
        assert await store.backlog() == 4
        await store.close()


async def test_a_database_that_does_not_answer_is_away_and_holds_up_nobody_for_ever(
    migrated_node, database, open_store, monkeypatch
):
    monkeypatch.setattr(lines, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(lines, "CONNECT_SECONDS", 1)
    node, direct = migrated_node[0], await open_store("b-1")
    line = Line(node)
    async with line.opened() as port:
        store = await PostgresStore.open(database.replace(f":{node.port}/", f":{port}/"), owner="a-1", connections=2)
        line.silent = True
        async with asyncio.timeout(20):
            steps = (store.commit(transaction(Outcome(messages=[message(n)]), f"s{n}")) for n in range(5))
            results = await asyncio.gather(*steps, store.backlog(), return_exceptions=True)
        assert {type(one) for one in results} == {StoreUnavailableError}
        line.silent = False
        done = await direct.seen("router", [f"s{n}" for n in range(5)])
        for number in {0, 1, 2, 3, 4} - {int(one[1:]) for one in done}:
            await store.commit(transaction(Outcome(messages=[message(number)]), f"s{number}"))
        assert await store.backlog() == 5
        await store.close()


async def test_a_statement_that_the_database_ends_is_done_once_more_if_it_is_guarded(open_store, sql, database):
    store = await open_store("a-1")
    operator = await asyncpg.connect(database)
    ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'parcelgate a-1' AND state = 'active'"
    async with slow_commit(sql, transaction(Outcome(deliveries=[delivery("r1")]))):
        guarded = asyncio.create_task(store.commit(transaction(Outcome(deliveries=[delivery("r2")]), "s1")))
        unguarded = asyncio.create_task(store.commit(transaction(Outcome(deliveries=[delivery("r3")]))))
        assert await waits(guarded) and await waits(unguarded)
        assert len(await operator.fetch(ending)) == 2
        with pytest.raises(StoreUnavailableError):
            await unguarded
        assert await waits(guarded)
    await guarded
    assert ids(await store.deliveries("post-cn", "test", 0, 10)) == [(1, "r1"), (2, "r2")]
    await operator.close()


async def test_a_commit_that_was_given_up_leaves_the_store_at_work(open_store, sql):
    store = await open_store("a-1")
    async with slow_commit(sql, transaction(Outcome(deliveries=[delivery("r1")]))):
        waiting = [
            asyncio.create_task(store.commit(transaction(Outcome(deliveries=[delivery(f"x{number}")]))))
            for number in range(9)
        ]
        assert await waits(waiting[0])
        for one in waiting:
            one.cancel()
        await asyncio.wait(waiting)
    await store.commit(transaction(Outcome(deliveries=[delivery("r2")])))
    logged = [response for _, response in ids(await store.deliveries("post-cn", "test", 0, 20))]
    assert "r1" in logged and "r2" in logged


async def test_our_own_mistakes_stay_our_own(open_store):
    store = await open_store()
    for rows in ([("d", "test", "i", "one", "S", "NZ", "")], [("d", "test")]):
        with pytest.raises(Exception) as caught:
            await store.commit(transaction(Outcome(writes=[Write("router.add_declarations", rows)])))
        assert not isinstance(caught.value, (StoreUnavailableError, ConflictError))
    with pytest.raises(KeyError):
        await store.read("router.find_nothing")
    await store.commit(transaction(Outcome(messages=[message(1)]), "s1"))
    await store.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        await store.read("monitor.read_turn")
