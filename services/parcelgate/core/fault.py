"""Faults as values: one catalogue of stable codes, each with severity, sentence and hint.

The catalogue is data: schemas/faults/<area>.toml, one table a code. A code is never used again for something else.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, SEVERITY_NOTICE, SEVERITY_WARNING, Fault, Severity
from parcelgate.core import resource

_SEVERITIES: Mapping[str, Severity.ValueType] = {
    "error": SEVERITY_ERROR,
    "warning": SEVERITY_WARNING,
    "notice": SEVERITY_NOTICE,
}
VALUE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Row:
    """One code of the catalogue; sentence and hint may hold {words} that the place of the fault fills in."""

    code: str
    area: str
    severity: Severity.ValueType
    sentence: str
    hint: str


@cache
def catalogue() -> Mapping[str, Row]:
    """Return all codes; raises ValueError if two areas use one code or a row is incomplete."""
    rows: dict[str, Row] = {}
    for path in sorted((resource.schemas() / "faults").glob("*.toml")):
        for code, row in tomllib.loads(path.read_text("utf-8")).items():
            if code in rows:
                raise ValueError(f"fault code {code} stands in {rows[code].area} and in {path.stem}")
            rows[code] = Row(code, path.stem, _SEVERITIES[row["severity"]], row["sentence"], row["hint"])
    return rows


def fault(
    code: str,
    *,
    address: str = "",
    line: int = 0,
    value: str = "",
    item: str = "",
    item_number: int = 0,
    more_possible: bool = False,
    severity: Severity.ValueType | None = None,
    **words: object,
) -> Fault:
    """Make a fault of the catalogue; the caller masks a value that may be personal data.

    Raises KeyError for a code that the catalogue does not have, or a word that its sentence needs and nobody gave.
    """
    row = catalogue()[code]
    if words:
        words = {name: _shown(word) if isinstance(word, str) else word for name, word in words.items()}
    return Fault(
        code=code,
        severity=row.severity if severity is None else severity,
        address=_shown(address),
        line=line,
        sentence=row.sentence.format_map(words) if words else row.sentence,
        hint=row.hint.format_map(words) if words else row.hint,
        value=_shown(value[:VALUE_LENGTH]),
        item=_shown(item),
        item_number=item_number,
        more_possible=more_possible,
    )


def _shown(text: str) -> str:
    """Show U+0000 as a replacement character: a fault that tells of it must not carry it into a store."""
    return text.replace("\0", "\ufffd")
