"""The tracking service over gRPC: Find, Timeline and Watch, each within what the caller's credential may see."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from parcelgate.api.tracking.v1 import tracking_pb2_grpc
from parcelgate.api.tracking.v1.tracking_pb2 import (
    FindRequest,
    FindResponse,
    TimelineRequest,
    TimelineResponse,
    WatchRequest,
    WatchResponse,
)
from parcelgate.core.credential import Credentials
from parcelgate.core.door import grpc_caller, grpc_legible
from parcelgate.core.fault import fault
from parcelgate.monitor.lookup import Lookup, Scope
from parcelgate.monitor.projection import subject_of

SERVICE = "parcelgate.api.tracking.v1.TrackingService"
Context = grpc.aio.ServicerContext[Any, Any]
# Between two looks at the table of facts; a look costs one read of the end of an index.
WATCH_SECONDS = 0.5


class Tracking(tracking_pb2_grpc.TrackingServiceServicer):
    """Serves those who look after items from programs."""

    def __init__(self, lookup: Lookup, credentials: Credentials) -> None:
        self._lookup = lookup
        self._credentials = credentials
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End all watches."""
        self._closing.set()

    async def Find(self, request: FindRequest, context: Context) -> FindResponse:  # noqa: N802 - the contract's name
        """Find items by identifier, receipt, interchange reference, declaration id or file name."""
        scope = await self._scope(request, context)
        return FindResponse(found=await self._lookup.find(scope, request.query, request.limit))

    async def Timeline(self, request: TimelineRequest, context: Context) -> TimelineResponse:  # noqa: N802 - as above
        """Show all that happened to one declaration; another partner's is answered as a missing one."""
        scope = await self._scope(request, context)
        facts = await self._lookup.timeline(scope, request.declaration_id)
        if facts is None:
            wrong = fault("NOTHING_FOUND", what="declaration")
            await context.abort(grpc.StatusCode.NOT_FOUND, f"{wrong.code}: {wrong.sentence} {wrong.hint}")
        return TimelineResponse(facts=facts)

    async def Watch(self, request: WatchRequest, context: Context) -> AsyncIterator[WatchResponse]:  # noqa: N802 - as above
        """Stream what happens from now on, until the caller has had enough or the gateway stops."""
        scope = await self._scope(request, context)
        position = await self._lookup.newest_position()
        # The caller sees at once that the watch stands, before anything happens.
        await context.send_initial_metadata(())
        while not self._closing.is_set():
            before = position
            position, facts = await self._lookup.facts_after(scope, before)
            for fact in facts:
                if request.declaration_id in ("", subject_of(fact)):
                    yield WatchResponse(fact=fact)
            if position > before:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._closing.wait()

    async def _scope(self, request: Message, context: Context) -> Scope:
        scope = Scope.of(await grpc_caller(context, self._credentials))
        await grpc_legible(request, context)
        return scope
