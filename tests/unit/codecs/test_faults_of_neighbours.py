"""Faults belong to the item they were found in, however many items are looked at together."""

import datetime

from parcelgate.app.sample import Plan, traffic
from parcelgate.app.sample.interchange import declaration
from parcelgate.codecs import translate
from parcelgate.codecs.event import ItemRead


def test_the_faults_of_one_item_do_not_show_on_its_neighbours():
    samples = list(traffic(3, 60, day=datetime.date(2026, 11, 24), channel="post", plan=Plan.clean()))
    for number in (20, 45):
        samples[number].item.key.identifier = (
            samples[number].item.key.identifier[:10] + "0" + samples[number].item.key.issuer
        )
    header = {"interchange_reference": "R1", "items_count": 60}
    document = b"".join(translate.write("upu/cusitm/own-1", header, map(declaration, samples)))
    events = [event for event in translate.read([document], "upu/cusitm/own-1") if isinstance(event, ItemRead)]
    assert {event.number for event in events if any(one.code == "S10_CHECK_DIGIT" for one in event.faults)} <= {21, 46}
    assert all(one.item_number == event.number for event in events for one in event.faults)


def test_a_flood_of_unknown_names_is_counted_under_one_and_listed_in_part():
    sample = next(iter(traffic(3, 1, day=datetime.date(2026, 11, 24), channel="post", plan=Plan.clean())))
    whole = b"".join(translate.write("upu/cusitm/own-1", {"interchange_reference": "R1"}, [declaration(sample)]))
    flooded = whole.replace(b"</MailObject>", b"<x/>" * 35_000 + b"</MailObject>", 1)
    _, item, closed = translate.read([flooded], "upu/cusitm/own-1")
    assert item.accepted
    assert {one.code for one in item.faults} == {"FIELD_UNKNOWN", "FAULTS_CUT"}
    assert len(item.faults) <= 101
    assert closed.ledger.unknown == {"/CUSITM/Item/MailObject/x": 35_000}
