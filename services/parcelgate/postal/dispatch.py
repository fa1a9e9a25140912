"""Dispatch: takes up interchanges that were received, in the order of arrival, short and long ones in lanes of their own.

The work itself goes through the runner like any message, so that retries, dead letters and repeats are the same there.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import structlog

from parcelgate.core import failpoint
from parcelgate.core.port import BusUnavailableError, ConflictError, Message, Outcome, StoreUnavailableError, Write
from parcelgate.core.runner import Consumer, Runner
from parcelgate.core.setting import Settings
from parcelgate.postal.interchange import (
    ENDED,
    ENDED_BELL,
    OWNED_MICROS,
    RECEIVED_BELL,
    SMALL_BYTES,
    Interchange,
    find,
)
from parcelgate.postal.routing import Routing
from parcelgate.postal.translation import Translation

_LOOK_SECONDS = 1.0
_WAIT_SECONDS = 0.2
_AWAY_SECONDS = 1.0
_STOP_SECONDS = 5.0
_FAR_MICROS = 2**62
_SHORT_AT_ONCE = 8
_KEEP_SECONDS = 5.0


class Dispatch:
    """Brings every interchange to its end."""

    def __init__(self, runner: Runner, translation: Translation, routing: Routing, settings: Settings) -> None:
        self._runner = runner
        self._translation = translation
        self._routing = routing
        # Lane: sizes from and to, and how many are worked on at once.
        self._lanes = ((0, SMALL_BYTES, _SHORT_AT_ONCE), (SMALL_BYTES, _FAR_MICROS, settings.workers + 1))
        self._owner = settings.instance
        self._most_in_hand = settings.most_interchanges
        self._kept_at = 0.0
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._sizes: dict[str, int] = {}
        self._at_hand: dict[str, tuple[Interchange, Sequence[bytes]]] = {}
        self._serving = False
        self._not_before: dict[str, float] = {}
        self._consumer = Consumer("postal.interchange", "", self._handle, lambda message: [message])
        self._log = structlog.get_logger("postal")

    def begin(self, interchange: Interchange, parts: Sequence[bytes]) -> None:
        """Take up an interchange that this process has just taken in, if there is room in its lane; else it waits its turn.

        Parts are its sealed parts, if all of them are in hand.
        """
        low, high, most = next(lane for lane in self._lanes if lane[0] < interchange.size <= lane[1])
        busy = sum(1 for size in self._sizes.values() if low < size <= high)
        if self._serving and busy < most and interchange.receipt not in self._busy:
            self._at_hand[interchange.receipt] = interchange, parts
            self._take(interchange.receipt, interchange.size)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stop is set; what is in hand then has a few seconds to come to a commit."""
        self._serving = True
        try:
            while not stop.is_set():
                # Waiting begins before the look, so that what arrives during the look is noticed.
                waiting = asyncio.create_task(self._runner.bell.wait(RECEIVED_BELL, self._rest()))
                await asyncio.sleep(0)
                with contextlib.suppress(StoreUnavailableError):
                    await self._keep()
                    for low, high, most in self._lanes:
                        await self._take_up(low, high, most)
                await waiting
        finally:
            self._serving = False
            if self._busy:
                tasks = list(self._busy.values())
                _, late = await asyncio.wait(tasks, timeout=_STOP_SECONDS)
                for task in late:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _rest(self) -> float:
        soonest = min(self._not_before.values(), default=float("inf")) - time.monotonic()
        return max(0.01, min(_LOOK_SECONDS, soonest))

    async def _take_up(self, low: int, high: int, most: int) -> None:
        now = time.monotonic()
        self._not_before = {receipt: when for receipt, when in self._not_before.items() if when > now}
        micros = self._runner.clock.micros()
        limit = 4 * most + len(self._not_before)
        rows = await self._runner.store.read("postal.waiting", low, high, self._owner, micros, limit)
        free = most - sum(1 for receipt, _, _ in rows if receipt in self._busy)
        for receipt, owner, until in rows:
            if free > 0 and receipt not in self._busy and receipt not in self._not_before:
                safe = owner == self._owner and until > micros + OWNED_MICROS // 2
                if self._owner and not safe and not await self._claim([receipt], exact=True):
                    continue
                free -= 1
                self._take(receipt, high)

    async def _keep(self) -> None:
        """Look how much there is to do, and keep what is in hand from the other processes."""
        if (now := time.monotonic()) < self._kept_at + _KEEP_SECONDS:
            return
        self._kept_at = now
        ((count,),) = await self._runner.store.read("postal.in_hand", self._most_in_hand + 1)
        self._runner.pressure.tell("interchanges", count, self._most_in_hand)
        if self._owner and self._busy:
            await self._claim(list(self._busy), exact=False)

    async def _claim(self, receipts: Sequence[str], *, exact: bool) -> bool:
        now = self._runner.clock.micros()
        rows = [(receipt, self._owner, now + OWNED_MICROS, now) for receipt in receipts]
        try:
            await self._runner.transact(Outcome(writes=[Write("postal.own", rows, exact=exact)]))
        except ConflictError:
            return False
        return True

    def _take(self, receipt: str, size: int) -> None:
        task = asyncio.create_task(self._work(receipt), name=receipt)
        self._busy[receipt], self._sizes[receipt] = task, size
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        receipt = task.get_name()
        del self._busy[receipt], self._sizes[receipt]
        self._at_hand.pop(receipt, None)
        if not task.cancelled() and (error := task.exception()):
            self._log.error("interchange_failed", receipt=receipt, exc_info=error)
            self._not_before[receipt] = time.monotonic() + _AWAY_SECONDS
        self._runner.bell.ring([RECEIVED_BELL])

    async def _work(self, receipt: str) -> None:
        # What was taken in a moment ago was never tried.
        interchange, _ = self._at_hand.get(receipt, (None, ()))
        fresh = interchange is not None
        try:
            interchange = interchange or await find(self._runner.store, receipt)
            while interchange is not None and interchange.state not in ENDED:
                interchange = await self._step(interchange, fresh=fresh)
                fresh = False
                if interchange is None:
                    break
            else:
                self._runner.bell.ring([ENDED_BELL])
        except (StoreUnavailableError, BusUnavailableError) as error:
            self._log.warning("store_or_bus_away", receipt=receipt, reason=str(error))
            self._not_before[receipt] = time.monotonic() + _AWAY_SECONDS

    async def _step(self, interchange: Interchange, *, fresh: bool) -> Interchange | None:
        """Do the next step; returns the interchange as it is then, or None if it has to wait. A fresh one was never tried."""
        routing = interchange.state == "TRANSLATED"
        if routing and await self._routing.must_wait(interchange):
            self._not_before[interchange.receipt] = time.monotonic() + _WAIT_SECONDS
            return None
        # The number of the item it has come to makes each step a message of its own.
        word = f"route/{interchange.routed}" if routing else "translate"
        key = f"{interchange.environment}.postal.{interchange.partner}"
        message = Message(f"{word}/{interchange.receipt}", "postal.interchange", key, interchange.receipt.encode())
        tried = None if fresh else await self._tried(message.id)
        if tried and tried[1] > self._runner.clock.micros():
            left = (tried[1] - self._runner.clock.micros()) / 1e6
            self._not_before[interchange.receipt] = time.monotonic() + max(0.05, left)
            return None
        self._at_hand.setdefault(interchange.receipt, (interchange, ()))
        await self._runner.work(self._consumer, [message], tried[0] if tried else 0)
        self._at_hand.pop(interchange.receipt, None)
        if routing:
            failpoint.pass_by("routing.batch_committed")
        after = await find(self._runner.store, interchange.receipt)
        if after is None or (after.state, after.routed) != (interchange.state, interchange.routed):
            return after
        if await self._runner.store.seen(self._consumer.name, [message.id]):
            # The runner has it among the dead letters; the partner gets an answer all the same.
            await self._translation.give_up(interchange.receipt)
        return await find(self._runner.store, interchange.receipt)

    async def _tried(self, message: str) -> tuple[int, int] | None:
        for later in await self._runner.store.due(self._consumer.name, _FAR_MICROS, 1000):
            if later.message.id == message:
                return later.attempts, later.next_micros
        return None

    async def _handle(self, messages: Sequence[Message]) -> Outcome:
        (message,) = messages
        receipt = message.body.decode()
        if message.id.startswith("route/"):
            return await self._routing.route(receipt)
        # Only for the first try: whoever has to compute again has to look again.
        return await self._translation.translate(receipt, *self._at_hand.pop(receipt, (None, ())))
