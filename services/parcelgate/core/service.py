"""What the topology asks of each of the six services, however many doors and tasks it has."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import grpc.aio
from starlette.routing import BaseRoute

from parcelgate.core.runner import Consumer


class Service(Protocol):
    """A service: subscriptions, HTTP routes, gRPC servicers and tasks of its own; each may be none."""

    name: str

    def consumers(self) -> Sequence[Consumer]:
        """Return its subscriptions to the bus."""

    def routes(self) -> Sequence[BaseRoute]:
        """Return its HTTP routes."""

    def attach(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add its gRPC servicers and return their full names, for health and reflection."""

    async def run(self, stop: asyncio.Event) -> None:
        """Do what it does of its own accord until stop is set."""
