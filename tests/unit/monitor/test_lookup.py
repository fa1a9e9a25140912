"""Finding, timelines and interchanges, and who may see them."""

import pytest

from monitor_traffic import START, dead_letter, declaration, interchange
from parcelgate.api.record.v1.declaration_pb2 import ENVIRONMENT_LIVE
from parcelgate.core.fact import fact
from parcelgate.core.fault import fault
from parcelgate.core.port import Dead, Message, Outcome
from parcelgate.monitor.lookup import Scope

ALL, CHINA, JAPAN = Scope("test", ""), Scope("test", "post-cn"), Scope("test", "post-jp")


@pytest.fixture
async def lookup(gateway):
    await gateway.take_facts(interchange("post-cn", 1, 30, START))
    return gateway.lookup


async def test_an_item_is_found_by_identifier_receipt_reference_file_name_and_declaration_id(lookup):
    (one,) = [found for found in await lookup.find(ALL, "CNCUSITM000001") if found.item == "LX000100003CN"] or [None]
    first = one or (await lookup.find(ALL, "CNCUSITM000001"))[0]
    for query in (first.item, f" {first.item[:2].lower()} {first.item[2:]} ", first.declaration_id):
        assert [found.declaration_id for found in await lookup.find(ALL, query)] == [first.declaration_id]
    for query in (first.receipt, "CNCUSITM000001", "cusitm-post-cn-0001.xml"):
        assert len(await lookup.find(ALL, query)) == 30
        assert [found.reference for found in await lookup.find_interchanges(ALL, query)] == ["CNCUSITM000001"]


async def test_a_rejected_item_is_found_by_its_identifier_with_its_fault(lookup):
    rejected = [
        one
        for outcome, one in await lookup.members((await lookup.newest_interchanges(ALL, 1))[0].receipt, 50)
        if outcome == "rejected"
    ]
    assert [one.stage for one in rejected] == ["rejected"]
    timeline = await lookup.timeline(ALL, (await lookup.find(ALL, rejected[0].item))[0].declaration_id)
    assert [wrong.code for one in timeline for wrong in one.faults] == ["S10_CHECK_DIGIT"]


async def test_a_timeline_sorts_by_time_and_then_by_rank(gateway):
    one = declaration(7, "post-cn", "r1", "REF1")
    kinds = ["decision.made", "case.opened", "response.logged", "version.applied", "declaration.accepted"]
    await gateway.take_facts([fact(kind, START, declaration=one) for kind in kinds])
    await gateway.take_facts([fact("case.overdue", START - 1, declaration=one)])
    assert [each.kind for each in await gateway.lookup.timeline(ALL, one.id)] == [
        "case.overdue",
        "declaration.accepted",
        "version.applied",
        "case.opened",
        "decision.made",
        "response.logged",
    ]


async def test_another_partners_item_is_answered_as_a_missing_one(lookup):
    item = (await lookup.find(CHINA, "CNCUSITM000001"))[0]
    for query in (item.item, item.receipt, item.declaration_id, "CNCUSITM000001", "cusitm-post-cn-0001.xml"):
        assert await lookup.find(JAPAN, query) == []
        assert await lookup.find_interchanges(JAPAN, query) == []
    assert await lookup.timeline(JAPAN, item.declaration_id) is None
    assert await lookup.interchange(JAPAN, item.receipt) is None
    assert await lookup.newest_interchanges(JAPAN, 10) == []
    assert await lookup.counts(JAPAN) == []
    assert await lookup.faults_of_code(JAPAN, "S10_CHECK_DIGIT", 10) == []


async def test_trial_and_real_traffic_do_not_see_each_other(gateway):
    one = declaration(7, "post-cn", "r1", "REF1", environment=ENVIRONMENT_LIVE)
    await gateway.take_facts([fact("declaration.accepted", START, declaration=one)])
    assert await gateway.lookup.item(ALL, one.id) is None
    assert (await gateway.lookup.item(Scope("live", ""), one.id)).stage == "accepted"


async def test_dead_letters_name_their_items_and_are_shown_to_whom_they_concern(gateway):
    await gateway.take_in(dead_letter(START))
    (letter,) = await gateway.lookup.dead(CHINA)
    assert [item for _, item in letter.items] == [declaration(10_003, "post-cn", "", "").key.item.identifier]
    assert await gateway.lookup.dead(JAPAN) == []


@pytest.mark.parametrize("key", ["", "test.postal.post-cn"])
async def test_dead_work_that_is_no_chunk_is_shown_as_well(gateway, key):
    """The steps of an interchange, closed messages, and what came damaged."""
    message = Message("translate/r1", "postal.interchange", key, b"r1")
    await gateway.take_in(Outcome(dead=[Dead(message, [fault("DATA_ERASED")], START, 3)]))
    (letter,) = await gateway.lookup.dead(ALL)
    assert (letter.dead.message.id, letter.items) == ("translate/r1", [])
    assert len(await gateway.lookup.dead(CHINA)) == (1 if key else 0)


async def test_the_rejected_items_of_an_interchange_come_first(lookup):
    receipt = (await lookup.newest_interchanges(ALL, 1))[0].receipt
    outcomes = [outcome for outcome, _ in await lookup.members(receipt, 50)]
    assert outcomes == ["rejected"] + ["accepted"] * 29
    assert len(await lookup.members(receipt, 10, 25)) == 5


async def test_an_empty_query_finds_nothing(gateway):
    await gateway.take_facts([fact("work.dead", START)])
    await gateway.take_in(Outcome(facts=interchange("post-cn", 3, 2, START)))
    assert await gateway.lookup.find(ALL, "  ") == []
    assert await gateway.lookup.find_interchanges(ALL, " ") == []
