"""The projection: folds facts into marks that only ever grow, so that order and repetition do not matter.

Of the details of a fact it reads format and file_name (on facts of an interchange); all others are shown as they are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from parcelgate.api.record.v1.decision_pb2 import DecisionCode
from parcelgate.api.record.v1.declaration_pb2 import ENVIRONMENT_LIVE, ENVIRONMENT_TEST
from parcelgate.api.record.v1.fact_pb2 import Fact, FactBatch
from parcelgate.core.fact import STAGES
from parcelgate.core.port import Write
from parcelgate.core.press import opened
from parcelgate.monitor.stage import REACHED, Marks, join, mark, stage_of, write

Row = list[Any]
# States of an interchange, in the order they can follow each other.
STATES = ("seen", "received", "rejected", "translated", "routed")
ENVIRONMENTS = {ENVIRONMENT_TEST: "test", ENVIRONMENT_LIVE: "live"}
_PREFIX = "DECISION_CODE_"
# Places in the state of an item; a decision moves the axis that it decides (ranges: the enum DecisionCode).
_FIRST, _LAST, _VERSION, _STAGE, _SECURITY, _FISCAL, _DESTINATION, _RECEIPT, _MARKS, _BATCHES, _NEWEST_BATCH = range(11)
# Where monitor.read_items_to_advance has the mark of the receipt.
_KNOWN_RECEIPT = 10
_AXIS = {
    name.removeprefix(_PREFIX): _SECURITY if number < 40 else _FISCAL
    for name, number in DecisionCode.items()
    if number >= 20
}
# Kinds that only say how far an item has come: most facts are of these, and nothing more is read of them.
_STEPS = frozenset(["version.applied", "case.opened", "response.logged", "response.handed_out"])
_STATE_OF = {f"interchange.{state}": number for number, state in enumerate(STATES)}
_OUTCOME_OF = {
    "declaration.accepted": "accepted",
    "declaration.unchanged": "unchanged",
    "item.rejected": "rejected",
}


def subject_of(fact: Fact) -> str:
    """Return whose timeline a fact belongs to: a declaration, an item without one, an interchange, or nobody's."""
    if fact.declaration_id:
        return fact.declaration_id
    # An item that could not be identified, or a report on one that is not known yet, is followed under its own fact.
    if fact.item or fact.kind == "item.rejected":
        return fact.id
    return fact.receipt


def item_key(identifier: str) -> str:
    """Return an identifier as it is looked up: capital letters, without blanks."""
    return "".join(identifier.upper().split())


def decision_word(code: str) -> str:
    """Return a decision code without the prefix of its enum."""
    return code.removeprefix(_PREFIX)


