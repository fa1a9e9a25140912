"""The description of each line: that it says what the goods are (UCC data element 18 05; ICS2 stop words)."""

from parcelgate.risk.reference import STOP_TERMS, Reference
from parcelgate.risk.rule import Hits, shown
from parcelgate.risk.subject import Line, Subject

_REPEATS = 3


def check(subject: Subject, reference: Reference, hits: Hits) -> None:
    """Look at the descriptions and the number of pieces."""
    if not subject.lines:
        if subject.nature != "DOCUMENTS":
            hits.add("content-missing", ("content", ""))
        return
    stop_bit = reference.lexicon.bits[STOP_TERMS]
    for line in subject.lines:
        _look_at(line, reference, hits, stop_bit)
        if line.quantity == 0:
            hits.add("quantity-missing", (f"{line.path}.quantity", "0"))
    if len(subject.lines) > 1:
        _repeated(subject, hits)


def _look_at(line: Line, reference: Reference, hits: Hits, stop_bit: int) -> None:
    description = line.description
    rule = ""
    if not description.strip():
        rule = "description-missing"
    elif not line.tokens:
        rule = "description-signs"
    elif line.tokens[0].isdigit() and all(token.isdigit() for token in line.tokens):
        rule = "description-digits"
    elif len(line.tokens) == 1 and _is_one_sign(line.tokens[0]):
        rule = "description-one-sign"
    elif "." in description and _is_file_name(description.strip(), reference):
        rule = "description-file-name"
    elif line.words & stop_bit:
        rule = _stop_word(line, reference)
    elif len(description) in reference.limits.cut_lengths and description[-1].isalnum():
        rule = "description-cut"
    if rule:
        hits.add(rule, (f"{line.path}.description", shown(description)))


def _is_one_sign(token: str) -> bool:
    return len(token) >= _REPEATS and token == token[0] * len(token)


def _is_file_name(description: str, reference: Reference) -> bool:
    return " " not in description and description.lower().endswith(reference.limits.file_extensions)


def _stop_word(line: Line, reference: Reference) -> str:
    left = reference.goods_terms.left_over(line.tokens, enough=2)
    return ("description-stop-word", "description-stop-word-inside", "")[left]


def _repeated(subject: Subject, hits: Hits) -> None:
    seen: dict[tuple[str, ...], Line] = {}
    for line in subject.lines:
        before = seen.setdefault(line.tokens, line)
        if before is not line and line.tokens and line.hs_code[:6] != before.hs_code[:6]:
            hits.add(
                "description-repeated",
                (f"{line.path}.description", shown(line.description)),
                (f"{before.path}.hs_code", shown(before.hs_code)),
                (f"{line.path}.hs_code", shown(line.hs_code)),
            )
            return
