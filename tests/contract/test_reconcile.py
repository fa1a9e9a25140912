"""What left the outbox and never arrived is sent again; what waits in a queue is not lost, and what arrived is let go."""

import asyncpg
import pytest
from store_promises import NOW, transaction

from parcelgate.adapters.store.postgres.reconcile import Found, Reconciler
from parcelgate.adapters.store.postgres.store import PostgresStore
from parcelgate.core.port import Dead, Message, Outcome, Postponed, Queue

TOPOLOGY = (
    Queue("router.advance", topic="advance", channel="*", consumer="router", lane="interactive"),
    Queue("router.advance.bulk", topic="advance", channel="*", consumer="router.bulk", lane="bulk"),
    Queue("monitor.facts", topic="facts", channel="*", consumer="monitor"),
    Queue("archive.facts", topic="facts", channel="*", consumer="archive"),
)


class Place:
    """A store with a reconciler, and queues that hold what a test says."""

    def __init__(self, store, sql):
        self.store = store
        self.sql = sql
        self.depths = dict.fromkeys((queue.name for queue in TOPOLOGY), 0)
        self.reconciler = Reconciler(store, TOPOLOGY, self.depth)

    async def depth(self, queue):
        return self.depths[queue]

    async def send(self, *messages, minutes_ago=2):
        await self.store.commit(transaction(Outcome(messages=list(messages))))
        await self.store.mark_sent([one.id for one in messages])
        ids = [one.id for one in messages]
        ago = "UPDATE runner.outbox SET sent_at = sent_at - make_interval(mins => $2) WHERE message_id = ANY($1)"
        await self.sql.execute(ago, ids, minutes_ago)

    async def take(self, consumer, *ids):
        await self.store.commit(transaction(None, *ids, consumer=consumer))

    async def look(self):
        return await self.reconciler.look()

    async def kept(self):
        rows = await self.sql.fetch("SELECT message_id FROM runner.outbox ORDER BY position")
        return [row["message_id"] for row in rows]


@pytest.fixture
async def place(database):
    store, sql = await PostgresStore.open(database, owner="a-1"), await asyncpg.connect(database)
    yield Place(store, sql)
    await sql.close()
    await store.close()


def advance(number, lane=""):
    return Message(f"m{number}", "advance", f"test.postal.post-cn{lane}", b"x")


FACTS = Message("f1", "facts", "test.monitor.post-cn", b"x")


async def test_what_arrived_leaves_the_outbox_however_it_ended(place):
    await place.send(*(advance(number) for number in range(3)), minutes_ago=0)
    await place.take("router", "m0")
    later, dead = Postponed(advance(1), 1, NOW, "away"), Dead(advance(2), (), NOW, 1)
    await place.store.commit(transaction(Outcome(postponed=[later], dead=[dead])))
    assert await place.look() == Found(arrived=3, lost=0, on_their_way=0, unrouted=0)
    assert await place.kept() == []


async def test_another_consumers_inbox_proves_nothing(place):
    await place.send(advance(1), advance(2, ".bulk"))
    await place.take("router.bulk", "m1")
    await place.take("router", "m2")
    assert (await place.look()).lost == 2


async def test_a_lost_message_is_sent_again_and_then_left_its_time(place):
    await place.send(advance(1))
    assert await place.store.unsent(10) == []
    assert await place.look() == Found(arrived=0, lost=1, on_their_way=0, unrouted=0)
    assert await place.store.unsent(10) == [advance(1)]
    await place.store.mark_sent(["m1"])
    assert await place.look() == Found(arrived=0, lost=0, on_their_way=1, unrouted=0)
    assert await place.store.unsent(10) == []


async def test_a_backlog_is_not_a_loss(place):
    await place.send(*(advance(number) for number in range(1500)))
    place.depths["router.advance"] = 1500
    assert await place.look() == Found(arrived=0, lost=0, on_their_way=1500, unrouted=0)
    place.depths["router.advance"] = 1498
    assert (await place.look()).lost == 2
    assert await place.store.unsent(10) == [advance(0), advance(1)]


async def test_what_was_sent_just_now_hides_no_loss(place):
    await place.send(advance(1))
    await place.send(advance(2), advance(3), minutes_ago=0)
    place.depths["router.advance"] = 2
    assert (await place.look()).lost == 1
    assert await place.store.unsent(10) == [advance(1)]


async def test_a_message_of_two_queues_stays_until_both_have_it(place):
    await place.send(FACTS)
    await place.take("monitor", "f1")
    place.depths["archive.facts"] = 1
    assert await place.look() == Found(arrived=0, lost=0, on_their_way=1, unrouted=0)
    place.depths["archive.facts"] = 0
    assert (await place.look()).lost == 1
    await place.store.mark_sent(["f1"])
    await place.take("archive", "f1")
    assert (await place.look()).arrived == 1
    assert await place.kept() == []


async def test_what_no_queue_takes_is_kept_and_counted(place):
    await place.send(Message("x1", "advance", "test.postal.post-cn.express", b"x"))
    assert await place.look() == Found(arrived=0, lost=0, on_their_way=0, unrouted=1)
    assert await place.kept() == ["x1"]


async def test_unsent_messages_are_the_relays_business(place):
    await place.store.commit(transaction(Outcome(messages=[advance(1)])))
    assert await place.look() == Found(arrived=0, lost=0, on_their_way=0, unrouted=0)
    assert await place.kept() == ["m1"]
