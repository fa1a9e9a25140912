"""Sender and recipient: that they have a name and an address, and that these are not placeholders; and every party's registrations.

What a party wrote is shown masked, except its country.
"""

from parcelgate.risk.quality import address, registration
from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, masked
from parcelgate.risk.subject import PartyView, Subject
from parcelgate.risk.words import Tokens

# From Thai on, scripts need no blank between family and given name.
_FIRST_SIGN_WITHOUT_BLANKS = "฀"


def check(subject: Subject, reference: Reference, hits: Hits) -> None:
    """Look at names and addresses of sender and recipient, and at the registrations of all parties."""
    for registered in subject.registered:
        registration.check(registered, hits)
    sender, recipient = subject.sender, subject.recipient
    for party, word in ((sender, "sender"), (recipient, "recipient")):
        if party is None:
            hits.add("party-missing", ("parties", ""), party=word)
        else:
            _name(party, reference, hits)
            address.check(party, reference, hits)
    if (
        sender is not None
        and recipient is not None
        and sender.postcode == recipient.postcode
        and sender.city.casefold() == recipient.city.casefold()
        and sender.words() == recipient.words() != ()
    ):
        hits.add(
            "parties-same",
            (f"{sender.path}.name", masked(sender.name)),
            (f"{recipient.path}.name", masked(recipient.name)),
        )


def _name(party: PartyView, reference: Reference, hits: Hits) -> None:
    name = party.name
    first, _, rest = name.partition(" ")
    if rest[:1].isalpha() and first.isalpha() and first.isascii() and first.lower() not in reference.party_beginnings:
        # Two words, the first of which begins no placeholder: most names are done with.
        return
    words = party.words()
    rule = ""
    if not words:
        rule = "name-placeholder" if name.strip() else "name-missing"
    elif words in reference.party_terms or _is_digits(words):
        rule = "name-placeholder"
    elif len(words) == 1 and not party.is_organisation and max(name) < _FIRST_SIGN_WITHOUT_BLANKS:
        rule = "name-single"
    if rule:
        hits.add(rule, (f"{party.path}.name", masked(name)), party=party.word)


def _is_digits(words: Tokens) -> bool:
    return words[0].isdigit() and all(token.isdigit() for token in words)
