"""Where the engines are: where Debian puts them, or below build/engines of the checkout (deploy/engines.sh fills it)."""

import os
import random
import socket
from pathlib import Path

SYSTEM = Path("/")
OWN = Path(__file__).parents[4] / "build" / "engines"
# Below the range from which the kernel takes the ports of outgoing connections: a port stays free while its node is down.
_PORTS = range(20_000, 32_000)


class EngineMissingError(Exception):
    """An engine is not installed."""


def rabbitmq() -> Path:
    """Return the folder of RabbitMQ's own scripts; raises EngineMissingError.

    Those in /usr/sbin are wrappers that change the user and the folders, so that no private node can be made of them.
    """
    return _find("usr/lib/rabbitmq/bin/rabbitmq-server").parent


def postgresql() -> Path:
    """Return the folder of the programs of the newest PostgreSQL; raises EngineMissingError."""
    return _find("usr/lib/postgresql/*/bin/postgres").parent


def tool(name: str) -> Path:
    """Return a program of the engines' packages, for example amqp-publish or nginx; raises EngineMissingError."""
    return _find(f"usr/*bin/{name}")


def environment() -> dict[str, str]:
    """Return what every program of the engines needs, and nothing of the caller's own environment."""
    programs = [folder for root in _roots() for folder in (root / "usr/bin", root / "usr/sbin", root / "bin")]
    found = {"PATH": os.pathsep.join(map(str, programs)), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    if OWN.is_dir():
        libraries = sorted(
            {path.parent for kind in ("usr/lib", "lib") for path in (OWN / kind).glob("*-linux-gnu*/*.so*")}
        )
        found["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, libraries))
    return found


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens, and which nobody who asks here gets while this process lives."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe, socket.socket(socket.AF_UNIX) as claim:
            try:
                probe.bind(("127.0.0.1", port))
                # A name without a file, which the kernel takes back when the process has died.
                claim.bind(f"\0parcelgate port {port}")
            except OSError:
                continue
            claim.detach()
            return port


def _roots() -> tuple[Path, ...]:
    return (OWN, SYSTEM) if OWN.is_dir() else (SYSTEM,)


def _find(pattern: str) -> Path:
    for root in (SYSTEM, OWN):
        if found := sorted(root.glob(pattern), key=_release):
            return found[-1]
    raise EngineMissingError(f"/{pattern} is not here; deploy/engines.sh installs the engines")


def _release(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.parts if part.isdigit())
