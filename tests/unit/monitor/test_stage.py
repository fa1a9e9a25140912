"""The stage of an item is that of its newest version, and there of the case that has come least far."""

import itertools
import random

import pytest

from monitor_gateway import Gateway
from monitor_traffic import START, declaration
from parcelgate.core.fact import STAGES, fact
from parcelgate.core.naming import case_id
from parcelgate.monitor.door import overview
from parcelgate.monitor.lookup import Scope

EVERYTHING = Scope("test", "")
FIRST, SECOND = (declaration(7, "post-cn", f"r{one}", f"REF{one}", version=one) for one in (1, 2))
RISK, CLEARANCE = case_id(FIRST.id, "eu-ics2", 1), case_id(FIRST.id, "eu-customs", 2)
BOTH = (RISK, CLEARANCE)


def applied(version=FIRST):
    """A version that was accepted and put in force, on both cases."""
    return [
        fact("declaration.accepted", START, declaration=version, destination="DE"),
        fact("version.applied", START, declaration=version),
        *told("case.opened", *BOTH, version=version),
    ]


def told(kind, *cases, version=FIRST, code=""):
    return [fact(kind, START, declaration=version, case_id=case, code=code) for case in cases]


def answered(*cases, version=FIRST, code="RELEASED"):
    """A decision on each case, which the partner has."""
    decided = told("decision.made", *cases, version=version, code=code)
    return decided + told("response.logged", *cases, version=version, code=code)


def receipts(*cases, version):
    """What the router answers on a case without judging: no decision is told."""
    return told("response.logged", *cases, version=version, code="RECEIVED")


async def stage_after(gateway, *steps):
    """Take in the facts of one step after the other; return the stage at the end, which the counts must tell as well."""
    for step in steps:
        await gateway.take_facts(step)
    found = await gateway.lookup.item(EVERYTHING, FIRST.id)
    totals = (await overview(gateway.lookup, EVERYTHING))["stages"]["totals"]
    assert totals == {stage: int(stage == found.stage) for stage in STAGES}
    assert await gateway.lookup.stages_of_interchange("r1") == {found.stage: 1}
    return found.stage


@pytest.mark.parametrize("kind", ["case.parked", "case.pending"])
async def test_an_item_waits_while_one_of_its_cases_waits(gateway, kind):
    assert await stage_after(gateway, applied(), answered(RISK), told(kind, CLEARANCE)) == "waiting"


async def test_an_item_is_answered_when_all_of_its_cases_are(gateway):
    parked = told("case.parked", CLEARANCE)
    assert await stage_after(gateway, applied(), answered(RISK), parked, answered(CLEARANCE)) == "answered"


async def test_an_amendment_waits_although_the_version_before_was_answered(gateway):
    steps = [applied(), answered(*BOTH), applied(SECOND), told("case.parked", *BOTH, version=SECOND)]
    assert await stage_after(gateway, *steps) == "waiting"
    assert await stage_after(gateway, answered(RISK, version=SECOND)) == "waiting"
    assert await stage_after(gateway, answered(CLEARANCE, version=SECOND)) == "answered"


async def test_an_amendment_on_its_way_is_not_answered_by_the_version_before(gateway):
    accepted = applied(SECOND)[:1]
    assert await stage_after(gateway, applied(), answered(*BOTH), accepted) == "accepted"
    assert await stage_after(gateway, applied(SECOND)) == "routed"


async def test_a_late_answer_to_the_version_before_does_not_end_the_waiting(gateway):
    parked = told("case.parked", *BOTH, version=SECOND)
    superseded = receipts(*BOTH, version=FIRST)
    assert await stage_after(gateway, applied(), applied(SECOND), parked, answered(*BOTH), superseded) == "waiting"


async def test_a_closed_case_does_not_hold_the_item_back(gateway):
    steps = [applied(), told("case.parked", CLEARANCE), answered(RISK), told("case.closed", CLEARANCE)]
    assert await stage_after(gateway, *steps) == "answered"


async def test_a_cancelled_item_is_answered_by_the_receipts(gateway):
    cancelled = [fact(kind, START, declaration=SECOND) for kind in ("declaration.accepted", "version.applied")]
    closed = told("case.closed", *BOTH, version=SECOND, code="CANCELLED")
    steps = [applied(), told("case.pending", *BOTH), cancelled, closed]
    assert await stage_after(gateway, *steps) == "routed"
    assert await stage_after(gateway, receipts(*BOTH, version=SECOND)) == "answered"


