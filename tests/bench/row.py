"""A row of the table of `make bench`."""

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def row(
    name: str,
    ours: float,
    peer: float | None,
    ratio: float | None,
    unit: str,
    *,
    budget: str | None = None,
    holds: bool | None = None,
    note: str = "",
) -> Row:
    """Make a row; budget and holds are None for a figure that has no budget in embedded mode, and note says why."""
    return {
        "name": name,
        "ours": round(ours, 3),
        "peer": None if peer is None else round(peer, 3),
        "ratio": None if ratio is None else round(ratio, 2),
        "unit": unit,
        "budget": budget,
        "holds": holds,
        "note": note,
    }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
