"""Partners as files: identity, formats, leniencies, code-list overrides, and whether their traffic is test or live.

Shipped profiles lie in schemas/partners; a file of the same name in the settings' partner folder takes their place.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parcelgate.core import resource

KINDS = ("POST", "CARRIER", "CUSTOMS", "INTEGRATOR")
_KEYS = frozenset(
    [
        "id",
        "version",
        "name",
        "kind",
        "environment",
        "country",
        "operator_code",
        "formats_in",
        "formats_out",
        "leniencies",
        "code_lists",
        "authority",
        "mailbox",
        "queue",
    ]
)


# What needs no quoting in the name of a queue or in a permission of the broker.
_QUEUE_NAME = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Partner:
    """One partner's profile; environment is test or live, channel names the edge that serves it.

    Its messages go to a mailbox (folders), to a queue of the cluster's broker, or wait to be asked for.
    """

    id: str
    version: str
    name: str
    kind: str
    environment: str
    country: str
    operator_code: str = ""
    formats_in: tuple[str, ...] = ()
    formats_out: tuple[str, ...] = ()
    leniencies: frozenset[str] = frozenset()
    code_lists: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    authority: str = ""
    mailbox: bool = False
    queue: bool = False

    @property
    def channel(self) -> str:
        """The edge that hands out this partner's responses: postal (posts and customs mailboxes) or carrier."""
        return "carrier" if self.kind == "CARRIER" else "postal"


class Partners:
    """All profiles, read once; reload reads the files again."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._by_id: Mapping[str, Partner] = {}
        self.reload()

    def reload(self) -> None:
        """Read all files; raises ValueError that names the file, and keeps the old profiles, if one is wrong."""
        files = {path.name: path for path in (resource.schemas() / "partners").glob("*.toml")}
        if self._folder is not None and self._folder.is_dir():
            files |= {path.name: path for path in self._folder.glob("*.toml")}
        read = [_read(path) for path in sorted(files.values())]
        self._by_id = {partner.id: partner for partner in read}

    def get(self, partner_id: str) -> Partner | None:
        """Return a profile, or None if there is no such partner."""
        return self._by_id.get(partner_id)

    def all(self) -> list[Partner]:
        """Return all profiles by id."""
        return [self._by_id[key] for key in sorted(self._by_id)]

    def of_authority(self, authority: str) -> Partner | None:
        """Return the customs partner that speaks for an authority."""
        return next((partner for partner in self.all() if partner.authority == authority), None)


def _read(path: Path) -> Partner:
    try:
        return _build(path.stem, tomllib.loads(path.read_text("utf-8")))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"partner file {path.name}: {error}") from error


def _build(name: str, data: dict[str, Any]) -> Partner:
    if unknown := sorted(data.keys() - _KEYS):
        raise ValueError(f"unknown key {unknown[0]}")
    if data["kind"] not in KINDS or data["environment"] not in ("test", "live"):
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, environment test or live")
    if data["id"] != name:
        raise ValueError("the id must be the name of the file")
    if data.get("queue") and data.get("mailbox"):
        raise ValueError("messages go to a mailbox or to a queue, not to both")
    if data.get("queue") and (data["kind"] == "INTEGRATOR" or not _QUEUE_NAME.fullmatch(name)):
        raise ValueError("only a post, a carrier or customs may have a queue; its id has small letters, digits and -")
    data["formats_in"] = tuple(data.get("formats_in", ()))
    data["formats_out"] = tuple(data.get("formats_out", ()))
    data["leniencies"] = frozenset(data.get("leniencies", ()))
    return Partner(**data)
