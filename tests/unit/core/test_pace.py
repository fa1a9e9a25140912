"""Long work is done in short steps, between which others come to their turn."""

import asyncio

from parcelgate.core.pace import STEP, paced


async def test_all_things_come_in_their_order():
    things = list(range(3 * STEP + 1))
    assert [one async for some in paced(things) for one in some] == things


async def test_nothing_comes_of_nothing():
    assert [some async for some in paced([])] == []


async def test_others_come_to_their_turn_between_two_steps():
    turns = []

    async def work(name, steps):
        async for _ in paced(range(steps * STEP)):
            turns.append(name)  # noqa: PERF401 - the turns of both are gathered in one list as they come

    await asyncio.gather(work("long", 3), work("short", 1))
    assert turns == ["long", "short", "long", "long"]
