"""The fiscal decision on one declaration: what risk asks for first, then what is missing, then what is due.

Precedence: examination, another agency, documents, information, release against payment, release.
"""

import hashlib
from binascii import hexlify
from collections.abc import Mapping, Sequence
from functools import lru_cache
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
from parcelgate.clearance.draft import Draft, finding, reason, referral, total_due
from parcelgate.clearance.plan import Plan, Planner
from parcelgate.clearance.regime import Regime
from parcelgate.core.field import field

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
# A longer sentence quotes something that will not come again.
_KEPT_LENGTH: Final = 1024


# What would be decided if nothing were missing and risk asked for nothing, and the reason for it.
_Outcome: TypeAlias = tuple[Code, bytes]
_HELD: Final[_Outcome] = (fiscal.DECISION_CODE_HOLD_INFORMATION, b"")
_ID, _CASE = fiscal.Decision.ID_FIELD_NUMBER, fiscal.Decision.CASE_FIELD_NUMBER
_REFERENCE = Referral.REFERENCE_FIELD_NUMBER


def procedure(call: DecideCall) -> str:
    """Return IMPORT, EXPORT or TRANSIT from the case, or from the declaration's flow where the case names none; else empty."""
    named = call.case.procedure
    if named:
        return _PROCEDURES.get(named, "")
    return _FLOWS.get(call.declaration.key.flow, "")


def decision_id(call_id: str) -> bytes:
    """Derive the id that a repeat of the call gets again: 32 hexadecimal digits, as bytes."""
    return hexlify(hashlib.sha256(b"clearance " + call_id.encode()).digest()[:16])


