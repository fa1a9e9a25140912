"""Duties and taxes of an import: which treatment the value and the goods choose, and what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from parcelgate.api.record.v1.decision_pb2 import DutyTax
from parcelgate.clearance import amount, draft, value
from parcelgate.clearance.consignment import Consignment, Gap, ioss_problem
from parcelgate.clearance.plan import DutyRate, Plan, Step
from parcelgate.core import identifier

_KEPT = 4096
# Digits of an HS code with its national part.
_LONGEST = 10
_BASE, _AMOUNT = DutyTax.BASE_FIELD_NUMBER, DutyTax.AMOUNT_FIELD_NUMBER
_COLLECTED = DutyTax(collected=True).SerializeToString()


class Note(NamedTuple):
    """Something about the item that the partner should know; it keeps nothing from being released."""

    code: str
    path: str
    basis: str


@dataclass(slots=True)
class Levy:
    """What is due on a consignment by a plan, in minor units, what was noted, the gaps that were met.

    Said, the reasons of the steps that were taken, and duties, taxes among them, are fields of the decision already.
    """

    consignment: Consignment
    plan: Plan
    said: list[bytes]
    duties: list[bytes]
    gaps: list[Gap]
    notes: list[Note]
    has_codes: bool = False
    postage: value.Value | None = None
    customs_duty: int = 0
    due: int = 0
    category: int = 0


@lru_cache(maxsize=8192)
def _wellformed(code: str) -> bool:
    return identifier.hs_is_wellformed(code)


def assess(levies: Sequence[Levy]) -> None:
    """Work out category, duties and taxes; gaps in a levy mean that it could not be done, and name all that is missing."""
    priced = [(levy, worth) for levy in levies if (worth := _value(levy)) is not None]
    for levy, worth in priced:
        _duty(levy, worth)
    for levy, worth in priced:
        _vat(levy, worth)
        _categorise(levy, worth)


def _value(levy: Levy) -> value.Value | None:
    """Work out what the goods are worth; where that can't be done, ask for all else that would be missing once it is."""
    consignment, plan, gaps = levy.consignment, levy.plan, levy.gaps
    worth = value.intrinsic(consignment, plan, gaps)
    codes = consignment.codes
    if not codes:
        gaps.append(Gap("CONTENT_MISSING", "content"))
    if worth is not None:
        return worth
    if plan.uses_hs:
        _need_codes(levy, "")
    if plan.vat_rate is None:
        gaps.append(_rate_gap("VAT", "destination_country", plan))
    elif plan.vat_rate.with_postage:
        value.postage(consignment.item, plan, gaps)
    return None


def _categorise(levy: Levy, worth: value.Value) -> None:
    """Choose the release category by the value and by what is due."""
    formality = levy.plan.formality
    if formality is not None:
        within = _fits(formality, worth.minor, levy.consignment.codes)
        levy.category = 4 if not within else 0 if levy.gaps else 3 if levy.due else 2


def category(consignment: Consignment, plan: Plan) -> int:
    """Return the release category of goods on which nothing is levied: 2 or 4 by their value, 0 if it can't be told."""
    if plan.formality is None:
        return 0
    worth = value.intrinsic(consignment, plan, [])
    if worth is None:
        return 0
    return 2 if _fits(plan.formality, worth.minor, consignment.codes) else 4


def _fits(step: Step, minor: int, codes: list[str]) -> bool:
    limit = step.limit
    if limit is not None and minor > limit:
        return False
    excluded = step.row.excluded_hs
    if excluded:
        for code in codes:
            if code.startswith(excluded):
                return False
    return True


def _chosen(steps: tuple[Step, ...], minor: int, codes: list[str], *, ioss: bool = False) -> Step | None:
    for step in steps:
        if (ioss or not step.row.requires) and _fits(step, minor, codes):
            return step
    return None


