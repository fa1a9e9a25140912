"""Migrations: numbered files, <number>.<pre|post>.<what>.sql; pre before the new code starts, post when the old is gone."""

from dataclasses import dataclass
from pathlib import Path

import asyncpg

from parcelgate.adapters.store.postgres.connection import CONNECT_SECONDS
from parcelgate.adapters.store.postgres.failure import FAILURES
from parcelgate.core.port import StoreUnavailableError

# Of several processes that migrate one database at the same moment, one does and the others wait: "parcelg" in ASCII.
_LOCK = 0x70617263656C67
_SCHEMA = "CREATE SCHEMA IF NOT EXISTS runner"
_LEDGER = (
    "CREATE TABLE IF NOT EXISTS runner.migration (number integer, phase text, name text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (number, phase))"
)


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    """One migration file."""

    number: int
    phase: str
    name: str
    path: Path


def migrations() -> list[Migration]:
    """Return all migrations in the order of their numbers."""
    found = []
    for path in (Path(__file__).parent / "migrations").glob("*.sql"):
        number, phase, name, _ = path.name.split(".")
        found.append(Migration(int(number), phase, name, path))
    return sorted(found)


async def migrate(dsn: str, phase: str = "pre") -> list[str]:
    """Apply what is missing of a phase, all or nothing; returns the names of what was applied.

    May be called by several processes at once. Raises StoreUnavailableError if the database cannot be reached.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    except FAILURES as error:
        reason = str(error) or type(error).__name__
        raise StoreUnavailableError(f"PostgreSQL cannot be reached: {reason}") from error
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            for text in (_SCHEMA, _LEDGER):
                await connection.execute(text)
            rows = await connection.fetch("SELECT number FROM runner.migration WHERE phase = $1", phase)
            done = {row["number"] for row in rows}
            applied = [one for one in migrations() if one.phase == phase and one.number not in done]
            for one in applied:
                await connection.execute(one.path.read_text("utf-8"))
                await connection.execute(
                    "INSERT INTO runner.migration VALUES ($1, $2, $3)", one.number, one.phase, one.name
                )
    finally:
        await connection.close()
    return [f"{one.number:04}.{one.phase}.{one.name}" for one in applied]
