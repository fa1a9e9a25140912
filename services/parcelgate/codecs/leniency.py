"""Named leniencies: the closed set of deviations that a partner's profile may allow, and the faults they soften."""

import tomllib
from functools import cache

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, SEVERITY_WARNING, Fault
from parcelgate.core import resource
from parcelgate.core.fault import catalogue


@cache
def leniencies() -> dict[str, frozenset[str]]:
    """Return the fault codes that each leniency softens; raises ValueError if one names a code that does not exist."""
    data = tomllib.loads((resource.schemas() / "leniencies.toml").read_text("utf-8"))
    codes = {name: frozenset(row["softens"]) for name, row in data.items()}
    for name, softened in codes.items():
        if not softened <= catalogue().keys():
            raise ValueError(f"the leniency {name} softens faults that do not exist")
    return codes


def softened(names: frozenset[str]) -> frozenset[str]:
    """Return all fault codes that the named leniencies soften; raises ValueError for a name that is not in the set."""
    unknown = names - leniencies().keys()
    if unknown:
        raise ValueError(f"there is no leniency {min(unknown)!r}")
    return frozenset().union(*(leniencies()[name] for name in names))


def soften(faults: list[Fault], codes: frozenset[str]) -> list[Fault]:
    """Turn errors that are allowed here into warnings."""
    if codes:
        for each in faults:
            if each.code in codes and each.severity == SEVERITY_ERROR:
                each.severity = SEVERITY_WARNING
    return faults
