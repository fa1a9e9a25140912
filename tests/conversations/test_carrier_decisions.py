"""Carriers follow and read their decisions: nothing is missed, nothing comes twice, nobody sees another's."""

import asyncio

import grpc
import pytest

from conversations.carrier_house import ORBIT, POST, SWIFT, open_house
from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_RELEASES, Chunk, ChunkEntry, ChunkHead
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.carrier import feed
from parcelgate.carrier.resume import token_of
from parcelgate.core.fact import each
from parcelgate.core.port import Message


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path) as opened:
        yield opened


async def take(call, count):
    """Read so many releases of a stream: (response ids, last token)."""
    ids, token = [], ""
    async with asyncio.timeout(15):
        async for one in call:
            ids.append(one.release.response_id)
            token = one.resume_token
            if len(ids) == count:
                break
    call.cancel()
    return ids, token


def names(first, last, partner=ORBIT):
    return [f"{partner}-{number}" for number in range(first, last + 1)]


async def test_a_release_from_the_router_is_logged_and_told_to_the_monitor(house):
    await house.decide(1, 2)
    facts = []
    async with asyncio.timeout(10):
        while len(facts) < 2:
            facts += [one for told in await house.facts() for one in each(told) if one.kind == "response.logged"]
            await asyncio.sleep(0.01)
    await house.logged(2)
    assert [(fact.item, fact.code, fact.authority) for fact in facts] == [
        ("HWB000001", "RELEASED", "eu-customs"),
        ("HWB000002", "RELEASED", "eu-customs"),
    ]


async def test_a_follower_gets_what_was_and_what_comes(house):
    await house.decide(*range(1, 6))
    await house.logged(5)
    call = house.line(ORBIT).follow()
    reading = asyncio.create_task(take(call, 10))
    await asyncio.sleep(0.2)
    await house.decide(*range(6, 11))
    assert (await reading)[0] == names(1, 10)


async def test_a_follower_hears_the_bell_and_does_not_wait_for_the_poll(house, monkeypatch):
    monkeypatch.setattr(feed, "POLL_SECONDS", 60.0)
    reading = asyncio.create_task(take(house.line(ORBIT).follow(), 1))
    await asyncio.sleep(0.2)
    await house.decide(1)
    assert (await reading)[0] == names(1, 1)


async def test_a_follower_finds_what_another_process_wrote_without_a_bell(house, monkeypatch):
    monkeypatch.setattr(house.runner.bell, "ring", lambda _names: None)
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.05)
    reading = asyncio.create_task(take(house.line(ORBIT).follow(), 1))
    await asyncio.sleep(0.2)
    await house.decide(1)
    assert (await reading)[0] == names(1, 1)


async def test_a_resume_token_misses_nothing_and_repeats_nothing_across_a_restart(tmp_path):
    async with open_house(tmp_path) as house:
        await house.decide(*range(1, 8))
        await house.logged(7)
        ids, token = await take(house.line(ORBIT).follow(), 3)
        assert ids == names(1, 3)
    async with open_house(tmp_path) as house:
        reading = asyncio.create_task(take(house.line(ORBIT).follow(token), 6))
        await house.decide(8, 9)
        assert (await reading)[0] == names(4, 9)


async def test_the_same_release_sent_twice_stands_in_the_log_once(house):
    await house.decide(1)
    await house.decide(1, 2)
    await house.logged(2)
    pulled = await house.line(ORBIT).pull()
    assert [one.release.response_id for one in pulled.releases] == names(1, 2)


async def test_a_pull_may_be_read_again_and_goes_on_where_it_ended(house):
    await house.decide(*range(1, 8))
    await house.logged(7)
    line = house.line(ORBIT)
    first = await line.pull(limit=3)
    assert await line.pull(limit=3) == first
    assert [one.release.response_id for one in first.releases] == names(1, 3) and first.more
    second = await line.pull(first.resume_token, 4)
    assert [one.release.response_id for one in second.releases] == names(4, 7) and not second.more
    last = await line.pull(second.resume_token)
    assert list(last.releases) == [] and last.resume_token == second.resume_token


async def test_a_carrier_sees_nothing_of_another(house):
    await house.decide(1, 2)
    await house.decide(3, partner=SWIFT)
    await house.logged(2)
    await house.logged(1, SWIFT)
    pulled = await house.line(SWIFT).pull()
    assert [one.release.response_id for one in pulled.releases] == names(3, 3, SWIFT)


