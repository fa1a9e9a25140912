"""The statements of both engines have the same names and arguments; those of PostgreSQL run, each on its own schema."""

import re

import asyncpg
import pytest

from parcelgate.adapters.store.postgres.statement import statements
from parcelgate.adapters.store.sqlite import statement as sqlite

# The embedded bus reads its queues by name; the store of the cluster runs by name what SQLite's has in its code.
ONLY_SQLITE = {"bus.taken", "bus.depth"}
VALUES = {
    "text": "x",
    "bigint": 1,
    "integer": 1,
    "smallint": 1,
    "bytea": b"x",
    "double precision": 1.0,
    "timestamptz": None,
}
OURS = {name: one for name, one in statements().items() if not name.startswith("runner.")}


def is_a_part_of_a_commit(one):
    return "RETURNING" not in one.text and re.search(r"^(INSERT|UPDATE|DELETE)", one.text, re.MULTILINE)


def test_both_engines_have_the_same_statements():
    assert OURS.keys() == sqlite.statements().keys() - ONLY_SQLITE


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_statement_takes_the_same_arguments_on_both_engines(name):
    places = re.findall(r"\?(\d*)", sqlite.statement(name))
    assert len(OURS[name].types) == (max(map(int, places)) if places and all(places) else len(places))


@pytest.mark.parametrize("name", sorted(statements()))
def test_a_statement_is_explained_and_names_only_its_own_schema(name):
    one = statements()[name]
    assert one.text.startswith("-- ")
    schemas = set(re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+([a-z]+)\.", one.text))
    assert schemas <= ({"runner"} if name.startswith("bus.") else {name.partition(".")[0]})


@pytest.fixture
async def connection(database):
    made = await asyncpg.connect(database)
    yield made
    await made.close()


async def test_every_statement_runs(connection):
    now = await connection.fetchval("SELECT clock_timestamp()")
    for one in statements().values():
        values = [now if kind == "timestamptz" else VALUES[kind.removesuffix("[]")] for kind in one.types]
        given = [[value] if kind.endswith("[]") else value for kind, value in zip(one.types, values, strict=True)]
        turn = connection.transaction()
        await turn.start()
        if "PERFORM" not in one.text:
            await connection.fetch(one.text, *given)
        if is_a_part_of_a_commit(one):
            await turn.rollback()
            turn = connection.transaction()
            await turn.start()
            await connection.execute(one.definition)
            places = ", ".join(f"${number + 1}" for number in range(len(given)))
            assert isinstance(await connection.fetchval(f"SELECT {one.function}({places}, false)", *given), int)
        await turn.rollback()