def _need_codes(levy: Levy, basis: str) -> bool:
    """Ask for the HS code of every line that has none, or a wrong one; tells whether all are there."""
    if levy.has_codes:
        return True
    gaps = levy.gaps
    whole = True
    for index, code in enumerate(levy.consignment.codes):
        if not code:
            gaps.append(Gap("HS_MISSING", f"content[{index}].hs_code", basis))
        elif len(code) > _LONGEST or not _wellformed(code):
            gaps.append(Gap("HS_INVALID", f"content[{index}].hs_code", basis))
        else:
            continue
        whole = False
    levy.has_codes = whole
    return whole


def _say(levy: Levy, step: Step) -> None:
    """Give the reason of a step that was taken, if it has one."""
    if step.note:
        levy.said.append(step.note)


def _duty(levy: Levy, worth: value.Value) -> None:
    plan, codes = levy.plan, levy.consignment.codes
    step = _chosen(plan.duty, worth.minor, codes)
    if step is None:
        _ad_valorem(levy, worth)
    elif (not step.row.needs_hs or _need_codes(levy, step.row.name)) and (step.row.treatment == "per-classification"):
        _per_classification(levy, worth)
    elif step.row.treatment == "relief":
        _say(levy, step)


def _per_classification(levy: Levy, worth: value.Value) -> None:
    plan, consignment = levy.plan, levy.consignment
    rate = plan.per_classification
    if rate is None:
        levy.gaps.append(_rate_gap("customs duty", "content[0].hs_code", plan))
        return
    digits, codes = rate.row.digits, consignment.codes
    first: dict[str, int] = {}
    for index, code in enumerate(codes):
        first.setdefault(code[:digits], index)
    for code, index in first.items():
        key = (consignment.number(index), code, worth.exchange_rate)
        duty = rate.made.get(key)
        if duty is None:
            if len(rate.made) >= _KEPT:
                rate.made.clear()
            duty = rate.made[key] = _written(plan, rate, key, None, rate.minor)
        levy.duties.append(duty)
    levy.customs_duty = rate.minor * len(first)
    levy.due += levy.customs_duty


def _ad_valorem(levy: Levy, worth: value.Value) -> None:
    plan, consignment = levy.plan, levy.consignment
    codes = consignment.codes
    if not _need_codes(levy, plan.basis):
        return
    chosen: list[DutyRate] = []
    for index, code in enumerate(codes):
        rate = plan.rate_of(code)
        origin = "" if rate is None else consignment.pieces[index].origin_country
        if rate is None or origin in rate.row.excluded_origins:
            levy.gaps.append(_rate_gap("customs duty", f"content[{index}].hs_code", plan))
        elif rate.row.excluded_origins and not origin:
            levy.gaps.append(Gap("ORIGIN_MISSING", f"content[{index}].origin_country", rate.row.name))
        else:
            chosen.append(rate)
    carried = _postage(levy, levy.gaps)
    if carried is None or len(chosen) < len(codes):
        return
    if len(codes) == 1:
        worths = [worth.minor]
    else:
        found = [value.line(consignment, index, plan, levy.gaps) for index in range(len(codes))]
        worths = [one.minor for one in found if one is not None]
        if len(worths) < len(codes):
            return
    total = sum(worths)
    for index, (rate, minor) in enumerate(zip(chosen, worths, strict=True)):
        # The line's share of the postage belongs to its customs value (transport to the border).
        share = amount.half_up(carried.minor * minor, total) if total else 0
        base = minor + share
        due = amount.half_up(base * rate.numerator, rate.denominator)
        key = (consignment.number(index), codes[index], worth.exchange_rate)
        levy.duties.append(_written(plan, rate, key, base, due))
        levy.customs_duty += due
        levy.due += due


def _postage(levy: Levy, gaps: list[Gap]) -> value.Value | None:
    """Work out the postage, once for duty and VAT; None, with gaps added, if it can't be."""
    if levy.postage is None:
        levy.postage = value.postage(levy.consignment.item, levy.plan, gaps)
    return levy.postage


