"""Rows choose by their day, and another table gives another result, each time the same."""

import pytest

from parcelgate.api.clearance.v1.clearance_pb2 import DecideCall, DecideRequest
from parcelgate.api.record.v1 import item_pb2 as record
from parcelgate.api.record.v1.declaration_pb2 import FLOW_IMPORT
from parcelgate.api.record.v1.quantity_pb2 import Money
from parcelgate.clearance import regime
from parcelgate.clearance.consignment import bare_postcode
from parcelgate.clearance.decision import Decider
from parcelgate.clearance.service import ClearanceServicer
from parcelgate.core import resource

SHIPPED = resource.schemas() / "regimes"
RATES = """id = "month"
version = "{version}"
territory = "EU"
base = "EUR"
date_basis = "{basis}"
status = "sourced"
source = "test"
checked_on = "2026-01-01"
[[period]]
valid_from = "2026-09-01"
valid_to = "2026-09-30"
[period.rates]
USD = "{usd}"
[[period]]
valid_from = "2026-10-01"
valid_to = "2026-10-31"
[period.rates]
USD = "1.25"
"""


def drill(accepted="2026-09-15", arrival="", units=115, country="DE", postcode=""):
    item = record.Item(
        destination_country=country,
        content=[record.ContentPiece(number=1, hs_code="846721", value=Money(currency="USD", units=units))],
        parties=[record.Party(role=record.PARTY_ROLE_RECIPIENT, address=record.Address(postcode=postcode))],
    )
    item.transport.arrival.iso = arrival
    call = DecideCall(call_id="c", acceptance_date=accepted)
    call.declaration.key.flow = FLOW_IMPORT
    call.declaration.item.CopyFrom(item)
    return call


def decided(folder, call):
    return ClearanceServicer(Decider(regime.load(folder))).decide(DecideRequest(calls=[call])).results[0].decision


def rates(tmp_path, usd="1.15", basis="RELEASE", version="1"):
    folder = tmp_path / f"{usd}-{basis}"
    (folder / "exchange-rates").mkdir(parents=True)
    (folder / "exchange-rates" / "month.toml").write_text(RATES.format(usd=usd, basis=basis, version=version))
    return folder


def vat_base(decision):
    (tax,) = [duty for duty in decision.duties if duty.type == "VAT"]
    return tax.base.units, tax.base.nanos // 10_000_000


def test_another_exchange_rate_gives_another_result_and_each_again_the_same(tmp_path):
    first, second = rates(tmp_path, "1.15"), rates(tmp_path, "1.00")
    assert vat_base(decided(first, drill())) == (103, 0)
    assert vat_base(decided(second, drill())) == (118, 0)
    assert decided(first, drill()) == decided(first, drill())


def test_the_decision_says_which_rate_it_used(tmp_path):
    said = decided(rates(tmp_path), drill()).duties[0].exchange_rate
    assert said == "month@1: 1 EUR = 1.15 USD, from 2026-09-01 to 2026-09-30 (sourced; test)"


@pytest.mark.parametrize(
    ("basis", "accepted", "arrival", "base"),
    [
        ("ACCEPTANCE", "2026-09-30", "2026-10-02", (103, 0)),
        ("ARRIVAL", "2026-09-30", "2026-10-02", (95, 0)),
        ("ARRIVAL", "2026-10-02", "2026-09-30", (103, 0)),
        ("ARRIVAL", "2026-09-30", "", (103, 0)),
        ("RELEASE", "2026-09-30", "2026-10-02", (95, 0)),
        ("RELEASE", "2026-10-02", "2026-09-30", (95, 0)),
    ],
)
def test_a_row_is_chosen_by_the_day_it_says(tmp_path, basis, accepted, arrival, base):
    assert vat_base(decided(rates(tmp_path, basis=basis), drill(accepted, arrival))) == base


def test_after_the_last_day_of_a_table_the_item_is_held(tmp_path):
    decision = decided(rates(tmp_path), drill("2026-11-01"))
    assert [reason.code for reason in decision.reasons] == ["EXCHANGE_RATE_MISSING"]


