"""What clearance reads of an item before any rule: who trades with whom, by which channel, under which IOSS number."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from stdnum.eu import oss

from parcelgate.api.record.v1 import item_pb2 as record
from parcelgate.core import registration

_NANOS = 1_000_000_000
# Far longer than a number with all its blanks; what is longer is no number.
_LONGEST_IOSS = 64
_UNSPECIFIED = record.PERSON_TYPE_UNSPECIFIED
_RECIPIENT = record.PARTY_ROLE_RECIPIENT
_SENDER = record.PARTY_ROLE_SENDER
_SELLERS = (record.PARTY_ROLE_SELLER, record.PARTY_ROLE_PLATFORM)
_LEGAL = (record.PERSON_TYPE_LEGAL, record.PERSON_TYPE_ASSOCIATION)


class Gap(NamedTuple):
    """Something that keeps the item from being cleared: a reason code, the record path, the row that asks for it."""

    code: str
    path: str
    basis: str = ""
    words: tuple[tuple[str, str], ...] = ()


# What a content line is worth: its value in billionths (None if it has none) and currency, and how many written prices the
# value was made of: each may have been rounded. A plain tuple, for there is one for every line of all traffic.
Line: TypeAlias = tuple[int | None, str, int]


@dataclass(slots=True)
class Consignment:
    """An item as clearance sees it; codes are the HS codes of its lines, customs' own first. Paths count from 0, as in protobuf."""

    item: record.Item
    nature: int
    channel: str
    transaction: str
    recipient: record.Party | None
    place: int
    ioss: list[tuple[str, str]]
    pieces: list[record.ContentPiece]
    lines: list[Line]
    codes: list[str]
    restricted: list[int]

    def number(self, index: int) -> int:
        """Return the number of a line, counted from 1 where none is written."""
        return self.pieces[index].number or index + 1

    def postcode(self) -> tuple[str, str]:
        """Return the recipient's postcode, bare, and its path; empty if there is none."""
        if self.recipient is None:
            return "", "parties"
        return bare_postcode(self.recipient.address.postcode), f"parties[{self.place}].address.postcode"


def read(item: record.Item) -> Consignment:
    """Read channel, transaction, recipient with its place among the parties (-1: none) and IOSS numbers (path, number) of an item.

    A gift is one between persons: with an organisation on either side it is commercial. A recipient that is an
    organisation, or has a VAT number, makes it B2B; a sender who is said to be a natural person, with no seller, platform
    or IOSS number beside, makes it C2C; everything else is a sale to a consumer. Relief has to be claimed, so a
    nature that is not stated is no gift.
    """
    sender_type = recipient_type = _UNSPECIFIED
    recipient_has_vat = has_seller = False
    recipient, place = None, -1
    ioss: list[tuple[str, str]] = []
    # Slices, here and below: what protobuf returns in one piece is iterated over at half the cost.
    for index, party in enumerate(item.parties[:]):
        role = party.role
        if role == _RECIPIENT:
            recipient, place, recipient_type = party, index, party.person_type
        elif role == _SENDER:
            sender_type = party.person_type
        elif role in _SELLERS:
            has_seller = True
        references = party.references
        if references:
            ioss += _import_schemes(references, index)
            if role == _RECIPIENT:
                recipient_has_vat = any(reference.scheme == "VAT" for reference in references)
    nature = item.nature
    to_business = recipient_has_vat or recipient_type in _LEGAL
    transaction = _transaction(nature, sender_type, to_business=to_business, sold=bool(has_seller or ioss))
    pieces = item.content[:]
    lines: list[Line] = []
    codes: list[str] = []
    restricted: list[int] = []
    for index, piece in enumerate(pieces):
        lines.append(_line(piece))
        codes.append(piece.revised_hs_code or piece.hs_code)
        if piece.import_restriction:
            restricted.append(index)
    return Consignment(
        item, nature, _channel(item), transaction, recipient, place, ioss, pieces, lines, codes, restricted
    )


def _import_schemes(references: Sequence[record.PartyReference], party: int) -> list[tuple[str, str]]:
    """Return path and number of the IOSS numbers of a party."""
    return [
        (f"parties[{party}].references[{place}].number", reference.number)
        for place, reference in enumerate(references[:])
        if reference.scheme == "IOSS"
    ]


def _line(piece: record.ContentPiece) -> Line:
    """Read the value of a line as stated, else that of one piece times the quantity."""
    money = piece.value
    nanos, currency = money.units * _NANOS + money.nanos, money.currency
    if nanos or currency or piece.HasField("value"):
        return nanos, currency, 1
    if piece.HasField("unit_value") and piece.quantity:
        money, prices = piece.unit_value, piece.quantity
        return (money.units * _NANOS + money.nanos) * prices, money.currency, prices
    return None, "", 1


def _transaction(nature: int, sender_type: int, *, to_business: bool, sold: bool) -> str:
    if to_business:
        return "B2B"
    if nature == record.NATURE_OF_TRANSACTION_GIFT and sender_type not in _LEGAL:
        return "gift"
    return "C2C" if sender_type == record.PERSON_TYPE_NATURAL and not sold else "B2C"


def _channel(item: record.Item) -> str:
    if item.mail_class != record.MAIL_CLASS_UNSPECIFIED or item.key.scheme == record.ITEM_SCHEME_S10:
        return "post"
    return "express"


def bare_postcode(written: str) -> str:
    """Take blanks and a country prefix (D-78266) out of a postcode as written."""
    if not written:
        return ""
    code = written.replace(" ", "").upper()
    if "-" not in code:
        return code
    prefix, _, rest = code.partition("-")
    return rest if prefix.isalpha() and rest[:1].isdigit() else code


def ioss_problem(numbers: Sequence[tuple[str, str]]) -> str:
    """Return the reason code why the IOSS numbers cannot be used; empty if there is exactly one and it is well formed.

    A number of the import scheme begins with IM; EU… is the scheme for services and IN… an intermediary's own number.
    Whether it is registered only the administration's register can tell.
    """
    different = {_compact(number[:_LONGEST_IOSS]) for _, number in numbers}
    if len(different) > 1:
        return "IOSS_AMBIGUOUS"
    (number,) = different
    return "IOSS_INVALID" if registration.problem("IOSS", number) else ""


@lru_cache(maxsize=4096)
def _compact(number: str) -> str:
    return str(oss.compact(number))
