"""Risk profiles: one dated, versioned file each, compiled when they are loaded."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from parcelgate.core import resource
from parcelgate.risk.predicate import Predicate, Test, beginning_with, compiled
from parcelgate.risk.reference import CODE_LISTS, Reference, read, territory
from parcelgate.risk.rule import Hit, Rule, rule_of
from parcelgate.risk.subject import Line, Subject

_NEEDED = ("id", "valid_from", "author", "channel", "territory", "reason", "sentence", "weight", "action", "when")
_KEYS = frozenset({*_NEEDED, "version", "source", "valid_to", "question"})
_KEPT = 4096
_COUNTRY_LENGTH = 2
_CHANNELS = ("any", "POST", "EXPRESS")


@dataclass(frozen=True, slots=True)
class Alternative:
    """Rows that must all hold: those about the item, and those that one and the same line must satisfy."""

    rows: tuple[Predicate, ...]
    holds: Test
    line_holds: Test | None

    @classmethod
    def of(cls, rows: tuple[Predicate, ...]) -> "Alternative":
        """Put the tests of the rows together into one function."""
        about_item = [row.test for row in rows if row.field.level == "item"]
        about_line = [row.test for row in rows if row.field.level == "line"]
        if not about_line:
            return cls(rows, _all_hold(about_item), None)
        # What is wanted of a line is found seldom, and costs least to look for.
        line_holds = _all_hold(about_line)
        return cls(rows, _all_hold([_on_some_line(line_holds), *about_item]), line_holds)


def _all_hold(tests: Sequence[Test]) -> Test:
    """Make one test of several; one and two, which is what most profiles have, without a loop."""
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        one, other = tests
        return lambda source: one(source) and other(source)

    return lambda source: all(test(source) for test in tests)


def _on_some_line(holds: Test) -> Test:
    def on_some_line(subject: Subject) -> bool:
        for line in subject.lines:  # noqa: SIM110  # a generator for every item costs more than the test itself
            if holds(line):
                return True
        return False

    return on_some_line


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile; it fires once an item, by the first of its alternatives that holds."""

    rule: Rule
    source: str
    author: str
    first_day: int
    last_day: int
    channel: str | None
    territory: frozenset[str] | None
    alternatives: tuple[Alternative, ...]

    def concerns(self, channel: str, country: str) -> bool:
        """Tell whether the profile is for what comes by a channel and goes to a country."""
        return self.channel in (None, channel) and (self.territory is None or country in self.territory)

    def fire(self, subject: Subject) -> Hit | None:
        """Return what the profile saw if it fires on an item that it concerns, else None."""
        for alternative in self.alternatives:
            if alternative.holds(subject):
                line = None
                if alternative.line_holds is not None:
                    line = next(one for one in subject.lines if alternative.line_holds(one))
                return self._hit(alternative, subject, line)
        return None

    def _hit(self, alternative: Alternative, subject: Subject, line: Line | None) -> Hit:
        # What the profile is about comes first, so that a referral points at the line.
        inputs: dict[tuple[str, str], None] = {}
        for row in sorted(alternative.rows, key=lambda row: row.field.level != "line"):
            source = line if line is not None and row.field.level == "line" else subject
            inputs.update(dict.fromkeys(row.field.inputs(source)))
        return Hit(self.rule, tuple(inputs))


