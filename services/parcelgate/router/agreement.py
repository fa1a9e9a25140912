"""Agreements as data: which authorities judge what a partner declares (schemas/agreements, or an operator's folder)."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from parcelgate.api.record.v1.declaration_pb2 import Flow, Procedure
from parcelgate.core import codelist, resource
from parcelgate.core.partner import KINDS

WAYS = ("risk", "clearance", "mailbox")
_FILE = frozenset(["version", "source", "note", "groups", "row"])
_ROW = frozenset(["partners", "flow", "destinations", "origins", "valid_from", "valid_to", "step"])
_STEP = frozenset(["authority", "procedure", "by", "deadline_hours"])
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_MOST_REMEMBERED = 20_000
_MOST_HOURS = 8760


@dataclass(frozen=True, slots=True)
class Step:
    """One case to open: the authority, its procedure, how it is asked, and how many hours a pending answer may take."""

    authority: str
    procedure: Procedure.ValueType
    by: str
    deadline_hours: int


@dataclass(frozen=True, slots=True)
class Row:
    """One agreement; valid_to is its last day, empty if it has none. Dates are YYYY-MM-DD."""

    partners: frozenset[str]
    flow: Flow.ValueType
    destinations: frozenset[str]
    origins: frozenset[str]
    valid_from: str
    valid_to: str
    steps: tuple[Step, ...]
    basis: str

    def fits(self, asked: "Asked") -> bool:
        """Tell whether the row is for this declaration on this day."""
        return (
            self.flow == asked.flow
            and not self.partners.isdisjoint(("*", asked.kind, asked.partner))
            and not self.destinations.isdisjoint(("*", asked.destination))
            and not self.origins.isdisjoint(("*", asked.origin))
            and self.valid_from <= asked.day
            and (not self.valid_to or asked.day <= self.valid_to)
        )

    def rank(self, asked: "Asked") -> tuple[str, int]:
        """Rank rows that fit: the later day wins, then the one that names the partner most closely."""
        return self.valid_from, 2 if asked.partner in self.partners else 1 if asked.kind in self.partners else 0


class Asked(NamedTuple):
    """What chooses an agreement: declaring partner and its kind, flow, countries, and the day of acceptance."""

    partner: str
    kind: str
    flow: Flow.ValueType
    destination: str
    origin: str
    day: str


class Agreements:
    """All rows, read and checked once; raises ValueError that names the file if one is wrong."""

    def __init__(self, folder: Path | None = None, shipped: Path | None = None) -> None:
        files = {path.name: path for path in (shipped or resource.schemas() / "agreements").glob("*.toml")}
        if folder is not None and folder.is_dir():
            files |= {path.name: path for path in folder.glob("*.toml")}
        data = {path: _read(path) for _, path in sorted(files.items())}
        groups = {name: members for file in data.values() for name, members in file.get("groups", {}).items()}
        self.rows = [row for path, file in data.items() for row in _rows(path, file, groups)]
        self._remembered: dict[Asked, Row | None] = {}
        _refuse_twins(self.rows)

    def choose(self, asked: Asked) -> Row | None:
        """Return the agreement for a declaration, or None if there is none."""
        try:
            return self._remembered[asked]
        except KeyError:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
        fitting = [row for row in self.rows if row.fits(asked)]
        chosen = max(fitting, key=lambda row: row.rank(asked), default=None)
        self._remembered[asked] = chosen
        return chosen


def _read(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        _known_keys(data, _FILE)
        for name in ("version", "source", "note"):
            _text(name, data[name])
        for members in data.get("groups", {}).values():
            _countries(members, {})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"agreement file {path.name}: {error}") from error
    return data


def _rows(path: Path, data: Mapping[str, Any], groups: Mapping[str, list[str]]) -> list[Row]:
    found = []
    for number, row in enumerate(data.get("row", ()), 1):
        try:
            found.append(_row(row, groups, f"{path.stem}/{number}@{data['version']}"))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"agreement file {path.name}, row {number}: {error}") from error
    return found


def _row(row: Mapping[str, Any], groups: Mapping[str, list[str]], basis: str) -> Row:
    _known_keys(row, _ROW)
    valid_from, valid_to = _day(row["valid_from"]), _day(row["valid_to"]) if "valid_to" in row else ""
    if valid_to and valid_to < valid_from:
        raise ValueError("valid_to lies before valid_from")
    steps = tuple(map(_step, row["step"]))
    if not steps or len({(step.authority, step.procedure) for step in steps}) != len(steps):
        raise ValueError("a row needs steps, and each authority and procedure only once")
    return Row(
        partners=_partners(row["partners"]),
        flow=Flow.Value(f"FLOW_{row['flow']}"),
        destinations=_countries(row["destinations"], groups),
        origins=_countries(row["origins"], groups),
        valid_from=valid_from,
        valid_to=valid_to,
        steps=steps,
        basis=basis,
    )


def _step(step: Mapping[str, Any]) -> Step:
    _known_keys(step, _STEP)
    if step["by"] not in WAYS:
        raise ValueError(f"by must be one of {', '.join(WAYS)}")
    # Risk alone decides security, clearance alone what is fiscal.
    if step["by"] != "mailbox" and (step["by"] == "risk") != (step["procedure"] == "PRE_LOADING"):
        raise ValueError("PRE_LOADING is by risk, any other procedure by clearance, or either by mailbox")
    if not isinstance(step["deadline_hours"], int) or not 1 <= step["deadline_hours"] <= _MOST_HOURS:
        raise ValueError(f"deadline_hours must be from 1 to {_MOST_HOURS}")
    if not _NAME.fullmatch(step["authority"]):
        raise ValueError(f"authority {step['authority']!r} must be of small letters, digits and hyphens")
    procedure = Procedure.Value(f"PROCEDURE_{step['procedure']}")
    return Step(step["authority"], procedure, step["by"], step["deadline_hours"])


def _known_keys(data: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(data.keys() - known):
        raise ValueError(f"unknown key {unknown[0]}")


def _text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text")


def _day(value: object) -> str:
    if type(value) is not date:
        raise ValueError(f"{value!r} is not a date")
    return value.isoformat()


def _partners(names: Sequence[str]) -> frozenset[str]:
    wrong = [name for name in names if name not in (*KINDS, "*") and not _NAME.fullmatch(name)]
    if wrong or not names:
        raise ValueError(f"partners must be kinds, ids or *, not {wrong}")
    return frozenset(names)


def _countries(names: Sequence[str], groups: Mapping[str, list[str]]) -> frozenset[str]:
    found: set[str] = set()
    known = codelist.load("iso-3166-1")
    for name in names:
        if name not in groups and name not in known and name != "*":
            raise ValueError(f"{name!r} is neither a country, nor a group, nor *")
        found.update(groups.get(name, (name,)))
    if not found:
        raise ValueError("a row needs countries, or *")
    return frozenset(found)


def _refuse_twins(rows: Sequence[Row]) -> None:
    """Refuse rows between which neither day nor partner could choose."""
    seen: dict[tuple[object, ...], Row] = {}
    for row in rows:
        for partner in row.partners:
            for destination in row.destinations:
                for origin in row.origins:
                    place = (partner, row.flow, destination, origin, row.valid_from)
                    if (twin := seen.setdefault(place, row)) is not row:
                        raise ValueError(
                            f"agreements {twin.basis} and {row.basis} are for the same declarations and day"
                        )
