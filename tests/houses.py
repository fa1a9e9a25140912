"""What a house of the tests stands on: store and bus, by the engine that the test was given.

With PostgreSQL below, the bus is still the embedded one, in a file of its own.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.postgres.connection import Pool
from parcelgate.adapters.store.postgres.store import PostgresStore
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.core.port import Queue

_chosen = {"database": ""}


class StoreBesideBus(PostgresStore):
    """A store that closes the file of the bus with itself."""

    def __init__(self, database: str, file: SqliteStore) -> None:
        super().__init__(Pool(database, "house-1", 4), "house-1")
        self._file = file

    async def close(self) -> None:
        await super().close()
        await self._file.close()


def store_and_bus(path: Path, topology: Iterable[Queue]) -> tuple[Any, EmbeddedBus]:
    """Open store and bus of a house; the same path and test give the same data again."""
    file = SqliteStore(path)
    bus = EmbeddedBus(file, topology)
    return (StoreBesideBus(_chosen["database"], file) if _chosen["database"] else file), bus


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request):
    """Run a test once over each engine."""
    _chosen["database"] = request.getfixturevalue("database") if request.param == "postgres" else ""
    yield request.param
    _chosen["database"] = ""
