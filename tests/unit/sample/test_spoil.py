"""Malformed documents: each way of spoiling does what it says, and its result is read as one would expect."""

import datetime as dt
from random import Random

import pytest
from lxml import etree

from parcelgate.app.sample import Plan, traffic
from parcelgate.app.sample.interchange import CUSITM, interchanges
from parcelgate.app.sample.spoil import MILD, WAYS, spoil
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed, ItemRead

DAY = dt.date(2026, 7, 14)
COUNT = 20


@pytest.fixture(scope="module")
def document():
    samples = traffic(5, COUNT, day=DAY, channel="post", plan=Plan.clean())
    (one,) = interchanges(
        samples,
        write=translate.write,
        sender="XAA",
        recipient="XBA",
        seed=5,
        prepared_at=dt.datetime(2026, 7, 14, 6, tzinfo=dt.UTC),
        size=COUNT,
    )
    return one.document


@pytest.mark.parametrize("how", sorted(WAYS))
def test_spoiling_changes_the_document_and_repeats_itself(document, how):
    spoiled = spoil(document, how, Random(1))
    assert spoiled != document
    assert spoiled == spoil(document, how, Random(1))


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("truncated", "XML_TRUNCATED"),
        ("not-xml", "DOCUMENT_NOT_XML"),
        ("empty", "DOCUMENT_EMPTY"),
        ("doctype", "XML_DOCTYPE"),
        ("wrong-encoding", "XML_ENCODING"),
        ("unknown-root", "FORMAT_DIFFERS"),
        ("wrong-count", "ITEMS_COUNT_DIFFERS"),
        ("crossed-tags", "XML_NOT_WELL_FORMED"),
        ("bytes-after-the-end", "XML_NOT_WELL_FORMED"),
    ],
)
def test_a_broken_document_is_a_fault_of_the_interchange(document, how, code):
    closed = _read(spoil(document, how, Random(2)))[1]
    assert code in [fault.code for fault in closed.faults]


@pytest.mark.parametrize(
    ("how", "code", "accepted"),
    [
        ("unknown-field", "FIELD_UNKNOWN", COUNT),
        ("item-without-id", "KEY_MISSING", COUNT - 1),
        ("bad-value", "MASS_UNREADABLE", None),
    ],
)
def test_a_spoiled_item_leaves_its_neighbours_alone(document, how, code, accepted):
    found, closed = _read(spoil(document, how, Random(2)))
    assert len(found) == COUNT
    assert [codes for codes in found if codes] == [[code]]
    assert not closed.faults
    assert accepted is None or closed.accepted == accepted


@pytest.mark.parametrize("how", sorted(MILD))
def test_mild_ways_leave_a_well_formed_document(document, how):
    assert len(etree.fromstring(spoil(document, how, Random(3)))) == COUNT + 1 + _trailers(document)


@pytest.mark.parametrize("how", ["unknown-field", "bad-value", "wrong-count", "unknown-root"])
def test_a_document_without_the_place_to_spoil_is_refused(how):
    with pytest.raises(ValueError, match="spoil"):
        spoil(b"no tags", how, Random(1))


def _read(document):
    found, closed = [], None
    for event in translate.read([document], CUSITM):
        if isinstance(event, ItemRead):
            found.append([fault.code for fault in event.faults])
        elif isinstance(event, Closed):
            closed = event
    return found, closed


def _trailers(document):
    return document.count(b"<Trailer>")
