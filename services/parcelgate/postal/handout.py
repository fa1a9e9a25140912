"""Hand-out: ranges of a partner's delivery log become messages (CUSRSP to posts, CUSITM to customs mailboxes).

A message closes when nothing more is ready or at 500 responses; it never waits (design 6). Its bytes follow from the
log and the message's own row alone, so that they are the same whenever and however often they are asked for.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parcelgate.api.record.v1.chunk_pb2 import ChunkEntry
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration, DeclarationKey
from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.core.chunk import environment_value
from parcelgate.core.clock import iso
from parcelgate.core.fact import fact
from parcelgate.core.partner import Partner
from parcelgate.core.port import ConflictError, Delivered, Outcome, RejectError, TryAgainError, Write
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault

MOST_RESPONSES = 500
_MOST_BYTES = 8 * 1024 * 1024
# Messages that one question closes at most; whoever asks again gets more.
_CLOSED_AT_ONCE = 20
# What carries a kind of delivery, where the partner's profile names no format of that message.
MESSAGES = {"release": "cusrsp", "filing": "cusitm"}
_FORMATS = {"release": "upu/cusrsp/own-1", "filing": "upu/cusitm/own-1"}
_SENDER = "parcelgate"

# Format, header, records, and the partner's own codes in; pieces of the document out.
Compose = Callable[
    [str, Mapping[str, Any], Iterable[Release | Declaration], Mapping[str, Mapping[str, str]]], Iterator[bytes]
]


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed message: sequences first to last of the delivery log, both included."""

    number: int
    first: int
    last: int
    kind: str
    format: str
    reference: str
    prepared_at: int
    handed_out_at: int

    @property
    def responses(self) -> int:
        """How many responses or filings it holds."""
        return self.last - self.first + 1


