"""The one loop: nothing is lost, nothing counts twice, one bad entry never stops its neighbours."""

import asyncio

import pytest

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_REPORTS, Chunk, ChunkEntry
from parcelgate.api.record.v1.declaration_pb2 import ENVIRONMENT_TEST
from parcelgate.core import chunk
from parcelgate.core.bell import Bell
from parcelgate.core.clock import FixedClock
from parcelgate.core.fault import fault
from parcelgate.core.port import (
    BusUnavailableError,
    ConflictError,
    Delivery,
    Message,
    Outcome,
    Postponed,
    Queue,
    RejectError,
    StoreUnavailableError,
    TryAgainError,
)
from parcelgate.core.press import on_its_way
from parcelgate.core.runner import LADDER, LADDER_FOR_BUGS, Consumer, Runner, split_facts

NOW = 1_790_000_000_000_000
ADDRESS = chunk.Address("advance", "postal", CHUNK_KIND_REPORTS, ENVIRONMENT_TEST, "post-cn")


def one_chunk(*entries: bytes) -> Message:
    (message,) = chunk.pack(ADDRESS, [(ChunkEntry(), entry) for entry in entries], "seed")
    return message


def plain(name: str) -> Message:
    return Message(name, "advance", "test.postal.post-cn", b"")


class House:
    def __init__(self, path) -> None:
        self.store = SqliteStore(path)
        self.bus = EmbeddedBus(self.store, [Queue("router.advance", "advance", "*", "router")])
        self.clock = FixedClock(NOW)
        self.runner = Runner(self.store, self.bus, self.clock, Bell())
        self.handled: list[bytes] = []

    def consumer(self, handle=None, split=chunk.split) -> Consumer:
        return Consumer("router", "router.advance", handle or self.handle, split)

    async def handle(self, messages) -> Outcome:
        outcome = Outcome()
        for message in messages:
            for entry in Chunk.FromString(message.body).items:
                if entry == b"poison":
                    raise ZeroDivisionError
                if entry == b"wrong":
                    raise RejectError(fault("DATA_ERASED"))
                outcome.deliveries.append(Delivery("post-cn", "test", entry.decode(), "release", entry))
        return outcome

    async def delivered(self) -> list[str]:
        return [one.delivery.response_id for one in await self.store.deliveries("post-cn", "test", 0, 1000)]


@pytest.fixture
async def house(tmp_path):
    house = House(tmp_path / "store.sqlite")
    yield house
    await house.store.close()


async def test_a_redelivered_message_has_no_second_effect(house):
    message = one_chunk(b"a", b"b")
    await house.runner.work(house.consumer(), [message, message])
    await house.runner.work(house.consumer(), [message])
    assert await house.delivered() == ["a", "b"]


async def test_without_the_inbox_a_redelivered_message_has_a_second_effect(house, monkeypatch):
    monkeypatch.setattr("parcelgate.core.failpoint.guard_is_on", lambda _: False)
    message = one_chunk(b"a")
    await house.runner.work(house.consumer(), [message])
    await house.runner.work(house.consumer(), [message])
    assert len(await house.delivered()) == 2


async def test_a_poison_entry_is_split_out_and_the_others_go_on(house):
    message = one_chunk(b"a", b"poison", b"c", b"wrong", b"e")
    await house.runner.work(house.consumer(), [message])
    assert await house.delivered() == ["a", "c", "e"]
    (rejected,) = await house.store.dead(10)
    assert [one.code for one in rejected[1].faults] == ["DATA_ERASED"]
    (later,) = await house.store.due("router", NOW + 10**9, 10)
    assert Chunk.FromString(later.message.body).items == [b"poison"]


async def test_a_poison_message_does_not_stop_the_messages_taken_with_it(house):
    (other,) = chunk.pack(ADDRESS, [(ChunkEntry(), b"a")], "other")
    await house.runner.work(house.consumer(), [one_chunk(b"poison"), other])
    assert await house.delivered() == ["a"]


async def test_work_that_may_succeed_later_climbs_the_ladder_and_then_lies_with_the_dead_letters(house):
    async def away(_):
        raise TryAgainError("risk is away")

    consumer = house.consumer(away)
    await house.runner.work(consumer, [plain("m1")])
    for attempts, seconds in enumerate(LADDER, 1):
        (later,) = await house.store.due("router", 2**62, 10)
        assert later.attempts == attempts
        assert later.next_micros == house.clock.now + seconds * 1_000_000
        house.clock.now = later.next_micros
        await house.runner.work(consumer, [later.message], later.attempts)
    assert await house.store.due("router", 2**62, 10) == []
    ((name, dead),) = await house.store.dead(10)
    assert name == "router"
    assert dead.faults[0].code == "TRIED_TOO_OFTEN"
    assert "risk is away" in dead.faults[0].sentence
    assert await house.store.seen("router", ["m1"]) == {"m1"}


