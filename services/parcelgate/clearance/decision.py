"""The fiscal decision on one declaration: what risk asks for first, then what is missing, then what is due.

Precedence: examination, another agency, documents, information, release against payment, release.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from parcelgate.api.clearance.v1.clearance_pb2 import DecideCall
from parcelgate.api.record.v1 import decision_pb2 as fiscal
from parcelgate.api.record.v1 import item_pb2 as record
from parcelgate.api.record.v1.assessment_pb2 import Finding
from parcelgate.api.record.v1.declaration_pb2 import (
    FLOW_EXPORT,
    FLOW_IMPORT,
    FLOW_TRANSIT,
    PROCEDURE_EXPORT,
    PROCEDURE_IMPORT,
    PROCEDURE_TRANSIT,
)
from parcelgate.api.record.v1.referral_pb2 import REFERRAL_TYPE_AMENDMENT, REFERRAL_TYPE_INFORMATION, Referral
from parcelgate.clearance import amount, consignment, levy, table
from parcelgate.clearance.consignment import Consignment, Gap
from parcelgate.clearance.plan import Plan, Planner
from parcelgate.clearance.regime import Regime

_PROCEDURES: Mapping[int, str] = {
    PROCEDURE_IMPORT: "IMPORT",
    PROCEDURE_EXPORT: "EXPORT",
    PROCEDURE_TRANSIT: "TRANSIT",
}
_FLOWS: Mapping[int, str] = {FLOW_IMPORT: "IMPORT", FLOW_EXPORT: "EXPORT", FLOW_TRANSIT: "TRANSIT"}
Code: TypeAlias = "fiscal.DecisionCode.ValueType"
_EXAMINE: Final = frozenset({"EXAMINE", "STOP"})
_ASKING: Final = {"REFER_INFORMATION": REFERRAL_TYPE_INFORMATION, "REFER_AMENDMENT": REFERRAL_TYPE_AMENDMENT}
_QUALITY: Final = "quality."
_KEPT: Final = 4096


# What would be decided if nothing were missing and risk asked for nothing, and the reason for it.
_Outcome: TypeAlias = tuple[Code, fiscal.Reason | None]
_HELD: Final[_Outcome] = (fiscal.DECISION_CODE_HOLD_INFORMATION, None)


def procedure(call: DecideCall) -> str:
    """Return IMPORT, EXPORT or TRANSIT from the case, or from the declaration's flow where the case names none; else empty."""
    named = call.case.procedure
    if named:
        return _PROCEDURES.get(named, "")
    return _FLOWS.get(call.declaration.key.flow, "")


def decision_id(call_id: str) -> str:
    """Derive the id that a repeat of the call gets again: 32 hexadecimal digits."""
    return hashlib.sha256(b"clearance " + call_id.encode()).hexdigest()[:32]


