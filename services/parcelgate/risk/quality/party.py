"""Sender and recipient: that they have a name and an address, and that these are not placeholders.

What a party wrote is shown masked, except its country.
"""

from parcelgate.risk.quality import address
from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, masked
from parcelgate.risk.subject import PartyView, Subject
from parcelgate.risk.words import Tokens

# From Thai on, scripts need no blank between family and given name.
_FIRST_SIGN_WITHOUT_BLANKS = "฀"


def check(subject: Subject, reference: Reference, hits: Hits) -> None:
    """Look at names and addresses of sender and recipient."""
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
        and sender.tokens == recipient.tokens
        and sender.tokens
        and sender.city.casefold() == recipient.city.casefold()
    ):
        hits.add(
            "parties-same",
            (f"{sender.path}.name", masked(sender.name)),
            (f"{recipient.path}.name", masked(recipient.name)),
        )


def _name(party: PartyView, reference: Reference, hits: Hits) -> None:
    name, words = party.name, party.tokens
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
