"""Values and currencies: there, of ISO 4217, and adding up."""

from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, shown
from parcelgate.risk.subject import NANOS, Line, Subject


def check(subject: Subject, reference: Reference, hits: Hits) -> None:
    """Look at the values of the item and of its lines; documents have none."""
    if subject.nature == "DOCUMENTS":
        return
    tolerance = reference.limits.value_difference_at_most
    total, currency, lines = subject.declared_value, subject.declared_currency, subject.lines
    added = 0
    for line in lines:
        added += line.value
    if total == 0 and added == 0:
        hits.add("value-missing", ("declared_value", "0"))
        return
    if currency not in reference.currencies:
        _currency("declared_value", total, currency, hits)
    one_currency = True
    for line in lines:
        if line.currency != currency:
            one_currency = False
        _line(line, reference, hits, tolerance)
    if total and added != total and lines and one_currency and abs(added - total) > max(tolerance, abs(total) // 100):
        hits.add("value-sum", ("declared_value", _show(total, currency)), ("content.value", _show(added, currency)))


def _line(line: Line, reference: Reference, hits: Hits, tolerance: int) -> None:
    value, currency = line.value, line.currency
    if value <= 0:
        hits.add("value-zero", (f"{line.path}.value", _show(value, currency)))
        return
    if currency not in reference.currencies:
        _currency(f"{line.path}.value", value, currency, hits)
    elif line.value_usd is None:
        hits.add("currency-not-compared", (f"{line.path}.value", currency))
    if line.unit_value and line.quantity and line.unit_currency == currency:
        product = line.unit_value * line.quantity
        if product != value and abs(product - value) > max(tolerance, value // 100):
            hits.add(
                "value-unit",
                (f"{line.path}.unit_value", _show(line.unit_value, currency)),
                (f"{line.path}.quantity", str(line.quantity)),
                (f"{line.path}.value", _show(value, currency)),
            )


def _currency(path: str, value: int, currency: str, hits: Hits) -> None:
    """Say what is wrong with a currency that is none of ISO 4217."""
    if currency:
        hits.add("currency-unknown", (path, shown(currency)))
    elif value:
        hits.add("currency-missing", (path, _show(value, "")))


def _show(value: int, currency: str) -> str:
    return f"{value / NANOS:.2f} {shown(currency)}".strip()
