"""A real gateway in a process of its own, to be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

START_SECONDS = 30


class GatewayProcess:
    """Starts, kills and stops a gateway on one data folder; the ports stay the same over restarts."""

    def __init__(self, data: Path, part_bytes: int = 0) -> None:
        self.data = data
        self._part_bytes = part_bytes
        self.log = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.http = self.grpc = ""

    def start(self, failpoint: str = "", guards: str = "") -> None:
        """Start it and wait until it serves, or until a fail-point kills it first."""
        environment = {**os.environ, "PARCELGATE_FAILPOINT": failpoint, "PARCELGATE_GUARDS": guards}
        if self._part_bytes:
            environment["PARCELGATE_PART_BYTES"] = str(self._part_bytes)
        ports = [part.rpartition(":")[2] for part in (self.http, self.grpc)] if self.http else ["0", "0"]
        command = [sys.executable, "-m", "parcelgate.app.command", "up", "--data", str(self.data)]
        command += ["--http-port", ports[0], "--grpc-port", ports[1]]
        (self.data / "gateway.json").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while self.alive and not self._serves():
            if time.monotonic() > end:
                raise TimeoutError(self.log.read_text()[-3000:])
            time.sleep(0.02)
        if not self.alive and not failpoint:
            raise RuntimeError(self.log.read_text()[-3000:])

    @property
    def alive(self) -> bool:
        """Tell whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Return the exit code; None while it lives."""
        assert self._process is not None
        return self._process.poll()

    def kill(self) -> None:
        """Kill it at once, as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)

    def stop(self) -> float:
        """Ask it to stop and return the seconds it took."""
        began = time.monotonic()
        if self.alive:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(15)
        return time.monotonic() - began

    def _serves(self) -> bool:
        try:
            where = json.loads((self.data / "gateway.json").read_text())
            self.http, self.grpc = where["http"], where["grpc"]
            return httpx.get(f"{self.http}/health", timeout=2, trust_env=False).is_success
        except (OSError, ValueError, httpx.HTTPError):
            return False
