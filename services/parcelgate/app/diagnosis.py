"""parcelgate doctor: look at the machine, the data folder and the running gateway, and say what to mend."""

import json
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape

from parcelgate.app import topology
from parcelgate.app.client import Client, NoGatewayError, RefusedError
from parcelgate.app.running import Running, processes, running
from parcelgate.codecs.agreement import misfits
from parcelgate.codecs.registry import shipped
from parcelgate.core.partner import Partners
from parcelgate.core.setting import Settings

_LEAST_FREE = 512 * 1024**2
# What the processes of a cluster warn of in their readiness; of dead letters the doctor says more by itself.
_HINTS = {
    "broker": "Give it memory or disk, or have the queue read that fills it; messages wait in the database until then.",
    "pressure": "Look at what holds the work up; the doors open by themselves when there is less of it.",
    "outbox": "See whether the broker is well; what waits is sent as soon as it is.",
    "unrouted": "Somebody changed the topology: compare it with parcelgate broker-definitions; what lies there is sent on then.",
    "dead messages": "A consumer died again and again, or a partner's message cannot be taken; see docs/amqp.md, Alarms.",
    "retries": "See on the page or in the logs what they wait for; they go on by themselves when it is back.",
    "lost messages": "Nothing to mend for these; look why the broker lost them (one node, a purged queue, a disk).",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    what: str
    well: bool
    finding: str
    hint: str = ""


def doctor(settings: Settings, *, as_json: bool) -> int:
    """Print all checks; returns 1 if something is not well."""
    checks = list(_checks(settings))
    console = Console(highlight=False)
    if as_json:
        console.print_json(json.dumps([asdict(check) for check in checks]))
    else:
        for check in checks:
            console.print(f"{'ok   ' if check.well else 'MEND '} {check.what}: {escape(check.finding)}")
            if not check.well:
                console.print(f"      {escape(check.hint)}")
    return int(not all(check.well for check in checks))


def _checks(settings: Settings) -> Iterator[Check]:
    yield Check("Python", sys.version_info >= (3, 11), sys.version.split()[0], "parcelgate needs Python 3.11 or newer.")
    yield Check(
        "SQLite",
        sqlite3.sqlite_version_info >= (3, 35),
        sqlite3.sqlite_version,
        "The embedded store needs SQLite 3.35 or newer.",
    )
    yield _data(settings.data)
    yield _partners(settings)
    yield _formats(settings)
    where = running(settings.data)
    members = processes(settings.data)
    if members:
        yield from _cluster(members)
        yield from _at_work(settings)
        return
    if where is None:
        yield Check("gateway", well=True, finding=f"none runs on {settings.data}")
        yield _port("HTTP port", settings.host, settings.http_port)
        yield _port("gRPC port", settings.host, settings.grpc_port)
        return
    yield Check("gateway", well=True, finding=f"runs as process {where.pid}: {where.http}, gRPC {where.grpc}")
    yield from _at_work(settings)


def _cluster(members: Sequence[Running]) -> Iterator[Check]:
    """Look at the processes of a cluster on this data folder: each service is there, and each process has what it needs."""
    told = {one.instance: _readiness(one) for one in members}
    for service in topology.SERVICES:
        found = [one for one in members if one.service == service]
        missing = [
            f"{one.instance} waits for {', '.join(what)}" for one in found if (what := told[one.instance].missing)
        ]
        yield Check(
            service,
            well=bool(found) and not missing,
            finding="; ".join(missing) or ", ".join(f"{one.instance} at {one.http}" for one in found) or "no process",
            hint=f"Start one with: parcelgate run {service}; see its log for what it waits for.",
        )
    for what, hint in _HINTS.items():
        # All processes look at the same store and broker, but not at the same moment: the first that says so is shown.
        finding = next((one.warnings[what] for one in told.values() if what in one.warnings), "")
        yield Check(what, well=not finding, finding=finding or "nothing to see", hint=hint)


@dataclass(frozen=True, slots=True)
class _Readiness:
    missing: Sequence[str] = ()
    warnings: Mapping[str, str] = field(default_factory=dict)


def _readiness(member: Running) -> _Readiness:
    try:
        answer = httpx.get(f"{member.http}/health/ready", timeout=5, trust_env=False)
    except httpx.HTTPError as error:
        return _Readiness([f"an answer ({type(error).__name__})"])
    told = answer.json()
    return _Readiness([str(one) for one in told.get("missing", ())], told.get("warnings", {}))


def _data(data: Path) -> Check:
    nearest = next(path for path in (data, *data.absolute().parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    well = free >= _LEAST_FREE and os.access(nearest, os.W_OK)
    return Check(
        "data folder",
        well,
        f"{data}, {free // 1024**2} MiB free",
        "Give it at least 512 MiB on a disk that this user may write, or choose another with --data.",
    )


def _partners(settings: Settings) -> Check:
    try:
        partners = Partners(settings.partners).all()
    except ValueError as error:
        return Check("partners", well=False, finding=str(error), hint="Mend the file that is named.")
    registry = shipped(settings.format_root)
    wrong = [one.sentence for partner in partners for one in misfits(partner, registry)]
    finding = f"not used: {' '.join(wrong)}" if wrong else f"{len(partners)} profiles"
    return Check("partners", not wrong, finding, "Mend the partner's file, or put the format's folder in its place.")


def _formats(settings: Settings) -> Check:
    registry = shipped(settings.format_root)
    refused = "; ".join(f"{folder}: {reason}" for folder, reason in registry.refused.items())
    finding = f"not used: {refused}" if refused else f"{len(list(registry))}"
    return Check(
        "formats", not refused, finding, "Mend the folder that is named; parcelgate formats check says all about it."
    )


def _port(what: str, host: str, port: int) -> Check:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return Check(
                what, well=False, finding=f"{port}: {error.strerror}", hint="Choose another port, or stop what has it."
            )
    return Check(what, well=True, finding=f"{port} is free")


def _at_work(settings: Settings) -> Iterator[Check]:
    try:
        with Client(settings, "integrator") as client:
            dead = client.json("/api/dead")["dead"]
    except (NoGatewayError, RefusedError, httpx.HTTPError) as error:
        finding = f"cannot be asked for: {error or type(error).__name__}"
        yield Check("dead letters", well=False, finding=finding, hint="See to the monitor first.")
        return
    yield Check(
        "dead letters",
        not dead,
        "none"
        if not dead
        else ", ".join(f"{one['consumer']}/{one['message']}: {one['faults'][0]['code']}" for one in dead[:10]),
        "Look at them on the page, mend the cause, then: parcelgate replay CONSUMER/MESSAGE.",
    )
