"""The HTTP door of posts and customs mailboxes: interchanges in, outcomes and response messages out."""

from collections.abc import Sequence
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.clock import iso
from parcelgate.core.credential import Credentials, Identity
from parcelgate.core.door import fault_json, http_caller, not_now, refusal
from parcelgate.core.fault import fault
from parcelgate.core.port import RejectError, TryAgainError
from parcelgate.core.runner import Runner
from parcelgate.postal.handout import CONSUMER, Closed, HandOut
from parcelgate.postal.intake import Intake
from parcelgate.postal.outcome import MOST, PAGE, Outcomes

_RETRY_SECONDS = "10"
_NAME_LENGTH = 200
_FAR = 2**53


class PostalDoor:
    """Serves /v1/interchanges and /v1/responses."""

    def __init__(
        self, runner: Runner, credentials: Credentials, intake: Intake, outcomes: Outcomes, hand_out: HandOut
    ) -> None:
        self._runner = runner
        self._credentials = credentials
        self._intake = intake
        self._outcomes = outcomes
        self._hand_out = hand_out

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes."""
        return (
            Route("/v1/interchanges", self.hand_in, methods=["POST"]),
            Route("/v1/interchanges/{receipt}", self.outcome, methods=["GET"]),
            Route("/v1/responses", self.responses, methods=["GET"]),
            Route("/v1/responses/{number:int}", self.response, methods=["GET"]),
        )

    async def hand_in(self, request: Request) -> Response:
        """Take an interchange: 202 with its receipt once it is durable.

        What its size or first bytes show is refused at once and not kept (413, 422); all else is told by the outcome.
        The header Parcelgate-File-Name may name the file it comes from.
        """
        caller = http_caller(request, self._credentials, "POST", "CUSTOMS")
        if not isinstance(caller, Identity):
            return caller
        name = unquote(request.headers.get("parcelgate-file-name", ""))[:_NAME_LENGTH]
        try:
            accepted = await self._intake.receive(caller.partner, name, request.stream())
        except RejectError as error:
            status = 413 if error.faults[0].code == "INTERCHANGE_TOO_LARGE" else 422
            return JSONResponse({"faults": [fault_json(one) for one in error.faults]}, status)
        except TryAgainError as error:
            wrong, seconds = not_now(error)
            return refusal(503, wrong, {"Retry-After": str(seconds)})
        except ClientDisconnect:
            return refusal(400, fault("INTERCHANGE_CUT_OFF"))
        link = f"/v1/interchanges/{accepted.receipt}"
        answer = {
            "receipt": accepted.receipt,
            "repeated": accepted.repeated,
            "links": {"self": link, "responses": "/v1/responses"},
        }
        return JSONResponse(answer, 202, {"Location": link})

    async def outcome(self, request: Request) -> Response:
        """Show what became of an interchange, a page of items at a time (after, limit)."""
        caller = http_caller(request, self._credentials)
        if not isinstance(caller, Identity):
            return caller
        after, limit = _number(request, "after", 0, 0, _FAR), _number(request, "limit", PAGE, 1, MOST)
        if isinstance(after, Fault) or isinstance(limit, Fault):
            return refusal(400, after if isinstance(after, Fault) else limit)  # type: ignore[arg-type] # one of them is
        interchange = await self._outcomes.visible(caller, request.path_params["receipt"])
        if interchange is None:
            return refusal(404, fault("RECEIPT_UNKNOWN"))
        return JSONResponse(await self._outcomes.page(interchange, after, limit))

    async def responses(self, request: Request) -> Response:
        """List the caller's closed messages after a number."""
        caller = http_caller(request, self._credentials, "POST", "CUSTOMS")
        if not isinstance(caller, Identity):
            return caller
        after, limit = _number(request, "after", 0, 0, _FAR), _number(request, "limit", PAGE, 1, MOST)
        if isinstance(after, Fault) or isinstance(limit, Fault):
            return refusal(400, after if isinstance(after, Fault) else limit)  # type: ignore[arg-type] # one of them is
        found = await self._hand_out.ask(caller.partner, after, limit)
        answer: dict[str, object] = {"responses": [_message(closed) for closed in found], "links": {}}
        if len(found) == limit:
            answer["links"] = {"next": f"/v1/responses?after={found[-1].number}&limit={limit}"}
        return JSONResponse(answer)

    async def response(self, request: Request) -> Response:
        """Hand a message out; the bytes are the same however often they are asked for."""
        caller = http_caller(request, self._credentials, "POST", "CUSTOMS")
        if not isinstance(caller, Identity):
            return caller
        number: int = request.path_params["number"]
        found = await self._hand_out.messages(caller.partner, number - 1, 1) if 0 < number < _FAR else []
        if not found or found[0].number != number:
            return refusal(404, fault("RESPONSE_UNKNOWN"))
        (closed,) = found
        try:
            composed = await self._hand_out.compose(caller.partner, closed)
            if not (closed.handed_out_at or caller.partner.mailbox or caller.partner.queue):
                step = self._hand_out.handed_out(caller.partner, closed, composed)
                await self._runner.transact(step, CONSUMER)
        except RejectError as error:
            return refusal(500, error.faults[0])
        except TryAgainError as error:
            return refusal(503, not_now(error)[0], {"Retry-After": _RETRY_SECONDS})
        if not composed.goes_out:
            faults = [fault_json(wrong) for _, wrong in composed.not_written.values()]
            return JSONResponse({"faults": faults}, 422)
        name = f'attachment; filename="{closed.reference}{composed.suffix}"'
        headers = {"Content-Disposition": name}
        return Response(b"".join(composed.pieces), media_type=composed.media_type, headers=headers)


def _message(closed: Closed) -> dict[str, object]:
    return {
        "number": closed.number,
        "first_sequence": closed.first,
        "last_sequence": closed.last,
        "responses": closed.responses,
        "format": closed.format,
        "reference": closed.reference,
        "prepared_at": iso(closed.prepared_at),
        "handed_out": closed.handed_out_at > 0,
        "link": f"/v1/responses/{closed.number}",
    }


def _number(request: Request, name: str, default: int, least: int, most: int) -> int | Fault:
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 17 and least <= int(text) <= most:
        return int(text)
    return fault("QUERY_WRONG", name=name, least=least, most=most, value=text)
