"""What goes wrong with an item: each function makes one clean item ail in one way, and in no other."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from parcelgate.api.record.v1 import item_pb2 as pb
from parcelgate.api.record.v1.quantity_pb2 import Money
from parcelgate.app.sample import item as clean
from parcelgate.app.sample import lot, number, party
from parcelgate.app.sample.plan import table

_NANOS = 1_000_000_000
_NO_ZONE = "0"


def nanos_of(amount: Money) -> int:
    """Return an amount in billionths of its unit."""
    return amount.units * _NANOS + amount.nanos


def set_nanos(amount: Money, nanos: int) -> None:
    """Write an amount of billionths; the currency stays."""
    amount.units, amount.nanos = divmod(nanos, _NANOS)


def add_up(item: pb.Item) -> None:
    """Make the declared value the sum of the lines."""
    set_nanos(item.declared_value, sum(nanos_of(piece.value) for piece in item.content))
    if item.HasField("insured_value"):
        item.insured_value.CopyFrom(item.declared_value)


def _check_digit(item: pb.Item, rng: Random) -> None:
    item.key.identifier = number.with_wrong_check_digit(item.key.identifier, rng)


def _stop_word(item: pb.Item, rng: Random) -> None:
    item.content[0].description = lot.pick(rng, table("ailments")["stop_words"]["values"])


def _vague(item: pb.Item, rng: Random) -> None:
    item.content[0].description = lot.pick(rng, table("ailments")["vague"]["values"])


def _zero_mass(item: pb.Item, _rng: Random) -> None:
    item.gross_mass.milligrams = 0
    for piece in item.content:
        piece.net_mass.milligrams = 0


def _sum_mismatch(item: pb.Item, rng: Random) -> None:
    set_nanos(item.declared_value, nanos_of(item.declared_value) * (2 + int(rng.random() * 3)) + 5 * _NANOS)
    item.ClearField("insured_value")


def _absurd_value(item: pb.Item, _rng: Random) -> None:
    piece = item.content[0]
    piece.ClearField("unit_value")
    piece.value.units, piece.value.nanos = 9_999_999_999, 0
    add_up(item)


def _net_above_gross(item: pb.Item, rng: Random) -> None:
    item.gross_mass.milligrams = max(1, int(item.gross_mass.milligrams * (0.2 + 0.4 * rng.random())))


def _other_goods(name: str) -> Callable[[pb.Item, Random], None]:
    """Make the ailment that replaces the content by one line of goods from a table of ailments.toml."""

    def replace(item: pb.Item, rng: Random) -> None:
        rows: Sequence[Sequence[Any]] = table("ailments")[name]["values"]
        hs_code, text, grams, euros = lot.pick(rng, rows)
        currency = item.declared_value.currency
        quantity = 1 + int(rng.random() * 3)
        unit = clean.minor_of(euros, currency)
        del item.content[:]
        piece = item.content.add(
            number=1,
            quantity=quantity,
            description=text,
            hs_code=hs_code,
            origin_country=item.origin_country,
            value=clean.money(unit * quantity, currency),
            unit_value=clean.money(unit, currency),
        )
        piece.net_mass.milligrams = grams * quantity * 1000
        item.gross_mass.milligrams = (grams * quantity + 60) * 1000
        add_up(item)

    return replace


def _hs_missing(item: pb.Item, rng: Random) -> None:
    # Between two private persons the code is optional (ICS2, condition on F43), so a firm has to send.
    sender = item.parties[0]
    if sender.person_type != pb.PERSON_TYPE_LEGAL:
        places = [place for place in party.places().values() if place.country == item.origin_country]
        sender.CopyFrom(party.party(rng, pb.PARTY_ROLE_SENDER, lot.pick(rng, places), firm=True))
        item.nature = pb.NATURE_OF_TRANSACTION_SALE
        item.ClearField("earlier_item")
    for piece in item.content:
        piece.hs_code = ""


def _placeholder_name(item: pb.Item, rng: Random) -> None:
    recipient = item.parties[1]
    recipient.name = lot.pick(rng, table("ailments")["placeholders"]["values"])
    recipient.first_name = recipient.last_name = ""


def _telephone(item: pb.Item, rng: Random) -> None:
    recipient = item.parties[1]
    dialled = recipient.telephone or party.places()[item.destination_country].phone_of(rng)
    recipient.telephone = _NO_ZONE + dialled.split(" ", 1)[1]


def _late(item: pb.Item, rng: Random) -> None:
    day = 86_400
    second = item.posted.utc_micros // 1_000_000 - 5 * day
    item.posted.CopyFrom(clean.instant(second))
    item.key.posting_date = item.posted.written
    way = item.transport
    way.mode = way.mode or "AIR"
    way.departure.iso = clean.instant(second + day).written[:10]
    way.arrival.iso = clean.instant(second + (2 + int(rng.random() * 2)) * day).written[:10]
    # The dispatch of the receptacle belongs to another departure.
    way.dispatch = way.receptacle = ""


def _undervaluation(item: pb.Item, rng: Random) -> None:
    factor = 500 + int(rng.random() * 9_500)
    for piece in item.content:
        piece.ClearField("unit_value")
        least = 10 ** (9 - number.exponent(piece.value.currency))
        set_nanos(piece.value, max(1, nanos_of(piece.value) // factor // least) * least)
    add_up(item)


AILMENTS: Mapping[str, Callable[[pb.Item, Random], None]] = {
    "check-digit": _check_digit,
    "stop-word": _stop_word,
    "vague": _vague,
    "zero-mass": _zero_mass,
    "sum-mismatch": _sum_mismatch,
    "absurd-value": _absurd_value,
    "net-above-gross": _net_above_gross,
    "prohibited": _other_goods("prohibited_goods"),
    "restricted": _other_goods("restricted_goods"),
    "lithium": _other_goods("lithium_goods"),
    "hs-missing": _hs_missing,
    "placeholder-name": _placeholder_name,
    "telephone": _telephone,
    "late": _late,
    "undervaluation": _undervaluation,
}
