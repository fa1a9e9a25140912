"""The intrinsic value of a consignment in the territory's currency: the goods alone, without transport, insurance and taxes."""

from dataclasses import dataclass

from parcelgate.api.record.v1.item_pb2 import ContentPiece, Item
from parcelgate.api.record.v1.quantity_pb2 import Money
from parcelgate.clearance import amount
from parcelgate.clearance.consignment import Gap
from parcelgate.clearance.plan import Plan

_NANOS = 1_000_000_000


@dataclass(slots=True)
class Value:
    """A value in minor units of the territory's currency, and the exchange rates that were used for it."""

    minor: int
    exchange_rate: str


def intrinsic(item: Item, plan: Plan, gaps: list[Gap]) -> Value | None:
    """Work out the value of the goods: the declared total, else the sum of the lines; None, with gaps added, if it can't be.

    A total that differs from its lines by more than rounding explains (a minor unit for each price stated) is a gap: nobody
    can tell which is right.
    """
    before = len(gaps)
    sums: dict[str, int] = {}
    unpriced: list[str] = []
    tolerated = 0
    for index, piece in enumerate(item.content):
        written = line_money(piece)
        if written is None:
            unpriced.append(f"content[{index}].value")
        else:
            nanos, currency = written
            if nanos < 0:
                gaps.append(Gap("VALUE_NOT_POSITIVE", f"content[{index}].value"))
            sums[currency] = sums.get(currency, 0) + nanos
            tolerated += 1 if piece.HasField("value") else piece.quantity
    if item.HasField("declared_value"):
        money = item.declared_value
        nanos, currency = amount.nanos(money), money.currency
        if nanos <= 0:
            gaps.append(Gap("VALUE_NOT_POSITIVE", "declared_value"))
        elif not unpriced and len(sums) == 1 and _differ(nanos, currency, sums, tolerated):
            gaps.append(Gap("VALUE_CONFLICT", "declared_value"))
        return _convert({currency: nanos}, {currency: "declared_value.currency"}, plan, gaps, before)
    if unpriced or not sums:
        gaps.extend(Gap("VALUE_MISSING", path) for path in unpriced or ["declared_value"])
    elif sum(sums.values()) <= 0:
        gaps.append(Gap("VALUE_NOT_POSITIVE", "content[0].value"))
    return _convert(sums, _currency_paths(item), plan, gaps, before)


def postage(item: Item, plan: Plan, gaps: list[Gap]) -> Value | None:
    """Work out the postage or freight; zero where none is declared; None, with gaps added, if it can't be."""
    if not item.HasField("postage"):
        return Value(0, "")
    money = item.postage
    nanos = amount.nanos(money)
    if not nanos:
        return Value(0, "")
    before = len(gaps)
    if nanos < 0:
        gaps.append(Gap("VALUE_NOT_POSITIVE", "postage"))
    return _convert({money.currency: nanos}, {money.currency: "postage.currency"}, plan, gaps, before)


def line(piece: ContentPiece, index: int, plan: Plan, gaps: list[Gap]) -> Value | None:
    """Work out the value of one line; None, with a gap added, if it can't be."""
    written = line_money(piece)
    if written is None:
        gaps.append(Gap("VALUE_MISSING", f"content[{index}].value"))
        return None
    nanos, currency = written
    return _convert({currency: nanos}, {currency: f"content[{index}].value.currency"}, plan, gaps, len(gaps))


def line_money(piece: ContentPiece) -> tuple[int, str] | None:
    """Return the value of a line in billionths with its currency: as stated, else of one piece times the quantity."""
    if piece.HasField("value"):
        money: Money = piece.value
        return money.units * _NANOS + money.nanos, money.currency
    if piece.HasField("unit_value") and piece.quantity:
        money = piece.unit_value
        return amount.nanos(money) * piece.quantity, money.currency
    return None


def _differ(nanos: int, currency: str, sums: dict[str, int], tolerated: int) -> bool:
    """Tell whether a total is further from its lines than so many minor units."""
    if currency not in sums or nanos == sums[currency] or not amount.currency_is_known(currency):
        return False
    return abs(nanos - sums[currency]) > tolerated * _NANOS // amount.scale(currency)


def _currency_paths(item: Item) -> dict[str, str]:
    """Return where each currency of the lines stands first."""
    paths: dict[str, str] = {}
    for index, piece in enumerate(item.content):
        written = line_money(piece)
        if written is not None:
            field = "value" if piece.HasField("value") else "unit_value"
            paths.setdefault(written[1], f"content[{index}].{field}.currency")
    return paths


def _convert(sums: dict[str, int], paths: dict[str, str], plan: Plan, gaps: list[Gap], before: int) -> Value | None:
    """Add up amounts of several currencies exactly and round once; None if any gap was added since before."""
    numerator, denominator, used = 0, 1, ""
    rates = plan.exchange_rates or {}
    for currency, nanos in sums.items():
        if currency == plan.currency:
            numerator += nanos * denominator
            continue
        rate = rates.get(currency)
        if rate is None:
            gaps.append(_currency_gap(currency, paths[currency], plan))
            continue
        numerator = numerator * rate.denominator + nanos * rate.numerator * denominator
        denominator *= rate.denominator
        used = f"{used}; {rate.label}" if used else rate.label
    if len(gaps) > before:
        return None
    return Value(amount.half_up(numerator * 10**plan.decimals, denominator * _NANOS), used)


def _currency_gap(currency: str, path: str, plan: Plan) -> Gap:
    if not currency:
        return Gap("CURRENCY_MISSING", path)
    if not amount.currency_is_known(currency):
        return Gap("CURRENCY_UNKNOWN", path)
    words = (("currency", currency), ("own", plan.currency), ("date", plan.release))
    return Gap("EXCHANGE_RATE_MISSING", path, plan.basis, words)
