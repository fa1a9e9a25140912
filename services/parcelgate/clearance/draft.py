"""What is decided on one call, as the bytes of the fields that the decision will have.

Reasons, duties and questions are the same for thousands of items; as bytes they are kept and joined instead of copied.
"""

from parcelgate.api.record.v1 import decision_pb2 as fiscal
from parcelgate.clearance import amount
from parcelgate.core import field as wire

_REASONS = fiscal.Decision.REASONS_FIELD_NUMBER
_DUTIES = fiscal.Decision.DUTIES_FIELD_NUMBER
_TOTAL_DUE = fiscal.Decision.TOTAL_DUE_FIELD_NUMBER
_REFERRALS = fiscal.Decision.REFERRALS_FIELD_NUMBER
_FINDINGS = fiscal.Decision.FINDINGS_FIELD_NUMBER


def reason(code: str, sentence: str, basis: str) -> bytes:
    """Write a reason as a field of a decision."""
    return wire.field(_REASONS, fiscal.Reason(code=code, sentence=sentence, basis=basis).SerializeToString())


def duty(body: bytes) -> bytes:
    """Make a DutyTax, as bytes, a field of a decision."""
    return wire.field(_DUTIES, body)


def total_due(currency: str, units: int, parts: int) -> bytes:
    """Write what is due, in minor units of which so many make one unit, as a field of a decision."""
    return amount.written(_TOTAL_DUE, currency, units, parts)


def referral(body: bytes) -> bytes:
    """Make a Referral, as bytes, a field of a decision."""
    return wire.field(_REFERRALS, body)


def finding(body: bytes) -> bytes:
    """Make a Finding, as bytes, a field of a decision."""
    return wire.field(_FINDINGS, body)


def outcome(code: "fiscal.DecisionCode.ValueType", category: int) -> bytes:
    """Return what was decided, under which release category, as fields of a decision; its stage is ADVANCE."""
    return _OUTCOMES[code, category]


def _written(code: "fiscal.DecisionCode.ValueType", category: int) -> bytes:
    decision = fiscal.Decision(stage=fiscal.STAGE_ADVANCE, code=code, release_category=category)
    return decision.SerializeToString()


# Release categories of the WCO are 1 to 4; 0 is none.
_OUTCOMES = {
    (code, category): _written(code, category) for code in fiscal.DecisionCode.values() for category in range(5)
}
