"""Logs: they tell of the work and never stop it."""

import errno
import io
import json
import sys

import pytest
import structlog

from parcelgate.core import telemetry


class Full(io.StringIO):
    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def log(monkeypatch):
    def to(stream):
        monkeypatch.setattr(sys, "stderr", stream)
        telemetry.configure("info")
        return structlog.get_logger("test")

    yield to
    structlog.reset_defaults()


def test_an_event_is_one_json_object_a_line(log):
    stream = io.StringIO()
    log(stream).info("gateway_serves", http="x")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["http"], line["level"]) == ("gateway_serves", "x", "info")


def test_a_full_disk_under_the_log_stops_nothing(log):
    log(Full()).warning("store_or_bus_away", reason="full")