class Decider:
    """Decides by the tables of one regime; it keeps nothing of an item and reads no clock."""

    def __init__(self, regime: Regime) -> None:
        self._regime = regime
        self._planner = Planner(regime)
        self._said: dict[Gap, tuple[fiscal.Reason, Referral | None]] = {}
        self._postcode_needed = frozenset(
            country for country, zones in regime.zones.items() if any(zone.postcode_needed for zone in zones)
        )
        self._in_transit = fiscal.Reason(code="IN_TRANSIT", sentence=regime.sentences["IN_TRANSIT"].sentence)

    def decide(self, call: DecideCall, decision: fiscal.Decision, flow: str) -> None:
        """Write what is decided on a call, under a flow from procedure(), into an empty decision.

        The call has an id, an item and a day of acceptance. The moment of decision is left for the caller to fill in.
        Raises ValueError if the day of acceptance is none.
        """
        declaration = call.declaration
        item = declaration.item
        decision.id = decision_id(call.call_id)
        if call.HasField("case"):
            decision.case.CopyFrom(call.case)
        decision.judged_version = declaration.version
        decision.stage = fiscal.STAGE_ADVANCE
        gaps: list[Gap] = []
        findings = call.assessment.findings
        stop = self._heed(decision, findings, gaps) if findings else fiscal.DECISION_CODE_UNSPECIFIED
        if flow == "TRANSIT":
            outcome: _Outcome = (fiscal.DECISION_CODE_TRANSFER, self._in_transit)
        else:
            seen = consignment.read(item)
            if seen.restricted and flow == "IMPORT" and not stop:
                # An examination by customs comes before the other agency.
                stop = self._restricted(decision, seen.restricted)
            outcome = self._at_border(decision, seen, call.acceptance_date, flow, gaps)
        code, reason = outcome
        if stop:
            decision.release_category = 4
            # What is found may change the duties; none is stated before.
            decision.ClearField("duties")
            decision.ClearField("total_due")
            decision.code = stop
        elif gaps and code != fiscal.DECISION_CODE_HOLD_DOCUMENTS:
            decision.code = fiscal.DECISION_CODE_HOLD_INFORMATION
        else:
            decision.code = code
            if reason is not None:
                decision.reasons.append(reason)
        if gaps:
            self._ask(decision, gaps)

    def _at_border(
        self, decision: fiscal.Decision, seen: Consignment, acceptance: str, flow: str, gaps: list[Gap]
    ) -> _Outcome:
        """Return what the goods and the rows come to; what is missing goes to the gaps."""
        item = seen.item
        plan = self._plan(seen, acceptance, flow, gaps)
        if plan is None:
            return _HELD
        if item.nature == record.NATURE_OF_TRANSACTION_DOCUMENTS:
            decision.release_category = 1
            return (fiscal.DECISION_CODE_RELEASED, plan.reasons["DOCUMENTS"])
        if flow == "EXPORT":
            decision.release_category = levy.category(seen, plan)
            return (fiscal.DECISION_CODE_RELEASED, plan.reasons["EXPORTED"])
        if item.nature == record.NATURE_OF_TRANSACTION_RETURN:
            # Relief for returned goods depends on the item that brought them out (Regulation (EU) No 952/2013, Art. 203).
            decision.release_category = levy.category(seen, plan)
            if item.earlier_item.identifier:
                return (fiscal.DECISION_CODE_RELEASED_CONDITIONAL, plan.reasons["RETURNED_GOODS"])
            gaps.append(Gap("EARLIER_ITEM_MISSING", "earlier_item", plan.basis))
            return (fiscal.DECISION_CODE_HOLD_DOCUMENTS, None)
        return self._goods(decision, seen, plan, gaps)

    def _goods(self, decision: fiscal.Decision, seen: Consignment, plan: Plan, gaps: list[Gap]) -> _Outcome:
        """Return what is decided on imported goods by what is due, with the duties and the rows they follow from."""
        owed = levy.assess(seen, plan, decision.duties)
        decision.release_category = owed.category
        for step in owed.steps:
            if step.note is not None:
                decision.reasons.append(step.note)
        for note in owed.notes:
            sentence = self._regime.sentences[note.code].sentence.format(path=note.path)
            decision.reasons.add(code=note.code, sentence=sentence, basis=note.basis)
        gaps.extend(owed.gaps)
        if gaps:
            decision.ClearField("duties")
            return _HELD
        amount.write(decision.total_due, plan.currency, owed.due, plan.scale)
        if owed.due:
            return (fiscal.DECISION_CODE_RELEASED_WITH_DUTY, plan.reasons["DUTY_DUE"])
        return (fiscal.DECISION_CODE_RELEASED, plan.reasons["NOTHING_DUE"])

    def _plan(self, seen: Consignment, acceptance: str, flow: str, gaps: list[Gap]) -> Plan | None:
        """Choose the rows for an item; None, with the gaps, if they can't be chosen or there are none for its territory."""
        item = seen.item
        before = len(gaps)
        path, country, postcode = "destination_country", item.destination_country, ""
        arrival = item.transport.arrival.iso
        if flow == "EXPORT":
            # Arrival is at the other end; goods for export are judged on the day of acceptance.
            path, country, arrival = "origin_country", item.origin_country, ""
        if arrival and not table.is_day(arrival):
            gaps.append(Gap("DATE_INVALID", "transport.arrival"))
        if not country:
            gaps.append(Gap("DESTINATION_MISSING", path))
        elif flow == "IMPORT" and country in self._regime.zones:
            postcode, where = seen.postcode()
            if not postcode and country in self._postcode_needed:
                gaps.append(Gap("POSTCODE_MISSING", where, words=(("place", country),)))
        if len(gaps) > before:
            return None
        plan = self._planner.plan(country, postcode, flow, seen.channel, seen.transaction, acceptance, arrival)
        if not plan.territory:
            words = (("place", plan.place), ("date", plan.release), ("note", plan.note))
            gaps.append(Gap("REGIME_MISSING", path, plan.basis, words))
            return None
        return plan

    def _heed(self, decision: fiscal.Decision, findings: Sequence[Finding], gaps: list[Gap]) -> Code:
        """Return EXAMINE or HOLD_AGENCY if a finding asks for the goods, else none; add gaps for findings that ask for data.

        The partner is shown findings of quality, which it can mend; how a profile fired it is not.
        """
        code: Code = fiscal.DECISION_CODE_UNSPECIFIED
        for finding in findings:
            action, basis = finding.action, f"{finding.rule}@{finding.version}"
            if finding.rule.startswith(_QUALITY):
                decision.findings.append(finding)
            if action in _ASKING:
                path = finding.inputs[0].path if finding.inputs else "content"
                gaps.append(Gap("FINDING_OPEN", path, basis, (("action", action),)))
            elif action in _EXAMINE:
                agency = self._regime.agencies.get(finding.rule)
                if agency is None or action == "STOP":
                    code = fiscal.DECISION_CODE_EXAMINE
                    self._say(decision, "EXAMINATION", basis)
                else:
                    self._hold_for(decision, "OTHER_AGENCY", f"{basis} {agency[1]}", agency=agency[0])
                    code = code or fiscal.DECISION_CODE_HOLD_AGENCY
        return code

    def _restricted(self, decision: fiscal.Decision, lines: list[int]) -> Code:
        """Return HOLD_AGENCY, with a reason for each line on which the declarant names an import restriction."""
        for index in lines:
            self._hold_for(decision, "IMPORT_RESTRICTION", "", path=f"content[{index}].import_restriction")
        return fiscal.DECISION_CODE_HOLD_AGENCY

    def _hold_for(self, decision: fiscal.Decision, code: str, basis: str, **words: str) -> None:
        sentence = self._regime.sentences[code].sentence.format_map(words)
        decision.reasons.add(code=code, sentence=sentence, basis=basis)

    def _say(self, decision: fiscal.Decision, reason: str, basis: str) -> None:
        """Add a reason whose sentence has no words to fill in."""
        decision.reasons.add(code=reason, sentence=self._regime.sentences[reason].sentence, basis=basis)

    def _ask(self, decision: fiscal.Decision, gaps: list[Gap]) -> None:
        """Add a reason for each gap, once, and the request to the declarant where an answer mends it."""
        for gap in dict.fromkeys(gaps):
            said = self._said.get(gap)
            if said is None:
                if len(self._said) >= _KEPT:
                    self._said.clear()
                said = self._said[gap] = self._spell(gap)
            reason, referral = said
            decision.reasons.append(reason)
            if referral is not None:
                asked = decision.referrals.add()
                asked.CopyFrom(referral)
                asked.reference = f"{decision.id[:16]}-{len(decision.referrals)}"

    def _spell(self, gap: Gap) -> tuple[fiscal.Reason, Referral | None]:
        said = self._regime.sentences[gap.code]
        words = {"path": gap.path, **dict(gap.words)}
        reason = fiscal.Reason(code=gap.code, sentence=said.sentence.format_map(words).rstrip(), basis=gap.basis)
        if not said.asks:
            return reason, None
        kind = _ASKING.get(words.get("action", ""), REFERRAL_TYPE_INFORMATION)
        return reason, Referral(type=kind, code=gap.code, text=said.asks.format_map(words), pointer=gap.path)
