"""One shipment through all carriers' dialects: what two of them carry is the same by whichever it comes."""

from itertools import permutations

import pytest

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs import translate
from parcelgate.codecs.check import example
from parcelgate.codecs.event import ItemRead
from parcelgate.codecs.registry import shipped
from parcelgate.core import hash as canonical

CUSITM = "upu/cusitm/own-1"
DIALECTS = sorted(form.id for form in shipped() if form.id.startswith("carrier/"))
each_dialect = pytest.mark.parametrize("form_id", DIALECTS)


def shipment():
    """Make an item that every dialect can say."""
    return Item(
        key={"scheme": 2, "identifier": "ORD-2026-0001", "posting_date": "2026-11-03"},
        origin_country="US",
        destination_country="NZ",
        nature=1,
        gross_mass={"milligrams": 351_007},
        parties=[
            {
                "role": 1,
                "company": "Harbour Goods",
                "address": {
                    "lines": ["417 Front Street"],
                    "postcode": "94111",
                    "city": "San Francisco",
                    "state": "CA",
                    "country": "US",
                },
                "telephone": "4155550100",
            },
            {
                "role": 2,
                "company": "Cuba Street Books",
                "address": {"lines": ["12 Cuba Street"], "postcode": "6011", "city": "Wellington", "country": "NZ"},
            },
        ],
        content=[
            {
                "quantity": 3,
                "description": "kitchen knife with a wooden handle and a sheath of leather",
                "hs_code": "821192",
                "origin_country": "JP",
                "net_mass": {"milligrams": 300_001},
                "value": {"currency": "USD", "units": 37, "nanos": 350_000_000},
            }
        ],
    )


def through(form_id, item):
    """Write an item in a dialect and read it again, without a fault."""
    data = b"".join(translate.write(form_id, {}, [Declaration(key={"flow": 1}, item=item)]))
    event, closed = (each for each in translate.read([data], form_id) if not isinstance(each, dict))
    assert [fault.code for fault in (*event.faults, *closed.faults)] == []
    return Item.FromString(event.item)


def shared(item, like):
    """Leave of an item what all dialects carry: some say a time where others say a day, and some the price of a piece."""
    found = Item()
    found.CopyFrom(item)
    found.key.CopyFrom(like.key)
    found.ClearField("posted")
    for piece in found.content:
        piece.ClearField("unit_value")
    return found


@pytest.mark.parametrize(("first", "second"), list(permutations(DIALECTS, 2)))
def test_a_shipment_has_one_canonical_hash_through_any_two_dialects(first, second):
    item = shipment()
    between = shared(through(first, item), item)
    after = shared(through(second, between), item)
    assert canonical.of_item(between) == canonical.of_item(item)
    assert canonical.of_item(after) == canonical.of_item(item)


@each_dialect
@pytest.mark.parametrize("name", ["smallest", "full"])
def test_a_shipment_of_each_dialect_becomes_a_cusitm_with_the_same_canonical_hash(form_id, name):
    data = example(shipped().get(form_id), name).read_bytes()
    (read,) = (event for event in translate.read([data], form_id) if isinstance(event, ItemRead))
    record = Declaration.FromString(read.message)
    record.item.MergeFromString(read.item)
    header = {"message_type": "CUSITM", "message_version": "own-1", "interchange_reference": "R1"}
    written = b"".join(translate.write(CUSITM, header, [record]))
    (again,) = (event for event in translate.read([written], CUSITM) if isinstance(event, ItemRead))
    assert again.accepted
    assert again.canonical_hash == read.canonical_hash