def _written(plan: Plan, rate: DutyRate, key: tuple[int, str, str], base: int | None, due: int) -> bytes:
    """Write the duty of a line as a field of the decision; key is its number, its HS code, and the exchange rate used."""
    duty = DutyTax()
    duty.CopyFrom(rate.template)
    duty.content_piece, duty.hs_code, duty.exchange_rate = key
    if base is not None:
        amount.write(duty.base, plan.currency, base, plan.scale)
    amount.write(duty.amount, plan.currency, due, plan.scale)
    return draft.duty(duty.SerializeToString())


def _vat(levy: Levy, worth: value.Value) -> None:
    plan, consignment = levy.plan, levy.consignment
    codes = consignment.codes
    problem = ""
    if consignment.ioss:
        problem = ioss_problem(consignment.ioss) if plan.uses_ioss else "IOSS_NOT_APPLICABLE"
    usable = bool(consignment.ioss) and not problem
    step = _chosen(plan.vat, worth.minor, codes, ioss=usable)
    if usable and (step is None or step.row.requires != "IOSS"):
        problem = "IOSS_NOT_APPLICABLE"
    if problem:
        levy.notes.append(Note(problem, consignment.ioss[0][0], "" if step is None else step.row.name))
    if step is None:
        levy.gaps.append(_rate_gap("VAT and excise duty", "content", plan))
        return
    if step.row.needs_hs:
        _need_codes(levy, step.row.name)
    if step.row.treatment == "relief":
        _say(levy, step)
        return
    at_sale = step.row.treatment == "at-sale"
    if at_sale:
        _say(levy, step)
    _add_vat(levy, worth, collected=at_sale)


def _add_vat(levy: Levy, worth: value.Value, *, collected: bool) -> None:
    plan = levy.plan
    rate = plan.vat_rate
    if rate is None:
        levy.gaps.append(_rate_gap("VAT", "destination_country", plan))
        return
    if rate.row.excluded_hs and not _standard(levy, rate.row.excluded_hs, collected=collected):
        return
    base, exchange_rate = worth.minor, worth.exchange_rate
    if rate.with_postage:
        carried = _postage(levy, [] if collected else levy.gaps)
        if carried is None:
            return
        base += carried.minor
        if carried.exchange_rate and carried.exchange_rate != exchange_rate:
            exchange_rate = f"{exchange_rate}; {carried.exchange_rate}" if exchange_rate else carried.exchange_rate
    if levy.gaps:
        # Nothing is stated while something is missing.
        return
    if rate.with_duty:
        base += levy.customs_duty
    due = amount.half_up(base * rate.numerator, rate.denominator)
    if not collected:
        levy.due += due
    tax = (
        rate.template,
        amount.written(_BASE, plan.currency, base, plan.scale),
        amount.written(_AMOUNT, plan.currency, due, plan.scale),
        _exchange_rate(exchange_rate),
        _COLLECTED if collected else b"",
    )
    levy.duties.append(draft.duty(b"".join(tax)))


@lru_cache(_KEPT)
def _exchange_rate(label: str) -> bytes:
    return DutyTax(exchange_rate=label).SerializeToString()


def _standard(levy: Levy, excluded: tuple[str, ...], *, collected: bool) -> bool:
    """Tell whether the rate is for all lines. At the sale the seller knew the rate; at the border nobody here does."""
    doubtful = [index for index, code in enumerate(levy.consignment.codes) if code.startswith(excluded)]
    if not collected:
        levy.gaps.extend(_rate_gap("VAT", f"content[{index}].hs_code", levy.plan) for index in doubtful)
    return not doubtful


@lru_cache(_KEPT)
def _missing(what: str, path: str, basis: str, place: str, release: str) -> Gap:
    return Gap("RATE_MISSING", path, basis, (("what", what), ("place", place), ("date", release)))


def _rate_gap(what: str, path: str, plan: Plan) -> Gap:
    return _missing(what, path, plan.basis, plan.place, plan.release)
