"""A partner's mailbox: what lies in its in-tray is handed in, results go back beside it, closed messages into its out-tray."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core import failpoint
from parcelgate.core.bell import delivery_bell
from parcelgate.core.door import fault_json
from parcelgate.core.fault import fault
from parcelgate.core.partner import Partner
from parcelgate.core.port import Message, NotNowError, Outcome, RejectError, TryAgainError
from parcelgate.core.runner import Consumer, Runner, attempt
from parcelgate.postal.handout import CONSUMER, Closed, Composed, HandOut
from parcelgate.postal.intake import Intake
from parcelgate.postal.interchange import ENDED, find
from parcelgate.postal.outcome import Outcomes

_LOOK_SECONDS = 0.5
_AWAY_SECONDS = 1.0
# Files of one partner that are in work at the same time.
_MOST_IN_WORK = 32
_MESSAGES = 20
# Closed messages that say in one look why they wait.
_MOST_WAITING = 1000


class Mailbox(Protocol):
    """What a mailbox can do, wherever it lies."""

    async def open(self) -> None:
        """Make it usable."""

    async def arrived(self, limit: int) -> list[str]:
        """Return names of complete files to be claimed, oldest first."""

    async def claimed(self) -> list[str]:
        """Return names of files that were claimed and not finished, also by an earlier process."""

    async def claim(self, name: str) -> bool:
        """Take a file into work, so that nobody else does; False if that is not possible now."""

    def read(self, name: str) -> AsyncIterator[bytes]:
        """Read a claimed file."""

    async def finish(self, name: str, receipt: str, result: AsyncIterator[bytes], *, accepted: bool) -> str:
        """Put the result away, and the file beside it; returns its name there. Repeating it after a crash is harmless."""

    async def deliver(self, name: str, body: AsyncIterator[bytes], before_rename: Callable[[], None]) -> None:
        """Let a file appear whole in the out-tray; one of the same name is replaced."""


class TrayAwayError(NotNowError):
    """The tray as a whole cannot be written now."""


class Tray(Protocol):
    """Where a partner's closed messages go: its mailbox or its queue."""

    async def has_room(self) -> bool:
        """Tell whether another message fits in; raises NotNowError if that cannot be known."""

    async def put(self, closed: Closed, composed: Composed) -> None:
        """Return when the message lies there durably; raises NotNowError if it does not fit in after all.

        Putting the same message there again after a crash is harmless, or can be recognised by its reference.
        """


