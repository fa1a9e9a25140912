"""What every engine of a syntax does for a format: documents in parts to records, and records to a document."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.mapping.ledger import Marks

Record = Mapping[str, Any]


@dataclass(slots=True)
class Subtree:
    """What was read from one boundary (header, item, trailer): its name, its number if it is an item, and all faults.

    number is 0 for anything but an item; record has the present fields, enums as numbers.
    """

    name: str
    number: int
    record: dict[str, Any]
    faults: list[Fault]
    # Where it begins, if that is more than its name and number say.
    address: str = ""


@dataclass(slots=True)
class End:
    """How the document ended: closed, or with the fault that stopped the reading."""

    stopped: Fault | None
    marks: Marks
    # Names beside header, items and trailer that no row knows.
    unknown: list[Fault] = field(default_factory=list)


class Engine(Protocol):
    """One format as the engine of its syntax has compiled it; shared by all documents of the process."""

    def read(self, parts: Iterable[bytes]) -> Iterator[Subtree | End]:
        """Yield header, items and trailer as they close, then always one End; no bytes raise anything."""
        ...

    def write(self, facts: Record, records: Iterable[Record]) -> Iterator[bytes]:
        """Yield a document: the beginning, each record, the end. Raises Unwritable for a value that the syntax can't carry.

        facts are those of the header; the same records give the same bytes.
        """
        ...

    def address(self, boundary: str, path: str = "") -> str:
        """Write where a row of the header or trailer stands, as the faults of this syntax do."""
        ...
