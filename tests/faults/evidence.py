"""The store's evidence: what the judge reads there, of a SQLite file or of a PostgreSQL database, by the same names."""

import asyncio
import re
import sqlite3
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from parcelgate.api.record.v1.log_pb2 import LogBlock
from parcelgate.core.press import opened

# Tables are named {schema.table}; the embedded store has the runner's without a prefix, and all others with it.
QUERIES = {
    "interchanges": "SELECT receipt, partner, name, state, items FROM {postal.interchange}",
    "items": "SELECT receipt, identifier, status, declaration_id, version, length(faults) FROM {postal.item}",
    "requests": "SELECT partner, request_id FROM {carrier.request}",
    "shipments": "SELECT partner, declaration_id, version FROM {carrier.declaration}",
    "log": "SELECT partner, environment, sequence, kind, body FROM {runner.delivery_log}"
    " ORDER BY partner, environment, sequence",
}

# What is left to do: for each kind of work how much.
LEFT = {
    "rows in outbox": "SELECT count(*) FROM {runner.outbox}",
    "rows in retry": "SELECT count(*) FROM {runner.retry}",
    "dead letters": "SELECT count(*) FROM {runner.dead_letter}",
    "interchanges not ended": "SELECT count(*) FROM {postal.interchange} WHERE state IN ('RECEIVED', 'TRANSLATED')",
    "messages not handed out": "SELECT count(*) FROM {postal.message} WHERE handed_out_at = 0",
    "messages given up": "SELECT count(*) FROM {postal.message} WHERE handed_out_at < 0",
    "parked cases": "SELECT count(*) FROM {router.wait} WHERE waits_for <> ''",
    "responses in no message": "SELECT count(*) FROM {runner.delivery_log} l WHERE partner LIKE 'post-%' AND sequence >"
    " coalesce((SELECT max(last_sequence) FROM {postal.message} m WHERE m.partner = l.partner), 0)",
}

# The cluster keeps what one step logged together.
_BLOCKS = (
    "SELECT partner, environment, first, body FROM runner.delivery_log JOIN runner.delivery_count USING (log)"
    " ORDER BY partner, environment, first"
)
_IN_NO_MESSAGE = (
    "SELECT count(*) FROM runner.delivery JOIN runner.delivery_count c USING (log) WHERE partner LIKE 'post-%'"
    " AND sequence > coalesce((SELECT max(last_sequence) FROM postal.message m WHERE m.partner = c.partner), 0)"
)

Row = tuple[Any, ...]


class Evidence(Protocol):
    """A store that is only read."""

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a query."""

    def left(self) -> dict[str, int]:
        """Return the work that is left, by kind; what there is nothing of is not named."""


class SqliteEvidence:
    """The file of an embedded gateway."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a query."""
        return self._ask(QUERIES[name])

    def left(self) -> dict[str, int]:
        """Return the work that is left; here the bus is in the file as well."""
        texts = LEFT | {"messages on the bus": "SELECT count(*) FROM bus_message"}
        return _some({what: self._ask(text)[0][0] for what, text in texts.items()})

    def _ask(self, text: str) -> list[Row]:
        store = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=10)
        try:
            return store.execute(
                _named(text, lambda schema, table: f"{schema}_{table}".removeprefix("runner_"))
            ).fetchall()
        finally:
            store.close()


class PostgresEvidence:
    """The database of a cluster."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a query."""
        if name != "log":
            return asyncio.run(self._ask([QUERIES[name]]))[0]
        return [
            (partner, environment, sequence, one.kind, one.body)
            for partner, environment, first, body in asyncio.run(self._ask([_BLOCKS]))[0]
            for sequence, one in enumerate(LogBlock.FromString(opened(body)).responses, first)
        ]

    def left(self) -> dict[str, int]:
        """Return the work that is left."""
        texts = LEFT | {"responses in no message": _IN_NO_MESSAGE}
        found = asyncio.run(self._ask(texts.values()))
        return _some({what: rows[0][0] for what, rows in zip(texts, found, strict=True)})

    async def _ask(self, texts: Any) -> list[list[Row]]:
        line = await asyncpg.connect(self._dsn, timeout=10)
        try:
            named = [_named(text, lambda schema, table: f'{schema}."{table}"') for text in texts]
            return [[tuple(row) for row in await line.fetch(text)] for text in named]
        finally:
            await line.close()


def _named(text: str, name: Any) -> str:
    return re.sub(r"\{(\w+)\.(\w+)\}", lambda found: name(*found.groups()), text)


def _some(counts: dict[str, int]) -> dict[str, int]:
    return {what: count for what, count in counts.items() if count}
