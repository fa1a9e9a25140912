"""What only the bus of the cluster can suffer: a broker that dies, a line that breaks, a topology that is not ours."""

import asyncio
import contextlib
import time

import aio_pika
import pytest

from parcelgate.adapters.bus.rabbitmq import alarm, connection
from parcelgate.adapters.bus.rabbitmq.bus import RabbitBus
from parcelgate.adapters.bus.rabbitmq.topology import DEAD, UNROUTED, TopologyError, plan
from parcelgate.app.node.rabbitmq import RabbitNode
from parcelgate.core import failpoint
from parcelgate.core.port import BusUnavailableError, Message, Queue
from proxy import Proxy

QUEUES = (
    Queue("router.advance", "advance", "*", "router"),
    Queue("monitor.facts", "facts", "*", "monitor", single=True),
)


@pytest.fixture(scope="module")
def node():
    with RabbitNode() as node:
        yield node


@pytest.fixture(scope="module")
def vhost(node):
    return node.add_vhost()


@pytest.fixture
async def url(vhost):
    """A virtual host without any queue of ours, whatever an earlier test did to them."""
    async with await aio_pika.connect(vhost) as line, line.channel() as channel:
        for queue in plan(QUEUES).queues:
            await channel.queue_delete(queue.name)
    return vhost


@pytest.fixture
async def opened(url):
    """Open buses that are closed again whatever happens."""
    buses = []

    async def open_it(address="", **options):
        buses.append(await RabbitBus.open(address or url, QUEUES, name=f"test-{len(buses)}", **options))
        return buses[-1]

    yield open_it
    await asyncio.gather(*(bus.close() for bus in buses))


def message(number, topic="advance"):
    return Message(f"m{number}", topic, "test.postal.somebody", b"body %d" % number)


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def depth_of(url, queue):
    async with await aio_pika.connect(url) as line, line.channel() as channel:
        found = await channel.declare_queue(queue, passive=True)
        return found.declaration_result.message_count


async def publish_surely(bus, one):
    """Do what the relay does: try again until it is confirmed."""
    while True:
        try:
            return await bus.publish([one])
        except BusUnavailableError:
            await asyncio.sleep(0.05)


class Traffic:
    """A publisher that never gives up and a consumer that acknowledges; what is confirmed has to arrive."""

    def __init__(self, sender, taker):
        self.sender, self.taker = sender, taker
        self.confirmed, self.arrived, self.moments = [], set(), []
        self._stop = False

    async def __aenter__(self):
        self._tasks = [asyncio.create_task(self._publish()), asyncio.create_task(self._take())]
        return self

    async def __aexit__(self, *_):
        self._stop = True
        await self._tasks[0]
        await until(lambda: set(self.confirmed) <= self.arrived)
        self._tasks[1].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._tasks[1]

    async def _publish(self):
        number = 0
        while not self._stop:
            number += 1
            await publish_surely(self.sender, message(number))
            self.confirmed.append(f"m{number}")
            await asyncio.sleep(0.002)

    async def _take(self):
        while True:
            received = await self.taker.receive("router.advance", 10)
            self.arrived.update(one.message.id for one in received)
            self.moments.append(time.monotonic())
            await self.taker.acknowledge(received)

    async def more(self, count=20):
        """Wait until so many more were confirmed and have arrived."""
        target = len(self.confirmed) + count
        await until(lambda: len(self.confirmed) >= target and len(self.arrived) >= target)


async def test_a_broker_killed_and_started_again_loses_nothing_that_was_confirmed(node, opened):
    bus = await opened()
    await asyncio.sleep(3.5)
    async with Traffic(bus, bus) as traffic:
        await traffic.more(50)
        await asyncio.to_thread(node.kill)
        await until(lambda: not bus.connected)
        with pytest.raises(BusUnavailableError):
            await asyncio.wait_for(bus.publish([message(0)]), 0.5)
        await asyncio.to_thread(node.start)
        await traffic.more(50)
    assert await bus.depth("router.advance") == 0


async def test_a_cut_line_is_taken_up_again_and_nothing_is_lost(node, url, opened):
    async with Proxy("127.0.0.1", node.port) as proxy:
        bus = await opened(proxy.through(url))
        async with Traffic(bus, bus) as traffic:
            for _ in range(5):
                await traffic.more(10)
                proxy.cut()
        await bus.close()


async def test_a_black_hole_is_noticed_before_the_heartbeat_and_left(node, url, opened, monkeypatch):
    monkeypatch.setattr(connection, "_ASK_SECONDS", 0.5)
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 1.0)
    async with Proxy("127.0.0.1", node.port) as proxy:
        bus = await opened(proxy.through(url))
        async with Traffic(bus, bus) as traffic:
            await traffic.more(10)
            proxy.blackhole()
            await until(lambda: not bus.connected, 8)
            proxy.cut()
            proxy.heal()
            await traffic.more(10)
        proxy.blackhole()
        async with asyncio.timeout(2.5):
            await bus.close()


