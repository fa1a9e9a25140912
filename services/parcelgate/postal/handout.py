"""Hand-out: ranges of a partner's delivery log become messages (responses to posts, filings to customs mailboxes).

A message closes when nothing more is ready or at 500 responses; it never waits (design 6). Its format is chosen then, and
its bytes follow from the log and the message's own row alone: they are the same whenever and however often they are asked for.
"""

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from parcelgate.api.record.v1.chunk_pb2 import Chunk, ChunkEntry, ChunkHead
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import Case, Declaration, DeclarationKey
from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.core.chunk import environment_value
from parcelgate.core.clock import iso
from parcelgate.core.fact import fact
from parcelgate.core.fault import fault
from parcelgate.core.partner import Partner
from parcelgate.core.port import (
    ConflictError,
    Dead,
    Delivered,
    Message,
    Outcome,
    RejectError,
    TryAgainError,
    Write,
)
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault
from parcelgate.postal.form import Forms

MOST_RESPONSES = 500
_MOST_BYTES = 8 * 1024 * 1024
# Messages that one question closes at most; whoever asks again gets more.
_CLOSED_AT_ONCE = 20
# Whose work the handing out is, for its retries and dead letters.
CONSUMER = "postal.handout"
# What a message is called in its reference: by the UPU's word if it is one of the UPU's, else by what it is.
_WORDS = {"release": "RESPONSE", "filing": "FILING"}
_OF_UPU = ("cusrsp", "cusitm")
_SENDER = "parcelgate"


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


@dataclass(frozen=True, slots=True)
class Composed:
    """A message as it goes out; not_written has the deliveries that its format can't carry, each with its fault."""

    pieces: list[bytes]
    suffix: str
    media_type: str
    # Responses or filings that stand in it.
    count: int
    not_written: Mapping[str, tuple[Delivered, Fault]] = field(default_factory=dict)

    @property
    def goes_out(self) -> bool:
        """Tell whether there is anything to hand out: not if its format can carry nothing of it."""
        return self.count > 0 or not self.not_written


class HandOut:
    """Closes messages and composes their bytes."""

    def __init__(self, runner: Runner, vault: Vault, forms: Forms) -> None:
        self._runner = runner
        self._vault = vault
        self._forms = forms

    async def close(self, partner: Partner) -> Closed | None:
        """Close a message over what is ready; None if nothing is, or if somebody else closed it at the same moment.

        Raises TryAgainError if the partner's format for it does not exist now.
        """
        place = (partner.id, partner.environment)
        rows = await self._runner.store.read("postal.last_message", *place)
        number, after = rows[0] if rows else (0, 0)
        first, last, kind = await self._range(partner, after)
        if not kind:
            return None
        form = self._forms.choose(partner, kind)
        reference = f"{_word(form, kind)}-{partner.id.upper()}-{number + 1:08}"
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

    async def compose(self, partner: Partner, closed: Closed) -> Composed:
        """Return a message; an item whose personal data was erased is left out, and one that its format can't carry.

        Raises TryAgainError if its format does not exist now.
        """
        delivered = await self._delivered(partner, closed)
        await self._vault.fetch({one.delivery.data_key for one in delivered})
        found = [(one, record) for one in delivered if (record := self._record(one)) is not None]
        records = [record for _, record in found]
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
        written = await asyncio.to_thread(self._forms.write, closed.format, header, records, partner.code_lists)
        not_written = {
            found[place][0].delivery.response_id: (found[place][0], wrong) for place, wrong in written.left_out.items()
        }
        return Composed(written.pieces, written.suffix, written.media_type, written.count, not_written)

    async def _delivered(self, partner: Partner, closed: Closed) -> list[Delivered]:
        found: list[Delivered] = []
        while len(found) < closed.responses:
            after = found[-1].sequence if found else closed.first - 1
            left = closed.responses - len(found)
            found += await self._runner.store.deliveries(partner.id, partner.environment, after, left)
        return found

    def handed_out(self, partner: Partner, closed: Closed, composed: Composed) -> Outcome:
        """Return the step that notes that the partner has a message, and what could not be written into it.

        Each such item is a dead letter of its own with its fault. A message of which nothing could be written is given up.
        """
        now = self._runner.clock.micros()
        about = Declaration(key=DeclarationKey(partner=partner.id, environment=environment_value(partner.environment)))
        details = {"message": closed.reference, "first": str(closed.first), "last": str(closed.last)}
        outcome = self.given_up(partner, closed)
        if composed.goes_out:
            row = (partner.id, partner.environment, closed.number, now)
            outcome = Outcome(writes=[Write("postal.hand_out", [row])])
            count = closed.responses - len(composed.not_written)
            kind = f"{_told(closed)}.handed_out"
            outcome.facts.append(
                fact(kind, now, declaration=about, count=count, details=details, distinct=closed.reference)
            )
        key = f"{partner.environment}.postal.{partner.id}"
        for response_id, (one, wrong) in composed.not_written.items():
            item, case = _about(one)
            name = f"item/{partner.environment}/{partner.id}/{closed.number}/{one.sequence}"
            told = fault("ITEM_NOT_WRITTEN", format=closed.format, address=wrong.address)
            told.item = item.key.item.identifier
            # Names the item, so that whoever looks at the dead letter finds it; none of its data.
            entry = ChunkEntry(declaration=Declaration(id=item.id, version=item.version, key=item.key), case=case)
            body = Chunk(head=ChunkHead(entries=[entry])).SerializeToString()
            outcome.dead.append(Dead(Message(name, CONSUMER, key, body), [told, wrong], now, 1))
            outcome.facts.append(
                fact(
                    f"{_told(closed)}.not_written",
                    now,
                    declaration=item,
                    case_id=case.id,
                    authority=case.authority,
                    round=case.round,
                    code=told.code,
                    faults=[told, wrong],
                    details={"message": closed.reference, "format": closed.format},
                    distinct=response_id,
                )
            )
        return outcome

    async def waits(self, partner: Partner, closed: Closed, reason: str) -> Outcome:
        """Return the step that says of all that a message holds that it waits for the partner's mailbox, and why."""
        place = f"mailbox of {partner.id}"
        sentence = f"The {place} is away: {reason}; this waits, and goes out by itself when it is back."
        return Outcome(
            facts=await self._each(partner, closed, "waits", sentence=sentence, details={"waits_for": place})
        )

    async def waited(self, partner: Partner, closed: Closed, composed: Composed) -> list[Fact]:
        """Return what is told of all that stands in a message once it was handed out after it had waited."""
        return await self._each(partner, closed, "handed_out", composed.not_written)

    async def _each(
        self, partner: Partner, closed: Closed, what: str, but: Collection[str] = (), **more: Any
    ) -> list[Fact]:
        found, now = list[Fact](), self._runner.clock.micros()
        for one in await self._delivered(partner, closed):
            if one.delivery.response_id in but:
                continue
            about, case = _about(one)
            found.append(
                fact(
                    f"{_told(closed)}.{what}",
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


def _about(one: Delivered) -> tuple[Declaration, Case]:
    """Return the declaration and the case that a delivery is about."""
    if one.delivery.kind == "release":
        release = Release.FromString(one.delivery.body)
        return release.declaration, release.decision.case
    entry = ChunkEntry.FromString(one.delivery.head)
    return entry.declaration, entry.case


def _told(closed: Closed) -> str:
    """Name what a message holds as the facts do."""
    return "response" if closed.kind == "release" else "filing"


def _word(form: str, kind: str) -> str:
    word = form.split("/")[1]
    return word.upper() if word in _OF_UPU else _WORDS[kind]