class Projection:
    """Batches of facts, gathered by what they concern, and then joined to the rows that the store has."""

    def __init__(self) -> None:
        self.items: dict[str, Row] = {}
        self.interchanges: dict[str, Row] = {}
        self.faulty: dict[str, Fact] = {}
        self._identities: dict[str, tuple[str, str, str]] = {}
        self._batches: dict[str, bytes] = {}
        # Receipt, outcome and subject, and the mark of the receipt with the version that it brought.
        self._memberships: dict[tuple[str, str, str], str] = {}

    def add(self, batch_id: str, body: bytes) -> None:
        """Take in a batch, kept as it came; raises DecodeError or ValueError if the body, once opened, is no FactBatch."""
        self._batches[batch_id] = body
        items = self.items
        for fact in FactBatch.FromString(opened(body)).facts:
            subject = fact.declaration_id or subject_of(fact)
            at, version = fact.at_micros, fact.version
            state = items.get(subject) or self._begin(fact, subject, batch_id)
            if state is None:
                continue
            if at > state[_LAST]:
                state[_LAST] = at
            elif at < state[_FIRST]:
                state[_FIRST] = at
            if version > state[_VERSION]:  # noqa: PLR1730 - twice as fast as max, for every fact there is
                state[_VERSION] = version
            if state[_NEWEST_BATCH] != batch_id:
                state[_NEWEST_BATCH] = batch_id
                state[_BATCHES] += " " + batch_id
            kind = fact.kind
            if kind in REACHED:
                mark(state[_MARKS], version, REACHED[kind], fact)
            if kind not in _STEPS:
                self._look_closer(state, fact, kind, subject)
            if fact.also:
                _take_along(state, fact, version, at)

    def writes(
        self, items: Iterable[Sequence[Any]], interchanges: Iterable[Sequence[Any]], known_faults: Iterable[str]
    ) -> list[Write]:
        """Return what to write, given what the store has of those items, interchanges and faults."""
        counts: Counter[tuple[str, ...]] = Counter()
        fault_rows = self._list_faults(frozenset(known_faults), counts)
        known = {row[0]: row for row in items}
        found = [
            Write("monitor.add_batch", list(self._batches.items())),
            *self._join_items(known, counts),
            Write("monitor.put_interchange", self._join_interchanges({row[0]: row for row in interchanges})),
            Write("monitor.add_membership", self._list_memberships(known)),
            Write("monitor.add_fault", fault_rows),
            Write("monitor.add_count", [(*key, amount) for key, amount in sorted(counts.items()) if amount]),
        ]
        return [write for write in found if write.rows]

    def _begin(self, fact: Fact, subject: str, batch_id: str) -> Row | None:
        """Return the state of an item not met before; None if the fact is no item's."""
        if not fact.declaration_id and not self._is_of_an_item(fact, subject, batch_id):
            return None
        at = fact.at_micros
        state = self.items[subject] = [at, at, 0, -1, "", "", "", "", {}, "", ""]
        self._identities[subject] = (fact.item, ENVIRONMENTS.get(fact.environment, ""), fact.partner)
        return state

    def _is_of_an_item(self, fact: Fact, subject: str, batch_id: str) -> bool:
        """Tell whether a fact is an item's; take it in here if it is an interchange's or the gateway's own."""
        receipt = fact.receipt
        if subject and subject != receipt:
            return True
        if fact.faults:
            self.faulty[fact.id] = fact
        if receipt:
            row = self._interchange(receipt, fact)
            state = _STATE_OF.get(fact.kind, 0)
            if state:
                new = (fact.details.get("format", ""), fact.details.get("file_name", ""), state)
                row[4:7] = map(max, row[4:7], new)
            row[9] = _join(row[9], [batch_id])
        return False

    def _interchange(self, receipt: str, fact: Fact) -> Row:
        at = fact.at_micros
        row = self.interchanges.get(receipt)
        if row is None:
            environment = ENVIRONMENTS.get(fact.environment, "")
            row = [receipt, environment, fact.partner, fact.interchange_reference, "", "", 0, at, at, ""]
            self.interchanges[receipt] = row
        elif at > row[8]:
            row[8] = at
        elif at < row[7]:
            row[7] = at
        return row

    def _look_closer(self, state: Row, fact: Fact, kind: str, subject: str) -> None:
        """Read what facts other than mere steps say: destination, decision, receipt, faults."""
        version = fact.version
        if destination := fact.destination:
            state[_DESTINATION] = max(state[_DESTINATION], f"{version:06d}{destination}")
        if kind == "decision.made":
            _decide(state, version, fact.at_micros, fact.code)
        elif outcome := _OUTCOME_OF.get(kind):
            receipt = fact.receipt
            # The receipt of a mere repetition is not the one that its version came in with.
            brought = f"{version:06d}{receipt}" if outcome != "unchanged" else ""
            state[_RECEIPT] = max(state[_RECEIPT], brought)
            if receipt:
                self._memberships[receipt, outcome, subject] = brought
                self._interchange(receipt, fact)
        if fact.faults:
            self.faulty[fact.id] = fact

    def _join_items(self, known: Mapping[str, Sequence[Any]], counts: Counter[tuple[str, ...]]) -> list[Write]:
        added: list[tuple[Any, ...]] = []
        moved: list[tuple[Any, ...]] = []
        before: list[tuple[str, ...]] = []
        after: list[tuple[str, ...]] = []
        for subject, state in self.items.items():
            item, environment, partner = self._identities[subject]
            old = known.get(subject)
            if old is None:
                _settle(state, state[_MARKS])
                after += _counted(environment, partner, state)
                row = (subject, item, item_key(item), environment, partner, *state[:_BATCHES], state[_BATCHES][1:])
                added.append(row)
                continue
            _, environment, partner, first, *rest, marks, batches = old
            before += _counted(environment, partner, old[3:])
            newest = [min(first, state[_FIRST]), *map(max, rest, state[_LAST:_MARKS]), marks]
            _settle(newest, join(state[_MARKS], marks))
            after += _counted(environment, partner, newest)
            moved.append((*newest, _join(batches, state[_BATCHES].split()), subject))
        counts.update(after)
        counts.subtract(Counter(before))
        return [Write("monitor.add_item", added), Write("monitor.move_item", moved)]

    def _join_interchanges(self, known: Mapping[str, Sequence[Any]]) -> list[tuple[Any, ...]]:
        rows = []
        for receipt, row in self.interchanges.items():
            if old := known.get(receipt):
                first, batches = min(row[7], old[7]), _join(old[9], row[9].split())
                row[1:] = [*map(max, row[1:7], old[1:7]), first, max(row[8], old[8]), batches]
            rows.append(tuple(row))
        return rows

    def _list_memberships(self, known: Mapping[str, Sequence[Any]]) -> list[tuple[Any, ...]]:
        """Return one row for all items that an interchange is known to bring just now, and one for each of the others."""
        together: dict[tuple[str, str], list[str]] = {}
        rows = []
        for (receipt, outcome, subject), brought in sorted(self._memberships.items()):
            old = known.get(subject)
            before = old[_KNOWN_RECEIPT] if old else ""
            if brought and not before:
                together.setdefault((receipt, outcome), []).append(subject)
            elif not brought or brought != before:
                # The newest version came with another receipt: whether this one was noted before is not known.
                rows.append((receipt, subject, outcome, subject, 0 if brought else 1))
        for (receipt, outcome), subjects in together.items():
            rows.append((receipt, subjects[0], outcome, " ".join(subjects), len(subjects)))
        return rows

    def _list_faults(self, known: frozenset[str], counts: Counter[tuple[str, ...]]) -> list[tuple[Any, ...]]:
        rows = []
        for fact in self.faulty.values():
            if fact.id in known:
                continue
            environment = ENVIRONMENTS.get(fact.environment, "")
            for number, fault in enumerate(fact.faults):
                counts[environment, fact.partner, "fault", str(fault.severity), fault.code] += 1
                who = (environment, fact.partner, fact.receipt, subject_of(fact))
                what = (fault.code, fault.severity, fact.at_micros, fault.SerializeToString())
                rows.append((fact.id, number, *who, *what))
        return rows


