"""Delivery: what the router releases to posts and files with customs mailboxes goes into the partner's delivery log."""

import asyncio
from collections.abc import Sequence
from typing import Any

from parcelgate.api.record.v1.chunk_pb2 import (
    CHUNK_KIND_FILINGS,
    CHUNK_KIND_RELEASES,
    Chunk,
    ChunkEntry,
)
from parcelgate.api.record.v1.decision_pb2 import DecisionCode, Release, Stage
from parcelgate.api.record.v1.declaration_pb2 import Procedure
from parcelgate.api.record.v1.quantity_pb2 import Money
from parcelgate.api.record.v1.referral_pb2 import ReferralType
from parcelgate.core.chunk import environment_word, split
from parcelgate.core.clock import Clock, iso
from parcelgate.core.fact import fact, responses
from parcelgate.core.naming import filing_id
from parcelgate.core.order import Coming, in_order
from parcelgate.core.pace import paced
from parcelgate.core.port import Delivery, Message, Outcome, Store

_CODES = {number: name.removeprefix("DECISION_CODE_") for name, number in DecisionCode.items()}


class Delivering:
    """Handles the messages of the release hop that concern posts and customs mailboxes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def handle(self, messages: Sequence[Message]) -> Outcome:
        """Return the deliveries; outcomes show them from now on."""
        outcome = Outcome()
        releases, filings = list[Coming[Release]](), list[Coming[ChunkEntry]]()
        now = self._clock.micros()
        for message in messages:
            chunk = Chunk.FromString(message.body)
            head = chunk.head
            if head.kind == CHUNK_KIND_RELEASES:
                read = ((n, body, Release.FromString(body)) for n, body in enumerate(chunk.items))
                releases += [Coming(message, head, n, body, one.response_id, one.follows, one) for n, body, one in read]
            elif head.kind == CHUNK_KIND_FILINGS:
                whole = zip(head.entries, chunk.items, strict=True)
                filings += [
                    Coming(message, head, n, body, filing_id(entry.case), entry.follows, entry)
                    for n, (entry, body) in enumerate(whole)
                ]
            else:
                raise ValueError(f"postal takes no chunk of kind {head.kind} from the release hop")
            # Between two chunks others come to their turn.
            await asyncio.sleep(0)
        for filing in await in_order(self._store, self._clock, filings, split, outcome):
            _file(outcome, filing, now)
        ready = await in_order(self._store, self._clock, releases, split, outcome)
        async for some in paced(ready):
            outcome.facts += responses((one.read for one in some), now)
            for one in some:
                _release(outcome, one)
        return outcome


def _release(outcome: Outcome, one: Coming[Release]) -> None:
    release, log = one.read, (one.head.partner, environment_word(one.head.environment))
    # How postal.decided finds it: the outcome shows what was logged.
    version = release.declaration.version
    outcome.deliveries.append(Delivery(*log, release.response_id, "release", one.body, version=version))


def _file(outcome: Outcome, one: Coming[ChunkEntry], now: int) -> None:
    head, entry, body, response_id = one.head, one.read, one.body, one.response_id
    case = entry.case
    outcome.deliveries.append(
        Delivery(
            head.partner,
            environment_word(head.environment),
            response_id,
            "filing",
            body,
            entry.SerializeToString(),
            entry.data_key,
        )
    )
    outcome.facts.append(
        fact(
            "filing.logged",
            now,
            declaration=entry.declaration,
            case_id=case.id,
            authority=head.authority,
            distinct=response_id,
        )
    )


def decision_json(release: Release) -> dict[str, Any]:
    """Show a decision in an outcome: names of the record, empty fields left out."""
    decision = release.decision
    shown: dict[str, Any] = {
        "response_id": release.response_id,
        "authority": decision.case.authority,
        "procedure": Procedure.Name(decision.case.procedure).removeprefix("PROCEDURE_"),
        "stage": Stage.Name(decision.stage).removeprefix("STAGE_"),
        "code": _CODES[decision.code],
        "judged_version": decision.judged_version,
    }
    if decision.decided.utc_micros:
        shown["decided_at"] = iso(decision.decided.utc_micros)
    if decision.reasons:
        shown["reasons"] = [{"code": one.code, "sentence": one.sentence} for one in decision.reasons]
    if decision.duties:
        shown["duties"] = [
            {"type": one.type, "content_piece": one.content_piece, "amount": _money(one.amount), "row": one.row}
            for one in decision.duties
        ]
    if decision.HasField("total_due"):
        shown["total_due"] = _money(decision.total_due)
    if decision.referrals:
        shown["referrals"] = [
            {"reference": one.reference, "type": ReferralType.Name(one.type).removeprefix("REFERRAL_TYPE_")}
            | ({"text": one.text} if one.text else {})
            for one in decision.referrals
        ]
    if decision.revokes:
        shown["revokes"] = decision.revokes
    return shown


def _money(money: Money) -> str:
    sign = "-" if money.units < 0 or money.nanos < 0 else ""
    figures = f"{abs(money.nanos):09}".rstrip("0").ljust(2, "0")
    return f"{sign}{abs(money.units)}.{figures} {money.currency}".strip()
