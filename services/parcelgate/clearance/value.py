"""The intrinsic value of a consignment in the territory's currency: the goods alone, without transport, insurance and taxes."""

from dataclasses import dataclass

from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.clearance import amount
from parcelgate.clearance.consignment import Consignment, Gap
from parcelgate.clearance.plan import Plan

_NANOS = 1_000_000_000
# Minor units; with duties and taxes on top it is still an amount that Money can hold.
_MOST = 10**16


@dataclass(slots=True)
class Value:
    """A value in minor units of the territory's currency, and the exchange rates that were used for it."""

    minor: int
    exchange_rate: str


_NOTHING = Value(0, "")


def intrinsic(seen: Consignment, plan: Plan, gaps: list[Gap]) -> Value | None:
    """Work out the value of the goods: the declared total, else the sum of the lines; None, with gaps added, if it can't be.

    A total that differs from its lines by more than rounding explains (a minor unit for each price stated) is a gap: nobody
    can tell which is right.
    """
    before = len(gaps)
    sums: dict[str, int] = {}
    unpriced: list[str] = []
    prices = 0
    for index, (nanos, currency, stated) in enumerate(seen.lines):
        if nanos is None:
            unpriced.append(f"content[{index}].value")
            continue
        if nanos < 0:
            gaps.append(Gap("VALUE_NOT_POSITIVE", _line_path(seen, index)))
        sums[currency] = sums.get(currency, 0) + nanos
        prices += stated
    item = seen.item
    money = item.declared_value
    total, currency = money.units * _NANOS + money.nanos, money.currency
    if total or currency or item.HasField("declared_value"):
        if total <= 0:
            gaps.append(Gap("VALUE_NOT_POSITIVE", "declared_value"))
        elif not unpriced and len(sums) == 1 and _differ(total, currency, sums, prices):
            gaps.append(Gap("VALUE_CONFLICT", "declared_value"))
        return _one(total, currency, "declared_value.currency", plan, gaps, before)
    if unpriced or not sums:
        gaps.extend(Gap("VALUE_MISSING", path) for path in unpriced or ["declared_value"])
    elif len(gaps) == before and not any(sums.values()):
        gaps.append(Gap("VALUE_NOT_POSITIVE", _line_path(seen, 0)))
    return _sum(seen, sums, plan, gaps, before)


def postage(item: Item, plan: Plan, gaps: list[Gap]) -> Value | None:
    """Work out the postage or freight; zero where none is declared; None, with gaps added, if it can't be."""
    money = item.postage
    nanos = money.units * _NANOS + money.nanos
    if not nanos:
        return _NOTHING
    before = len(gaps)
    if nanos < 0:
        gaps.append(Gap("VALUE_NOT_POSITIVE", "postage"))
    return _one(nanos, money.currency, "postage.currency", plan, gaps, before)


def line(seen: Consignment, index: int, plan: Plan, gaps: list[Gap]) -> Value | None:
    """Work out the value of one line; None, with a gap added, if it can't be."""
    nanos, currency, _ = seen.lines[index]
    if nanos is None:
        gaps.append(Gap("VALUE_MISSING", f"content[{index}].value"))
        return None
    return _one(nanos, currency, f"{_line_path(seen, index)}.currency", plan, gaps, len(gaps))


def _differ(nanos: int, currency: str, sums: dict[str, int], prices: int) -> bool:
    """Tell whether a total is further from its lines than so many minor units."""
    if currency not in sums or nanos == sums[currency] or not amount.currency_is_known(currency):
        return False
    return abs(nanos - sums[currency]) > prices * _NANOS // amount.scale(currency)


def _line_path(seen: Consignment, index: int) -> str:
    """Return the path of the value that a line states."""
    return f"content[{index}].{'value' if seen.pieces[index].HasField('value') else 'unit_value'}"


def _one(nanos: int, currency: str, path: str, plan: Plan, gaps: list[Gap], before: int) -> Value | None:
    """Convert an amount in one currency and round it; None if any gap was added since before."""
    numerator, denominator, used = nanos, _NANOS, ""
    if currency != plan.currency:
        rate = plan.exchange_rates.get(currency)
        if rate is None:
            gaps.append(_currency_gap(currency, path, plan))
            return None
        numerator, denominator, used = nanos * rate.numerator, rate.denominator * _NANOS, rate.label
    if len(gaps) > before:
        return None
    minor = amount.half_up(numerator * plan.scale, denominator)
    if minor > _MOST:
        gaps.append(Gap("VALUE_TOO_LARGE", path.removesuffix(".currency")))
        return None
    return Value(minor, used)


def _sum(seen: Consignment, sums: dict[str, int], plan: Plan, gaps: list[Gap], before: int) -> Value | None:
    """Add up amounts of several currencies exactly and round once; None if any gap was added since before."""
    numerator, denominator, used = 0, 1, ""
    for currency, nanos in sums.items():
        if currency == plan.currency:
            numerator += nanos * denominator
            continue
        rate = plan.exchange_rates.get(currency)
        if rate is None:
            gaps.extend(
                _currency_gap(currency, f"{_line_path(seen, index)}.currency", plan)
                for index, (nanos_of_line, currency_of_line, _) in enumerate(seen.lines)
                if nanos_of_line is not None and currency_of_line == currency
            )
            continue
        numerator = numerator * rate.denominator + nanos * rate.numerator * denominator
        denominator *= rate.denominator
        used = f"{used}; {rate.label}" if used else rate.label
    if len(gaps) > before:
        return None
    minor = amount.half_up(numerator * plan.scale, denominator * _NANOS)
    if minor > _MOST:
        gaps.append(Gap("VALUE_TOO_LARGE", _line_path(seen, 0)))
        return None
    return Value(minor, used)


def _currency_gap(currency: str, path: str, plan: Plan) -> Gap:
    if not currency:
        return Gap("CURRENCY_MISSING", path)
    if not amount.currency_is_known(currency):
        return Gap("CURRENCY_UNKNOWN", path)
    words = (("currency", currency), ("own", plan.currency), ("date", plan.release))
    return Gap("EXCHANGE_RATE_MISSING", path, plan.basis, words)
