"""The projection comes to the same state, whatever the order of the facts and however often they come."""

import asyncio
import random
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor_gateway import Gateway
from monitor_traffic import START, declaration, interchange
from parcelgate.api.record.v1.fact_pb2 import FactBatch
from parcelgate.core.fact import STAGES, fact
from parcelgate.core.port import ConflictError, Message
from parcelgate.monitor.door import overview
from parcelgate.monitor.lookup import Scope

EVERYTHING = Scope("test", "")


def two_days():
    """Return an interchange, its correction as version 2 a minute later, and one of another post."""
    first = interchange("post-cn", 1, 30, START)
    second = interchange("post-cn", 1, 30, START + 60_000_000, seed=2, version=2)
    return [*first, *second, *interchange("post-jp", 2, 12, START + 5_000_000)]


def batches(facts, sizes):
    bodies, rest = [], list(facts)
    while rest:
        size = sizes[len(bodies) % len(sizes)]
        bodies.append(FactBatch(facts=rest[:size]).SerializeToString())
        rest = rest[size:]
    return bodies


async def items_of(lookup):
    found = {}
    for whole in await lookup.newest_interchanges(EVERYTHING, 50):
        found |= {one.declaration_id: one for _, one in await lookup.members(whole.receipt, 100)}
    return [found[key] for key in sorted(found)]


async def state_of(bodies):
    """Project batches into a new store, and return all that can be asked of it."""
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder))
        await gateway.take_batches(bodies)
        lookup = gateway.lookup
        items = await items_of(lookup)
        timelines = [await lookup.timeline(EVERYTHING, one.declaration_id) for one in items]
        wholes = [
            (one, await lookup.facts_of_interchange(one.receipt))
            for one in await lookup.newest_interchanges(EVERYTHING, 50)
        ]
        found = (await overview(lookup, EVERYTHING), items, timelines, wholes)
        await gateway.store.close()
        return found


@cache
def state_in_order():
    return asyncio.run(state_of(batches(two_days(), [500])))


@settings(max_examples=12, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_shuffled_and_repeated_facts_give_the_same_projection(chance, sizes):
    facts = two_days()
    facts += chance.sample(facts, 60)
    chance.shuffle(facts)
    assert asyncio.run(state_of(batches(facts, sizes))) == state_in_order()


async def test_the_overview_equals_a_recount_of_the_items(gateway):
    await gateway.take_facts(two_days())
    shown = await overview(gateway.lookup, EVERYTHING)
    items = await items_of(gateway.lookup)
    by_stage = Counter((one.partner, one.stage) for one in items)
    assert {
        (row["partner"], stage): row["counts"][stage]
        for row in shown["stages"]["partners"]
        for stage in STAGES
        if row["counts"][stage]
    } == by_stage
    by_decision = Counter((one.destination, "fiscal", one.fiscal) for one in items if one.fiscal)
    by_decision += Counter((one.destination, "security", one.security) for one in items if one.security)
    assert {(row["destination"], row["axis"], row["code"]): row["count"] for row in shown["decisions"]} == by_decision


async def test_every_fault_is_counted_once_although_its_fact_comes_twice(gateway):
    facts = interchange("post-cn", 1, 60, START)
    await gateway.take_facts(facts)
    await gateway.take_facts(random.Random(1).sample(facts, 80))
    expected = Counter(wrong.code for one in facts for wrong in one.faults)
    shown = await overview(gateway.lookup, EVERYTHING)
    assert {row["code"]: row["count"] for row in shown["faults"]} == expected


async def test_an_item_never_goes_back_to_an_earlier_stage(gateway):
    one = declaration(7, "post-cn", "r1", "REF1")
    await gateway.take_facts([fact("response.logged", START, declaration=one)])
    await gateway.take_facts([fact("declaration.accepted", START - 5, declaration=one, destination="DE")])
    found = await gateway.lookup.item(EVERYTHING, one.id)
    assert (found.stage, found.destination, found.first_seen_micros) == ("answered", "DE", START - 5)


async def test_a_late_decision_on_an_older_version_does_not_replace_the_newer_one(gateway):
    old, new = declaration(7, "post-cn", "r1", "REF1"), declaration(7, "post-cn", "r2", "REF2", version=2)
    await gateway.take_facts([fact("decision.made", START, declaration=new, code="DECISION_CODE_RELEASED")])
    await gateway.take_facts([fact("decision.made", START + 9, declaration=old, code="EXAMINE")])
    assert (await gateway.lookup.item(EVERYTHING, old.id)).fiscal == "RELEASED"


async def test_a_repeated_item_keeps_the_receipt_that_its_version_came_in_with(gateway):
    first, again = declaration(7, "post-cn", "r1", "REF1"), declaration(7, "post-cn", "r2", "REF2")
    await gateway.take_facts(
        [
            fact("declaration.accepted", START, declaration=first),
            fact("declaration.unchanged", START + 9, declaration=again),
        ]
    )
    assert (await gateway.lookup.item(EVERYTHING, first.id)).receipt == "r1"
    counted = [
        (one.receipt, one.accepted, one.unchanged) for one in await gateway.lookup.newest_interchanges(EVERYTHING, 5)
    ]
    assert counted == [("r2", 0, 1), ("r1", 1, 0)]


async def test_a_fact_of_a_kind_not_known_here_still_stands_in_the_timeline(gateway):
    one = declaration(7, "post-cn", "r1", "REF1")
    newer = fact("version.applied", START, declaration=one)
    newer.kind, newer.id = "case.dreamt", "x" * 32
    await gateway.take_facts([newer])
    assert [each.kind for each in await gateway.lookup.timeline(EVERYTHING, one.id)] == ["case.dreamt"]


async def test_what_was_computed_from_an_older_state_is_refused_and_computed_again(gateway):
    first, second = batches(interchange("post-cn", 1, 40, START), [150])[:2]
    stale = await gateway.monitor.project([Message("a" * 32, "facts", "test.monitor.x", second)])
    await gateway.take_batches([first])
    with pytest.raises(ConflictError):
        await gateway.runner.transact(stale)
