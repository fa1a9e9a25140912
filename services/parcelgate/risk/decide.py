"""The security decision on a case: the strongest action wins; risk alone decides security (codes 20 to 39)."""

import hashlib
from collections.abc import Sequence

from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_AMENDMENT_REQUESTED,
    DECISION_CODE_ASSESSMENT_COMPLETE,
    DECISION_CODE_DO_NOT_LOAD,
    DECISION_CODE_INFO_REQUESTED,
    DECISION_CODE_SCREENING_REQUESTED,
    STAGE_ADVANCE,
    Decision,
    Reason,
)
from parcelgate.api.record.v1.declaration_pb2 import Case
from parcelgate.api.record.v1.referral_pb2 import (
    REFERRAL_TYPE_AMENDMENT,
    REFERRAL_TYPE_INFORMATION,
    REFERRAL_TYPE_SCREENING,
    Referral,
)
from parcelgate.risk.rule import ACTIONS, Hit

_STRENGTH = {action: place for place, action in enumerate(ACTIONS)}
_CODES = {
    "REFER_INFORMATION": DECISION_CODE_INFO_REQUESTED,
    "REFER_AMENDMENT": DECISION_CODE_AMENDMENT_REQUESTED,
    "REFER_SCREENING": DECISION_CODE_SCREENING_REQUESTED,
    "STOP": DECISION_CODE_DO_NOT_LOAD,
}
_REFERRALS = {
    "REFER_INFORMATION": (REFERRAL_TYPE_INFORMATION, "RFI"),
    "REFER_AMENDMENT": (REFERRAL_TYPE_AMENDMENT, "AMD"),
    "REFER_SCREENING": (REFERRAL_TYPE_SCREENING, "RFS"),
}
_QUALITY = "quality."


def repeatable_id(call_id: str, what: str) -> str:
    """Derive an id that a repeat of the call gets again: 32 hexadecimal digits."""
    return hashlib.sha256(f"{what}\0{call_id}".encode()).hexdigest()[:32]


def decide(call_id: str, case: Case, version: int, hits: Sequence[Hit], profile_set: str) -> Decision:
    """Decide a case on what was found in a version of its declaration.

    The moment of decision is left out: it would need a clock, and a repeated call must get the same answer. The partner is
    shown findings of quality, which it can mend; how a profile fired it is not, for that would teach to evade it.
    """
    decision = Decision(
        id=repeatable_id(call_id, "decision"),
        case=case,
        judged_version=version,
        stage=STAGE_ADVANCE,
        code=DECISION_CODE_ASSESSMENT_COMPLETE,
    )
    asking = [hit for hit in hits if hit.rule.action in _CODES]
    if asking:
        strongest = max((hit.rule.action for hit in asking), key=_STRENGTH.__getitem__)
        decision.code = _CODES[strongest]
        asking.sort(key=lambda hit: -_STRENGTH[hit.rule.action])
        for hit in asking:
            decision.reasons.add(code=hit.rule.reason, sentence=hit.sentence(), basis=hit.rule.basis)
        if strongest != "STOP":
            decision.referrals.extend(_referral(call_id, place, hit) for place, hit in enumerate(asking, start=1))
    else:
        sentence = "Nothing was found that speaks against loading the item."
        decision.reasons.append(Reason(code="ASSESSED", sentence=sentence, basis=profile_set))
    decision.findings.extend(hit.finding() for hit in hits if hit.rule.id.startswith(_QUALITY))
    return decision


def _referral(call_id: str, place: int, hit: Hit) -> Referral:
    kind, letters = _REFERRALS[hit.rule.action]
    return Referral(
        reference=f"{letters}-{repeatable_id(call_id, f'referral {place}')[:12].upper()}",
        type=kind,
        code=hit.rule.reason,
        text=hit.question(),
        pointer=hit.inputs[0][0],
    )
