"""API keys: <partner>.<secret>, of which only an HMAC is kept. Partner and environment come from here and nowhere else."""

import fcntl
import hashlib
import hmac
import secrets
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parcelgate.core.partner import Partner, Partners
from parcelgate.core.seal import master_key, put_file


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is calling, proven by a credential."""

    partner: Partner

    @property
    def environment(self) -> str:
        """Return test or live."""
        return self.partner.environment

    @property
    def sees_all(self) -> bool:
        """Tell whether the caller may see every partner's traffic (integrators)."""
        return self.partner.kind == "INTEGRATOR"


class Credentials:
    """Issues and checks API keys; keeps <folder>/<partner>.toml with HMACs, and local keys for the command line."""

    def __init__(self, data: Path, partners: Partners) -> None:
        self._hashes = data / "credentials"
        self._local = data / "keys"
        self._pepper = master_key(data / "pepper.key")
        self._partners = partners
        self._kept: dict[str, tuple[tuple[int, int, int], Sequence[str]]] = {}

    def issue(self, partner_id: str) -> str:
        """Make a new key for a partner, valid at once beside older ones, and return it; it is not kept in clear."""
        secret = secrets.token_urlsafe(32)
        path = self._hashes / f"{partner_id}.toml"
        row = f'["{secrets.token_hex(8)}"]\nhmac = "{self._hash(secret)}"\n'
        self._hashes.mkdir(parents=True, exist_ok=True)
        with (self._hashes / ".lock").open("a") as lock:
            # The gateway and the command line may issue at the same moment.
            fcntl.flock(lock, fcntl.LOCK_EX)
            older = path.read_text("utf-8") if path.is_file() else ""
            put_file(path, (older + row).encode())
        return f"{partner_id}.{secret}"

    def local_key(self, partner_id: str) -> str:
        """Return the key that this machine's command line uses for a partner (--as), issuing it once.

        Raises KeyError if there is no such partner.
        """
        if self._partners.get(partner_id) is None:
            raise KeyError(partner_id)
        path = self._local / partner_id
        if path.is_file():
            return path.read_text("utf-8")
        key = self.issue(partner_id)
        put_file(path, key.encode())
        return key

    def identify(self, authorization: str | None) -> Identity | None:
        """Check the value of an Authorization header, Bearer <key>; None if it proves nothing."""
        scheme, _, key = (authorization or "").strip().partition(" ")
        partner_id, _, secret = key.strip().rpartition(".")
        partner = self._partners.get(partner_id)
        if scheme.lower() != "bearer" or partner is None:
            return None
        given = self._hash(secret)
        # Every stored key is compared, so that the time taken tells nothing.
        matches = [hmac.compare_digest(given, known) for known in self._known(partner_id)]
        return Identity(partner) if any(matches) else None

    def _known(self, partner_id: str) -> Sequence[str]:
        """Return the HMACs of a partner's keys as its file has them now; an unchanged file is not read again."""
        path = self._hashes / f"{partner_id}.toml"
        try:
            found = path.stat()
        except FileNotFoundError:
            return ()
        # A file is only ever replaced by another one.
        state = (found.st_ino, found.st_mtime_ns, found.st_size)
        kept = self._kept.get(partner_id)
        if kept is None or kept[0] != state:
            rows = tomllib.loads(path.read_text("utf-8")).values()
            kept = self._kept[partner_id] = (state, [row["hmac"] for row in rows])
        return kept[1]

    def _hash(self, secret: str) -> str:
        return hmac.new(self._pepper, secret.encode(), hashlib.sha256).hexdigest()
