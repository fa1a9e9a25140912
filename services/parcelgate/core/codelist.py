"""Code lists as data: schemas/codelists/<name>.toml, versioned, with source and status; partners may override values."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from parcelgate.core import resource


@dataclass(frozen=True, slots=True)
class CodeList:
    """One edition of a code list; a value is a name or a table of properties."""

    name: str
    version: str
    source: str
    status: str
    values: Mapping[str, Any]

    def __contains__(self, code: object) -> bool:
        """Tell whether the list has the code."""
        return code in self.values


@cache
def load(name: str) -> CodeList:
    """Read a code list, for example iso-4217; raises FileNotFoundError if there is none of that name."""
    data = tomllib.loads((resource.schemas() / "codelists" / f"{name}.toml").read_text("utf-8"))
    return CodeList(name, data["version"], data["source"], data["status"], data["values"])
