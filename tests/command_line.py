"""The command line as a process of its own, for tests."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARCELGATE_")}
    return {**kept, "PYTHONPATH": str(ROOT / "services"), "COLUMNS": "160", **more}


def run(*arguments, cwd, code=0, stdin=None, **more):
    """Run a command; check exit code and that nothing of Python shows; return what it printed, and what went to stderr."""
    command = [sys.executable, "-m", "parcelgate.app.command", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=environment(**more), input=stdin, capture_output=True, timeout=60)
    said, told = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in said + told, told
    assert done.returncode == code, (arguments, said, told)
    return said, told
