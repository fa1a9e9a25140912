"""A post's or customs' own queues: what it hands in is taken in as at the HTTP door, and answered in its release queue."""

import asyncio
import json
from collections.abc import AsyncIterator

from parcelgate.core.door import fault_json
from parcelgate.core.letter import HandedIn, Letter, PartnerQueue
from parcelgate.core.naming import derived_id
from parcelgate.core.partner import Partner
from parcelgate.core.port import NotNowError, RejectError
from parcelgate.postal.handout import Closed, Composed
from parcelgate.postal.intake import Intake

_PIECE = 256 * 1024
# How long a look waits for something to be handed in, and so how long a stop may have to wait for it.
_WAIT_SECONDS = 1.0


class QueueTray:
    """Puts closed messages into a partner's release queue; keeps the promises of postal.mailbox.Tray."""

    def __init__(self, queue: PartnerQueue) -> None:
        self._queue = queue

    async def has_room(self) -> bool:
        """Tell whether another message fits in; raises NotNowError if the broker is away."""
        return await self._queue.room() > 0

    async def put(self, closed: Closed, composed: Composed) -> None:
        """Put a message there; its id is its reference, so that a repetition after a crash is recognised."""
        headers = {"number": closed.number, "first-sequence": closed.first, "last-sequence": closed.last}
        body = b"".join(composed.pieces)
        await self._queue.put(Letter(closed.reference, closed.format, composed.media_type, body, headers=headers))


class InQueue:
    """Takes in what one partner hands in by its queue: committed, then answered, then taken off."""

    def __init__(self, partner: Partner, queue: PartnerQueue, intake: Intake) -> None:
        self._partner = partner
        self._queue = queue
        self._intake = intake
        self._in_hand: HandedIn | None = None
        self._answer: Letter | None = None

    async def look(self) -> None:
        """Bring one document as far as possible; what has to wait stays in hand and is neither lost nor counted.

        Raises TryAgainError if nothing can be stored now. A partner that does not read its answers stops itself alone.
        """
        if self._in_hand is not None and not self._queue.holds(self._in_hand):
            self._in_hand = self._answer = None
        if self._in_hand is None:
            self._in_hand = await self._queue.next(_WAIT_SECONDS)
        if self._in_hand is None:
            return
        if self._answer is None:
            self._answer = await self._take_in(self._in_hand)
        try:
            await self._queue.put(self._answer)
        except NotNowError:
            await asyncio.sleep(_WAIT_SECONDS)
            return
        await self._queue.done(self._in_hand)
        self._in_hand = self._answer = None

    async def _take_in(self, handed_in: HandedIn) -> Letter:
        try:
            accepted = await self._intake.receive(self._partner, handed_in.name, _pieces(handed_in.body))
        except RejectError as error:
            return self._letter("refusal", handed_in, {"faults": [fault_json(one) for one in error.faults]})
        link = f"/v1/interchanges/{accepted.receipt}"
        links = {"self": link, "responses": "/v1/responses"}
        answer = {"receipt": accepted.receipt, "repeated": accepted.repeated, "links": links}
        return self._letter("receipt", handed_in, answer)

    def _letter(self, kind: str, handed_in: HandedIn, answer: dict[str, object]) -> Letter:
        body = json.dumps(answer, ensure_ascii=False).encode()
        letter_id = derived_id(kind, self._partner.id, handed_in.id, body)
        return Letter(letter_id, kind, "application/json", body, handed_in.id)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]
