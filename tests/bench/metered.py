"""A gateway whose parts are metered: CPU time of each step of the loops, doors and threads, written when it stops.

A part's time is its own: what a metered part inside it takes is counted there.
"""

import asyncio
import functools
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.adapters.store.sqlite.writer import Writer
from parcelgate.app import command, gateway, wire
from parcelgate.clearance.service import ClearanceServicer
from parcelgate.core.runner import Runner
from parcelgate.core.setting import Settings
from parcelgate.monitor.service import MonitorService
from parcelgate.postal.delivery import Delivering
from parcelgate.postal.handout import HandOut
from parcelgate.postal.intake import Intake
from parcelgate.postal.routing import Routing
from parcelgate.postal.translation import Translation
from parcelgate.risk.service import RiskServicer
from parcelgate.router.desk import Desk

FILE = "meter.json"
# Part, class, its methods; coroutines are metered step by step.
PARTS: tuple[tuple[str, type, tuple[str, ...]], ...] = (
    ("store", Writer, ("_commit",)),
    ("store, reading", SqliteStore, ("_with_reader",)),
    ("loop and bus", Runner, ("transact", "work")),
    ("loop and bus", EmbeddedBus, ("publish", "receive", "acknowledge")),
    ("postal, intake", Intake, ("receive",)),
    ("postal, keeping what was translated", Translation, ("translate",)),
    ("postal, versions and chunks", Routing, ("route",)),
    ("postal, delivery log", Delivering, ("handle",)),
    ("postal, handing out", HandOut, ("close", "compose")),
    ("router", Desk, ("handle",)),
    ("gRPC line", wire.Line, ("assess", "decide")),
    ("risk", RiskServicer, ("answer",)),
    ("clearance", ClearanceServicer, ("answer",)),
    ("monitor", MonitorService, ("project",)),
)

totals: defaultdict[str, int] = defaultdict(int)
_within = threading.local()


class _Step:
    """One uninterrupted piece of work of a part."""

    def __init__(self, part: str) -> None:
        self._part = part

    def __enter__(self) -> None:
        _within.stack = getattr(_within, "stack", [])
        _within.stack.append(0)
        self._began = time.thread_time_ns()

    def __exit__(self, *_: object) -> None:
        taken = time.thread_time_ns() - self._began
        totals[self._part] += taken - _within.stack.pop()
        if _within.stack:
            _within.stack[-1] += taken


class _Steps:
    """A coroutine whose steps are metered; what other tasks do while it waits is not counted."""

    def __init__(self, part: str, work: Awaitable[Any]) -> None:
        self._part = part
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        give: Callable[[], Any] = functools.partial(next, steps)
        while True:
            try:
                with _Step(self._part):
                    asked = give()
            except StopIteration as ended:
                return ended.value
            try:
                give = functools.partial(steps.send, (yield asked))
            except BaseException as error:  # noqa: BLE001 - a cancellation belongs to the coroutine within
                give = functools.partial(steps.throw, error)


def _metered(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if asyncio.iscoroutinefunction(function):

        @functools.wraps(function)
        async def stepping(*arguments: Any, **named: Any) -> Any:
            return await _Steps(part, function(*arguments, **named))

        return stepping

    @functools.wraps(function)
    def whole(*arguments: Any, **named: Any) -> Any:
        with _Step(part):
            return function(*arguments, **named)

    return whole


def install() -> None:
    """Meter all parts from now on."""
    for part, owner, names in PARTS:
        for name in names:
            setattr(owner, name, _metered(part, getattr(owner, name)))
    to_thread = asyncio.to_thread
    # The only work that goes to a thread by this way is composing messages.
    asyncio.to_thread = lambda work, *rest: to_thread(_metered("postal, handing out", work), *rest)


def main() -> None:
    """Run `parcelgate up` with the arguments given, and leave the meter beside its store."""
    install()
    serve = gateway.serve

    async def serving(settings: Settings, *rest: Any) -> None:
        try:
            await serve(settings, *rest)
        finally:
            Path(settings.data, FILE).write_text(json.dumps(totals))

    gateway.serve = serving
    sys.argv[1:1] = ["up"]
    command.main()


if __name__ == "__main__":
    main()
