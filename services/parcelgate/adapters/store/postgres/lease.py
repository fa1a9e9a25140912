"""Leases: which process looks after what there must be only one of; whoever dies loses what it held after a while."""

import time

from parcelgate.adapters.store.postgres.store import PostgresStore


class Leases:
    """The charge of one process among many that share a database."""

    def __init__(self, store: PostgresStore, seconds: float = 6.0) -> None:
        """Hold what is held for so many seconds after it was last asked for."""
        self._store = store
        self._seconds = seconds
        self._sure_until: dict[str, float] = {}

    async def mine(self, what: str) -> bool:
        """Tell whether this process looks after it now, taking or renewing the lease; asks at most each third of its time.

        Raises StoreUnavailableError if the database cannot tell.
        """
        now = time.monotonic()
        if now < self._sure_until.get(what, 0):
            return True
        self._sure_until.pop(what, None)
        if not await self._store.run("runner.lease", what, self._store.owner, self._seconds):
            return False
        # Counted from before the question, for the database counts from later on.
        self._sure_until[what] = now + self._seconds / 3
        return True

    async def let_go(self) -> None:
        """Give back all that this process holds, so that another need not wait for it."""
        self._sure_until.clear()
        await self._store.run("runner.let_go", self._store.owner)
