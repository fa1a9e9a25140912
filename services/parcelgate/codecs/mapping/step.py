"""Steps of a foreign path: names with what chooses one of several occurrences.

typeCode                    the name alone
weight[units=KG]            the occurrence whose units is KG; when written, units is written too
number[type=SDT][id~IM.*]   ... and whose id matches a pattern; a pattern is only read
line[2]                     the second occurrence
lineItems[]                 a JSON array; the other suffixes choose one of its entries
"""

import re
from typing import NamedTuple

_STEP = re.compile(r"([^/\[\]]+)((?:\[[^\]]*\])*)(?:/|$)")
_SUFFIX = re.compile(r"\[([^\]]*)\]")
_CHOICE = re.compile(r"([^=~]+)([=~])(.*)", re.DOTALL)


class Choice(NamedTuple):
    """What an occurrence must have: a value at a place inside it, or one that matches a pattern."""

    at: str
    value: str
    pattern: re.Pattern[str] | None = None

    def holds(self, text: str | None) -> bool:
        """Tell whether the text at the place is what is wanted."""
        if text is None:
            return False
        return self.pattern.fullmatch(text) is not None if self.pattern is not None else text == self.value


class Step(NamedTuple):
    """One step; place counts from 1, and 0 is any."""

    name: str
    tests: tuple[Choice, ...] = ()
    place: int = 0
    array: bool = False


def steps_of(path: str) -> list[Step]:
    """Take a path apart; raises ValueError with what is wrong about it."""
    found: list[Step] = []
    end = 0
    while end < len(path):
        match = _STEP.match(path, end)
        if match is None:
            raise ValueError("a step of the path is empty, or its brackets do not match")
        found.append(_step(match[1], _SUFFIX.findall(match[2])))
        end = match.end()
    if path.endswith("/"):
        raise ValueError("a step of the path is empty, or its brackets do not match")
    return found


def _step(name: str, suffixes: list[str]) -> Step:
    tests: list[Choice] = []
    place, array = 0, False
    for suffix in suffixes:
        choice = _CHOICE.fullmatch(suffix)
        if not suffix:
            array = True
        elif suffix.isdecimal() and int(suffix):
            place = int(suffix)
        elif choice is None:
            raise ValueError(f"[{suffix}] is neither a number nor name=value")
        else:
            at, sign, value = choice.groups()
            tests.append(Choice(at, value, re.compile(value) if sign == "~" else None))
    return Step(name, tuple(tests), place, array)
