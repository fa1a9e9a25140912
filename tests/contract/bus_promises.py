"""What every bus promises. An implementation runs all of it from a module that only chooses it."""

import asyncio
import contextlib

import pytest

from parcelgate.core.port import Message, Queue, UnroutableError

TOPOLOGY = (
    Queue("router.advance", "advance", "*", "router"),
    Queue("postal.release", "release", "postal", "postal"),
    Queue("carrier.release", "release", "carrier", "carrier"),
    Queue("audit.release", "release", "*", "audit"),
    Queue("monitor.facts", "facts", "*", "monitor", lane="interactive"),
    Queue("monitor.facts.bulk", "facts", "*", "monitor", lane="bulk"),
)


def message(number: int, topic: str = "advance", channel: str = "postal") -> Message:
    return Message(f"m{number}", topic, f"test.{channel}.somebody", b"body %d" % number)


def ids(received) -> list[str]:
    return [one.message.id for one in received]


class BusPromises:
    """The suite; open_bus makes a bus over the same queues every time within one test."""

    async def test_a_message_arrives_whole(self, open_bus):
        bus = await open_bus()
        await bus.publish([message(1)])
        (received,) = await bus.receive("router.advance", 10)
        assert received.message == message(1)
        assert received.queue == "router.advance"

    async def test_every_queue_that_is_bound_gets_a_message_and_no_other(self, open_bus):
        bus = await open_bus()
        await bus.publish([message(1, "release", "postal"), message(2, "release", "carrier")])
        assert ids(await bus.receive("postal.release", 10)) == ["m1"]
        assert ids(await bus.receive("carrier.release", 10)) == ["m2"]
        assert sorted(ids(await bus.receive("audit.release", 10))) == ["m1", "m2"]
        assert await bus.depth("router.advance") == 0

    async def test_bulk_has_a_queue_of_its_own_so_that_nothing_interactive_waits_behind_it(self, open_bus):
        bus = await open_bus()
        await bus.publish([Message(f"b{number}", "facts", "test.postal.post-cn.bulk", b"") for number in range(9)])
        await bus.publish([Message("single", "facts", "test.postal.post-cn", b"")])
        assert ids(await bus.receive("monitor.facts", 10)) == ["single"]
        assert len(await bus.receive("monitor.facts.bulk", 10)) == 9

    async def test_a_message_that_no_queue_takes_is_refused(self, open_bus):
        bus = await open_bus()
        with pytest.raises(UnroutableError):
            await bus.publish([message(1, "no-such-topic")])

    async def test_receive_takes_what_is_there_without_waiting_for_more(self, open_bus):
        bus = await open_bus()
        await bus.publish([message(number) for number in range(5)])
        taken = await asyncio.wait_for(bus.receive("router.advance", 3), 5)
        taken += await asyncio.wait_for(bus.receive("router.advance", 10), 5)
        assert sorted(ids(taken)) == ["m0", "m1", "m2", "m3", "m4"]

    async def test_receive_waits_for_the_first_message(self, open_bus):
        bus = await open_bus()
        waiting = asyncio.create_task(bus.receive("router.advance", 10))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await bus.publish([message(1)])
        assert ids(await asyncio.wait_for(waiting, 5)) == ["m1"]

    async def test_a_cancelled_receive_takes_nothing(self, open_bus):
        bus = await open_bus()
        waiting = asyncio.create_task(bus.receive("router.advance", 10))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await bus.publish([message(1)])
        assert ids(await asyncio.wait_for(bus.receive("router.advance", 10), 5)) == ["m1"]

    async def test_a_taken_message_is_not_handed_out_twice(self, open_bus):
        bus = await open_bus()
        await bus.publish([message(1), message(2)])
        first = await bus.receive("router.advance", 1)
        second = await bus.receive("router.advance", 10)
        assert sorted(ids(first + second)) == ["m1", "m2"]

    async def test_a_message_given_back_comes_again(self, open_bus):
        bus = await open_bus()
        await bus.publish([message(1)])
        await bus.give_back(await bus.receive("router.advance", 10))
        assert ids(await asyncio.wait_for(bus.receive("router.advance", 10), 5)) == ["m1"]

    async def test_what_was_stored_by_a_cancelled_publish_is_handed_out_all_the_same(self, open_bus):
        """A caller may leave at any moment, for example when the deadline of its call passes."""
        bus = await open_bus()
        for number in range(30):
            publishing = asyncio.create_task(bus.publish([message(number)]))
            for _ in range(number % 5):
                await asyncio.sleep(0)
            await asyncio.sleep(0.0002 * (number % 7))
            publishing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await publishing
        # What the cancelled call left undone, the relay does again.
        await bus.publish([message(number) for number in range(30)])
        taken: set[str] = set()
        async with asyncio.timeout(5):
            while len(taken) < 30:
                taken.update(ids(await bus.receive("router.advance", 100)))

    async def test_what_was_published_survives_a_restart_until_it_is_acknowledged(self, open_bus):
        bus = await open_bus()
        await bus.publish([message(1), message(2), message(3)])
        (one,) = await bus.receive("router.advance", 1)
        await bus.acknowledge([one])
        await bus.receive("router.advance", 1)
        await bus.close()
        bus = await open_bus()
        left = await bus.receive("router.advance", 10)
        assert sorted([one.message.id, *ids(left)]) == ["m1", "m2", "m3"]
        await bus.acknowledge(left)
        await bus.close()
        bus = await open_bus()
        assert await bus.depth("router.advance") == 0

    async def test_depth_counts_what_is_taken_but_not_done(self, open_bus):
        bus = await open_bus()
        await bus.publish([message(1), message(2)])
        taken = await bus.receive("router.advance", 1)
        assert await bus.depth("router.advance") == 2
        await bus.acknowledge(taken)
        assert await bus.depth("router.advance") == 1
