"""Private nodes keep what they were given over a stop and a kill, and leave nothing behind."""

import asyncio
import os
import pwd
import subprocess
import sys
from pathlib import Path

import aio_pika
import asyncpg
import pytest

from parcelgate.app.node import engine
from parcelgate.app.node import postgres as postgresql
from parcelgate.app.node.postgres import PostgresNode
from parcelgate.app.node.process import NodeFailedError
from parcelgate.app.node.rabbitmq import RabbitNode

CONFIRM_SECONDS = 10


def processes_of(folder: Path) -> list[str]:
    """Find what runs in a folder or was started with it in its environment; a port mapper has only the latter."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                continue
            words = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if str(folder).encode() in words or Path(os.readlink(process / "cwd")).is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


@pytest.fixture
def postgres():
    with PostgresNode() as node:
        yield node


@pytest.fixture(scope="module")
def rabbit():
    with RabbitNode() as node:
        yield node


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_what_postgresql_committed_is_there_after_a_stop_and_after_a_kill(postgres, end):
    dsn = postgres.create_database()
    line = await asyncpg.connect(dsn)
    await line.execute("CREATE TABLE parcel (number int)")
    await line.execute("INSERT INTO parcel VALUES (42)")
    getattr(postgres, end)()
    assert not postgres.alive
    assert not processes_of(postgres.folder)
    postgres.start()
    line = await asyncpg.connect(dsn)
    assert await line.fetchval("SELECT number FROM parcel") == 42
    await line.close()


async def test_postgresql_listens_on_the_loopback_only_and_wants_its_password(postgres):
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    (address,) = {word for word in listening.split() if word.endswith(f":{postgres.port:04X}") and ":" in word}
    assert address.startswith("0100007F")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.dsn, password="guessed")


async def test_postgresql_is_reached_by_its_socket_as_well_and_wants_its_password_there_too(postgres):
    near = postgres.near(postgres.dsn)
    for end in (postgres.stop, postgres.kill):
        line = await asyncpg.connect(near)
        assert await line.fetchval("SELECT inet_client_addr() IS NULL")
        await line.close()
        end()
        postgres.start()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(near, password="guessed")


def test_where_a_path_is_too_long_for_a_socket_postgresql_is_reached_by_its_port(monkeypatch):
    monkeypatch.setattr(postgresql, "_LONGEST_SOCKET", 20)
    with PostgresNode() as node:
        assert node.near(node.dsn) == node.dsn
        assert node.ctl("SELECT 1").strip() == "1"
        assert not list(node.folder.glob(".s.PGSQL.*"))


async def test_a_frozen_postgresql_answers_nothing_and_then_everything(postgres):
    line = await asyncpg.connect(postgres.dsn)
    postgres.pause()
    with pytest.raises(TimeoutError):
        await asyncpg.connect(postgres.dsn, timeout=0.3)
    # A connection that stood before is served by a process of its own, which is frozen as well.
    answer = asyncio.create_task(line.fetchval("SELECT 1"))
    await asyncio.wait({answer}, timeout=0.5)
    assert not answer.done()
    postgres.resume()
    assert await answer == 1
    await line.close()


@pytest.mark.parametrize("fate", ["closed", "closed when frozen", "closed after a kill", "closed twice"])
def test_postgresql_leaves_no_process_and_no_file(fate):
    node = PostgresNode().start()
    assert processes_of(node.folder)
    if "frozen" in fate:
        node.pause()
    if "kill" in fate:
        node.kill()
    if "twice" in fate:
        node.close()
    node.close()
    assert not processes_of(node.folder)
    assert not node.folder.exists()


def test_a_node_that_cannot_start_says_why_and_leaves_nothing():
    node = PostgresNode(settings={"shared_buffers": "nonsense"})
    with pytest.raises(NodeFailedError, match="nonsense"), node:
        pass
    assert not node.folder.exists()


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_what_rabbitmq_confirmed_is_there_after_a_stop_and_after_a_kill(rabbit, end):
    url = rabbit.add_vhost()
    queue = {"name": "parcels", "durable": True}
    async with await aio_pika.connect(url) as line:
        channel = await line.channel(publisher_confirms=True)
        await channel.declare_queue(**queue)
        await channel.default_exchange.publish(
            aio_pika.Message(b"42", delivery_mode=2), "parcels", timeout=CONFIRM_SECONDS
        )
        # A queue of a moment ago does not survive a crash of the broker; a broker that was stopped has kept it.
        if end == "kill":
            rabbit.restart()
    getattr(rabbit, end)()
    assert not rabbit.alive
    rabbit.start()
    async with await aio_pika.connect(url) as line:
        channel = await line.channel()
        kept = await (await channel.declare_queue(**queue)).get(timeout=CONFIRM_SECONDS)
        await kept.ack()
        assert kept.body == b"42"


def test_rabbitmq_listens_on_the_loopback_only(rabbit):
    met = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            address, port = line.split()[1].split(":")
            if line.split()[3] == "0A" and int(port, 16) in rabbit.ports.values():
                met.add(int(port, 16))
                assert address in {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert met == set(rabbit.ports.values())


def test_two_nodes_of_rabbitmq_do_not_meet_and_leave_no_process_and_no_file(rabbit):
    with RabbitNode() as other:
        assert other.port != rabbit.port
        assert "v-alone" in other.add_vhost("v-alone")
        assert "v-alone" not in rabbit.ctl("list_vhosts")
        assert any("epmd" in one for one in processes_of(other.folder))
        other.pause()
    assert not processes_of(other.folder)
    assert not other.folder.exists()
    assert rabbit.ctl("list_vhosts")


def test_no_port_is_given_twice():
    ports = [engine.free_port() for _ in range(300)]
    assert len(set(ports)) == 300


def test_a_missing_engine_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "SYSTEM", tmp_path)
    monkeypatch.setattr(engine, "OWN", tmp_path)
    with pytest.raises(engine.EngineMissingError, match="rabbitmq-server is not here"):
        RabbitNode()


FORKED = """
import ctypes, os, sys
from pathlib import Path
from parcelgate.app.node.process import ProcessGroup

prepare = ctypes.CFUNCTYPE(None)(lambda: os.write(1, b"forked "))
assert ctypes.CDLL(None).__register_atfork(prepare, None, None, None) == 0
group = ProcessGroup(["sleep", "60"], folder=Path(sys.argv[1]), environment=os.environ, user=int(sys.argv[2]))
group.start(lambda: True, 5)
group.kill()
os.write(1, group.run(["id", "-u"]).encode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a node as another user")
def test_a_node_of_another_user_starts_without_a_fork_in_which_a_librarys_handlers_could_crash(tmp_path):
    nobody = pwd.getpwnam("nobody").pw_uid
    command = [sys.executable, "-c", FORKED, tmp_path, str(nobody)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.stderr) == (f"{nobody}\n", "")
