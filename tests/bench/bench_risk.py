"""Risk: CPU of one assessment with decision, beside bare protobuf parsing of the same item's bytes."""

import time
from typing import Any

from parcelgate.api.record.v1.declaration_pb2 import Case, Declaration
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.api.risk.v1.risk_pb2 import AssessResult
from parcelgate.risk.assess import Assessor
from unit.risk.declare import declaration

# One full chunk.
ITEMS = 250
# Two lines, two parties: the peer takes about 1 µs, so this stands for the budget of 40 µs CPU an item.
BUDGET_RATIO = 40.0


def _cpu_micros(work: Any, rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        before = time.process_time_ns()
        work()
        best = min(best, time.process_time_ns() - before)
    return best / 1_000 / ITEMS


def row(rounds: int = 20) -> dict[str, Any]:
    """Measure; ours and peer are the best of the rounds, in microseconds of CPU an item."""
    assessor = Assessor.load()
    declarations = [_numbered(number) for number in range(ITEMS)]
    case = Case(id="c" * 32, declaration_id="d" * 32, authority="eu-customs", version=1, round=1)
    data = [one.item.SerializeToString() for one in declarations]

    def ours() -> None:
        for number, one in enumerate(declarations):
            assessor.assess(AssessResult(call_id=f"c:{number}:1"), one, case)

    def peer() -> None:
        for one in data:
            Item.FromString(one)

    mine, theirs = _cpu_micros(ours, rounds), _cpu_micros(peer, rounds)
    return {
        "name": "risk: one assessment with decision / Item.FromString of the same bytes",
        "ours": round(mine, 2),
        "peer": round(theirs, 2),
        "ratio": round(mine / theirs, 2),
        "unit": "µs CPU an item",
        "budget": BUDGET_RATIO,
        "holds": mine / theirs <= BUDGET_RATIO,
    }


def _numbered(number: int) -> Declaration:
    one = declaration()
    # Other texts for each item, so that no cache of texts flatters the figure.
    one.item.content[0].description = f"Ladies knitted cotton shirt, model {number}"
    one.item.content[1].description = f"Leather belt with steel buckle, model {number}"
    return one


if __name__ == "__main__":
    print(row())
