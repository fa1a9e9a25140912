"""Duties and taxes of an import: which treatment the value and the goods choose, and what it comes to."""

from dataclasses import dataclass, field
from functools import lru_cache

from parcelgate.api.record.v1.decision_pb2 import DutyTax
from parcelgate.clearance import amount, value
from parcelgate.clearance.consignment import Consignment, Gap, ioss_problem
from parcelgate.clearance.plan import DutyRate, Plan, Step
from parcelgate.core import identifier


@dataclass(slots=True)
class Levy:
    """What is due in minor units, the duties and taxes it is made of, the steps that were taken, the gaps that were met."""

    duties: list[DutyTax] = field(default_factory=list)
    customs_duty: int = 0
    due: int = 0
    notes: list[tuple[str, str, Step | None]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    category: int = 0


@lru_cache(maxsize=8192)
def _wellformed(code: str) -> bool:
    return identifier.hs_is_wellformed(code)


def assess(consignment: Consignment, plan: Plan) -> Levy:
    """Work out category, duties and taxes; gaps in the result mean that it could not be done, and name all that is missing."""
    levy = Levy()
    item = consignment.item
    gaps = levy.gaps
    worth = value.intrinsic(item, plan, gaps)
    codes = [piece.revised_hs_code or piece.hs_code for piece in item.content]
    if not codes:
        gaps.append(Gap("CONTENT_MISSING", "content"))
    if worth is None:
        if plan.uses_hs:
            _need_codes(codes, "", gaps)
        return levy
    within = plan.formality is not None and _fits(plan.formality, worth.minor, codes)
    _duty(levy, consignment, plan, worth, codes)
    _vat(levy, consignment, plan, worth, codes)
    if plan.formality is not None:
        levy.category = 4 if not within else 0 if gaps else 3 if levy.due else 2
    return levy


def category(consignment: Consignment, plan: Plan) -> int:
    """Return the release category of goods on which nothing is levied: 2 or 4 by their value, 0 if it can't be told."""
    if plan.formality is None:
        return 0
    worth = value.intrinsic(consignment.item, plan, [])
    if worth is None:
        return 0
    codes = [piece.revised_hs_code or piece.hs_code for piece in consignment.item.content]
    return 2 if _fits(plan.formality, worth.minor, codes) else 4


def _fits(step: Step, minor: int, codes: list[str]) -> bool:
    if not step.admits(minor):
        return False
    excluded = step.row.excluded_hs
    return not excluded or not any(code.startswith(excluded) for code in codes)


def _need_codes(codes: list[str], basis: str, gaps: list[Gap]) -> bool:
    """Ask for the HS code of every line that has none, or a wrong one; tells whether all are there."""
    whole = True
    for index, code in enumerate(codes):
        if not code:
            gaps.append(Gap("HS_MISSING", f"content[{index}].hs_code", basis))
        elif not _wellformed(code):
            gaps.append(Gap("HS_INVALID", f"content[{index}].hs_code", basis))
        else:
            continue
        whole = False
    return whole


def _duty(levy: Levy, consignment: Consignment, plan: Plan, worth: value.Value, codes: list[str]) -> None:
    step = next((step for step in plan.duty if _fits(step, worth.minor, codes)), None)
    if step is None:
        _ad_valorem(levy, consignment, plan, worth, codes)
    elif (not step.row.needs_hs or _need_codes(codes, step.row.name, levy.gaps)) and (
        step.row.treatment == "per-classification"
    ):
        _per_classification(levy, consignment, plan, worth, codes)
    elif step.row.treatment == "relief":
        levy.notes.append(("DUTY_RELIEF", "", step))


def _per_classification(levy: Levy, consignment: Consignment, plan: Plan, worth: value.Value, codes: list[str]) -> None:
    rate = plan.per_classification
    if rate is None:
        levy.gaps.append(_rate_gap("customs duty", "content[0].hs_code", plan))
        return
    digits = rate.row.digits
    first: dict[str, int] = {}
    for index, code in enumerate(codes):
        first.setdefault(code[:digits], index)
    for code, index in first.items():
        _add_duty(levy, plan, rate, consignment.item.content[index].number or index + 1, code, None, rate.minor, worth)


def _ad_valorem(levy: Levy, consignment: Consignment, plan: Plan, worth: value.Value, codes: list[str]) -> None:
    if not _need_codes(codes, plan.basis, levy.gaps):
        return
    chosen: list[DutyRate] = []
    for index, code in enumerate(codes):
        rate = _rate_of(plan, code)
        origin = consignment.item.content[index].origin_country
        if rate is None or origin in rate.row.excluded_origins:
            levy.gaps.append(_rate_gap("customs duty", f"content[{index}].hs_code", plan))
        elif rate.row.excluded_origins and not origin:
            levy.gaps.append(Gap("ORIGIN_MISSING", f"content[{index}].origin_country", rate.row.name))
        else:
            chosen.append(rate)
    carried = value.postage(consignment.item, plan, levy.gaps)
    if carried is None or len(chosen) < len(codes):
        return
    pieces = consignment.item.content
    if len(pieces) == 1:
        lines = [worth.minor]
    else:
        found = [value.line(piece, index, plan, levy.gaps) for index, piece in enumerate(pieces)]
        lines = [one.minor for one in found if one is not None]
        if len(lines) < len(pieces):
            return
    total = sum(lines)
    for index, (rate, minor) in enumerate(zip(chosen, lines, strict=True)):
        # The line's share of the postage belongs to its customs value (transport to the border).
        share = amount.half_up(carried.minor * minor, total) if total else 0
        base = minor + share
        due = amount.half_up(base * rate.numerator, rate.denominator)
        _add_duty(levy, plan, rate, pieces[index].number or index + 1, codes[index], base, due, worth)


def _rate_of(plan: Plan, code: str) -> DutyRate | None:
    rates = plan.ad_valorem or {}
    for length in (10, 8, 6, 4, 2):
        rate = rates.get(code[:length])
        if rate is not None and len(code) >= length:
            return rate
    return None


def _add_duty(
    levy: Levy,
    plan: Plan,
    rate: DutyRate,
    number: int,
    code: str,
    base: int | None,
    due: int,
    worth: value.Value,
) -> None:
    levy.customs_duty += due
    levy.due += due
    levy.duties.append(
        DutyTax(
            type="CUSTOMS_DUTY",
            content_piece=number,
            hs_code=code,
            base=None if base is None else amount.money(plan.currency, base, plan.decimals),
            rate=rate.text,
            amount=amount.money(plan.currency, due, plan.decimals),
            row=rate.row.name,
            date=rate.on,
            date_basis=rate.row.date_basis,
            exchange_rate=worth.exchange_rate,
        )
    )


def _vat(levy: Levy, consignment: Consignment, plan: Plan, worth: value.Value, codes: list[str]) -> None:
    problem = ""
    if consignment.ioss:
        problem = ioss_problem(consignment.ioss) if plan.uses_ioss else "IOSS_NOT_APPLICABLE"
    usable = bool(consignment.ioss) and not problem
    step = next(
        (step for step in plan.vat if (not step.row.requires or usable) and _fits(step, worth.minor, codes)),
        None,
    )
    if usable and (step is None or step.row.requires != "IOSS"):
        problem = "IOSS_NOT_APPLICABLE"
    if problem:
        levy.notes.append((problem, consignment.ioss[0][0], step))
    if step is None:
        levy.gaps.append(_rate_gap("VAT and excise duty", "content", plan))
        return
    if step.row.needs_hs:
        _need_codes(codes, step.row.name, levy.gaps)
    if step.row.treatment == "relief":
        levy.notes.append(("VAT_RELIEF", "", step))
        return
    at_sale = step.row.treatment == "at-sale"
    if at_sale:
        levy.notes.append(("COLLECTED_AT_SALE", "", step))
    _add_vat(levy, consignment, plan, worth, codes, collected=at_sale)


def _add_vat(
    levy: Levy, consignment: Consignment, plan: Plan, worth: value.Value, codes: list[str], *, collected: bool
) -> None:
    rate = plan.vat_rate
    if rate is None:
        levy.gaps.append(_rate_gap("VAT", "destination_country", plan))
        return
    excluded = rate.row.excluded_hs
    if excluded:
        doubtful = [index for index, code in enumerate(codes) if code.startswith(excluded)]
        if doubtful:
            # Collected at the sale the seller knew the rate; due at the border nobody here does.
            if not collected:
                levy.gaps.extend(_rate_gap("VAT", f"content[{index}].hs_code", plan) for index in doubtful)
            return
    base, exchange_rate = worth.minor, worth.exchange_rate
    if rate.with_postage:
        carried = value.postage(consignment.item, plan, [] if collected else levy.gaps)
        if carried is None:
            return
        base += carried.minor
        if carried.exchange_rate and carried.exchange_rate != exchange_rate:
            exchange_rate = f"{exchange_rate}; {carried.exchange_rate}" if exchange_rate else carried.exchange_rate
    if rate.with_duty:
        base += levy.customs_duty
    due = amount.half_up(base * rate.numerator, rate.denominator)
    if not collected:
        levy.due += due
    levy.duties.append(
        DutyTax(
            type="VAT",
            base=amount.money(plan.currency, base, plan.decimals),
            rate=rate.text,
            amount=amount.money(plan.currency, due, plan.decimals),
            row=rate.row.name,
            date=rate.on,
            date_basis=rate.row.date_basis,
            exchange_rate=exchange_rate,
            collected=collected,
        )
    )


def _rate_gap(what: str, path: str, plan: Plan) -> Gap:
    return Gap("RATE_MISSING", path, plan.basis, (("what", what), ("place", plan.place), ("date", plan.release)))
