"""What the router does of its own accord: asks again about parked cases, tells what is overdue, joins and drops reports."""

import asyncio
import contextlib

from parcelgate.core.runner import attempt
from parcelgate.router.desk import Desk
from parcelgate.router.report import KEPT_MICROS, Waiting

SERVICES = ("risk", "clearance", "mailbox")
_PAUSE_SECONDS = 0.5
_MOST = 500
_MISSED_MICROS = 60_000_000


class Drain:
    """Looks twice a second for what is due."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        # Before the first look anything may have been missed.
        self._missed_since = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Look until stop is set."""
        while not stop.is_set():
            await attempt("what is due at the router", self.look)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await stop.wait()

    async def look(self) -> None:
        """Do once what is due now."""
        for service in SERVICES:
            await self._drain(service)
        store, now = self._desk.runner.store, self._desk.runner.clock.micros()
        while late := await store.read("router.find_overdue", now, _MOST):
            await self._desk.tell_overdue([(row[0], row[1]) for row in late])
        missed = await store.read("router.find_missed", self._missed_since, _MOST)
        if missed:
            await self._desk.join([Waiting(*row) for row in missed])
        if len(missed) < _MOST:
            self._missed_since = now - _MISSED_MICROS
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
