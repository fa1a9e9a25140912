"""The statements of both engines have the same names and arguments; those of PostgreSQL run, each on its own schema."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from parcelgate.adapters.store.postgres import connection as connection_settings
from parcelgate.adapters.store.postgres.migration import migrate
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
    own = "runner" if name.startswith("bus.") else name.partition(".")[0]
    assert set(re.findall(r"\b(?:INTO|UPDATE|DELETE FROM)\s+([a-z]+)\.", one.text)) <= {own}
    # What the runner keeps for all, the delivery log for one, may be read.
    assert set(re.findall(r"\b(?:FROM|JOIN|USING)\s+([a-z]+)\.", one.text)) <= {own, "runner"}


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


def numbered_from_one(part):
    """Return which arguments a part of a statement uses, and the part with those numbered anew."""
    used = sorted({int(place) for place in re.findall(r"\$(\d+)", part)})
    return used, re.sub(r"\$(\d+)", lambda place: f"${used.index(int(place[1])) + 1}", part)


@pytest.fixture(scope="module")
def fresh(postgres_node):
    """A database in which nobody has ever written, so that the planner knows nothing of it."""
    address = postgres_node.create_database()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(migrate(address))).result()
    return address


# Few rows, always: the token of the monitor, the leases.
SMALL = {"monitor.read_turn", "monitor.take_turn", "runner.let_go"}


@pytest.mark.parametrize("name", sorted(set(statements()) - SMALL))
async def test_the_plan_of_a_statement_suits_a_table_that_will_be_large(name, fresh):
    """Plans are made while tables are empty, and kept; none may go through a whole table, or compare row by row."""
    one = statements()[name]
    settings = connection_settings.SETTINGS
    planned = await asyncpg.connect(fresh, server_settings=settings)
    try:
        for part in one.text.split(";\n"):
            if part.startswith(("PERFORM", "GET")) or "changed" in part:
                continue
            used, text = numbered_from_one(part)
            types = ", ".join(one.types[place - 1] for place in used)
            await planned.execute(f"PREPARE part ({types}) AS {text}" if types else f"PREPARE part AS {text}")
            nothing = ", ".join("NULL" for _ in used)
            run = f"EXPLAIN (COSTS OFF) EXECUTE part ({nothing})" if used else "EXPLAIN (COSTS OFF) EXECUTE part"
            plan = "\n".join(row[0] for row in await planned.fetch(run))
            await planned.execute("DEALLOCATE part")
            assert not re.search(r"Seq Scan|Materialize|Join Filter|hashed SubPlan", plan), plan
    finally:
        await planned.close()
