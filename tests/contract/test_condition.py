"""What a process of the cluster warns of: each thing by itself, and nothing while all is well."""

from types import SimpleNamespace

import asyncpg
import pytest
from store_promises import NOW, message, transaction

from parcelgate.adapters.bus.rabbitmq.topology import DEAD, UNROUTED
from parcelgate.adapters.store.postgres.reconcile import Found
from parcelgate.adapters.store.postgres.store import PostgresStore
from parcelgate.app.watching import Watch
from parcelgate.core.port import Dead, Outcome, Postponed
from parcelgate.core.pressure import Pressure


@pytest.fixture
async def store(database):
    found = await PostgresStore.open(database, owner="here-1")
    yield found
    await found.close()


@pytest.fixture
def bus():
    found = SimpleNamespace(blocked=False, depths={UNROUTED: 0, DEAD: 0})
    found.alarms = lambda: found.depths
    return found


async def test_a_gateway_that_is_well_warns_of_nothing(store, bus):
    watch = Watch(store, bus, Pressure())
    await store.commit(transaction(Outcome(messages=[message(1)], postponed=[Postponed(message(2), 1, NOW, "away")])))
    await watch.look()
    watch.note(Found(arrived=9, lost=0, on_their_way=3, unrouted=0))
    assert watch.warnings() == {}


async def test_what_lies_in_the_store_for_too_long_is_told(store, bus, database):
    watch = Watch(store, bus, Pressure())
    await store.commit(
        transaction(
            Outcome(
                messages=[message(1), message(2), message(3)],
                postponed=[Postponed(message(4), 3, NOW, "away"), Postponed(message(5), 2, NOW, "away")],
                dead=[Dead(message(6), [], NOW, 1)],
            )
        )
    )
    await store.mark_sent(["m3"])
    connection = await asyncpg.connect(database)
    await connection.execute(
        "UPDATE runner.outbox SET entered_at = entered_at - interval '40 s' WHERE message_id = 'm1'"
    )
    await connection.close()
    await watch.look()
    told = watch.warnings()
    assert set(told) == {"outbox", "retries", "dead letters"}
    assert told["outbox"].startswith("2 messages") and "40 s" in told["outbox"]
    assert told["retries"].startswith("1 ") and told["dead letters"].startswith("1 ")


async def test_what_the_broker_and_the_reconciler_show_is_told_and_a_loss_is_forgotten_after_a_while(store, bus):
    now = [1000.0]
    pressure = Pressure()
    watch = Watch(store, bus, pressure, lambda: now[0])
    bus.blocked, bus.depths = True, {UNROUTED: 2, DEAD: 1}
    pressure.tell("interchanges", 9, 5)
    watch.note(Found(arrived=0, lost=4, on_their_way=0, unrouted=0))
    watch.note(Found(arrived=0, lost=0, on_their_way=0, unrouted=0))
    told = watch.warnings()
    assert set(told) == {"broker", "pressure", "unrouted", "dead messages", "lost messages"}
    assert told["unrouted"].startswith("2 ") and told["lost messages"].startswith("4 ")
    now[0] += 700
    bus.depths = {UNROUTED: 0, DEAD: 0}
    watch.note(Found(arrived=0, lost=0, on_their_way=0, unrouted=7))
    told = watch.warnings()
    assert "lost messages" not in told and told["unrouted"].startswith("7 ")
