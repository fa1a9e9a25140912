"""The lives of a declaration and of a case, each as a table of legal moves: whatever is not in it cannot happen."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from parcelgate.api.record.v1.decision_pb2 import (
    STAGE_ADVANCE,
    STAGE_ARRIVAL,
    STAGE_CORRECTION,
    STAGE_FINAL,
    STAGE_RECEIPT,
    Stage,
)
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.fault import fault


class DeclarationState(StrEnum):
    """Where a declaration stands."""

    __hash__ = str.__hash__

    UNKNOWN = "UNKNOWN"
    AWAITED = "AWAITED"
    IN_FORCE = "IN_FORCE"
    CANCELLED = "CANCELLED"


class DeclarationEvent(StrEnum):
    """What can happen to a declaration when a version of it comes."""

    __hash__ = str.__hash__

    HOLD = "HOLD"
    APPLY = "APPLY"
    CANCEL = "CANCEL"
    RECORD = "RECORD"
    REFUSE = "REFUSE"


class CaseState(StrEnum):
    """Where a case stands; OPEN is only ever seen while the authority is being asked."""

    __hash__ = str.__hash__

    UNKNOWN = "UNKNOWN"
    OPEN = "OPEN"
    PARKED = "PARKED"
    PENDING = "PENDING"
    OVERDUE = "OVERDUE"
    DECIDED = "DECIDED"
    FINAL = "FINAL"
    CLOSED = "CLOSED"


class CaseEvent(StrEnum):
    """What can happen to a case."""

    __hash__ = str.__hash__

    OPEN = "OPEN"
    PARK = "PARK"
    PEND = "PEND"
    EXPIRE = "EXPIRE"
    NOTE = "NOTE"
    DECIDE = "DECIDE"
    FINALISE = "FINALISE"
    CORRECT = "CORRECT"
    CLOSE = "CLOSE"


# The states and events above are hashed as text: the tables are looked into several times an item.
_D, _E = DeclarationState, DeclarationEvent
DECLARATION_MOVES: Mapping[tuple[DeclarationState, DeclarationEvent], DeclarationState] = {
    (_D.UNKNOWN, _E.HOLD): _D.AWAITED,
    (_D.UNKNOWN, _E.APPLY): _D.IN_FORCE,
    (_D.UNKNOWN, _E.CANCEL): _D.CANCELLED,
    (_D.AWAITED, _E.HOLD): _D.AWAITED,
    (_D.AWAITED, _E.APPLY): _D.IN_FORCE,
    (_D.AWAITED, _E.CANCEL): _D.CANCELLED,
    (_D.IN_FORCE, _E.HOLD): _D.IN_FORCE,
    (_D.IN_FORCE, _E.APPLY): _D.IN_FORCE,
    (_D.IN_FORCE, _E.CANCEL): _D.CANCELLED,
    (_D.IN_FORCE, _E.RECORD): _D.IN_FORCE,
    (_D.IN_FORCE, _E.REFUSE): _D.IN_FORCE,
    (_D.CANCELLED, _E.HOLD): _D.CANCELLED,
    (_D.CANCELLED, _E.APPLY): _D.IN_FORCE,
    (_D.CANCELLED, _E.CANCEL): _D.CANCELLED,
    (_D.CANCELLED, _E.RECORD): _D.CANCELLED,
    (_D.CANCELLED, _E.REFUSE): _D.CANCELLED,
}

_S, _C = CaseState, CaseEvent
CASE_MOVES: Mapping[tuple[CaseState, CaseEvent], CaseState] = {
    (_S.UNKNOWN, _C.OPEN): _S.OPEN,
    # An authority that was asked: it answers, will answer, or could not be reached. A mere receipt means it will answer.
    (_S.OPEN, _C.PARK): _S.PARKED,
    (_S.OPEN, _C.PEND): _S.PENDING,
    (_S.OPEN, _C.NOTE): _S.PENDING,
    (_S.OPEN, _C.DECIDE): _S.DECIDED,
    (_S.OPEN, _C.FINALISE): _S.FINAL,
    # It may report at any time, even while it could not be asked.
    (_S.PARKED, _C.OPEN): _S.OPEN,
    (_S.PARKED, _C.PARK): _S.PARKED,
    (_S.PARKED, _C.PEND): _S.PENDING,
    (_S.PARKED, _C.NOTE): _S.PARKED,
    (_S.PARKED, _C.DECIDE): _S.DECIDED,
    (_S.PARKED, _C.FINALISE): _S.FINAL,
    (_S.PARKED, _C.CLOSE): _S.CLOSED,
    (_S.PENDING, _C.OPEN): _S.OPEN,
    (_S.PENDING, _C.EXPIRE): _S.OVERDUE,
    (_S.PENDING, _C.NOTE): _S.PENDING,
    (_S.PENDING, _C.DECIDE): _S.DECIDED,
    (_S.PENDING, _C.FINALISE): _S.FINAL,
    (_S.PENDING, _C.CLOSE): _S.CLOSED,
    # Overdue is told, and nothing is released because of it.
    (_S.OVERDUE, _C.OPEN): _S.OPEN,
    (_S.OVERDUE, _C.NOTE): _S.OVERDUE,
    (_S.OVERDUE, _C.DECIDE): _S.DECIDED,
    (_S.OVERDUE, _C.FINALISE): _S.FINAL,
    (_S.OVERDUE, _C.CLOSE): _S.CLOSED,
    (_S.DECIDED, _C.OPEN): _S.OPEN,
    (_S.DECIDED, _C.NOTE): _S.DECIDED,
    (_S.DECIDED, _C.DECIDE): _S.DECIDED,
    (_S.DECIDED, _C.FINALISE): _S.FINAL,
    (_S.DECIDED, _C.CORRECT): _S.DECIDED,
    (_S.DECIDED, _C.CLOSE): _S.CLOSED,
    # After a final decision only the authority's own correction remains.
    (_S.FINAL, _C.CORRECT): _S.FINAL,
    # The declarant withdrew; the authority may still seize what lies before it. A new version opens the case again.
    (_S.CLOSED, _C.OPEN): _S.OPEN,
    (_S.CLOSED, _C.NOTE): _S.CLOSED,
    (_S.CLOSED, _C.DECIDE): _S.CLOSED,
    (_S.CLOSED, _C.FINALISE): _S.FINAL,
    (_S.CLOSED, _C.CORRECT): _S.CLOSED,
}

EVENT_OF_STAGE: Mapping[Stage.ValueType, CaseEvent] = {
    STAGE_RECEIPT: CaseEvent.NOTE,
    STAGE_ADVANCE: CaseEvent.DECIDE,
    STAGE_ARRIVAL: CaseEvent.DECIDE,
    STAGE_FINAL: CaseEvent.FINALISE,
    STAGE_CORRECTION: CaseEvent.CORRECT,
}

State = TypeVar("State", CaseState, DeclarationState)
Event = TypeVar("Event", CaseEvent, DeclarationEvent)


def move_declaration(state: DeclarationState, event: DeclarationEvent) -> DeclarationState | Fault:
    """Return the state after an event, or the fault MOVE_REFUSED."""
    return _move("declaration", DECLARATION_MOVES, state, event)


def move_case(state: CaseState, event: CaseEvent) -> CaseState | Fault:
    """Return the state after an event, or the fault MOVE_REFUSED."""
    return _move("case", CASE_MOVES, state, event)


def _move(thing: str, moves: Mapping[tuple[State, Event], State], state: State, event: Event) -> State | Fault:
    after = moves.get((state, event))
    return fault("MOVE_REFUSED", thing=thing, state=state.value, event=event.value) if after is None else after
