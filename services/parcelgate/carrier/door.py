"""The HTTP door: canonical JSON in and out, the same use cases as over gRPC; and carriers' own dialects in."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from parcelgate.api.carrier.v1.carrier_pb2 import (
    AmendRequest,
    AmendResponse,
    CancelRequest,
    CancelResponse,
    SubmitRequest,
    SubmitResponse,
)
from parcelgate.carrier.dialect import read_dialect
from parcelgate.carrier.document import read_document
from parcelgate.carrier.feed import MOST, Feed
from parcelgate.carrier.intake import Intake
from parcelgate.carrier.refusal import refused
from parcelgate.carrier.request import LARGEST_REQUEST, AnyRequest, Request
from parcelgate.codecs.registry import Registry
from parcelgate.core.credential import Credentials, Identity
from parcelgate.core.door import http_caller
from parcelgate.core.fault import fault
from parcelgate.core.port import RejectError, StoreUnavailableError

# Reading a larger body would hold up the loop; it is read in a thread.
_LARGE = 256 * 1024

_JSON = ("application/json",)
# One shipment, or several in an array or in lines.
_DIALECTS = ("application/json", "application/x-ndjson")
REQUEST_ID = "Parcelgate-Request-Id"

Use = Callable[[Identity, HttpRequest], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class Door:
    """Answers the carrier's HTTP requests."""

    intake: Intake
    feed: Feed
    credentials: Credentials
    formats: Callable[[], Registry]

    async def submit(self, http: HttpRequest) -> Response:
        """Hand in shipments."""
        return await self._answer(http, self._submit)

    async def submit_dialect(self, http: HttpRequest) -> Response:
        """Hand in shipments in the carrier's own dialect."""
        return await self._answer(http, self._submit_dialect)

    async def amend(self, http: HttpRequest) -> Response:
        """Amend declared shipments."""
        return await self._answer(http, self._amend)

    async def cancel(self, http: HttpRequest) -> Response:
        """Cancel declared shipments."""
        return await self._answer(http, self._cancel)

    async def stored(self, http: HttpRequest) -> Response:
        """Show the stored answer of a receipt."""
        return await self._answer(http, self._stored)

    async def decisions(self, http: HttpRequest) -> Response:
        """Read decisions; may be read again."""
        return await self._answer(http, self._pull)

    async def _answer(self, http: HttpRequest, use: Use) -> Response:
        caller = http_caller(http, self.credentials, "CARRIER")
        if isinstance(caller, JSONResponse):
            return caller
        try:
            return JSONResponse(MessageToDict(await use(caller, http)))
        except (RejectError, StoreUnavailableError) as error:
            return refused(error)

    async def _submit(self, caller: Identity, http: HttpRequest) -> SubmitResponse:
        return await self.intake.hand_in(caller, await _read(http, SubmitRequest, "shipments"))

    async def _submit_dialect(self, caller: Identity, http: HttpRequest) -> SubmitResponse:
        if http.path_params["carrier"] != caller.partner.id:
            # Whether somebody else's name exists is nobody's business.
            raise RejectError(fault("CARRIER_UNKNOWN"))
        raw = await _body(http, _DIALECTS)
        words = (raw, caller.partner, http.headers.get(REQUEST_ID, ""), self.formats())
        request = await asyncio.to_thread(read_dialect, *words) if len(raw) > _LARGE else read_dialect(*words)
        return await self.intake.hand_in(caller, request)

    async def _amend(self, caller: Identity, http: HttpRequest) -> AmendResponse:
        request = await _read(http, AmendRequest, "shipments")
        return AmendResponse(response=await self.intake.hand_in(caller, request))

    async def _cancel(self, caller: Identity, http: HttpRequest) -> CancelResponse:
        request = await _read(http, CancelRequest, "cancellations")
        return CancelResponse(response=await self.intake.hand_in(caller, request))

    async def _stored(self, caller: Identity, http: HttpRequest) -> SubmitResponse:
        return await self.intake.stored(caller, http.path_params["receipt"])

    async def _pull(self, caller: Identity, http: HttpRequest) -> Message:
        limit = http.query_params.get("limit", "0")
        if not (limit.isascii() and limit.isdigit() and len(limit) <= len(str(MOST))):
            raise RejectError(fault("QUERY_WRONG", address="limit", name="limit", least=1, most=MOST))
        return await self.feed.pull(caller, http.query_params.get("resume_token", ""), int(limit))


async def _body(http: HttpRequest, media_types: Collection[str]) -> bytes:
    media_type = http.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type not in media_types or http.headers.get("content-encoding", "identity") != "identity":
        raise RejectError(fault("BODY_MEDIA_TYPE"))
    body = bytearray()
    try:
        async for part in http.stream():
            body += part
            if len(body) > LARGEST_REQUEST:
                raise RejectError(fault("REQUEST_TOO_LARGE", limit=LARGEST_REQUEST))
    except ClientDisconnect:
        # Nobody hears this answer, but nothing of a cut-off body may be taken.
        raise RejectError(fault("BODY_CUT_OFF")) from None
    return bytes(body)


async def _read(http: HttpRequest, kind: type[AnyRequest], lines: str) -> Request:
    raw = await _body(http, _JSON)
    if len(raw) > _LARGE:
        document = await asyncio.to_thread(read_document, raw, kind, lines)
    else:
        document = read_document(raw, kind, lines)
    return Request(document.message, document.pointer, document.faults, document.line_faults)
