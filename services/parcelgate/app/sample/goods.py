"""Goods that people send: which, how many, how heavy, how dear, and where they come from.

Masses follow the quantiles of real import declarations by HS chapter; prices follow their spread around retail prices.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from parcelgate.app.sample import lot
from parcelgate.app.sample.plan import Channel, table

# What the content of a parcel may weigh: 31.5 kg with some room for the box.
POST_GRAMS = 31_200
# How often the price of a line stands at the same rank of its table as its mass: heavy lines are dear.
_PRICE_GOES_WITH_MASS = 0.6
# Many pieces are cheaper by the piece: twenty cost about a third.
_BULK = -0.35


@dataclass(frozen=True, slots=True)
class Goods:
    """One row of goods.toml; grams and euros are lowest and highest of one piece."""

    hs_code: str
    texts: Sequence[str]
    grams: tuple[int, int]
    euros: tuple[float, float]
    origins: lot.Lot[str]

    @property
    def usual_grams(self) -> float:
        """Return the mass of a usual piece."""
        return math.sqrt(self.grams[0] * self.grams[1])

    @property
    def usual_euros(self) -> float:
        """Return the price of a usual piece."""
        return math.sqrt(self.euros[0] * self.euros[1])


@dataclass(frozen=True, slots=True)
class Chapter:
    """One HS chapter: quantiles of mass (kg) by way in and of price (KRW), and its goods."""

    ranks: Sequence[float]
    mass: Mapping[Channel, Sequence[float]]
    price: Sequence[float]
    goods: Sequence[Goods]

    def kilograms(self, channel: Channel, rank: float) -> float:
        """Return the net mass at a rank."""
        return lot.at_rank(self.ranks, self.mass[channel], rank)

    def spread(self, rank: float) -> float:
        """Return the price at a rank, over the median price."""
        return lot.at_rank(self.ranks, self.price, rank) / lot.at_rank(self.ranks, self.price, 0.5)


@dataclass(frozen=True, slots=True)
class Line:
    """What a content line is made of; unit_euros is the price of one piece."""

    goods: Goods
    text: str
    quantity: int
    grams: int
    unit_euros: float


@cache
def chapters() -> Mapping[str, Chapter]:
    """Return the chapters that have both goods and quantiles, by number."""
    quantiles = table("quantiles")
    ranks = quantiles["ranks"]
    found: dict[str, Chapter] = {}
    for number, row in quantiles["chapter"].items():
        goods = tuple(
            Goods(
                code,
                tuple(entry["texts"]),
                tuple(entry["grams"]),
                tuple(entry["euros"]),
                lot.Lot(entry.get("origins", row["origins"])),
            )
            for code, entry in table("goods")["goods"].items()
            if code.startswith(number)
        )
        found[number] = Chapter(ranks, {"post": row["post"], "carrier": row["carrier"]}, row["price"], goods)
    return found


@cache
def _frequency() -> lot.Lot[str]:
    rows = table("quantiles")["chapter"]
    return lot.Lot({number: rows[number]["rows"] for number in chapters()})


@cache
def _line_counts() -> lot.Lot[str]:
    return lot.Lot(table("routes")["lines"])


def content(rng: Random, channel: Channel) -> list[Line]:
    """Draw the content of one item: one to five lines of different goods.

    The first line's chapter decides the mass of the item; the lines share it.
    """
    known = chapters()
    first = known[_frequency().draw(rng)]
    mass_rank = rng.random()
    grams = first.kilograms(channel, mass_rank) * 1000
    if channel == "post":
        grams = min(grams, POST_GRAMS)
    count = int(_line_counts().draw(rng))
    shares = [0.4 + rng.random() for _ in range(count)]
    whole = sum(shares)
    lines: list[Line] = []
    seen: set[str] = set()
    for number, share in enumerate(shares):
        chapter = first if number == 0 else known[_frequency().draw(rng)]
        goods = lot.pick(rng, chapter.goods)
        if goods.hs_code in seen:
            continue
        seen.add(goods.hs_code)
        lines.append(_line(rng, channel, chapter, goods, grams * share / whole, mass_rank, share / whole))
    if channel == "post":
        while len(lines) > 1 and sum(line.grams for line in lines) > POST_GRAMS:
            lines.pop()
    return lines


def _line(
    rng: Random, channel: Channel, chapter: Chapter, goods: Goods, grams: float, mass_rank: float, share: float
) -> Line:
    quantity = max(1, round(grams / goods.usual_grams))
    low, high = goods.grams
    mass = round(min(max(grams, quantity * low), quantity * high))
    rank = mass_rank if rng.random() < _PRICE_GOES_WITH_MASS else rng.random()
    usual_quantity = max(1.0, chapter.kilograms(channel, 0.5) * 1000 * share / goods.usual_grams)
    wanted = goods.usual_euros * usual_quantity ** (1 + _BULK) * chapter.spread(rank)
    bulk = quantity**_BULK
    unit = min(max(wanted / quantity, goods.euros[0] * bulk), goods.euros[1] * bulk)
    return Line(goods, lot.pick(rng, goods.texts), quantity, mass, unit)