@pytest.mark.parametrize("damage", ["another's", "changed", "words", "ünicode", "ahead"])
async def test_a_token_that_is_not_ours_is_refused(house, damage):
    await house.decide(1, 2)
    await house.decide(1, partner=SWIFT)
    await house.logged(2)
    await house.logged(1, SWIFT)
    ours = (await house.line(ORBIT).pull()).resume_token
    theirs = (await house.line(SWIFT).pull()).resume_token
    ahead = token_of(ORBIT, "test", 99)
    token = {"another's": theirs, "changed": ours[:6] + "AbAA" + ours[10:], "ahead": ahead}.get(damage, damage)
    for call in (lambda: house.line(ORBIT).pull(token), lambda: take(house.line(ORBIT).follow(token), 1)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call()
        expected = grpc.StatusCode.OUT_OF_RANGE if damage == "ahead" else grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.code() == expected


async def test_a_pull_beyond_the_limit_is_refused(house):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.line(ORBIT).pull(limit=501)
    assert dict(refused.value.trailing_metadata())["parcelgate-fault-code"] == "QUERY_WRONG"


async def test_only_carriers_follow(house):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await take(house.line(POST).follow(), 1)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_a_carrier_follows_with_a_limited_number_of_calls(house, monkeypatch):
    monkeypatch.setattr(feed, "MOST_FOLLOWERS", 2)
    readings = [asyncio.create_task(take(house.line(ORBIT).follow(), 1)) for _ in range(2)]
    await asyncio.sleep(0.2)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await take(house.line(ORBIT).follow(), 1)
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    await house.decide(1)
    assert [ids for ids, _ in await asyncio.gather(*readings)] == [names(1, 1)] * 2
    await asyncio.sleep(0.1)
    assert (await take(house.line(ORBIT).follow(), 1))[0] == names(1, 1)


async def test_who_follows_is_told_when_the_gateway_stops(house):
    reading = asyncio.create_task(take(house.line(ORBIT).follow(), 1))
    await asyncio.sleep(0.2)
    house.stop.set()
    with pytest.raises(grpc.aio.AioRpcError) as told:
        await reading
    assert told.value.code() == grpc.StatusCode.UNAVAILABLE
    assert dict(told.value.trailing_metadata())["parcelgate-fault-code"] == "GATEWAY_STOPPING"


async def test_a_misrouted_release_is_a_dead_letter_and_reaches_nobody(house):
    await house.decide(1)
    await house.logged(1)
    (row,) = await house.store.deliveries(ORBIT, "test", 0, 1)
    release = Release.FromString(row.delivery.body)
    release.declaration.key.partner = SWIFT
    head = ChunkHead(id="m", kind=CHUNK_KIND_RELEASES, environment=1, partner=ORBIT, entries=[ChunkEntry()])
    body = Chunk(head=head, items=[release.SerializeToString()]).SerializeToString()
    (consumer,) = house.service.consumers()
    await house.runner.work(consumer, [Message("m", "release", "test.carrier.carrier-orbit", body)])
    ((_, dead),) = await house.store.dead(10)
    assert dead.faults[0].code == "RELEASE_MISROUTED"
    assert len(await house.store.deliveries(ORBIT, "test", 0, 10)) == 1


async def test_a_pull_stays_within_what_a_client_takes(house, monkeypatch):
    await house.decide(*range(1, 8))
    await house.logged(7)
    monkeypatch.setattr(feed, "_MOST_BYTES", 1)
    line, token, ids = house.line(ORBIT), "", []
    while (answer := await line.pull(token)).releases:
        token = answer.resume_token
        ids.extend(one.release.response_id for one in answer.releases)
        assert len(answer.releases) == 1 and answer.more == (len(ids) < 7)
    assert ids == names(1, 7)


async def test_a_follower_misses_no_bell_while_the_log_grows(house, monkeypatch):
    monkeypatch.setattr(feed, "POLL_SECONDS", 60.0)
    reading = asyncio.create_task(take(house.line(ORBIT).follow(), 80))
    for number in range(1, 81):
        await house.decide(number)
        await asyncio.sleep(0.002 * (number % 5))
    assert sorted((await reading)[0]) == sorted(names(1, 80))