class FolderTray:
    """Puts closed messages into the out-tray of a mailbox, which always has room unless its disk is full."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def has_room(self) -> bool:
        """Believe so."""
        return True

    async def put(self, closed: Closed, composed: Composed) -> None:
        """Let the message appear as <reference>.xml, .json or .edi."""
        name = f"{closed.reference}{composed.suffix}"
        try:
            await self._mailbox.deliver(name, _pieces(composed.pieces), _before_rename)
        except IsADirectoryError as error:
            # Somebody's folder has the name of this one message; the others go on.
            raise TryAgainError(f"{name} cannot be written: {error.strerror}") from error
        except OSError as error:
            # A full disk or a lost folder is no fault of the message; it goes out when there is room again.
            with contextlib.suppress(OSError):
                await self._mailbox.open()
            raise TrayAwayError(f"the out-tray cannot be written ({error.strerror})") from error


class InTray:
    """Takes files in for one partner, and gives results back."""

    def __init__(self, runner: Runner, partner: Partner, mailbox: Mailbox, intake: Intake, outcomes: Outcomes) -> None:
        self._runner = runner
        self._partner = partner
        self._mailbox = mailbox
        self._intake = intake
        self._outcomes = outcomes
        # Receipts of files in work; a file without one has to be handed in first.
        self._receipts: dict[str, str] = {}
        self._resumed = False
        self._open = False

    async def look(self) -> None:
        """Go round once: take up what an earlier process left, claim what arrived, finish what came to its end.

        A file that makes trouble holds up no other. Raises TryAgainError at the end if there was one.
        """
        if not self._open:
            await self._mailbox.open()
        self._open = False
        in_work = await self._mailbox.claimed()
        self._receipts = {name: receipt for name, receipt in self._receipts.items() if name in in_work}
        known = not self._resumed
        well = [
            await self._try(name, self._hand_in(name, known=known)) for name in in_work if name not in self._receipts
        ]
        self._resumed = True
        # With too much in hand files stay where their sender sees that nobody has taken them.
        most = 0 if self._runner.pressure.full else max(0, _MOST_IN_WORK - len(in_work))
        arrived = await self._mailbox.arrived(most)
        well += [await self._try(name, self._take(name)) for name in arrived]
        well += [await self._try(name, self._finish(name)) for name in await self._ended()]
        if not all(well):
            raise TryAgainError(f"{well.count(False)} files of {self._partner.id} have to wait")
        self._open = True

    def leave(self) -> None:
        """Forget what is in work: another process looks after it, and has to be asked about it when it comes back."""
        self._receipts.clear()
        self._resumed = False

    async def _try(self, name: str, step: Awaitable[None]) -> bool:
        async def once() -> None:
            # Somebody took the file away; that is for him to know.
            with contextlib.suppress(FileNotFoundError):
                await step

        return await attempt(f"file {readable(name)} of {self._partner.id}", once)

    async def _take(self, name: str) -> None:
        if await self._mailbox.claim(name):
            failpoint.pass_by("mailbox.claimed_before_intake")
            await self._hand_in(name, known=False)

    async def _hand_in(self, name: str, *, known: bool) -> None:
        shown = readable(name)
        try:
            receipt = await self._intake.find_file(self._partner, shown, self._mailbox.read(name)) if known else None
            if receipt is None:
                receipt = (await self._intake.receive(self._partner, shown, self._mailbox.read(name))).receipt
        except (RejectError, PermissionError) as error:
            found = error.faults if isinstance(error, RejectError) else [_unreadable(error)]
            faults = [fault_json(one) for one in found]
            result = {"receipt": "", "state": "REJECTED", "name": shown, "faults": faults, "items": []}
            await self._mailbox.finish(name, "", _whole(result), accepted=False)
            return
        self._receipts[name] = receipt

    async def _ended(self) -> list[str]:
        if not self._receipts:
            return []
        states = dict(await self._runner.store.read("postal.states", sorted(set(self._receipts.values()))))
        return [name for name, receipt in self._receipts.items() if states.get(receipt) in ENDED]

    async def _finish(self, name: str) -> None:
        receipt = self._receipts[name]
        interchange = await find(self._runner.store, receipt)
        assert interchange is not None
        failpoint.pass_by("mailbox.accepted_before_result")
        accepted = interchange.state == "ROUTED"
        await self._mailbox.finish(name, receipt, self._outcomes.whole(interchange), accepted=accepted)
        del self._receipts[name]


class OutTray:
    """Closes messages for one partner that has a mailbox or a queue, and puts them there."""

    def __init__(self, runner: Runner, partner: Partner, tray: Tray, hand_out: HandOut) -> None:
        self._runner = runner
        self._partner = partner
        self._tray = tray
        self._hand_out = hand_out
        self._open: dict[str, Closed] = {}
        # Numbers of messages that said that they wait.
        self._waiting: set[int] = set()
        self._consumer = Consumer(CONSUMER, "", self._handle, lambda message: [message])

    async def look(self) -> None:
        """Close all that is ready, and put all that is closed into the tray; what does not fit in goes there later."""
        later: TryAgainError | None = None
        try:
            while await self._hand_out.close(self._partner):
                failpoint.pass_by("handout.closed_before_write")
        except TryAgainError as error:
            # What is closed goes out all the same.
            later = error
        try:
            await self._put_all()
        except TrayAwayError as error:
            await self._say_why(str(error))
        except NotNowError:
            return
        if later is not None:
            raise later

    async def _put_all(self) -> None:
        # Work that failed before has its next time in the store; all else goes out now, in order.
        now = self._runner.clock.micros()
        postponed = {one.message.id: one for one in await self._runner.store.due(self._consumer.name, 2**62, 1000)}
        for closed in await self._hand_out.not_handed_out(self._partner, _MESSAGES + len(postponed)):
            name = f"handout/{self._partner.environment}/{self._partner.id}/{closed.number}"
            later = postponed.get(name)
            if later is not None and later.next_micros > now:
                continue
            if not await self._tray.has_room():
                return
            self._open[name] = closed
            key = f"{self._partner.environment}.postal.{self._partner.id}"
            message = Message(name, CONSUMER, key, str(closed.number).encode())
            try:
                await self._runner.work(self._consumer, [message], later.attempts if later else 0)
            finally:
                del self._open[name]
            await self._note_dead(closed, name)

    async def _say_why(self, reason: str) -> None:
        for closed in await self._hand_out.not_handed_out(self._partner, _MOST_WAITING):
            if closed.number not in self._waiting:
                await self._runner.transact(await self._hand_out.waits(self._partner, closed, reason))
                self._waiting.add(closed.number)

    async def wait(self) -> None:
        """Wait until something was delivered, or for a while."""
        await self._runner.bell.wait(delivery_bell(self._partner.id, self._partner.environment), _LOOK_SECONDS * 2)

    async def _handle(self, messages: Sequence[Message]) -> Outcome:
        (message,) = messages
        closed = self._open[message.id]
        composed = await self._hand_out.compose(self._partner, closed)
        if composed.goes_out:
            await self._tray.put(closed, composed)
        failpoint.pass_by("handout.renamed_before_mark")
        outcome = self._hand_out.handed_out(self._partner, closed, composed)
        if closed.number in self._waiting:
            outcome.facts += await self._hand_out.waited(self._partner, closed, composed)
            self._waiting.discard(closed.number)
        return outcome

    async def _note_dead(self, closed: Closed, name: str) -> None:
        still = await self._hand_out.not_handed_out(self._partner, 1)
        if still and still[0].number == closed.number and await self._runner.store.seen(self._consumer.name, [name]):
            await self._runner.transact(self._hand_out.given_up(self._partner, closed))


async def go_round(
    look: Callable[[], Awaitable[None]], rest: Callable[[], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Look again and again until stop is set; what went wrong (store or folder away, a fault of ours) is tried later."""
    while not stop.is_set():
        # Resting begins before the look, so that what happens during the look is noticed.
        resting = asyncio.ensure_future(rest())
        try:
            await asyncio.sleep(0)
            if await attempt("mailbox", look):
                await resting
            else:
                await pause(stop, _AWAY_SECONDS)
        finally:
            resting.cancel()


async def pause(stop: asyncio.Event, seconds: float = _LOOK_SECONDS) -> None:
    """Wait until stop is set, at most so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def readable(name: str) -> str:
    """Show a file name as text; bytes of it that are no UTF-8 become replacement characters."""
    return os.fsencode(name).decode("utf-8", "replace")


def _unreadable(error: PermissionError) -> Fault:
    return fault("FILE_UNREADABLE", reason=error.strerror or "no permission")


def _before_rename() -> None:
    failpoint.pass_by("handout.written_before_rename")


async def _whole(result: Mapping[str, object]) -> AsyncIterator[bytes]:
    yield json.dumps(result, ensure_ascii=False, indent=1).encode() + b"\n"


async def _pieces(body: list[bytes]) -> AsyncIterator[bytes]:
    for piece in body:
        yield piece
