"""One stretch of segments that makes one dict: a message, an item, an entry of a list inside it."""

from collections.abc import Mapping, Sequence
from typing import Any

from parcelgate.codecs.edifact import address
from parcelgate.codecs.mapping.scope import Slot


class Level:
    """What was read of it so far."""

    __slots__ = ("_segment", "_tag", "lacking", "line", "owners", "record", "seen", "slots", "specs", "times")

    def __init__(self, specs: Sequence[Slot], owners: Mapping[int, object], tag: str, segment: int, line: int) -> None:
        """Take the slots of its scope, the rows with what reads them, and the segment with which it begins, and its line."""
        self.specs = specs
        self.record: dict[str, Any] = {}
        self.slots: list[Any] = [self.record] + [None] * (len(specs) - 1)
        self.owners = owners
        self._tag, self._segment = tag, segment
        self.line = line
        # What was read by which rows: tag and number of the segment.
        self.seen: dict[object, tuple[str, int]] = {}
        # How often each tag stood here, where rows ask for that.
        self.times: dict[str, int] = {}
        # Segments that the table wants and that did not come.
        self.lacking: set[str] = set()

    def name(self, message: int) -> str:
        """Write where it begins."""
        return address.of(self._tag, message, self._segment)

    def segment_of(self, row: int) -> tuple[str, int] | None:
        """Find the segment in which a row was looked for."""
        return self.seen.get(self.owners.get(row))
