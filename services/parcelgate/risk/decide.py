"""The security decision on a case: the strongest action wins; risk alone decides security (codes 20 to 39)."""

import hashlib
from binascii import hexlify
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
ID_LENGTH = 32


def repeatable_ids(call_id: str) -> tuple[bytes, bytes]:
    """Derive the ids of assessment and decision that a repeat of the call gets again: 32 hexadecimal digits each, as bytes."""
    digest = hexlify(hashlib.sha256(call_id.encode()).digest())
    return digest[:ID_LENGTH], digest[ID_LENGTH:]


def nothing_found(profile_set: str) -> Decision:
    """Return what is decided where nothing speaks against loading; id, case and version are the caller's."""
    sentence = "Nothing was found that speaks against loading the item."
    reason = Reason(code="ASSESSED", sentence=sentence, basis=profile_set)
    return Decision(stage=STAGE_ADVANCE, code=DECISION_CODE_ASSESSMENT_COMPLETE, reasons=[reason])


def decide(decision: Decision, decision_id: bytes, hits: Sequence[Hit], profile_set: str) -> None:
    """Write the security decision that follows from the hits; case and version are the caller's.

    The moment of decision is left out: it would need a clock, and a repeated call must get the same answer. The partner is
    shown findings of quality, which it can mend; how a profile fired it is not, for that would teach to evade it.
    """
    asking = [hit for hit in hits if hit.rule.action in _CODES]
    if not asking:
        decision.MergeFrom(nothing_found(profile_set))
    decision.id = decision_id.decode()
    if asking:
        asking.sort(key=lambda hit: -_STRENGTH[hit.rule.action])
        strongest = asking[0].rule.action
        decision.stage = STAGE_ADVANCE
        decision.code = _CODES[strongest]
        for hit in asking:
            decision.reasons.add(code=hit.rule.reason, sentence=hit.sentence(), basis=hit.rule.basis)
        if strongest != "STOP":
            for place, hit in enumerate(asking, start=1):
                _refer(decision.referrals.add(), decision.id, place, hit)
    for hit in hits:
        if hit.rule.id.startswith(_QUALITY):
            hit.write(decision.findings.add())


def _refer(referral: Referral, decision_id: str, place: int, hit: Hit) -> None:
    kind, letters = _REFERRALS[hit.rule.action]
    referral.reference = f"{letters}-{decision_id[:12].upper()}-{place}"
    referral.type = kind
    referral.code = hit.rule.reason
    referral.text = hit.question()
    referral.pointer = hit.inputs[0][0]
