"""Whatever a dispatch or an event says, EDIFACT gives it back; whatever the bytes are, reading ends with an answer."""

from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcelgate.api.record.v1.decision_pb2 import DecisionCode, Release, Stage
from parcelgate.api.record.v1.dispatch_pb2 import Consignment, Receptacle, ReceptacleStatus
from parcelgate.api.record.v1.event_pb2 import ItemEvent
from parcelgate.codecs import translate
from parcelgate.codecs.edifact.charset import SETS
from parcelgate.codecs.edifact.delimiter import DEFAULT, from_advice
from parcelgate.codecs.edifact.segment import Repeated, Splitter
from parcelgate.codecs.edifact.writer import SegmentWriter
from parcelgate.codecs.event import Closed, ItemRead
from parcelgate.codecs.mapping.moment import time_as
from parcelgate.codecs.registry import shipped
from parcelgate.core.identifier import s8_parts, s10_check_digit

FORMATS = {
    "upu/predes/own-1": Receptacle,
    "upu/emsevt/own-1": ItemEvent,
    "upu/cardit/own-1": Consignment,
    "upu/precon/own-1": Consignment,
    "upu/resdes/own-1": ReceptacleStatus,
    "upu/rescon/own-1": ReceptacleStatus,
    "upu/resdit/own-1": ReceptacleStatus,
    "un/cusres/d96a": Release,
}
quick = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
# What Latin-1 can print: blanks at the ends are not kept, and so are not made.
latin = st.characters(codec="latin-1", exclude_categories=("Cc",), exclude_characters="\xa0\xad ")
words = st.text(latin, min_size=1, max_size=12)
text = st.builds(" ".join, st.lists(words, min_size=1, max_size=3))
offices = st.from_regex("[A-Z]{2}[A-Z0-9]{4}", fullmatch=True)
masses = st.builds(lambda number: {"milligrams": number}, st.integers(1, 10**10)) | st.just({})
minutes = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31))  # noqa: DTZ001  EDIFACT has none


def written(notation, shape):
    return minutes.map(lambda at: time_as(notation).read(at.strftime(shape)))


@st.composite
def item_keys(draw):
    if draw(st.booleans()):
        serial, country = f"{draw(st.integers(0, 99_999_999)):08}", draw(st.sampled_from(["NZ", "NL", "DE", "GB"]))
        return {"scheme": 1, "issuer": country, "identifier": f"CP{serial}{s10_check_digit(serial)}{country}"}
    return {"scheme": 3, "identifier": draw(st.from_regex("[A-Z]{3}[0-9]{4,12}", fullmatch=True))}


@st.composite
def dispatches(draw):
    """Make what all receptacles of a dispatch share."""
    origin, destination = draw(offices), draw(offices)
    rest = draw(st.from_regex("[A-D][UCET][A-Z][0-9]{5}", fullmatch=True))
    transport = st.fixed_dictionaries(
        {},
        optional={
            "mode": st.sampled_from(["AIR", "SEA", "ROAD", "RAIL", "9"]),
            "conveyance": words,
            "origin": words,
            "destination": words,
            "departure": written("203", "%Y%m%d%H%M"),
        },
    )
    return {
        "dispatch": origin + destination + rest,
        "origin_office": origin,
        "destination_office": destination,
        "prepared": draw(written("203", "%Y%m%d%H%M")),
        **draw(st.fixed_dictionaries({}, optional={"transport": transport.filter(bool)})),
    }


@st.composite
def receptacles(draw, number, shared):
    name = f"{shared['dispatch']}{number:03}{draw(st.sampled_from('019'))}{draw(st.sampled_from('019'))}9999"
    parts = s8_parts(shared["dispatch"])
    pieces = st.fixed_dictionaries({"key": item_keys()}, optional={"gross_mass": masses})
    optional = {
        "gross_mass": masses,
        "items_count": st.integers(1, 2**32 - 1),
        "items": st.lists(pieces, min_size=1, max_size=3),
        "seals": st.lists(words, min_size=1, max_size=3),
    }
    return {
        **shared,
        "identifier": name,
        "mail_category": "ABCD".index(parts.category) + 1,
        "mail_class": "UCET".index(parts.subclass[0]) + 1,
        "mail_subclass": parts.subclass,
        **draw(st.fixed_dictionaries({}, optional=optional)),
    }


