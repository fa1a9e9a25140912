"""Replay: a dead letter is tried again, or a declaration is judged anew; a door of the gateway and its command."""

import json
import sys
from collections.abc import Awaitable, Callable, Collection, Sequence

from rich.console import Console
from rich.markup import escape
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from parcelgate.app.client import Client
from parcelgate.core.credential import Credentials, Identity
from parcelgate.core.door import http_caller, refusal
from parcelgate.core.fault import fault
from parcelgate.core.port import RejectError
from parcelgate.core.runner import Runner
from parcelgate.core.setting import Settings

Reprocess = Callable[[str], Awaitable[int]]


class ReplayDoor:
    """Takes what integrators want to be done again."""

    def __init__(
        self, runner: Runner, credentials: Credentials, reprocess: Reprocess, consumers: Collection[str]
    ) -> None:
        """Consumers names the subscriptions, whose retries the runner serves: only those are tried again by replaying."""
        self._consumers = consumers
        self._runner = runner
        self._credentials = credentials
        self._reprocess = reprocess

    def routes(self) -> Sequence[BaseRoute]:
        """Return the two routes."""
        return (
            Route("/v1/dead-letters/{consumer}/{message:path}/replay", self.dead_letter, methods=["POST"]),
            Route("/v1/declarations/{declaration_id}/reprocess", self.declaration, methods=["POST"]),
        )

    async def dead_letter(self, request: Request) -> JSONResponse:
        """Try a dead letter again."""
        caller = http_caller(request, self._credentials, "INTEGRATOR")
        if not isinstance(caller, Identity):
            return caller
        place = (request.path_params["consumer"], request.path_params["message"])
        if place[0] not in self._consumers:
            return refusal(409, fault("NOT_REPLAYABLE", consumer=place[0]))
        if not await self._runner.store.replay(*place, self._runner.clock.micros()):
            return refusal(404, fault("NOTHING_TO_REPLAY", what="/".join(place)))
        return JSONResponse({"replayed": "/".join(place)}, 202)

    async def declaration(self, request: Request) -> JSONResponse:
        """Judge a declaration anew; decisions are appended, and sent only if they changed."""
        caller = http_caller(request, self._credentials, "INTEGRATOR")
        if not isinstance(caller, Identity):
            return caller
        declaration_id = request.path_params["declaration_id"]
        try:
            changed = await self._reprocess(declaration_id)
        except RejectError as error:
            return refusal(404, error.faults[0])
        return JSONResponse({"reprocessed": declaration_id, "changed_decisions": changed})


def replay(settings: Settings, what: str, *, as_json: bool) -> int:
    """Replay <consumer>/<message id> as doctor and the page show it, or reprocess a declaration id; returns 0."""
    path = f"/v1/dead-letters/{what}/replay" if "/" in what else f"/v1/declarations/{what}/reprocess"
    with Client(settings, "integrator") as client:
        answer = client.post(path)
    if as_json:
        sys.stdout.write(json.dumps(answer) + "\n")
    else:
        done = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in answer.items())
        Console(highlight=False).print(escape(done))
    return 0