class Decider:
    """Decides by the tables of one regime; it keeps nothing of an item and reads no clock."""

    def __init__(self, regime: Regime) -> None:
        self._regime = regime
        self._planner = Planner(regime)
        self._said: dict[Gap, tuple[bytes, bytes]] = {}
        self._postcode_needed = frozenset(
            country for country, zones in regime.zones.items() if any(zone.postcode_needed for zone in zones)
        )
        self._in_transit = reason("IN_TRANSIT", regime.sentences["IN_TRANSIT"].sentence, "")

    def decide(self, call: DecideCall, draft: Draft, flow: str) -> None:
        """Write what is decided on a call, under a flow from procedure(), into an empty draft.

        The call has an id, an item and a day of acceptance. The moment of decision is left for the caller to fill in.
        Raises ValueError if the day of acceptance is none.
        """
        declaration = call.declaration
        item = declaration.item
        own_id = decision_id(call.call_id)
        case = field(_CASE, call.case.SerializeToString()) if call.HasField("case") else b""
        draft.head = field(_ID, own_id) + case + _judged(declaration.version)
        gaps: list[Gap] = []
        findings = call.assessment.findings
        stop = self._heed(draft, findings, gaps) if findings else fiscal.DECISION_CODE_UNSPECIFIED
        if flow == "TRANSIT":
            outcome: _Outcome = (fiscal.DECISION_CODE_TRANSFER, self._in_transit)
        else:
            seen = consignment.read(item)
            if seen.restricted and flow == "IMPORT" and not stop:
                # An examination by customs comes before the other agency.
                stop = self._restricted(draft, seen.restricted)
            outcome = self._at_border(draft, seen, call.acceptance_date, flow, gaps)
        code, why = outcome
        if stop:
            draft.category = 4
            # What is found may change the duties; none is stated before.
            draft.due.clear()
            draft.code = stop
        elif gaps and code != fiscal.DECISION_CODE_HOLD_DOCUMENTS:
            draft.code = fiscal.DECISION_CODE_HOLD_INFORMATION
        else:
            draft.code = code
            if why:
                draft.said.append(why)
        if gaps:
            self._ask(draft, own_id, gaps)

    def _at_border(self, draft: Draft, seen: Consignment, acceptance: str, flow: str, gaps: list[Gap]) -> _Outcome:
        """Return what the goods and the rows come to; what is missing goes to the gaps."""
        item = seen.item
        plan = self._plan(seen, acceptance, flow, gaps)
        if plan is None:
            return _HELD
        if seen.nature == record.NATURE_OF_TRANSACTION_DOCUMENTS:
            draft.category = 1
            return (fiscal.DECISION_CODE_RELEASED, plan.reasons["DOCUMENTS"])
        if flow == "EXPORT":
            draft.category = levy.category(seen, plan)
            return (fiscal.DECISION_CODE_RELEASED, plan.reasons["EXPORTED"])
        if seen.nature == record.NATURE_OF_TRANSACTION_RETURN:
            # Relief for returned goods depends on the item that brought them out (Regulation (EU) No 952/2013, Art. 203).
            draft.category = levy.category(seen, plan)
            if item.earlier_item.identifier:
                return (fiscal.DECISION_CODE_RELEASED_CONDITIONAL, plan.reasons["RETURNED_GOODS"])
            gaps.append(Gap("EARLIER_ITEM_MISSING", "earlier_item", plan.basis))
            return (fiscal.DECISION_CODE_HOLD_DOCUMENTS, b"")
        return self._goods(draft, seen, plan, gaps)

    def _goods(self, draft: Draft, seen: Consignment, plan: Plan, gaps: list[Gap]) -> _Outcome:
        """Return what is decided on imported goods by what is due, with the duties and the rows they follow from."""
        owed = levy.assess(seen, plan, draft.due)
        draft.category = owed.category
        for step in owed.steps:
            if step.note:
                draft.said.append(step.note)
        for note in owed.notes:
            sentence = self._regime.sentences[note.code].sentence.format(path=note.path)
            draft.said.append(reason(note.code, sentence, note.basis))
        if owed.gaps:
            gaps += owed.gaps
        if gaps:
            draft.due.clear()
            return _HELD
        draft.due.append(total_due(amount.written(plan.currency, owed.due, plan.scale)))
        if owed.due:
            return (fiscal.DECISION_CODE_RELEASED_WITH_DUTY, plan.reasons["DUTY_DUE"])
        return (fiscal.DECISION_CODE_RELEASED, plan.reasons["NOTHING_DUE"])

    def _plan(self, seen: Consignment, acceptance: str, flow: str, gaps: list[Gap]) -> Plan | None:
        """Choose the rows for an item; None, with the gaps, if they can't be chosen or there are none for its territory."""
        item = seen.item
        before = len(gaps)
        postcode = ""
        if flow == "EXPORT":
            # Arrival is at the other end; goods for export are judged on the day of acceptance.
            path, country, arrival = "origin_country", item.origin_country, ""
        else:
            path, country, arrival = "destination_country", item.destination_country, item.transport.arrival.iso
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

    def _heed(self, draft: Draft, findings: Sequence[Finding], gaps: list[Gap]) -> Code:
        """Return EXAMINE or HOLD_AGENCY if a finding asks for the goods, else none; add gaps for findings that ask for data.

        The partner is shown findings of quality, which it can mend; how a profile fired it is not.
        """
        code: Code = fiscal.DECISION_CODE_UNSPECIFIED
        for found in findings:
            action, basis = found.action, f"{found.rule}@{found.version}"
            if found.rule.startswith(_QUALITY):
                draft.said.append(finding(found.SerializeToString()))
            if action in _ASKING:
                path = found.inputs[0].path if found.inputs else "content"
                gaps.append(Gap("FINDING_OPEN", path, basis, (("action", action),)))
            elif action in _EXAMINE:
                agency = self._regime.agencies.get(found.rule)
                if agency is None or action == "STOP":
                    code = fiscal.DECISION_CODE_EXAMINE
                    self._say(draft, "EXAMINATION", basis)
                else:
                    self._say(draft, "OTHER_AGENCY", f"{basis} {agency[1]}", agency=agency[0])
                    code = code or fiscal.DECISION_CODE_HOLD_AGENCY
        return code

    def _restricted(self, draft: Draft, lines: list[int]) -> Code:
        """Return HOLD_AGENCY, with a reason for each line on which the declarant names an import restriction."""
        for index in lines:
            self._say(draft, "IMPORT_RESTRICTION", "", path=f"content[{index}].import_restriction")
        return fiscal.DECISION_CODE_HOLD_AGENCY

    def _say(self, draft: Draft, code: str, basis: str, **words: str) -> None:
        """Add a reason, with its words filled in."""
        draft.said.append(reason(code, self._regime.sentences[code].sentence.format_map(words), basis))

    def _ask(self, draft: Draft, own_id: bytes, gaps: list[Gap]) -> None:
        """Add a reason for each gap, once, and the request to the declarant where an answer mends it."""
        asking = 0
        for gap in dict.fromkeys(gaps) if len(gaps) > 1 else gaps:
            said = self._said.get(gap)
            if said is None:
                if len(self._said) >= _KEPT:
                    self._said.clear()
                said = self._spell(gap)
                if len(said[0]) <= _KEPT_LENGTH:
                    self._said[gap] = said
            why, asked = said
            draft.said.append(why)
            if asked:
                asking += 1
                reference = field(_REFERENCE, b"%b-%d" % (own_id[:16], asking))
                draft.said.append(referral(reference + asked))

    def _spell(self, gap: Gap) -> tuple[bytes, bytes]:
        """Return the reason and, if the declarant can mend it, what is asked, as a Referral without its reference."""
        said = self._regime.sentences[gap.code]
        words = {"path": gap.path, **dict(gap.words)}
        why = reason(gap.code, said.sentence.format_map(words).rstrip(), gap.basis)
        if not said.asks:
            return why, b""
        kind = _ASKING.get(words.get("action", ""), REFERRAL_TYPE_INFORMATION)
        asked = Referral(type=kind, code=gap.code, text=said.asks.format_map(words), pointer=gap.path)
        return why, asked.SerializeToString()


@lru_cache(maxsize=256)
def _judged(version: int) -> bytes:
    return fiscal.Decision(judged_version=version).SerializeToString()