@st.composite
def predes(draw):
    found = []
    for _ in range(draw(st.integers(1, 3))):
        shared = draw(dispatches())
        found += [draw(receptacles(number, shared)) for number in range(1, draw(st.integers(1, 3)) + 1)]
    return [Receptacle(**each) for each in found]


events = st.builds(
    lambda record: ItemEvent(**record),
    st.fixed_dictionaries(
        {"item": item_keys(), "code": words, "happened": written("204", "%Y%m%d%H%M%S")},
        optional={
            "office": offices,
            "reason_code": words,
            "reason_text": text,
            "receptacle": st.just("NZAKLAAUSYDAACN60012003000125"),
            "dispatch": st.just("NZAKLAAUSYDAACN60012"),
            "prepared": written("203", "%Y%m%d%H%M"),
        },
    ),
)
minute, second = written("203", "%Y%m%d%H%M"), written("204", "%Y%m%d%H%M%S")
modes = st.sampled_from(["AIR", "SEA", "ROAD", "RAIL", "9"])
places = {"origin": words, "destination": words, "departure": minute, "arrival": minute}
legs = st.fixed_dictionaries({}, optional={"mode": modes, "conveyance": words, "carrier": words, **places})


@st.composite
def bags(draw):
    """Make receptacles as a consignment lists them: what the S9 identifier says, mass, seals."""
    dispatch = draw(dispatches())["dispatch"]
    parts = s8_parts(dispatch)
    more = draw(st.fixed_dictionaries({}, optional={"seals": st.lists(words, min_size=1, max_size=3)}))
    return {
        "identifier": f"{dispatch}{draw(st.integers(0, 999)):03}019999",
        "dispatch": dispatch,
        "mail_category": "ABCD".index(parts.category) + 1,
        "mail_class": "UCET".index(parts.subclass[0]) + 1,
        "mail_subclass": parts.subclass,
        "gross_mass": draw(masses),
        **more,
    }


def consignments(form_id):
    own = {"handover": minute, "contract": words} if form_id == "upu/cardit/own-1" else {}
    needed = {"identifier": words, "origin_office": offices, "destination_office": offices, "prepared": minute}
    optional = {
        "legs": st.lists(legs.filter(bool), min_size=1, max_size=3),
        "gross_mass": masses,
        "receptacles_count": st.integers(1, 2**32 - 1),
        "receptacles": st.lists(bags(), min_size=1, max_size=3),
        **own,
    }
    return st.builds(lambda fields: Consignment(**fields), st.fixed_dictionaries(needed, optional=optional))


# Words of the list, and a code that it does not know.
STATUSES = {
    "upu/resdes/own-1": ["RECEIVED", "DAMAGED", "MISSING", "NOT_ADVISED", "MISSENT", "77"],
    "upu/rescon/own-1": ["RECEIVED", "DAMAGED", "MISSING", "NOT_ADVISED", "MISSENT", "77"],
    "upu/resdit/own-1": [
        "RECEIVED",
        "NOT_RECEIVED",
        "LOADED",
        "DEPARTED",
        "TRANSFERRED",
        "DELIVERED",
        "RETURNED",
        "24",
    ],
}


@st.composite
def statuses(draw, form_id):
    """Make statuses; some share what stands around them, and so one group."""
    by_post = form_id != "upu/resdit/own-1"
    by_bill = form_id != "upu/resdes/own-1"
    said = st.fixed_dictionaries(
        {
            "status": st.sampled_from(STATUSES[form_id]),
            # Written to the minute where that says all: the minutes among them come back so.
            "happened": minute | second.filter(lambda at: not at["written"].endswith("00")),
            "prepared": minute,
            **({"consignment": words} if by_bill else {}),
        },
        optional={
            "reason_code": words,
            "reason_text": text,
            **({"office": offices} if by_post else {"place": words, "transport": legs.filter(bool)}),
        },
    )
    found = []
    for shared in draw(st.lists(said, min_size=1, max_size=4)):
        for number in range(1, draw(st.integers(1, 3)) + 1):
            dispatch = draw(dispatches())["dispatch"]
            own = {"identifier": f"{dispatch}{number:03}199999", "dispatch": dispatch}
            if by_post:
                own |= draw(st.fixed_dictionaries({}, optional={"gross_mass": masses}))
            found.append(ReceptacleStatus(**shared, **own))
    return found


