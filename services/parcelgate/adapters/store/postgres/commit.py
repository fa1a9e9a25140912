"""A transaction as calls of named writes, in the order in which they have to happen."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from parcelgate.adapters.store.postgres.connection import Call
from parcelgate.adapters.store.postgres.log import blocks, distinct
from parcelgate.adapters.store.postgres.statement import statement
from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core import failpoint
from parcelgate.core.port import Delivery, Message, Outcome, Transaction


def calls_of(transaction: Transaction, owner: str) -> list[Call]:
    """Return what commits a transaction; its messages will be the owner's to send.

    The inbox comes first, so that what was done before stops here; the delivery log comes late, so that the lock on its
    row is held for a short time.
    """
    return list(_calls(transaction, transaction.outcome, owner))


def _calls(transaction: Transaction, outcome: Outcome, owner: str) -> Iterator[Call]:
    consumer, now = transaction.consumer, transaction.at_micros
    guarded = failpoint.guard_is_on("inbox")
    if transaction.seen:
        seen = list(transaction.seen)
        yield _call("runner.see" if guarded else "runner.see_unguarded", consumer, seen, now)
        yield _call("runner.drop_postponed", consumer, seen)
    if outcome.keys:
        yield _call("runner.add_keys", *_columns([(key.id, key.wrapped) for key in outcome.keys]))
    for write in outcome.writes:
        if write.rows:
            columns = [_short(column) for column in _columns(write.rows)]
            yield statement(write.statement), (*columns, write.exact, len(write.rows))
    if outcome.messages:
        yield _call("runner.send", *_columns([_message(one) for one in outcome.messages]), owner)
    if outcome.postponed:
        later = [(*_message(work.message), work.attempts, work.next_micros, work.reason) for work in outcome.postponed]
        yield _call("runner.postpone", consumer, *_columns(later))
    if outcome.dead:
        failed = [
            (*_message(dead.message), pack_faults(dead.faults), dead.at_micros, dead.attempts) for dead in outcome.dead
        ]
        yield _call("runner.bury", consumer, *_columns(failed))
    logs: defaultdict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for one in outcome.deliveries:
        logs[one.partner, one.environment].append(one)
    # In the same order everywhere, so that two who write to the same logs wait for each other only once.
    for place, deliveries in sorted(logs.items()):
        responses = distinct(deliveries, set(), guarded=guarded)
        ids, versions = zip(*[(one.response_id, one.version) for one in responses], strict=True)
        yield _call("runner.log_deliveries", *place, ids, versions, now, *_columns(list(blocks(responses))))


def pack_faults(faults: Sequence[Fault]) -> bytes:
    """Return faults as they are stored."""
    return Fact(faults=faults).SerializeToString()


def unpack_faults(packed: bytes) -> tuple[Fault, ...]:
    """Return faults from what was stored."""
    return tuple(Fact.FromString(packed).faults)


def _call(name: str, *arguments: Any) -> Call:
    return statement(name), (*arguments, False, 1)


def _columns(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    return zip(*rows, strict=True)


def _short(column: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return one value for a column that says the same in all rows; the database spreads it again."""
    first = column[0]
    return column[:1] if first == column[-1] and column.count(first) == len(column) else column


def _message(message: Message) -> tuple[str, str, str, bytes]:
    return message.id, message.topic, message.key, message.body
