"""The ports that have two real implementations: the bus and the store. Their promises are the contract suites.

A handler never touches them: it returns an Outcome, and the runner turns that into one Transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.fault_pb2 import Fault


class TryAgainError(Exception):
    """Something outside is away for the moment; the same work may succeed later."""


class RejectError(Exception):
    """The work is wrong for good; trying again cannot help."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{fault.code}: {fault.sentence}" for fault in faults))
        self.faults = faults


class ConflictError(TryAgainError):
    """Somebody else changed what this transaction was computed from; compute it again."""


class AlreadySeenError(Exception):
    """The inbox knows this message: its effects are committed."""


class StoreUnavailableError(TryAgainError):
    """The store cannot take writes now, for example because its disk is full."""


class BusyError(StoreUnavailableError):
    """The gateway has more in hand than it should; nothing was kept, and the same may be sent again after retry_seconds."""

    def __init__(self, what: str, retry_seconds: int) -> None:
        super().__init__(f"there is too much in hand: {what}")
        self.what = what
        self.retry_seconds = retry_seconds


class NotNowError(TryAgainError):
    """Who is to take the work is full or away; nothing is wrong with the work, so that this is no try of it."""


class BusUnavailableError(TryAgainError):
    """The bus did not confirm in time; whether the message arrived is not known."""


class UnroutableError(BusUnavailableError):
    """No queue takes messages of this topic and key."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the bus: topic is advance, release or facts; key is <environment>.<channel>.<partner>.

    The key of a bulk message ends with .bulk, so that it can have queues of its own.
    """

    id: str
    topic: str
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Write:
    """A named statement of a service's own schema and the rows to run it with.

    With exact, each row must change exactly one row of the table, else the transaction fails with ConflictError.
    With key_columns, later rows replace earlier ones of the same leading columns, and rows are sorted by them.
    """

    statement: str
    rows: Sequence[tuple[Any, ...]]
    exact: bool = False
    key_columns: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A response for a partner's delivery log; the store assigns its sequence. A response id is logged only once.

    Kind is release (body: Release bytes) or filing (body: sealed bytes, opened with data_key; head: ChunkEntry bytes).
    Version is that of the declaration that a release answers, for queries of services; the log does not give it back.
    """

    partner: str
    environment: str
    response_id: str
    kind: str
    body: bytes
    head: bytes = b""
    data_key: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Delivered:
    """A row of a delivery log: sequence counts from 1 without a gap for each partner and environment."""

    sequence: int
    delivery: Delivery
    at_micros: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a delivery log, from the first to the last sequence: all of one kind; bytes are those of the bodies."""

    first: int
    last: int
    kind: str
    bytes: int


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key, wrapped by the master key; deleting it erases all that it seals."""

    id: str
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Postponed:
    """Work to be tried again at a time: attempts counts the tries so far."""

    message: Message
    attempts: int
    next_micros: int
    reason: str


@dataclass(frozen=True, slots=True)
class Dead:
    """Work that failed for good, kept whole with its faults for a person to mend and replay."""

    message: Message
    faults: Sequence[Fault]
    at_micros: int
    attempts: int


@dataclass(slots=True)
class Outcome:
    """What a handler made of its work; the runner commits it whole or not at all."""

    writes: list[Write] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    keys: list[DataKey] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    postponed: list[Postponed] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        """Take over all that another outcome holds."""
        for name in ("writes", "messages", "deliveries", "facts", "keys", "dead", "postponed"):
            getattr(self, name).extend(getattr(other, name))


@dataclass(frozen=True, slots=True)
class Transaction:
    """One atomic step of one consumer: inbox, state, outbox, delivery log, retries, dead letters and keys together."""

    consumer: str
    seen: Sequence[str]
    outcome: Outcome
    at_micros: int


class Store(Protocol):
    """A durable store. What commit has returned for survives the death of the process and of the machine."""

    async def commit(self, transaction: Transaction) -> None:
        """Commit all of it or nothing.

        Raises AlreadySeenError if the inbox of the consumer has one of the messages, ConflictError if an exact write
        did not change its row or a unique key is taken, StoreUnavailableError if nothing can be written now.
        """

    async def read(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run a named query; sees all that was committed before. A list argument is a set of texts or numbers."""

    async def seen(self, consumer: str, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that the inbox of the consumer knows."""

    async def unsent(self, limit: int) -> list[Message]:
        """Return messages of the outbox that nobody has marked as sent, oldest first."""

    async def backlog(self) -> int:
        """Return how many messages of the outbox are not marked as sent; may stop counting at 100,000."""

    async def mark_sent(self, ids: Sequence[str]) -> None:
        """Mark messages of the outbox as confirmed by the bus."""

    async def due(self, consumer: str, now_micros: int, limit: int) -> list[Postponed]:
        """Return postponed work of a consumer whose time has come."""

    async def drop_postponed(self, consumer: str, ids: Sequence[str]) -> None:
        """Forget postponed work that was done otherwise."""

    async def dead(self, limit: int) -> list[tuple[str, Dead]]:
        """Return dead letters with their consumers, newest first."""

    async def replay(self, consumer: str, message_id: str, at_micros: int) -> bool:
        """Put a dead letter back to the work that is due, under a new id; tells whether it was there."""

    async def deliveries(self, partner: str, environment: str, after: int, limit: int) -> list[Delivered]:
        """Return the delivery log of a partner after a sequence, in sequence; it never has a gap."""

    async def stretches(self, partner: str, environment: str, after: int, limit: int) -> list[Stretch]:
        """Return how the delivery log of a partner goes on after a sequence, without its bodies.

        Stretches follow each other without a gap, each as short or as long as the store likes, at most limit of them.
        The bytes of one that begins before the sequence are counted whole.
        """

    async def logged(self, partner: str, environment: str, ids: Sequence[str]) -> set[str]:
        """Return those of the response ids that stand in the delivery log of a partner."""

    async def responses(self, partner: str, environment: str, beginnings: Sequence[str]) -> list[Delivered]:
        """Return what the delivery log of a partner holds whose response ids begin with one of these, in sequence.

        Beginnings are words of hexadecimal digits; see naming.response_id.
        """

    async def data_keys(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return wrapped data keys by id; an erased key is missing."""

    async def erase(self, key_id: str) -> bool:
        """Delete a data key, so that nothing it sealed can be read again; tells whether it was there."""

    async def close(self) -> None:
        """Finish what was accepted and let go of the files and connections."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue bound to one topic; channel is * or the channel part of the key; consumer is whose inbox shows what was done.

    Lane is interactive, bulk, or * for both. Of a single queue only one process at a time takes messages.
    """

    name: str
    topic: str
    channel: str
    consumer: str
    lane: str = "*"
    single: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A message handed out by a queue; ticket is the bus's own business."""

    queue: str
    message: Message
    ticket: int


class Bus(Protocol):
    """A durable bus. Every queue gets every message that is bound to it at least once."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return when every queue concerned has the messages durably; raises UnroutableError or BusUnavailableError."""

    async def receive(self, queue: str, limit: int) -> list[Received]:
        """Wait until something is queued, then take what is there, at most limit; adds no delay to fill up."""

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Take messages off for good."""

    async def give_back(self, received: Sequence[Received]) -> None:
        """Put messages back at their place; somebody gets them again."""

    async def depth(self, queue: str) -> int:
        """Return how many messages the queue holds, taken ones included."""

    async def close(self) -> None:
        """Let go; messages taken and not acknowledged come again after the next start."""
