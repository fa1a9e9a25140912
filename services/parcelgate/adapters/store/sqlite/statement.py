"""Named SQL: statements/<schema>.sql holds statements, each under a line that names it and one that explains it."""

import re
from functools import cache
from pathlib import Path

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
