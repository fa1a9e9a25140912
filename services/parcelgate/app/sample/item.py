"""Clean items: a postal item or a shipment as a careful declarant writes it; no rule of data quality finds anything."""

import datetime as dt
from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Any

from parcelgate.api.record.v1 import item_pb2 as pb
from parcelgate.api.record.v1.quantity_pb2 import Day, Instant, Mass, Money
from parcelgate.app.sample import goods, lot, number, party
from parcelgate.app.sample.plan import Channel, table

_EPOCH = dt.date(1970, 1, 1).toordinal()
_DAY_SECONDS = 86_400
_IOSS_EUROS = 150  # Directive 2006/112/EC, art. 369l
_LETTER_GRAMS = 2_000  # UPU Convention: small packets up to 2 kg
_GRAM_MILLIGRAMS = 1_000
POST_LIMIT_GRAMS = 31_500  # UPU Convention: the heaviest postal parcel
_TRADE_PIECES = 30  # more pieces than this rarely go to a consumer
_NANOS = 1_000_000_000
_CLASSES = {"U": pb.MAIL_CLASS_LETTERS, "C": pb.MAIL_CLASS_PARCELS, "E": pb.MAIL_CLASS_EMS}
_LIGHT = lot.Lot({"U": 55.0, "C": 30.0, "E": 15.0})
_HEAVY = lot.Lot({"C": 75.0, "E": 25.0})
_CATEGORIES = lot.Lot({"A": 80.0, "B": 12.0, "C": 8.0})
_CATEGORY_CODES = {"A": pb.MAIL_CATEGORY_AIR, "B": pb.MAIL_CATEGORY_SAL, "C": pb.MAIL_CATEGORY_SURFACE}
_PAPERS = (("491199", "Signed business contract, printed on paper"), ("491199", "Notarised deed of sale on paper"))


