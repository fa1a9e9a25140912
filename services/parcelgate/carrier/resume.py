"""Resume tokens: a place in a partner's delivery log, bound to partner and environment.

A token tells a place, it grants nothing: whose log is read follows from the credential alone. Its digest only finds out
tokens that were mixed up or damaged, so it needs no secret and stays good across restarts and gateways.
"""

import base64
import binascii
from hashlib import sha256

from parcelgate.core.fault import fault
from parcelgate.core.port import RejectError

_EDITION = 1
_SEQUENCE_BYTES = 8
_DIGEST_BYTES = 9
_LENGTH = 1 + _SEQUENCE_BYTES + _DIGEST_BYTES


def token_of(partner: str, environment: str, sequence: int) -> str:
    """Return the token of a place in a log: 24 characters, fit for a link."""
    plain = bytes([_EDITION]) + sequence.to_bytes(_SEQUENCE_BYTES, "big")
    return base64.urlsafe_b64encode(plain + _digest(partner, environment, plain)).decode()


def sequence_of(partner: str, environment: str, token: str) -> int:
    """Return the sequence that a token names; 0 for none. Raises RejectError if it is not a token of this log."""
    if not token:
        return 0
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise RejectError(fault("RESUME_TOKEN_INVALID", address="resume_token")) from None
    plain, digest = raw[:-_DIGEST_BYTES], raw[-_DIGEST_BYTES:]
    if len(raw) != _LENGTH or plain[0] != _EDITION or digest != _digest(partner, environment, plain):
        raise RejectError(fault("RESUME_TOKEN_INVALID", address="resume_token"))
    return int.from_bytes(plain[1:], "big")


def _digest(partner: str, environment: str, plain: bytes) -> bytes:
    return sha256(f"resume\x1f{environment}\x1f{partner}\x1f".encode() + plain).digest()[:_DIGEST_BYTES]
