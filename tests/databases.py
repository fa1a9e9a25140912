"""Databases for tests: each its own, copied from one that is migrated once for a pytest process."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from parcelgate.adapters.store.postgres.migration import migrate
from parcelgate.app.node.postgres import PostgresNode

_MIGRATED = "migrated"
_numbers = count(1)


@pytest.fixture(scope="session")
def migrated_node(postgres_node: PostgresNode) -> PostgresNode:
    """Serve PostgreSQL with a migrated database to copy from."""
    address = postgres_node.create_database(_MIGRATED)
    # In a thread: a loop of the test run may be at work in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(migrate(address))).result()
    return postgres_node


@pytest.fixture
def database(migrated_node: PostgresNode) -> Iterator[str]:
    """Return the address of a fresh, migrated database."""
    name = f"t{next(_numbers)}"
    migrated_node.ctl(f"CREATE DATABASE {name} TEMPLATE {_MIGRATED}")
    yield migrated_node.dsn_of(name)
    migrated_node.ctl(f"DROP DATABASE {name} WITH (FORCE)")
