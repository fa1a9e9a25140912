"""The S10 identifier: shape, check digit, service indicator, issuer (UPU S10-12)."""

from parcelgate.api.record.v1.item_pb2 import ITEM_SCHEME_S10
from parcelgate.core.identifier import s10_check_digit, s10_is_shaped
from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, shown
from parcelgate.risk.subject import Subject

_PATH = "key.identifier"
_RESERVED = frozenset("JKSTW")
_ZERO = ord("0")


def check(subject: Subject, reference: Reference, hits: Hits) -> None:
    """Look at the identifier of a postal item; a waybill number is the carrier's own affair."""
    key = subject.key
    if key.scheme != ITEM_SCHEME_S10:
        return
    identifier = key.identifier
    if not s10_is_shaped(identifier):
        hits.add("s10-shape", (_PATH, shown(identifier)))
        return
    if ord(identifier[10]) - _ZERO != s10_check_digit(identifier[2:10]):
        hits.add("s10-check-digit", (_PATH, identifier))
    _service(identifier[:2], subject, reference, hits)
    country = identifier[11:]
    if country not in reference.countries:
        hits.add("s10-issuer-unknown", (_PATH, identifier))
    elif country != subject.origin_country and subject.origin_country and subject.nature != "RETURN":
        hits.add("s10-issuer-origin", (_PATH, identifier), ("origin_country", subject.origin_country))


def _service(service: str, subject: Subject, reference: Reference, hits: Hits) -> None:
    letter = service[0]
    if letter in _RESERVED:
        hits.add("s10-service-reserved", (_PATH, service))
        return
    row = reference.service_indicators.get(letter)
    if row is None or not row["classes"]:
        hits.add("s10-service-domestic", (_PATH, service))
    elif subject.mail_class and subject.mail_class not in row["classes"]:
        hits.add("s10-class", (_PATH, service), ("mail_class", subject.mail_class))
