"""The order of versions: only the next one is applied, a later one is held, an older one has no effect."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with the versions of one declaration, each list in ascending order."""

    apply: list[int]
    hold: list[int]
    older: list[int]


def put_in_order(current: int, arriving: Iterable[int], held: Iterable[int]) -> Order:
    """Sort versions that arrive or were held, where current is the newest applied one (0 for none).

    Held versions whose base has now come are applied as well; what waits already is not named again.
    """
    arriving, waiting = set(arriving), set(held)
    ready = []
    following = current + 1
    while following in arriving or following in waiting:
        ready.append(following)
        following += 1
    return Order(
        ready,
        sorted(version for version in arriving - waiting if version > following),
        # The one in force came again: that is a repeat, not an older version.
        sorted(version for version in arriving if version < current),
    )
