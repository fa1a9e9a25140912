"""The only place where time is read, so that tests can stand still."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def micros(self) -> int:
        """Return microseconds since 1970-01-01T00:00:00Z."""


class SystemClock:
    """The machine's clock."""

    def micros(self) -> int:
        """Return microseconds since 1970-01-01T00:00:00Z."""
        return time.time_ns() // 1000


class FixedClock:
    """A clock that stands still until it is set."""

    def __init__(self, micros: int) -> None:
        self.now = micros

    def micros(self) -> int:
        """Return the time it was set to."""
        return self.now


def iso(micros: int) -> str:
    """Write a time as ISO 8601 in UTC with seconds, as in 2026-11-24T09:30:00Z."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(micros: int) -> str:
    """Write the day of a time in UTC as YYYY-MM-DD."""
    return iso(micros)[:10]
