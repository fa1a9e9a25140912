"""The HS code of each line: there when it must be, digits, a chapter that exists (WCO HS 2022; ICS2 rule on natural persons)."""

from parcelgate.core.identifier import hs_is_wellformed
from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, shown
from parcelgate.risk.subject import Subject

_LENGTHS = (6, 8, 10)


def check(subject: Subject, _reference: Reference, hits: Hits) -> None:
    """Look at the HS codes; whether a subheading exists is not looked at, no list of them is at hand."""
    for line in subject.lines:
        code = line.hs_code
        if not code:
            if _is_needed(subject):
                hits.add(
                    "hs-missing", (f"{line.path}.hs_code", ""), (f"{line.path}.description", shown(line.description))
                )
        elif not hs_is_wellformed(code):
            shaped = code.isascii() and code.isdigit() and len(code) in _LENGTHS
            hits.add("hs-chapter" if shaped else "hs-malformed", (f"{line.path}.hs_code", shown(code)))
        elif code[:2] in ("98", "99"):
            hits.add("hs-national-chapter", (f"{line.path}.hs_code", code))


def _is_needed(subject: Subject) -> bool:
    if subject.nature == "DOCUMENTS":
        return False
    sender, recipient = subject.sender, subject.recipient
    return not (sender is not None and sender.is_natural and recipient is not None and recipient.is_natural)
