"""A carrier's own queue: every decision of its delivery log, as GET /v1/decisions shows it, in the order of the log."""

import asyncio
import contextlib

from google.protobuf.json_format import MessageToJson

from parcelgate.carrier.feed import POLL_SECONDS, shown
from parcelgate.core.bell import delivery_bell
from parcelgate.core.charge import Charge
from parcelgate.core.letter import Letter, PartnerQueue
from parcelgate.core.partner import Partner
from parcelgate.core.port import Delivered, NotNowError, Outcome, Write
from parcelgate.core.runner import Runner, attempt

_PAGE = 50


class DecisionQueue:
    """Tops one carrier's queue up; how far it came is kept in the store."""

    def __init__(self, runner: Runner, charge: Charge, partner: Partner, queue: PartnerQueue) -> None:
        self._runner = runner
        self._charge = charge
        self._partner = partner
        self._queue = queue

    async def run(self, stop: asyncio.Event) -> None:
        """Put in what is new, and what fits in again, until stop is set."""
        bell = delivery_bell(self._partner.id, self._partner.environment)
        while not stop.is_set():
            # Listening begins before the look, so that what is logged meanwhile is heard.
            heard = asyncio.create_task(self._runner.bell.wait(bell, POLL_SECONDS))
            try:
                await asyncio.sleep(0)
                await attempt(f"queue of {self._partner.id}", self.look)
                await heard
            finally:
                heard.cancel()

    async def look(self) -> None:
        """Put in all that fits in now; a queue that is full or away is topped up later."""
        if not await self._charge.mine(f"queue of {self._partner.id}"):
            return
        place = (self._partner.environment, self._partner.id)
        rows = await self._runner.store.read("carrier.queued", *place)
        after = int(rows[0][0]) if rows else 0
        with contextlib.suppress(NotNowError):
            while found := await self._runner.store.deliveries(
                self._partner.id, self._partner.environment, after, _PAGE
            ):
                room = await self._queue.room()
                if not room:
                    return
                after = await self._put(found[:room], after)

    async def _put(self, found: list[Delivered], after: int) -> int:
        """Put rows in one after the other, and note how far it came whatever happens."""
        began = after
        try:
            for row in found:
                if row.delivery.kind == "release":
                    await self._queue.put(_letter(row))
                after = row.sequence
        finally:
            if after > began:
                reached = (self._partner.environment, self._partner.id, after)
                await self._runner.transact(Outcome(writes=[Write("carrier.note_queued", [reached], key_columns=2)]))
        return after


def _letter(row: Delivered) -> Letter:
    body = MessageToJson(shown(row), indent=None).encode()
    return Letter(row.delivery.response_id, "decision", "application/json", body, headers={"sequence": row.sequence})
