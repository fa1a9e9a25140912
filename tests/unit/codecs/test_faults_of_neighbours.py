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
