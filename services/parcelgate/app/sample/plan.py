"""The plan of sample traffic: which ailments occur in which share, and which flows."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from parcelgate.api.record.v1.declaration_pb2 import FLOW_IMPORT, Flow
from parcelgate.core import resource

Channel = Literal["post", "carrier"]

# Ailments of the stream, not of one item: they need an earlier item.
LATER = ("duplicate", "correction", "cancellation")
# Ailments that only one way in can have.
ONLY: Mapping[str, Channel] = MappingProxyType({"check-digit": "post"})


@cache
def table(name: str) -> Mapping[str, Any]:
    """Read schemas/sample/<name>.toml."""
    return tomllib.loads((resource.schemas() / "sample" / f"{name}.toml").read_text("utf-8"))


def _stated() -> Mapping[str, float]:
    shares: Mapping[str, float] = table("ailments")["share"]
    return shares


@dataclass(frozen=True, slots=True)
class Plan:
    """Shares of ailments among all samples, weights of flows, and how often something ails.

    Shares come from schemas/sample/ailments.toml unless given; they add up to at most one.
    """

    shares: Mapping[str, float] = field(default_factory=_stated)
    flows: Mapping[Flow.ValueType, float] = field(default_factory=lambda: {FLOW_IMPORT: 1.0})

    def __post_init__(self) -> None:
        """Refuse shares that cannot be; raises ValueError."""
        unknown = sorted(set(self.shares) - set(_stated()))
        if unknown:
            raise ValueError(f"unknown ailments: {', '.join(unknown)}")
        if any(share < 0 for share in self.shares.values()) or sum(self.shares.values()) > 1:
            raise ValueError("shares of ailments are not negative and add up to at most 1")

    @classmethod
    def clean(cls) -> "Plan":
        """Return the plan in which nothing ails."""
        return cls(shares={})

    def of(self, channel: Channel) -> Mapping[str, float]:
        """Return the shares that a way in can have."""
        return {name: share for name, share in self.shares.items() if ONLY.get(name, channel) == channel}
