"""The tracking service: what a program may find and watch."""

import asyncio

import grpc
import pytest

from monitor_traffic import START, declaration, interchange
from parcelgate.api.tracking.v1.tracking_pb2 import FindRequest, TimelineRequest, WatchRequest
from parcelgate.core.fact import fact
from parcelgate.monitor import tracking


class EndedError(Exception):
    """The call was ended with a status."""


class Call:
    """A call as the servicer sees it, without a socket."""

    def __init__(self, key):
        self._key = key
        self.answered = asyncio.Event()

    def invocation_metadata(self):
        return (("authorization", f"Bearer {self._key}"),)

    async def abort(self, code, details, trailing_metadata=()):
        raise EndedError(code, details)

    async def send_initial_metadata(self, metadata):
        self.answered.set()


@pytest.fixture
def call(gateway):
    return lambda partner: Call(gateway.credentials.issue(partner))


@pytest.fixture
def service(gateway, monkeypatch):
    monkeypatch.setattr(tracking, "WATCH_SECONDS", 0.01)
    return tracking.Tracking(gateway.lookup, gateway.credentials)


async def test_a_partner_finds_its_own_and_nothing_of_others(gateway, service, call):
    await gateway.take_facts(interchange("post-cn", 1, 5, START))
    request = FindRequest(query="CNCUSITM000001", limit=3)
    assert len((await service.Find(request, call("post-cn"))).found) == 3
    assert len((await service.Find(request, call("integrator"))).found) == 3
    assert len((await service.Find(request, call("post-jp"))).found) == 0


async def test_another_partners_timeline_ends_like_a_missing_one(gateway, service, call):
    one = declaration(7, "post-cn", "r1", "REF1")
    await gateway.take_facts([fact("declaration.accepted", START, declaration=one)])
    assert len((await service.Timeline(TimelineRequest(declaration_id=one.id), call("post-cn"))).facts) == 1
    ends = []
    for wanted in (one.id, "0" * 32):
        with pytest.raises(EndedError) as ended:
            await service.Timeline(TimelineRequest(declaration_id=wanted), call("post-jp"))
        ends.append(ended.value.args)
    assert ends[0] == ends[1]
    assert ends[0][0] == grpc.StatusCode.NOT_FOUND


async def test_without_a_key_a_call_ends(service):
    with pytest.raises(EndedError) as ended:
        await service.Find(FindRequest(query="x"), Call("nobody.wrong"))
    assert ended.value.args[0] == grpc.StatusCode.UNAUTHENTICATED


async def test_a_watch_shows_what_happens_from_now_on_until_the_gateway_stops(gateway, service, call):
    one, other = declaration(7, "post-cn", "r1", "REF1"), declaration(8, "post-jp", "r2", "REF2")
    await gateway.take_facts([fact("declaration.accepted", START, declaration=one)])
    seen = []

    async def watch(context):
        async for answer in service.Watch(WatchRequest(), context):
            seen.append(answer.fact)
            if len(seen) == 2:
                service.close()

    context = call("post-cn")
    watching = asyncio.create_task(watch(context))
    await context.answered.wait()
    await gateway.take_facts(
        [fact("case.opened", START, declaration=one), fact("case.opened", START, declaration=other)]
    )
    await gateway.take_facts([fact("decision.made", START, declaration=one, code="RELEASED")])
    await asyncio.wait_for(watching, 5)
    assert [(each.partner, each.kind) for each in seen] == [("post-cn", "case.opened"), ("post-cn", "decision.made")]


async def test_a_watch_of_one_declaration_shows_only_that(gateway, service, call):
    one, other = declaration(7, "post-cn", "r1", "REF1"), declaration(8, "post-cn", "r1", "REF1")
    context = call("integrator")
    answers = service.Watch(WatchRequest(declaration_id=other.id), context)
    first = asyncio.create_task(anext(answers))
    await context.answered.wait()
    await gateway.take_facts(
        [fact("case.opened", START, declaration=one), fact("case.opened", START, declaration=other)]
    )
    assert (await asyncio.wait_for(first, 5)).fact.declaration_id == other.id
    await answers.aclose()


async def test_a_query_with_nul_is_refused_by_every_call(service, call):
    with pytest.raises(EndedError) as found:
        await service.Find(FindRequest(query="a\0"), call("integrator"))
    with pytest.raises(EndedError) as timeline:
        await service.Timeline(TimelineRequest(declaration_id="a\0"), call("integrator"))
    with pytest.raises(EndedError) as watch:
        await anext(service.Watch(WatchRequest(declaration_id="a\0"), call("integrator")))
    for ended in (found, timeline, watch):
        code, words = ended.value.args
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert words.startswith("TEXT_NUL")
