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
        ignored: Counter[str] = Counter()
        why: dict[str, str] = {}
        for number in counted.keys() & self.reasons.keys():
            ignored[self.paths[number]] += counted[number]
            why[self.paths[number]] = self.reasons[number]
        return Ledger(
            mapped=self._by_path({number: times for number, times in counted.items() if number not in self.reasons}),
            defaulted=self._by_path(self.defaulted),
            normalised=self._by_path(self.normalised),
            ignored={path: (times, why[path]) for path, times in sorted(ignored.items())},
            not_expressible=losses,
            unknown=dict(self.names),
        )

    def _by_path(self, rows: Mapping[int, int]) -> dict[str, int]:
        """Add up by path: a shape that stands in several places has rows of its own in each."""
        found: Counter[str] = Counter()
        for number, times in rows.items():
            found[self.paths[number]] += times
        return dict(found)
