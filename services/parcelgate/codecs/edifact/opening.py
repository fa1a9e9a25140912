"""The first bytes of an interchange: text before it, the service string advice UNA, and the interchange header UNB."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.edifact import delimiter, limit
from parcelgate.codecs.edifact.charset import REFUSED, SETS, CharacterSet
from parcelgate.codecs.edifact.delimiter import Delimiters
from parcelgate.core.fault import fault

_ADVICE = re.compile(rb"UNA(.)(.)(.)(.)(.)(.)[\r\n\t ]*UNB(?=\2)", re.DOTALL)
_HEADER = re.compile(rb"UNB(?=[+\x1d])")
_VERSIONS = frozenset("1234")
# UNA, its six characters, and UNB with the separator behind it.
_ADVICE_LENGTH = 13
_BLANK = b"\r\n\t \xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Opening:
    """How an interchange is to be read; parts begins with its UNB."""

    delimiters: Delimiters
    charset: CharacterSet
    version: str
    # Text of any kind stands before it.
    preceded: bool
    line: int
    parts: Iterable[bytes]


def opened(parts: Iterable[bytes]) -> Opening | Fault:
    """Find the beginning, and what UNA and UNB say about the rest."""
    rest = iter(parts)
    data = b""
    for part in rest:
        data += part
        if len(data) >= limit.BEFORE + limit.OPENING:
            break
    if not data.strip(_BLANK):
        return fault("DOCUMENT_EMPTY")
    place = _beginning(data)
    if isinstance(place, Fault):
        return place
    begin, at, found = place
    line = _line(data, at)
    syntax = _syntax(data[at : at + limit.OPENING], found)
    if syntax is None:
        return fault("EDIFACT_TRUNCATED", address="UNB", line=line, detail="UNB is not complete")
    charset = _charset(syntax[0], line)
    if isinstance(charset, Fault):
        return charset
    if syntax[1] not in _VERSIONS:
        return fault("SYNTAX_VERSION_UNKNOWN", address="UNB/1.2", line=line, value=syntax[1])
    preceded = bool(data[:begin].strip(_BLANK))
    return Opening(found.of_version(syntax[1]), charset, syntax[1], preceded, line, chain((data[at:],), rest))


def _beginning(data: bytes) -> tuple[int, int, Delimiters] | Fault:
    """Find where the interchange begins, where its UNB stands, and the service characters."""
    advice = _ADVICE.search(data, 0, limit.BEFORE + limit.OPENING)
    plain = _HEADER.search(data, 0, limit.BEFORE)
    # A service string that says something else than the ordinary must not be overlooked.
    if advice is not None and advice.start() <= limit.BEFORE and (plain is None or advice.start() < plain.start()):
        found = delimiter.from_advice(b"".join(advice.groups()).decode("latin-1"))
        if found is None:
            return fault("SERVICE_CHARACTERS_UNUSABLE", address="UNA", line=_line(data, advice.start()))
        return advice.start(), advice.end() - 3, found
    word = data.strip(_BLANK)[:3]
    if word == b"UNA" and (len(data.strip(_BLANK)) > _ADVICE_LENGTH or plain is not None):
        return fault("SERVICE_CHARACTERS_UNUSABLE", address="UNA", line=1)
    if plain is not None:
        at = plain.start()
        return at, at, delimiter.DEFAULT if data[at + 3 : at + 4] == b"+" else delimiter.LEVEL_B
    if b"UNA".startswith(word) or b"UNB".startswith(word):
        return fault("EDIFACT_TRUNCATED", address="UNB", line=1, detail="UNB is not complete")
    return fault("DOCUMENT_NOT_EDIFACT", line=1, limit=limit.BEFORE)


def _line(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + 1


def _syntax(data: bytes, found: Delimiters) -> tuple[str, str] | None:
    """Return syntax identifier and version; None if UNB ends before."""
    text = data.decode("latin-1")
    ends = [place for mark in (found.element, found.terminator) if (place := text.find(mark, 4)) >= 0]
    if not ends:
        return None
    parts = text[4 : min(ends)].split(found.component)
    return parts[0].strip(), parts[1].strip() if len(parts) > 1 else ""


def _charset(name: str, line: int) -> CharacterSet | Fault:
    if name in REFUSED:
        return fault("CHARACTER_SET_REFUSED", address="UNB/1.1", line=line, value=name, known=", ".join(SETS))
    if name not in SETS:
        return fault("CHARACTER_SET_UNKNOWN", address="UNB/1.1", line=line, value=name, known=", ".join(SETS))
    return SETS[name]


def begins(first: bytes) -> bool:
    """Tell whether the first bytes of a document hold the beginning of an interchange, or look like one cut off."""
    start = first[: limit.BEFORE].lstrip(_BLANK)
    if start[:1] in (b"<", b"{", b"["):
        return False
    word = start[:3]
    if word in (b"UNA", b"UNB") or (word and len(start) < 3 and b"UN".startswith(word[:2])):
        return True
    return (
        _ADVICE.search(first, 0, limit.BEFORE + limit.OPENING) is not None
        or _HEADER.search(first, 0, limit.BEFORE) is not None
    )