amounts = st.builds(
    lambda units, cents, currency: {"units": units, "nanos": cents * 10_000_000, "currency": currency},
    st.integers(0, 10**9),
    st.integers(0, 99),
    st.sampled_from(["EUR", "NZD"]),
)
named = st.fixed_dictionaries({"code": words}, optional={"sentence": text, "basis": text})
found_errors = st.fixed_dictionaries({"code": words}, optional={"address": text})
due = st.fixed_dictionaries({"type": words}, optional={"rate": text, "amount": amounts})
releases = st.builds(
    lambda about, decision, more: Release(declaration=about, decision=decision, **more),
    st.fixed_dictionaries(
        {
            "key": st.fixed_dictionaries(
                {
                    "item": st.tuples(item_keys(), st.just({}) | st.just({"posting_date": "2026-11-01"})).map(
                        lambda both: both[0] | both[1]
                    )
                },
                optional={"flow": st.integers(1, 3), "partner": words},
            )
        },
        optional={
            "id": words,
            "version": st.integers(1, 2**32 - 1),
            "findings": st.lists(found_errors, min_size=1, max_size=3),
        },
    ),
    st.fixed_dictionaries(
        {"code": st.sampled_from([number for number in DecisionCode.values() if number])},
        optional={
            "id": words,
            "case": st.fixed_dictionaries({"authority": words}),
            "judged_version": st.integers(1, 2**32 - 1),
            "stage": st.sampled_from([number for number in Stage.values() if number]),
            "reasons": st.lists(named, min_size=1, max_size=3),
            "duties": st.lists(due, min_size=1, max_size=3),
            "total_due": amounts,
            "decided": second,
            "revokes": words,
            "authority_reference": words,
        },
    ),
    st.fixed_dictionaries({}, optional={"response_id": words}),
)
headers = st.fixed_dictionaries(
    {
        "interchange_reference": words,
        "sender": words,
        "recipient": words,
        "prepared_at": written("201", "%y%m%d%H%M"),
        "message_reference": words,
    },
    optional={
        "test_indicator": st.just(True),
        "sender_qualifier": st.sampled_from(["14", "ZZ"]),
        "recipient_qualifier": st.sampled_from(["14", "ZZ"]),
    },
)


def read(data, form_id):
    first, *found, closed = translate.read([data], form_id)
    assert closed.complete
    assert [fault.code for event in [*found, closed] for fault in event.faults if fault.code != "ITEM_ID_NOT_S10"] == []
    return first.values, [FORMATS[form_id].FromString(event.message) for event in found if isinstance(event, ItemRead)]


@quick
@given(headers, predes())
def test_receptacles_come_back_as_they_were_written(facts, records):
    data = b"".join(translate.write("upu/predes/own-1", facts, records))
    assert read(data, "upu/predes/own-1") == (facts, records)


@quick
@given(headers, st.lists(events, min_size=1, max_size=6))
def test_events_come_back_as_they_were_written(facts, records):
    data = b"".join(translate.write("upu/emsevt/own-1", facts, records))
    assert read(data, "upu/emsevt/own-1") == (facts, records)


@quick
@given(headers, st.data())
@pytest.mark.parametrize("form_id", ["upu/cardit/own-1", "upu/precon/own-1"])
def test_consignments_come_back_as_they_were_written(form_id, facts, data):
    records = data.draw(st.lists(consignments(form_id), min_size=1, max_size=4))
    written_data = b"".join(translate.write(form_id, facts, records))
    assert read(written_data, form_id) == (facts, records)


@quick
@given(headers, st.data())
@pytest.mark.parametrize("form_id", list(STATUSES))
def test_statuses_of_receptacles_come_back_as_they_were_written(form_id, facts, data):
    records = data.draw(statuses(form_id))
    written_data = b"".join(translate.write(form_id, facts, records))
    assert read(written_data, form_id) == (facts, records)


@quick
@given(headers, st.lists(releases, min_size=1, max_size=4))
def test_responses_come_back_as_they_were_written_each_in_a_message_of_its_own(facts, records):
    data = b"".join(translate.write("un/cusres/d96a", facts, records))
    assert data.count(b"CUSRES:D:96A:UN:PG01'") == len(records)
    assert read(data, "un/cusres/d96a") == (facts, records)


any_text = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffd"), max_size=8
)


