"""An interchange: what a partner handed in under one receipt, and the states it goes through.

RECEIVING -> RECEIVED -> TRANSLATED -> ROUTED; or REJECTED, as a whole or because no item of it could be accepted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from parcelgate.api.record.v1.declaration_pb2 import Declaration, DeclarationKey, Provenance
from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.record.v1.quantity_pb2 import Instant
from parcelgate.core.chunk import environment_value
from parcelgate.core.port import Store

# Interchanges up to this size have a lane of their own, so that none of them waits behind a long one.
SMALL_BYTES = 256 * 1024
# 13 months: how long the content and the reference of an interchange stay taken.
KEPT_MICROS = 396 * 86_400 * 1_000_000
# How long an interchange belongs to the process that took it, unless that one keeps it.
OWNED_MICROS = 15 * 1_000_000
# Rung when an interchange is ready to be translated, and when one has come to its end.
RECEIVED_BELL = "postal/received"
ENDED_BELL = "postal/ended"
ENDED = ("ROUTED", "REJECTED")


@dataclass(frozen=True, slots=True)
class Interchange:
    """A row of postal_interchange; received_at in microseconds."""

    receipt: str
    partner: str
    environment: str
    state: str
    name: str
    data_key: str
    digest: str
    size: int
    parts: int
    format: str
    reference: str
    items: int
    accepted: int
    rejected: int
    unchanged: int
    routed: int
    faults: bytes
    ledger: str
    received_at: int

    @property
    def lane(self) -> str:
        """The lane that its chunks travel in: interactive or bulk."""
        return "interactive" if self.size <= SMALL_BYTES else "bulk"


async def find(store: Store, receipt: str) -> Interchange | None:
    """Return an interchange that arrived whole, or None."""
    rows = await store.read("postal.interchange", receipt)
    return Interchange(*rows[0]) if rows else None


def stamp(interchange: Interchange) -> Declaration:
    """Return a declaration without an item that says whose interchange a fact is about."""
    return Declaration(
        key=DeclarationKey(partner=interchange.partner, environment=environment_value(interchange.environment)),
        provenance=Provenance(
            receipt=interchange.receipt,
            interchange_reference=interchange.reference,
            format=interchange.format,
            received=Instant(utc_micros=interchange.received_at),
        ),
    )


def pack_faults(faults: Sequence[Fault]) -> bytes:
    """Write faults as stored; no faults are no bytes."""
    return Fact(faults=faults).SerializeToString() if faults else b""


def unpack_faults(packed: bytes) -> list[Fault]:
    """Read faults as stored."""
    return list(Fact.FromString(packed).faults) if packed else []
