"""What identifies a shipment: house waybill or S10, its issuer and its posting date (UPU S10; the date is part of the key)."""

import re
from datetime import date, datetime

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR
from parcelgate.api.record.v1.item_pb2 import ITEM_SCHEME_HOUSE_WAYBILL, ITEM_SCHEME_S10, ItemKey
from parcelgate.api.record.v1.quantity_pb2 import Instant
from parcelgate.carrier.finding import Findings, masked
from parcelgate.codecs.mapping.moment import ISO_EXAMPLE
from parcelgate.core.clock import iso
from parcelgate.core.identifier import s10_is_valid, s10_parts

_IDENTIFIER = re.compile(r"[A-Z0-9][A-Z0-9\-./]{0,34}")
_DATE_CHARACTERS = re.compile(r"[0-9A-Za-z:+\-./, ]{1,40}")


def settle_key(key: ItemKey, posted: Instant, caller: str, path: str, found: Findings) -> None:
    """Check a key and bring it into the form of the record: upper case, no blanks, issuer and posting date filled in."""
    _settle_identifier(key, path, found)
    if key.scheme == ITEM_SCHEME_HOUSE_WAYBILL:
        if key.issuer not in ("", caller):
            found.add("SHIPMENT_ISSUER_FOREIGN", f"{path}.issuer", key.issuer)
        key.issuer = caller
    elif key.scheme == ITEM_SCHEME_S10:
        _settle_s10(key, path, found)
    elif key.scheme:
        found.add("SHIPMENT_SCHEME_UNFIT", f"{path}.scheme", str(key.scheme))
    else:
        found.add("KEY_MISSING", f"{path}.scheme")
    _settle_date(key, posted, path, found)


def shown_identifier(key: ItemKey) -> str:
    """Return the identifier for results and facts; what cannot be one is masked, it may be anything."""
    return key.identifier if _IDENTIFIER.fullmatch(key.identifier) else masked(key.identifier)


def instant_micros(written: str) -> int:
    """Read an ISO 8601 instant with a zone as microseconds since 1970 in UTC; 0 if it names only a day, or no zone.

    Raises ValueError if it is neither an instant nor a day.
    """
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        date.fromisoformat(written)
        return 0
    return 0 if instant.tzinfo is None else round(instant.timestamp() * 1_000_000)


def _settle_identifier(key: ItemKey, path: str, found: Findings) -> None:
    written = key.identifier
    key.identifier = "".join(written.split()).upper()
    if not key.identifier:
        found.add("KEY_MISSING", f"{path}.identifier")
    elif not _IDENTIFIER.fullmatch(key.identifier):
        found.add("SHIPMENT_IDENTIFIER_INVALID", f"{path}.identifier", written)
    elif key.identifier != written:
        found.add("SHIPMENT_NORMALISED", f"{path}.identifier", written, now=key.identifier)


def _settle_s10(key: ItemKey, path: str, found: Findings) -> None:
    parts = s10_parts(key.identifier)
    if parts is None:
        if key.identifier:
            found.add("SHIPMENT_NOT_S10", f"{path}.identifier", key.identifier)
        return
    if not s10_is_valid(key.identifier):
        found.add("S10_CHECK_DIGIT", f"{path}.identifier", key.identifier)
    if key.issuer not in ("", parts.country):
        found.add("SHIPMENT_NORMALISED", f"{path}.issuer", key.issuer, now=parts.country)
    key.issuer = parts.country


def _settle_date(key: ItemKey, posted: Instant, path: str, found: Findings) -> None:
    if not key.posting_date:
        key.posting_date = posted.written or (iso(posted.utc_micros) if posted.utc_micros > 0 else "")
    if not key.posting_date.strip():
        found.add("KEY_MISSING", f"{path}.posting_date")
        return
    try:
        instant_micros(key.posting_date)
    except (ValueError, OverflowError):
        # Text that cannot be a date must not become part of a key that stands unsealed.
        severity = None if _DATE_CHARACTERS.fullmatch(key.posting_date) else SEVERITY_ERROR
        found.add("TIME_UNREADABLE", f"{path}.posting_date", key.posting_date, severity, example=ISO_EXAMPLE)
