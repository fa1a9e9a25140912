"""Risk: CPU of one assessment with decision, from bytes to bytes, beside bare protobuf parsing of the same item's bytes."""

import time
from typing import Any

import asked
import yardstick
from row import Row

from parcelgate.api.record.v1.declaration_pb2 import Case, Declaration
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.api.risk.v1.risk_pb2 import AssessCall, AssessRequest
from parcelgate.risk.service import RiskServicer
from unit.risk.declare import declaration

# One full chunk.
ITEMS = 250
BUDGET_MICROSECONDS = 40
_METHOD = "/parcelgate.api.risk.v1.RiskService/Assess"


def _cpu_micros(work: Any, rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        before = time.process_time_ns()
        work()
        best = min(best, time.process_time_ns() - before)
    return best / 1_000 / ITEMS


def rows(rounds: int = 20) -> list[Row]:
    """Measure in this process, then a whole process that is asked; the best of the rounds, in microseconds of CPU an item."""
    servicer = RiskServicer()
    case = Case(id="c" * 32, declaration_id="d" * 32, authority="eu-customs", version=1, round=1)
    calls = [AssessCall(call_id=f"c:{n}:1", case=case, declaration=_numbered(n)) for n in range(ITEMS)]
    request = AssessRequest(calls=calls).SerializeToString()
    data = [one.declaration.item.SerializeToString() for one in calls]

    def ours() -> None:
        servicer.answer(AssessRequest.FromString(request))

    def peer() -> None:
        for one in data:
            Item.FromString(one)

    mine, theirs = _cpu_micros(ours, rounds), _cpu_micros(peer, rounds)
    whole = asked.micros("risk", _METHOD, request, ITEMS)
    yard = yardstick.measure()
    note = f"Item.FromString of the same bytes takes {theirs:.2f}"
    return [
        yardstick.against(
            "risk: one assessment with decision, bytes to bytes", mine, yard, BUDGET_MICROSECONDS, note=note
        ),
        yardstick.against("risk: a whole process that is asked 250 at once", whole, yard, BUDGET_MICROSECONDS),
    ]


def _numbered(number: int) -> Declaration:
    one = declaration()
    # Other texts for each item, so that no cache of texts flatters the figure.
    one.item.content[0].description = f"Ladies knitted cotton shirt, model {number}"
    one.item.content[1].description = f"Leather belt with steel buckle, model {number}"
    return one


if __name__ == "__main__":
    for each in rows():
        print(each)
