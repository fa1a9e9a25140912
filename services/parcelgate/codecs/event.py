"""What reading a document yields: its header, each item with its verdict, and how it closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.codecs.mapping.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Header:
    """Facts of the interchange that stand before its first item; enums as numbers, times as fields of an Instant."""

    values: Mapping[str, Any]


class ItemRead(NamedTuple):
    """One item: what was made of it, and all its faults. A tuple, because there are so many of them."""

    # From 1, in the order of the document.
    number: int
    accepted: bool
    # As normalised in the record; empty if unreadable.
    identifier: str
    # Declaration without its item, or Release, as protobuf bytes; empty if the item is rejected.
    message: bytes
    # Item as protobuf bytes; empty for a Release, or if rejected.
    item: bytes
    # Canonical hash of the item; empty for a Release, or if rejected.
    canonical_hash: str
    faults: Sequence[Fault]
    # Id of the declaration, as far as its origin was given.
    declaration_id: str = ""
    # Destination country of the item; empty for a Release, or if rejected.
    destination: str = ""
    # Where it begins, as its faults are addressed; empty where faults of this syntax have no common beginning.
    address: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who handed a document in, and under which receipt; environment as in the contract, received in microseconds."""

    partner: str
    environment: int
    receipt: str
    received_at: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of the document. Only a complete one without faults of severity error may be routed."""

    # The document was read to its end, and its counts agree.
    complete: bool
    items: int
    accepted: int
    rejected: int
    # Faults of the interchange, not of its items.
    faults: Sequence[Fault]
    ledger: Ledger
    header: Mapping[str, Any] = field(default_factory=dict)

    @property
    def routable(self) -> bool:
        """The document closed, its counts agree, and nothing is wrong with the interchange as a whole."""
        return self.complete and not any(fault.severity == SEVERITY_ERROR for fault in self.faults)


Event = Header | ItemRead | Closed
