"""What the rules look at: the fields of one declaration, copied once from the record into a small struct.

Amounts are exact integers (billionths of a currency unit, milligrams, pieces); days are ordinals. The values in USD are for
comparing and ranking only and are floats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parcelgate.api.record.v1.declaration_pb2 import Declaration, Flow
from parcelgate.api.record.v1.item_pb2 import (
    ITEM_SCHEME_S10,
    PARTY_ROLE_PLATFORM,
    PARTY_ROLE_RECIPIENT,
    PARTY_ROLE_SELLER,
    PARTY_ROLE_SENDER,
    PERSON_TYPE_ASSOCIATION,
    PERSON_TYPE_LEGAL,
    PERSON_TYPE_NATURAL,
    ContentPiece,
    Item,
    ItemKey,
    MailCategory,
    MailClass,
    NatureOfTransaction,
    Party,
    PartyReference,
    PartyRole,
)
from parcelgate.risk.words import Lexicon, Tokens, Wording, tokens

NANOS = 1_000_000_000
_DAY_MICROS = 86_400_000_000
_EPOCH_ORDINAL = 719_163


def _names(enum: object, prefix: str) -> Mapping[int, str]:
    """Map the numbers of an enum to its names without prefix; unspecified is empty."""
    items: list[tuple[str, int]] = enum.items()  # type: ignore[attr-defined]  # generated enums have no public type
    return {number: "" if number == 0 else name.removeprefix(prefix) for name, number in items}


_NATURES = _names(NatureOfTransaction, "NATURE_OF_TRANSACTION_")
_CLASSES = _names(MailClass, "MAIL_CLASS_")
_CATEGORIES = _names(MailCategory, "MAIL_CATEGORY_")
_FLOWS = _names(Flow, "FLOW_")
_ROLES = _names(PartyRole, "PARTY_ROLE_")
_ORGANISATIONS = (PERSON_TYPE_LEGAL, PERSON_TYPE_ASSOCIATION)


@dataclass(slots=True)
class PartyView:
    """Sender or recipient; place counts the parties from 0."""

    place: int
    word: str
    name: str
    is_organisation: bool
    is_natural: bool
    has_street: bool
    postcode: str
    city: str
    country: str
    telephone: str

    @property
    def path(self) -> str:
        """Where the party stands in the record."""
        return f"parties[{self.place}]"

    def words(self) -> Tokens:
        """Return the words of the name."""
        return tokens(self.name)


@dataclass(slots=True)
class Registered:
    """A party, in whatever role, that gives registration numbers; place counts the parties from 0."""

    place: int
    role: int
    references: Sequence[PartyReference]

    @property
    def word(self) -> str:
        """What the party is to the item."""
        return _ROLES.get(self.role, "").lower() or "party"


@dataclass(slots=True)
class Line:
    """One line of the content; place counts the lines from 0."""

    place: int
    wording: Wording
    hs_code: str
    piece: ContentPiece
    quantity: int
    net_mass_mg: int
    value: int
    currency: str
    unit_value: int
    unit_currency: str
    value_usd: float | None

    @property
    def path(self) -> str:
        """Where the line stands in the record."""
        return f"content[{self.place}]"

    @property
    def description(self) -> str:
        """What the goods are, as written."""
        return self.wording.text

    @property
    def words(self) -> int:
        """The lists of which a phrase stands in the description, as a mask."""
        return self.wording.lists

    @property
    def origin_country(self) -> str:
        """Where the goods are from."""
        return self.piece.origin_country


@dataclass(slots=True)
class Subject:
    """One declaration, as the rules see it."""

    item: Item
    key: ItemKey
    declaration: Declaration
    received_day: int
    channel: str
    nature: str
    mail_class: str
    origin_country: str
    destination_country: str
    gross_mass_mg: int
    declared_value: int
    declared_currency: str
    sender: PartyView | None
    recipient: PartyView | None
    has_organised_seller: bool
    registered: tuple[Registered, ...]
    lines: list[Line]

    @property
    def flow(self) -> str:
        """Which border crossing is declared: IMPORT, EXPORT, TRANSIT, or empty."""
        return _FLOWS.get(self.declaration.key.flow, "")

    @property
    def mail_category(self) -> str:
        """How mail travels: AIR, SAL, SURFACE, PRIORITY_BY_SURFACE, or empty."""
        return _CATEGORIES.get(self.item.mail_category, "")


def day_of(utc_micros: int) -> int:
    """Return the ordinal of the UTC day of an instant; 0 if the instant is not known."""
    return utc_micros // _DAY_MICROS + _EPOCH_ORDINAL if utc_micros else 0


def view(declaration: Declaration, lexicon: Lexicon, usd_per_nano: Mapping[str, float]) -> Subject:
    """Copy what the rules need out of a declaration with its item."""
    item = declaration.item
    # Slices of parties and content: what protobuf returns in one piece is iterated over at half the cost.
    key, declared, mail_class = item.key, item.declared_value, item.mail_class
    sender = recipient = None
    has_organised_seller = False
    registered: tuple[Registered, ...] = ()
    for place, party in enumerate(item.parties[:]):
        role = party.role
        if role == PARTY_ROLE_SENDER and sender is None:
            sender = _party(place, party, "sender")
        elif role == PARTY_ROLE_RECIPIENT and recipient is None:
            recipient = _party(place, party, "recipient")
        elif role in (PARTY_ROLE_SELLER, PARTY_ROLE_PLATFORM):
            has_organised_seller = True
        references = party.references
        if references:
            registered += (Registered(place, role, references),)
    return Subject(
        item,
        key,
        declaration,
        day_of(declaration.provenance.received.utc_micros),
        "POST" if mail_class or key.scheme == ITEM_SCHEME_S10 else "EXPRESS",
        _NATURES.get(item.nature, ""),
        _CLASSES.get(mail_class, ""),
        item.origin_country,
        item.destination_country,
        item.gross_mass.milligrams,
        declared.units * NANOS + declared.nanos,
        declared.currency,
        sender,
        recipient,
        has_organised_seller,
        registered,
        [_line(place, piece, lexicon, usd_per_nano) for place, piece in enumerate(item.content[:])],
    )


def _party(place: int, party: Party, word: str) -> PartyView:
    person_type = party.person_type
    company = party.company
    name = party.name or company
    if not name:
        name = f"{party.first_name} {party.last_name}".strip()
    address = party.address
    is_organisation = bool(company) or person_type in _ORGANISATIONS
    return PartyView(
        place,
        word,
        name,
        is_organisation,
        not is_organisation and person_type == PERSON_TYPE_NATURAL,
        bool(address.lines or address.po_box),
        address.postcode,
        address.city,
        address.country,
        party.telephone,
    )


def _line(place: int, piece: ContentPiece, lexicon: Lexicon, usd_per_nano: Mapping[str, float]) -> Line:
    money = piece.value
    value = money.units * NANOS + money.nanos
    currency = money.currency
    unit_value, unit_currency = 0, ""
    if piece.HasField("unit_value"):
        money = piece.unit_value
        unit_value, unit_currency = money.units * NANOS + money.nanos, money.currency
    factor = usd_per_nano.get(currency)
    return Line(
        place,
        lexicon.read(piece.description),
        piece.hs_code,
        piece,
        piece.quantity,
        piece.net_mass.milligrams,
        value,
        currency,
        unit_value,
        unit_currency,
        None if factor is None else value * factor,
    )