async def test_a_slow_line_only_makes_it_slow(node, url, opened):
    async with Proxy("127.0.0.1", node.port) as proxy:
        bus = await opened(proxy.through(url))
        proxy.delay(0.2)
        await bus.publish([message(number) for number in range(20)])
        taken = []
        while len(taken) < 20:
            taken += await bus.receive("router.advance", 50)
        assert {one.message.id for one in taken} == {f"m{number}" for number in range(20)}
        await bus.acknowledge(taken)
        await bus.close()


async def test_consumers_that_are_cut_again_and_again_burn_nothing_into_the_dead_letters(
    node, url, opened, monkeypatch
):
    monkeypatch.setattr(connection, "_GOOD_SECONDS", 0.0)
    sender = await opened()
    await sender.publish([message(number) for number in range(30)])
    async with Proxy("127.0.0.1", node.port) as proxy:
        bus = await opened(proxy.through(url))
        for _ in range(25):
            await bus.receive("router.advance", 1)
            proxy.cut()
            await until(lambda: not bus.connected)
            await until(lambda: bus.connected)
        await bus.close()
    assert await depth_of(url, DEAD) == 0
    left = set()
    while len(left) < 30:
        received = await sender.receive("router.advance", 50)
        left.update(one.message.id for one in received)
        await sender.acknowledge(received)


async def test_what_is_given_back_two_hundred_times_is_still_there(url, opened):
    bus = await opened()
    await bus.publish([message(1)])
    for _ in range(200):
        received = await bus.receive("router.advance", 1)
        await bus.give_back(received)
    assert await depth_of(url, DEAD) == 0
    (one,) = await bus.receive("router.advance", 1)
    assert one.message == message(1)
    await bus.acknowledge([one])
    assert await bus.depth("router.advance") == 0


async def test_a_ticket_of_a_lost_connection_acknowledges_nothing(node, url, opened):
    async with Proxy("127.0.0.1", node.port) as proxy:
        bus = await opened(proxy.through(url))
        await bus.publish([message(1)])
        old = await bus.receive("router.advance", 1)
        proxy.cut()
        await until(lambda: not bus.connected)
        again = await bus.receive("router.advance", 1)
        await bus.acknowledge(old)
        await bus.give_back(old)
        assert await bus.depth("router.advance") == 1
        await bus.acknowledge(again)
        assert await bus.depth("router.advance") == 0
        await bus.close()


async def test_messages_that_no_queue_took_raise_an_alarm_and_go_on_when_their_way_is_there_again(
    url, opened, monkeypatch
):
    monkeypatch.setattr(alarm, "LOOK_SECONDS", 0.2)
    bus = await opened()
    async with await aio_pika.connect(url) as line, line.channel() as channel:
        queue = await channel.get_queue("router.advance")
        await queue.unbind("parcelgate.advance", "*.*.*.#")
        seen = []
        looking = asyncio.create_task(_note_alarms(bus, seen))
        await bus.publish([message(number) for number in range(5)])
        taken = []
        async with asyncio.timeout(20):
            while len(taken) < 5:
                taken += await bus.receive("router.advance", 10)
        looking.cancel()
    assert sorted(one.message.id for one in taken) == [f"m{number}" for number in range(5)]
    assert taken[0].message == message(int(taken[0].message.id[1:]))
    assert max(seen) > 0
    await until(lambda: bus.alarms() == {UNROUTED: 0, DEAD: 0})


async def _note_alarms(bus, seen):
    while True:
        seen.append(bus.alarms()[UNROUTED])
        await asyncio.sleep(0.01)


async def test_a_queue_deleted_under_a_consumer_is_declared_and_consumed_again(url, opened):
    bus = await opened()
    waiting = asyncio.create_task(bus.receive("router.advance", 1))
    await asyncio.sleep(0.5)
    async with await aio_pika.connect(url) as line, line.channel() as channel:
        await channel.queue_delete("router.advance")
    await until(lambda: not bus.connected, 5)
    await until(lambda: bus.connected)
    await publish_surely(bus, message(1))
    assert [one.message.id for one in await asyncio.wait_for(waiting, 10)] == ["m1"]


async def test_a_queue_with_other_arguments_is_refused_with_its_name(url):
    async with await aio_pika.connect(url) as line, line.channel() as channel:
        await channel.declare_queue("router.advance", durable=True, arguments={"x-queue-type": "quorum"})
    with pytest.raises(
        TopologyError, match=r"queue router\.advance is on the broker already and differs.*x-dead-letter"
    ):
        await RabbitBus.open(url, QUEUES, name="test")


