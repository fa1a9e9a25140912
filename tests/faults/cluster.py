"""A cluster under faults, as a program: private engines, all six services, load, misfortunes by seed, and the judge.

    python tests/faults/cluster.py [--seeds 1,2,3] [--kills 20] [--instances 2] [--guards=-inbox]

Prints what happened and the judge's verdict for each seed. Exit code 0 if all are clean, 1 if one is not. PARCELGATE_GUARDS
(or --guards) switches a guard off; then what that guard is for is done to the cluster, and the judge must find it.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

sys.path.insert(0, str(Path(__file__).parents[1]))

import storm
from evidence import PostgresEvidence
from load import Journal, Load, bulk, interchanges, requests, unending
from taker import Taker

from parcelgate.app.demo.cluster import Cluster, Member
from parcelgate.app.node.postgres import PostgresNode
from parcelgate.app.node.rabbitmq import RabbitNode
from parcelgate.core import resource
from parcelgate.core.credential import Credentials
from parcelgate.core.failpoint import EXIT_CODE
from parcelgate.core.partner import Partners
from proxy import Proxy

FOLLOWER, PULLER, TAKER = "carrier-swift", "carrier-orbit", "post-cn"
# A queue of a moment ago does not survive the death of its broker.
SETTLE_SECONDS = 4.0
POINT_SECONDS = 40
START_SECONDS = 15
FROZEN_SECONDS = 8.0
HOLE_SECONDS = 11.0
STOP_SECONDS = 10.0
CLIENTS_SECONDS = 120
UNSURE_SECONDS = 60
QUIET_SECONDS = 150
LEFT_SECONDS = 20
RECEIVE_SECONDS = 20


class Run:
    """One cluster from its start to its end; what happened stays to be read."""

    def __init__(
        self, folder: Path, seed: int, *, kills: int = 20, instances: int = 1, guards: str = "", resend_seconds: int = 4
    ) -> None:
        """Draw what will happen; of the kills, those of the engines are four."""
        self.seed = seed
        self.folder = folder
        self.journal = Journal(folder / "journal.jsonl")
        self.happened: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.fates = storm.fates(seed, kills - len(storm.ENGINE_KILLS), instances)
        self.troubles = storm.troubles(seed)
        self.seconds = {"run": 0.0, "quiet": 0.0}
        self._chance = random.Random(seed)
        self._instances = instances
        self._patience = QUIET_SECONDS
        self._clients_seconds = CLIENTS_SECONDS
        self._environment = {
            "PARCELGATE_GUARDS": guards,
            "PARCELGATE_RESEND_SECONDS": str(resend_seconds),
            # Small parts, so that every interchange has many.
            "PARCELGATE_PART_BYTES": "2048",
            "PARCELGATE_PARTNERS": str(folder / "data" / "partners"),
        }
        self._turn = itertools.count()
        self._began = time.monotonic()
        self._starting = asyncio.Semaphore(2)
        self._nodes = contextlib.ExitStack()
        self.dsn = ""

    def lose_what_is_not_confirmed(self) -> None:
        """Let only this befall the cluster: a broker that hangs, takes what it is sent and dies. Nothing is sent again."""
        self.fates, self.troubles = {}, [storm.BROKER_FROZEN] * 2
        self._environment["PARCELGATE_RESEND_SECONDS"] = "3600"
        self._patience = LEFT_SECONDS
        # The receipt that a client waits for may be among what is lost.
        self._clients_seconds = UNSURE_SECONDS

    def double_what_is_sent(self) -> None:
        """Let only this befall the cluster: services that die when their work is done and nobody knows it yet."""
        self.troubles = []
        points = ("runner.done_before_acknowledge", "runner.published_before_mark")
        self.fates = storm.doubling(points, ("router", "postal", "carrier"), 1)
        # What comes twice has to be worked on twice before it can be found.
        self._patience = UNSURE_SECONDS

    @property
    def kills(self) -> int:
        """Return how many were killed by -9."""
        return sum(self.happened[what] for what in ("killed", "died at a fail-point", *set(storm.ENGINE_KILLS)))

    async def go(self) -> None:
        """Start everything, let it all happen, wait until nothing is left to do, and stop; the database stays."""
        self.database = self._nodes.enter_context(PostgresNode())
        self.broker = self._nodes.enter_context(RabbitNode())
        self.dsn = self.database.create_database("parcelgate")
        async with Proxy("127.0.0.1", self.database.port) as near, Proxy("127.0.0.1", self.broker.port) as far:
            self.lines = {"database": near, "broker": far}
            data = self.folder / "data"
            _give_a_queue(data / "partners")
            self.cluster = Cluster(
                data, near.through(self.dsn), far.through(self.broker.url), self._instances, **self._environment
            )
            try:
                await asyncio.to_thread(self.cluster.start)
                self._note("all are ready")
                await asyncio.sleep(SETTLE_SECONDS)
                await self._under_load(data)
            finally:
                await asyncio.to_thread(self.cluster.stop)
                self.journal.close()

    def close(self) -> None:
        """Let go of the engines."""
        self._nodes.close()

    def judge(self) -> tuple[int, dict]:
        """Ask the judge, a program of its own."""
        program = Path(__file__).with_name("judge.py")
        command = [sys.executable, str(program), str(self.folder / "data"), str(self.journal.path)]
        command += ["--database", self.dsn, "--seed", str(self.seed)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    async def _under_load(self, data: Path) -> None:
        keys = Credentials(data, Partners(data / "partners")).local_key
        load = Load(self._address, keys, self.journal, data / "mailboxes", impatience=0.1)
        self.taker = Taker(
            TAKER, self.cluster.environment["PARCELGATE_BROKER_URL"], self.folder / "taken", self.journal
        )
        load.queues[TAKER] = self.taker.hand_in
        receivers = [load.follow(FOLLOWER), load.pull(PULLER), self.taker.take()]
        receivers = [asyncio.create_task(one) for one in receivers]
        sent = [asyncio.create_task(client) for client in self._clients(load)]
        try:
            await self._all_happens(load, sent)
        finally:
            # Whatever failed, none of them may write or start anything behind the end of the run.
            for task in (*receivers, *sent):
                task.cancel()
            await asyncio.gather(*receivers, *sent, return_exceptions=True)
        self.wrong += [f"{one.instance} ended by itself ({one.code})" for one in self.cluster.members if not one.alive]
        for one in self.cluster.members:
            await self._stop(one)

    async def _all_happens(self, load: Load, sent: list[asyncio.Task[None]]) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as misfortunes:
            misfortunes.create_task(self._trouble())
            for one in self.cluster.members:
                if self.fates.get(one.instance):
                    misfortunes.create_task(self._live(one))
        await asyncio.sleep(1.0)
        load.enough = True
        await self._answered(sent)
        self.seconds["run"] = time.monotonic() - began
        await self._quiet()
        await self._all_received()

    async def _answered(self, sent: list[asyncio.Task[None]]) -> None:
        """Wait until every client has its last answer; one that never comes is wrong, and what was sent is still judged."""
        _, waiting = await asyncio.wait(sent, timeout=self._clients_seconds)
        for client in waiting:
            client.cancel()
            self.wrong.append(f"client {sent.index(client)} was never answered")
        # Whatever else went wrong with a client shows itself here.
        await asyncio.gather(*(set(sent) - waiting))
        await asyncio.gather(*waiting, return_exceptions=True)

    def _note(self, what: str, who: str = "") -> None:
        """Count what happened, and write down when."""
        self.happened[what] += 1
        with (self.folder / "happened.log").open("a", encoding="utf-8") as log:
            log.write(f"{time.monotonic() - self._began:8.2f} {who} {what}\n")

    def _clients(self, load: Load):
        seed = self.seed
        yield load.post_interchanges(unending(lambda one: interchanges(one, 120, 12), seed), 0.1)
        # Making so many items takes the clients longer than handing them in.
        yield load.post_interchanges(unending(lambda one: bulk(one, 400), seed + 1), 10.0)
        yield load.submit(FOLLOWER, unending(lambda one: requests(one, 60, 4), seed), 0.1)
        yield load.submit(PULLER, unending(lambda one: requests(one, 60, 4), seed + 500), 0.1)

    def _address(self, service: str) -> tuple[str, str]:
        members = self.cluster.of(service)
        one = ([one for one in members if one.alive] or members)[next(self._turn) % len(members) - 1]
        return one.http, one.grpc

    async def _live(self, member: Member) -> None:
        """Let a process meet its fates one after the other."""
        for fate in self.fates[member.instance]:
            await asyncio.sleep(self._chance.uniform(0.3, 3.0))
            if not member.alive:
                self.wrong.append(f"{member.instance} ended by itself ({member.code})")
            if fate == storm.FREEZE:
                os.kill(member.pid, signal.SIGSTOP)
                await asyncio.sleep(FROZEN_SECONDS)
                os.kill(member.pid, signal.SIGCONT)
                self._note("hung", member.instance)
                continue
            if fate == storm.STOP:
                await self._stop(member)
                self._note("stopped under load", member.instance)
            elif fate == storm.KILL:
                await asyncio.to_thread(member.kill)
                self._note("killed", member.instance)
            else:
                await self._die_at(member, fate)
            await self._start(member)

    async def _die_at(self, member: Member, point: str) -> None:
        """Start a process anew so that it dies at a fail-point; where it never passes, it is killed as well."""
        await asyncio.to_thread(member.kill)
        async with self._starting:
            member.start(PARCELGATE_FAILPOINT=point)
        end = time.monotonic() + POINT_SECONDS
        while member.alive and time.monotonic() < end:
            await asyncio.sleep(0.05)
        if member.alive:
            await asyncio.to_thread(member.kill)
            self._note("killed", member.instance)
            self._note(f"{point.partition(':')[0]} not passed", member.instance)
        elif member.code == EXIT_CODE:
            self._note("died at a fail-point", f"{member.instance} {point}")
        else:
            self.wrong.append(f"{member.instance} ended by itself ({member.code})")

    async def _start(self, member: Member) -> None:
        async with self._starting:
            member.start()
            end = time.monotonic() + START_SECONDS
            # Without its engines it is not ready, but it must not end; the next one need not wait for that.
            while member.alive and not await asyncio.to_thread(member.ready) and time.monotonic() < end:
                await asyncio.sleep(0.1)
        self._note("started again", member.instance)

    async def _stop(self, member: Member) -> None:
        seconds = await asyncio.to_thread(member.stop)
        if seconds > STOP_SECONDS or member.code != 0:
            self.wrong.append(f"{member.instance} took {seconds:.1f} s to stop, with code {member.code}")

    async def _trouble(self) -> None:
        """Let the engines meet theirs, one after the other."""
        nodes = {"database": self.database, "broker": self.broker}
        for trouble in self.troubles:
            await asyncio.sleep(self._chance.uniform(1.0, 3.0))
            which, _, what = trouble.partition(" ")
            node, line = nodes[which], self.lines[which]
            if what == "cut":
                line.cut()
            elif what == "in a black hole":
                line.blackhole()
                await asyncio.sleep(HOLE_SECONDS)
                line.heal()
            elif what == "restarted":
                await asyncio.to_thread(node.restart)
            else:
                if "frozen" in what:
                    node.pause()
                    await asyncio.sleep(self._chance.uniform(1.0, 2.0))
                await asyncio.to_thread(node.kill)
                await asyncio.sleep(self._chance.uniform(0.0, 1.0))
                await asyncio.to_thread(node.start)
            self._note(trouble)

    async def _quiet(self) -> None:
        """Wait until nothing is left to do."""
        store, began = PostgresEvidence(self.dsn), time.monotonic()
        while await asyncio.to_thread(store.left) and time.monotonic() < began + self._patience:
            await asyncio.sleep(0.5)
        self.seconds["quiet"] = time.monotonic() - began

    async def _all_received(self) -> None:
        """Wait until the carriers' receivers have what is logged for them, at most for a while."""
        logged = Counter(row[0] for row in await asyncio.to_thread(PostgresEvidence(self.dsn).rows, "log"))
        wanted, end = logged[FOLLOWER] + logged[PULLER], time.monotonic() + RECEIVE_SECONDS
        while self.journal.counts["received"] < wanted and time.monotonic() < end:
            await asyncio.sleep(0.2)
        # Whatever came twice has the time to show itself; and the queue is empty when nothing more comes.
        took = -1
        while took != self.taker.took and time.monotonic() < end + RECEIVE_SECONDS:
            took = self.taker.took
            await asyncio.sleep(2.0)


