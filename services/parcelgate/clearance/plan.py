"""The rows that apply to a place, a kind of trade and its days: chosen once, kept for the next item of the same kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from parcelgate.api.record.v1.decision_pb2 import DutyTax
from parcelgate.clearance import amount, draft, exchange, table
from parcelgate.clearance.regime import Duty, Regime, Territory, Threshold, Vat, Zone

_KEPT = 4096
_COUNTRY_LENGTH = 2
# Reasons of a decision that have no words to fill in.
_OUTCOMES = ("DOCUMENTS", "EXPORTED", "RETURNED_GOODS", "DUTY_DUE", "NOTHING_DUE")
_NOTES = {("DUTY", "relief"): "DUTY_RELIEF", ("VAT", "relief"): "VAT_RELIEF", ("VAT", "at-sale"): "COLLECTED_AT_SALE"}


class Question(NamedTuple):
    """What chooses the rows."""

    country: str
    postcode: str
    flow: str
    channel: str
    transaction: str
    acceptance: str
    arrival: str


@dataclass(frozen=True, slots=True)
class Step:
    """A threshold that holds: its limit in minor units (None: no limit), the day that chose it, the reason it gives (or b"")."""

    row: Threshold
    limit: int | None
    on: str
    note: bytes


@dataclass(frozen=True, slots=True)
class DutyRate:
    """A rate of duty that holds: minor units a classification, or a ratio of the value; made keeps what was computed before."""

    row: Duty
    minor: int
    template: DutyTax
    numerator: int
    denominator: int
    made: dict[tuple[int, str, str], bytes] = field(default_factory=dict)


# Finds the rate of duty for a well-formed HS code, if a row names it or a beginning of it.
RateOf: TypeAlias = Callable[[str], DutyRate | None]


def _no_rate(_code: str) -> DutyRate | None:
    return None


def _rates_of(rates: Mapping[str, DutyRate]) -> RateOf:
    """Return what finds the longest beginning that has a rate; traffic repeats few codes, so what was found is kept."""

    @lru_cache(_KEPT)
    def rate_of(code: str) -> DutyRate | None:
        beginnings = (code[:length] for length in (10, 8, 6, 4, 2) if length <= len(code))
        return next((rates[beginning] for beginning in beginnings if beginning in rates), None)

    return rate_of


@dataclass(frozen=True, slots=True)
class VatRate:
    """A rate of VAT that holds, as a ratio of its base."""

    row: Vat
    template: bytes
    numerator: int
    denominator: int
    with_postage: bool
    with_duty: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """All that holds. Without a territory only place, day and note say why."""

    territory: str
    place: str
    note: str
    basis: str
    release: str
    currency: str = ""
    scale: int = 1
    formality: Step | None = None
    duty: tuple[Step, ...] = ()
    vat: tuple[Step, ...] = ()
    per_classification: DutyRate | None = None
    rate_of: RateOf = _no_rate
    vat_rate: VatRate | None = None
    exchange_rates: Mapping[str, exchange.Rate] = field(default_factory=dict)
    uses_hs: bool = False
    uses_ioss: bool = False
    reasons: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Common:
    """What all places of a territory share on the same days."""

    scale: int
    per_classification: DutyRate | None
    rate_of: RateOf
    exchange_rates: Mapping[str, exchange.Rate]
    reasons: Mapping[str, bytes]


class Planner:
    """Chooses plans from the tables of one regime; the last few thousand are kept."""

    def __init__(self, regime: Regime) -> None:
        self._regime = regime
        self._beginnings = {
            country: tuple(sorted({code for zone in zones for code in zone.postcodes}, key=len, reverse=True))
            for country, zones in regime.zones.items()
        }
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._commons: dict[tuple[str, ...], _Common] = {}
        self._ladders: dict[tuple[str, ...], Mapping[str, tuple[Step, ...]]] = {}

    def plan(
        self, country: str, postcode: str, flow: str, channel: str, transaction: str, acceptance: str, arrival: str
    ) -> Plan:
        """Return the rows that hold; raises ValueError if one of the days is no calendar day.

        The postcode is that of the recipient, without blanks; arrival may be empty.
        """
        key = (country, self._beginning(country, postcode), flow, channel, transaction, acceptance, arrival)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _KEPT:
                for kept in (self._plans, self._commons, self._ladders):
                    kept.clear()
            plan = self._choose(Question(*key))
            if len(country) <= _COUNTRY_LENGTH:
                # What is no country code may be any text, of any length.
                self._plans[key] = plan
        return plan

    def _beginning(self, country: str, postcode: str) -> str:
        """Return the longest listed beginning of a postcode, so that the rest of the country needs one plan only."""
        beginnings = self._beginnings.get(country)
        if beginnings is None or not postcode.startswith(beginnings):
            return ""
        return next(code for code in beginnings if postcode.startswith(code))

    def _zone(self, country: str, postcode: str, day: date) -> Zone | None:
        """Return the zone that lists a beginning of postcodes on a day; None in the rest of the country."""
        zones = self._regime.zones.get(country, ())
        return next((zone for zone in zones if postcode in zone.postcodes and zone.holds_on(day)), None)

    def _choose(self, question: Question) -> Plan:
        acceptance = table.day(question.acceptance)
        arrival = table.day(question.arrival) if question.arrival else acceptance
        days = {"ACCEPTANCE": acceptance, "ARRIVAL": arrival, "RELEASE": max(acceptance, arrival)}
        release = days["RELEASE"]
        regime = self._regime
        zone = self._zone(question.country, question.postcode, release)
        place = question.country if zone is None else zone.id
        member = next((m for m in regime.members if m.country == question.country and m.holds_on(release)), None)
        name = "" if member is None else member.territory
        if zone is not None:
            name = zone.territory
        territory = next((t for t in regime.territories if t.id == name and t.holds_on(release)), None)
        if territory is None:
            note, basis = ("", "") if zone is None else (zone.note + ".", zone.name)
            return Plan("", place, note, basis, release.isoformat())
        common = self._common(territory, question, days)
        ladder = self._ladder(territory, question, days)
        vat = next((row for row in regime.vat if row.place == place and row.holds_on(days[row.date_basis])), None)
        return Plan(
            territory=territory.id,
            place=place,
            note="",
            basis=territory.name,
            release=release.isoformat(),
            currency=territory.currency,
            scale=common.scale,
            formality=next(iter(ladder["FORMALITY"]), None),
            duty=ladder["DUTY"],
            vat=ladder["VAT"],
            per_classification=common.per_classification,
            rate_of=common.rate_of,
            vat_rate=None if vat is None else _vat_rate(vat, days[vat.date_basis].isoformat()),
            exchange_rates=common.exchange_rates,
            uses_hs=any(step.row.needs_hs for step in ladder["DUTY"]),
            uses_ioss=any(step.row.requires == "IOSS" for step in ladder["VAT"]),
            reasons=common.reasons,
        )

    def _common(self, territory: Territory, question: Question, days: Mapping[str, date]) -> _Common:
        """Choose what all places of a territory share on the same days."""
        key = (territory.name, question.acceptance, question.arrival)
        common = self._commons.get(key)
        if common is not None:
            return common
        regime = self._regime
        decimals = amount.exponent(territory.currency)
        rates = [
            _duty_rate(row, days[row.date_basis].isoformat(), decimals)
            for row in regime.duties
            if row.territory == territory.id and row.holds_on(days[row.date_basis])
        ]
        common = self._commons[key] = _Common(
            scale=10**decimals,
            per_classification=next((rate for rate in rates if rate.row.kind == "per-classification"), None),
            rate_of=_rates_of({rate.row.hs: rate for rate in rates if rate.row.kind == "ad-valorem"}),
            exchange_rates={
                rate.currency: rate
                for rate in regime.exchange_rates
                if rate.territory == territory.id and rate.valid_from <= days[rate.date_basis] <= rate.valid_to
            },
            reasons={code: draft.reason(code, regime.sentences[code].sentence, territory.name) for code in _OUTCOMES},
        )
        return common

    def _ladder(
        self, territory: Territory, question: Question, days: Mapping[str, date]
    ) -> Mapping[str, tuple[Step, ...]]:
        """Choose the thresholds of each measure that a kind of trade meets in a territory."""
        key = (territory.name, *question[2:])
        ladder = self._ladders.get(key)
        if ladder is None:
            decimals = amount.exponent(territory.currency)
            ladder = self._ladders[key] = {
                measure: self._steps(question, territory.id, measure, days, decimals)
                for measure in ("FORMALITY", "DUTY", "VAT")
            }
        return ladder

    def _steps(
        self, question: Question, territory: str, measure: str, days: Mapping[str, date], decimals: int
    ) -> tuple[Step, ...]:
        """Choose the thresholds of a measure, in the order in which they are tried."""
        steps = [
            _step(row, days[row.date_basis].isoformat(), decimals, self._regime)
            for row in self._regime.thresholds
            if row.territory == territory
            and row.measure == measure
            and row.flow == question.flow
            and row.channel in ("any", question.channel)
            and row.transaction in ("any", question.transaction)
            and row.holds_on(days[row.date_basis])
        ]
        steps.sort(
            key=lambda step: (
                step.limit is None,
                step.limit or 0,
                step.row.requires == "",
                step.row.transaction == "any",
                step.row.channel == "any",
            )
        )
        return tuple(steps)


def _step(row: Threshold, on: str, decimals: int, regime: Regime) -> Step:
    limit = None
    if row.amount is not None:
        numerator, denominator = amount.ratio(row.amount)
        scaled = numerator * 10**decimals
        # The largest whole number of minor units that is within the limit.
        limit = scaled // denominator if row.comparison == "<=" else -(-scaled // denominator) - 1
    note = b""
    code = _NOTES.get((row.measure, row.treatment))
    if code is not None:
        size = "any value" if row.amount is None else f"{row.amount:f} {row.currency}"
        sentence = regime.sentences[code].sentence.format(limit=size, date=on, legal=row.legal_reference)
        note = draft.reason(code, sentence, f"{row.name} {row.date_basis} {on}")
    return Step(row, limit, on, note)


def _duty_rate(row: Duty, on: str, decimals: int) -> DutyRate:
    template = DutyTax(type="CUSTOMS_DUTY", row=row.name, date=on, date_basis=row.date_basis)
    if row.amount is not None:
        template.rate = f"{row.amount:f} {row.currency} per tariff classification"
        return DutyRate(row, amount.minor(row.amount, decimals), template, 0, 1)
    assert row.rate is not None
    template.rate = f"{row.rate:f} %"
    numerator, denominator = amount.ratio(row.rate)
    return DutyRate(row, 0, template, numerator, denominator * 100)


def _vat_rate(row: Vat, on: str) -> VatRate:
    template = DutyTax(type="VAT", rate=f"{row.rate:f} %", row=row.name, date=on, date_basis=row.date_basis)
    numerator, denominator = amount.ratio(row.rate)
    return VatRate(
        row, template.SerializeToString(), numerator, denominator * 100, "postage" in row.base, "duty" in row.base
    )