def test_a_threshold_below_leaves_the_amount_itself_out(tmp_path):
    text = (SHIPPED / "thresholds.toml").read_text("utf-8")
    (tmp_path / "thresholds.toml").write_text(text.replace('comparison = "<="', 'comparison = "<"'), "utf-8")
    call = drill()
    for units, nanos, category in ((149, 990_000_000, 3), (150, 0, 4)):
        call.declaration.item.content[0].value.CopyFrom(Money(currency="EUR", units=units, nanos=nanos))
        assert decided(tmp_path, call).release_category == category


def test_a_tariff_of_the_operator_is_taken_by_the_longest_code_and_rounded_once_a_line(tmp_path):
    text = (SHIPPED / "duties.toml").read_text("utf-8")
    row = next(part for part in text.split("[[row]]") if "eu-tariff-847130" in part)
    for code, rate in (("84", "5"), ("846721", "2.7")):
        new = row.replace("eu-tariff-847130", f"own-{code}").replace('hs = "847130"', f'hs = "{code}"')
        text += f"[[row]]{new}".replace('rate = "0"', f'rate = "{rate}"').replace('["BY", "KP", "RU"]', "[]")
    (tmp_path / "duties.toml").write_text(text, "utf-8")
    call = drill(units=0)
    item = call.declaration.item
    item.content[0].value.CopyFrom(Money(currency="EUR", units=199, nanos=990_000_000))
    item.content.add(number=2, hs_code="841480").value.CopyFrom(Money(currency="EUR", units=100, nanos=10_000_000))
    item.postage.CopyFrom(Money(currency="EUR", units=30))
    decision = decided(tmp_path, call)
    found = [
        (duty.row, duty.base.units, duty.base.nanos, duty.amount.units, duty.amount.nanos) for duty in decision.duties
    ]
    assert found == [
        ("own-846721@1", 219, 990_000_000, 5, 940_000_000),
        ("own-84@1", 110, 10_000_000, 5, 500_000_000),
        ("eu-vat-de@1", 341, 440_000_000, 64, 870_000_000),
    ]


def test_lines_in_two_currencies_are_added_exactly(tmp_path):
    call = drill(units=115)
    call.declaration.item.content.add(number=2, hs_code="846721").value.CopyFrom(Money(currency="EUR", units=20))
    assert vat_base(decided(rates(tmp_path), call)) == (123, 0)


def test_smartphones_of_an_excluded_origin_have_no_rate():
    call = drill(units=500)
    piece = call.declaration.item.content[0]
    piece.hs_code = "851713"
    assert [reason.code for reason in decided(None, call).reasons] == ["ORIGIN_MISSING"]
    piece.origin_country = "RU"
    assert [reason.code for reason in decided(None, call).reasons] == ["RATE_MISSING"]


def test_books_to_britain_above_the_sellers_vat_are_not_charged_by_guess():
    call = drill(units=500, country="GB", postcode="SW1A 1AA")
    call.declaration.item.content[0].hs_code = "490199"
    codes = [(reason.code, reason.sentence.split(" is not")[0]) for reason in decided(None, call).reasons]
    assert codes == [("RATE_MISSING", "The rate of customs duty"), ("RATE_MISSING", "The rate of VAT")]


def test_a_value_still_written_in_leva_is_converted_at_the_fixed_rate():
    call = drill(country="BG")
    call.declaration.item.content[0].value.CopyFrom(Money(currency="BGN", units=195, nanos=583_000_000))
    assert vat_base(decided(None, call)) == (103, 0)


@pytest.mark.parametrize(
    ("written", "bare"),
    [("SW1A 1AA", "SW1A1AA"), ("D-78266", "78266"), ("9500-150", "9500-150"), ("bt1 5gs", "BT15GS"), ("", "")],
)
def test_blanks_and_country_prefixes_are_not_part_of_a_postcode(written, bare):
    assert bare_postcode(written) == bare
