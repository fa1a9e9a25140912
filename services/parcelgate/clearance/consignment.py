"""What clearance reads of an item before any rule: who trades with whom, by which channel, under which IOSS number."""

from dataclasses import dataclass
from typing import NamedTuple

from stdnum.eu import oss

from parcelgate.api.record.v1 import item_pb2 as record

_LEGAL = (record.PERSON_TYPE_LEGAL, record.PERSON_TYPE_ASSOCIATION)


class Gap(NamedTuple):
    """Something that keeps the item from being cleared: a reason code, the record path, the row that asks for it."""

    code: str
    path: str
    basis: str = ""
    words: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Consignment:
    """An item as clearance sees it. Paths count from 0, as in protobuf."""

    item: record.Item
    channel: str
    transaction: str
    postcode: str
    postcode_path: str
    ioss: tuple[tuple[str, str], ...]


def read(item: record.Item) -> Consignment:
    """Read channel, transaction, postcode of the recipient and IOSS numbers (path, number) of an item.

    A gift is one between persons: with an organisation on either side it is commercial. A recipient that is an
    organisation, or has a VAT number, makes it B2B; a sender who is said to be a natural person, with no seller, platform
    or IOSS number beside, makes it C2C; everything else is a sale to a consumer. Relief has to be claimed, so a
    nature that is not stated is no gift.
    """
    sender_type = recipient_type = record.PERSON_TYPE_UNSPECIFIED
    recipient_has_vat = has_seller = False
    postcode, postcode_path = "", "parties"
    ioss: list[tuple[str, str]] = []
    for index, party in enumerate(item.parties):
        role = party.role
        if role == record.PARTY_ROLE_RECIPIENT:
            recipient_type = party.person_type
            postcode, postcode_path = party.address.postcode, f"parties[{index}].address.postcode"
        elif role == record.PARTY_ROLE_SENDER:
            sender_type = party.person_type
        elif role in (record.PARTY_ROLE_SELLER, record.PARTY_ROLE_PLATFORM):
            has_seller = True
        for number, reference in enumerate(party.references):
            if reference.scheme == "IOSS":
                ioss.append((f"parties[{index}].references[{number}].number", reference.number))
            elif role == record.PARTY_ROLE_RECIPIENT and reference.scheme == "VAT":
                recipient_has_vat = True
    to_business = recipient_has_vat or recipient_type in _LEGAL
    transaction = _transaction(item, sender_type, to_business=to_business, sold=bool(has_seller or ioss))
    return Consignment(item, _channel(item), transaction, bare_postcode(postcode), postcode_path, tuple(ioss))


def _transaction(item: record.Item, sender_type: int, *, to_business: bool, sold: bool) -> str:
    if to_business:
        return "B2B"
    if item.nature == record.NATURE_OF_TRANSACTION_GIFT and sender_type not in _LEGAL:
        return "gift"
    return "C2C" if sender_type == record.PERSON_TYPE_NATURAL and not sold else "B2C"


def _channel(item: record.Item) -> str:
    if item.key.scheme == record.ITEM_SCHEME_S10 or item.mail_class != record.MAIL_CLASS_UNSPECIFIED:
        return "post"
    return "express"


def bare_postcode(written: str) -> str:
    """Take blanks and a country prefix (D-78266) out of a postcode as written."""
    if not written:
        return ""
    code = written.replace(" ", "").upper()
    prefix, dash, rest = code.partition("-")
    return rest if dash and prefix.isalpha() and rest[:1].isdigit() else code


def ioss_problem(numbers: tuple[tuple[str, str], ...]) -> str:
    """Return the reason code why the IOSS numbers cannot be used; empty if there is exactly one and it is well formed.

    A number of the import scheme begins with IM; EU… is the scheme for services and IN… an intermediary's own number.
    Whether it is registered only the administration's register can tell.
    """
    different = {oss.compact(number) for _, number in numbers}
    if len(different) > 1:
        return "IOSS_AMBIGUOUS"
    (number,) = different
    return "" if number.startswith("IM") and oss.is_valid(number) else "IOSS_INVALID"
