"""Whatever comes in: what is due is the sum of what is not collected, nothing is negative, nothing incomplete is released."""

from hypothesis import given, settings
from hypothesis import strategies as st

from parcelgate.api.clearance.v1.clearance_pb2 import DecideCall, DecideRequest
from parcelgate.api.record.v1 import item_pb2 as record
from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_RELEASED,
    DECISION_CODE_RELEASED_CONDITIONAL,
    DECISION_CODE_RELEASED_WITH_DUTY,
)
from parcelgate.api.record.v1.declaration_pb2 import FLOW_IMPORT
from parcelgate.api.record.v1.quantity_pb2 import Money
from parcelgate.clearance.service import ClearanceServicer

SERVICER = ClearanceServicer()
RELEASING = (DECISION_CODE_RELEASED, DECISION_CODE_RELEASED_WITH_DUTY, DECISION_CODE_RELEASED_CONDITIONAL)

money = st.builds(
    Money,
    currency=st.sampled_from(["EUR", "GBP", "USD", "JPY", "KWD", "AFN", "", "XYZ"]),
    units=st.one_of(st.integers(0, 400), st.integers(-(2**63), 2**63 - 1)),
    nanos=st.sampled_from([0, 10_000_000, 5_000_000, 999_999_999]),
)
piece = st.builds(
    record.ContentPiece,
    quantity=st.integers(0, 3),
    hs_code=st.sampled_from(["610910", "6109100010", "910211", "220421", "851713", "490199", "", "12", "abcdef"]),
    origin_country=st.sampled_from(["CN", "RU", ""]),
    value=st.none() | money,
    unit_value=st.none() | money,
)
party = st.builds(
    record.Party,
    role=st.sampled_from(list(record.PartyRole.values())),
    person_type=st.sampled_from(list(record.PersonType.values())),
    address=st.builds(record.Address, postcode=st.sampled_from(["", "10115", "BT1 1AA", "SW1A 1AA", "35001"])),
    references=st.lists(
        st.builds(
            record.PartyReference,
            scheme=st.sampled_from(["IOSS", "VAT"]),
            number=st.sampled_from(["IM3720000224", "im 372 0000224", "IN3720000224", "", "x"]),
        ),
        max_size=2,
    ),
)
item = st.builds(
    record.Item,
    destination_country=st.sampled_from(["DE", "FR", "ES", "GB", "XI", "US", ""]),
    nature=st.sampled_from(list(record.NatureOfTransaction.values())),
    declared_value=st.none() | money,
    postage=st.none() | money,
    parties=st.lists(party, max_size=4),
    content=st.lists(piece, max_size=4),
)
day = st.sampled_from(["2025-12-31", "2026-06-30", "2026-07-01", "2028-06-30", "2028-07-01"])


def nanos(amount):
    return amount.units * 1_000_000_000 + amount.nanos


@settings(max_examples=300, deadline=None)
@given(item, day)
def test_what_is_due_is_the_sum_of_what_was_not_collected_and_nothing_is_negative(item, day):
    call = DecideCall(call_id="c", acceptance_date=day)
    call.declaration.key.flow = FLOW_IMPORT
    call.declaration.item.CopyFrom(item)
    (result,) = SERVICER.decide(DecideRequest(calls=[call])).results
    assert not result.HasField("fault"), result.fault
    decision = result.decision
    assert decision.reasons
    assert decision.release_category in range(5)
    amounts = [nanos(duty.amount) for duty in decision.duties]
    assert all(amount >= 0 for amount in amounts)
    due = sum(nanos(duty.amount) for duty in decision.duties if not duty.collected)
    assert nanos(decision.total_due) == due
    assert (decision.code == DECISION_CODE_RELEASED_WITH_DUTY) == (due > 0)
    if decision.code in RELEASING:
        assert not decision.referrals
    else:
        assert not decision.duties
    for duty in decision.duties:
        assert duty.row
        assert duty.date
        assert duty.date_basis
