"""What every door answers to a call that no service can be given: an unknown address or method, a message that is none."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.door import refusal
from parcelgate.core.fault import fault

if TYPE_CHECKING:
    AnyHandler = grpc.RpcMethodHandler[Any, Any]

Context = grpc.aio.ServicerContext[Any, Any]
_OURS = "/parcelgate."


async def _unknown(_request: Request, _error: Exception) -> Response:
    return refusal(404, fault("ADDRESS_UNKNOWN"))


async def _unfit(request: Request, error: Exception) -> Response:
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    allowed = headers.get("Allow", "another method")
    return refusal(405, fault("METHOD_UNFIT", method=request.method, allowed=allowed), headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    return refusal(500, fault("REQUEST_FAILED"))


HTTP: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {404: _unknown, 405: _unfit, 500: _failed}


# Stands for a message whose bytes could not be read.
_UNREADABLE = object()


class Legible(grpc.aio.ServerInterceptor):
    """Answers an unknown method, and bytes that are no message, with a fault; without it gRPC shows an error of Python."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Awaitable[AnyHandler | None]"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "AnyHandler | None":
        """Pass on what can be read."""
        method = handler_call_details.method
        handler = await continuation(handler_call_details)
        if handler is None:
            return _absent(method)
        if not method.startswith(_OURS) or handler.request_deserializer is None:
            return handler
        return _Reading(handler, method).handler()


def _absent(method: str) -> "AnyHandler":
    async def refuse(_request: bytes, context: Context) -> bytes:
        await _abort(context, grpc.StatusCode.UNIMPLEMENTED, fault("METHOD_UNKNOWN", method=method[:100]))
        return b""

    return grpc.unary_unary_rpc_method_handler(refuse)


class _Reading:
    """A method of ours behind the reading of its requests."""

    def __init__(self, handler: Any, method: str) -> None:
        self._handler = handler
        self._method = method

    def handler(self) -> "AnyHandler":
        kinds = {"request_deserializer": self._read, "response_serializer": self._handler.response_serializer}
        if self._handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._one, **kinds)
        if self._handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._follow, **kinds)
        return grpc.stream_stream_rpc_method_handler(self._talk, **kinds)

    def _read(self, body: bytes) -> Any:
        try:
            return self._handler.request_deserializer(body)
        except DecodeError:
            return _UNREADABLE

    async def _one(self, request: Any, context: Context) -> Any:
        return await self._handler.unary_unary(await self._checked(request, context), context)

    async def _follow(self, request: Any, context: Context) -> AsyncIterator[Any]:
        async for answer in self._handler.unary_stream(await self._checked(request, context), context):
            yield answer

    async def _talk(self, requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        async def each() -> AsyncIterator[Any]:
            async for request in requests:
                yield await self._checked(request, context)

        async for answer in self._handler.stream_stream(each(), context):
            yield answer

    async def _checked(self, request: Any, context: Context) -> Any:
        if request is _UNREADABLE:
            wrong = fault("MESSAGE_UNREADABLE", name=f"request of {self._method}")
            await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, wrong)
        return request


async def _abort(context: Context, status: grpc.StatusCode, wrong: Fault) -> None:
    words = f"{wrong.code}: {wrong.sentence} {wrong.hint}"
    await context.abort(status, words, (("parcelgate-fault-code", wrong.code),))
