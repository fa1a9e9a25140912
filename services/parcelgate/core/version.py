"""Which version a declared item becomes, or why it becomes none: the same for every edge where declarations come in."""

from typing import NamedTuple

from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_AMEND, FUNCTION_CANCEL, FUNCTION_ORIGINAL, Function


class Known(NamedTuple):
    """The newest version of a declaration, and where it came in; version 0 if there is none."""

    version: int = 0
    function: Function.ValueType = FUNCTION_ORIGINAL
    canonical_hash: str = ""
    receipt: str = ""
    number: int = 0


class Verdict(NamedTuple):
    """Exactly one of: a new version, unchanged (version is the one that stays), the code of a fault."""

    version: int = 0
    unchanged: bool = False
    fault_code: str = ""


def judge(function: Function.ValueType, canonical_hash: str, known: Known) -> Verdict:
    """Judge an item against the newest version of its declaration.

    After a cancellation the declaration may begin again; its versions go on counting.
    """
    if known.version == 0:
        code = {FUNCTION_AMEND: "NOTHING_TO_AMEND", FUNCTION_CANCEL: "NOTHING_TO_CANCEL"}.get(function, "")
        return Verdict(fault_code=code) if code else Verdict(version=1)
    cancelled = known.function == FUNCTION_CANCEL
    same = not cancelled and canonical_hash == known.canonical_hash
    if cancelled if function == FUNCTION_CANCEL else same:
        return Verdict(version=known.version, unchanged=True)
    if function == FUNCTION_ORIGINAL and not cancelled:
        return Verdict(fault_code="CHANGED_WITHOUT_AMEND")
    return Verdict(version=known.version + 1)
