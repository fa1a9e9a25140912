"""The two ports of a process: HTTP and gRPC, each with its health."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

import grpc.aio
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from parcelgate.app import refusal, wire
from parcelgate.core.credential import Credentials
from parcelgate.core.service import Service
from parcelgate.core.setting import Settings

# How long calls in hand may take when the process stops.
_DOOR_SECONDS = 2
_CHECK_SECONDS = 1.0

Missing = Callable[[], list[str]]
Warnings = Callable[[], Mapping[str, str]]


@asynccontextmanager
async def grpc_port(
    settings: Settings, credentials: Credentials, services: Sequence[Service], missing: Missing
) -> AsyncIterator[str]:
    """Serve gRPC with health and reflection; yields the address. Raises OSError if the port is taken."""
    server = grpc.aio.server(interceptors=(wire.InternalOnly(credentials), refusal.Legible()), options=wire.LIMITS)
    names = [name for service in services for name in service.attach(server)]
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    try:
        port = server.add_insecure_port(f"{settings.host}:{settings.grpc_port}")
    except RuntimeError:
        # gRPC keeps the reason to itself.
        raise OSError(f"cannot listen on gRPC port {settings.grpc_port}; choose another with --grpc-port") from None
    await _tell(checks, ["", *names], missing)
    await server.start()
    telling = asyncio.create_task(_keep_telling(checks, ["", *names], missing))
    try:
        yield f"{settings.host}:{port}"
    finally:
        telling.cancel()
        await server.stop(_DOOR_SECONDS)


async def _keep_telling(checks: health.aio.HealthServicer, names: Sequence[str], missing: Missing) -> None:
    while True:
        await asyncio.sleep(_CHECK_SECONDS)
        await _tell(checks, names, missing)


async def _tell(checks: health.aio.HealthServicer, names: Sequence[str], missing: Missing) -> None:
    response = health_pb2.HealthCheckResponse
    status = response.NOT_SERVING if missing() else response.SERVING
    for name in names:
        await checks.set(name, status)


class _Server(uvicorn.Server):
    """Leaves the signals to the process, which stops everything in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def http_port(
    settings: Settings, routes: Sequence[BaseRoute], missing: Missing, warnings: Warnings
) -> AsyncIterator[tuple[str, "asyncio.Task[None]"]]:
    """Serve HTTP; yields the address and the task that serves. Raises OSError if the port is taken."""
    config = uvicorn.Config(
        Starlette(routes=[*_health(missing, warnings), *routes], exception_handlers=refusal.HTTP),
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


def _health(missing: Missing, warnings: Warnings) -> Sequence[BaseRoute]:
    """Return liveness (the process answers) and readiness (it has all that it needs; what else is not well is said)."""

    async def live(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "serving"})

    async def ready(_request: Request) -> JSONResponse:
        said = {"warnings": told} if (told := dict(warnings())) else {}
        if found := missing():
            return JSONResponse({"status": "waiting", "missing": found, **said}, 503)
        return JSONResponse({"status": "serving", **said})

    return Route("/health", live), Route("/health/live", live), Route("/health/ready", ready)
