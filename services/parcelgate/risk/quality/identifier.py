"""The S10 identifier: shape, check digit, service indicator, issuer (UPU S10-12)."""

from parcelgate.api.record.v1.item_pb2 import ITEM_SCHEME_S10
from parcelgate.core.identifier import S10, s10_check_digit, s10_parts
from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, shown
from parcelgate.risk.subject import Subject

_PATH = "key.identifier"
_RESERVED = frozenset("JKSTW")


def check(subject: Subject, reference: Reference, hits: Hits) -> None:
    """Look at the identifier of a postal item; a waybill number is the carrier's own affair."""
    key = subject.item.key
    if key.scheme != ITEM_SCHEME_S10:
        return
    identifier = key.identifier
    parts = s10_parts(identifier)
    if parts is None:
        hits.add("s10-shape", (_PATH, shown(identifier)))
        return
    if parts.check_digit != s10_check_digit(parts.serial):
        hits.add("s10-check-digit", (_PATH, identifier))
    _service(parts, subject, reference, hits)
    if parts.country not in reference.countries:
        hits.add("s10-issuer-unknown", (_PATH, identifier))
    elif subject.origin_country and parts.country != subject.origin_country and subject.nature != "RETURN":
        hits.add("s10-issuer-origin", (_PATH, identifier), ("origin_country", subject.origin_country))


def _service(parts: S10, subject: Subject, reference: Reference, hits: Hits) -> None:
    letter = parts.service[0]
    if letter in _RESERVED:
        hits.add("s10-service-reserved", (_PATH, parts.service))
        return
    row = reference.service_indicators.get(letter)
    if row is None or not row["classes"]:
        hits.add("s10-service-domestic", (_PATH, parts.service))
    elif subject.mail_class and subject.mail_class not in row["classes"]:
        hits.add("s10-class", (_PATH, parts.service), ("mail_class", subject.mail_class))
