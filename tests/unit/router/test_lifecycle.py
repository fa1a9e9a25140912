"""No sequence of events leads a declaration or a case anywhere but along the tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelgate.api.record.v1.decision_pb2 import Stage
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.router.lifecycle import (
    CASE_MOVES,
    DECLARATION_MOVES,
    EVENT_OF_STAGE,
    CaseEvent,
    CaseState,
    DeclarationEvent,
    DeclarationState,
    move_case,
    move_declaration,
)

case_events = st.lists(st.sampled_from(CaseEvent), max_size=30)


def walk(events):
    """Follow events from the beginning; what is refused changes nothing."""
    state = CaseState.UNKNOWN
    for event in events:
        after = move_case(state, event)
        if not isinstance(after, Fault):
            yield state, event, after
            state = after


@given(case_events)
def test_final_is_left_by_nothing_and_takes_only_corrections(events):
    for before, event, after in walk(events):
        if before is CaseState.FINAL:
            assert (event, after) == (CaseEvent.CORRECT, CaseState.FINAL)


@given(case_events)
def test_final_is_reached_by_a_final_decision_only(events):
    for before, event, after in walk(events):
        if after is CaseState.FINAL and before is not CaseState.FINAL:
            assert event is CaseEvent.FINALISE


@given(case_events)
def test_a_case_is_decided_only_by_a_decision_never_by_time_or_a_failure(events):
    for before, event, after in walk(events):
        if after is CaseState.DECIDED and before is not CaseState.DECIDED:
            assert event is CaseEvent.DECIDE


@given(case_events)
def test_a_withdrawn_case_opens_again_only_with_a_new_version(events):
    for before, event, after in walk(events):
        if before is CaseState.CLOSED and after not in (CaseState.CLOSED, CaseState.FINAL):
            assert (event, after) == (CaseEvent.OPEN, CaseState.OPEN)


@given(case_events)
def test_nothing_is_asked_in_a_case_that_was_not_opened(events):
    for before, event, _ in walk(events):
        if event in (CaseEvent.PARK, CaseEvent.PEND):
            assert before in (CaseState.OPEN, CaseState.PARKED)


def test_every_state_can_be_reached_and_every_move_is_used():
    reached = {CaseState.UNKNOWN}
    for _ in CaseState:
        reached |= {after for (before, _), after in CASE_MOVES.items() if before in reached}
    assert reached == set(CaseState)
    assert {event for _, event in CASE_MOVES} == set(CaseEvent)
    assert {event for _, event in DECLARATION_MOVES} == set(DeclarationEvent)


@pytest.mark.parametrize("state", [state for state in CaseState if state is not CaseState.UNKNOWN])
def test_an_authority_may_report_a_decision_at_any_time_before_the_final_one(state):
    refused = isinstance(move_case(state, CaseEvent.DECIDE), Fault)
    assert refused == (state is CaseState.FINAL)


def test_every_stage_of_a_decision_has_its_event():
    assert set(EVENT_OF_STAGE) == set(Stage.values()) - {0}


def test_what_is_not_in_the_table_is_a_fault_that_says_why():
    wrong = move_case(CaseState.FINAL, CaseEvent.OPEN)
    assert wrong.code == "MOVE_REFUSED"
    assert "FINAL" in wrong.sentence and "OPEN" in wrong.sentence


@given(st.lists(st.sampled_from(DeclarationEvent), max_size=20))
def test_a_declaration_is_in_force_only_after_a_version_was_applied(events):
    state, applied = DeclarationState.UNKNOWN, False
    for event in events:
        after = move_declaration(state, event)
        if isinstance(after, Fault):
            continue
        state, applied = after, applied or event is DeclarationEvent.APPLY
        assert state is not DeclarationState.IN_FORCE or applied
        assert state is not DeclarationState.UNKNOWN
