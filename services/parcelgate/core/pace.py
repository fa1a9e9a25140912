"""Long work in short steps: whoever waits for a single item must not wait until a thousand others are done with."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")
# About a millisecond of any work there is; the pause after it costs a few microseconds.
STEP = 8


async def paced(things: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield things a few at a time, in order; between them other tasks come to their turn."""
    for start in range(0, len(things), STEP):
        if start:
            await asyncio.sleep(0)
        yield things[start : start + STEP]
