"""What the router looks for of its own accord comes to an end, whatever it finds."""

import asyncio

from parcelgate.core.charge import Alone
from parcelgate.core.clock import FixedClock
from parcelgate.router import drain
from parcelgate.router.drain import Drain


class Desk:
    """A desk whose parked cases never change: each look finds the same rows."""

    def __init__(self) -> None:
        self.runner, self.store, self.clock = self, self, FixedClock(1)
        self.asked: list[tuple[str, list[str]]] = []

    async def read(self, query, *arguments):
        await asyncio.sleep(0)
        if query == "router.find_parked" and arguments[0] == "risk":
            return [("case", "declaration")]
        return []

    async def ask_again(self, service, ids, *, halve):
        assert halve == (len(self.asked) % 2 == 1)
        self.asked.append((service, ids))
        return True


async def test_a_parked_case_that_nothing_changes_does_not_keep_the_look_from_its_end():
    desk = Desk()
    async with asyncio.timeout(2):
        await Drain(desk, Alone()).look()
    assert desk.asked == [("risk", ["declaration"])]


async def test_a_fault_of_our_own_does_not_end_the_looking(monkeypatch):
    monkeypatch.setattr(drain, "_PAUSE_SECONDS", 0.01)
    desk, stop, looks = Desk(), asyncio.Event(), []

    async def fails(*_):
        looks.append(1)
        if len(looks) == 7:
            stop.set()
        raise ZeroDivisionError

    desk.read = fails
    async with asyncio.timeout(20):
        await Drain(desk, Alone()).run(stop)
    assert len(looks) == 12


async def test_what_fails_in_one_part_of_a_look_leaves_the_others_to_be_done():
    desk, read = Desk(), []

    async def fails_at_first(query, *_):
        read.append(query)
        if query in ("router.find_parked", "router.find_overdue"):
            raise ZeroDivisionError
        return []

    desk.read = fails_at_first
    await Drain(desk, Alone()).look()
    assert read == ["router.find_parked"] * 3 + ["router.find_overdue", "router.find_missed", "router.find_expired"]
