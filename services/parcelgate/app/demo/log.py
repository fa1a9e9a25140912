"""The delivery logs as they stand in the store, read beside the gateway for the proof of the demo."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from parcelgate.adapters.store.sqlite.writer import connect
from parcelgate.api.record.v1.decision_pb2 import Release

Logged = Callable[[str], list[Release]]
_MOST = 1_000_000


def of_file(path: Path) -> Logged:
    """Read from the file of a gateway with embedded engines."""

    def logged(partner: str) -> list[Release]:
        connection = connect(path, read_only=True)
        try:
            rows = connection.execute(
                "SELECT body FROM delivery_log WHERE partner = ? AND kind = 'release' ORDER BY sequence", (partner,)
            ).fetchall()
        finally:
            connection.close()
        return [Release.FromString(body) for (body,) in rows]

    return logged


def of_database(address: str) -> Logged:
    """Read from the database of a cluster."""
    from parcelgate.adapters.store.postgres.store import PostgresStore

    async def read(partner: str) -> list[Release]:
        store = await PostgresStore.open(address, owner="proof", connections=1)
        try:
            rows = await store.deliveries(partner, "test", 0, _MOST)
        finally:
            await store.close()
        return [Release.FromString(row.delivery.body) for row in rows if row.delivery.kind == "release"]

    return lambda partner: asyncio.run(read(partner))
