"""Long work in short steps: whoever waits for a single item must not wait until a thousand others are done with."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
# A few milliseconds of any work there is. What is done step by step for so many items at once is also done faster: the
# processor holds the code of one step, not of all (docs/decisions/0015-short-steps-over-many-items.md).
STEP = 25


def portions(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield things a few at a time, in order."""
    for start in range(0, len(things), STEP):
        yield things[start : start + STEP]


async def paced(things: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield things a few at a time, in order; between them other tasks come to their turn."""
    for number, some in enumerate(portions(things)):
        if number:
            await asyncio.sleep(0)
        yield some