@quick
@given(
    st.sampled_from([DEFAULT, DEFAULT.of_version("3"), from_advice("|!,\\~$"), from_advice(":+.?*\n")]),
    st.lists(st.lists(st.lists(any_text, min_size=1, max_size=3), min_size=1, max_size=4), min_size=1, max_size=5),
    st.integers(1, 40),
)
def test_segments_come_back_as_they_were_written_whatever_the_service_characters_are(delimiters, segments, size):
    writer = SegmentWriter(delimiters, SETS["UNOW"])
    wanted, data = [], b""
    for number, elements in enumerate(segments):
        tag = f"T{number:02}"
        places = {(at, place): text for at, parts in enumerate(elements, 1) for place, text in enumerate(parts, 1)}
        data += writer.segment(tag, places)
        wanted.append([tag, *elements])
    splitter = Splitter(delimiters, SETS["UNOW"])
    parts = (data[at : at + size] for at in range(0, len(data), size))
    found = [splitter.parted(list(elements)) for _, _, elements in splitter.segments(parts)]
    assert splitter.rest == ""
    assert [_stripped(each) for each in found] == [_stripped(each) for each in wanted]


def _stripped(segment):
    """Leave out what is empty at the end of elements and segments, as writers do."""
    found = []
    for element in segment[1:]:
        assert not isinstance(element, Repeated)
        parts = list(element)
        while parts and not parts[-1]:
            parts.pop()
        found.append(parts)
    while found and not found[-1]:
        found.pop()
    return [segment[0], *found]


def ending(parts, form_id):
    *found, closed = translate.read(parts, form_id)
    assert isinstance(closed, Closed)
    assert not any(isinstance(event, Closed) for event in found)
    return found, closed


@pytest.mark.parametrize("form_id", FORMATS)
def test_an_interchange_cut_at_any_byte_says_that_it_did_not_close(form_id):
    data = (shipped().get(form_id).folder / "examples" / "smallest.edi").read_bytes()
    closing = data.index(b"UNT") + data[data.index(b"UNT") :].index(b"'") + 1
    for cut in range(data.rindex(b"'")):
        found, closed = ending([data[:cut]], form_id)
        assert not closed.complete
        codes = [each.code for each in closed.faults]
        assert codes in (["EDIFACT_TRUNCATED"], ["DOCUMENT_EMPTY"]) or (codes == ["DOCUMENT_NOT_EDIFACT"] and cut < 3)
        assert len([event for event in found if isinstance(event, ItemRead)]) == (cut >= closing)


@quick
@given(st.sampled_from(list(FORMATS)), st.data())
def test_an_interchange_with_any_byte_changed_gets_an_answer(form_id, data):
    example = (shipped().get(form_id).folder / "examples" / "full.edi").read_bytes()
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(example) - 1))
        example = example[:place] + bytes([data.draw(st.integers(0, 255))]) + example[place + 1 :]
    ending([example], form_id)
    translate.recognise(example)


@quick
@given(
    st.lists(
        st.sampled_from(
            [
                "CNI+1'",
                "CNI+2+NZAKLAAUSYDAACN60012003000125'",
                "GID+1+1'",
                "PCI+ZZZ+CP100200305NZ'",
                "UNT+3+1'",
                "UNZ+1+1'",
                "UNG+1'",
                "UNE+1+1'",
                "UNH+1+IFCSUM:D:00A:UN:PG01'",
                "UNH+2+IFTSTA:D:00A:UN:PG01'",
                "BGM+610+X'",
                "LOC+5+A'",
                "MEA+WT+G+KGM:1'",
                "SEL+1:2'",
                "SEL+?'+1'",
                "FTX+1'",
                "'",
                "?'",
                "UNB+UNOC:3+A'",
                "é",
                "CNT+10:1'",
                "STS+1+EMD'",
                "DTM+334:20260116114002:204'",
            ]
        ),
        max_size=30,
    ),
    st.integers(1, 50),
)
def test_segments_in_any_order_get_an_answer(segments, size):
    data = "".join(["UNB+UNOC:3+A+B+260114:0905+1'", *segments]).encode()
    for form_id in FORMATS:
        ending((data[at : at + size] for at in range(0, len(data), size)), form_id)


@quick
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_get_an_answer(data, begun):
    data = b"UNB+UNOC:3+" + data if begun else data
    for form_id in FORMATS:
        ending([data], form_id)
    translate.recognise(data)
