"""The router with its own task and the runner's loops, in real time: parked work drains without anybody's help."""

import asyncio
import time
from contextlib import asynccontextmanager

from conversations.router_talk import Talk
from parcelgate.core.clock import SystemClock
from parcelgate.router.agreement import Agreements

OWN = """
version = "2"
source = "own"
note = "Brazil joins."
[[row]]
partners = ["POST"]
flow = "IMPORT"
destinations = ["BR"]
origins = ["*"]
valid_from = 2026-01-01
[[row.step]]
authority = "br-customs"
procedure = "IMPORT"
by = "clearance"
deadline_hours = 24
"""


@asynccontextmanager
async def running(talk):
    await talk.bus.open()
    talk.clock = talk.runner.clock = SystemClock()
    stop = asyncio.Event()
    loops = asyncio.create_task(talk.runner.run(talk.service.consumers()))
    own = asyncio.create_task(talk.service.run(stop))
    try:
        yield
    finally:
        stop.set()
        talk.runner.stop()
        await asyncio.gather(loops, own)
        await talk.close()


async def sent(talk, count, seconds):
    """Wait until so many messages of the router were sent, and return how long that took."""
    start = time.monotonic()
    while len(talk.sent) < count:
        assert time.monotonic() - start < seconds, talk.sent
        await asyncio.sleep(0.02)
        await talk.collect()
    return time.monotonic() - start


async def test_parked_cases_drain_within_two_seconds_of_the_return_of_clearance(tmp_path):
    talk = Talk(tmp_path)
    async with running(talk):
        talk.clearance.away = True
        for number in range(300):
            talk.declare("declare", f"RR{number:09}CN", 1, {"function": "original", "to": "DE"})
        await talk.send()
        await sent(talk, 300, 10)
        # Long enough for several tries, so that the ladder's next step lies far away.
        await asyncio.sleep(2.5)
        talk.clearance.away = False
        talk.sent.clear()
        await sent(talk, 1, 2)
        await sent(talk, 300, 5)
        assert all(len(ids) == 1 for ids in talk.clearance.call_ids.values()), "a repeat has the same call id"
        assert set(talk.risk.heard.values()) == {1}
        await asyncio.sleep(0.7)
        await talk.collect()
        assert len(talk.sent) == 300


async def test_a_new_agreement_takes_effect_when_the_declaration_is_reprocessed(tmp_path):
    talk = Talk(tmp_path)
    await talk.bus.open()
    await talk.play(
        "declare RR100000001CN v1 to BR\nsend\n"
        "released RR100000001CN v1 parcelgate ADVANCE HOLD_INFORMATION NO_AGREEMENT"
    )
    (tmp_path / "agreements").mkdir()
    (tmp_path / "agreements" / "br-import.toml").write_text(OWN)
    talk.service.desk._routing._agreements = Agreements(tmp_path / "agreements")
    assert await talk.service.reprocess(talk.ids["RR100000001CN"]) == 2
    await talk.play(
        "released RR100000001CN v1 parcelgate RECEIPT RECEIVED REROUTED\n"
        "released RR100000001CN v1 br-customs ADVANCE RELEASED\nnothing more"
    )
    await talk.close()


async def test_two_routers_on_one_store_neither_lose_nor_double_a_decision(tmp_path):
    talk = Talk(tmp_path)
    await talk.bus.open()
    for number in range(20):
        talk.declare("declare", f"RR{number:09}CN", 1, {"function": "original", "to": "GB"})
    entries = list(talk.entries)
    await talk.send()
    # The same versions as amendments in two other chunks at once, as after a split and a replay.
    for _, entry, _ in entries:
        entry.declaration.version, entry.declaration.function = 2, 2
    talk.entries = entries
    chunks = []
    deliver, talk.deliver = talk.deliver, lambda messages: asyncio.sleep(0, chunks.append(messages))
    await talk.send()
    talk.entries = list(reversed(entries))
    await talk.send()
    talk.deliver = deliver
    await asyncio.gather(*(talk.deliver(messages) for messages in chunks))
    await talk.collect()
    assert len(talk.sent) == len(set(talk.sent)) == 20 * 2 * 2
    await talk.close()
