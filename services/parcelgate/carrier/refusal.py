"""How a call that is refused as a whole is answered: gRPC status and HTTP status of each fault, and when to come again."""

from collections.abc import Mapping
from typing import Any, Never

import grpc
import grpc.aio
from starlette.responses import JSONResponse

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.door import fault_json, not_now
from parcelgate.core.port import RejectError, StoreUnavailableError

RETRY_SECONDS = 5
_WRONG = (grpc.StatusCode.INVALID_ARGUMENT, 400)
# All others are INVALID_ARGUMENT and 400.
STATUSES: Mapping[str, tuple[grpc.StatusCode, int]] = {
    "REQUEST_ID_REUSED": (grpc.StatusCode.ALREADY_EXISTS, 409),
    "REQUEST_UNKNOWN": (grpc.StatusCode.NOT_FOUND, 404),
    "REQUEST_TOO_LARGE": (grpc.StatusCode.RESOURCE_EXHAUSTED, 413),
    "CARRIER_UNKNOWN": (grpc.StatusCode.NOT_FOUND, 404),
    "FORMAT_UNKNOWN": (grpc.StatusCode.INVALID_ARGUMENT, 422),
    "FORMAT_NOT_AGREED": (grpc.StatusCode.INVALID_ARGUMENT, 422),
    "RECORD_NOT_TAKEN": (grpc.StatusCode.INVALID_ARGUMENT, 422),
    "BODY_MEDIA_TYPE": (grpc.StatusCode.INVALID_ARGUMENT, 415),
    "RESUME_TOKEN_AHEAD": (grpc.StatusCode.OUT_OF_RANGE, 409),
    "DECLARATIONS_CONTENDED": (grpc.StatusCode.ABORTED, 409),
    "FOLLOWERS_TOO_MANY": (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
    "STORE_FULL": (grpc.StatusCode.RESOURCE_EXHAUSTED, 503),
    "GATEWAY_BUSY": (grpc.StatusCode.RESOURCE_EXHAUSTED, 503),
    "STREAM_IDLE": (grpc.StatusCode.DEADLINE_EXCEEDED, 408),
    "GATEWAY_STOPPING": (grpc.StatusCode.UNAVAILABLE, 503),
}
_COME_AGAIN = frozenset(["STORE_FULL", "GATEWAY_BUSY", "GATEWAY_STOPPING", "DECLARATIONS_CONTENDED"])


def faults_of(error: RejectError | StoreUnavailableError) -> list[Fault]:
    """Return the faults that an error means to the caller."""
    return list(error.faults) if isinstance(error, RejectError) else [not_now(error)[0]]


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: RejectError | StoreUnavailableError) -> Never:
    """End a gRPC call with code, sentence and hint of the first fault; its code stands in the trailing metadata too."""
    first = faults_of(error)[0]
    metadata = [("parcelgate-fault-code", first.code)]
    if first.code in _COME_AGAIN:
        metadata.append(("parcelgate-retry-seconds", str(RETRY_SECONDS)))
        # What gRPC's own retries obey.
        metadata.append(("grpc-retry-pushback-ms", str(RETRY_SECONDS * 1000)))
    place = f" ({first.address})" if first.address else ""
    status, _ = STATUSES.get(first.code, _WRONG)
    await context.abort(status, f"{first.code}: {first.sentence} {first.hint}{place}", tuple(metadata))
    raise AssertionError("abort does not return")


def refused(error: RejectError | StoreUnavailableError) -> JSONResponse:
    """Answer an HTTP request with all faults of the call."""
    faults = faults_of(error)
    _, status = STATUSES.get(faults[0].code, _WRONG)
    headers = {"Retry-After": str(RETRY_SECONDS)} if faults[0].code in _COME_AGAIN else None
    return JSONResponse({"faults": [fault_json(one) for one in faults]}, status, headers)
