"""Named SQL: statements/<schema>.sql holds statements, each under a line that names it and one that explains it.

A query is run as it stands. A write is wrapped into a function of the connection (pg_temp), so that one statement can
call many of them, in order, each seeing what those before it did.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# What a write that must be exact raises in the database: a code of our own (SQLSTATE, implementation-defined class).
ROW_CHANGED = "PX409"
_NAME = re.compile(r"^-- name: ([a-z_]+\.[a-z_]+)$", re.MULTILINE)
_WRITE = re.compile(r"^(?:INSERT|UPDATE|DELETE)\b", re.MULTILINE)
_TYPED = re.compile(r"\$(\d+)::([a-z]+(?: precision)?(?:\[\])?)")
_FUNCTION = """\
CREATE OR REPLACE FUNCTION {function}({types}, exact boolean, many integer DEFAULT 1)
RETURNS bigint LANGUAGE plpgsql AS $statement$
#variable_conflict use_column
DECLARE changed bigint;
BEGIN
{spread}{text};
GET DIAGNOSTICS changed = ROW_COUNT;
{check}RETURN changed;
END $statement$"""
# A column that says the same in all rows comes as one value. Most do, and their values would cost more than the rows.
# One empty text, joined and parted again, is none.
_SPREAD = """\
IF many > 1 THEN
{columns}ELSE
{texts}END IF;
"""
_SPREAD_COLUMN = "    IF cardinality(${n}) < 2 THEN ${n} := array_fill({first}, ARRAY[many]); END IF;\n"
_ONE_TEXT = "    IF cardinality(${n}) = 0 THEN ${n} := ARRAY['']; END IF;\n"
# The type of a column of texts.
TEXTS = "text[]"
# The first argument of a write that can be exact is a column: so many rows it must change.
_CHECK = """\
IF exact AND changed <> cardinality($1) THEN
    RAISE EXCEPTION '{name} found its row changed' USING ERRCODE = '{code}';
END IF;
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A named statement; types are those of its arguments, in order."""

    name: str
    text: str
    types: tuple[str, ...]

    @property
    def function(self) -> str:
        """The function that a write becomes."""
        return "pg_temp." + self.name.replace(".", "_")

    @property
    def definition(self) -> str:
        """What makes the function: one argument a column, whether each row must change exactly one, and how many there are."""
        check = _CHECK.format(name=self.name, code=ROW_CHANGED) if self.types[0].endswith("[]") else ""
        kinds = [(n, kind) for n, kind in enumerate(self.types, 1) if kind.endswith("[]")]
        firsts = {n: f"coalesce(${n}[1], '')" if kind == TEXTS else f"${n}[1]" for n, kind in kinds}
        columns = [_SPREAD_COLUMN.format(n=n, first=first) for n, first in firsts.items()]
        texts = [_ONE_TEXT.format(n=n) for n, kind in kinds if kind == TEXTS]
        spread = _SPREAD.format(columns="".join(columns), texts="".join(texts) or "    NULL;\n") if columns else ""
        return _FUNCTION.format(
            function=self.function, types=", ".join(self.types), text=self.text, check=check, spread=spread
        )


@cache
def statements() -> dict[str, Statement]:
    """Return all statements by name.

    Raises ValueError if a name stands twice or in the wrong file, or an argument has no type.
    """
    found: dict[str, Statement] = {}
    for path in sorted((Path(__file__).parent / "statements").glob("*.sql")):
        parts = _NAME.split(path.read_text("utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in found or not name.startswith(f"{path.stem}."):
                raise ValueError(f"statement {name} of {path.name} has a name that is taken or not its schema's")
            types = {int(number): word for number, word in _TYPED.findall(text)}
            if sorted(types) != list(range(1, len(types) + 1)):
                raise ValueError(f"statement {name} has an argument without a type")
            found[name] = Statement(name, text.strip().rstrip(";"), tuple(types[number] for number in sorted(types)))
    return found


def writes(schemas: Collection[str]) -> list[Statement]:
    """Return all writes of some schemas that can be part of a transaction."""
    return [
        one
        for name, one in statements().items()
        if name.partition(".")[0] in schemas and "RETURNING" not in one.text and _WRITE.search(one.text)
    ]


def statement(name: str) -> Statement:
    """Return one statement; raises KeyError if there is none of that name."""
    return statements()[name]
