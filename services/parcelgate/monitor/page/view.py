"""The pages: overview, search, item, interchange, faults of a code, dead letters, signing in."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.clock import Clock
from parcelgate.core.credential import Credentials, Identity
from parcelgate.core.fact import STAGES
from parcelgate.core.fault import catalogue, fault
from parcelgate.monitor.door import MOST_FAULTS, MOST_MEMBERS, caller, offset_of, overview
from parcelgate.monitor.lookup import Lookup, Scope
from parcelgate.monitor.page import wording
from parcelgate.monitor.page.session import is_foreign, key_in_form, signed_in, signed_out

_FOLDER = Path(__file__).parent
# What the place of a fault fills into its sentence.
_WORD = re.compile(r"\{[a-z_]+\}")
# More of them would push the items out of sight; each code has a page of its own.
_FAULTS_BEFORE_ITEMS = 12
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Page:
    """Serves the page; every view but signing in needs a key."""

    def __init__(self, lookup: Lookup, credentials: Credentials, clock: Clock) -> None:
        self._lookup = lookup
        self._credentials = credentials
        self._clock = clock
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name in ("moment", "clock_time", "day", "stamp", "words", "tone", "severity", "country", "number"):
            self._templates.filters[name] = getattr(wording, name)
        self._templates.globals.update(STAGES=STAGES, stage_hints=wording.STAGE_HINTS)

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes of the page."""
        return [
            Route("/", self.overview),
            Route("/find", self.find),
            Route("/items/{declaration_id}", self.item),
            Route("/interchanges/{receipt}", self.interchange),
            Route("/faults/{code}", self.faults),
            Route("/dead", self.dead),
            Route("/login", self.show_login, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Mount("/page", StaticFiles(directory=_FOLDER / "static")),
        ]

    async def overview(self, request: Request) -> Response:
        """Show counts, decisions, faults and the newest interchanges."""
        identity = self._identity(request)
        if identity is None:
            return RedirectResponse("/login", 303)
        shown = await overview(self._lookup, Scope.of(identity))
        columns = {
            axis: sorted({one["code"] for one in shown["decisions"] if one["axis"] == axis})
            for axis in ("security", "fiscal")
        }
        table = {(one["destination"], one["axis"], one["code"]): one["count"] for one in shown["decisions"]}
        destinations = sorted({one["destination"] for one in shown["decisions"]})
        rows = catalogue()
        sentences = {
            one["code"]: _WORD.sub("…", rows[one["code"]].sentence) for one in shown["faults"] if one["code"] in rows
        }
        interchanges = await self._lookup.newest_interchanges(Scope.of(identity), len(shown["interchanges"]))
        values = {**shown, "columns": columns, "table": table, "destinations": destinations, "sentences": sentences}
        return self._show("overview.html", identity, "/api/overview", **{**values, "interchanges": interchanges})

    async def find(self, request: Request) -> Response:
        """Show what a query finds; go straight to the only item or interchange."""
        identity = self._identity(request)
        if identity is None:
            return RedirectResponse("/login", 303)
        scope, query = Scope.of(identity), request.query_params.get("q", "").strip()
        interchanges = await self._lookup.find_interchanges(scope, query) if query else []
        items = await self._lookup.find(scope, query)
        if len(interchanges) == 1:
            return RedirectResponse(f"/interchanges/{interchanges[0].receipt}", 303)
        if len(items) == 1 and not interchanges:
            return RedirectResponse(f"/items/{items[0].declaration_id}", 303)
        return self._show("found.html", identity, query=query, items=items, interchanges=interchanges)

    async def item(self, request: Request) -> Response:
        """Show one item and its timeline."""
        identity = self._identity(request)
        if identity is None:
            return RedirectResponse("/login", 303)
        declaration_id = request.path_params["declaration_id"]
        found = await self._lookup.item(Scope.of(identity), declaration_id)
        facts = await self._lookup.timeline(Scope.of(identity), declaration_id)
        if found is None or facts is None:
            return self._missing(identity, "item")
        feed = f"/api/items/{declaration_id}/timeline"
        receipts = list(dict.fromkeys(one.receipt for one in facts if one.receipt))
        days = _by_day(facts)
        return self._show("item.html", identity, feed, found=found, days=days, receipts=receipts, steps=len(facts))

    async def interchange(self, request: Request) -> Response:
        """Show one interchange, its faults and its items."""
        identity = self._identity(request)
        if identity is None:
            return RedirectResponse("/login", 303)
        receipt, offset = request.path_params["receipt"], offset_of(request)
        found = await self._lookup.interchange(Scope.of(identity), receipt)
        if found is None:
            return self._missing(identity, "interchange")
        lookup = self._lookup
        values: dict[str, Any] = {
            "found": found,
            "days": _by_day(await lookup.facts_of_interchange(receipt)),
            "stages": await lookup.stages_of_interchange(receipt),
            "fault_counts": await lookup.fault_counts_of_interchange(receipt),
            "faults": await lookup.faults_of_interchange(receipt, _FAULTS_BEFORE_ITEMS),
            "members": await lookup.members(receipt, MOST_MEMBERS, offset),
            "offset": offset,
            "most": MOST_MEMBERS,
        }
        return self._show("interchange.html", identity, f"/api/interchanges/{receipt}?offset={offset}", **values)

    async def faults(self, request: Request) -> Response:
        """Show where a fault was found."""
        identity = self._identity(request)
        if identity is None:
            return RedirectResponse("/login", 303)
        code = request.path_params["code"]
        found = await self._lookup.faults_of_code(Scope.of(identity), code, MOST_FAULTS)
        row = catalogue().get(code)
        if row is None and not found:
            return self._missing(identity, "fault code")
        # A code that an older or newer version has used is explained by the fault itself.
        example = found[0].fault if found else Fault(sentence=row.sentence, hint=row.hint) if row else Fault()
        return self._show("faults.html", identity, f"/api/faults/{code}", code=code, found=found, example=example)

    async def dead(self, request: Request) -> Response:
        """Show the dead letters."""
        identity = self._identity(request)
        if identity is None:
            return RedirectResponse("/login", 303)
        letters = await self._lookup.dead(Scope.of(identity))
        return self._show("dead.html", identity, "/api/dead", letters=letters)

    async def show_login(self, request: Request) -> Response:
        """Show the form that asks for a key."""
        if self._identity(request) is not None:
            return RedirectResponse("/", 303)
        return self._show("login.html", None, wrong=None)

    async def login(self, request: Request) -> Response:
        """Take a key and keep it in the cookie, if it is one."""
        if is_foreign(request):
            return self._show("login.html", None, status=403, wrong=fault("FOREIGN_FORM"))
        key = await key_in_form(request)
        if self._credentials.identify(f"Bearer {key}") is None:
            return self._show("login.html", None, status=401, wrong=fault("KEY_REFUSED"))
        return signed_in(request, key)

    async def logout(self, request: Request) -> Response:
        """Forget the key."""
        if is_foreign(request):
            return self._show("login.html", None, status=403, wrong=fault("FOREIGN_FORM"))
        return signed_out()

    def _identity(self, request: Request) -> Identity | None:
        who = caller(request, self._credentials)
        return None if isinstance(who, Response) else who

    def _missing(self, identity: Identity, what: str) -> Response:
        return self._show("missing.html", identity, status=404, what=what, wrong=fault("NOTHING_FOUND", what=what))

    def _show(
        self, template: str, identity: Identity | None, feed: str = "", *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        common = {"query": "", "who": identity, "feed": feed, "now": self._clock.micros()}
        return HTMLResponse(self._templates.get_template(template).render({**common, **values}), status, _HEADERS)


def _by_day(facts: Sequence[Fact]) -> list[tuple[str, list[Fact]]]:
    days: dict[str, list[Fact]] = {}
    for one in facts:
        days.setdefault(wording.day(one.at_micros), []).append(one)
    return list(days.items())
