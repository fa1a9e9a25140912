"""Partners' own queues, used by an independent client (amqp-tools) with the partner's own user and nothing else."""

import asyncio
import json
import subprocess
from dataclasses import replace

import aio_pika
import pytest
from aiormq.exceptions import ChannelAccessRefused

from conversations import carrier_house, postal_house
from conversations.postal_house import declaration, document
from conversations.test_postal_handout import decisions, read
from parcelgate.adapters.bus.rabbitmq.bus import RabbitBus
from parcelgate.adapters.bus.rabbitmq.topology import RELEASE_MESSAGES, plan
from parcelgate.adapters.transport.amqp import PartnerQueues, partner_plan
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.app import cluster, definitions
from parcelgate.app.node import engine
from parcelgate.app.topology import QUEUES
from parcelgate.carrier.queue import DecisionQueue
from parcelgate.core import resource
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.port import Delivery, Outcome, StoreUnavailableError
from parcelgate.core.setting import Settings
from parcelgate.postal import handout

POST, OTHER, CARRIER = "post-cn", "post-gb", "carrier-orbit"


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    """Partner files in which three partners have a queue."""
    folder = tmp_path_factory.mktemp("partners")
    for name in (POST, OTHER, CARRIER):
        text = (resource.schemas() / "partners" / f"{name}.toml").read_text("utf-8")
        (folder / f"{name}.toml").write_text(text.replace("mailbox = true\n", "") + "queue = true\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def broker(rabbit_node, tmp_path_factory, profiles):
    """A virtual host made from the printed definitions, and nothing else."""
    stage = Stage(rabbit_node, tmp_path_factory.mktemp("stage"), profiles)
    stage.define()
    return stage


@pytest.fixture
async def stage(broker):
    """The virtual host with empty queues, and how to reach it."""
    async with await aio_pika.connect(broker.url) as line, line.channel() as channel:
        for queue in (plan(QUEUES) + partner_plan(broker.partners.all())).queues:
            await (await channel.get_queue(queue.name)).purge()
    yield broker
    for queues in broker.opened:
        await queues.close()
    broker.opened.clear()


class Stage:
    def __init__(self, node, folder, profiles):
        self.node, self.settings = node, Settings(data=folder, partners=profiles)
        self.partners = Partners(profiles)
        self.vhost = node.add_vhost().rpartition("/")[2]
        self.url = node.url_of(self.vhost)
        self.opened = []

    def define(self):
        file = self.settings.data / "definitions.json"
        file.write_text(definitions.text(self.settings, self.vhost, "parcelgate", None))
        self.node.ctl("import_definitions", str(file))

    def url_of(self, partner):
        return self.node.url_of(self.vhost, partner, Credentials(self.settings.data, self.partners).local_key(partner))

    async def queues(self):
        queued = [one for one in self.partners.all() if one.queue]
        self.opened.append(await PartnerQueues.open(self.url, queued, name="test"))
        return self.opened[-1]

    async def tool(self, name, *words, partner=POST, body=b""):
        """Run one of the independent tools as a partner."""
        command = [engine.tool(name), "-u", self.url_of(partner), *words]
        return await asyncio.to_thread(
            subprocess.run, command, env=engine.environment(), input=body, capture_output=True, timeout=20
        )

    async def get(self, partner=POST):
        """Take one message from a partner's release queue as amqp-get does, or None."""
        done = await self.tool("amqp-get", "-q", f"release.{partner}", partner=partner)
        return done.stdout if done.returncode == 0 else None

    async def got(self, partner=POST):
        async with asyncio.timeout(20):
            while (body := await self.get(partner)) is None:
                await asyncio.sleep(0.1)
            return body

    async def ready(self, queue):
        async with await aio_pika.connect(self.url) as line, line.channel() as channel:
            return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count

    async def filled(self, queue, count):
        async with asyncio.timeout(30):
            while await self.ready(queue) < count:
                await asyncio.sleep(0.1)


@pytest.fixture
async def house(stage, tmp_path):
    queues = await stage.queues()
    async with postal_house.opened(tmp_path, queues.of, partners=stage.settings.partners) as house:
        yield house


async def test_the_printed_definitions_are_what_the_gateway_declares_itself(stage):
    bus = await RabbitBus.open(stage.url, QUEUES, name="test", wait=False)
    await bus.close()
    queues = await stage.queues()
    assert queues.link.up


async def test_an_interchange_handed_in_by_another_client_is_taken_in_and_answered(stage, house):
    body = document("Q1", declaration(1))
    done = await stage.tool("amqp-publish", "-e", f"in.{POST}", "-p", "-H", "file-name: first.xml", body=body)
    assert done.returncode == 0, done.stderr
    answer = json.loads(await stage.got())
    assert answer["repeated"] is False
    outcome = await house.outcome(answer["receipt"])
    assert (outcome["state"], outcome["name"]) == ("ROUTED", "first.xml")
    # The same bytes have the same receipt, whichever door they come through.
    assert await house.hand_in(body) == answer["receipt"]
    await stage.tool("amqp-publish", "-e", f"in.{POST}", "-p", body=body)
    again = json.loads(await stage.got())
    assert (again["receipt"], again["repeated"]) == (answer["receipt"], True)
    assert await stage.ready(f"in.{POST}") == 0


async def test_an_answer_names_what_it_answers_and_a_refusal_says_why(stage, house):
    async with await aio_pika.connect(stage.url_of(POST)) as line, line.channel() as channel:
        exchange = await channel.get_exchange(f"in.{POST}", ensure=False)
        await exchange.publish(aio_pika.Message(b"no interchange at all", message_id="mine-7"), "")
        queue = await channel.get_queue(f"release.{POST}", ensure=False)
        async with asyncio.timeout(20):
            while (answer := await queue.get(fail=False)) is None:
                await asyncio.sleep(0.05)
        await answer.ack()
    assert (answer.type, answer.correlation_id, answer.content_type) == ("refusal", "mine-7", "application/json")
    assert json.loads(answer.body)["faults"][0]["code"]


async def test_what_cannot_be_stored_now_stays_and_is_not_counted_against_it(stage, house, monkeypatch):
    monkeypatch.setattr("parcelgate.postal.mailbox._AWAY_SECONDS", 0.05)
    receive, tries = house.service.intake.receive, []

    async def away(*arguments):
        tries.append(1)
        if len(tries) <= 5:
            raise StoreUnavailableError("no room")
        return await receive(*arguments)

    monkeypatch.setattr(house.service.intake, "receive", away)
    await stage.tool("amqp-publish", "-e", f"in.{POST}", "-p", body=document("Q2", declaration(2)))
    assert json.loads(await stage.got())["receipt"]
    assert len(tries) == 6
    assert await stage.ready("parcelgate.dead") == 0


async def test_another_client_takes_response_messages_in_the_partners_format(stage, house):
    await house.release(decisions(3), partner=POST)
    body = await stage.got()
    assert [Release.FromString(one.message).response_id for one in read(body)] == ["r00000", "r00001", "r00002"]

    async def marked():
        (message,) = (await house.get("/v1/responses")).json()["responses"]
        return message if message["handed_out"] else None

    message = await house.until(marked)
    assert (await house.get(message["link"])).content == body


async def test_a_response_message_tells_its_number_and_place_in_the_log(stage, house):
    await house.release(decisions(2), partner=POST)
    await stage.filled(f"release.{POST}", 1)
    async with await aio_pika.connect(stage.url_of(POST)) as line, line.channel() as channel:
        letter = await (await channel.get_queue(f"release.{POST}", ensure=False)).get()
        await letter.ack()
    assert (letter.type, letter.message_id) == ("upu/cusrsp/own-1", "CUSRSP-POST-CN-00000001")
    places = [letter.headers[name] for name in ("number", "first-sequence", "last-sequence")]
    assert places == [1, 1, 2]
    assert (letter.content_type, letter.delivery_mode) == ("application/xml", aio_pika.DeliveryMode.PERSISTENT)


async def test_a_partner_may_touch_its_own_two_names_and_nothing_else(stage):
    await stage.queues()
    others = await stage.tool("amqp-get", "-q", f"release.{OTHER}")
    assert others.returncode != 0 and b"ACCESS_REFUSED" in others.stderr
    assert b"ACCESS_REFUSED" in (await stage.tool("amqp-get", "-q", f"in.{POST}")).stderr
    assert b"ACCESS_REFUSED" in (await stage.tool("amqp-declare-queue", "-q", "mine")).stderr
    for exchange, key in (("", f"release.{OTHER}"), ("parcelgate.advance", "test.postal.x"), (f"in.{OTHER}", "")):
        async with await aio_pika.connect(stage.url_of(POST)) as line:
            channel = await line.channel()
            place = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
            with pytest.raises(ChannelAccessRefused):
                await place.publish(aio_pika.Message(b"x"), key)
    async with await aio_pika.connect(stage.url_of(POST)) as line:
        channel = await line.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.declare_exchange("mine", durable=True)
    async with await aio_pika.connect(stage.url_of(POST)) as line:
        channel = await line.channel()
        queue = await channel.get_queue(f"release.{POST}", ensure=False)
        with pytest.raises(ChannelAccessRefused):
            await queue.bind("parcelgate.release", "#")
    assert await stage.ready("router.advance") == 0


async def test_an_unread_queue_is_bounded_stops_nobody_else_and_is_topped_up_when_read(stage, house, monkeypatch):
    monkeypatch.setattr(handout, "MOST_RESPONSES", 1)
    count = RELEASE_MESSAGES + 20
    await house.release(decisions(count), partner=POST)
    await stage.filled(f"release.{POST}", RELEASE_MESSAGES)
    await house.release(decisions(1), partner=OTHER, seed="other")
    assert len(read(await stage.got(OTHER))) == 1
    await asyncio.sleep(1.5)
    assert RELEASE_MESSAGES <= await stage.ready(f"release.{POST}") < count
    ids = []
    async with await aio_pika.connect(stage.url_of(POST)) as line, line.channel() as channel:
        queue = await channel.get_queue(f"release.{POST}", ensure=False)
        async with asyncio.timeout(30):
            while len(ids) < count:
                if (letter := await queue.get(fail=False)) is None:
                    await asyncio.sleep(0.05)
                    continue
                ids += [Release.FromString(one.message).response_id for one in read(letter.body)]
                await letter.ack()
    assert ids == [f"r{number:05}" for number in range(count)]


async def test_answers_that_nobody_reads_hold_up_their_own_partner_alone(stage, house):
    queues = stage.opened[-1]
    async with await aio_pika.connect(stage.url) as line, line.channel() as channel:
        while await queues.of(POST).room():
            await channel.default_exchange.publish(aio_pika.Message(b"unread"), f"release.{POST}")
    await stage.tool("amqp-publish", "-e", f"in.{POST}", "-p", body=document("Q3", declaration(3)))
    other = declaration(4)
    await stage.tool("amqp-publish", "-e", f"in.{OTHER}", "-p", partner=OTHER, body=document("Q4", other))
    assert json.loads(await stage.got(OTHER))["receipt"]
    for _ in range(10):
        await stage.get(POST)
    async with asyncio.timeout(30):
        while not (body := await stage.get(POST) or b"").startswith(b'{"receipt"'):
            await asyncio.sleep(0.05)
    assert json.loads(body)["receipt"]


async def test_a_carrier_takes_each_decision_once_in_the_order_of_its_log(stage, tmp_path):
    queues = await stage.queues()
    async with carrier_house.open_house(tmp_path, queues.of, stage.settings.partners) as house:
        await house.decide(1, 2, 3)
        letters = []
        async with await aio_pika.connect(stage.url_of(CARRIER)) as line, line.channel() as channel:
            queue = await channel.get_queue(f"release.{CARRIER}", ensure=False)
            async with asyncio.timeout(20):
                while len(letters) < 3:
                    if (letter := await queue.get(fail=False)) is None:
                        await asyncio.sleep(0.05)
                        continue
                    letters.append(letter)
                    await letter.ack()
            assert [letter.headers["sequence"] for letter in letters] == [1, 2, 3]
            async with house.http() as http:
                shown = (await http.get("/v1/decisions")).json()["releases"]
            assert [json.loads(letter.body) for letter in letters] == shown
            assert [letter.message_id for letter in letters] == [one["release"]["responseId"] for one in shown]
            await asyncio.sleep(1.5)
            assert await queue.get(fail=False) is None


async def test_a_broker_that_is_away_stops_neither_intake_by_http_nor_the_delivery_log(stage, tmp_path):
    queued = [one for one in stage.partners.all() if one.queue]
    queues = await PartnerQueues.open("amqp://127.0.0.1:1/", queued, name="test")
    stage.opened.append(queues)
    async with postal_house.opened(tmp_path, queues.of, partners=stage.settings.partners) as house:
        await house.outcome(await house.hand_in(document("Q5", declaration(5))))
        await house.release(decisions(1), partner=POST)

        async def closed():
            return (await house.get("/v1/responses")).json()["responses"]

        (message,) = await house.until(closed)
        assert not message["handed_out"]


async def test_a_process_of_the_cluster_serves_the_queues_of_its_own_partners(stage, database):
    settings = replace(stage.settings, broker_url=stage.url, database_url=database, instance="carrier-1")
    async with cluster.opened(settings, asyncio.Event(), "carrier") as engines:
        carrier = stage.partners.get(CARRIER)
        log = [Delivery(CARRIER, "test", f"r{number}", "release", b"") for number in range(3)]
        await engines.runner.transact(Outcome(deliveries=log))
        for _ in range(2):
            await DecisionQueue(engines.runner, engines.charge, carrier, engines.queue(CARRIER)).look()
        assert await stage.ready(f"release.{CARRIER}") == 3
        assert await engines.runner.store.read("carrier.queued", "test", CARRIER) == [(3,)]
