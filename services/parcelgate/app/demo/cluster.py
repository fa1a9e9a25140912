"""A cluster on this machine: private nodes of PostgreSQL and RabbitMQ, and a process for each instance of a service."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from parcelgate.app import topology
from parcelgate.app.demo.stage import NotStartedError
from parcelgate.app.node import engine
from parcelgate.app.node.postgres import PostgresNode
from parcelgate.app.node.rabbitmq import RabbitNode
from parcelgate.app.running import Running, processes

_START_SECONDS = 60
_STOP_SECONDS = 15
_COMMAND = (sys.executable, "-m", "parcelgate.app.command")


class Member:
    """A process of the cluster, which may be killed and started again under the same name and on the same ports."""

    def __init__(self, data: Path, service: str, number: int, environment: Mapping[str, str]) -> None:
        self.data = data
        self.service = service
        self.instance = f"{service}-{number}"
        self.http_port, self.grpc_port = engine.free_port(), engine.free_port()
        self.log = data / "log" / f"{self.instance}.log"
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def grpc(self) -> str:
        """Return where its gRPC port is."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def http(self) -> str:
        """Return where its HTTP port is."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Return the process id of the last start."""
        assert self._process is not None
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Return the exit code of the last start; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self, **more: str) -> None:
        """Start the process, with more environment variables; it need not be ready yet."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        ports = ["--http-port", str(self.http_port), "--grpc-port", str(self.grpc_port)]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [*_COMMAND, "run", self.service, "--data", str(self.data), "--instance", self.instance, *ports],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self._environment, **more},
            )

    def run(self, *command: str) -> str:
        """Run another command of parcelgate with the member's settings to its end; raises NotStartedError."""
        done = subprocess.run(  # noqa: S603 - our own command
            [*_COMMAND, *command, "--data", str(self.data)],
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise NotStartedError(f"parcelgate {' '.join(command)} failed: {done.stderr.strip()[-300:]}")
        return done.stdout

    def ready(self) -> bool:
        """Tell whether it answers and has all that it needs."""
        try:
            return httpx.get(f"{self.http}/health/ready", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def wait(self, seconds: float = _START_SECONDS) -> None:
        """Wait until it is ready; raises NotStartedError with the last line of its log."""
        end = time.monotonic() + seconds
        while not self.ready():
            if not self.alive or time.monotonic() > end:
                last = self.log.read_text("utf-8", "replace").splitlines()[-1:] or ["it said nothing"]
                raise NotStartedError(f"{self.instance} did not start ({last[0][:300]}); its log is {self.log}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def ask_to_stop(self) -> None:
        """Ask it to stop in good order."""
        if self.alive and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> float:
        """Stop it in good order; returns the seconds it took, or kills it after a while."""
        began = time.monotonic()
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        return time.monotonic() - began


class Cluster:
    """The engines and the members; a broker or database in between (a proxy) may be named instead of the nodes'."""

    def __init__(self, data: Path, database: str, broker: str, instances: int = 1, **environment: str) -> None:
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PARCELGATE_DATA": str(data),
            "PARCELGATE_DATABASE_URL": database,
            "PARCELGATE_BROKER_URL": broker,
            **environment,
        }
        self.members = [
            Member(data, service, number, self.environment)
            for service in topology.SERVICES
            for number in range(1, instances + 1)
        ]
        for service in ("risk", "clearance"):
            where = ",".join(member.grpc for member in self.of(service))
            self.environment[f"PARCELGATE_{service.upper()}_ADDRESS"] = where

    def of(self, service: str) -> list[Member]:
        """Return the members of a service."""
        return [member for member in self.members if member.service == service]

    def running(self, service: str) -> list[Running]:
        """Return where the living members of a service say that they listen."""
        return processes(self.data, service)

    def migrate(self) -> None:
        """Bring the database up to this version; raises NotStartedError."""
        self.members[0].run("migrate")

    def start(self) -> None:
        """Migrate, start all members and wait until they are ready."""
        self.migrate()
        for member in self.members:
            member.start()
        for member in self.members:
            member.wait()

    def stop(self) -> None:
        """Stop all members in good order, all at once."""
        for member in self.members:
            member.ask_to_stop()
        for member in self.members:
            member.stop()


@contextmanager
def cluster(data: Path, instances: int = 1) -> Iterator[Cluster]:
    """Run a cluster on a new data folder with engines of its own; all of it ends in order.

    Raises NotStartedError, EngineMissingError or NodeFailedError if something does not start.
    """
    if processes(data):
        raise NotStartedError(f"a cluster runs on {data}; stop it first, or choose another folder with --data")
    with suppress(FileNotFoundError):
        shutil.rmtree(data)
    with PostgresNode() as database, RabbitNode() as broker:
        found = Cluster(data, database.near(database.create_database("parcelgate")), broker.url, instances)
        try:
            found.start()
            yield found
        finally:
            found.stop()
