"""The HS code of each line: there when needed, digits, a chapter that exists (WCO HS 2022; ICS2 rule on natural persons)."""

from functools import lru_cache

from parcelgate.core.identifier import hs_is_wellformed
from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, shown
from parcelgate.risk.subject import Subject

_LENGTHS = (6, 8, 10)
# One digit more than any code has says enough.
_LONGEST = 11
_NATIONAL_CHAPTERS = ("98", "99")


def check(subject: Subject, _reference: Reference, hits: Hits) -> None:
    """Look at the HS codes; whether a subheading exists is not looked at, no list of them is at hand."""
    for line in subject.lines:
        code = line.hs_code
        if not code:
            if _is_needed(subject):
                hits.add(
                    "hs-missing", (f"{line.path}.hs_code", ""), (f"{line.path}.description", shown(line.description))
                )
        elif rule := _defect(code[:_LONGEST]):
            hits.add(rule, (f"{line.path}.hs_code", shown(code)))


@lru_cache(maxsize=8192)
def _defect(code: str) -> str:
    """Name the rule that an HS code breaks; traffic repeats few codes."""
    if hs_is_wellformed(code):
        return "hs-national-chapter" if code[:2] in _NATIONAL_CHAPTERS else ""
    return "hs-chapter" if code.isascii() and code.isdigit() and len(code) in _LENGTHS else "hs-malformed"


def _is_needed(subject: Subject) -> bool:
    if subject.nature == "DOCUMENTS":
        return False
    sender, recipient = subject.sender, subject.recipient
    return not (sender is not None and sender.is_natural and recipient is not None and recipient.is_natural)
