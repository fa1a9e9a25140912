"""Bells wake waiting readers when something was committed; whoever waits also looks by himself from time to time."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable


class Bell:
    """Wakes those who wait for a name; a wake-up may be missed, never invented without reason."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def ring(self, names: Iterable[str]) -> None:
        """Wake all who wait for one of the names."""
        for name in set(names):
            for event in self._waiting.get(name, ()):
                event.set()

    async def wait(self, name: str, seconds: float) -> None:
        """Wait until the name is rung, at most so many seconds."""
        event = asyncio.Event()
        self._waiting[name].add(event)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()
        finally:
            self._waiting[name].discard(event)
            if not self._waiting[name]:
                del self._waiting[name]


def delivery_bell(partner: str, environment: str) -> str:
    """Name the bell that rings when a delivery log has grown."""
    return f"delivery/{environment}/{partner}"
