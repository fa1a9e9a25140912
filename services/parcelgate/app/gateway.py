"""The all-in-one gateway: six services, one store, one bus, two ports, in one process with translation workers beside it.

Start: lock, store, translation workers, gRPC, HTTP, then the loops. Stop goes the other way round.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

import grpc.aio
import structlog
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.app import assembly, refusal, topology, wire
from parcelgate.app.running import Running, announce, locked
from parcelgate.core.bell import Bell
from parcelgate.core.clock import SystemClock
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault, master_key
from parcelgate.core.service import Service
from parcelgate.core.setting import Settings

# Ten seconds in all: work in hand, then the doors.
_WORK_SECONDS = 6
_DOOR_SECONDS = 2


async def serve(settings: Settings, ready: Callable[[Running], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; calls ready once both ports answer.

    Raises GatewayRunsError if the data folder is taken, OSError if a port is.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        lock = stack.enter_context(locked(settings.data))
        store = SqliteStore(settings.store)
        stack.push_async_callback(store.close)
        bus = EmbeddedBus(store, topology.QUEUES)
        await bus.open()
        partners = Partners(settings.partners)
        credentials = Credentials(settings.data, partners)
        runner = Runner(store, bus, SystemClock(), Bell())
        vault = Vault(master_key(settings.data / "master.key"), store)
        line = wire.Line(credentials.local_key("gateway"), settings.call_seconds)
        built = assembly.build(runner, vault, partners, credentials, settings, line)
        address = await stack.enter_async_context(_grpc(settings, credentials, built.services))
        await stack.enter_async_context(line.connected(address))
        http, serving = await stack.enter_async_context(_http(settings, built.routes))
        where = Running(http, address, os.getpid())
        announce(settings.data, where)
        structlog.get_logger("gateway").info("gateway_serves", http=http, grpc=address, lock=lock.name)
        if ready is not None:
            ready(where)
        await _until_stopped(runner, built.services, stop, serving)


async def _until_stopped(
    runner: Runner, services: Sequence[Service], stop: asyncio.Event, serving: "asyncio.Task[None]"
) -> None:
    """Do the work of all services until stop is set; then finish what is in hand, for a few seconds at most.

    Raises what made a service end by itself: a gateway without one of its services must not look alive.
    """
    working = asyncio.create_task(_work(runner, services, stop), name="work")
    stopping = asyncio.create_task(stop.wait(), name="wait for stop")
    await asyncio.wait({working, stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    asked = stop.is_set()
    stop.set()
    runner.stop()
    await asyncio.wait({working}, timeout=_WORK_SECONDS)
    if not working.done():
        # Whatever it was, it is not committed, and is done again after the next start.
        structlog.get_logger("gateway").warning("work_in_hand_was_left", seconds=_WORK_SECONDS)
        working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    if not asked:
        raise RuntimeError("the HTTP server ended by itself")


async def _work(runner: Runner, services: Sequence[Service], stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run([one for service in services for one in service.consumers()]))
        for service in services:
            group.create_task(service.run(stop), name=f"run {service.name}")


@asynccontextmanager
async def _grpc(settings: Settings, credentials: Credentials, services: Sequence[Service]) -> AsyncIterator[str]:
    server = grpc.aio.server(interceptors=(wire.InternalOnly(credentials), refusal.Legible()), options=wire.LIMITS)
    names = [name for service in services for name in service.attach(server)]
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    for name in ("", *names):
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    try:
        port = server.add_insecure_port(f"{settings.host}:{settings.grpc_port}")
    except RuntimeError:
        # gRPC keeps the reason to itself.
        raise OSError(f"cannot listen on gRPC port {settings.grpc_port}; choose another with --grpc-port") from None
    await server.start()
    try:
        yield f"{settings.host}:{port}"
    finally:
        await server.stop(_DOOR_SECONDS)


class _Server(uvicorn.Server):
    """Leaves the signals to serve, which stops everything in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def _http(settings: Settings, routes: Sequence[BaseRoute]) -> AsyncIterator[tuple[str, "asyncio.Task[None]"]]:
    config = uvicorn.Config(
        Starlette(routes=[Route("/health", _health), *routes], exception_handlers=refusal.HTTP),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_DOOR_SECONDS,
    )
    server = _Server(config)
    # Named as TCP, or asyncio would not switch Nagle's delay off: 40 ms on every answer.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.http_port))
        except OSError as error:
            reason = (
                f"cannot listen on HTTP port {settings.http_port} ({error.strerror}); choose another with --http-port"
            )
            raise OSError(reason) from error
        serving = asyncio.create_task(server.serve([listener]))
        # uvicorn tells of its start only by this flag.
        while not server.started and not serving.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        try:
            yield f"http://{settings.host}:{listener.getsockname()[1]}", serving
        finally:
            server.should_exit = True
            await serving


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "serving"})
