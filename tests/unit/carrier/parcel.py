"""One shipment without a fault."""

from google.protobuf import text_format

from parcelgate.api.record.v1.item_pb2 import Item

_TEXT = """
key { scheme: ITEM_SCHEME_HOUSE_WAYBILL identifier: "HWB000001" posting_date: "2026-09-20" }
origin_country: "US" destination_country: "DE" nature: NATURE_OF_TRANSACTION_SALE gross_mass { milligrams: 900000 }
parties { role: PARTY_ROLE_SENDER name: "Hollister Outfitters" address { country: "US" } }
parties { role: PARTY_ROLE_RECIPIENT name: "Wiebke Brandström" address { country: "DE" } }
content {
  number: 1 quantity: 2 description: "Cotton T-shirts, knitted" hs_code: "610910" origin_country: "BD"
  net_mass { milligrams: 400000 } value { currency: "EUR" units: 25 }
  unit_value { currency: "EUR" units: 12 nanos: 500000000 }
}
"""


def item() -> Item:
    return text_format.Parse(_TEXT, Item())
