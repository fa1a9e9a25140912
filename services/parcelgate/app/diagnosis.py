"""parcelgate doctor: look at the machine, the data folder and the running gateway, and say what to mend."""

import json
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape

from parcelgate.app import topology
from parcelgate.app.client import Client
from parcelgate.app.running import Running, processes, running
from parcelgate.core.partner import Partners
from parcelgate.core.setting import Settings

_LEAST_FREE = 512 * 1024**2


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
    for service in topology.SERVICES:
        found = [one for one in members if one.service == service]
        missing = [f"{one.instance} waits for {', '.join(what)}" for one in found if (what := _missing(one))]
        yield Check(
            service,
            well=bool(found) and not missing,
            finding="; ".join(missing) or ", ".join(f"{one.instance} at {one.http}" for one in found) or "no process",
            hint=f"Start one with: parcelgate run {service}; see its log for what it waits for.",
        )


def _missing(member: Running) -> list[str]:
    try:
        answer = httpx.get(f"{member.http}/health/ready", timeout=5, trust_env=False)
    except httpx.HTTPError as error:
        return [f"an answer ({type(error).__name__})"]
    return [] if answer.is_success else [str(one) for one in answer.json()["missing"]]


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
        count = len(Partners(settings.partners).all())
    except ValueError as error:
        return Check("partners", well=False, finding=str(error), hint="Mend the file that is named.")
    return Check("partners", well=True, finding=f"{count} profiles")


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
    with Client(settings, "integrator") as client:
        dead = client.json("/api/dead")["dead"]
    yield Check(
        "dead letters",
        not dead,
        "none"
        if not dead
        else ", ".join(f"{one['consumer']}/{one['message']}: {one['faults'][0]['code']}" for one in dead[:10]),
        "Look at them on the page, mend the cause, then: parcelgate replay CONSUMER/MESSAGE.",
    )