def money(minor: int, currency: str) -> Money:
    """Make an amount from minor units of a currency, for example cents."""
    scale = 10 ** number.exponent(currency)
    units, rest = divmod(minor, scale)
    return Money(currency=currency, units=units, nanos=rest * (_NANOS // scale))


def minor_of(euros: float, currency: str) -> int:
    """Convert a price in euros to minor units of a currency at the sample's rough rate; at least one."""
    return max(1, round(euros * _rate(currency)))


@cache
def _rate(currency: str) -> float:
    per_euro: float = table("routes")["per_euro"][currency]
    scale: int = 10 ** number.exponent(currency)
    return per_euro * scale


class Writer:
    """Writes clean items of one day for one way in; numbers do not repeat within one writer."""

    def __init__(self, rng: Random, day: dt.date, channel: Channel) -> None:
        """Take the generator, the day the data comes in, and the way in."""
        routes = table("routes")
        self._rng, self._day, self._channel = rng, day, channel
        self._serials = number.Serials(rng)
        self._origins: Mapping[str, Mapping[str, Any]] = routes["origin"]
        self._destinations: Mapping[str, Mapping[str, Any]] = routes["destination"]
        self._shares: Mapping[str, float] = routes["share"]
        self._origin = lot.Lot({code: row["weight"] for code, row in self._origins.items()})
        self._destination = lot.Lot({code: row["weight"] for code, row in self._destinations.items()})
        self._nature = lot.Lot(routes["nature"][channel])
        self._places = {code: lot.Lot(row["places"]) for code, row in self._origins.items()}
        self._currencies = {code: lot.Lot(row["currencies"]) for code, row in self._origins.items()}

    def write(self) -> pb.Item:
        """Write the next item."""
        rng = self._rng
        origin, destination = self._origin.draw(rng), self._destination.draw(rng)
        while destination == origin:
            destination = self._destination.draw(rng)
        nature = self._nature.draw(rng)
        currency = self._currencies[origin].draw(rng)
        made = pb.Item(
            origin_country=origin,
            destination_country=destination,
            nature=pb.NatureOfTransaction.Value(f"NATURE_OF_TRANSACTION_{nature}"),
        )
        net, total = self._content(made, nature, origin, currency)
        self._identify(made, nature, net, origin, destination)
        self._parties(made, nature, total, currency)
        packing = 15 + int(net * (0.02 + 0.06 * rng.random()))
        if self._channel == "post":
            packing = min(packing, POST_LIMIT_GRAMS - net)
        made.gross_mass.milligrams = (net + packing) * _GRAM_MILLIGRAMS
        made.declared_value.CopyFrom(money(total, currency))
        made.postage.CopyFrom(money(minor_of(2.5 + net / 1000 * (4 + 3 * rng.random()), currency), currency))
        if rng.random() < self._shares["insured"]:
            made.insured_value.CopyFrom(made.declared_value)
        if nature != "DOCUMENTS" and rng.random() < self._shares["document"]:
            made.documents.add(type="INVOICE", identifier=lot.fill(rng, f"INV-{self._day.year}-######"))
        if rng.random() < self._shares["transport"]:
            self._transport(made, origin, destination)
        return made

    def _content(self, made: pb.Item, nature: str, origin: str, currency: str) -> tuple[int, int]:
        """Write the lines; return net mass in grams and value in minor units."""
        rng = self._rng
        if nature == "DOCUMENTS":
            hs_code, text = lot.pick(rng, _PAPERS)
            grams, value = 30 + int(rng.random() * 300), minor_of(1, currency)
            made.content.add(
                number=1,
                quantity=1,
                description=text,
                hs_code=hs_code,
                origin_country=origin,
                net_mass=Mass(milligrams=grams * _GRAM_MILLIGRAMS),
                value=money(value, currency),
            )
            return grams, value
        net = total = 0
        for position, line in enumerate(goods.content(rng, self._channel), 1):
            unit = minor_of(line.unit_euros, currency)
            piece = made.content.add(
                number=position,
                quantity=line.quantity,
                description=line.text,
                hs_code=line.goods.hs_code + ("00" if rng.random() < self._shares["national_digits"] else ""),
                origin_country=self._origin_of_goods(origin, line.goods),
                net_mass=Mass(milligrams=line.grams * _GRAM_MILLIGRAMS),
                value=money(unit * line.quantity, currency),
                unit_value=money(unit, currency),
            )
            if rng.random() < self._shares["product_identifier"]:
                if rng.random() < 0.5:
                    piece.product_identifiers.add(scheme="GTIN", identifier=number.gtin(rng))
                else:
                    piece.product_identifiers.add(scheme="MERCHANT", identifier=number.merchant_number(rng))
            net += line.grams
            total += unit * line.quantity
        return net, total

    def _origin_of_goods(self, origin: str, sort: goods.Goods) -> str:
        row = self._origins[origin]
        if self._rng.random() < row["own_goods"]:
            own: str = row.get("goods_from", origin)
            return own
        return sort.origins.draw(self._rng)

    def _identify(self, made: pb.Item, nature: str, net: int, origin: str, destination: str) -> None:
        rng = self._rng
        second = (self._day.toordinal() - _EPOCH - int(rng.random() * 3)) * _DAY_SECONDS - int(
            rng.random() * _DAY_SECONDS
        )
        made.posted.CopyFrom(instant(second))
        made.key.posting_date = made.posted.written
        if self._channel == "carrier":
            made.key.scheme = pb.ITEM_SCHEME_HOUSE_WAYBILL
            made.key.identifier = number.waybill(self._serials)
            made.incoterm = "DDP" if rng.random() < 0.4 else "DAP"
        else:
            letter = (_LIGHT if net < _LETTER_GRAMS else _HEAVY).draw(rng)
            category = "A" if letter == "E" else _CATEGORIES.draw(rng)
            made.key.scheme, made.key.issuer = pb.ITEM_SCHEME_S10, origin
            made.key.identifier = number.s10(rng, self._serials, letter, origin)
            made.mail_class, made.mail_category = _CLASSES[letter], _CATEGORY_CODES[category]
            made.mail_subclass = f"{letter}N"
            made.origin_post, made.destination_post = f"{origin}A", f"{destination}A"
        if nature == "RETURN":
            earlier = made.earlier_item
            earlier.posting_date = instant(second - (20 + int(rng.random() * 30)) * _DAY_SECONDS).written
            earlier.scheme = made.key.scheme
            if self._channel == "carrier":
                earlier.identifier = number.waybill(self._serials)
            else:
                earlier.issuer = destination
                earlier.identifier = number.s10(rng, self._serials, "C", destination)

    def _parties(self, made: pb.Item, nature: str, total: int, currency: str) -> None:
        rng = self._rng
        known = party.places()
        trade = sum(piece.quantity for piece in made.content) > _TRADE_PIECES
        share = self._shares["trade_consumer" if trade else "consumer"]
        sells = nature in ("SALE", "SAMPLE")
        sender_firm = (sells and rng.random() < self._shares["seller_firm"]) or nature == "DOCUMENTS"
        consumer = nature == "GIFT" or (nature == "SALE" and rng.random() < share)
        sender = party.party(
            rng, pb.PARTY_ROLE_SENDER, known[self._places[made.origin_country].draw(rng)], firm=sender_firm
        )
        recipient = party.party(rng, pb.PARTY_ROLE_RECIPIENT, known[made.destination_country], firm=not consumer)
        in_union = self._destinations[made.destination_country].get("union", True)
        if in_union and not consumer:
            party.give_eori(rng, recipient)
        low = total <= _IOSS_EUROS * _rate(currency)
        if in_union and sender_firm and consumer and low and rng.random() < self._shares["ioss"]:
            # The customs declaration service carries the seller's tax scheme number as the sender's reference.
            sender.references.append(pb.PartyReference(scheme="IOSS", number=number.ioss(rng)))
        made.parties.extend((sender, recipient))

    def _transport(self, made: pb.Item, origin: str, destination: str) -> None:
        rng = self._rng
        leaves = self._day + dt.timedelta(days=int(rng.random() * 2))
        arrives = leaves + dt.timedelta(days=1 + int(rng.random() * 6))
        way = made.transport
        way.mode = "AIR"
        way.departure.CopyFrom(Day(iso=leaves.isoformat()))
        way.arrival.CopyFrom(Day(iso=arrives.isoformat()))
        way.conveyance = lot.fill(rng, "XB%###")
        if self._channel == "carrier":
            way.consignment = number.master_waybill(rng)
        elif rng.random() < self._shares["receptacle"]:
            category = pb.MailCategory.Name(made.mail_category)
            letter = next(key for key, code in _CATEGORY_CODES.items() if pb.MailCategory.Name(code) == category)
            way.dispatch = number.dispatch(
                self._origins[origin]["office"],
                self._destinations[destination]["office"],
                letter,
                made.mail_subclass,
                leaves,
                1 + int(rng.random() * 9998),
            )
            way.receptacle = number.receptacle(way.dispatch, 1 + int(rng.random() * 99), 20 + int(rng.random() * 280))


def instant(second: int) -> Instant:
    """Make a time from whole seconds since 1970, written without zone as customs declaration services do; it is UTC."""
    days, rest = divmod(second, _DAY_SECONDS)
    day = dt.date.fromordinal(_EPOCH + days).isoformat()
    return Instant(
        utc_micros=second * 1_000_000, written=f"{day}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    )
