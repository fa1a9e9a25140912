"""Which gateway runs on a data folder, and where it listens."""

import fcntl
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO


class GatewayRunsError(Exception):
    """Another gateway has this data folder open."""


@dataclass(frozen=True, slots=True)
class Running:
    """Where a running gateway listens; written to <data>/gateway.json for the command line."""

    http: str
    grpc: str
    pid: int


def running(data: Path) -> Running | None:
    """Tell where the gateway of a data folder listens, or None if none runs."""
    try:
        with (data / "gateway.lock").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        try:
            return Running(**json.loads((data / "gateway.json").read_text("utf-8")))
        except (FileNotFoundError, ValueError):
            return None


def locked(data: Path) -> TextIO:
    """Take the lock of a data folder; it lasts until the file is closed. Raises GatewayRunsError if it is taken."""
    data.mkdir(parents=True, exist_ok=True)
    file = (data / "gateway.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise GatewayRunsError(f"another gateway runs on {data}") from None
    return file


def announce(data: Path, where: Running) -> None:
    """Tell the command line where the gateway listens."""
    new = data / "gateway.json.tmp"
    new.write_text(json.dumps(asdict(where)), "utf-8")
    new.replace(data / "gateway.json")
