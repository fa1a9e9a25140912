"""The one loop that owns transactions.

For all services alike: handle; commit state, inbox, outbox, delivery log, retries and dead letters in one transaction,
which fails if the inbox has seen the message; acknowledge. What was committed is published with confirms by a task of its
own, so that nobody waits for the bus. Whatever a crash interrupts is done again and recognised.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog

from parcelgate.api.record.v1.fact_pb2 import Fact, FactBatch
from parcelgate.core import failpoint
from parcelgate.core.bell import Bell, delivery_bell
from parcelgate.core.chunk import environment_word
from parcelgate.core.clock import Clock
from parcelgate.core.fault import fault
from parcelgate.core.naming import derived_id
from parcelgate.core.port import (
    AlreadySeenError,
    Bus,
    BusUnavailableError,
    ConflictError,
    Dead,
    Message,
    NotNowError,
    Outcome,
    Postponed,
    Received,
    RejectError,
    Store,
    StoreUnavailableError,
    Transaction,
    TryAgainError,
    UnroutableError,
    Write,
)
from parcelgate.core.press import arrived, on_its_way, opened
from parcelgate.core.pressure import Pressure
from parcelgate.core.text import NUL

# Seconds until the next try, by number of tries so far; after the last the work is a dead letter.
LADDER = (1, 5, 30, 120, 600, 1800, 7200)
# A fault of our own is tried less often: it rarely mends itself.
LADDER_FOR_BUGS = (1, 5)
# Messages of the bulk lane that are handled together: few, for what is interactive waits while they are.
BULK_AT_ONCE = 4
_CONFLICTS = 20
_FACTS_A_MESSAGE = 500
_RELAY_SECONDS = 1.0
_RELAY_MOST = 200
# Committed messages that wait for the bus in memory; beyond that they are left to the relay.
_MOST_OUTGOING = 1000
_SEND_AT_ONCE = 64
# A stop waits so long for the bus; what is left then is sent after the next start.
_LAST_SECONDS = 2.0
_PAUSE_SECONDS = 0.5
_MOST_REST_SECONDS = 1.0

Handler = Callable[[Sequence[Message]], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Consumer:
    """A service's subscription: its queue, what handles the messages, and how one message is split into its entries.

    Where nobody waits for the work, rest_seconds pass for each message of a round that leaves nothing behind, up to a
    second, so that what comes meanwhile is done together. Who keeps bodies as they are stored takes them pressed.
    """

    name: str
    queue: str
    handle: Handler
    split: Callable[[Message], list[Message]]
    most: int = 8
    rest_seconds: float = 0.0
    takes_pressed: bool = False


class Runner:
    """Runs consumers and transacts for doors."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, bell: Bell) -> None:
        self.store = store
        self.bus = bus
        self.clock = clock
        self.bell = bell
        self._log = structlog.get_logger("runner")
        self.pressure = Pressure()
        self._publishing: set[str] = set()
        self._outgoing: deque[Message] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._relay_wakes = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self, consumers: Iterable[Consumer]) -> None:
        """Serve consumers, their retries and the relay until stop is called; work in hand is finished first."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._relay(), name="relay")
            for consumer in consumers:
                group.create_task(self._consume(consumer), name=f"consume {consumer.name}")
                group.create_task(self._try_again(consumer), name=f"retry {consumer.name}")
        await self.sent(_LAST_SECONDS)

    def stop(self) -> None:
        """Ask run to return when the work in hand is done."""
        self._stop.set()
        self._relay_wakes.set()

    def wake_relay(self) -> None:
        """Have the relay look at once, for example because the bus is back."""
        self._relay_wakes.set()

    async def sent(self, seconds: float) -> None:
        """Wait until what was committed so far is published or left to the relay, at most so many seconds."""
        if self._sending is not None:
            await asyncio.wait({self._sending}, timeout=seconds)

    async def transact(self, outcome: Outcome, consumer: str = "", seen: Sequence[str] = ()) -> None:
        """Commit an outcome, hand what it sends to the sender and ring for what it delivers.

        Returns after the commit, without waiting for the bus. Raises AlreadySeenError, ConflictError or
        StoreUnavailableError as the store does; nothing is kept then.
        """
        messages = [on_its_way(message) for message in (*outcome.messages, *_fact_messages(outcome.facts))]
        whole = replace(outcome, messages=messages, writes=_merge(outcome.writes))
        transaction = Transaction(consumer, seen, whole, self.clock.micros())
        ids = [message.id for message in messages]
        # Marked before the commit, so that the relay does not send the same rows beside us.
        self._publishing.update(ids)
        try:
            await self.store.commit(transaction)
        except BaseException:
            self._publishing.difference_update(ids)
            raise
        failpoint.pass_by("runner.committed_before_publish")
        self._send(messages)
        self.bell.ring(delivery_bell(one.partner, one.environment) for one in outcome.deliveries)

    async def work(self, consumer: Consumer, messages: Sequence[Message], attempts: int = 0) -> None:
        """Take messages through the loop once; afterwards each is done, postponed or a dead letter."""
        whole = messages if consumer.takes_pressed else map(arrived, messages)
        fresh = list({message.id: message for message in whole}.values())
        for _ in range(_CONFLICTS):
            try:
                outcome = await consumer.handle(fresh)
                failpoint.pass_by("runner.handled_before_commit")
                await self.transact(outcome, consumer.name, [message.id for message in fresh])
            except AlreadySeenError:
                # Nearly always nothing was seen, so that the inbox is asked only when it has refused.
                seen = await self.store.seen(consumer.name, [message.id for message in fresh])
                fresh = [message for message in fresh if message.id not in seen]
                if not fresh:
                    return
                continue
            except ConflictError:
                await asyncio.sleep(0)
                continue
            except (StoreUnavailableError, NotNowError):
                raise
            except Exception as error:  # noqa: BLE001 - the one broad except: a handler's failure must lose nothing
                await self._failed(consumer, fresh, attempts, error)
            return
        await self._failed(consumer, fresh, attempts, ConflictError("somebody else kept changing the same rows"))

    async def _failed(self, consumer: Consumer, messages: Sequence[Message], attempts: int, error: Exception) -> None:
        """Find out which message, and then which entry, cannot be handled; all others go on."""
        if len(messages) > 1:
            for message in messages:
                await self.work(consumer, [message], attempts)
            return
        (message,) = messages
        ours = not isinstance(error, (TryAgainError, RejectError))
        if ours:
            self._log.error("handler_failed", consumer=consumer.name, message=message.id, exc_info=error)
        if not isinstance(error, TryAgainError) and len(entries := self._split(consumer, message)) > 1:
            for entry in entries:
                await self.work(consumer, [entry], attempts)
            with contextlib.suppress(AlreadySeenError):
                await self.transact(Outcome(), consumer.name, [message.id])
            return
        await self._set_aside(consumer, message, attempts + 1, error)

    def _split(self, consumer: Consumer, message: Message) -> list[Message]:
        try:
            return consumer.split(message)
        except Exception as error:  # noqa: BLE001 - what cannot be split is set aside whole
            self._log.warning("message_not_split", consumer=consumer.name, message=message.id, exc_info=error)
            return [message]

    async def _set_aside(self, consumer: Consumer, message: Message, attempts: int, error: Exception) -> None:
        ladder = LADDER if isinstance(error, TryAgainError) else LADDER_FOR_BUGS
        if not isinstance(error, RejectError) and attempts <= len(ladder):
            next_micros = self.clock.micros() + ladder[attempts - 1] * 1_000_000
            later = Postponed(message, attempts, next_micros, _reason(error))
            await self.transact(Outcome(postponed=[later]), consumer.name)
            return
        if isinstance(error, RejectError):
            faults = list(error.faults)
        elif isinstance(error, TryAgainError):
            faults = [fault("TRIED_TOO_OFTEN", attempts=attempts, reason=str(error)[:200])]
        else:
            faults = [fault("INTERNAL_FAULT", kind=type(error).__name__)]
        dead = Dead(message, faults, self.clock.micros(), attempts)
        fact = Fact(
            id=derived_id("dead", consumer.name, message.id),
            kind="work.dead",
            at_micros=dead.at_micros,
            code=faults[0].code,
            sentence=faults[0].sentence,
            faults=faults,
            details={"consumer": consumer.name, "message": message.id},
        )
        with contextlib.suppress(AlreadySeenError):
            await self.transact(Outcome(dead=[dead], facts=[fact]), consumer.name, [message.id])
        self._log.warning("work_is_dead", consumer=consumer.name, message=message.id, code=faults[0].code)

    async def _consume(self, consumer: Consumer) -> None:
        async for received in self._receiving(consumer):
            if not await attempt(f"work of {consumer.name}", partial(self._take, consumer, received)):
                await self.bus.give_back(received)
                await self._pause(_PAUSE_SECONDS)
            elif consumer.rest_seconds and len(received) < consumer.most:
                await self._pause(min(_MOST_REST_SECONDS, consumer.rest_seconds * len(received)))

    async def _take(self, consumer: Consumer, received: Sequence[Received]) -> None:
        await self.work(consumer, [one.message for one in received])
        failpoint.pass_by("runner.done_before_acknowledge")
        await self.bus.acknowledge(received)

    async def _receiving(self, consumer: Consumer) -> AsyncIterator[list[Received]]:
        stopping = asyncio.create_task(self._stop.wait())
        receiving: asyncio.Task[list[Received]] | None = None
        try:
            while not self._stop.is_set():
                receiving = asyncio.create_task(self.bus.receive(consumer.queue, consumer.most))
                await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not receiving.done():
                    receiving.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await self.bus.give_back(await receiving)
                    return
                if error := receiving.exception():
                    self._log.error("nothing_received", consumer=consumer.name, exc_info=error)
                    await self._pause(_PAUSE_SECONDS)
                else:
                    yield receiving.result()
        finally:
            stopping.cancel()
            if receiving is not None:
                receiving.cancel()

    async def _try_again(self, consumer: Consumer) -> None:
        while not self._stop.is_set():
            await attempt(f"retries of {consumer.name}", partial(self._retry_due, consumer))
            await self._pause(_PAUSE_SECONDS)

    async def _retry_due(self, consumer: Consumer) -> None:
        for later in await self.store.due(consumer.name, self.clock.micros(), 100):
            if self._stop.is_set():
                return
            await self.work(consumer, [later.message], later.attempts)
            await self._drop_if_done(consumer, later)

    async def _drop_if_done(self, consumer: Consumer, later: Postponed) -> None:
        """Take a retry away whose message was done meanwhile by another delivery of it."""
        if await self.store.seen(consumer.name, [later.message.id]):
            await self.store.drop_postponed(consumer.name, [later.message.id])

    async def _relay(self) -> None:
        """Send what a crash or an absent bus left unsent; by mark, never by a cursor of ids."""
        while True:
            self._relay_wakes.clear()
            if self._stop.is_set():
                return
            await attempt("relay", self._send_unsent)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RELAY_SECONDS):
                    await self._relay_wakes.wait()

    async def _send_unsent(self) -> None:
        while not self._stop.is_set():
            left = [one for one in await self.store.unsent(_RELAY_MOST) if one.id not in self._publishing]
            if not await self._publish(left) or len(left) < _RELAY_MOST:
                return

    def _send(self, messages: Sequence[Message]) -> None:
        """Have messages published, those of several commits together."""
        if len(self._outgoing) > _MOST_OUTGOING:
            self._publishing.difference_update(message.id for message in messages)
            return
        self._outgoing.extend(messages)
        if self._outgoing and (self._sending is None or self._sending.done()):
            self._sending = asyncio.create_task(self._send_outgoing(), name="sender")

    async def _send_outgoing(self) -> None:
        while self._outgoing:
            part = [self._outgoing.popleft() for _ in range(min(_SEND_AT_ONCE, len(self._outgoing)))]
            try:
                await attempt("sender", partial(self._publish, part))
            finally:
                self._publishing.difference_update(message.id for message in part)

    async def _publish(self, messages: Sequence[Message]) -> bool:
        """Publish and mark; tells whether all of it was sent."""
        if not messages:
            return True
        try:
            await self.bus.publish(messages)
            failpoint.pass_by("runner.published_before_mark")
            await self.store.mark_sent([message.id for message in messages])
        except (StoreUnavailableError, BusUnavailableError) as error:
            self._log.warning("left_to_the_relay", messages=len(messages), reason=str(error))
            if isinstance(error, UnroutableError) and len(messages) > 1:
                # One message that nobody takes must not hold up the others.
                for message in messages:
                    await self._publish([message])
            return False
        return True

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


async def attempt(what: str, step: Callable[[], Awaitable[object]]) -> bool:
    """Do one round of a loop that must go on whatever happens; tells whether it went well. What went wrong is logged."""
    log = structlog.get_logger("runner")
    try:
        await step()
    except (TryAgainError, OSError) as error:
        log.warning("round_waits", what=what, reason=f"{type(error).__name__}: {error}")
    except Exception:
        # One partner's loop must not stop the gateway.
        log.exception("round_failed", what=what)
    else:
        return True
    return False


def split_facts(message: Message) -> list[Message]:
    """Split a batch of facts into batches of one."""
    return [
        Message(f"{message.id}.{number}", message.topic, message.key, FactBatch(facts=[fact]).SerializeToString())
        for number, fact in enumerate(FactBatch.FromString(opened(message.body)).facts)
    ]


def _reason(error: Exception) -> str:
    # What somebody else's service said may hold anything, and the store must keep it.
    return f"{type(error).__name__}: {error}"[:500].replace(NUL, "\ufffd")


def _fact_messages(facts: Sequence[Fact]) -> list[Message]:
    found = []
    for start in range(0, len(facts), _FACTS_A_MESSAGE):
        part = facts[start : start + _FACTS_A_MESSAGE]
        # Facts of one outcome may concern several environments; the head of the first only serves routing.
        environment = environment_word(part[0].environment) if part[0].environment else "test"
        batch_id = derived_id("facts", *(fact.id for fact in part))
        body = FactBatch(facts=part).SerializeToString()
        found.append(Message(batch_id, "facts", f"{environment}.monitor.{part[0].partner or 'gateway'}", body))
    return found


def _merge(writes: Sequence[Write]) -> list[Write]:
    """Join writes of one statement, in the order of first mention; a keyed write keeps the last row of each key."""
    joined: dict[tuple[str, bool, int], list[tuple[Any, ...]]] = {}
    for write in writes:
        joined.setdefault((write.statement, write.exact, write.key_columns), []).extend(write.rows)
    merged = []
    for (name, exact, key_columns), rows in joined.items():
        kept = rows
        if key_columns:
            kept = [row for _, row in sorted({row[:key_columns]: row for row in rows}.items())]
        merged.append(Write(name, kept, exact, key_columns))
    return merged