async def test_a_broker_that_is_away_is_said_at_once_or_awaited(node, url, opened):
    with pytest.raises(BusUnavailableError):
        await RabbitBus.open("amqp://127.0.0.1:1/", QUEUES, name="test", wait=False)
    async with Proxy("127.0.0.1", node.port) as proxy:
        proxy.cut(refuse=True)
        opening = asyncio.create_task(opened(proxy.through(url)))
        await asyncio.sleep(0.5)
        proxy.heal()
        bus = await opening
        await until(lambda: bus.connected)
        await bus.close()


async def test_a_broker_short_of_memory_is_shown_and_waited_for(node, url, opened, monkeypatch):
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 1.0)
    bus = await opened()
    await bus.publish([message(1)])
    await asyncio.to_thread(node.ctl, "set_vm_memory_high_watermark", "0.00001")
    try:
        with pytest.raises(BusUnavailableError):
            await bus.publish([message(2)])
        await until(lambda: bus.blocked)
        began = time.monotonic()
        with pytest.raises(BusUnavailableError):
            await bus.publish([message(3)])
        assert time.monotonic() - began < 10
        # Consuming goes on beside it.
        assert await bus.receive("router.advance", 1)
    finally:
        await asyncio.to_thread(node.ctl, "set_vm_memory_high_watermark", "0.6")
    await until(lambda: not bus.blocked)
    await publish_surely(bus, message(4))


async def test_two_instances_share_a_queue(opened):
    one, other = await opened(), await opened()
    await one.publish([message(number) for number in range(200)])
    counts = {0: 0, 1: 0}
    ids = []

    async def take(number, bus):
        while len(ids) < 200:
            received = await bus.receive("router.advance", 4)
            counts[number] += len(received)
            ids.extend(each.message.id for each in received)
            await asyncio.sleep(0)
            await bus.acknowledge(received)

    tasks = [asyncio.create_task(take(number, bus)) for number, bus in enumerate((one, other))]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=20)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(ids) == len(set(ids)) == 200
    assert all(counts.values())


async def test_a_queue_for_one_consumer_at_a_time_keeps_its_order_when_that_one_leaves(opened):
    sender, one, other = await opened(), await opened(), await opened()
    await sender.publish([message(1, "facts")])
    first = await one.receive("monitor.facts", 10)
    assert [each.message.id for each in first] == ["m1"]
    standing_by = asyncio.create_task(other.receive("monitor.facts", 10))
    await asyncio.sleep(0.5)
    for number in (2, 3, 4):
        await sender.publish([message(number, "facts")])
    await asyncio.sleep(0.2)
    assert not standing_by.done()
    await one.acknowledge(first)
    await one.close()
    taken = await asyncio.wait_for(standing_by, 10)
    while len(taken) < 3:
        taken += await asyncio.wait_for(other.receive("monitor.facts", 10), 10)
    assert [each.message.id for each in taken] == ["m2", "m3", "m4"]


async def test_closing_is_quick_and_ends_every_connection(node, opened):
    bus = await opened()
    await bus.publish([message(1)])
    await bus.receive("router.advance", 1)
    async with asyncio.timeout(2):
        await bus.close()


async def test_without_confirms_a_message_is_lost_and_nobody_is_told(node, url, opened, monkeypatch):
    """The negative control: this guard is what keeps messages."""
    async with Proxy("127.0.0.1", node.port) as proxy:
        with monkeypatch.context() as off:
            off.setattr(failpoint, "_OFF", frozenset(["confirms"]))
            careless = await opened(proxy.through(url))
        proxy.blackhole()
        await careless.publish([message(1)])
        proxy.cut()
        await careless.close()
        proxy.heal()
        careful = await opened(proxy.through(url))
        assert await careful.depth("router.advance") == 0
        proxy.blackhole()
        monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.5)
        with pytest.raises(BusUnavailableError):
            await careful.publish([message(2)])
        proxy.cut()
        await careful.close()


async def test_an_unrouted_message_whose_exchange_is_gone_stays_and_disturbs_nobody(url, opened, monkeypatch):
    monkeypatch.setattr(alarm, "LOOK_SECONDS", 0.2)
    bus = await opened()
    async with await aio_pika.connect(url) as line, line.channel() as channel:
        gone = await channel.declare_exchange("gone", "fanout", arguments={"alternate-exchange": UNROUTED})
        await gone.publish(aio_pika.Message(b"x"), "")
        await gone.delete()
    await until(lambda: bus.alarms()[UNROUTED] == 1)
    await asyncio.sleep(1)
    assert bus.connected
    assert bus.alarms()[UNROUTED] == 1
