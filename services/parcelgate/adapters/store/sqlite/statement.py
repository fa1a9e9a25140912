"""Named SQL: statements/<schema>.sql holds statements, each under a line that names it and one that explains it."""

import re
import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

# Rows that are inserted by one step of SQLite: every step gives the interpreter up and has to win it back.
_TOGETHER = 40
_VALUES = re.compile(r"\bVALUES\s*(\([^()]*\))")
_NAME = re.compile(r"^-- name: ([a-z_]+\.[a-z_]+)$", re.MULTILINE)


@cache
def statements() -> dict[str, str]:
    """Return all statements by name; raises ValueError if a name stands twice or in the wrong file."""
    found: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / "statements").glob("*.sql")):
        parts = _NAME.split(path.read_text("utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in found or not name.startswith(f"{path.stem}."):
                raise ValueError(f"statement {name} of {path.name} has a name that is taken or not its schema's")
            found[name] = text.strip().rstrip(";")
    return found


def statement(name: str) -> str:
    """Return one statement; raises KeyError if there is none of that name."""
    return statements()[name]


def run_many(connection: sqlite3.Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement with each row, in order; rows to be inserted go many at a time."""
    wide = len(rows) // _TOGETHER * _TOGETHER
    if wide and (together := _widened(text)):
        parts = (rows[start : start + _TOGETHER] for start in range(0, wide, _TOGETHER))
        connection.executemany(together, (tuple(chain.from_iterable(part)) for part in parts))
        rows = rows[wide:]
    connection.executemany(text, rows)


@cache
def _widened(text: str) -> str:
    """Return an INSERT of one row as one of many; empty for any other statement."""
    found = _VALUES.search(text)
    if found is None:
        return ""
    return f"{text[: found.start(1)]}{', '.join([found[1]] * _TOGETHER)}{text[found.end(1) :]}"
