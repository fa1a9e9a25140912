"""The stage of the benchmarks: a real gateway in a process of its own, a client, and a look at its delivery log."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import psutil

from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "bench"
_START_SECONDS = 60
_QUIET = (
    "SELECT count(*) FROM outbox",
    "SELECT count(*) FROM bus_message",
    "SELECT count(*) FROM retry",
    "SELECT count(*) FROM postal_interchange WHERE state IN ('RECEIVED', 'TRANSLATED')",
    "SELECT count(*) FROM postal_message WHERE handed_out_at = 0",
)


def folder(name: str) -> Path:
    """Return an empty folder for a benchmark."""
    place = BUILD / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


class Gateway:
    """A gateway with its workers; used as a context, it serves within and is stopped in order at the end."""

    def __init__(self, data: Path, *, metered: bool = False) -> None:
        self.data = data
        program = [str(Path(__file__).with_name("metered.py"))] if metered else ["-m", "parcelgate.app.command", "up"]
        self._command = [sys.executable, *program, "--data", str(data), "--http-port", "0", "--grpc-port", "0"]
        self._clients: dict[str, httpx.Client] = {}

    def __enter__(self) -> Self:
        paths = os.pathsep.join([str(ROOT / "services"), *sys.path])
        environment = {**os.environ, "PYTHONPATH": paths, "PARCELGATE_LOG_LEVEL": "warning"}
        with (self.data / "gateway.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        end = time.monotonic() + _START_SECONDS
        while not self._serves():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self.data / "gateway.log").read_text()[-3000:])
            time.sleep(0.02)
        self.store = sqlite3.connect(f"file:{self.data / 'parcelgate.sqlite'}?mode=ro", uri=True, timeout=10)
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()
        for client in self._clients.values():
            client.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    def client(self, partner: str) -> httpx.Client:
        """Return an HTTP client with the key of a partner."""
        if partner not in self._clients:
            key = Credentials(self.data, Partners()).local_key(partner)
            self._clients[partner] = httpx.Client(
                base_url=self.http, headers={"Authorization": f"Bearer {key}"}, timeout=120, trust_env=False
            )
        return self._clients[partner]

    def hand_in(self, partner: str, document: bytes | Iterator[bytes]) -> str:
        """Hand in an interchange; returns its receipt."""
        answer = self.client(partner).post("/v1/interchanges", content=document)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["receipt"])

    def last_sequence(self, partner: str) -> int:
        """Return the last sequence of a partner's delivery log, as another process sees it."""
        row = self.store.execute("SELECT last FROM delivery_count WHERE partner = ?", (partner,)).fetchone()
        return row[0] if row else 0

    def wait_until_quiet(self, seconds: float = 300) -> None:
        """Wait until nothing is on its way, facts and messages to partners included."""
        end = time.monotonic() + seconds
        while any(self.store.execute(text).fetchone()[0] for text in _QUIET):
            assert time.monotonic() < end, f"still busy after {seconds} s; see {self.data}"
            time.sleep(0.05)

    def logged_at(self, after: int = 0) -> int:
        """Return when the last response was logged, in microseconds since 1970."""
        row = self.store.execute("SELECT max(at) FROM delivery_log WHERE at > ?", (after,)).fetchone()
        return int(row[0])

    def accepted(self) -> int:
        """Return how many items were accepted so far."""
        return int(self.store.execute("SELECT coalesce(sum(accepted), 0) FROM postal_interchange").fetchone()[0])

    def cpu(self) -> tuple[float, float]:
        """Return the CPU seconds of the gateway process, and of its translation processes."""
        own, *children = (sum(one.cpu_times()[:2]) for one in self._processes())
        return own, sum(children)

    def memory(self) -> int:
        """Return the proportional share of memory (PSS) of all processes, in bytes."""
        return sum(one.memory_full_info().pss for one in self._processes())

    def _processes(self) -> list[psutil.Process]:
        gateway = psutil.Process(self._process.pid)
        return [gateway, *gateway.children(recursive=True)]

    def _serves(self) -> bool:
        try:
            where = json.loads((self.data / "gateway.json").read_text())
            if where["pid"] != self._process.pid:
                return False
            self.http = where["http"]
            return httpx.get(f"{self.http}/health", timeout=2, trust_env=False).is_success
        except (OSError, ValueError, httpx.HTTPError):
            return False
