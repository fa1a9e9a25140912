"""The stage of the cluster's benchmarks: private engines, a process for each instance, clients, and a look into the database."""

import asyncio
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx
import psutil

from parcelgate.app.demo.cluster import Cluster, Member
from parcelgate.app.node.postgres import PostgresNode
from parcelgate.app.node.rabbitmq import RabbitNode
from parcelgate.core import resource
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners

ROOT = Path(__file__).parents[2]
# As docs/operations.md recommends them; every commit still reaches the disk.
_OPERATED = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
}
_QUIET = """
SELECT (SELECT count(*) FROM postal.interchange WHERE state IN ('RECEIVED', 'TRANSLATED', 'RECEIVING'))
    + (SELECT count(*) FROM runner.outbox o WHERE NOT EXISTS (SELECT 1 FROM runner.inbox i WHERE i.message_id = o.message_id))
    + (SELECT count(*) FROM runner.retry)
"""


class Stage:
    """A cluster to be measured; used as a context."""

    def __init__(self, data: Path, instances: int = 1) -> None:
        self.data = data
        self._instances = instances
        self._clients: dict[str, httpx.Client] = {}
        self._turn = 0

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self.database = undo.enter_context(PostgresNode(settings=_OPERATED))
            self.broker = undo.enter_context(RabbitNode())
            self.dsn = self.database.near(self.database.create_database("bench"))
            self._without_mailboxes()
            paths = os.pathsep.join([str(ROOT / "services"), os.environ.get("PYTHONPATH", "")])
            self.cluster = Cluster(
                self.data,
                self.dsn,
                self.broker.url,
                self._instances,
                PYTHONPATH=paths,
                PARCELGATE_LOG_LEVEL="warning",
                PARCELGATE_PARTNERS=str(self.data / "partners"),
            )
            undo.callback(self.cluster.stop)
            self.cluster.start()
            self._loop = asyncio.new_event_loop()
            undo.callback(self._loop.close)
            self._line: Any = self._loop.run_until_complete(asyncpg.connect(self.dsn))
            undo.callback(lambda: self._loop.run_until_complete(self._line.close()))
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()
        self._undo.close()

    def _without_mailboxes(self) -> None:
        """Let posts fetch their CUSRSP by HTTP: what is measured ends at the delivery log, and nothing is composed."""
        folder = self.data / "partners"
        folder.mkdir(parents=True)
        for path in (resource.schemas() / "partners").glob("post-*.toml"):
            (folder / path.name).write_text(re.sub(r"(?m)^mailbox = true$", "mailbox = false", path.read_text("utf-8")))

    def sql(self, text: str, *arguments: Any) -> Any:
        """Ask the database for one value."""
        return self._loop.run_until_complete(self._line.fetchval(text, *arguments))

    def hand_in(self, partner: str, document: bytes | Iterator[bytes]) -> str:
        """Hand in an interchange at one postal instance after the other; returns its receipt."""
        self._turn += 1
        members = self.cluster.of("postal")
        answer = self._client(partner).post(
            f"{members[self._turn % len(members)].http}/v1/interchanges", content=document
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["receipt"])

    def find(self, identifier: str) -> Any:
        """Ask the monitor for an item."""
        (member, *_) = self.cluster.of("monitor")
        return self._client("integrator").get(f"{member.http}/api/find", params={"q": identifier}).json()

    def call(self) -> None:
        """Ask the monitor for nothing at all."""
        (member, *_) = self.cluster.of("monitor")
        self._client("integrator").get(f"{member.http}/health/live")

    def in_flight(self, receipts: list[str]) -> list[str]:
        """Return those of the interchanges that have not come to their end."""
        return self.sql(
            "SELECT array_agg(receipt) FROM postal.interchange"
            " WHERE receipt = ANY($1::text[]) AND state IN ('RECEIVED', 'TRANSLATED')",
            receipts,
        ) or []  # fmt: skip

    def last_sequence(self, partner: str) -> int:
        """Return the last sequence of a partner's delivery log, as another process sees it."""
        return self.sql("SELECT last FROM runner.delivery_count WHERE partner = $1", partner) or 0

    def logged_at(self) -> float:
        """Return when the last response was logged, in seconds since 1970."""
        return self.sql("SELECT max(at) FROM runner.delivery_log") / 1e6

    def accepted(self) -> int:
        """Return how many items were accepted so far."""
        return int(self.sql("SELECT coalesce(sum(accepted), 0)::bigint FROM postal.interchange"))

    def responses(self) -> int:
        """Return how many responses all delivery logs hold."""
        return int(self.sql("SELECT coalesce(sum(last), 0)::bigint FROM runner.delivery_count"))

    def wait_until_quiet(self, seconds: float = 120) -> None:
        """Wait until nothing is on its way, facts included; gives up when nothing has moved for so long."""
        left, end = 0, 0.0
        while now := self.sql(_QUIET):
            if now != left:
                left, end = now, time.monotonic() + seconds
            assert time.monotonic() < end, f"nothing has moved for {seconds} s; see {self.data}"
            time.sleep(0.05)

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds used so far, by part."""
        found: dict[str, float] = {}
        for member in self.cluster.members:
            own, *children = _family(member)
            found[member.service] = found.get(member.service, 0) + _seconds([own])
            if children:
                found["translation"] = found.get("translation", 0) + _seconds(children)
        found["RabbitMQ"] = _engine(self.broker)
        found["PostgreSQL"] = _engine(self.database)
        return found

    def memory(self) -> int:
        """Return the proportional share of memory (PSS) of all gateway processes, in bytes."""
        return sum(one.memory_full_info().pss for member in self.cluster.members for one in _family(member))

    def _client(self, partner: str) -> httpx.Client:
        if partner not in self._clients:
            key = Credentials(self.data, Partners()).local_key(partner)
            headers = {"Authorization": f"Bearer {key}"}
            self._clients[partner] = httpx.Client(headers=headers, timeout=300, trust_env=False)
        return self._clients[partner]


def _family(member: Member) -> list[psutil.Process]:
    process = psutil.Process(member.pid)
    return [process, *process.children(recursive=True)]


def _engine(node: PostgresNode | RabbitNode) -> float:
    first = psutil.Process(node._group._process.pid)
    ended = first.cpu_times()
    return _seconds([first, *first.children(recursive=True)]) + ended.children_user + ended.children_system


def _seconds(processes: list[psutil.Process]) -> float:
    total = 0.0
    for one in processes:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
