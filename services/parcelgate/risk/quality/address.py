"""The address of a party: street or post office box, city, postcode where the country has them, country, telephone (E.123)."""

from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, masked, shown
from parcelgate.risk.subject import PartyView
from parcelgate.risk.words import tokens

_SEPARATORS = str.maketrans("", "", " -./()\u00a0")


def check(party: PartyView, reference: Reference, hits: Hits) -> None:
    """Look at the address of sender or recipient."""
    country, city, postcode = party.country, party.city, party.postcode
    if party.telephone and not _is_international(party.telephone, reference):
        hits.add("telephone", (f"{party.path}.telephone", masked(party.telephone)), party=party.word)
    if not (party.has_street or city or postcode):
        hits.add("address-missing", (f"{party.path}.address", ""), party=party.word)
        return
    if not party.has_street:
        hits.add("street-missing", (f"{party.path}.address.lines", ""), party=party.word)
    if not city:
        hits.add("city-missing", (f"{party.path}.address.city", ""), party=party.word)
    if country in reference.countries:
        if not postcode and country not in reference.without_postcode:
            hits.add(
                "postcode-missing",
                (f"{party.path}.address.postcode", ""),
                (f"{party.path}.address.country", country),
                party=party.word,
            )
        if city and _is_country(city, country, reference) and country not in reference.limits.city_states:
            hits.add(
                "city-is-country",
                (f"{party.path}.address.city", masked(city)),
                (f"{party.path}.address.country", country),
                party=party.word,
            )
    elif country:
        hits.add("country-unknown", (f"{party.path}.address.country", shown(country)), party=party.word)
    else:
        hits.add("country-missing", (f"{party.path}.address.country", ""), party=party.word)


def _is_country(city: str, country: str, reference: Reference) -> bool:
    # Only a city of two letters or fewer can be a code; folding makes no text shorter.
    if len(city) <= len(country) and city.casefold() == country.casefold():
        return True
    name = reference.country_names[country]
    # Only a city that begins like the country can be it; that saves splitting every city into words.
    return city[0].casefold() == name[0][0] and tokens(city) == name


def _is_international(telephone: str, reference: Reference) -> bool:
    sign, digits = telephone[0], telephone[1:].replace(" ", "")
    if sign != "+" or not digits.isdecimal():
        bare = telephone.translate(_SEPARATORS)
        sign, digits = bare[:1], bare[1:]
    low, high = reference.limits.telephone_digits
    return sign == "+" and digits.isdecimal() and low <= len(digits) <= high
