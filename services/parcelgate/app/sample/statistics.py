"""What samples are made of: counts and shares, to look at and to check the stated shares with."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from parcelgate.api.record.v1.declaration_pb2 import Flow, Function
from parcelgate.api.record.v1.item_pb2 import ITEM_SCHEME_S10, NatureOfTransaction
from parcelgate.app.sample.traffic import Sample
from parcelgate.core import identifier

_SCRIPTS = {"CJK": "HAN", "HIRAGANA": "KANA", "KATAKANA": "KANA"}


@dataclass(slots=True)
class Statistics:
    """Counts over samples; masses are net kilograms of clean items by the HS chapter of their first line."""

    total: int = 0
    ailments: Counter[str] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)
    flows: Counter[str] = field(default_factory=Counter)
    natures: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    origins_of_goods: Counter[str] = field(default_factory=Counter)
    destinations: Counter[str] = field(default_factory=Counter)
    chapters: Counter[str] = field(default_factory=Counter)
    currencies: Counter[str] = field(default_factory=Counter)
    scripts: Counter[str] = field(default_factory=Counter)
    lines: Counter[int] = field(default_factory=Counter)
    s10_valid: int = 0
    s10_invalid: int = 0
    masses: dict[str, list[float]] = field(default_factory=dict)

    def share(self, ailment: str) -> float:
        """Return the share of an ailment among all samples."""
        return self.ailments[ailment] / self.total if self.total else 0.0

    def scripts_in_share(self, least: float) -> set[str]:
        """Return the scripts that at least this share of parties' names uses."""
        names = sum(self.scripts.values())
        return {script for script, count in self.scripts.items() if count >= least * names}


def statistics(samples: Iterable[Sample]) -> Statistics:
    """Count samples."""
    counted = Statistics()
    for sample in samples:
        item = sample.item
        counted.total += 1
        counted.functions[Function.Name(sample.function)] += 1
        counted.flows[Flow.Name(sample.flow)] += 1
        counted.natures[NatureOfTransaction.Name(item.nature)] += 1
        counted.origins[item.origin_country] += 1
        counted.destinations[item.destination_country] += 1
        counted.currencies[item.declared_value.currency] += 1
        counted.lines[len(item.content)] += 1
        counted.scripts.update(script_of(party.name) for party in item.parties)
        if item.key.scheme == ITEM_SCHEME_S10:
            if identifier.s10_is_valid(item.key.identifier):
                counted.s10_valid += 1
            else:
                counted.s10_invalid += 1
        if sample.ailment is not None:
            counted.ailments[sample.ailment] += 1
            continue
        counted.origins_of_goods.update(piece.origin_country for piece in item.content)
        if item.nature != NatureOfTransaction.Value("NATURE_OF_TRANSACTION_DOCUMENTS"):
            chapter = item.content[0].hs_code[:2]
            counted.chapters[chapter] += 1
            net = sum(piece.net_mass.milligrams for piece in item.content) / 1_000_000
            counted.masses.setdefault(chapter, []).append(net)
    return counted


@lru_cache(maxsize=4096)
def script_of(text: str) -> str:
    """Name the script of a text's first letter that is not ASCII, LATIN if all are; an empty text has none."""
    names = [unicodedata.name(sign, "").split(" ")[0] for sign in text if sign.isalpha()]
    kept = [_SCRIPTS.get(name, name) for name in names]
    # Kana stands beside Han in Japanese names; it tells them from Chinese ones.
    if "KANA" in kept:
        return "KANA"
    return next((name for name in kept if name != "LATIN"), "LATIN" if kept else "")
