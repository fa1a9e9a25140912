"""Values and currencies: there, of ISO 4217, and adding up."""

from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, shown
from parcelgate.risk.subject import NANOS, Line, Subject


def check(subject: Subject, reference: Reference, hits: Hits) -> None:
    """Look at the values of the item and of its lines; documents have none."""
    if subject.nature == "DOCUMENTS":
        return
    tolerance = reference.limits.value_difference_at_most
    total, currency = subject.declared_value, subject.declared_currency
    added, currencies = 0, {currency}
    for line in subject.lines:
        added += line.value
        currencies.add(line.currency)
    if total == 0 and added == 0:
        hits.add("value-missing", ("declared_value", "0"))
        return
    _currency("declared_value", total, currency, reference, hits)
    for line in subject.lines:
        _line(line, reference, hits, tolerance)
    if total and subject.lines and len(currencies) == 1 and abs(added - total) > max(tolerance, abs(total) // 100):
        hits.add("value-sum", ("declared_value", _show(total, currency)), ("content.value", _show(added, currency)))


def _line(line: Line, reference: Reference, hits: Hits, tolerance: int) -> None:
    path = f"{line.path}.value"
    if line.value <= 0:
        hits.add("value-zero", (path, _show(line.value, line.currency)))
        return
    _currency(path, line.value, line.currency, reference, hits)
    if line.value_usd is None and line.currency in reference.currencies:
        hits.add("currency-not-compared", (path, line.currency))
    if line.unit_value and line.quantity and line.unit_currency == line.currency:
        product = line.unit_value * line.quantity
        if product != line.value and abs(product - line.value) > max(tolerance, line.value // 100):
            hits.add(
                "value-unit",
                (f"{line.path}.unit_value", _show(line.unit_value, line.currency)),
                (f"{line.path}.quantity", str(line.quantity)),
                (path, _show(line.value, line.currency)),
            )


def _currency(path: str, value: int, currency: str, reference: Reference, hits: Hits) -> None:
    if not currency:
        if value:
            hits.add("currency-missing", (path, _show(value, "")))
    elif currency not in reference.currencies:
        hits.add("currency-unknown", (path, shown(currency)))


def _show(value: int, currency: str) -> str:
    return f"{value / NANOS:.2f} {shown(currency)}".strip()
