"""Who stands at the door: the caller of an HTTP request or a gRPC call, proven by its API key."""

from typing import Any
from urllib.parse import unquote

import grpc
import grpc.aio
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import JSONResponse

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.credential import Credentials, Identity
from parcelgate.core.fault import fault
from parcelgate.core.port import BusyError, TryAgainError
from parcelgate.core.text import NUL, nul_at, nul_in


async def grpc_caller(context: grpc.aio.ServicerContext[Any, Any], credentials: Credentials, *kinds: str) -> Identity:
    """Return the caller of a gRPC call; ends the call with UNAUTHENTICATED or PERMISSION_DENIED if it may not."""
    headers = dict(context.invocation_metadata() or ())
    value = headers.get("authorization")
    identity = credentials.identify(value if isinstance(value, str) else None)
    if identity is None:
        wrong = fault("CREDENTIAL_REFUSED")
        await _abort(context, grpc.StatusCode.UNAUTHENTICATED, wrong)
        raise AssertionError("abort does not return")
    if kinds and identity.partner.kind not in kinds:
        wrong = fault("ROLE_REFUSED", kind=identity.partner.kind, wanted=" or ".join(kinds))
        await _abort(context, grpc.StatusCode.PERMISSION_DENIED, wrong)
    return identity


async def grpc_legible(request: Message, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    """End a gRPC call with INVALID_ARGUMENT if a text of its request holds U+0000."""
    if place := nul_at(request):
        await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, nul_in(place))


async def _abort(context: grpc.aio.ServicerContext[Any, Any], status: grpc.StatusCode, wrong: Fault) -> None:
    words = f"{wrong.code}: {wrong.sentence} {wrong.hint}"
    await context.abort(status, words, (("parcelgate-fault-code", wrong.code),))


def http_caller(request: Request, credentials: Credentials, *kinds: str) -> Identity | JSONResponse:
    """Return the caller of an HTTP request, or the answer that refuses it."""
    if NUL in unquote(str(request.url)):
        return refusal(400, nul_in("address of the request"))
    identity = credentials.identify(request.headers.get("authorization"))
    if identity is None:
        return refusal(401, fault("CREDENTIAL_REFUSED"), {"WWW-Authenticate": "Bearer"})
    if kinds and identity.partner.kind not in kinds:
        return refusal(403, fault("ROLE_REFUSED", kind=identity.partner.kind, wanted=" or ".join(kinds)))
    return identity


def refusal(status: int, wrong: Fault, headers: dict[str, str] | None = None) -> JSONResponse:
    """Answer a request with one fault of the call."""
    return JSONResponse({"faults": [fault_json(wrong)]}, status, headers)


_RETRY_SECONDS = 5


def not_now(error: TryAgainError) -> tuple[Fault, int]:
    """Return the fault that says why nothing is taken in now, and the seconds after which to come again."""
    if isinstance(error, BusyError):
        return fault("GATEWAY_BUSY", what=error.what, seconds=error.retry_seconds), error.retry_seconds
    return fault("STORE_FULL"), _RETRY_SECONDS


def fault_json(wrong: Fault) -> dict[str, Any]:
    """Show a fault in JSON: the names of the record, empty fields left out."""
    shown: dict[str, Any] = {"code": wrong.code, "severity": _SEVERITIES[wrong.severity]}
    for name in ("address", "line", "sentence", "hint", "value", "item", "item_number", "more_possible"):
        if value := getattr(wrong, name):
            shown[name] = value
    return shown


_SEVERITIES = {0: "", 1: "notice", 2: "warning", 3: "error"}
