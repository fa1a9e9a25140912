"""The field ledger: what became of every field of an interchange. One ledger an interchange, never one an item."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_UNKNOWN_NAMES = 200


@dataclass(frozen=True, slots=True)
class Ledger:
    """The summary: how often each field was mapped, filled in, changed, left out on purpose, or not known at all."""

    mapped: Mapping[str, int]
    defaulted: Mapping[str, int]
    normalised: Mapping[str, int]
    # Path, how often, and why.
    ignored: Mapping[str, tuple[int, str]]
    # Fields of the record that the format cannot carry, and why.
    not_expressible: Mapping[str, str]
    unknown: Mapping[str, int]


@dataclass(slots=True)
class Marks:
    """Counts while an interchange is read; rows by number, unknown names by path."""

    paths: Sequence[str]
    reasons: Mapping[int, str]
    rows: list[int] = field(default_factory=list)
    defaulted: Counter[int] = field(default_factory=Counter)
    normalised: Counter[int] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        # One more than there are rows: elements that only hold others are counted there, for nobody.
        self.rows = [0] * (len(self.paths) + 1)

    def unknown(self, path: str) -> None:
        """Count an unknown name; names beyond the first few hundred are counted together."""
        self.names[path if path in self.names or len(self.names) < _UNKNOWN_NAMES else "(more)"] += 1

    def summary(self, losses: Mapping[str, str]) -> Ledger:
        """Sum up."""
        counted = {number: times for number, times in enumerate(self.rows[:-1]) if times}
        return Ledger(
            mapped={self.paths[number]: times for number, times in counted.items() if number not in self.reasons},
            defaulted={self.paths[number]: times for number, times in self.defaulted.items()},
            normalised={self.paths[number]: times for number, times in self.normalised.items()},
            ignored={
                self.paths[number]: (times, self.reasons[number])
                for number, times in counted.items()
                if number in self.reasons
            },
            not_expressible=losses,
            unknown=dict(self.names),
        )
