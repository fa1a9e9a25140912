"""The gRPC door: carrier intake, decisions, partner profiles. The same use cases as over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from parcelgate.api.carrier.v1.carrier_pb2 import (
    AmendRequest,
    AmendResponse,
    CancelRequest,
    CancelResponse,
    FollowRequest,
    FollowResponse,
    PullRequest,
    PullResponse,
    SubmitRequest,
    SubmitResponse,
)
from parcelgate.api.carrier.v1.carrier_pb2_grpc import CarrierServiceServicer, DecisionServiceServicer
from parcelgate.carrier.feed import Feed
from parcelgate.carrier.intake import Intake
from parcelgate.carrier.refusal import abort
from parcelgate.carrier.request import LARGEST_REQUEST, Request
from parcelgate.core.credential import Credentials, Identity
from parcelgate.core.door import grpc_caller
from parcelgate.core.fault import fault
from parcelgate.core.port import RejectError, StoreUnavailableError

IDLE_SECONDS = 600.0
Context = grpc.aio.ServicerContext[Any, Any]


class IntakeCalls(CarrierServiceServicer):
    """Takes shipments in."""

    def __init__(self, intake: Intake, credentials: Credentials) -> None:
        self._intake = intake
        self._credentials = credentials

    async def Submit(self, request: SubmitRequest, context: Context) -> SubmitResponse:  # noqa: N802 - the contract's name
        """Hand in shipments."""
        return await self._one(request, context)

    async def SubmitStream(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[SubmitRequest], context: Context
    ) -> AsyncIterator[SubmitResponse]:
        """Answer each request in order; one that is refused is answered with its faults, and the stream goes on.

        One request is in hand at a time: who sends faster is slowed down by the flow control of the connection.
        """
        caller = await grpc_caller(context, self._credentials, "CARRIER")
        while (request := await self._read(request_iterator, context)) is not None:
            try:
                yield await self._take(caller, request)
            except RejectError as error:
                yield SubmitResponse(request_id=request.request_id, faults=error.faults)
            except StoreUnavailableError as error:
                await abort(context, error)

    async def Amend(self, request: AmendRequest, context: Context) -> AmendResponse:  # noqa: N802 - the contract's name
        """Amend declared shipments."""
        return AmendResponse(response=await self._one(request, context))

    async def Cancel(self, request: CancelRequest, context: Context) -> CancelResponse:  # noqa: N802 - the contract's name
        """Cancel declared shipments."""
        return CancelResponse(response=await self._one(request, context))

    async def _one(self, request: SubmitRequest | AmendRequest | CancelRequest, context: Context) -> SubmitResponse:
        caller = await grpc_caller(context, self._credentials, "CARRIER")
        try:
            return await self._take(caller, request)
        except (RejectError, StoreUnavailableError) as error:
            await abort(context, error)

    async def _take(self, caller: Identity, request: SubmitRequest | AmendRequest | CancelRequest) -> SubmitResponse:
        if request.ByteSize() > LARGEST_REQUEST:
            raise RejectError(fault("REQUEST_TOO_LARGE", limit=LARGEST_REQUEST))
        return await self._intake.hand_in(caller, Request(request))

    async def _read(self, requests: AsyncIterator[SubmitRequest], context: Context) -> SubmitRequest | None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                return await anext(requests, None)
        except TimeoutError:
            await abort(context, RejectError(fault("STREAM_IDLE", seconds=int(IDLE_SECONDS))))


class DecisionCalls(DecisionServiceServicer):
    """Hands decisions out."""

    def __init__(self, feed: Feed, credentials: Credentials) -> None:
        self._feed = feed
        self._credentials = credentials

    async def Follow(self, request: FollowRequest, context: Context) -> AsyncIterator[FollowResponse]:  # noqa: N802 - the contract's name
        """Follow decisions for as long as the call lasts."""
        caller = await grpc_caller(context, self._credentials, "CARRIER")
        try:
            async for one in self._feed.follow(caller, request.resume_token):
                yield one
        except (RejectError, StoreUnavailableError) as error:
            await abort(context, error)

    async def Pull(self, request: PullRequest, context: Context) -> PullResponse:  # noqa: N802 - the contract's name
        """Read decisions; may be read again."""
        caller = await grpc_caller(context, self._credentials, "CARRIER")
        try:
            return await self._feed.pull(caller, request.resume_token, request.limit)
        except (RejectError, StoreUnavailableError) as error:
            await abort(context, error)