def _take_along(state: Row, fact: Fact, version: int, at: int) -> None:
    """Take what a fact says that happened besides, at the same moment to the same version."""
    marks = state[_MARKS]
    for part in fact.also:
        kind = part.kind
        if kind in REACHED:
            mark(marks, version, REACHED[kind], part)
        if kind == "decision.made":
            if destination := fact.destination:
                state[_DESTINATION] = max(state[_DESTINATION], f"{version:06d}{destination}")
            _decide(state, version, at, part.code)


def _decide(state: Row, version: int, at: int, code: str) -> None:
    """Put a decision into the axis that it decides, unless a newer one stands there."""
    word = decision_word(code)
    if axis := _AXIS.get(word):
        state[axis] = max(state[axis], f"{version:06d}{at:016d}{word}")


def _settle(state: Row, marks: Marks) -> None:
    """Put the stage that marks mean into a state, and the marks as they are kept."""
    version = state[_VERSION]
    state[_STAGE], state[_MARKS] = stage_of(marks, version), write(marks, version)


def _counted(environment: str, partner: str, state: Sequence[Any]) -> list[tuple[str, ...]]:
    """Return the counts that an item is part of."""
    stage, security, fiscal, destination = state[_STAGE:_RECEIPT]
    found: list[tuple[str, ...]] = [(environment, partner, "stage", "", STAGES[stage])] if stage >= 0 else []
    if security:
        found.append((environment, partner, "security", destination[6:], security[22:]))
    if fiscal:
        found.append((environment, partner, "fiscal", destination[6:], fiscal[22:]))
    return found


def _join(batches: str, more: Iterable[str]) -> str:
    known = batches.split()
    return " ".join([*known, *(one for one in more if one not in known)])
