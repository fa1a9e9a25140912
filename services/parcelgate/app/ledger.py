"""What became of each field of a document that was translated, for translate --ledger."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message
from rich.console import Console
from rich.markup import escape

from parcelgate.codecs.crosswalk import crosswalk
from parcelgate.codecs.mapping.ledger import Ledger
from parcelgate.codecs.mapping.mapping import FormatMapping, uncovered
from parcelgate.core import hash as canonical


class Lost:
    """What the target can't express of what the source can say, and how many records had it."""

    def __init__(self, source: FormatMapping, target: FormatMapping) -> None:
        """Compare two formats of the same record."""
        said = crosswalk(source)
        reasons = {**dict.fromkeys(uncovered(target), "no row carries it"), **target.losses}
        self.reasons: Mapping[str, str] = {
            path: reason
            for path, reason in reasons.items()
            # What the gateway adds by itself is no loss of the sender's.
            if any(one == path or one.startswith(f"{path}.") or path.startswith(f"{one}.") for one in said)
        }
        self.counts: Counter[str] = Counter()
        self._header = target.header
        self._paths = [(path, path.split(".")) for path in self.reasons]

    def watch(self, records: Iterator[Message]) -> Iterator[Message]:
        """Pass records on, and count those that have a value for something that is lost."""
        for record in records:
            fields = canonical.fields_of(record)
            self.counts.update(path for path, names in self._paths if _has(fields, names))
            yield record

    def facts(self, header: Mapping[str, Any]) -> list[str]:
        """Name the facts of a header that the target's header has no place for."""
        return [name for name in header if name not in self._header.leaves]


def show(console: Console, ledger: Ledger, paths: Sequence[str]) -> None:
    """Print one line a field: how often it was there, and what happened to it; paths are those of the rows, in their order."""
    lines = [(path, words) for path in dict.fromkeys(paths) if (words := _happened(ledger, path))]
    lines += [(path, [f"unknown to the format, not read {_times(times)}"]) for path, times in ledger.unknown.items()]
    width = min(72, max((len(path) for path, _ in lines), default=0))
    for path, words in lines:
        console.print(escape(f"{path:<{width}}  {', '.join(words)}"))


def show_lost(console: Console, lost: Lost, header: Mapping[str, Any], to: str) -> None:
    """Print one line for each field that the target can't express."""
    for name in lost.facts(header):
        console.print(escape(f"{name}: not expressible in the header of {to}"))
    for path, reason in lost.reasons.items():
        had = lost.counts[path]
        console.print(
            escape(f"{path}: not expressible in {to} ({reason}); {had or 'no'} record{'s' * (had != 1)} had it")
        )


def _happened(ledger: Ledger, path: str) -> list[str]:
    words = [
        f"{word} {_times(counts[path])}"
        for word, counts in (
            ("mapped", ledger.mapped),
            ("normalised", ledger.normalised),
            ("defaulted", ledger.defaulted),
        )
        if path in counts
    ]
    if path in ledger.ignored:
        times, reason = ledger.ignored[path]
        words.append(f"ignored {_times(times)}: {reason}")
    return words


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _has(part: Any, names: list[str]) -> bool:
    if isinstance(part, list):
        return any(_has(each, names) for each in part)
    if not names:
        return True
    return names[0] in part and _has(part[names[0]], names[1:])
