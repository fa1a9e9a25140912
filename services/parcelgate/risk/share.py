"""How often each profile fires on given traffic: a profile that fires on much of it is noise."""

from collections.abc import Iterable

from parcelgate.api.record.v1.declaration_pb2 import Declaration, Provenance
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.api.record.v1.quantity_pb2 import Instant
from parcelgate.risk.assess import Assessor
from parcelgate.risk.subject import day_of

HIGHEST_SHARE = 0.10


def firing_shares(assessor: Assessor, items: Iterable[Item], received_micros: int = 0) -> dict[str, float]:
    """Return for each profile valid then the share (0 to 1) of the items that it fires on; received is UTC microseconds.

    Raises ValueError if there are no items.
    """
    provenance = Provenance(received=Instant(utc_micros=received_micros))
    fired: dict[str, int] = {}
    count = 0
    for item in items:
        count += 1
        for hit in assessor.examine(Declaration(item=item, provenance=provenance)):
            fired[hit.rule.id] = fired.get(hit.rule.id, 0) + 1
    if count == 0:
        raise ValueError("no items")
    return {
        one.rule.id: fired.get(one.rule.id, 0) / count for one in assessor.edition(day_of(received_micros)).profiles
    }


def noisy(shares: dict[str, float], highest: float = HIGHEST_SHARE) -> dict[str, float]:
    """Return the profiles whose share is higher than allowed."""
    return {name: share for name, share in shares.items() if share > highest}
