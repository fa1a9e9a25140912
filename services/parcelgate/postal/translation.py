"""Translation: a received interchange is read in a process of its own, and its items are kept, up to 1,000 in a transaction.

Until the document has closed and its counts agree, nothing of it may be routed (design 4). It may start again at any
time: rows are written again by receipt and number, and the step that ends it is exact.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from parcelgate.core import failpoint
from parcelgate.core.fact import fact
from parcelgate.core.fault import fault
from parcelgate.core.partner import Partners
from parcelgate.core.port import Outcome, RejectError, Write
from parcelgate.core.press import opened
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault
from parcelgate.postal.interchange import KEPT_MICROS, Interchange, find, pack_faults, stamp, unpack_faults
from parcelgate.postal.pool import Pool, WorkerLostError
from parcelgate.postal.reading import End, Read, Task, refuse
from parcelgate.postal.routing import Before, Routing, Row, Verdict, put

_MOST_ITEMS = 1000
_MOST_BYTES = 4 * 1024 * 1024


class Translation:
    """Turns raw interchanges into rows of items."""

    def __init__(
        self, runner: Runner, vault: Vault, partners: Partners, pool: Pool, routing: Routing, formats: str
    ) -> None:
        self._runner = runner
        self._vault = vault
        self._partners = partners
        self._pool = pool
        self._routing = routing
        self._formats = formats

    async def translate(self, receipt: str, given: Interchange | None = None, in_hand: Sequence[bytes] = ()) -> Outcome:
        """Read an interchange and return its last step: translated, rejected, or for a short one even routed.

        Given is the interchange as it is in the store, if somebody knows, and in_hand are its sealed parts. Raises
        WorkerLostError if the process that read it died.
        """
        interchange = given or await find(self._runner.store, receipt)
        if interchange is None or interchange.state != "RECEIVED":
            return Outcome()
        try:
            waiting, kept, end = await self._read(interchange, in_hand)
            rows = await self._rows(interchange, waiting)
        except RejectError as error:
            rows, kept, end = [], 0, refuse(list(error.faults))
        outcome = await self._close(interchange, rows, kept, end)
        failpoint.pass_by("translation.closed")
        return outcome

    async def give_up(self, receipt: str) -> None:
        """Reject what could not be worked on for good; the dead letter tells why."""
        interchange = await find(self._runner.store, receipt)
        if interchange is not None:
            end = End(False, interchange.items, interchange.format, interchange.reference, interchange.ledger, b"")
            faults = [fault("INTERCHANGE_NOT_PROCESSED")]
            await self._runner.transact(self._reject(interchange, end._replace(faults=pack_faults(faults))))

    async def _read(self, interchange: Interchange, in_hand: Sequence[bytes]) -> tuple[list[Read], int, End]:
        partner = self._partners.get(interchange.partner)
        task = Task(
            interchange.receipt,
            interchange.partner,
            interchange.environment,
            interchange.received_at,
            sorted(partner.formats_in) if partner else [],
            sorted(partner.leniencies) if partner else [],
            self._formats,
            {name: dict(values) for name, values in partner.code_lists.items()} if partner else {},
        )
        waiting: list[Read] = []
        kept = size = 0
        answers = self._pool.read(interchange.lane, task, self._parts(interchange, in_hand))
        async with contextlib.aclosing(answers):
            async for found in answers:
                if isinstance(found, End):
                    return waiting, kept, found
                if waiting and (len(waiting) + len(found) > _MOST_ITEMS or size > _MOST_BYTES):
                    await self._keep(interchange, waiting)
                    kept += len(waiting)
                    waiting, size = [], 0
                waiting += found
                size += sum(len(one.item) + len(one.declaration) + len(one.faults) for one in found)
        raise WorkerLostError(f"the translation process gave no end to {interchange.receipt}")

    async def _parts(self, interchange: Interchange, in_hand: Sequence[bytes]) -> AsyncIterator[bytes]:
        for number in range(interchange.parts):
            if number < len(in_hand):
                sealed = in_hand[number]
            else:
                ((sealed,),) = await self._runner.store.read("postal.part", interchange.receipt, number)
            await self._vault.fetch([interchange.data_key])
            yield opened(self._vault.open(interchange.data_key, sealed))

    async def _keep(self, interchange: Interchange, found: Sequence[Read]) -> None:
        rows = await self._rows(interchange, found)
        await self._runner.transact(Outcome(writes=[_put(interchange, rows)]))
        failpoint.pass_by("translation.batch_committed")

    async def _rows(self, interchange: Interchange, found: Sequence[Read]) -> list[Row]:
        key = interchange.data_key
        await self._vault.fetch([key])
        return [
            Row(
                one.number,
                one.identifier,
                "READ" if one.accepted else "REJECTED",
                one.declaration_id,
                # A decision's own words may name a party; a declaration without its item names none.
                one.declaration if one.item or not one.accepted else self._vault.seal(key, one.declaration),
                self._vault.seal(key, one.item) if one.item else b"",
                one.destination,
                one.faults,
            )
            for one in found
        ]

    async def _close(self, interchange: Interchange, rows: list[Row], kept: int, end: End) -> Outcome:
        faults = unpack_faults(end.faults)
        if end.routable and kept + len(rows) != end.items:
            faults.append(fault("COUNTS_DIFFER", kept=kept + len(rows), found=end.items))
        elif end.routable:
            # Asked at the same time: a single item waits for every question that is asked after another.
            holder, before = await asyncio.gather(self._holder(interchange, end), self._before(interchange, rows, kept))
            if holder is None:
                return await self._accept(interchange, rows, before, end)
            faults.append(fault("REFERENCE_TAKEN", reference=end.reference, receipt=holder))
        outcome = self._reject(interchange, end._replace(items=kept + len(rows), faults=pack_faults(faults)))
        outcome.writes.append(_put(interchange, rows))
        return outcome

    async def _before(self, interchange: Interchange, rows: list[Row], kept: int) -> Before | None:
        """Look what was there before an interchange that is in hand whole."""
        return None if kept else await self._routing.look(interchange, rows)

    async def _accept(self, interchange: Interchange, rows: list[Row], before: Before | None, end: End) -> Outcome:
        now = self._runner.clock.micros()
        place = (interchange.partner, interchange.environment)
        ended = (interchange.receipt, end.format, end.reference, end.items, end.ledger, end.faults)
        translated = replace(
            interchange, state="TRANSLATED", format=end.format, reference=end.reference, items=end.items
        )
        outcome = Outcome(
            writes=[
                Write("postal.let_go", [(*place, now - KEPT_MICROS, "", end.format, end.reference)]),
                Write("postal.translate_interchange", [ended], exact=True),
            ],
            facts=[self._fact("interchange.translated", translated, end)],
        )
        # What is in hand whole needs no step of its own for routing, unless it depends on what came before.
        routed = None if before is None else await self._routing.route_at_once(translated, rows, before)
        if routed is None:
            outcome.writes.append(_put(interchange, rows))
        else:
            outcome.add(routed)
        return outcome

    async def _holder(self, interchange: Interchange, end: End) -> str | None:
        if not end.reference:
            return None
        since = self._runner.clock.micros() - KEPT_MICROS
        place = (interchange.partner, interchange.environment, end.format, end.reference, since)
        rows = await self._runner.store.read("postal.reference_holder", *place)
        return rows[0][0] if rows else None

    def _reject(self, interchange: Interchange, end: End) -> Outcome:
        ended = (interchange.receipt, end.format, end.reference, end.items, end.ledger, end.faults)
        about = replace(interchange, format=end.format, reference=end.reference)
        return Outcome(
            writes=[Write("postal.reject_interchange", [ended], exact=True)],
            facts=[self._fact("interchange.rejected", about, end)],
        )

    def _fact(self, kind: str, interchange: Interchange, end: End) -> Any:
        faults = unpack_faults(end.faults)
        return fact(
            kind,
            self._runner.clock.micros(),
            declaration=stamp(interchange),
            count=end.items,
            code=faults[0].code if faults else "",
            faults=faults,
            details={"name": interchange.name, "format": interchange.format},
        )


def _put(interchange: Interchange, rows: Sequence[Row]) -> Write:
    """Keep items as they were read; an item that was rejected is kept as a verdict and judged again when it is routed."""
    receipt = interchange.receipt
    return put(receipt, (Verdict(row, row.status, 0, row.faults, receipt, row.number) for row in rows))
