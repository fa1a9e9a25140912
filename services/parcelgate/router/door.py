"""The door of authorities: decisions that they make in their own time come in by gRPC or HTTP."""

from typing import Any

import grpc
import grpc.aio
from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from parcelgate.api.intake.v1.intake_pb2 import ReportRequest, ReportResponse, ReportResult
from parcelgate.api.intake.v1.intake_pb2_grpc import DecisionIntakeServicer
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.credential import Credentials
from parcelgate.core.door import fault_json, grpc_caller, http_caller, not_now, refusal
from parcelgate.core.fault import fault
from parcelgate.core.port import BusyError, TryAgainError
from parcelgate.router.desk import Desk
from parcelgate.router.report import Reporter

MOST_REPORTS = 250
MOST_BYTES = 4 * 1024 * 1024
_CALLER = "CUSTOMS"


class ReportDoor(DecisionIntakeServicer):
    """DecisionIntake.Report, by gRPC and as POST /v1/reports."""

    def __init__(self, desk: Desk, credentials: Credentials) -> None:
        self._desk = desk
        self._credentials = credentials

    async def Report(  # noqa: N802 - the name the contract gives it
        self, request: ReportRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> ReportResponse:
        """Take reports over gRPC."""
        identity = await grpc_caller(context, self._credentials, _CALLER)
        if len(request.reports) > MOST_REPORTS:
            wrong = fault("TOO_MANY_REPORTS", count=len(request.reports), most=MOST_REPORTS)
            await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, wrong)
        try:
            return ReportResponse(results=await self._desk.report(Reporter.of(identity.partner), request.reports))
        except BusyError as error:
            wrong, seconds = not_now(error)
            again = (("parcelgate-retry-seconds", str(seconds)), ("grpc-retry-pushback-ms", str(seconds * 1000)))
            await _abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, wrong, *again)
            raise
        except TryAgainError:
            await _abort(context, grpc.StatusCode.UNAVAILABLE, fault("REPORT_NOT_STORED"))
            raise

    async def post(self, request: Request) -> Response:
        """Take reports over HTTP, as protobuf JSON."""
        identity = http_caller(request, self._credentials, _CALLER)
        if isinstance(identity, JSONResponse):
            return identity
        reports = ReportRequest()
        try:
            _parse(await _body(request), reports)
        except ValueError as error:
            return refusal(400, fault("REPORT_UNREADABLE", reason=str(error)[:200]))
        if len(reports.reports) > MOST_REPORTS:
            return refusal(400, fault("TOO_MANY_REPORTS", count=len(reports.reports), most=MOST_REPORTS))
        try:
            results = await self._desk.report(Reporter.of(identity.partner), reports.reports)
        except BusyError as error:
            wrong, seconds = not_now(error)
            return refusal(503, wrong, {"Retry-After": str(seconds)})
        except TryAgainError:
            return refusal(503, fault("REPORT_NOT_STORED"), {"Retry-After": "1"})
        return JSONResponse({"results": [_result_json(result) for result in results]})


async def _abort(
    context: grpc.aio.ServicerContext[Any, Any], status: grpc.StatusCode, wrong: Fault, *more: tuple[str, str]
) -> None:
    words = f"{wrong.code}: {wrong.sentence} {wrong.hint}"
    await context.abort(status, words, (("parcelgate-fault-code", wrong.code), *more))


async def _body(request: Request) -> bytes:
    """Read the body; raises ValueError as soon as it is too large, or if the caller left."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MOST_BYTES:
                raise ValueError(f"it is larger than {MOST_BYTES} bytes")
            parts.append(part)
    except ClientDisconnect as error:
        raise ValueError("it ended early") from error
    return b"".join(parts)


def _parse(body: bytes, into: Message) -> None:
    try:
        json_format.Parse(body, into)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        deep = "recursion depth" in str(error)
        # Only the first line: the rest may show party text.
        words = "it nests too deeply" if deep else (str(error).splitlines() or [""])[0].rstrip(".")
        raise ValueError(words) from error


def _result_json(result: ReportResult) -> dict[str, Any]:
    shown: dict[str, Any] = {"decisionId": result.decision_id, "outcome": result.outcome}
    if result.faults:
        shown["faults"] = [fault_json(one) for one in result.faults]
    return shown
