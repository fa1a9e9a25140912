"""What the router does of its own accord: asks again about parked cases, tells what is overdue, joins and drops reports."""

import asyncio
import contextlib
from functools import partial

from parcelgate.core.charge import Charge
from parcelgate.core.runner import attempt
from parcelgate.router.desk import Desk
from parcelgate.router.report import KEPT_MICROS, Waiting

SERVICES = ("risk", "clearance", "mailbox")
_PAUSE_SECONDS = 0.5
_MOST = 500
_MISSED_MICROS = 60_000_000


class Drain:
    """Looks twice a second for what is due."""

    def __init__(self, desk: Desk, charge: Charge) -> None:
        self._desk = desk
        self._charge = charge
        # Before the first look anything may have been missed.
        self._missed_since = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Look until stop is set."""
        while not stop.is_set():
            await attempt("charge of the drain", self._look_if_mine)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await stop.wait()

    async def look(self) -> None:
        """Do once what is due now; what fails is logged, tried at the next look, and holds up nothing else."""
        for service in SERVICES:
            await attempt(f"parked cases of {service}", partial(self._drain, service))
        await attempt("overdue cases", self._tell_overdue)
        await attempt("missed reports", self._join_missed)
        await attempt("expired reports", self._expire)

    async def _look_if_mine(self) -> None:
        if await self._charge.mine("router drain"):
            await self.look()
        else:
            # Whoever takes over cannot know what the other one has joined.
            self._missed_since = 0

    async def _tell_overdue(self) -> None:
        store, now = self._desk.runner.store, self._desk.runner.clock.micros()
        while late := await store.read("router.find_overdue", now, _MOST):
            await self._desk.tell_overdue([(row[0], row[1]) for row in late])

    async def _join_missed(self) -> None:
        store, now = self._desk.runner.store, self._desk.runner.clock.micros()
        missed = await store.read("router.find_missed", self._missed_since, _MOST)
        if missed:
            await self._desk.join([Waiting(*row) for row in missed])
        if len(missed) < _MOST:
            self._missed_since = now - _MISSED_MICROS

    async def _expire(self) -> None:
        store, now = self._desk.runner.store, self._desk.runner.clock.micros()
        if expired := await store.read("router.find_expired", now - KEPT_MICROS, _MOST):
            await self._desk.expire([Waiting(*row) for row in expired])

    async def _drain(self, service: str) -> None:
        """Ask about one parked case; if the service is back, ask about all others at once.

        The one that was asked about goes to the end of the line, so that an item that nobody can judge holds up nothing.
        """
        most, before = 1, list[str]()
        # The same cases again are cases that asking does not change; they must not keep the look from its end.
        while (ids := await self._parked(service, most)) and ids != before:
            before = ids
            if not await self._desk.ask_again(service, ids, halve=most > 1):
                return
            most = _MOST

    async def _parked(self, service: str, most: int) -> list[str]:
        now = self._desk.runner.clock.micros()
        rows = await self._desk.runner.store.read("router.find_parked", service, now, most)
        return sorted({row[1] for row in rows})
