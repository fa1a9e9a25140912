"""The monitor's JSON API, and who stands at its doors: an API key in the header, or in the browser's cookie."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from google.protobuf.json_format import MessageToDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.tracking.v1.tracking_pb2 import Found
from parcelgate.core.clock import Clock, iso
from parcelgate.core.credential import Credentials, Identity
from parcelgate.core.door import fault_json, http_caller, refusal
from parcelgate.core.fact import STAGES
from parcelgate.core.fault import fault
from parcelgate.monitor.lookup import Counted, DeadLetter, FoundFault, Interchange, Lookup, Scope
from parcelgate.monitor.projection import ENVIRONMENTS

COOKIE = "parcelgate_key"
MOST_MEMBERS = 100
MOST_FAULTS = 50
NEWEST = 15
_SEVERITIES = {"1": "notice", "2": "warning", "3": "error"}


def caller(request: Request, credentials: Credentials) -> Identity | JSONResponse:
    """Return who is calling, by header or else by the page's cookie, or the answer that refuses it."""
    if "authorization" not in request.headers and (key := request.cookies.get(COOKIE)):
        identity = credentials.identify(f"Bearer {key}")
        if identity is not None:
            return identity
    return http_caller(request, credentials)


class Api:
    """Answers in JSON; times are ISO 8601 in UTC, names are those of the record."""

    def __init__(self, lookup: Lookup, credentials: Credentials, clock: Clock) -> None:
        self._lookup = lookup
        self._credentials = credentials
        self._clock = clock

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes below /api."""
        return [
            Route("/api/overview", self.overview),
            Route("/api/find", self.find),
            Route("/api/items/{declaration_id}/timeline", self.timeline),
            Route("/api/interchanges/{receipt}", self.interchange),
            Route("/api/faults/{code}", self.faults),
            Route("/api/dead", self.dead),
        ]

    async def overview(self, request: Request) -> Response:
        """Show counts by stage and partner, decisions by destination, faults by code, newest interchanges."""
        scope = self._scope(request)
        if isinstance(scope, Response):
            return scope
        shown = await overview(self._lookup, scope)
        return JSONResponse({"as_of": iso(self._clock.micros()), **shown})

    async def find(self, request: Request) -> Response:
        """Show items and interchanges that the query names."""
        scope = self._scope(request)
        if isinstance(scope, Response):
            return scope
        query = request.query_params.get("q", "")
        items = await self._lookup.find(scope, query)
        interchanges = await self._lookup.find_interchanges(scope, query)
        return JSONResponse(
            {
                "items": [found_json(one) for one in items],
                "interchanges": [interchange_json(one) for one in interchanges],
            }
        )

    async def timeline(self, request: Request) -> Response:
        """Show one item and all that happened to it."""
        scope = self._scope(request)
        if isinstance(scope, Response):
            return scope
        declaration_id = request.path_params["declaration_id"]
        item = await self._lookup.item(scope, declaration_id)
        facts = await self._lookup.timeline(scope, declaration_id)
        if item is None or facts is None:
            return refusal(404, fault("NOTHING_FOUND", what="item"))
        return JSONResponse({"item": found_json(item), "facts": [fact_json(one) for one in facts]})

    async def interchange(self, request: Request) -> Response:
        """Show one interchange: its state, what happened to it, its first items and faults."""
        scope = self._scope(request)
        if isinstance(scope, Response):
            return scope
        receipt = request.path_params["receipt"]
        found = await self._lookup.interchange(scope, receipt)
        if found is None:
            return refusal(404, fault("NOTHING_FOUND", what="interchange"))
        offset = offset_of(request)
        members = await self._lookup.members(receipt, MOST_MEMBERS, offset)
        counts = await self._lookup.fault_counts_of_interchange(receipt)
        faults = await self._lookup.faults_of_interchange(receipt, MOST_FAULTS)
        return JSONResponse(
            {
                "interchange": interchange_json(found),
                "facts": [fact_json(one) for one in await self._lookup.facts_of_interchange(receipt)],
                "stages": await self._lookup.stages_of_interchange(receipt),
                "items": [{"outcome": outcome, **found_json(one)} for outcome, one in members],
                "offset": offset,
                "fault_counts": [
                    {"code": code, "severity": _SEVERITIES[str(severity)], "count": amount}
                    for code, severity, amount in counts
                ],
                "faults": [found_fault_json(one) for one in faults],
            }
        )

    async def faults(self, request: Request) -> Response:
        """Show the newest faults with a code."""
        scope = self._scope(request)
        if isinstance(scope, Response):
            return scope
        found = await self._lookup.faults_of_code(scope, request.path_params["code"], MOST_FAULTS)
        return JSONResponse({"faults": [found_fault_json(one) for one in found]})

    async def dead(self, request: Request) -> Response:
        """Show work that failed for good, with its faults."""
        scope = self._scope(request)
        if isinstance(scope, Response):
            return scope
        return JSONResponse({"dead": [dead_json(one) for one in await self._lookup.dead(scope)]})

    def _scope(self, request: Request) -> Scope | Response:
        identity = caller(request, self._credentials)
        return identity if isinstance(identity, Response) else Scope.of(identity)


async def overview(lookup: Lookup, scope: Scope) -> dict[str, Any]:
    """Return what the overview shows, as JSON values; the page shows the same."""
    counts = await lookup.counts(scope)
    stages: dict[str, dict[str, int]] = {}
    decisions: dict[tuple[str, str, str], int] = {}
    faults: dict[tuple[str, str], int] = {}
    for one in counts:
        _sort_in(one, stages, decisions, faults)
    totals = {stage: sum(row.get(stage, 0) for row in stages.values()) for stage in STAGES}
    return {
        "stages": {"totals": totals, "partners": [{"partner": name, "counts": row} for name, row in stages.items()]},
        "items": sum(totals.values()),
        "decisions": [
            {"destination": key[0], "axis": key[1], "code": key[2], "count": amount}
            for key, amount in sorted(decisions.items())
        ],
        "faults": [
            {"code": key[0], "severity": key[1], "count": amount}
            for key, amount in sorted(faults.items(), key=lambda pair: (-pair[1], pair[0]))
        ],
        "waiting": totals["waiting"],
        "dead": len(await lookup.dead(scope)),
        "interchanges": [interchange_json(one) for one in await lookup.newest_interchanges(scope, NEWEST)],
    }


def _sort_in(
    one: Counted,
    stages: dict[str, dict[str, int]],
    decisions: dict[tuple[str, str, str], int],
    faults: dict[tuple[str, str], int],
) -> None:
    if one.dimension == "stage":
        stages.setdefault(one.partner, dict.fromkeys(STAGES, 0))[one.value] += one.amount
    elif one.dimension == "fault":
        where = (one.value, _SEVERITIES.get(one.name, ""))
        faults[where] = faults.get(where, 0) + one.amount
    else:
        place = (one.name, one.dimension, one.value)
        decisions[place] = decisions.get(place, 0) + one.amount


def offset_of(request: Request) -> int:
    """Return where a listing is to begin; nonsense is the beginning."""
    text = request.query_params.get("offset", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def found_json(found: Found) -> dict[str, Any]:
    """Show an item."""
    shown: dict[str, Any] = {
        name: getattr(found, name)
        for name in (
            "declaration_id",
            "item",
            "partner",
            "version",
            "stage",
            "security",
            "fiscal",
            "destination",
            "receipt",
        )
    }
    return {**shown, "first_seen": iso(found.first_seen_micros)}


def fact_json(fact: Fact) -> dict[str, Any]:
    """Show a fact: the names of the record, empty fields left out."""
    shown = MessageToDict(fact, preserving_proto_field_name=True)
    shown.pop("faults", None)
    shown["at"] = iso(fact.at_micros)
    shown["at_micros"] = fact.at_micros
    shown["environment"] = ENVIRONMENTS.get(fact.environment, "")
    if fact.faults:
        shown["faults"] = [fault_json(one) for one in fact.faults]
    return shown


def interchange_json(interchange: Interchange) -> dict[str, Any]:
    """Show an interchange."""
    shown = asdict(interchange)
    first, last = shown.pop("first_seen_micros"), shown.pop("last_seen_micros")
    return {**shown, "first_seen": iso(first), "last_seen": iso(last)}


def found_fault_json(found: FoundFault) -> dict[str, Any]:
    """Show a fault with where it was found."""
    shown = {"receipt": found.receipt, "declaration_id": found.subject, "item": found.item}
    return {**fault_json(found.fault), **{name: value for name, value in shown.items() if value}}


def dead_json(letter: DeadLetter) -> dict[str, Any]:
    """Show a dead letter."""
    dead = letter.dead
    return {
        "consumer": letter.consumer,
        "partner": letter.partner,
        "topic": dead.message.topic,
        "message": dead.message.id,
        "at": iso(dead.at_micros),
        "attempts": dead.attempts,
        "items": [{"declaration_id": one, "item": item} for one, item in letter.items],
        "faults": [fault_json(one) for one in dead.faults],
    }
