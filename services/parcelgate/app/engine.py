"""What lies under the services: a runner on its engines. Here those of the gateway in one process, a SQLite file."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.app import topology
from parcelgate.core.bell import Bell
from parcelgate.core.charge import Alone, Charge
from parcelgate.core.clock import SystemClock
from parcelgate.core.letter import PartnerQueue
from parcelgate.core.runner import Runner, attempt
from parcelgate.core.setting import Settings

_PRESSURE_SECONDS = 1.0

Task = Callable[[asyncio.Event], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class Engines:
    """A runner on its engines, who looks after what, tasks beside the services, and what is missing for being ready.

    warnings tells, by what it is about, what is not as it should be though the process works.
    queue gives the queues of a partner that has some, where there is a broker.
    """

    runner: Runner
    charge: Charge
    tasks: Sequence[Task] = ()
    missing: Callable[[], list[str]] = field(default=list)
    warnings: Callable[[], Mapping[str, str]] = field(default=dict)
    queue: Callable[[str], PartnerQueue] | None = None


@asynccontextmanager
async def embedded(settings: Settings) -> AsyncIterator[Engines]:
    """Open the file of the gateway in one process."""
    store = SqliteStore(settings.store)
    try:
        bus = EmbeddedBus(store, topology.QUEUES)
        await bus.open()
        runner = Runner(store, bus, SystemClock(), Bell())
        yield Engines(runner, Alone(), [pressing(runner, settings)], warnings=lambda: _pressed(runner))
    finally:
        await store.close()


def _pressed(runner: Runner) -> Mapping[str, str]:
    full = runner.pressure.full
    return {"pressure": f"the doors are shut: {full}"} if full else {}


async def _press(runner: Runner, settings: Settings) -> None:
    runner.pressure.tell("messages that wait for the bus", await runner.store.backlog(), settings.most_unsent)


def pressing(runner: Runner, settings: Settings) -> Task:
    """Return the task that shuts the doors when too much waits for the bus."""
    return every(_PRESSURE_SECONDS, "pressure", lambda: _press(runner, settings))


def every(seconds: float, what: str, step: Callable[[], Awaitable[object]]) -> Task:
    """Return a task that does a step again and again; what goes wrong is logged, and tried the next time."""

    async def task(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await attempt(what, step)
            await pause(stop, seconds)

    return task


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait until stop is set, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
