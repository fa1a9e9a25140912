"""A short run of the fuzzing of every engine; make fuzz runs them for as long as one likes."""

import subprocess
import sys
from pathlib import Path

import pytest

from parcelgate.codecs.registry import shipped

PROGRAM = Path(__file__).with_name("fuzz.py")
RUNS = 3000


SYNTAXES = sorted({form.syntax for form in shipped()})
# A fault of items that no document has for long without one.
EASY = {"xml": "CODE_UNKNOWN", "json": "CODE_UNKNOWN", "edifact": "SEGMENT_UNEXPECTED"}


def fuzz(folder, syntax, *arguments):
    pytest.importorskip("atheris", reason="there is no atheris for this machine")
    command = [sys.executable, PROGRAM, syntax, "--runs", str(RUNS), "--seed", "1", "--folder", folder, *arguments]
    done = subprocess.run(command, capture_output=True, timeout=100)
    broke = [path.name for path in (folder / syntax).iterdir() if path.name.startswith(("crash", "timeout", "oom"))]
    return done.returncode, broke, (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_reading_survives_whatever_comes_and_what_was_read_is_written_alike(syntax, tmp_path):
    code, broke, said = fuzz(tmp_path, syntax)
    assert (code, broke) == (0, []), said[-4000:]
    assert f"Done {RUNS} runs" in said


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_promise_that_does_not_hold_ends_the_fuzzing_and_keeps_the_document(syntax, tmp_path):
    code, broke, said = fuzz(tmp_path, syntax, "--until", EASY[syntax])
    assert code != 0
    assert len(broke) == 1
    assert f"AssertionError: {EASY[syntax]}" in said
