"""Faults of one item, or of all that stands beside the items: so many are listed, and after them one that rejects it."""

from collections.abc import Iterable

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.codecs.edifact import limit
from parcelgate.core.fault import catalogue, fault


class Findings(list[Fault]):
    """A list that is asked whether there is room for another one."""

    def __init__(self, faults: Iterable[Fault] = (), after: "Findings | None" = None) -> None:
        """Begin with some faults; after is the list that was handed out before, and counts as well."""
        super().__init__(faults)
        self.before: int = 0 if after is None else after.before + len(after)
        self.is_cut: bool = after is not None and after.is_cut
        self.is_rejected: bool = after is not None and after.is_rejected

    def has_room(self, code: str, number: int, *, must: bool = False) -> bool:
        """Tell whether a fault goes on the list; one that must be there does, unless one like it is there already."""
        if self.before + len(self) < limit.FAULTS_OF_ONE:
            return True
        if not self.is_cut:
            self.is_cut = True
            self.append(fault("FAULTS_CUT", item_number=number, more_possible=True))
        if self.is_rejected or not (must or catalogue()[code].severity == SEVERITY_ERROR):
            return False
        self.is_rejected = True
        return True
