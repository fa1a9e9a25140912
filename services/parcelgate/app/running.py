"""Which processes run on a data folder, and where they listen: one gateway, or the processes of a cluster."""

import fcntl
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

_GATEWAY = "gateway"


class GatewayRunsError(Exception):
    """Another process has this data folder, or this name in it."""


@dataclass(frozen=True, slots=True)
class Running:
    """Where a process listens; written to <data>/gateway.json, or <data>/run/<instance>.json, for the command line."""

    http: str
    grpc: str
    pid: int
    service: str = _GATEWAY
    instance: str = ""


def running(data: Path) -> Running | None:
    """Tell where the gateway of a data folder listens, or None if none runs."""
    return _alive(data / "gateway.lock")


def processes(data: Path, service: str = "") -> list[Running]:
    """Return the processes of a cluster that run on a data folder, all or those of one service, by instance."""
    found = [_alive(path) for path in sorted((data / "run").glob("*.lock"))]
    return [one for one in found if one is not None and service in ("", one.service)]


def locked(data: Path, instance: str = "") -> TextIO:
    """Take the lock of a data folder, or of an instance of a cluster; it lasts until the file is closed.

    Raises GatewayRunsError if it is taken.
    """
    path = _lock(data, instance)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        what = f"a process called {instance}" if instance else "another gateway"
        raise GatewayRunsError(f"{what} runs on {data}") from None
    return file


def announce(data: Path, where: Running) -> None:
    """Tell the command line where a process listens."""
    path = _lock(data, where.instance).with_suffix(".json")
    new = path.with_suffix(".json.tmp")
    new.write_text(json.dumps(asdict(where)), "utf-8")
    new.replace(path)


def _lock(data: Path, instance: str) -> Path:
    return data / "run" / f"{instance}.lock" if instance else data / "gateway.lock"


def _alive(lock: Path) -> Running | None:
    try:
        with lock.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        try:
            return Running(**json.loads(lock.with_suffix(".json").read_text("utf-8")))
        except (FileNotFoundError, ValueError):
            return None
