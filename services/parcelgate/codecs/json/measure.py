"""How far a value reaches, without making it: for values that are too large, too deep or not whole."""

import re
from typing import NamedTuple

# Up to the next sign that counts, over texts with all that is in them; never goes back.
_RUN = re.compile(r'[^"\[\]{},]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{},]*+)*+', re.DOTALL)


class Extent(NamedTuple):
    """Where a value ends, how deep it is, and of about how many values it is made."""

    end: int
    depth: int
    values: int


def measure(text: str, start: int) -> Extent | None:
    """Follow brackets and quotes from a bracket on; None if they are not closed in the text, or it is no bracket."""
    if text[start : start + 1] not in ("{", "["):
        return None
    place, depth, deepest, values = start, 0, 0, 1
    while True:
        match = _RUN.match(text, place)
        place = match.end() if match is not None else place
        sign = text[place : place + 1]
        place += 1
        if sign == ",":
            values += 1
        elif sign in ("{", "["):
            values += 1
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ("}", "]"):
            depth -= 1
            if not depth:
                return Extent(place, deepest, values)
        else:
            return None
