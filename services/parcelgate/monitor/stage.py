"""How far an item has come: that of its newest version, and there of the case that has come least far.

A mark is an integer that orders a version first, the round of the case second, and the stage reached in it third. An
item has one for each case, by the end of the case's id, and one for its versions as such, by the empty name. The
greatest mark of a name wins, so that facts may come in any order and repeatedly.
"""

from collections.abc import Mapping

from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.core.fact import KINDS, STAGES

Marks = dict[str, int]
CLOSED = len(STAGES)
# Stages by kind of fact; a closed case is past all stages, and no answer opens it again in the same version.
REACHED = {name: STAGES.index(kind.stage) for name, kind in KINDS.items() if kind.stage} | {"case.closed": CLOSED}
_ACCEPTED, _DECIDED = STAGES.index("accepted"), STAGES.index("decided")
_STEP = 8
# A case that is judged anew begins a new round: what was answered before is behind it.
_ROUNDS = 1 << 16
_VERSION = _STEP * _ROUNDS
# An authority, or the gateway for it, confirms the receipt and goes on to judge: the case waits as before.
_RECEIPTS = frozenset(["RECEIVED", "DECISION_CODE_RECEIVED"])
# Of a few cases, these digits of the hashes that name them are enough to tell them apart.
_DIGITS = 8


def mark(marks: Marks, version: int, reached: int, fact: Fact) -> None:
    """Note that a version, or one of its cases if the fact names one, has reached a stage (a value of REACHED)."""
    name = fact.case_id[-_DIGITS:]
    value = version * _VERSION + reached
    if name:
        if _DECIDED <= reached < CLOSED and fact.code in _RECEIPTS:
            name = ""
        else:
            value += fact.round * _STEP
    if name not in marks or value > marks[name]:
        marks[name] = value


def stage_of(marks: Mapping[str, int], version: int) -> int:
    """Return the index in STAGES that an item is at whose newest version is given; -1 if nothing says so."""
    least = CLOSED
    for name, value in marks.items():
        if name and value // _VERSION == version and value % _STEP < least:
            least = value % _STEP
    if least < CLOSED:
        return least
    whole = marks.get("", -1)
    if whole // _VERSION == version:
        return whole % _STEP
    # What gave the version its number comes later than what happened to it then.
    return _ACCEPTED if version else -1


def join(marks: Mapping[str, int], text: str) -> Marks:
    """Return the greater ones of marks and of those that were written before."""
    joined = dict(marks)
    for pair in text.split():
        name, _, value = pair.rpartition(":")
        joined[name] = max(int(value), joined.get(name, -1))
    return joined


def write(marks: Mapping[str, int], version: int) -> str:
    """Return marks as name:mark with a blank between them, without those of older versions: they say no more."""
    first = version * _VERSION
    return " ".join([f"{name}:{value}" for name, value in marks.items() if value >= first])