async def test_a_case_whose_receipt_alone_was_confirmed_still_waits(gateway):
    confirmed = answered(CLEARANCE, code="RECEIVED")
    assert (
        await stage_after(gateway, applied(), answered(RISK), told("case.pending", CLEARANCE), confirmed) == "waiting"
    )


async def test_a_version_after_the_final_decision_is_answered_by_its_refusal(gateway):
    refused = [fact(kind, START, declaration=SECOND) for kind in ("declaration.accepted", "version.refused")]
    steps = [applied(), answered(*BOTH), refused, told("response.logged", *BOTH, version=SECOND, code="REJECTED")]
    assert await stage_after(gateway, *steps) == "answered"


async def test_an_item_without_cases_has_the_stage_of_its_version(gateway):
    steps = applied()[:2]
    assert [await stage_after(gateway, [step]) for step in steps] == ["accepted", "routed"]


async def test_a_version_that_only_waits_for_its_turn_is_accepted(gateway):
    held = fact("version.held", START, declaration=SECOND)
    assert await stage_after(gateway, applied(), answered(*BOTH), [held]) == "accepted"


async def test_a_rejected_item_stays_rejected(gateway):
    wrong = fact("item.rejected", START, declaration=FIRST)
    wrong.version = 0
    assert await stage_after(gateway, [wrong], [wrong]) == "rejected"


async def test_a_refused_repetition_leaves_the_item_where_it_is(gateway):
    assert await stage_after(gateway, applied(), answered(*BOTH), told("item.rejected", "")) == "answered"


STORIES = {
    "one case waits": ([applied(), answered(RISK), told("case.parked", CLEARANCE)], "waiting"),
    "both answered": ([applied(), told("case.parked", CLEARANCE), answered(*BOTH)], "answered"),
    "amendment waits": (
        [applied(), answered(*BOTH), applied(SECOND), told("case.pending", *BOTH, version=SECOND)],
        "waiting",
    ),
    "amendment answered": (
        [applied(), applied(SECOND), told("case.parked", *BOTH), answered(*BOTH, version=SECOND)],
        "answered",
    ),
    "one case closed": (
        [applied(), told("case.parked", *BOTH), told("case.closed", CLEARANCE), receipts(CLEARANCE, version=FIRST)],
        "waiting",
    ),
}


@pytest.mark.parametrize("story", STORIES)
async def test_neither_order_nor_repetition_of_the_facts_changes_the_stage(tmp_path, story):
    steps, expected = STORIES[story]
    facts = list(itertools.chain(*steps))
    for seed in range(8):
        chance = random.Random(seed)
        coming = facts + chance.sample(facts, 4)
        chance.shuffle(coming)
        folder = tmp_path / str(seed)
        folder.mkdir()
        gateway = Gateway(folder)
        size = 1 + seed % 4
        steps = [coming[at : at + size] for at in range(0, len(coming), size)]
        assert await stage_after(gateway, *steps) == expected
        await gateway.store.close()


async def test_an_answered_case_that_is_judged_anew_and_parked_waits_until_it_is_answered_again(gateway):
    first = [*applied(), *answered(*BOTH)]
    for one in first:
        one.round = 1 if one.case_id else 0
    anew = [*told("case.parked", CLEARANCE), *told("case.settled", CLEARANCE)]
    for one in anew:
        one.round = 2
    parked, settled = anew
    assert await stage_after(gateway, first) == "answered"
    assert await stage_after(gateway, [parked]) == "waiting"
    # What belongs to the round before comes late and changes nothing.
    assert await stage_after(gateway, first[-1:]) == "waiting"
    assert await stage_after(gateway, [settled]) == "answered"


async def test_what_happened_at_one_moment_may_be_told_in_one_fact(gateway):
    accepted, version, *cases = applied()
    version.destination = "DE"
    for one in [*cases, *told("decision.made", *BOTH, code="RELEASED")]:
        version.also.add(kind=one.kind, case_id=one.case_id, code=one.code)
    assert await stage_after(gateway, [accepted, version]) == "decided"
    shown = await gateway.lookup.timeline(EVERYTHING, FIRST.id)
    assert [(one.kind, one.case_id) for one in shown] == [
        ("declaration.accepted", ""),
        ("version.applied", ""),
        ("case.opened", RISK),
        ("case.opened", CLEARANCE),
        ("decision.made", RISK),
        ("decision.made", CLEARANCE),
    ]
    assert all(one.item == version.item and one.sentence and not one.also for one in shown)
    assert len({one.id for one in shown}) == 6
