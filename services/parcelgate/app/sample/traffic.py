"""The stream of samples: clean items, ailing ones, and those that come back: duplicates, corrections, cancellations."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from parcelgate.api.record.v1.declaration_pb2 import (
    FUNCTION_AMEND,
    FUNCTION_CANCEL,
    FUNCTION_ORIGINAL,
    Flow,
    Function,
)
from parcelgate.api.record.v1.item_pb2 import NATURE_OF_TRANSACTION_DOCUMENTS, Item
from parcelgate.app.sample import lot
from parcelgate.app.sample.ailment import AILMENTS, add_up, nanos_of, set_nanos
from parcelgate.app.sample.item import POST_LIMIT_GRAMS, Writer
from parcelgate.app.sample.party import places
from parcelgate.app.sample.plan import LATER, Channel, Plan

# Items that a later sample may come back to.
_REMEMBERED = 400


@dataclass(frozen=True, slots=True)
class Sample:
    """One declared version; ailment is its name in ailments.toml, None for a clean item."""

    item: Item
    flow: Flow.ValueType
    function: Function.ValueType
    ailment: str | None
    version: int


def traffic(seed: int, count: int, *, day: dt.date, channel: Channel, plan: Plan | None = None) -> Iterator[Sample]:
    """Draw count samples; the same arguments always give the same samples.

    day is the day the data comes in: items are posted up to three days before it. An amended or cancelled item comes after its
    original, never more than a few hundred samples later. Without a plan the shares of ailments.toml hold.
    """
    plan = plan or Plan()
    rng = Random(f"{seed}/{channel}")
    writer = Writer(rng, day, channel)
    shares = plan.of(channel)
    weights: dict[str | None, float] = {None: max(0.0, 1 - sum(shares.values()))}
    weights.update(shares)
    ailments = lot.Lot(weights)
    flows = lot.Lot(plan.flows)
    earlier: list[Sample] = []
    for _ in range(count):
        ailment = ailments.draw(rng)
        if ailment in LATER:
            again = _again(rng, earlier, ailment)
            if again is not None:
                yield again
                continue
            ailment = None
        item = writer.write()
        if ailment is not None:
            # Papers without value ail differently; nothing here is meant for them.
            while item.nature == NATURE_OF_TRANSACTION_DOCUMENTS:
                item = writer.write()
            AILMENTS[ailment](item, rng)
        sample = Sample(item, flows.draw(rng), FUNCTION_ORIGINAL, ailment, 1)
        if ailment is None:
            _remember(rng, earlier, sample)
        yield sample


def _remember(rng: Random, earlier: list[Sample], sample: Sample) -> None:
    if len(earlier) < _REMEMBERED:
        earlier.append(sample)
    else:
        earlier[int(rng.random() * _REMEMBERED)] = sample


def _again(rng: Random, earlier: list[Sample], ailment: str) -> Sample | None:
    """Come back to an earlier item; None if there is none yet that fits."""
    if not earlier:
        return None
    place = int(rng.random() * len(earlier))
    before = earlier[place]
    if ailment == "duplicate":
        if before.version != 1:
            return None
        return Sample(before.item, before.flow, FUNCTION_ORIGINAL, ailment, 1)
    if ailment == "cancellation":
        earlier[place] = earlier[-1]
        earlier.pop()
        return Sample(before.item, before.flow, FUNCTION_CANCEL, ailment, before.version + 1)
    item = Item()
    item.CopyFrom(before.item)
    _correct(rng, item)
    earlier[place] = Sample(item, before.flow, FUNCTION_AMEND, None, before.version + 1)
    return Sample(item, before.flow, FUNCTION_AMEND, ailment, before.version + 1)


def _correct(rng: Random, item: Item) -> None:
    """Change what declarants correct most: value, gross mass or the recipient's address."""
    choice = int(rng.random() * 3)
    added = (10 + int(rng.random() * 150)) * 1000
    if choice == 1 and item.gross_mass.milligrams + added > POST_LIMIT_GRAMS * 1000:
        choice = 0
    if choice == 0:
        for piece in item.content:
            factor = 2 + int(rng.random() * 2)
            set_nanos(piece.value, nanos_of(piece.value) * factor)
            if piece.HasField("unit_value"):
                set_nanos(piece.unit_value, nanos_of(piece.unit_value) * factor)
        add_up(item)
    elif choice == 1:
        item.gross_mass.milligrams += added
    else:
        place = places()[item.destination_country]
        lines = item.parties[1].address.lines
        written = place.street_of(rng)
        lines[0] = written if written != lines[0] else f"{written} A"
