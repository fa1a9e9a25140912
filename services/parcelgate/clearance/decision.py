"""The fiscal decision on one declaration: what risk asks for first, then what is missing, then what is due.

Precedence: examination, another agency, documents, information, release against payment, release.
"""

import hashlib
from binascii import hexlify
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from parcelgate.clearance import consignment, levy, table
from parcelgate.clearance.consignment import Consignment, Gap
from parcelgate.clearance.draft import finding, outcome, reason, referral, total_due
from parcelgate.clearance.levy import Levy
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
_NOTHING: Final = fiscal.DECISION_CODE_UNSPECIFIED
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


@dataclass(slots=True)
class _Draft:
    """A decision in the making; what has been decided so far stands in fields of it as bytes.

    Said holds reasons, referrals and findings, due the duties and their sum; stop is a code that findings or restrictions
    ask for whatever else is found.
    """

    call: DecideCall
    item: record.Item
    flow: str
    own_id: bytes
    stop: Code
    seen: Consignment
    said: list[bytes]
    due: list[bytes]
    gaps: list[Gap]
    category: int = 0
    outcome: _Outcome = _HELD


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

    def decide(self, calls: Iterable[tuple[DecideCall, str]]) -> list[bytes]:
        """Return what is decided on each call, under a flow from procedure(), as a Decision in bytes.

        A call has an id, an item and a day of acceptance. The moment of decision is left for the caller to fill in.
        Raises ValueError if a day of acceptance is none. Each step is taken for all calls before the next one is: a processor
        holds the code of one step, not of all.
        """
        drafts = [self._begin(call, flow) for call, flow in calls]
        owed: list[tuple[_Draft, Plan, Levy]] = []
        for draft in drafts:
            plan = self._choose(draft)
            if plan is not None:
                owed.append((draft, plan, Levy(draft.seen, plan, draft.said, draft.due, [], [])))
        levy.assess([one for _, _, one in owed])
        for draft, plan, one in owed:
            self._take(draft, plan, one)
        return [self._written(draft) for draft in drafts]

    def _begin(self, call: DecideCall, flow: str) -> _Draft:
        """Read the item of a call and heed the findings of risk."""
        item = call.declaration.item
        draft = _Draft(call, item, flow, decision_id(call.call_id), _NOTHING, consignment.read(item), [], [], [])
        findings = call.assessment.findings[:]
        if findings:
            self._heed(draft, findings)
        if draft.seen.restricted and flow == "IMPORT" and not draft.stop:
            # An examination by customs comes before the other agency.
            self._restricted(draft, draft.seen.restricted)
        return draft

    def _choose(self, draft: _Draft) -> Plan | None:
        """Return the rows for goods on which something may be due; what is decided on all else stands in the draft then."""
        if draft.flow == "TRANSIT":
            draft.outcome = (fiscal.DECISION_CODE_TRANSFER, self._in_transit)
            return None
        plan = self._plan(draft)
        if plan is None:
            return None
        seen = draft.seen
        if seen.nature == record.NATURE_OF_TRANSACTION_DOCUMENTS:
            draft.category = 1
            draft.outcome = (fiscal.DECISION_CODE_RELEASED, plan.reasons["DOCUMENTS"])
        elif draft.flow == "EXPORT":
            draft.category = levy.category(seen, plan)
            draft.outcome = (fiscal.DECISION_CODE_RELEASED, plan.reasons["EXPORTED"])
        elif seen.nature == record.NATURE_OF_TRANSACTION_RETURN:
            # Relief for returned goods depends on the item that brought them out (Regulation (EU) No 952/2013, Art. 203).
            draft.category = levy.category(seen, plan)
            if draft.item.earlier_item.identifier:
                draft.outcome = (fiscal.DECISION_CODE_RELEASED_CONDITIONAL, plan.reasons["RETURNED_GOODS"])
            else:
                draft.gaps.append(Gap("EARLIER_ITEM_MISSING", "earlier_item", plan.basis))
                draft.outcome = (fiscal.DECISION_CODE_HOLD_DOCUMENTS, b"")
        else:
            return plan
        return None

    def _take(self, draft: _Draft, plan: Plan, owed: Levy) -> None:
        """Decide on imported goods by what is due, with the duties and the rows they follow from."""
        draft.category = owed.category
        for note in owed.notes:
            sentence = self._regime.sentences[note.code].sentence.format(path=note.path)
            draft.said.append(reason(note.code, sentence, note.basis))
        if owed.gaps:
            draft.gaps += owed.gaps
        if draft.gaps:
            draft.due.clear()
            return
        draft.due.append(total_due(plan.currency, owed.due, plan.scale))
        if owed.due:
            draft.outcome = (fiscal.DECISION_CODE_RELEASED_WITH_DUTY, plan.reasons["DUTY_DUE"])
        else:
            draft.outcome = (fiscal.DECISION_CODE_RELEASED, plan.reasons["NOTHING_DUE"])

    def _written(self, draft: _Draft) -> bytes:
        """Return the decision as bytes: what was found outweighs what is missing, and that what is due."""
        code, why = draft.outcome
        gaps = draft.gaps
        if draft.stop:
            code, draft.category = draft.stop, 4
            # What is found may change the duties; none is stated before.
            draft.due.clear()
        elif gaps and code != fiscal.DECISION_CODE_HOLD_DOCUMENTS:
            code = fiscal.DECISION_CODE_HOLD_INFORMATION
        elif why:
            draft.said.append(why)
        if gaps:
            self._ask(draft, gaps)
        call = draft.call
        case = field(_CASE, call.case.SerializeToString()) if call.HasField("case") else b""
        head = field(_ID, draft.own_id), case, _judged(call.declaration.version), outcome(code, draft.category)
        return b"".join((*head, *draft.said, *draft.due))

    def _plan(self, draft: _Draft) -> Plan | None:
        """Choose the rows for an item; None, with the gaps, if they can't be chosen or there are none for its territory."""
        seen, item, flow, gaps = draft.seen, draft.item, draft.flow, draft.gaps
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
        plan = self._planner.plan(
            country, postcode, flow, seen.channel, seen.transaction, draft.call.acceptance_date, arrival
        )
        if not plan.territory:
            words = (("place", plan.place), ("date", plan.release), ("note", plan.note))
            gaps.append(Gap("REGIME_MISSING", path, plan.basis, words))
            return None
        return plan

    def _heed(self, draft: _Draft, findings: Sequence[Finding]) -> None:
        """Stop the item if a finding asks for the goods; add gaps for findings that ask for data.

        The partner is shown findings of quality, which it can mend; how a profile fired it is not.
        """
        for found in findings:
            action, basis = found.action, f"{found.rule}@{found.version}"
            if found.rule.startswith(_QUALITY):
                draft.said.append(finding(found.SerializeToString()))
            if action in _ASKING:
                path = found.inputs[0].path if found.inputs else "content"
                draft.gaps.append(Gap("FINDING_OPEN", path, basis, (("action", action),)))
            elif action in _EXAMINE:
                agency = self._regime.agencies.get(found.rule)
                if agency is None or action == "STOP":
                    draft.stop = fiscal.DECISION_CODE_EXAMINE
                    self._say(draft, "EXAMINATION", basis)
                else:
                    self._say(draft, "OTHER_AGENCY", f"{basis} {agency[1]}", agency=agency[0])
                    draft.stop = draft.stop or fiscal.DECISION_CODE_HOLD_AGENCY

    def _restricted(self, draft: _Draft, lines: list[int]) -> None:
        """Hold an item for another agency, with a reason for each line on which the declarant names an import restriction."""
        for index in lines:
            self._say(draft, "IMPORT_RESTRICTION", "", path=f"content[{index}].import_restriction")
        draft.stop = fiscal.DECISION_CODE_HOLD_AGENCY

    def _say(self, draft: _Draft, code: str, basis: str, **words: str) -> None:
        """Add a reason, with its words filled in."""
        draft.said.append(reason(code, self._regime.sentences[code].sentence.format_map(words), basis))

    def _ask(self, draft: _Draft, gaps: list[Gap]) -> None:
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
                reference = field(_REFERENCE, b"%b-%d" % (draft.own_id[:16], asking))
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
