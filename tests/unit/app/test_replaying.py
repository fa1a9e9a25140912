"""Replaying dead letters: what is taken out of them is surely tried again."""

import httpx
import pytest
from starlette.applications import Starlette

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.app.replaying import ReplayDoor
from parcelgate.app.topology import QUEUES
from parcelgate.core.bell import Bell
from parcelgate.core.clock import FixedClock
from parcelgate.core.credential import Credentials
from parcelgate.core.fault import fault
from parcelgate.core.partner import Partners
from parcelgate.core.port import Dead, Message, Outcome
from parcelgate.core.runner import Runner


@pytest.fixture
async def replay(tmp_path):
    store = SqliteStore(tmp_path / "store.sqlite")
    runner = Runner(store, EmbeddedBus(store, QUEUES), FixedClock(5), Bell())
    credentials = Credentials(tmp_path, Partners())

    async def reprocess(_):
        return 0

    app = Starlette(routes=list(ReplayDoor(runner, credentials, reprocess, ["router"]).routes()))
    headers = {"Authorization": f"Bearer {credentials.local_key('integrator')}"}
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway", headers=headers)

    async def post(consumer):
        message = Message("m/1", "advance", "test.postal.post-cn", b"body")
        await runner.transact(Outcome(dead=[Dead(message, [fault("DATA_ERASED")], 5, 3)]), consumer)
        answer = await client.post(f"/v1/dead-letters/{consumer}/m/1/replay")
        return answer, await store.due(consumer, 10, 10), await store.dead(10)

    yield post
    await client.aclose()
    await store.close()


async def test_a_dead_letter_of_a_subscription_is_due_again(replay):
    answer, due, dead = await replay("router")
    assert (answer.status_code, [one.message.body for one in due], dead) == (202, [b"body"], [])


async def test_a_dead_letter_that_nobody_would_take_up_again_stays_where_it_is(replay):
    answer, due, dead = await replay("postal.interchange")
    assert (answer.status_code, answer.json()["faults"][0]["code"]) == (409, "NOT_REPLAYABLE")
    assert (due, len(dead)) == ([], 1)
