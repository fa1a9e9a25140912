"""A private PostgreSQL node: own folder, one port on 127.0.0.1, a socket in the folder, own user with a password."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import struct
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from parcelgate.app.node import engine
from parcelgate.app.node.process import NodeFailedError, ProcessGroup

_USER = "parcelgate"
_START_SECONDS = 60
_STOP_SECONDS = 30
# PostgreSQL refuses to run as root; Debian's package brings the first, every Debian has the second.
_USERS = ("postgres", "nobody")
_VERSION_3 = 196_608
# What a socket's address has room for, its last zero included (unix(7)).
_LONGEST_SOCKET = 108
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "jit": "off",
    "timezone": "UTC",
}


class PostgresNode:
    """Starts, stops, kills and freezes one node; data and port stay the same until close."""

    def __init__(self, *, settings: Mapping[str, str] | None = None) -> None:
        """Make the folder and the data in it; settings go over ours. Raises EngineMissingError, NodeFailedError."""
        self._programs = engine.postgresql()
        # The folder of a test can be closed to the other user that root has to take, so it is made where all may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="parcelgate-postgresql-"))
        self.port = engine.free_port()
        self._password = secrets.token_hex(12)
        user = _other_user()
        if user is not None:
            os.chown(self.folder, user, -1)
        # In a deep temporary folder the path can be longer than a socket's name may be.
        self._socket = len(os.fsencode(self.folder / f".s.PGSQL.{self.port}")) < _LONGEST_SOCKET
        ours = {"port": str(self.port), "unix_socket_directories": str(self.folder) if self._socket else ""}
        given = _SETTINGS | ours | dict(settings or {})
        options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        environment = engine.environment() | {"PGPASSWORD": self._password, "HOME": str(self.folder)}
        self._group = ProcessGroup(
            [self._programs / "postgres", "-D", "data", *options],
            folder=self.folder,
            environment=environment,
            user=user,
        )
        with ExitStack() as undo:
            undo.callback(self.close)
            self._make_data()
            undo.pop_all()

    @property
    def dsn(self) -> str:
        """Return where the database postgres is, with user and password."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """Return where a database is."""
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def near(self, address: str) -> str:
        """Return the same address by the socket in the file system, which costs both sides less than TCP does."""
        if not self._socket:
            return address
        return address.replace(f"@127.0.0.1:{self.port}/", "@/") + f"?host={quote(str(self.folder))}&port={self.port}"

    @property
    def alive(self) -> bool:
        """Tell whether the node runs."""
        return self._group.alive

    def start(self) -> Self:
        """Start the node and wait until it takes connections; raises NodeFailedError."""
        self._group.start(self._speaks, _START_SECONDS)
        return self

    def stop(self) -> None:
        """Stop the node in good order; its connections are closed."""
        self._group.ask(signal.SIGINT, _STOP_SECONDS)

    def kill(self) -> None:
        """Kill -9 the whole node: were its first process killed alone, the rest would hold on to the shared memory."""
        self._group.kill()

    def restart(self) -> None:
        """Stop in good order, if it runs, and start on the same data and port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the node: connections stay open and nothing answers."""
        self._group.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen node go on."""
        self._group.signal(signal.SIGCONT)

    def ctl(self, sql: str, database: str = "postgres") -> str:
        """Run SQL by psql and return what it printed, unaligned; raises NodeFailedError."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", _USER, "-d", database]
        return self._group.run([self._programs / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *where, "-c", sql])

    def create_database(self, name: str = "") -> str:
        """Create a database, under a random name if none is given, and return its address."""
        name = name or f"d_{secrets.token_hex(4)}"
        self.ctl(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.dsn_of(name)

    def close(self) -> None:
        """Stop the node and remove the folder; may be called again."""
        self.stop()
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

    def _make_data(self) -> None:
        password = self.folder / "password"
        password.write_text(self._password + "\n")
        os.chown(password, self.folder.stat().st_uid, -1)
        names = ["-U", _USER, "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"]
        self._group.run([self._programs / "initdb", "-D", "data", "--no-sync", *names])
        password.unlink()

    def _speaks(self) -> bool:
        # A node that recovers answers with an error (E); one that works, with how it wants us to prove who we are (R).
        words = f"user\0{_USER}\0database\0postgres\0\0".encode()
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.5) as line:
                line.settimeout(2)
                line.sendall(struct.pack(">II", len(words) + 8, _VERSION_3) + words)
                return line.recv(1) == b"R"
        except OSError:
            return False


def _other_user() -> int | None:
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise NodeFailedError(f"PostgreSQL does not run as root, and there is none of the users {', '.join(_USERS)}")
