"""The demo proves what it shows: with any one service's handler taken out it exits with another code than 0."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"
HANDLERS = ("postal", "carrier", "router", "risk", "clearance", "monitor")


def demo(folder, without, wait):
    """Run a small demo; return its exit code, what it printed and the seconds it took."""
    path = [str(Path(__file__).with_name("without")), str(SERVICES)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PARCELGATE_WITHOUT": without, "COLUMNS": "200"}
    command = [sys.executable, "-m", "parcelgate.app.command", "demo", "--data", str(folder / "demo")]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--items", "120", "--shipments", "10", "--wait", str(wait)],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


def test_the_demo_holds_with_all_services(tmp_path):
    code, said, _ = demo(tmp_path, "", 60)
    assert code == 0, said
    assert "All of it holds." in said and "does not hold" not in said


@pytest.mark.parametrize("without", HANDLERS)
def test_the_demo_does_not_hold_without_the_handler_of(tmp_path, without):
    code, said, seconds = demo(tmp_path, without, 5)
    assert code == 2, said
    assert "does not hold:" in said and "Traceback" not in said
    assert seconds < 60
