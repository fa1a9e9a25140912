"""The store of the cluster; keeps the promises of core.port.Store in one PostgreSQL database that many processes share."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import methodcaller
from typing import Any, ClassVar, Self

from parcelgate.adapters.store.postgres.commit import calls_of, unpack_faults
from parcelgate.adapters.store.postgres.connection import Pool
from parcelgate.adapters.store.postgres.failure import LoggedBeforeError
from parcelgate.adapters.store.postgres.log import MOST_RESPONSES, distinct, unpacked
from parcelgate.adapters.store.postgres.statement import statement, writes
from parcelgate.core import failpoint
from parcelgate.core.port import ConflictError, Dead, Delivered, Delivery, Message, Postponed, Stretch, Transaction

# After how many seconds what another process has not sent becomes anybody's.
LEFT_LYING_SECONDS = 5.0
_MOST_COUNTED = 100_000
# Of what is logged twice, how often another process may be first between our look and our commit.
_TIMES_LOGGED = 20
_OFTEN = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """What should not lie there for long: messages unsent, the oldest for how long, work tried often, dead letters."""

    MOST: ClassVar[int] = 10_000
    """Nothing is counted further."""

    unsent: int
    unsent_seconds: float
    retried: int
    dead: int


class PostgresStore:
    """A few connections to one database; owner is the stable name of this process among all that share it."""

    def __init__(self, pool: Pool, owner: str) -> None:
        self.owner = owner
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str, *, owner: str, connections: int = 6, service: str = "") -> Self:
        """Reach the database, which must have been migrated; raises StoreUnavailableError if it cannot be reached.

        With a service, all connections are opened now, and what its writes need is prepared on each.
        """
        beforehand = writes(("runner", service)) if service else ()
        pool = Pool(dsn, owner, connections, beforehand)
        store = cls(pool, owner)
        await store.run("runner.clock")
        if service:
            await pool.fill()
        return store

    async def commit(self, transaction: Transaction) -> None:
        """Commit all of it or nothing, in one statement.

        If the connection breaks, nobody knows whether the commit was. With ids for the inbox it is tried once more:
        AlreadySeenError says then that it was, and the relay sends what it left in the outbox. Without such ids it is
        not tried again: StoreUnavailableError tells a door to say "not now", and whoever asks again is recognised by
        what the door knows requests by (receipt, request id, content, reference, state of the row).
        """
        for _ in range(_TIMES_LOGGED):
            calls = calls_of(transaction, self.owner)
            if not calls:
                return
            # Whoever is killed there has sent the statement and will never know what became of it.
            asyncio.get_running_loop().call_soon(failpoint.pass_by, "store.mid_batch")
            try:
                await self._pool.run(methodcaller("call", calls), again=bool(transaction.seen))
            except LoggedBeforeError:
                # Hardly anything is logged twice, so that the log is asked only when it has refused.
                transaction = await self._without_logged(transaction)
            else:
                return
        raise ConflictError("somebody else keeps logging the same responses")

    async def read(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run a named query; a list argument is a set."""
        return await self.run(query, *arguments)

    async def run(self, name: str, *arguments: Any, again: bool = True) -> list[tuple[Any, ...]]:
        """Run a named statement by itself; again says whether it may be run twice, should the line break."""
        text = statement(name).text
        rows = await self._pool.run(lambda session: session.fetch(text, *arguments), again=again)
        return [tuple(row) for row in rows]

    async def seen(self, consumer: str, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that the inbox of the consumer knows."""
        return {row[0] for row in await self.run("runner.seen", consumer, list(ids))}

    async def unsent(self, limit: int) -> list[Message]:
        """Return messages of the outbox that are this process's to send, oldest first.

        What another process has left lying for LEFT_LYING_SECONDS becomes this one's.
        """
        return [Message(*row) for row in await self.run("runner.unsent", self.owner, limit, LEFT_LYING_SECONDS)]

    async def mark_sent(self, ids: Sequence[str]) -> None:
        """Mark confirmed messages; they stay in the outbox until the reconciler has seen that they arrived."""
        await self.run("runner.mark_sent", list(ids))

    async def backlog(self) -> int:
        """Return how many messages wait to be sent, by whomever; counts up to 100,000."""
        ((count,),) = await self.run("runner.backlog", _MOST_COUNTED)
        return int(count)

    async def condition(self) -> Condition:
        """Look at what waits to be sent, by whomever, what was tried three times or more, and what is dead."""
        (row,) = await self.run("runner.condition", Condition.MOST, _OFTEN)
        return Condition(*row)

    async def due(self, consumer: str, now_micros: int, limit: int) -> list[Postponed]:
        """Return postponed work of a consumer whose time has come."""
        rows = await self.run("runner.due", consumer, now_micros, limit)
        return [Postponed(Message(*row[:4]), *row[4:]) for row in rows]

    async def drop_postponed(self, consumer: str, ids: Sequence[str]) -> None:
        """Forget postponed work that was done otherwise."""
        await self.run("runner.drop_postponed", consumer, list(ids))

    async def dead(self, limit: int) -> list[tuple[str, Dead]]:
        """Return dead letters with their consumers, newest first."""
        rows = await self.run("runner.dead", limit)
        return [(row[0], Dead(Message(*row[1:5]), unpack_faults(row[5]), *row[6:])) for row in rows]

    async def replay(self, consumer: str, message_id: str, at_micros: int) -> bool:
        """Move a dead letter to the retries; its new id tells the inbox that this is wanted."""
        return bool(await self.run("runner.replay", consumer, message_id, at_micros, again=False))

    async def deliveries(self, partner: str, environment: str, after: int, limit: int) -> list[Delivered]:
        """Return the delivery log of a partner after a sequence, in sequence."""
        rows = await self.run("runner.deliveries", partner, environment, after, after + limit + MOST_RESPONSES, limit)
        found = [one for one in unpacked(partner, environment, rows) if one.sequence > after]
        return found[:limit]

    async def stretches(self, partner: str, environment: str, after: int, limit: int) -> list[Stretch]:
        """Return how the delivery log of a partner goes on after a sequence, block by block."""
        return [Stretch(*row) for row in await self.run("runner.stretches", partner, environment, after, limit)]

    async def logged(self, partner: str, environment: str, ids: Sequence[str]) -> set[str]:
        """Return those of the response ids that stand in the delivery log of a partner."""
        return {row[0] for row in await self.run("runner.logged", partner, environment, list(ids))}

    async def responses(self, partner: str, environment: str, beginnings: Sequence[str]) -> list[Delivered]:
        """Return what the delivery log of a partner holds whose response ids begin with one of these, in sequence."""
        rows = await self.run("runner.responses", partner, environment, list(beginnings))
        wanted = {row[0] for row in rows}
        found: list[Delivered] = []
        # Block by block, so that few of the responses that lie beside them are in memory at a time.
        while wanted:
            before = min(wanted) - 1
            rows = await self.run("runner.deliveries", partner, environment, before, before + MOST_RESPONSES, 1)
            found += [one for one in unpacked(partner, environment, rows) if one.sequence in wanted]
            wanted = {sequence for sequence in wanted if sequence > found[-1].sequence}
        return found

    async def data_keys(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return wrapped data keys by id; an erased key is missing."""
        return dict(await self.run("runner.data_keys", list(ids)))

    async def erase(self, key_id: str) -> bool:
        """Delete a data key for good."""
        return bool(await self.run("runner.erase", key_id, again=False))

    async def _without_logged(self, transaction: Transaction) -> Transaction:
        """Return a transaction without the deliveries that were logged before."""
        places: defaultdict[tuple[str, str], list[Delivery]] = defaultdict(list)
        for one in transaction.outcome.deliveries:
            places[one.partner, one.environment].append(one)
        left: list[Delivery] = []
        guarded = failpoint.guard_is_on("inbox")
        for place, deliveries in places.items():
            known = await self.logged(*place, [one.response_id for one in deliveries])
            left += distinct(deliveries, known, guarded=guarded)
        return replace(transaction, outcome=replace(transaction.outcome, deliveries=left))

    async def close(self) -> None:
        """Let go of the connections; closing twice does no harm."""
        await self._pool.close()
