"""Text of an item counts in normal form C, and what needs no looking at is in that form whatever it says."""

import sys
import unicodedata

from parcelgate.core import hash as canonical

_SURROGATES = range(0xD800, 0xE000)


def _characters():
    return (chr(number) for number in range(sys.maxunicode + 1) if number not in _SURROGATES)


def _joins_what_stands_before_it():
    """Yield the characters that may become one with the character before them."""
    for character in _characters():
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            yield chr(int(parts[1], 16))
    # The vowels and final consonants of Korean syllables are put together by rule.
    yield from map(chr, (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)))


def test_plain_text_is_in_normal_form_whatever_stands_beside_what():
    joining = set(_joins_what_stands_before_it())
    plain = [each for each in _characters() if not each.encode().translate(None, canonical._PLAIN)]
    assert {"é", "Ж", "义", "한"} <= set(plain)
    assert all(unicodedata.is_normalized("NFC", each) for each in plain)
    assert not any(unicodedata.combining(each) or each in joining for each in plain)


def test_the_same_text_in_another_form_is_the_same_item():
    for text in ("José", "Ольга Йовчева", "義烏市ガ", "한국", "Ångström", "Việt Nam"):
        forms = {canonical.of_fields({"nature_text": unicodedata.normalize(form, text)}) for form in ("NFC", "NFD")}
        assert len(forms) == 1
