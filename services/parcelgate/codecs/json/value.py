"""JSON values as they are written: numbers as exact decimal text, and what is no value marked instead of raised (RFC 8259)."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from parcelgate.codecs.json import limit
from parcelgate.core.text import NUL

_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_HALF = re.compile("[\ud800-\udfff]")


class Odd:
    """What stands in the place of a value that can't be kept: a code of the catalogue, and words of its sentence."""

    __slots__ = ("code", "words")

    def __init__(self, code: str, **words: object) -> None:
        self.code = code
        self.words = words


class Repeated(dict[str, Any]):
    """An object in which names stand more than once; it has the last value of each."""

    names: tuple[str, ...] = ()


class Decoder:
    """Decodes the values of one document; not to be shared by threads."""

    def __init__(self) -> None:
        # Called for each object and number of a document, so they look nothing up.
        repeated, decimal, huge, longest = self._repeated, self._decimal, self._huge, limit.NUMBER

        def members_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            members = dict(pairs)
            return members if len(members) == len(pairs) else repeated(pairs)

        def digits_of(text: str) -> str | Odd:
            plain = len(text) <= longest and "e" not in text and "E" not in text
            return text if plain else decimal(text)

        decoder: Any = json.JSONDecoder(
            object_pairs_hook=members_of,
            parse_float=digits_of,
            parse_int=lambda text: text if len(text) <= longest else huge(),
            parse_constant=self._constant,
        )
        self._decode = decoder.scan_once
        # The last value has something odd in it.
        self.odd = False

    def value(self, text: str, start: int) -> tuple[Any, int]:
        """Decode the value that begins at a place; returns it and its end.

        Objects are dicts, texts and numbers alike str. Raises json.JSONDecodeError, or RecursionError if it is too deep.
        """
        self.odd = False
        try:
            value, end = self._decode(text, start)
        except StopIteration as stop:
            raise json.JSONDecodeError("Expecting value", text, stop.value) from None
        if text.find("\\", start, end) >= 0 and _ESCAPED.search(text, start, end) is not None:
            value = self._whole_text(value)
        return value, end

    def _repeated(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.odd = True
        seen: set[str] = set()
        twice = {name: None for name, _ in pairs if name in seen or seen.add(name)}  # type: ignore[func-returns-value]  # add returns None on purpose
        repeated = Repeated(pairs)
        repeated.names = tuple(twice)
        return repeated

    def _decimal(self, text: str) -> str | Odd:
        """Write an exponent out."""
        if len(text) > limit.NUMBER:
            return self._huge()
        exponent = int(text.lower().partition("e")[2])
        if abs(exponent) > limit.NUMBER:
            return self._huge()
        plain = f"{Decimal(text):f}"
        return plain if len(plain) <= limit.NUMBER else self._huge()

    def _huge(self) -> Odd:
        self.odd = True
        return Odd("JSON_NUMBER_HUGE", limit=limit.NUMBER)

    def _constant(self, word: str) -> Odd:
        self.odd = True
        return Odd("JSON_NOT_A_NUMBER", word=word)

    def _whole_text(self, value: Any) -> Any:
        """Put marks in the places of texts that are none: half a surrogate pair, U+0000."""
        if isinstance(value, str):
            return self._text(value)
        for holder in (value, *inside(value)):
            places = list(holder.items() if isinstance(holder, dict) else enumerate(holder))
            for place, each in places:
                if isinstance(each, str):
                    holder[place] = self._text(each)
        return value

    def _text(self, text: str) -> str | Odd:
        if NUL in text:
            self.odd = True
            return Odd("TEXT_NUL")
        if _HALF.search(text) is not None:
            self.odd = True
            return Odd("JSON_TEXT_BROKEN")
        return text


def inside(value: Any) -> Iterator[Any]:
    """Go through all objects and arrays inside a value."""
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        for each in holder.values() if isinstance(holder, dict) else holder if isinstance(holder, list) else ():
            if isinstance(each, dict | list):
                yield each
                waiting.append(each)


def depth_of(value: Any) -> int:
    """Tell how many objects and arrays are inside each other."""
    depth, layer = 0, [value]
    while layer := [each for each in layer if isinstance(each, dict | list)]:
        depth += 1
        layer = [inner for each in layer for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def kind_of(value: Any) -> str:
    """Say what a value is, in the words of RFC 8259."""
    kinds = {bool: "true or false", dict: "an object", Repeated: "an object", list: "an array"}
    return kinds.get(type(value), "null" if value is None else "a text or number")
