"""Hands decisions out: every way reads the partner's delivery log, nothing is kept in memory."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from parcelgate.api.carrier.v1.carrier_pb2 import FollowResponse, PullResponse
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.carrier.resume import sequence_of, token_of
from parcelgate.core.bell import Bell, delivery_bell
from parcelgate.core.credential import Identity
from parcelgate.core.fault import fault
from parcelgate.core.port import Delivered, RejectError, Store

USUAL = 100
MOST = 500
# A gRPC client takes messages up to 4 MiB if nobody told it otherwise.
_MOST_BYTES = 3 * 1024 * 1024
MOST_FOLLOWERS = 8
# A bell may be missed, for example when another process wrote the log: a follower looks by himself so often.
POLL_SECONDS = 1.0


class Feed:
    """Reads delivery logs for carriers."""

    def __init__(self, store: Store, bell: Bell) -> None:
        self._store = store
        self._bell = bell
        self._followers: Counter[tuple[str, str]] = Counter()
        self._closed = asyncio.Event()

    def close(self) -> None:
        """End all who follow; they are told to come again."""
        self._closed.set()

    async def pull(self, caller: Identity, token: str, limit: int) -> PullResponse:
        """Read up to limit releases after a token; may be read again as often as wanted.

        Raises RejectError for a limit beyond the most, and for a token that is not of this log.
        """
        if not 0 <= limit <= MOST:
            raise RejectError(fault("QUERY_WRONG", address="limit", name="limit", least=1, most=MOST))
        partner, environment = caller.partner.id, caller.environment
        after = await self._after(caller, token)
        limit = limit or USUAL
        rows = await self._store.deliveries(partner, environment, after, limit + 1)
        taken = _within_bytes(rows[:limit])
        last = taken[-1].sequence if taken else after
        return PullResponse(
            releases=[shown(row) for row in taken if row.delivery.kind == "release"],
            resume_token=token_of(partner, environment, last) if last else "",
            more=len(rows) > len(taken),
        )

    async def follow(self, caller: Identity, token: str) -> AsyncIterator[FollowResponse]:
        """Give releases after a token as they come, each once and in the order of the log, until cancelled or closed.

        Raises RejectError for a token that is not of this log, for too many followers, and when the gateway stops.
        """
        with self._following(caller):
            after = await self._after(caller, token)
            while True:
                if self._closed.is_set():
                    raise RejectError(fault("GATEWAY_STOPPING"))
                for row in await self._next(caller, after):
                    if row.delivery.kind == "release":
                        yield shown(row)
                    after = row.sequence

    async def _next(self, caller: Identity, after: int) -> list[Delivered]:
        """Return what follows in the log; if nothing does, wait for it, at most for one poll."""
        partner, environment = caller.partner.id, caller.environment
        if rows := await self._store.deliveries(partner, environment, after, USUAL):
            return rows
        ringing = asyncio.create_task(self._bell.wait(delivery_bell(partner, environment), POLL_SECONDS))
        closing = asyncio.create_task(self._closed.wait())
        try:
            # Both listen before the log is read again, so that nothing can be written unheard in between.
            await asyncio.sleep(0)
            if rows := await self._store.deliveries(partner, environment, after, USUAL):
                return rows
            await asyncio.wait({ringing, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ringing.cancel()
            closing.cancel()
            await asyncio.gather(ringing, closing, return_exceptions=True)
        return []

    async def _after(self, caller: Identity, token: str) -> int:
        partner, environment = caller.partner.id, caller.environment
        after = sequence_of(partner, environment, token)
        if after and not await self._store.deliveries(partner, environment, after - 1, 1):
            raise RejectError(fault("RESUME_TOKEN_AHEAD", address="resume_token"))
        return after

    @contextmanager
    def _following(self, caller: Identity) -> Iterator[None]:
        who = (caller.partner.id, caller.environment)
        if self._followers[who] >= MOST_FOLLOWERS:
            raise RejectError(fault("FOLLOWERS_TOO_MANY", limit=MOST_FOLLOWERS))
        self._followers[who] += 1
        try:
            yield
        finally:
            self._followers[who] -= 1
            if not self._followers[who]:
                del self._followers[who]


def _within_bytes(rows: list[Delivered]) -> list[Delivered]:
    """Return the first rows that fit into one answer, at least one."""
    size = 0
    for index, row in enumerate(rows):
        size += len(row.delivery.body)
        if size > _MOST_BYTES and index:
            return rows[:index]
    return rows


def shown(row: Delivered) -> FollowResponse:
    """Show a row of a carrier's log as all ways to it do."""
    place = row.delivery
    return FollowResponse(
        resume_token=token_of(place.partner, place.environment, row.sequence), release=Release.FromString(place.body)
    )
