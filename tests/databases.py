"""Databases for tests: one a pytest process, migrated once, and emptied after each test that used it."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from parcelgate.adapters.store.postgres.migration import migrate
from parcelgate.app.node.postgres import PostgresNode

_NAME = "migrated"
# The ledger of the migrations and the one row of monitor.turn are part of the empty database.
_TABLES = """SELECT string_agg(format('DELETE FROM %I.%I', schemaname, tablename), ';') FROM pg_tables
WHERE schemaname IN ('runner', 'postal', 'carrier', 'router', 'monitor') AND tablename NOT IN ('migration', 'turn')"""


@pytest.fixture(scope="session")
def migrated_node(postgres_node: PostgresNode) -> tuple[PostgresNode, str]:
    """Serve PostgreSQL with a migrated database; returns what empties it as well."""
    address = postgres_node.create_database(_NAME)
    # In a thread: a loop of the test run may be at work in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(migrate(address))).result()
    return postgres_node, postgres_node.ctl(_TABLES, _NAME)


@pytest.fixture
def database(migrated_node: tuple[PostgresNode, str]) -> Iterator[str]:
    """Return the address of a migrated database that is empty."""
    node, emptying = migrated_node
    yield node.dsn_of(_NAME)
    node.ctl(emptying, _NAME)
