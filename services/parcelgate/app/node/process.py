"""The processes of one node, as one group: they are started, frozen, asked to stop and killed together."""

import os
import pwd
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_LOOK_SECONDS = 0.03


class NodeFailedError(Exception):
    """A node did not do what it was asked for; the end of its log is in the message."""


class ProcessGroup:
    """One run after the other of a command in a session of its own."""

    def __init__(
        self, command: Sequence[str | Path], *, folder: Path, environment: Mapping[str, str], user: int | None = None
    ) -> None:
        """Keep what to run, where, and (only root may choose) as which user and its own group."""
        self._as_user = [] if user is None else _become(user)
        self._command = [str(part) for part in command]
        self._folder = folder
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "output.log"

    @property
    def alive(self) -> bool:
        """Tell whether the first process of the group lives."""
        return self._process is not None and self._process.poll() is None

    def run(self, command: Sequence[str | Path], seconds: float = 60) -> str:
        """Run another program of the engine to its end, as the same user; returns what it printed."""
        done = subprocess.run(  # noqa: S603 - the command is ours
            [*self._as_user, *(str(part) for part in command)],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise NodeFailedError(f"{Path(self._command[0]).name}: {(done.stderr or done.stdout).strip()[-2000:]}")
        return done.stdout

    def start(self, ready: Callable[[], bool], seconds: float) -> None:
        """Start and wait until it is ready; raises NodeFailedError if it ends or takes too long."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                [*self._as_user, *self._command],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + seconds
        while not ready():
            if not self.alive or time.monotonic() > end:
                self.kill()
                raise NodeFailedError(self.log.read_text("utf-8", "replace")[-2000:])
            time.sleep(_LOOK_SECONDS)

    def ask(self, number: signal.Signals, seconds: float) -> None:
        """Send a signal to the first process and wait for the end of all; kills what is left after that time."""
        if self._process is None:
            return
        if self.alive:
            self.signal(signal.SIGCONT)
            self._process.send_signal(number)
        if not self._ended(seconds):
            self.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the first process, all of its group, and all that descend from it.

        The processes of a PostgreSQL node make groups of their own, and would work on while the first one is frozen.
        """
        if self._process is None:
            return
        first = self._process.pid
        for pid in (first, *_descendants(first)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        with suppress(ProcessLookupError):
            os.killpg(first, number)

    def kill(self) -> None:
        """Kill every process of the group at once, as a power cut would, and wait until the kernel has let go of them."""
        below = _descendants(self._process.pid) if self._process is not None else []
        self.signal(signal.SIGKILL)
        if not self._ended(15, below):
            raise NodeFailedError(f"processes of group {self._process and self._process.pid} outlive their kill")

    def _ended(self, seconds: float, below: Sequence[int] = ()) -> bool:
        end = time.monotonic() + seconds
        while self._process is not None and (self.alive or _living(self._process.pid) or any(map(_lives, below))):
            if time.monotonic() > end:
                return False
            time.sleep(_LOOK_SECONDS)
        return True


def _become(user: int) -> list[str]:
    """Return the words that run a command as another user, in its own group and no other.

    Were Python asked for that, it would have to fork, and what a library does in a forked child (gRPC's handlers crash in it
    now and then) would run before the command; so the program of util-linux does it, in the same process.
    """
    group = pwd.getpwuid(user).pw_gid
    return ["/usr/bin/setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--"]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _descendants(first: int) -> list[int]:
    """Return the living processes that descend from one, parents before their children."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold anything; behind it: state and parent.
            _state, parent = path.read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        children[int(parent)].append(int(path.parent.name))
    found = list(children[first])
    for pid in found:
        found += children[pid]
    return found


def _living(group: int) -> bool:
    """Tell whether a process of a group lives; the dead that nobody has buried don't count."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold anything; behind it: state, parent, group.
            state, _parent, own = path.read_text("utf-8", "replace").rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(own) == group and state not in "ZX":
            return True
    return False
