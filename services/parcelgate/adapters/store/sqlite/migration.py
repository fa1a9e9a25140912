"""Migrations: numbered files, <number>.<pre|post>.<what>.sql; pre before the new code starts, post when the old is gone."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

_LEDGER = "CREATE TABLE IF NOT EXISTS migration (number INTEGER, phase TEXT, name TEXT, PRIMARY KEY (number, phase))"


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


def migrate(connection: sqlite3.Connection, phase: str = "pre") -> list[str]:
    """Apply what is missing of a phase, under the file's write lock; returns the names of what was applied."""
    applied = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_LEDGER)
        done = set(connection.execute("SELECT number FROM migration WHERE phase = ?", (phase,)))
        for migration in migrations():
            if migration.phase == phase and (migration.number,) not in done:
                for text in _split(migration.path.read_text("utf-8")):
                    connection.execute(text)
                connection.execute(
                    "INSERT INTO migration VALUES (?, ?, ?)", (migration.number, migration.phase, migration.name)
                )
                applied.append(f"{migration.number:04}.{migration.phase}.{migration.name}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return applied


def _split(script: str) -> list[str]:
    """Split a script into statements; executescript would commit our transaction first."""
    found, rest = [], ""
    for line in script.splitlines(keepends=True):
        rest += line
        if sqlite3.complete_statement(rest):
            found.append(rest)
            rest = ""
    return found
