"""Words in any script: normalised tokens, and lists of words and phrases matched against them in linear time.

A phrase matches whole tokens only, so "arms" is not found in "charms". Scripts that put no blank between words (Han, kana)
become one token a character: there a phrase is found anywhere.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

Tokens = tuple[str, ...]
# The shortcuts for ASCII and for accented Latin letters say the same as the table of signs below: letters and digits make words.
_ASCII_WORDS = re.compile("[a-z0-9]+").findall
_LATIN_WORDS = re.compile("[a-z0-9\u00df-\u00f6\u00f8-\u017f]+").findall
_beyond_latin = re.compile("[\u00ad\u0180-\U0010ffff]").search
_KEPT = 8192
_KEPT_LENGTH = 256


class _Signs(dict[int, str | None]):
    """What becomes of each character; filled as characters are met."""

    def __missing__(self, code: int) -> str | None:
        sign = chr(code)
        category = unicodedata.category(sign)
        if category == "Cf":
            # Joiners and soft hyphens are invisible and would hide a word.
            kept: str | None = None
        elif _stands_alone(code):
            kept = f" {sign} "
        else:
            kept = sign if category[0] in "LMN" else " "
        self[code] = kept
        return kept


def _stands_alone(code: int) -> bool:
    """Tell whether a character is of Han, Hiragana or Katakana."""
    return 0x3400 <= code <= 0x9FFF or 0x3041 <= code <= 0x30FF or 0x20000 <= code <= 0x323AF


_SIGNS = _Signs()


def tokens(text: str) -> Tokens:
    """Split a text into words: NFKC, case folded, without punctuation and invisible characters; linear in its length."""
    if text.isascii():
        return tuple(_ASCII_WORDS(text.lower()))
    folded = unicodedata.normalize("NFKC", text).casefold()
    if _beyond_latin(folded) is None:
        return tuple(_LATIN_WORDS(folded))
    return tuple(folded.translate(_SIGNS).split())


class Wording:
    """What a description says, apart from who declares it: its words and the lists of which a phrase stands in it (a mask).

    defect is for the rules of quality: the name of the rule that the description breaks, "" for none, None if not looked at yet.
    """

    __slots__ = ("defect", "lists", "text", "tokens")

    def __init__(self, text: str, words: Tokens, lists: int) -> None:
        self.text = text
        self.tokens = words
        self.lists = lists
        self.defect: str | None = None


class Lexicon:
    """Several named lists of phrases that are looked for together, in one pass over the tokens."""

    def __init__(self, lists: Mapping[str, Iterable[str]]) -> None:
        """Take the phrases of each list as written; each list gets one bit of the masks that scan returns."""
        self.bits = {name: 1 << place for place, name in enumerate(lists)}
        self._words: dict[str, int] = {}
        longer: dict[str, list[tuple[Tokens, int, int]]] = {}
        for name, phrases in lists.items():
            bit = self.bits[name]
            for phrase in phrases:
                parts = tokens(phrase)
                if not parts:
                    raise ValueError(f"list {name} has a phrase without letters: {phrase!r}")
                if len(parts) == 1:
                    self._words[parts[0]] = self._words.get(parts[0], 0) | bit
                else:
                    longer.setdefault(parts[0], []).append((parts, len(parts), bit))
        self._longer = {first: tuple(rows) for first, rows in longer.items()}
        self._starts = frozenset(self._words) | frozenset(self._longer)
        self._kept = lru_cache(_KEPT)(self._read)

    def read(self, description: str) -> Wording:
        """Read the description of goods; shops send the same ones again and again, so the last few thousand are kept."""
        # A long text does not come twice, and thousands of them would fill the memory.
        return self._kept(description) if len(description) <= _KEPT_LENGTH else self._read(description)

    def _read(self, description: str) -> Wording:
        words = tokens(description)
        return Wording(description, words, self.scan(words))

    def scan(self, text: Tokens) -> int:
        """Return the mask of the lists of which a phrase stands in the text."""
        if self._starts.isdisjoint(text):
            return 0
        mask = 0
        words = self._words
        longer = self._longer
        for place, token in enumerate(text):
            if token in words:
                mask |= words[token]
            if token in longer:
                for parts, length, bit in longer[token]:
                    if text[place : place + length] == parts:
                        mask |= bit
        return mask


def with_english_plurals(phrases: Iterable[str]) -> list[str]:
    """Add to each phrase that ends in an ASCII letter other than s its plural in -s, and in -ies where it ends in -y."""
    out: list[str] = []
    for phrase in phrases:
        out.append(phrase)
        last = phrase[-1:]
        if last.isascii() and last.isalpha() and last.lower() != "s":
            out.append(f"{phrase}s")
            if last.lower() == "y":
                out.append(f"{phrase[:-1]}ies")
    return out


class Terms:
    """Terms that say nothing, to be found alone, or covering part of a text."""

    def __init__(self, phrases: Iterable[str]) -> None:
        """Take the terms as written."""
        self._terms = frozenset(tokens(phrase) for phrase in phrases)
        self._longest: dict[str, int] = {}
        for term in self._terms:
            if term:
                self._longest[term[0]] = max(len(term), self._longest.get(term[0], 0))

    def left_over(self, text: Tokens, enough: int) -> int:
        """Count the words, other than numbers, that no term covers, up to enough; at each place the longest term counts."""
        left = place = 0
        while place < len(text) and left < enough:
            token = text[place]
            for length in range(self._longest.get(token, 0), 0, -1):
                if text[place : place + length] in self._terms:
                    place += length
                    break
            else:
                left += not token.isdigit()
                place += 1
        return left
