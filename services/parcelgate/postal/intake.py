"""Intake: the one way in for interchanges, whichever door they come through.

A raw body is pressed, sealed and stored in parts as it arrives; the receipt is given only after the commit that
completes it (design 4, 6). The same bytes of the same partner are the same interchange, unless it was rejected as a whole.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core import failpoint, naming
from parcelgate.core.fact import fact
from parcelgate.core.fault import fault
from parcelgate.core.partner import Partner
from parcelgate.core.port import (
    ConflictError,
    DataKey,
    Outcome,
    RejectError,
    StoreUnavailableError,
    TryAgainError,
    Write,
)
from parcelgate.core.press import pressed
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault
from parcelgate.core.setting import Settings
from parcelgate.core.text import NUL, nul_in
from parcelgate.postal.interchange import KEPT_MICROS, OWNED_MICROS, RECEIVED_BELL, Interchange, stamp

# Parts that are committed together; a body of at most so many parts costs one commit.
_PARTS_A_COMMIT = 4
# So many bytes tell the format, or that there is none, whatever the size of the parts.
_BEGINNING = 128 * 1024
# An upload without any progress for so long is given up.
_IDLE_MICROS = 15 * 60 * 1_000_000
_CONFLICTS = 20
_CONFLICT_SECONDS = 0.01

Recognise = Callable[[bytes, Sequence[str]], str | Fault]
# What is wrong with taking in a format at all.
NotTaken = Callable[[str], Fault | None]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to an interchange; repeated tells that its receipt was given before for the same bytes."""

    receipt: str
    repeated: bool


@dataclass(slots=True)
class _Upload:
    partner: Partner
    name: str
    receipt: str
    key: DataKey
    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    stored: int = 0
    received_at: int = 0
    sealed: list[bytes] = field(default_factory=list)
    beginning: bytearray = field(default_factory=bytearray)

    def take_parts(self) -> Write:
        """Return the write of the parts that wait, and count them as stored."""
        rows = [(self.receipt, self.stored + number, body) for number, body in enumerate(self.sealed)]
        self.stored += len(rows)
        self.sealed = []
        return Write("postal.put_part", rows)


