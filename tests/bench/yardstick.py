"""The yardstick of budgets in microseconds: lxml's own parse and validation of a CUSITM item, measured in the same run.

The design allows translation 75 µs an item, and three times lxml: so its microseconds are those of a machine on which lxml
takes 25. Machines differ, and drift by a factor of two within an hour; multiples of lxml stay what they are.
"""

import statistics
import time
from functools import cache

from bench_xml import document, lxml_reading
from row import Row, row

REFERENCE_MICROS = 25.0
_ITEMS = 1000
_READINGS = 5


@cache
def _reading():
    return lxml_reading(document(_ITEMS, indent=True))


def measure() -> float:
    """Return what lxml takes for one item now, in microseconds of CPU."""
    read = _reading()
    taken = []
    for _ in range(_READINGS):
        began = time.process_time()
        read()
        taken.append(time.process_time() - began)
    return statistics.median(taken) / _ITEMS * 1e6


def against(
    name: str, micros: float, yard: float, budget: float | None, *, unit: str = "µs CPU an item", note: str = ""
) -> Row:
    """Make a row of microseconds an item beside the yardstick; the budget is given as the design gives it."""
    most = None if budget is None else budget / REFERENCE_MICROS
    shown = None if most is None else f"<= {most:.2f}x lxml ({budget:g} µs where it takes {REFERENCE_MICROS:g})"
    return row(
        name,
        micros,
        yard,
        micros / yard,
        unit,
        budget=shown,
        holds=None if most is None else micros / yard <= most,
        note=note,
    )
