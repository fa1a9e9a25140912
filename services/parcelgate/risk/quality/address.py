"""The address of a party: street or post office box, city, postcode where the country has them, country, telephone (E.123)."""

from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, masked, shown
from parcelgate.risk.subject import PartyView
from parcelgate.risk.words import tokens

_SEPARATORS = str.maketrans("", "", " -./()\u00a0")


def check(party: PartyView, reference: Reference, hits: Hits) -> None:
    """Look at the address of sender or recipient."""
    path, word = f"{party.path}.address", party.word
    country, city, postcode = party.country, party.city, party.postcode
    if party.telephone and not _is_international(party.telephone, reference):
        hits.add("telephone", (f"{party.path}.telephone", masked(party.telephone)), party=word)
    if not (party.has_street or city or postcode):
        hits.add("address-missing", (path, ""), party=word)
        return
    if not party.has_street:
        hits.add("street-missing", (f"{path}.lines", ""), party=word)
    if not city:
        hits.add("city-missing", (f"{path}.city", ""), party=word)
    if not country:
        hits.add("country-missing", (f"{path}.country", ""), party=word)
    elif country not in reference.countries:
        hits.add("country-unknown", (f"{path}.country", shown(country)), party=word)
    else:
        if not postcode and country not in reference.without_postcode:
            hits.add("postcode-missing", (f"{path}.postcode", ""), (f"{path}.country", country), party=word)
        if city and country not in reference.limits.city_states and _is_country(city, country, reference):
            hits.add("city-is-country", (f"{path}.city", masked(city)), (f"{path}.country", country), party=word)


def _is_country(city: str, country: str, reference: Reference) -> bool:
    if city.casefold() == country.casefold():
        return True
    name = reference.country_names[country]
    # Only a city that begins like the country can be it; that saves splitting every city into words.
    return city[:1].casefold() == name[0][0] and tokens(city) == name


def _is_international(telephone: str, reference: Reference) -> bool:
    digits = telephone.replace(" ", "")
    if not digits[1:].isdecimal():
        digits = digits.translate(_SEPARATORS)
    low, high = reference.limits.telephone_digits
    return digits[:1] == "+" and digits[1:].isdecimal() and low <= len(digits) - 1 <= high
