"""Every case in this folder, decided with the tables that come with parcelgate."""

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from google.protobuf import json_format

from parcelgate.api.clearance.v1.clearance_pb2 import DecideCall, DecideRequest
from parcelgate.api.record.v1.decision_pb2 import DecisionCode, DutyTax
from parcelgate.api.record.v1.quantity_pb2 import Money
from parcelgate.clearance.service import ClearanceServicer

CASES = sorted(Path(__file__).parent.glob("*.toml"))
MONEY = ("value", "unit_value", "declared_value", "postage")


@pytest.fixture(scope="module")
def servicer():
    return ClearanceServicer()


def spelled(record):
    """Turn money written as text into the shape of the record, all the way down."""
    if isinstance(record, list):
        return [spelled(one) for one in record]
    if not isinstance(record, dict):
        return record
    return {name: money(value) if name in MONEY else spelled(value) for name, value in record.items()}


def money(text):
    number, _, currency = text.partition(" ")
    nanos = int(Decimal(number) * 1_000_000_000)
    return {"currency": currency, "units": nanos // 1_000_000_000, "nanos": nanos % 1_000_000_000}


def written(amount: Money) -> str:
    number = Decimal(amount.units) + Decimal(amount.nanos) / 1_000_000_000
    return f"{number:.2f} {amount.currency}"


def row(duty: DutyTax) -> str:
    columns = [
        duty.type,
        duty.hs_code,
        written(duty.base) if duty.HasField("base") else "",
        duty.rate,
        written(duty.amount),
        duty.row,
        f"{duty.date} {duty.date_basis}",
        "collected" if duty.collected else "",
    ]
    return " ".join(" | ".join(columns).split())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_case_is_decided_as_it_says(path, servicer):
    case = tomllib.loads(path.read_text("utf-8"))
    call = json_format.ParseDict(
        {
            "call_id": path.stem,
            "declaration": {"version": 1, "key": {"flow": f"FLOW_{case['flow']}"}, "item": spelled(case["item"])},
            "assessment": {"findings": case.get("findings", [])},
            "acceptance_date": case["acceptance_date"],
        },
        DecideCall(),
    )
    result = servicer.decide(DecideRequest(calls=[call])).results[0]
    assert not result.HasField("fault"), result.fault
    decision, expect = result.decision, case["expect"]
    assert DecisionCode.Name(decision.code) == f"DECISION_CODE_{expect['code']}"
    assert decision.release_category == expect["category"]
    assert [reason.code for reason in decision.reasons] == expect["reasons"]
    assert [row(duty) for duty in decision.duties] == [" ".join(text.split()) for text in expect["duties"]]
    assert (written(decision.total_due) if decision.HasField("total_due") else "") == expect["total_due"]
    assert [f"{referral.code} {referral.pointer}" for referral in decision.referrals] == expect["referrals"]