class HandOut:
    """Closes messages and composes their bytes."""

    def __init__(self, runner: Runner, vault: Vault, compose: Compose) -> None:
        self._runner = runner
        self._vault = vault
        self._compose = compose

    async def close(self, partner: Partner) -> Closed | None:
        """Close a message over what is ready; None if nothing is, or if somebody else closed it at the same moment."""
        place = (partner.id, partner.environment)
        rows = await self._runner.store.read("postal.last_message", *place)
        number, after = rows[0] if rows else (0, 0)
        first, last, kind = await self._range(partner, after)
        if not kind:
            return None
        form = _format(partner, kind)
        message = MESSAGES[kind].upper()
        reference = f"{message}-{partner.id.upper()}-{number + 1:08}"
        closed = Closed(number + 1, first, last, kind, form, reference, self._runner.clock.micros(), 0)
        row = (*place, closed.number, first, last, kind, form, reference, closed.prepared_at)
        try:
            await self._runner.transact(Outcome(writes=[Write("postal.close_message", [row])]))
        except ConflictError:
            return None
        return closed

    async def ask(self, partner: Partner, after: int, limit: int) -> list[Closed]:
        """Return messages after a number to a partner who asks; what is ready is closed now, if anything can be stored."""
        with contextlib.suppress(TryAgainError):
            for _ in range(_CLOSED_AT_ONCE):
                if await self.close(partner) is None:
                    break
        return await self.messages(partner, after, limit)

    async def messages(self, partner: Partner, after: int, limit: int) -> list[Closed]:
        """Return closed messages after a number."""
        rows = await self._runner.store.read("postal.messages", partner.id, partner.environment, after, limit)
        return [Closed(*row) for row in rows]

    async def not_handed_out(self, partner: Partner, limit: int) -> list[Closed]:
        """Return messages that the partner does not have yet, oldest first."""
        rows = await self._runner.store.read("postal.messages_open", partner.id, partner.environment, limit)
        return [Closed(*row) for row in rows]

    async def compose(self, partner: Partner, closed: Closed) -> list[bytes]:
        """Return the bytes of a message, in pieces; an item whose personal data was erased is left out."""
        found = await self._delivered(partner, closed)
        await self._vault.fetch({one.delivery.data_key for one in found})
        records = [record for one in found if (record := self._record(one)) is not None]
        header = {
            "interchange_reference": closed.reference,
            "message_reference": f"{closed.number:08}",
            "sender": _SENDER,
            "recipient": partner.operator_code or partner.authority or partner.id,
            "prepared_at": {
                "utc_micros": closed.prepared_at // 1_000_000 * 1_000_000,
                "written": iso(closed.prepared_at),
            },
            "test_indicator": partner.environment == "test",
        }
        return await asyncio.to_thread(lambda: list(self._compose(closed.format, header, records, partner.code_lists)))

    async def _delivered(self, partner: Partner, closed: Closed) -> list[Delivered]:
        found: list[Delivered] = []
        while len(found) < closed.responses:
            after = found[-1].sequence if found else closed.first - 1
            left = closed.responses - len(found)
            found += await self._runner.store.deliveries(partner.id, partner.environment, after, left)
        return found

    def handed_out(self, partner: Partner, closed: Closed) -> Outcome:
        """Return the step that notes that the partner has a message."""
        now = self._runner.clock.micros()
        about = Declaration(key=DeclarationKey(partner=partner.id, environment=environment_value(partner.environment)))
        details = {"message": closed.reference, "first": str(closed.first), "last": str(closed.last)}
        kind = "response.handed_out" if closed.kind == "release" else "filing.handed_out"
        count = closed.responses
        row = (partner.id, partner.environment, closed.number, now)
        return Outcome(
            writes=[Write("postal.hand_out", [row])],
            facts=[fact(kind, now, declaration=about, count=count, details=details, distinct=closed.reference)],
        )

    async def waits(self, partner: Partner, closed: Closed, reason: str) -> Outcome:
        """Return the step that says of all that a message holds that it waits for the partner's mailbox, and why."""
        place = f"mailbox of {partner.id}"
        sentence = f"The {place} is away: {reason}; this waits, and goes out by itself when it is back."
        return Outcome(
            facts=await self._each(partner, closed, "waits", sentence=sentence, details={"waits_for": place})
        )

    async def waited(self, partner: Partner, closed: Closed) -> list[Fact]:
        """Return what is told of all that a message holds once it was handed out after it had waited."""
        return await self._each(partner, closed, "handed_out")

    async def _each(self, partner: Partner, closed: Closed, what: str, **more: Any) -> list[Fact]:
        found, now = list[Fact](), self._runner.clock.micros()
        for one in await self._delivered(partner, closed):
            if closed.kind == "release":
                release = Release.FromString(one.delivery.body)
                about, case = release.declaration, release.decision.case
            else:
                entry = ChunkEntry.FromString(one.delivery.head)
                about, case = entry.declaration, entry.case
            found.append(
                fact(
                    f"{'response' if closed.kind == 'release' else 'filing'}.{what}",
                    now,
                    declaration=about,
                    case_id=case.id,
                    authority=case.authority,
                    round=case.round,
                    distinct=one.delivery.response_id,
                    **more,
                )
            )
        return found

    def given_up(self, partner: Partner, closed: Closed) -> Outcome:
        """Return the step that notes that a message could not be handed out; its dead letter says why."""
        return Outcome(writes=[Write("postal.hand_out", [(partner.id, partner.environment, closed.number, -1)])])

    async def _range(self, partner: Partner, after: int) -> tuple[int, int, str]:
        """Find how far the next message may reach: one kind, at most 500 responses and 8 MB."""
        first = last = size = 0
        kind = ""
        for one in await self._runner.store.stretches(partner.id, partner.environment, after, MOST_RESPONSES):
            size += one.bytes
            if last and (one.kind != kind or size > _MOST_BYTES):
                break
            first, kind = first or one.first, one.kind
            last = min(one.last, first + MOST_RESPONSES - 1)
            if last < one.last:
                break
        return first, last, kind

    def _record(self, one: Delivered) -> Release | Declaration | None:
        if one.delivery.kind == "release":
            return Release.FromString(one.delivery.body)
        declaration = ChunkEntry.FromString(one.delivery.head).declaration
        try:
            declaration.item.CopyFrom(Item.FromString(self._vault.open(one.delivery.data_key, one.delivery.body)))
        except RejectError:
            return None
        return declaration


def _format(partner: Partner, kind: str) -> str:
    """Choose the partner's own format of the message, else ours."""
    agreed: Sequence[str] = [name for name in partner.formats_out if name.split("/")[1] == MESSAGES[kind]]
    return agreed[0] if agreed else _FORMATS[kind]
