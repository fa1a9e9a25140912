"""A process of parcelgate: the whole gateway with its embedded engines, or one service of a cluster.

Start: lock, engines, gRPC, HTTP, then the loops. Stop goes the other way round, within ten seconds.
"""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import structlog

from parcelgate.app import assembly, engine, server, topology, wire
from parcelgate.app.engine import Engines
from parcelgate.app.running import Running, announce, locked
from parcelgate.codecs.agreement import misfits
from parcelgate.codecs.registry import shipped
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.seal import Vault, master_key
from parcelgate.core.service import Service
from parcelgate.core.setting import Settings

# Of the ten seconds, for the work in hand; the rest is for the doors.
_WORK_SECONDS = 6
_NEEDED = ("database_url", "broker_url")
_ASKED = ("risk_address", "clearance_address")

Ready = Callable[[Running], None]


async def serve(settings: Settings, ready: Ready | None = None) -> None:
    """Serve all six services in this process until SIGTERM or SIGINT; calls ready once both ports answer.

    Raises GatewayRunsError if the data folder is taken, OSError if a port is.
    """
    stop = _stop_on_signal()
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(settings.data))
        engines = await stack.enter_async_context(engine.embedded(settings))
        await _serve(stack, settings, engines, topology.SERVICES, stop, ready)


def needed(service: str) -> Sequence[str]:
    """Return the settings without which a service of a cluster cannot run; risk and clearance need no engine."""
    return {"risk": (), "clearance": (), "router": _NEEDED + _ASKED}.get(service, _NEEDED)


async def serve_one(settings: Settings, service: str, ready: Ready | None = None) -> None:
    """Serve one service of a cluster until SIGTERM or SIGINT; calls ready once both ports answer.

    Raises GatewayRunsError if an instance of this name runs on the data folder, OSError if a port is taken, ValueError if
    a setting is missing.
    """
    # The laptop needs neither of the engines' libraries.
    from parcelgate.app import cluster

    settings_needed = needed(service)
    if missing := [name for name in settings_needed if not getattr(settings, name)]:
        raise ValueError(f"{service} needs the setting {missing[0]} (PARCELGATE_{missing[0].upper()})")
    stop = _stop_on_signal()
    named = replace(settings, instance=settings.instance or f"{socket.gethostname()}-{service}")
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(named.data, named.instance))
        # Those that need no engine only answer calls, and keep nothing.
        engines = await stack.enter_async_context(cluster.opened(named, stop, service)) if settings_needed else None
        await _serve(stack, named, engines, (service,), stop, ready)


async def _serve(
    stack: AsyncExitStack,
    settings: Settings,
    engines: Engines | None,
    names: Sequence[str],
    stop: asyncio.Event,
    ready: Ready | None,
) -> None:
    partners = Partners(settings.partners)
    credentials = Credentials(settings.data, partners)
    line = wire.Line(credentials.local_key("gateway"), settings.call_seconds)
    missing = engines.missing if engines else list[str]
    warnings = engines.warnings if engines else dict[str, str]
    if engines is None:
        built = assembly.answering(names, settings)
    else:
        _tell_misfits(partners, settings)
        vault = Vault(master_key(settings.data / "master.key"), engines.runner.store)
        built = assembly.build(names, engines, vault, partners, credentials, settings, line)
    address = await stack.enter_async_context(server.grpc_port(settings, credentials, built.services, missing))
    if "router" in names:
        own = len(names) > 1
        risk, clearance = (address, address) if own else (settings.risk_address, settings.clearance_address)
        await stack.enter_async_context(line.connected(risk, clearance))
    http, serving = await stack.enter_async_context(server.http_port(settings, built.routes, missing, warnings))
    where = Running(http, address, os.getpid(), names[0] if len(names) == 1 else "gateway", settings.instance)
    announce(settings.data, where)
    structlog.get_logger("gateway").info("gateway_serves", http=http, grpc=address, services=list(names))
    calm_collector()
    if ready is not None:
        ready(where)
    await _until_stopped(engines, built.services, stop, serving)


def _tell_misfits(partners: Partners, settings: Settings) -> None:
    """Log which formats of partners' files are refused, and why; a missing one counts as soon as its folder is there."""
    registry = shipped(settings.format_root)
    for partner in partners.all():
        for wrong in misfits(partner, registry):
            log = structlog.get_logger("gateway")
            log.warning("partner_format_refused", partner=partner.id, code=wrong.code, reason=wrong.sentence)


def calm_collector() -> None:
    """Take what was loaded at the start out of the garbage collector's rounds, and make these rarer.

    Rows and messages come and go by the thousand without a cycle; looking for cycles took a third of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _until_stopped(
    engines: Engines | None, services: Sequence[Service], stop: asyncio.Event, serving: "asyncio.Task[None]"
) -> None:
    """Do the work of all services until stop is set; then finish what is in hand, for a few seconds at most.

    Raises what made a service end by itself: a gateway without one of its services must not look alive.
    """
    working = asyncio.create_task(_work(engines, services, stop), name="work")
    stopping = asyncio.create_task(stop.wait(), name="wait for stop")
    await asyncio.wait({working, stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    asked = stop.is_set()
    stop.set()
    if engines is not None:
        engines.runner.stop()
    await asyncio.wait({working}, timeout=_WORK_SECONDS)
    if not working.done():
        # Whatever it was, it is not committed, and is done again after the next start.
        structlog.get_logger("gateway").warning("work_in_hand_was_left", seconds=_WORK_SECONDS)
        working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    if not asked:
        raise RuntimeError("the HTTP server ended by itself")


async def _work(engines: Engines | None, services: Sequence[Service], stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        if engines is not None:
            group.create_task(engines.runner.run([one for service in services for one in service.consumers()]))
            for task in engines.tasks:
                group.create_task(task(stop))
        for service in services:
            group.create_task(service.run(stop), name=f"run {service.name}")
