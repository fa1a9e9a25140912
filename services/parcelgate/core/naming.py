"""Stable ids that follow from what they name, so that the same thing has the same id wherever it is computed."""

import hashlib
import secrets
from functools import lru_cache
from typing import Protocol

from parcelgate.api.record.v1.declaration_pb2 import DeclarationKey, Procedure

DIGITS_OF_DECLARATION = 24


def declaration_id(key: DeclarationKey) -> str:
    """Return the id of a declaration: 32 hexadecimal digits over the whole key."""
    item = key.item
    return _digest(
        "declaration",
        key.environment,
        key.partner,
        key.flow,
        item.scheme,
        item.issuer,
        item.identifier,
        item.posting_date,
    )


def case_id(declaration: str, authority: str, procedure: Procedure.ValueType) -> str:
    """Return the id of a case: 32 hexadecimal digits, of which the first 24 are its declaration's.

    So a case that somebody names leads to its declaration, and needs no row of its own to be found.
    """
    return declaration[:DIGITS_OF_DECLARATION] + _case_digits(authority, procedure)


class _Judged(Protocol):
    """A case that is to be judged: one of the contract, or as the router keeps it."""

    id: str
    version: int
    round: int


def call_id(case: _Judged) -> str:
    """Return the id of a call to an authority: a repeat of it must get the same answer."""
    return f"{case.id}/{case.version}/{case.round}"


def response_id(case: str, version: int, decision: str) -> str:
    """Return the id of a response to a version on a case: 40 hexadecimal digits, of which the first 24 are its declaration's.

    So a response leads to its declaration as a case does. Of the other digits there are enough that two responses of
    one declaration never have the same.
    """
    said = hashlib.sha256(f"response\x1f{case}\x1f{version}\x1f{decision}".encode()).hexdigest()
    return case[:DIGITS_OF_DECLARATION] + said[:16]


def filing_id(case: _Judged) -> str:
    """Return the id under which a version filed for a case stands in the authority's log."""
    return derived_id("filing", case.id, case.version, case.round)


def derived_id(*parts: object) -> str:
    """Return an id that follows from its parts."""
    return _digest(*parts)


def receipt() -> str:
    """Return a new receipt: unguessable, 26 characters, fit for a link."""
    return "r" + secrets.token_hex(13)[:25]


@lru_cache(maxsize=4096)
def _case_digits(authority: str, procedure: Procedure.ValueType) -> str:
    """Return what tells apart the cases of one declaration."""
    return _digest("case", authority, procedure)[:8]


def _digest(*parts: object) -> str:
    # A unit separator cannot be part of a normalised identifier, so that no two keys run together.
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]
