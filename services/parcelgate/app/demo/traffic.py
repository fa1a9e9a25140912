"""The traffic of the demo: 1,000 postal items in interchanges (one spoilt, one sent twice, one corrected), 200 shipments."""

import datetime
from dataclasses import dataclass
from random import Random

from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_AMEND, FUNCTION_ORIGINAL
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.app.sample.interchange import Interchange, Request, interchanges
from parcelgate.app.sample.spoil import spoil
from parcelgate.app.sample.traffic import Sample
from parcelgate.app.sampling import Handover, express, postal
from parcelgate.codecs import translate

ITEMS = 1000
SHIPMENTS = 200
_SIZE = 60
_INTERCHANGES = 16
_CORRECTED = 5
_GRAM = 1000


@dataclass(frozen=True, slots=True)
class Traffic:
    """All that is sent: interchanges in their order, which one is sent again, which one is spoilt, and requests."""

    handovers: list[Handover]
    resent: Handover
    spoilt: Handover
    corrected: Handover
    requests: list[tuple[str, Request]]


def traffic(seed: int, day: datetime.date, items: int = ITEMS, shipments: int = SHIPMENTS) -> Traffic:
    """Make the traffic; the same for the same seed, day and size. Fewer items come in smaller interchanges."""
    size = max(1, min(_SIZE, items // _INTERCHANGES))
    handovers = list(postal(seed, items - _CORRECTED, size, day))
    largest = max({one.partner for one in handovers}, key=lambda name: sum(one.partner == name for one in handovers))
    first, second = [number for number, one in enumerate(handovers) if one.partner == largest][:2]
    spoilt = _spoilt(handovers[second], seed)
    handovers[second] = spoilt
    corrected = _corrected(handovers[first], seed, day)
    return Traffic([*handovers, corrected], handovers[first], spoilt, corrected, list(express(seed, shipments, day)))


def _spoilt(handover: Handover, seed: int) -> Handover:
    whole = handover.interchange
    document = spoil(whole.document, "item-without-id", Random(seed))
    return Handover(handover.partner, Interchange(whole.reference, whole.header, whole.samples, document))


def _corrected(handover: Handover, seed: int, day: datetime.date) -> Handover:
    """Correct the gross mass of a few items of an interchange, in a new one with function amend."""
    amended = {one.item.key.identifier for one in handover.interchange.samples if one.function != FUNCTION_ORIGINAL}
    chosen = [
        one for one in handover.interchange.samples
        if one.ailment is None and one.function == FUNCTION_ORIGINAL and one.item.key.identifier not in amended
    ][-_CORRECTED:]  # fmt: skip
    samples = [Sample(_heavier(one.item), one.flow, FUNCTION_AMEND, "correction", 2) for one in chosen]
    (made,) = interchanges(
        samples,
        write=translate.write,
        sender=f"{handover.interchange.header['sender']}-COR",
        recipient="PARCELGATE",
        seed=seed,
        prepared_at=datetime.datetime.combine(day, datetime.time(7), datetime.UTC),
        size=_CORRECTED,
    )
    return Handover(handover.partner, made)


def _heavier(item: Item) -> Item:
    changed = Item()
    changed.CopyFrom(item)
    changed.gross_mass.milligrams += 100 * _GRAM
    return changed
