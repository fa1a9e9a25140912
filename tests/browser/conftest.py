"""Chromium for the tests that look at the page."""

import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def chromium():
    """Return the path of Chromium; where it is missing the test fails in the pipeline and is skipped elsewhere."""
    candidates = [os.environ.get("CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium")]
    for path in candidates:
        if path and Path(path).is_file():
            return path
    sentence = "There is no Chromium: install it (apt-get install chromium) or name it in the variable CHROMIUM."
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)
