"""Changes of a document that leave most of it standing: another value, a field twice, none, or in another place.

Bytes changed at random hardly ever get past the outermost brackets, so most changes keep to the tokens of the syntax.
"""

import random
import re
from collections.abc import Callable

# What has a value, and what is a field of its own, by syntax.
_VALUES = {
    "xml": re.compile(rb"(?<=>)[^<>]+(?=<)|(?<==\")[^\"<>]*(?=\")"),
    "json": re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null'),
    "edifact": re.compile(rb"[^+:'\r\n]+"),
}
_FIELDS = {
    "xml": re.compile(rb"<([\w:.-]+)[^<>]*>[^<>]*</\1>"),
    "json": re.compile(rb'"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|-?[\d.eE+-]+|true|false|null),?'),
    "edifact": re.compile(rb"[^']+'\s*"),
}
_ODD = [
    *(b"", b" ", b"0", b"-1", b"1e9", b"00000000000000000000001", b"9" * 30, b"0.0000000001", b"true", b"null", b"NaN"),
    *(
        b"2026-02-30",
        b"20260230",
        b"202602301200",
        b"\xc3\xa9",
        b"\xed\xa0\x80",
        b"\xff",
        b"\x00",
        b"?",
        b"??",
        b"'",
        b"&amp;",
    ),
    *(
        b"&#0;",
        b"]]>",
        b"\\ud800",
        b"\\u0000",
        b"[]",
        b"{}",
        b"x" * 700,
        b"\xe2\x80\xa8",
        b"IM0123456789",
        b"RR123456785NZ",
    ),
]


def mutate(syntax: str, data: bytes, most: int, seed: int, raw: Callable[[bytes, int], bytes]) -> bytes:
    """Change a document, two bytes of which say how it is read; raw changes bytes at random."""
    lot = random.Random(seed)
    head, body = data[:2].ljust(2, b"\0"), data[2:]
    for _ in range(lot.choice((1, 1, 1, 2, 4))):
        way = lot.random()
        if way < 0.15:
            body = raw(body, most - 2)
        elif way < 0.2:
            head = bytes((lot.randrange(256), lot.choice((0, 1, 7, 64, 255))))
        elif way < 0.7:
            body = _other_value(_VALUES[syntax], body, lot, raw)
        else:
            body = _other_place(_FIELDS[syntax], body, lot)
    return (head + body)[:most]


def _other_value(
    pattern: re.Pattern[bytes], body: bytes, lot: random.Random, raw: Callable[[bytes, int], bytes]
) -> bytes:
    found = list(pattern.finditer(body))
    if not found:
        return body
    old = lot.choice(found)
    value = lot.choice((lot.choice(_ODD), lot.choice(found)[0], raw(old[0], len(old[0]) + 8)))
    if old[0].startswith(b'"') and lot.random() < 0.7:
        value = b'"' + value.strip(b'"') + b'"'
    return body[: old.start()] + value + body[old.end() :]


def _other_place(pattern: re.Pattern[bytes], body: bytes, lot: random.Random) -> bytes:
    """Leave a field out, repeat it, or let two change places."""
    found = list(pattern.finditer(body))
    if not found:
        return body
    one, other = sorted((lot.choice(found), lot.choice(found)), key=lambda match: match.start())
    if lot.random() < 0.35:
        return body[: one.start()] + body[one.end() :]
    if lot.random() < 0.5 or one is other:
        return body[: other.start()] + one[0] + body[other.start() :]
    between = body[one.end() : other.start()]
    return body[: one.start()] + other[0] + between + one[0] + body[other.end() :]