async def test_a_fault_of_our_own_is_tried_a_few_times_and_never_thrown_away(house):
    async def bug(_):
        raise ZeroDivisionError

    for attempts in range(len(LADDER_FOR_BUGS) + 1):
        await house.runner.work(house.consumer(bug), [one_chunk(b"a")], attempts)
    ((_, dead),) = await house.store.dead(10)
    assert dead.faults[0].code == "INTERNAL_FAULT"
    assert dead.message == one_chunk(b"a")


async def test_a_conflict_computes_the_work_again(house):
    tries = []

    async def handle(_):
        tries.append(1)
        if len(tries) < 3:
            raise ConflictError("changed meanwhile")
        return Outcome(deliveries=[Delivery("post-cn", "test", "r1", "release", b"")])

    await house.runner.work(house.consumer(handle), [plain("m1")])
    assert len(tries) == 3
    assert await house.delivered() == ["r1"]


async def test_what_an_absent_bus_left_unsent_is_relayed(house):
    publish, down = house.bus.publish, True

    async def perhaps(messages):
        if down:
            raise BusUnavailableError("away")
        await publish(messages)

    house.bus.publish = perhaps
    await house.runner.transact(Outcome(messages=[one_chunk(b"a")]))
    assert len(await house.store.unsent(10)) == 1
    down = False
    await run_until(house, house.delivered)
    assert await house.delivered() == ["a"]
    assert await house.store.unsent(10) == []


async def test_a_message_that_no_queue_takes_does_not_hold_up_the_others(house):
    lost = Message("x", "no-such-topic", "test.postal.post-cn", b"")
    await house.runner.transact(Outcome(messages=[lost, one_chunk(b"a")]))
    await run_until(house, house.delivered)
    assert [one.id for one in await house.store.unsent(10)] == ["x"]


async def test_stop_finishes_the_work_in_hand(house):
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(messages):
        started.set()
        await go_on.wait()
        return await house.handle(messages)

    await house.runner.transact(Outcome(messages=[one_chunk(b"a")]))
    running = asyncio.create_task(house.runner.run([house.consumer(slow)]))
    await started.wait()
    house.runner.stop()
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.wait_for(running, 5)
    assert await house.delivered() == ["a"]
    assert await house.bus.depth("router.advance") == 0


async def run_until(house, done) -> None:
    running = asyncio.create_task(house.runner.run([house.consumer()]))
    async with asyncio.timeout(10):
        while not await done():
            await asyncio.sleep(0.02)
    house.runner.stop()
    await asyncio.wait_for(running, 5)


async def test_a_message_that_cannot_even_be_split_is_set_aside_and_its_neighbours_go_on(house):
    def no_chunk(_message):
        raise ValueError("no chunk")

    consumer = house.consumer(split=no_chunk)
    (other,) = chunk.pack(ADDRESS, [(ChunkEntry(), b"a")], "other")
    await house.runner.work(consumer, [one_chunk(b"poison", b"b"), other])
    assert await house.delivered() == ["a"]
    assert len(await house.store.due("router", 2**62, 10)) == 1


async def test_a_message_that_is_retried_while_the_bus_brings_it_again_is_split_once(house):
    """After a crash between setting aside and acknowledging, both loops have it at the same time."""
    message = one_chunk(b"a", b"wrong", b"c")
    consumer = house.consumer()
    await asyncio.gather(*(house.runner.work(consumer, [message]) for _ in range(4)))
    assert sorted(await house.delivered()) == ["a", "c"]
    assert len(await house.store.dead(10)) == 1


async def test_bodies_come_opened_except_to_who_keeps_them_pressed(house):
    body, got = b"a fact" * 1000, []

    async def keep(messages):
        got.extend(one.body for one in messages)
        return Outcome()

    sent = on_its_way(Message("m1", "facts", "test.monitor.x", body))
    for takes_pressed in (False, True):
        consumer = Consumer(f"c{takes_pressed}", "", keep, split_facts, takes_pressed=takes_pressed)
        await house.runner.work(consumer, [sent])
    assert got == [body, sent.body]
    assert sent.body != body


