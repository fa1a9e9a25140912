"""Collects all that is wrong with one line of a request, addressed in the sender's own terms."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault, Severity
from parcelgate.core.fault import fault
from parcelgate.core.text import NUL

# Turns a field path (shipments[2].item.key) into the sender's own terms.
Spelling = Callable[[str], str]

# Faults listed for the request as a whole, and what a reader of documents notes of one line.
MOST = 100
# Faults of all lines together: an answer must stay below the 4 MiB that a gRPC client takes if nobody told it otherwise.
_MOST_TOGETHER = 10_000
_MOST_OF_A_LINE = 1_000
_SHORT = 3
# A number, or a code with a digit in it.
_PLAIN = re.compile(r"(?=.*\d)[\w.+\-/:]{1,40}", re.ASCII)


class Findings:
    """The faults of one line, or of the request as a whole, in the order they were found."""

    def __init__(self, spelling: Spelling, most: int = MOST) -> None:
        self.faults: list[Fault] = []
        self._most = most
        self._spelling = spelling

    def add(
        self, code: str, path: str, value: str = "", severity: Severity.ValueType | None = None, **words: Any
    ) -> None:
        """Add a fault of the catalogue at a field path; the value is masked where it may be personal data.

        The name of the field, as the sender spells it, is at hand for the sentence as {name}.
        """
        address = self._spelling(path)
        named: dict[str, Any] = {"name": last_name(address), **words}
        shown = masked(value, strictly="parties" in path)
        self.take(fault(code, address=address, value=shown, severity=severity, **named))

    def take(self, found: Fault) -> None:
        """Add a fault that is addressed already."""
        if len(self.faults) < self._most:
            self.faults.append(found)
            return
        if len(self.faults) == self._most:
            self.faults.append(fault("FAULTS_CUT", more_possible=True))
        if found.severity == SEVERITY_ERROR and not self.rejects:
            # An error beyond the limit must still reject the line.
            self.faults[-2] = found

    def unrepeated(self, read: Sequence[Fault]) -> None:
        """Leave out what says less of a place than a reader of its format has said before: never an error."""
        own = [one for one in self.faults[len(read) :] if one.severity == SEVERITY_ERROR or not _said(one, read)]
        self.faults[len(read) :] = own

    @property
    def rejects(self) -> bool:
        """Tell whether one of the faults rejects the line."""
        return any(one.severity == SEVERITY_ERROR for one in self.faults)

    def of_item(self, identifier: str, number: int) -> list[Fault]:
        """Return the faults with the item they belong to."""
        for one in self.faults:
            one.item, one.item_number = identifier, number
        return self.faults


def _said(found: Fault, read: Sequence[Fault]) -> bool:
    inside = f"{found.address}/"
    return any(
        one.address == found.address or (one.code == found.code and one.address.startswith(inside)) for one in read
    )


def most_findings(lines: int) -> int:
    """Return how many faults are listed for each line of a request: 1,000, fewer in a request of many lines."""
    return min(_MOST_OF_A_LINE, _MOST_TOGETHER // lines)


def last_name(address: str) -> str:
    """Return the name of the field that an address ends with."""
    words: list[str] = re.findall(r"[^./\[\]]*[^./\[\]\d][^./\[\]]*", address)
    return words[-1] if words else address


def masked(value: str, *, strictly: bool = False) -> str:
    """Show a code or number as it is, any text (strictly: whatever is longer than a code) as first character and length."""
    plain = len(value) <= _SHORT or (not strictly and _PLAIN.fullmatch(value))
    shown = value if plain else f"{value[0]}… ({len(value)} characters)"
    return shown.replace(NUL, "\ufffd")
