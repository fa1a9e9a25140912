"""Rules of data quality, one module a noun; what they say and weigh is data, schemas/risk/quality.toml.

Every check takes the subject, the reference data and the hits to add to; the tuple below is all of them, in order.
"""

from collections.abc import Callable

from parcelgate.risk.quality import dates, goods, identifier, mass, party, tariff, value
from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits
from parcelgate.risk.subject import Subject

Check = Callable[[Subject, Reference, Hits], None]
CHECKS: tuple[Check, ...] = (
    identifier.check,
    party.check,
    goods.check,
    tariff.check,
    value.check,
    mass.check,
    dates.check,
)
