"""Clearance beside the mere reading of the same items: what deciding costs once the bytes are records."""

import time

import asked
import yardstick
from row import Row

from parcelgate.api.clearance.v1.clearance_pb2 import DecideCall, DecideRequest
from parcelgate.api.record.v1 import item_pb2 as record
from parcelgate.api.record.v1.assessment_pb2 import Assessment
from parcelgate.api.record.v1.declaration_pb2 import FLOW_IMPORT, PROCEDURE_IMPORT, Case, Declaration, DeclarationKey
from parcelgate.api.record.v1.quantity_pb2 import Day, Mass, Money
from parcelgate.clearance.service import ClearanceServicer

CALLS = 250
BUDGET_MICROSECONDS = 25
_METHOD = "/parcelgate.api.clearance.v1.ClearanceService/Decide"
_GOODS = (
    ("610910", "Cotton T-shirts", 1999),
    ("910211", "Wrist watch, quartz", 4550),
    ("950300", "Wooden toy train", 1325),
)
_PLACES = (("DE", "10115"), ("FR", "75002"), ("GB", "SW1A 1AA"), ("PL", "00-001"), ("SE", "111 22"))


def call(number: int) -> DecideCall:
    """Make a common call: one or two lines in USD, some with IOSS, a few documents."""
    country, postcode = _PLACES[number % len(_PLACES)]
    seller = record.Party(role=record.PARTY_ROLE_SELLER, name="Shop")
    if number % 3 == 0:
        seller.references.add(scheme="IOSS", number="IM3720000224")
    chosen = [_GOODS[(number + step) % len(_GOODS)] for step in range(1 + number % 2)]
    item = record.Item(
        key=record.ItemKey(scheme=record.ITEM_SCHEME_S10, issuer="CN", identifier=f"RX{number:08d}0CN"),
        origin_country="CN",
        destination_country=country,
        nature=record.NATURE_OF_TRANSACTION_DOCUMENTS if number % 20 == 0 else record.NATURE_OF_TRANSACTION_SALE,
        gross_mass=Mass(milligrams=450_000),
        postage=Money(currency="USD", units=3),
        declared_value=Money(currency="USD", nanos=0, units=0),
        parties=[
            record.Party(role=record.PARTY_ROLE_SENDER, name="Sender", address=record.Address(country="CN")),
            record.Party(
                role=record.PARTY_ROLE_RECIPIENT,
                name="Recipient",
                address=record.Address(lines=["High Street 1"], postcode=postcode, city="Town", country=country),
            ),
            seller,
        ],
        content=[
            record.ContentPiece(
                number=line,
                quantity=1,
                description=text,
                hs_code=code,
                origin_country="CN",
                net_mass=Mass(milligrams=200_000),
                value=Money(currency="USD", units=cents // 100, nanos=cents % 100 * 10_000_000),
            )
            for line, (code, text, cents) in enumerate(chosen, start=1)
        ],
        transport=record.Transport(mode="AIR", arrival=Day(iso="2026-09-14")),
    )
    cents = sum(value for _, _, value in chosen)
    item.declared_value.CopyFrom(Money(currency="USD", units=cents // 100, nanos=cents % 100 * 10_000_000))
    return DecideCall(
        call_id=f"{number:032x}-1-1",
        case=Case(id=f"{number:032x}", authority="customs", procedure=PROCEDURE_IMPORT, version=1, round=1),
        declaration=Declaration(key=DeclarationKey(flow=FLOW_IMPORT), version=1, item=item),
        assessment=Assessment(id="a", score=0),
        acceptance_date=f"2026-09-{1 + number % 10:02d}",
    )


def run(rounds: int = 12) -> list[Row]:
    """Measure CPU microseconds an item, the best of the rounds: in this process, then a whole process that is asked."""
    calls = [call(number) for number in range(CALLS)]
    request = DecideRequest(calls=calls).SerializeToString()
    items = [one.declaration.item.SerializeToString() for one in calls]
    servicer = ClearanceServicer()
    servicer.answer(DecideRequest.FromString(request))
    ours, peer = [], []
    for _ in range(rounds):
        start = time.process_time_ns()
        servicer.answer(DecideRequest.FromString(request))
        middle = time.process_time_ns()
        for item in items:
            record.Item.FromString(item)
        ours.append(middle - start)
        peer.append(time.process_time_ns() - middle)
    mine, theirs = min(ours) / CALLS / 1000, min(peer) / CALLS / 1000
    whole = asked.micros("clearance", _METHOD, request, CALLS)
    yard = yardstick.measure()
    note = f"Item.FromString of the same bytes takes {theirs:.2f}"
    return [
        yardstick.against("clearance: decide on one item, bytes to bytes", mine, yard, BUDGET_MICROSECONDS, note=note),
        yardstick.against("clearance: a whole process that is asked 250 at once", whole, yard, BUDGET_MICROSECONDS),
    ]


if __name__ == "__main__":
    for each in run():
        print(each)
