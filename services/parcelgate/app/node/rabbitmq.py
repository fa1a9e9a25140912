"""A private RabbitMQ node: own folder, own ports on 127.0.0.1, own cookie, own port mapper, own user."""

import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from parcelgate.app.node import engine
from parcelgate.app.node.process import NodeFailedError, ProcessGroup

_USER = "parcelgate"
_START_SECONDS = 90
_STOP_SECONDS = 30
# Erlang's threads otherwise spin while they wait, which two shared cores feel.
_NO_SPINNING = "+sbwt none +sbwtdcpu none +sbwtdio none"
_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


class RabbitNode:
    """Starts, stops, kills and freezes one node; data and ports stay the same until close."""

    def __init__(self, *, settings: Iterable[str] = (), memory_megabytes: int = 1024) -> None:
        """Make the folder; settings are further lines of rabbitmq.conf. Raises EngineMissingError."""
        programs = engine.rabbitmq()
        self.folder = Path(tempfile.mkdtemp(prefix="parcelgate-rabbitmq-"))
        self.port = engine.free_port()
        self._password = secrets.token_hex(12)
        # Unlike the machine's own name, localhost always resolves. Without its host the name would get the machine's.
        self.name = f"parcelgate-{secrets.token_hex(4)}@localhost"
        self._ctl = programs / "rabbitmqctl"
        self._write_files(settings, memory_megabytes)
        self.ports = {"amqp": self.port, "distribution": engine.free_port(), "mapper": engine.free_port()}
        self._group = ProcessGroup([programs / "rabbitmq-server"], folder=self.folder, environment=self._environment())

    @property
    def url(self) -> str:
        """Return where the default virtual host is, with user and password."""
        return self.url_of("/")

    def url_of(self, vhost: str, user: str = "", password: str = "") -> str:
        """Return where a virtual host is, for the node's own user or another."""
        who = f"{quote(user, safe='')}:{quote(password, safe='')}" if user else f"{_USER}:{self._password}"
        return f"amqp://{who}@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    @property
    def alive(self) -> bool:
        """Tell whether the node runs."""
        return self._group.alive

    def start(self) -> Self:
        """Start the node and wait until it speaks AMQP; raises NodeFailedError."""
        # The server would start its port mapper by itself, but asks it before it listens.
        self._group.run(["epmd", "-daemon"])
        self._group.start(self._speaks, _START_SECONDS)
        return self

    def stop(self) -> None:
        """Stop the node in good order."""
        self._group.ask(signal.SIGTERM, _STOP_SECONDS)

    def kill(self) -> None:
        """Kill -9 the whole node: the virtual machine, the script around it and their children."""
        self._group.kill()

    def restart(self) -> None:
        """Stop in good order, if it runs, and start on the same data and ports."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the node: connections stay open and nothing answers."""
        self._group.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen node go on."""
        self._group.signal(signal.SIGCONT)

    def ctl(self, *words: str) -> str:
        """Run rabbitmqctl and return what it printed; raises NodeFailedError."""
        return self._group.run([self._ctl, "-q", "-n", self.name, *words])

    def add_vhost(self, name: str = "") -> str:
        """Add a virtual host, under a random name if none is given, and return its address."""
        name = name or f"v-{secrets.token_hex(4)}"
        self.ctl("add_vhost", name)
        self.ctl("set_permissions", "-p", name, _USER, ".*", ".*", ".*")
        return self.url_of(name)

    def close(self) -> None:
        """Stop the node and its port mapper and remove the folder; may be called again."""
        if not self.folder.exists():
            return
        self.stop()
        self._end_port_mapper()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        """Start."""
        with ExitStack() as undo:
            undo.callback(self.close)
            self.start()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _speaks(self) -> bool:
        # An open port is not a node that works: only its first frame (Connection.Start, a method frame) is.
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.5) as line:
                line.settimeout(2)
                line.sendall(b"AMQP\x00\x00\x09\x01")
                return line.recv(1) == b"\x01"
        except OSError:
            return False

    def _write_files(self, settings: Iterable[str], memory_megabytes: int) -> None:
        for name in ("home", "mnesia", "log"):
            (self.folder / name).mkdir()
        # Erlang refuses a cookie that others may read.
        cookie = self.folder / "home" / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(20))
        cookie.chmod(0o400)
        (self.folder / "enabled_plugins").write_text("[].\n")
        lines = [
            f"default_user = {_USER}",
            f"default_pass = {self._password}",
            "log.console = false",
            # Both follow the machine by default, and a busy one would block every publisher.
            "disk_free_limit.absolute = 50MB",
            f"vm_memory_high_watermark.absolute = {memory_megabytes}MB",
            *settings,
        ]
        (self.folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")

    def _environment(self) -> dict[str, str]:
        return engine.environment() | {
            "HOME": str(self.folder / "home"),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.ports["distribution"]),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            # What the machine's own broker is configured with is not ours.
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_LOOPBACK} {_NO_SPINNING}",
            "RABBITMQ_CTL_ERL_ARGS": _LOOPBACK,
            "ERL_EPMD_PORT": str(self.ports["mapper"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def _end_port_mapper(self) -> None:
        # It makes itself a daemon outside the group, and refuses to end while it believes that a node is there.
        end = time.monotonic() + 5
        while time.monotonic() < end:
            with suppress(NodeFailedError):
                if "not allowed" not in self._group.run(["epmd", "-kill"]):
                    return
            time.sleep(0.1)
