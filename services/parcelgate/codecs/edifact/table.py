"""The segment table of a message (segments.toml): which segment may follow which, in which group, how often.

    message = ["BGM 1 1", "DTM 0 9", { group = "receptacle", min = 1, max = 999, of = ["CNI 1 1", "MEA 0 9"] }]

A segment stands with the least and the greatest number of times. A group begins with its first segment, the trigger; its
name is ours. UNH and UNT are not listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from parcelgate.codecs.mapping.row import MappingError


@dataclass(eq=False, slots=True)
class Entry:
    """One line of the table: a segment, or the place of a group."""

    tag: str
    least: int
    most: int
    place: int
    within: "Group"
    group: "Group | None" = None

    @property
    def name(self) -> str:
        """The tag, or the name of the group."""
        return self.group.name if self.group is not None else self.tag


@dataclass(eq=False, slots=True)
class Group:
    """Segments that come together; the message is the outermost."""

    name: str
    path: str
    number: int
    entry: Entry | None = None
    entries: list[Entry] = field(default_factory=list)

    def find(self, name: str) -> Entry | None:
        """Find a segment or group directly inside."""
        return next((each for each in self.entries if each.name == name), None)


class Move(NamedTuple):
    """What a segment means where it stands."""

    # None at the end of the message.
    to: Entry | None
    # Groups that end before it, innermost first, with what each of them lacks.
    closes: tuple[tuple[Group, tuple[str, ...]], ...]
    # What the group in which it stands lacks before it.
    lacks: tuple[str, ...]
    opens: Group | None
    # The same segment, or group, as before.
    again: bool
    # Where it leads once it has come too often.
    over: "Move | None" = None


class Table:
    """The groups of one message and the moves between its segments, found when first needed."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Take segments.toml; raises MappingError."""
        if data.keys() != {"message"}:
            raise MappingError("segments.toml has one key, message")
        self.groups: list[Group] = []
        self.tags: set[str] = set()
        self.message = self._group("", "", data["message"], None)
        # The place of UNH.
        self.start = Entry("UNH", 1, 1, -1, self.message)
        self._moves: dict[Entry, dict[str, Move | None]] = {}

    def moves(self, at: Entry) -> dict[str, Move | None]:
        """Return the known moves from a place; move() adds to them."""
        return self._moves.setdefault(at, {})

    def move(self, at: Entry, tag: str) -> Move | None:
        """Find what a segment means after another one; None if it may not stand there."""
        known = self.moves(at)
        if tag not in known and (tag in self.tags or tag == "UNT"):
            known[tag] = self._move(at, tag)
        return known.get(tag)

    def group(self, path: str) -> Group | None:
        """Find a group by its path, for example receptacle/piece; "" is the message."""
        return next((each for each in self.groups if each.path == path), None)

    def _group(self, name: str, path: str, rows: Sequence[Any], entry: Entry | None) -> Group:
        group = Group(name, path, len(self.groups), entry)
        self.groups.append(group)
        for place, row in enumerate(rows):
            group.entries.append(self._entry(row, place, group))
        if not group.entries or (entry is not None and group.entries[0].group is not None):
            raise MappingError(f"segments.toml: the group {name!r} has to begin with a segment")
        names = [each.name for each in group.entries if each.group is not None]
        if len(set(names)) < len(names):
            raise MappingError(f"segments.toml: two groups in {name!r} have one name")
        return group

    def _entry(self, row: Any, place: int, within: Group) -> Entry:
        if isinstance(row, str):
            words = row.split()
            if len(words) != 3 or not (words[1].isdecimal() and words[2].isdecimal()) or not _is_tag(words[0]):
                raise MappingError(f"segments.toml: a segment is a tag and two numbers, not {row!r}")
            self.tags.add(words[0])
            return Entry(words[0], int(words[1]), int(words[2]), place, within)
        if row.keys() - {"min"} != {"group", "max", "of"}:
            raise MappingError(f"segments.toml: a group has group, min, max and of: {row}")
        entry = Entry("", row.get("min", 0), row["max"], place, within)
        path = f"{within.path}/{row['group']}" if within.path else row["group"]
        entry.group = self._group(row["group"], path, row["of"], entry)
        entry.tag = entry.group.entries[0].tag
        return entry

    def _move(self, at: Entry, tag: str) -> Move | None:
        closes: list[tuple[Group, tuple[str, ...]]] = []
        group, place = at.within, at.place
        own = at.place >= 0 and at.tag == tag and (at.place > 0 or group.entry is None or at.most > 1)
        if own:
            return Move(at, (), (), None, again=True, over=self._ahead(group, place + 1, tag, closes))
        while True:
            found = self._ahead(group, place + 1, tag, closes)
            if found is not None:
                return found
            closes.append((group, _lacking(group.entries[place + 1 :])))
            entry = group.entry
            if entry is None:
                return Move(None, tuple(closes), (), None, again=False) if tag == "UNT" else None
            if entry.tag == tag:
                return Move(group.entries[0], tuple(closes), (), group, again=True)
            group, place = entry.within, entry.place

    @staticmethod
    def _ahead(group: Group, place: int, tag: str, closes: Sequence[tuple[Group, tuple[str, ...]]]) -> Move | None:
        for number, entry in enumerate(group.entries[place:], place):
            if entry.tag == tag:
                lacks = _lacking(group.entries[place:number])
                first = entry.group.entries[0] if entry.group is not None else entry
                return Move(first, tuple(closes), lacks, entry.group, again=False)
        return None


def _lacking(entries: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(each.tag for each in entries if each.least)


def _is_tag(word: str) -> bool:
    return len(word) == 3 and word.isascii() and word.isalnum() and word.isupper()
