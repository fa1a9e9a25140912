"""An ordinary declaration that no rule finds anything wrong with; tests change what they are about."""

from google.protobuf import text_format

from parcelgate.api.record.v1.declaration_pb2 import Declaration

ORDINARY = """
id: "0123456789abcdef0123456789abcdef"
key { flow: FLOW_IMPORT partner: "nz-post" environment: ENVIRONMENT_TEST }
version: 1
function: FUNCTION_ORIGINAL
provenance { received { utc_micros: 1782993600000000 } }  # 2026-07-02
item {
  key { scheme: ITEM_SCHEME_S10 issuer: "NZ" identifier: "CP100200305NZ" posting_date: "2026-07-01" }
  posted { utc_micros: 1782907200000000 written: "2026-07-01" }
  mail_class: MAIL_CLASS_PARCELS
  mail_category: MAIL_CATEGORY_AIR
  origin_country: "NZ"
  destination_country: "DE"
  nature: NATURE_OF_TRANSACTION_SALE
  gross_mass { milligrams: 900000 }
  declared_value { currency: "EUR" units: 85 }
  parties {
    role: PARTY_ROLE_SENDER
    name: "Harbour Knitwear Limited"
    person_type: PERSON_TYPE_LEGAL
    address { lines: "12 Quay Street" postcode: "1010" city: "Auckland" country: "NZ" }
    telephone: "+64 9 555 0100"
  }
  parties {
    role: PARTY_ROLE_RECIPIENT
    name: "Änne Grünwald"
    person_type: PERSON_TYPE_NATURAL
    address { lines: "Lindenweg 3" postcode: "50667" city: "Köln" country: "DE" }
    telephone: "+49 221 5550100"
  }
  content {
    number: 1 quantity: 2 description: "Ladies knitted cotton shirt" hs_code: "610910" origin_country: "NZ"
    net_mass { milligrams: 400000 }
    value { currency: "EUR" units: 60 }
    unit_value { currency: "EUR" units: 30 }
  }
  content {
    number: 2 quantity: 1 description: "Leather belt with steel buckle" hs_code: "420330" origin_country: "NZ"
    net_mass { milligrams: 300000 }
    value { currency: "EUR" units: 25 }
  }
  transport { mode: "AIR" departure { iso: "2026-07-04" } arrival { iso: "2026-07-06" } }
}
"""


def declaration() -> Declaration:
    """Return a fresh copy of the ordinary declaration."""
    return text_format.Parse(ORDINARY, Declaration())
