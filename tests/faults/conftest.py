"""What the fault tests share: one data folder, a gateway to kill, clients that insist, and a judge."""

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from evidence import SqliteEvidence
from gateway_process import GatewayProcess
from load import Journal, Load, bulk, interchanges, requests, unending

from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners

CARRIER = "carrier-swift"
QUIET_SECONDS = 60


class Scene:
    """A gateway under load that is killed again and again."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self.journal = Journal(folder / "journal.jsonl")
        # Small parts, so that every interchange has many.
        self.gateway = GatewayProcess(self.data, part_bytes=2048)
        self.kills = 0
        self.seed = 0

    async def run(
        self, seed: int, kills: list[str], *, items: int = 240, shipments: int = 60, guards: str = ""
    ) -> None:
        """Send load while the gateway dies at each fail-point named, or at a random moment for each "random"."""
        self.seed, chance = seed, random.Random(seed)
        self.gateway.start(_failpoint(kills[0]), guards)
        credentials = Credentials(self.data, Partners())
        load = Load(
            lambda _: (self.gateway.http, self.gateway.grpc),
            credentials.local_key,
            self.journal,
            self.data / "mailboxes",
        )
        follower = asyncio.create_task(load.follow(CARRIER))
        clients = [
            asyncio.create_task(load.post_interchanges(unending(lambda one: interchanges(one, 120, 12), seed))),
            asyncio.create_task(load.post_interchanges(unending(bulk, seed + 1))),
            asyncio.create_task(load.submit(CARRIER, unending(lambda one: requests(one, 60, 4), seed))),
        ]
        for point, following in zip(kills, [*kills[1:], ""], strict=True):
            await self._die(point, chance)
            self.gateway.start(_failpoint(following), guards)
        load.enough = True
        await asyncio.wait_for(asyncio.gather(*clients), 60)
        await self._quiet()
        await asyncio.sleep(0.5)
        follower.cancel()
        self.gateway.stop()

    async def _die(self, point: str, chance: random.Random) -> None:
        if point == "random":
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            self.gateway.kill()
        else:
            end = time.monotonic() + 60
            while self.gateway.alive and time.monotonic() < end:
                await asyncio.sleep(0.01)
            assert not self.gateway.alive, f"the fail-point {point} was never passed"
        self.kills += 1

    async def _quiet(self) -> None:
        """Wait until nothing is left to do."""
        store = SqliteEvidence(self.data / "parcelgate.sqlite")
        end = time.monotonic() + QUIET_SECONDS
        while store.left() and time.monotonic() < end:
            await asyncio.sleep(0.2)

    def judge(self) -> tuple[int, dict]:
        """Ask the judge, a program of its own."""
        command = [
            sys.executable,
            str(Path(__file__).with_name("judge.py")),
            str(self.data),
            str(self.journal.path),
            "--seed",
            str(self.seed),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


def _failpoint(kill: str) -> str:
    return "" if kill == "random" else kill


@pytest.fixture
def scene(tmp_path):
    scene = Scene(tmp_path)
    yield scene
    scene.gateway.kill()
    scene.journal.close()
