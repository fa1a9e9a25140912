"""The engines of the cluster: PostgreSQL under all processes, RabbitMQ between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from parcelgate.adapters.bus.rabbitmq.bus import RabbitBus
from parcelgate.adapters.store.postgres.bell import PostgresBell
from parcelgate.adapters.store.postgres.lease import Leases
from parcelgate.adapters.store.postgres.reconcile import Reconciler
from parcelgate.adapters.store.postgres.store import PostgresStore
from parcelgate.adapters.transport.amqp import PartnerQueues
from parcelgate.app import topology
from parcelgate.app.engine import Engines, every, pause, pressing
from parcelgate.app.watching import Watch
from parcelgate.core.clock import SystemClock
from parcelgate.core.partner import Partners
from parcelgate.core.port import StoreUnavailableError
from parcelgate.core.runner import Runner, attempt
from parcelgate.core.setting import Settings

_AWAY_SECONDS = 1.0
_REACH_SECONDS = 1.0
_RECONCILE_SECONDS = 5.0
_WATCH_SECONDS = 5.0


@asynccontextmanager
async def opened(settings: Settings, stop: asyncio.Event, service: str) -> AsyncIterator[Engines]:
    """Open the database and the broker of the cluster, with the queues of the partners that the service looks after.

    Waits for the database until stop is set, for as long as it is away; raises StoreUnavailableError then. The broker
    may be away: what is committed is sent when it is back.
    """
    store = await _store(settings, stop, service)
    bell = PostgresBell(settings.database_url)
    bus: RabbitBus | None = None
    queues: PartnerQueues | None = None
    try:
        await bell.open()
        bus = await RabbitBus.open(settings.broker_url, topology.QUEUES, name=settings.instance, wait=True)
        runner = Runner(store, bus, SystemClock(), bell)
        bus.on_connected(runner.wake_relay)
        queued = [one for one in Partners(settings.partners).all() if one.queue and one.channel == service]
        if queued:
            queues = await PartnerQueues.open(settings.broker_url, queued, name=settings.instance)
        charge = Leases(store)
        reconciler = Reconciler(store, topology.QUEUES, bus.depth, patience_seconds=settings.resend_seconds)

        async def reconcile() -> None:
            if await charge.mine("reconciler"):
                watch.note(await reconciler.look())

        reach, watch = _Reach(store), Watch(store, bus, runner.pressure)
        tasks = [
            every(_REACH_SECONDS, "reach of the database", reach.look),
            pressing(runner, settings),
            every(_RECONCILE_SECONDS, "reconciler", reconcile),
            every(_WATCH_SECONDS, "condition of the store", watch.look),
        ]
        try:
            queue = queues.of if queues else None
            yield Engines(runner, charge, tasks, lambda: _missing(reach, bus), watch.warnings, queue)
        finally:
            # So that nobody has to wait until they run out.
            await attempt("leases", charge.let_go)
    finally:
        if queues is not None:
            await queues.close()
        if bus is not None:
            await bus.close()
        await bell.close()
        await store.close()


class _Reach:
    """Whether the database answers."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self.answers = True

    async def look(self) -> None:
        """Ask; raises StoreUnavailableError if there is no answer."""
        try:
            await self._store.run("runner.clock")
        except StoreUnavailableError:
            self.answers = False
            raise
        self.answers = True


def _missing(reach: _Reach, bus: RabbitBus) -> list[str]:
    found = [] if reach.answers else ["database"]
    if not bus.connected:
        found.append("broker")
    return found


async def _store(settings: Settings, stop: asyncio.Event, service: str) -> PostgresStore:
    while True:
        try:
            return await PostgresStore.open(
                settings.database_url,
                owner=settings.instance,
                connections=settings.database_connections,
                service=service,
            )
        except StoreUnavailableError as error:
            structlog.get_logger("gateway").warning("database_away", reason=str(error))
            await pause(stop, _AWAY_SECONDS)
            if stop.is_set():
                raise
