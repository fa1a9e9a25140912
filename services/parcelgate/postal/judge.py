"""Which version an item becomes, or why it becomes none: the life of a declaration at the edge where it comes in."""

from dataclasses import dataclass

from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_AMEND, FUNCTION_CANCEL, Function
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.fault import fault


@dataclass(frozen=True, slots=True)
class Known:
    """The newest version of a declaration, and where it came in."""

    version: int
    function: Function.ValueType
    canonical_hash: str
    receipt: str
    number: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Exactly one of: a new version, unchanged, a fault."""

    version: int = 0
    unchanged: bool = False
    fault: Fault | None = None


def judge(function: Function.ValueType, canonical_hash: str, known: Known | None) -> Verdict:
    """Judge an item against the newest version of its declaration; None if there is none.

    After a cancellation the declaration may begin again; its versions go on counting.
    """
    if known is None:
        if function == FUNCTION_AMEND:
            return Verdict(fault=fault("NOTHING_TO_AMEND"))
        if function == FUNCTION_CANCEL:
            return Verdict(fault=fault("NOTHING_TO_CANCEL"))
        return Verdict(version=1)
    cancelled = known.function == FUNCTION_CANCEL
    if function == FUNCTION_CANCEL:
        return Verdict(version=known.version, unchanged=True) if cancelled else Verdict(version=known.version + 1)
    if cancelled:
        return Verdict(version=known.version + 1)
    if canonical_hash == known.canonical_hash:
        return Verdict(version=known.version, unchanged=True)
    if function == FUNCTION_AMEND:
        return Verdict(version=known.version + 1)
    return Verdict(fault=fault("CHANGED_WITHOUT_AMEND", version=known.version, receipt=known.receipt))