class Edition:
    """The profiles valid on one day. Those that need certain words or HS codes are asked only where one is found."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        """Take the profiles."""
        self.profiles = tuple(profiles)
        self._words = 0
        prefixes: set[str] = set()
        asked: list[Profile] = []
        watching: list[Profile] = []
        for one in profiles:
            needs = [(row.words, row.prefixes) for row in (_first_need(entry) for entry in one.alternatives) if row]
            if len(needs) < len(one.alternatives):
                asked.append(one)
                continue
            watching.append(one)
            for words, of_prefixes in needs:
                self._words |= words
                prefixes.update(of_prefixes)
        self._asked = tuple(asked)
        self._watching = tuple(watching)
        self._is_watched = beginning_with(prefixes)
        # By channel and destination, as traffic brings them; the profiles asked with the test of each of their alternatives.
        self._concerned: dict[tuple[str, str], tuple[tuple[tuple[Test, Profile], ...], tuple[Profile, ...]]] = {}

    def fire(self, subject: Subject) -> list[Hit]:
        """Return what the profiles that fire saw."""
        place = (subject.channel, subject.destination_country)
        concerned = self._concerned.get(place)
        if concerned is None:
            if len(self._concerned) >= _KEPT:
                self._concerned.clear()
            tests = ((entry.holds, one) for one in _here(self._asked, *place) for entry in one.alternatives)
            concerned = (tuple(tests), _here(self._watching, *place))
            if len(subject.destination_country) <= _COUNTRY_LENGTH:
                # What is no country code may be any text, of any length.
                self._concerned[place] = concerned
        asked, watching = concerned
        firing = [one for holds, one in asked if holds(subject)]
        hits = [hit for one in dict.fromkeys(firing) if (hit := one.fire(subject)) is not None] if firing else []
        words, is_watched = self._words, self._is_watched
        for line in subject.lines:
            if line.wording.lists & words or is_watched(line.hs_code):
                hits.extend(hit for one in watching if (hit := one.fire(subject)) is not None)
                break
        return hits


def _here(profiles: Iterable[Profile], channel: str, country: str) -> tuple[Profile, ...]:
    return tuple(one for one in profiles if one.concerns(channel, country))


def _first_need(alternative: Alternative) -> Predicate | None:
    return next((row for row in alternative.rows if row.words or row.prefixes), None)


@dataclass(frozen=True, slots=True)
class ProfileSet:
    """All profiles, of all dates; its name changes with any byte of the data it was made from."""

    name: str
    profiles: Sequence[Profile]

    def on(self, day: int) -> Edition:
        """Return the profiles valid on a day (ordinal); for an unknown day, 0, those that have no end."""
        if day == 0:
            return Edition([profile for profile in self.profiles if profile.last_day == date.max.toordinal()])
        return Edition([profile for profile in self.profiles if profile.first_day <= day <= profile.last_day])


def load(root: Path, reference: Reference) -> ProfileSet:
    """Read and compile all profiles below schemas/risk; raises ValueError that names file and row of what is wrong."""
    paths = sorted((root / "profiles").glob("*.toml"))
    profiles = [profile(path, reference) for path in paths]
    for place, one in enumerate(profiles):
        for other in profiles[place + 1 :]:
            if one.rule.id == other.rule.id and one.first_day <= other.last_day and other.first_day <= one.last_day:
                raise ValueError(f"profile {one.rule.id}: versions {one.rule.version} and {other.rule.version} overlap")
    digest = hashlib.sha256()
    code_lists = [resource.schemas() / "codelists" / f"{name}.toml" for name in CODE_LISTS]
    for path in [*sorted(root.rglob("*.toml")), *code_lists]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return ProfileSet(f"{root.name}@{digest.hexdigest()[:12]}", profiles)


def profile(path: Path, reference: Reference) -> Profile:
    """Read and compile one profile; raises ValueError that names file and row of what is wrong."""
    data = read(path, *_NEEDED)
    unknown = sorted(set(data) - _KEYS)
    if unknown:
        raise ValueError(f"{path.name}: unknown key {', '.join(unknown)}")
    if not path.stem.startswith(data["id"]):
        raise ValueError(f"{path.name}: the file name must begin with the id {data['id']}")
    if data["channel"] not in _CHANNELS:
        raise ValueError(f"{path.name}: unknown channel {data['channel']}, known are {', '.join(_CHANNELS)}")
    first, last = data["valid_from"], data.get("valid_to", date.max)
    if not isinstance(first, date) or not isinstance(last, date) or last < first:
        raise ValueError(f"{path.name}: valid_from and valid_to must be days in that order")
    if not data["when"]:
        raise ValueError(f"{path.name}: when has no alternative")
    return Profile(
        rule=rule_of(data, data["id"], data["version"], path.name),
        source=data["source"],
        author=data["author"],
        first_day=first.toordinal(),
        last_day=last.toordinal(),
        channel=None if data["channel"] == "any" else data["channel"],
        territory=None if "*" in data["territory"] else territory(data["territory"], reference.lists, path.name),
        alternatives=tuple(
            _alternative(entry, reference, f"{path.name}, alternative {place}")
            for place, entry in enumerate(data["when"], start=1)
        ),
    )


def _alternative(entry: Mapping[str, Any], reference: Reference, place: str) -> Alternative:
    if set(entry) != {"all"} or not entry["all"]:
        raise ValueError(f"{place}: an alternative is a list of rows named all")
    rows = tuple(compiled(row, reference, f"{place}, row {number}") for number, row in enumerate(entry["all"], start=1))
    return Alternative.of(rows)