def _give_a_queue(partners: Path) -> None:
    """Write a profile by which a post has queues of the broker instead of its mailbox."""
    partners.mkdir(parents=True)
    text = (resource.schemas() / "partners" / f"{TAKER}.toml").read_text("utf-8")
    (partners / f"{TAKER}.toml").write_text(text.replace("mailbox = true", "queue = true"), "utf-8")


def make(folder: Path, seed: int, kills: int, instances: int, guards: str) -> Run:
    """Make a run; a guard that is off gets what it is for."""
    run = Run(folder, seed, kills=kills, instances=instances, guards=guards)
    if "-confirms" in guards:
        run.lose_what_is_not_confirmed()
    elif "-inbox" in guards:
        run.double_what_is_sent()
    return run


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description="Run a cluster under faults and judge it.")
    parser.add_argument("--seeds", default=str(random.SystemRandom().randrange(1_000_000)), help="1,2,3")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--instances", type=int, default=1, help="processes of each service")
    parser.add_argument("--guards", default=os.environ.get("PARCELGATE_GUARDS", ""), help="-inbox or -confirms")
    given = parser.parse_args()
    worst = 0
    for seed in map(int, given.seeds.split(",")):
        folder = Path(tempfile.mkdtemp(prefix=f"parcelgate-faults-{seed}-"))
        print(f"seed {seed}: {given.kills} kills, {given.instances} of each service; files in {folder}", flush=True)
        run = make(folder, seed, given.kills, given.instances, given.guards)
        try:
            asyncio.run(run.go())
            code, verdict = run.judge()
        finally:
            run.close()
        own, theirs = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
        run.seconds |= {"own CPU": own.ru_utime + own.ru_stime, "their CPU": theirs.ru_utime + theirs.ru_stime}
        story = {"kills": run.kills, "happened": dict(run.happened), "seconds": run.seconds, "wrong": run.wrong}
        print(json.dumps(story | verdict, indent=1), flush=True)
        worst = max(worst, code, int(bool(run.wrong)))
    return worst


if __name__ == "__main__":
    sys.exit(main())