class Intake:
    """Takes interchanges in."""

    def __init__(
        self, runner: Runner, vault: Vault, settings: Settings, recognise: Recognise, not_taken: NotTaken
    ) -> None:
        self._runner = runner
        self._vault = vault
        self._settings = settings
        self._recognise = recognise
        self._not_taken = not_taken
        # Called with what has just been stored, and with its sealed parts if all of them are in hand.
        self.on_received: Callable[[Interchange, Sequence[bytes]], None] | None = None

    async def receive(self, partner: Partner, name: str, body: AsyncIterator[bytes]) -> Accepted:
        """Store an interchange as it arrives and return its receipt once it is durable.

        Raises RejectError for what the name, the size or the first bytes show (empty, too large, no format, one not
        agreed or not taken in), BusyError if there is too much in hand, StoreUnavailableError or another TryAgainError if it could not
        be stored; nothing of it is kept then.
        """
        if NUL in name:
            raise RejectError(nul_in("file name"))
        self._runner.pressure.check()
        upload = _Upload(partner, name, naming.receipt(), self._vault.new_key())
        completed = False
        try:
            async for part in self._parts(upload, body):
                if len(upload.beginning) < _BEGINNING:
                    upload.beginning += part
                    if len(upload.beginning) >= _BEGINNING:
                        self._check_beginning(partner, bytes(upload.beginning))
                if len(upload.sealed) == _PARTS_A_COMMIT:
                    await self._store_parts(upload)
                self._vault.hold(upload.key)
                upload.sealed.append(self._vault.seal(upload.key.id, pressed(part)))
            if not upload.size:
                raise RejectError(fault("INTERCHANGE_EMPTY"))
            if len(upload.beginning) < _BEGINNING:
                self._check_beginning(partner, bytes(upload.beginning))
            in_hand = upload.sealed if not upload.stored else ()
            accepted = await self._complete(upload)
            completed = not accepted.repeated
        finally:
            if upload.stored and not completed:
                await self._drop(upload.receipt, upload.key.id)
        failpoint.pass_by("intake.committed_before_reply")
        if completed and self.on_received is not None:
            self.on_received(self._whole(upload), in_hand)
        self._runner.bell.ring([RECEIVED_BELL])
        return accepted

    async def find_file(self, partner: Partner, name: str, body: AsyncIterator[bytes]) -> str | None:
        """Return the receipt that a file of this name and content was given before, or None."""
        digest = hashlib.sha256()
        async for piece in body:
            digest.update(piece)
        place = (partner.id, partner.environment, digest.hexdigest(), name)
        rows = await self._runner.store.read("postal.same_file", *place)
        return rows[0][0] if rows else None

    async def sweep(self) -> int:
        """Remove what is left of uploads that broke off; returns how many."""
        rows = await self._runner.store.read("postal.broken", self._runner.clock.micros() - _IDLE_MICROS)
        for receipt, key in rows:
            await self._drop(receipt, key)
        return len(rows)

    async def _parts(self, upload: _Upload, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        most = self._settings.part_bytes
        waiting = bytearray()
        async for piece in body:
            upload.size += len(piece)
            if upload.size > self._settings.interchange_bytes:
                raise RejectError(fault("INTERCHANGE_TOO_LARGE", limit=self._settings.interchange_bytes))
            upload.digest.update(piece)
            waiting += piece
            while len(waiting) >= most:
                yield bytes(waiting[:most])
                del waiting[:most]
        if waiting:
            yield bytes(waiting)

    def _check_beginning(self, partner: Partner, beginning: bytes) -> None:
        recognised = self._recognise(beginning, partner.formats_in)
        if isinstance(recognised, Fault):
            raise RejectError(recognised)
        if recognised not in partner.formats_in:
            agreed = ", ".join(partner.formats_in) or "none"
            raise RejectError(fault("FORMAT_NOT_AGREED", format=recognised, agreed=agreed))
        if (untaken := self._not_taken(recognised)) is not None:
            raise RejectError(untaken)

    async def _store_parts(self, upload: _Upload) -> None:
        now = self._runner.clock.micros()
        outcome = Outcome()
        if upload.stored:
            outcome.writes.append(Write("postal.touch_interchange", [(upload.receipt, now)], exact=True))
        else:
            row = (upload.receipt, upload.partner.id, upload.partner.environment, upload.name, upload.key.id, now)
            outcome.writes.append(Write("postal.open_interchange", [row]))
            outcome.keys.append(upload.key)
        outcome.writes.append(upload.take_parts())
        await self._runner.transact(outcome)
        failpoint.pass_by("intake.part_stored")

    async def _complete(self, upload: _Upload) -> Accepted:
        first = upload.stored == 0
        partner, now, digest = upload.partner, self._runner.clock.micros(), upload.digest.hexdigest()
        parts = upload.take_parts()
        place = (partner.id, partner.environment)
        # Whoever took it in goes on with it, so that nobody has to claim it.
        owned = (self._settings.instance, now + OWNED_MICROS)
        outcome = Outcome(keys=[upload.key] if first else [])
        outcome.writes.append(Write("postal.let_go", [(*place, now - KEPT_MICROS, digest, "", "")]))
        if first:
            row: tuple[Any, ...] = (upload.receipt, *place, upload.name, upload.key.id, now, digest, upload.size)
            outcome.writes.append(Write("postal.put_interchange", [(*row, upload.stored, *owned)]))
        else:
            row = (upload.receipt, now, digest, upload.size, upload.stored, *owned)
            outcome.writes.append(Write("postal.complete_interchange", [row], exact=True))
        outcome.writes.append(parts)
        upload.received_at = now
        outcome.facts.append(self._received(upload))
        for _ in range(_CONFLICTS):
            try:
                await self._runner.transact(outcome)
            except ConflictError:
                # The same bytes came before, or at the same moment: then they are visible when that commit has ended.
                if known := await self._holder(upload):
                    # Nothing of a short one was kept, and there is nothing to be dropped.
                    upload.stored = 0 if first else upload.stored
                    return Accepted(known, repeated=True)
                await asyncio.sleep(_CONFLICT_SECONDS)
            else:
                return Accepted(upload.receipt, repeated=False)
        raise ConflictError("the interchange was swept away, or the same one keeps being committed and undone")

    async def _holder(self, upload: _Upload) -> str | None:
        since = self._runner.clock.micros() - KEPT_MICROS
        place = (upload.partner.id, upload.partner.environment, upload.digest.hexdigest(), since)
        rows = await self._runner.store.read("postal.content", *place)
        return rows[0][0] if rows else None

    def _whole(self, upload: _Upload) -> Interchange:
        partner = upload.partner
        return Interchange(
            upload.receipt, partner.id, partner.environment, "RECEIVED", upload.name, upload.key.id,
            upload.digest.hexdigest(), upload.size, upload.stored, "", "", 0, 0, 0, 0, 0, b"", "", upload.received_at,
        )  # fmt: skip

    def _received(self, upload: _Upload) -> Any:
        details = {"name": upload.name, "bytes": str(upload.size)}
        return fact("interchange.received", upload.received_at, declaration=stamp(self._whole(upload)), details=details)

    async def _drop(self, receipt: str, key: str) -> None:
        """Take a broken upload away; what cannot be taken away now is swept later and never routed."""
        writes = [Write("postal.drop_parts", [(receipt,)]), Write("postal.drop_interchange", [(receipt,)])]
        with contextlib.suppress(StoreUnavailableError, TryAgainError):
            await self._runner.transact(Outcome(writes=writes))
            # One that was completed after all, at the same moment, keeps its key.
            if not await self._runner.store.read("postal.states", [receipt]):
                await self._runner.store.erase(key)
