"""What each line says of the goods: a description that tells what they are (UCC data element 18 05; ICS2 stop words), a unit, GTINs."""

from parcelgate.core import registration
from parcelgate.risk.reference import STOP_TERMS, Reference
from parcelgate.risk.rule import Hits, shown
from parcelgate.risk.subject import Line, Subject
from parcelgate.risk.words import Tokens, Wording

_REPEATS = 3
_GTIN = "GTIN"
_GTIN_RULES = {registration.SHAPE: "gtin-shape", registration.CHECK_DIGIT: "gtin-check-digit"}


def check(subject: Subject, reference: Reference, hits: Hits) -> None:
    """Look at the descriptions, the number of pieces with its unit, and the GTINs."""
    lines = subject.lines
    if not lines:
        if subject.nature != "DOCUMENTS":
            hits.add("content-missing", ("content", ""))
        return
    for line in lines:
        wording = line.wording
        rule = wording.defect
        if rule is None:
            rule = wording.defect = _defect(wording, reference)
        if rule:
            hits.add(rule, (f"{line.path}.description", shown(wording.text)))
        if line.quantity == 0:
            hits.add("quantity-missing", (f"{line.path}.quantity", "0"))
        piece = line.piece
        unit = piece.unit_code
        if unit and unit not in reference.units:
            hits.add("unit-unknown", (f"{line.path}.unit_code", shown(unit)))
        if piece.product_identifiers:
            _products(line, hits)
    if len(lines) > 1:
        _repeated(subject, hits)


def _products(line: Line, hits: Hits) -> None:
    for place, product in enumerate(line.piece.product_identifiers):
        if product.scheme == _GTIN and (found := registration.problem(_GTIN, product.identifier)):
            path = f"{line.path}.product_identifiers[{place}].identifier"
            hits.add(_GTIN_RULES[found], (path, shown(product.identifier)))


def _defect(wording: Wording, reference: Reference) -> str:
    """Name the rule that a description breaks; empty if it breaks none."""
    description, words = wording.text, wording.tokens
    rule = ""
    if not description.strip():
        rule = "description-missing"
    elif not words:
        rule = "description-signs"
    elif words[0].isdigit() and all(token.isdigit() for token in words):
        rule = "description-digits"
    elif len(words) == 1 and _is_one_sign(words[0]):
        rule = "description-one-sign"
    elif "." in description and _is_file_name(description.strip(), reference):
        rule = "description-file-name"
    elif wording.lists & reference.lexicon.bits[STOP_TERMS]:
        rule = _stop_word(words, reference)
    elif len(description) in reference.limits.cut_lengths and description[-1].isalnum():
        rule = "description-cut"
    return rule


def _is_one_sign(token: str) -> bool:
    return len(token) >= _REPEATS and token == token[0] * len(token)


def _is_file_name(description: str, reference: Reference) -> bool:
    return " " not in description and description.lower().endswith(reference.limits.file_extensions)


def _stop_word(words: Tokens, reference: Reference) -> str:
    left = reference.goods_terms.left_over(words, enough=2)
    return ("description-stop-word", "description-stop-word-inside", "")[left]


def _repeated(subject: Subject, hits: Hits) -> None:
    seen: dict[Tokens, Line] = {}
    for line in subject.lines:
        words = line.wording.tokens
        before = seen.setdefault(words, line)
        if before is not line and words and line.hs_code[:6] != before.hs_code[:6]:
            hits.add(
                "description-repeated",
                (f"{line.path}.description", shown(line.description)),
                (f"{before.path}.hs_code", shown(before.hs_code)),
                (f"{line.path}.hs_code", shown(line.hs_code)),
            )
            return
