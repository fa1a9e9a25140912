"""The registrations of parties with tax and customs authorities: EORI, IOSS, VAT, ARN, GST.

A number is shown masked, for that of a natural person is personal data.
"""

from parcelgate.core import registration
from parcelgate.risk.rule import Hits, masked
from parcelgate.risk.subject import Registered

# Numbers of goods; a party that gives one means something of its own by it.
_GTIN = "GTIN"
_RULES = {registration.SHAPE: "registration-shape", registration.CHECK_DIGIT: "registration-check-digit"}


def check(party: Registered, hits: Hits) -> None:
    """Look at a party's numbers of known schemes; whether one is registered only its register can tell."""
    for place, given in enumerate(party.references):
        scheme, number = given.scheme, given.number
        if scheme == _GTIN:
            continue
        found = registration.problem(scheme, number, given.issuer_country)
        if found:
            path = f"parties[{party.place}].references[{place}]"
            hits.add(_RULES[found], (f"{path}.number", masked(number)), (f"{path}.scheme", scheme), party=party.word)