async def test_who_may_wait_rests_longer_after_more_work_but_never_long(house, monkeypatch):
    rests = []

    async def pause(seconds):
        rests.append(seconds)
        await asyncio.sleep(0.01)

    monkeypatch.setattr(house.runner, "_pause", pause)
    consumer = Consumer("router", "router.advance", house.handle, chunk.split, rest_seconds=0.3)
    for count in (1, 2, 7):
        await house.runner.transact(Outcome(messages=[plain(f"{count}/{n}") for n in range(count)]))
        await house.runner.sent(5)
        received = await house.bus.receive("router.advance", 8)
        assert len(received) == count
        await house.bus.give_back(received)
        running = asyncio.create_task(house.runner._consume(consumer))
        async with asyncio.timeout(5):
            while await house.bus.depth("router.advance"):
                await asyncio.sleep(0.01)
        house.runner.stop()
        await asyncio.wait_for(running, 5)
        house.runner._stop.clear()
    assert rests == [0.3, 0.6, 1.0]


async def test_the_relay_rests_while_the_bus_is_away_however_much_is_unsent(house):
    asked = []

    async def away(messages):
        asked.append(len(messages))
        raise BusUnavailableError("away")

    house.bus.publish = away
    await house.runner.transact(
        Outcome(messages=[Message(f"m{n}", "advance", "test.postal.x", b"") for n in range(250)])
    )
    await house.runner.sent(5)
    asked.clear()
    running = asyncio.create_task(house.runner.run([]))
    await asyncio.sleep(0.3)
    house.runner.stop()
    await asyncio.wait_for(running, 5)
    assert asked == [200]


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), ZeroDivisionError()])
@pytest.mark.parametrize("place", ["receive", "acknowledge", "unsent", "due", "seen"])
async def test_no_loop_ends_because_store_or_bus_fails_once(house, monkeypatch, place, error):
    monkeypatch.setattr("parcelgate.core.runner._PAUSE_SECONDS", 0.01)
    owner = house.bus if place in ("receive", "acknowledge") else house.store
    method, failed = getattr(owner, place), []

    async def fails_once(*arguments):
        if not failed:
            failed.append(1)
            raise error
        return await method(*arguments)

    monkeypatch.setattr(owner, place, fails_once)
    # It comes by the bus and as a retry, so that the inbox is asked as well.
    message = one_chunk(b"a")
    await house.runner.transact(Outcome(messages=[message], postponed=[Postponed(message, 1, 0, "")]), "router")
    await run_until(house, house.delivered)
    assert failed
    assert await house.delivered() == ["a"]


async def test_stop_does_not_wait_for_all_that_is_due(house):
    begun = asyncio.Event()

    async def slow(_):
        begun.set()
        await asyncio.sleep(0.2)
        return Outcome()

    later = [Postponed(plain(f"m{number}"), 1, 0, "") for number in range(50)]
    await house.runner.transact(Outcome(postponed=later), "router")
    running = asyncio.create_task(house.runner.run([house.consumer(slow)]))
    await begun.wait()
    house.runner.stop()
    await asyncio.wait_for(running, 2)


async def test_a_door_does_not_wait_for_a_bus_that_hangs_and_what_it_committed_is_sent_when_the_bus_is_back(house):
    publish, hanging = house.bus.publish, asyncio.Event()

    async def hangs(messages):
        await hanging.wait()
        raise BusUnavailableError("away")

    house.bus.publish = hangs
    await asyncio.wait_for(house.runner.transact(Outcome(messages=[plain("m1")])), 5)
    await asyncio.wait_for(house.runner.transact(Outcome(messages=[plain("m2")])), 5)
    hanging.set()
    await house.runner.sent(5)
    assert await house.store.unsent(10) == [plain("m1"), plain("m2")]
    house.bus.publish = publish
    running = asyncio.create_task(house.runner.run([]))
    house.runner.wake_relay()
    received = await asyncio.wait_for(house.bus.receive("router.advance", 10), 5)
    house.runner.stop()
    await asyncio.wait_for(running, 5)
    assert [one.message.id for one in received] == ["m1", "m2"]


async def test_a_stop_lets_what_was_committed_reach_the_bus(house):
    running = asyncio.create_task(house.runner.run([]))
    await house.runner.transact(Outcome(messages=[plain("m1")]))
    house.runner.stop()
    await asyncio.wait_for(running, 5)
    assert await house.bus.depth("router.advance") == 1
