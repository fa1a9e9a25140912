"""Words in any script: normalised tokens, and lists of words and phrases matched against them in linear time.

A phrase matches whole tokens only, so "arms" is not found in "charms". Scripts that put no blank between words (Han, kana)
become one token a character: there a phrase is found anywhere.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping

Tokens = tuple[str, ...]
# The shortcut for ASCII says the same as the table of signs below: letters and digits make words.
_ASCII_WORDS = re.compile("[a-z0-9]+").findall


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
    return tuple(unicodedata.normalize("NFKC", text).casefold().translate(_SIGNS).split())


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
