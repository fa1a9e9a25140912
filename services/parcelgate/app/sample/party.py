"""Senders and recipients: names, firms and addresses in the scripts and manners of their countries, by chance combination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from parcelgate.api.record.v1.item_pb2 import (
    PERSON_TYPE_LEGAL,
    PERSON_TYPE_NATURAL,
    Address,
    Party,
    PartyReference,
    PartyRole,
)
from parcelgate.app.sample import lot, number
from parcelgate.app.sample.plan import table

# RFC 2606: nobody's mail.
_DOMAINS = ("example.com", "example.net", "example.org")
_HIGHEST_HOUSE = 180


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one language, and how persons and firms are called."""

    given: Sequence[str]
    family: Sequence[str]
    person: str
    firm: Sequence[str]
    words: Sequence[str]


@dataclass(frozen=True, slots=True)
class Place:
    """One country in one script; a city is its name, the shape of its postcode and, where written, its state."""

    country: str
    names: Names
    cities: Sequence[Sequence[str]]
    streets: Sequence[str]
    line: str
    phones: Sequence[str]

    def city_of(self, rng: Random) -> tuple[str, str, str]:
        """Draw a city with a postcode and its state."""
        city = lot.pick(rng, self.cities)
        return city[0], lot.fill(rng, city[1]), city[2] if len(city) > 2 else ""

    def street_of(self, rng: Random) -> str:
        """Draw a street with a house number."""
        return self.line.format(
            street=lot.pick(rng, self.streets),
            number=1 + int(rng.random() * _HIGHEST_HOUSE),
            digit=1 + int(rng.random() * 5),
        )

    def phone_of(self, rng: Random) -> str:
        """Draw a telephone number in E.123 notation."""
        return lot.fill(rng, lot.pick(rng, self.phones))


@cache
def _names() -> Mapping[str, Names]:
    return {
        key: Names(row["given"], row["family"], row["person"], row["firm"], row["words"])
        for key, row in table("names").items()
        if isinstance(row, dict)
    }


@cache
def places() -> Mapping[str, Place]:
    """Return the places by id: the country, or country and script where it has two."""
    return {
        row["id"]: Place(
            row["country"], _names()[row["names"]], row["cities"], row["streets"], row["line"], row["phones"]
        )
        for row in table("places")["place"]
    }


@cache
def _shares() -> Mapping[str, float]:
    shares: Mapping[str, float] = table("routes")["share"]
    return shares


def party(rng: Random, role: PartyRole.ValueType, place: Place, *, firm: bool) -> Party:
    """Make a party in a role, a firm or a private person, with what its country writes."""
    shares = _shares()
    names = place.names
    city, postcode, state = place.city_of(rng)
    given, family = lot.pick(rng, names.given), lot.pick(rng, names.family)
    made = Party(
        role=role,
        person_type=PERSON_TYPE_LEGAL if firm else PERSON_TYPE_NATURAL,
        address=Address(lines=[place.street_of(rng)], postcode=postcode, city=city, state=state, country=place.country),
    )
    if firm:
        made.name = lot.pick(rng, names.firm).format(
            given=given,
            family=family,
            second=lot.pick(rng, names.family),
            word=lot.pick(rng, names.words),
            city=city.split(",")[0],
        )
    else:
        made.name = names.person.format(given=given, family=family)
        if rng.random() < shares["split_name"]:
            made.first_name, made.last_name = given, family
    if rng.random() < shares["telephone"]:
        made.telephone = place.phone_of(rng)
    if rng.random() < shares["email"]:
        made.email = f"{'office' if firm else 'post'}{int(rng.random() * 100_000)}@{lot.pick(rng, _DOMAINS)}"
    return made


def give_eori(rng: Random, party: Party) -> None:
    """Add an EORI number to a firm, in the share that states one."""
    if rng.random() < _shares()["eori"]:
        country = party.address.country
        party.references.append(PartyReference(scheme="EORI", number=number.eori(rng, country), issuer_country=country))
