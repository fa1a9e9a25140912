"""Masking: how much of a value of the sender's a fault may show. It travels in answers, facts and logs, where no name may stand."""

import re

# A code, or a number with its unit. Whatever else stands in such a field may have slipped there out of the field beside it.
_PLAIN = re.compile(r"[A-Za-z]{0,3}|(?=.*\d)[\w.,+:/-]{1,40}", re.ASCII)


def value_shown(text: str, *, personal: bool = False) -> str:
    """Show a code or a number as it is, any other text masked; a field that may hold personal data is always masked."""
    word = text.strip()
    return word if not personal and _PLAIN.fullmatch(word) else masked(word)


def masked(text: str) -> str:
    """Show of a value that may be personal data only its first letter and its length."""
    word = text.strip()
    return f"{word[0]}… ({len(word)} characters)" if word else ""
