"""The private nodes of the test run: one of each engine for a pytest process, started when first asked for."""

from collections.abc import Iterator

import pytest

from parcelgate.app.node.postgres import PostgresNode
from parcelgate.app.node.rabbitmq import RabbitNode


@pytest.fixture(scope="session")
def postgres_node() -> Iterator[PostgresNode]:
    """Serve PostgreSQL; tests take a database of their own by create_database() and leave the node running."""
    with PostgresNode() as node:
        yield node


@pytest.fixture(scope="session")
def rabbit_node() -> Iterator[RabbitNode]:
    """Serve RabbitMQ; tests take a virtual host of their own by add_vhost() and leave the node running."""
    with RabbitNode() as node:
        yield node
