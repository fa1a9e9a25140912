"""Samples as partners send them: interchanges that read back unchanged, and carriers' requests."""

import datetime as dt

import pytest
from google.protobuf import json_format

from parcelgate.api.carrier.v1.carrier_pb2 import AmendRequest, CancelRequest, SubmitRequest
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.app.sample import traffic
from parcelgate.app.sample.interchange import CUSITM, by_origin, canonical_json, interchanges, requests
from parcelgate.codecs import translate
from parcelgate.codecs.event import ItemRead

DAY = dt.date(2026, 7, 14)
PREPARED = dt.datetime(2026, 7, 14, 6, tzinfo=dt.UTC)


def group(samples, write=translate.write, **words):
    wanted = {"sender": "XAA", "recipient": "XBA", "seed": 9, "prepared_at": PREPARED, "size": 40} | words
    return list(interchanges(samples, write=write, **wanted))


def test_an_interchange_reads_back_as_the_samples_it_was_written_from():
    samples = list(traffic(9, 200, day=DAY, channel="post"))
    read = []
    for each in group(samples):
        read += [event for event in translate.read([each.document], CUSITM) if isinstance(event, ItemRead)]
    assert [Item.FromString(event.item) for event in read] == [sample.item for sample in samples]
    from_bytes = [Declaration.FromString(event.message) for event in read]
    assert [(each.function, each.key.flow) for each in from_bytes] == [(s.function, s.flow) for s in samples]


def test_the_header_counts_the_items_and_references_are_unique():
    calls = []

    def write(format_id, header, messages):
        calls.append((format_id, dict(header), list(messages)))
        yield b"<x/>"

    made = group(traffic(9, 100, day=DAY, channel="post"), write)
    assert [each.header["items_count"] for each in made] == [40, 40, 20]
    assert [len(messages) for _, _, messages in calls] == [40, 40, 20]
    assert {format_id for format_id, _, _ in calls} == {CUSITM}
    assert len({each.reference for each in made}) == 3
    assert made[1].header["prepared_at"] == {"written": "2026-07-14T06:01:00+00:00"}
    other = group(traffic(9, 100, day=DAY, channel="post"), write, seed=10)
    assert not {each.reference for each in made} & {each.reference for each in other}


def test_samples_are_parted_by_the_post_that_declares_them():
    samples = list(traffic(9, 300, day=DAY, channel="post"))
    parts = by_origin(samples)
    assert sum(map(len, parts.values())) == 300
    for country, part in parts.items():
        assert {sample.item.origin_country for sample in part} == {country}
        assert part == [sample for sample in samples if sample in part]


def test_a_saved_interchange_lies_under_its_reference(tmp_path):
    (made,) = group(traffic(9, 3, day=DAY, channel="post"))
    path = made.save(tmp_path)
    assert path.name == f"{made.reference}.xml"
    assert path.read_bytes() == made.document
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_requests_carry_each_shipment_once_under_its_function():
    samples = list(traffic(9, 1_500, day=DAY, channel="carrier"))
    made = list(requests(samples, seed=9, size=50))
    submitted = [s for each in made if isinstance(each, SubmitRequest) for s in each.shipments]
    amended = [s for each in made if isinstance(each, AmendRequest) for s in each.shipments]
    cancelled = [c for each in made if isinstance(each, CancelRequest) for c in each.cancellations]
    assert len(submitted) + len(amended) + len(cancelled) == 1_500
    assert amended
    assert cancelled
    references = [each.client_reference for each in (*submitted, *amended, *cancelled)]
    assert len(set(references)) == 1_500
    assert len({each.request_id for each in made}) == len(made)
    assert list(requests(samples, seed=9, size=50)) == made


def test_a_request_is_written_in_canonical_json():
    (made,) = requests(traffic(9, 20, day=DAY, channel="carrier"), seed=9, size=50)
    assert json_format.Parse(canonical_json(made), SubmitRequest()) == made


@pytest.mark.parametrize("size", [0, 251])
def test_a_request_of_a_size_that_the_contract_forbids_is_refused(size):
    with pytest.raises(ValueError, match="250"):
        list(requests([], seed=1, size=size))
