"""Drawing by chance, always from a given generator: weighted lots, patterns of digits and letters, ranks of a quantile table."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")

# No I and no O: they are not used in postcodes and waybill letters, where they look like figures.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


class Lot(Generic[T]):
    """Values with weights, to draw one from."""

    __slots__ = ("_bounds", "_total", "_values")

    def __init__(self, weights: Mapping[T, float]) -> None:
        """Take weights of any sum above zero; raises ValueError if there is none."""
        if not weights:
            raise ValueError("a lot needs at least one value")
        self._values = tuple(weights)
        self._bounds = list(accumulate(weights.values()))
        self._total = self._bounds[-1]

    def draw(self, rng: Random) -> T:
        """Draw one value by its weight."""
        return self._values[min(bisect_right(self._bounds, rng.random() * self._total), len(self._values) - 1)]


def pick(rng: Random, values: Sequence[T]) -> T:
    """Draw one value, each as likely as the others."""
    return values[int(rng.random() * len(values))]


def fill(rng: Random, pattern: str) -> str:
    """Fill a pattern: '#' becomes a digit, '%' a digit from 1 to 9, '@' a letter; the rest stays."""
    if not pattern:
        return ""
    chance = rng.getrandbits(80)
    signs = []
    for sign in pattern:
        if sign == "#":
            chance, digit = divmod(chance, 10)
            signs.append(str(digit))
        elif sign == "%":
            chance, digit = divmod(chance, 9)
            signs.append(str(digit + 1))
        elif sign == "@":
            chance, letter = divmod(chance, len(_LETTERS))
            signs.append(_LETTERS[letter])
        else:
            signs.append(sign)
    return "".join(signs)


def at_rank(ranks: Sequence[float], values: Sequence[float], rank: float) -> float:
    """Read a quantile table between its ranks, on the logarithm of its values (which are above zero)."""
    right = min(max(bisect_right(ranks, rank), 1), len(ranks) - 1)
    low, high = values[right - 1], values[right]
    share = (rank - ranks[right - 1]) / (ranks[right] - ranks[right - 1])
    return low * math.exp(share * math.log(high / low))
