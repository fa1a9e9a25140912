"""Reading interchanges: groups and their order, items and their faults, what stands around them, shapes, limits."""

import random
import tracemalloc
from itertools import chain

import pytest

from edifact_documents import UNB, interchange, message, receptacle
from parcelgate.api.record.v1.dispatch_pb2 import Receptacle, ReceptacleStatus
from parcelgate.api.record.v1.event_pb2 import ItemEvent
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR
from parcelgate.codecs import translate
from parcelgate.codecs.edifact import limit
from parcelgate.codecs.event import Closed, Header, ItemRead
from parcelgate.codecs.registry import Registry, shipped
from parcelgate.core import resource

FORMAT = "upu/predes/own-1"
PREFIX = "NZAKLAAUSYDAACN60012"


def read(data, registry=None, form=FORMAT):
    return list(translate.read([data], form, registry=registry))


def items(events):
    return [event for event in events if isinstance(event, ItemRead)]


def told(events):
    return [
        (each.item_number, each.code, each.address, each.line)
        for event in events
        for each in getattr(event, "faults", ())
    ]


def test_the_header_comes_once_before_the_first_item_with_what_unb_says():
    events = read(
        interchange(message(receptacle(1)), message(receptacle(1), 2), unb=UNB.replace("001'", "001++++++1'"))
    )
    header, first, second, closed = events
    assert header == Header(
        {
            "interchange_reference": "PD0001",
            "sender": "XAPOST",
            "recipient": "XBPOST",
            "prepared_at": {"utc_micros": 1_768_381_500_000_000, "written": "2601140905"},
            "test_indicator": True,
            "message_reference": "1",
        }
    )
    assert (first.number, second.number) == (1, 2)
    assert closed.routable


def test_the_year_of_syntax_4_has_its_century():
    unb = UNB.replace("UNOC:3", "UNOW:4").replace("260114", "20260114")
    header, *_ = read(interchange(message(receptacle(1)), unb=unb))
    assert header.values["prepared_at"]["utc_micros"] == 1_768_381_500_000_000


def test_an_item_has_what_stands_around_it():
    head = ["BGM+610+NZAKLAAUSYDAACN60012+9'", "DTM+137:202601140900:203'", "DTM+133:202601142215:203'"]
    head += ["TDT+20+NZ0101+4'", "LOC+5+NZAKLA'", "LOC+8+AUSYDA'", "LOC+9+AKL'", "LOC+11+SYD'"]
    events = read(interchange(message(receptacle(1, 1) + receptacle(2, 0), head=head)))
    first, second = (Receptacle.FromString(item.message) for item in items(events))
    assert first.transport == second.transport
    assert (first.transport.mode, first.transport.origin, first.origin_office) == ("AIR", "AKL", "NZAKLA")
    assert (len(first.items), len(second.items)) == (1, 0)
    assert first.dispatch == "NZAKLAAUSYDAACN60012"
    assert first.items[0].key.issuer == "NZ"


def test_all_faults_of_an_item_come_at_once_and_its_neighbours_go_on():
    bad = ["CNI+2'", "MEA+WT+G+KGM:heavy'", "GID+7+1'", "PCI+ZZZ+CP100200304NZ'", "QTY+1'"]
    events = read(interchange(message([*receptacle(1), *bad, *receptacle(3)])))
    assert [item.accepted for item in items(events)] == [True, False, True]
    assert told(events) == [
        (2, "MASS_UNREADABLE", "MEA[14]/3.2", 1),
        (2, "ORDINAL_DIFFERS", "GID[15]/1", 1),
        (2, "S10_CHECK_DIGIT", "PCI[16]/2", 1),
        (2, "SEGMENT_UNKNOWN", "QTY[17]", 1),
        (2, "KEY_MISSING", "CNI[13]/2", 1),
    ]
    assert events[-1].routable


def test_a_value_that_may_be_personal_is_not_shown():
    (fault,) = items(read(interchange(message(["CNI+1+NZAKLAAUSYDAACN60012001000125+Maria Jensen'"]))))[0].faults
    assert (fault.code, fault.address, fault.value) == ("FIELD_UNKNOWN", "CNI[6]/3", "(12 characters)")
    assert "Jensen" not in str(fault)


def test_too_many_faults_of_one_item_are_cut_but_never_the_one_that_rejects_it():
    body = ["CNI+1'", "SEL" + "+X" * (2 * limit.FAULTS_OF_ONE) + "'"]
    (item,) = items(read(interchange(message(body))))
    assert not item.accepted
    assert len(item.faults) == limit.FAULTS_OF_ONE + 2
    assert [fault.code for fault in item.faults[-2:]] == ["FAULTS_CUT", "KEY_MISSING"]


def test_many_findings_beside_the_items_never_hide_the_one_that_matters():
    head = ["BGM+610+NZAKLAAUSYDAACN60012+9'", *["DTM+137:202601140900:203'"] * 9, "LOC+5+NZAKLA'", "LOC+8+AUSYDA'"]
    messages = [message(receptacle(1), number, head) for number in range(1, 40)]
    messages[-1][-1] = "UNT+99+39'"
    closed = read(interchange(*messages))[-1]
    codes = [fault.code for fault in closed.faults]
    assert len(codes) == limit.FAULTS_OF_ONE + 2
    assert codes[-2:] == ["FAULTS_CUT", "ENVELOPE_COUNT_DIFFERS"]
    assert not closed.routable
    assert not closed.complete


def test_a_fault_of_every_message_is_not_told_for_ever():
    messages = [message(receptacle(1), number) for number in range(1, 1000)]
    for each in messages:
        each[-1] = "UNT+99+x'"
    closed = read(interchange(*messages))[-1]
    assert closed.items == 999
    assert len(closed.faults) <= limit.FAULTS_OF_ONE + 2
    assert not closed.routable


def test_an_item_that_is_too_large_is_rejected_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr(limit, "ITEM_SEGMENTS", 300)
    events = read(interchange(message([*receptacle(1), *receptacle(2, 400), *receptacle(3)])))
    assert [item.accepted for item in items(events)] == [True, False, True]
    (fault,) = items(events)[1].faults
    assert (fault.code, fault.severity) == ("ITEM_TOO_COMPLEX", SEVERITY_ERROR)
    monkeypatch.setattr(limit, "ITEM", 20_000)
    monkeypatch.setattr(limit, "ITEM_SEGMENTS", 20_000)
    long = ["CNI+2+NZAKLAAUSYDAACN60012002000125'", *(f"SEL+{'A' * 3000}'" for _ in range(200))]
    found = items(read(interchange(message([*receptacle(1), *long, *receptacle(3)]))))
    assert [item.accepted for item in found] == [True, False, True]
    assert "ITEM_TOO_LARGE" in [fault.code for fault in found[1].faults]


def test_a_message_header_without_end_stops_the_reading():
    events = read(interchange(message(["FTX+1'"] * (limit.HEADER_SEGMENTS + 200))))
    assert events[-1].faults[-1].code == "MESSAGE_HEADER_TOO_LONG"
    assert not events[-1].complete
    assert len(events[-1].faults) <= limit.FAULTS_OF_ONE + 2


def test_memory_stays_flat_however_many_items_and_messages_there_are():
    def parts(messages):
        yield UNB.encode()
        for number in range(1, messages + 1):
            body = [segment for each in range(1, 100) for segment in receptacle(each, 3)]
            yield "".join(message(body, number)).encode()
        yield f"UNZ+{messages}+PD0001'".encode()

    def peak(messages):
        tracemalloc.start()
        for event in translate.read(parts(messages), FORMAT):
            last = event
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert last.routable
        assert last.items == 99 * messages
        return found

    peak(2)
    assert peak(60) < 1.3 * peak(6)


def variants():  # noqa: C901  one kind after the other
    """Make items of many kinds: sound ones of some shapes that come again, odd ones, and broken ones."""
    draw = random.Random(7)
    for number in range(1, 400):
        kind = draw.randrange(12)
        body = receptacle(number, draw.randint(0, 3))
        if kind == 1:
            body = receptacle(number, 1, more=("SEL+AKL1'", "SEL+AKL?+2'"))
        elif kind == 2:
            body[2] = "MEA+WT+G+GRM:12450'"
        elif kind == 3:
            body[2] = "MEA+WT+G+STN:2'"
        elif kind == 4:
            body[0] = body[0].replace(f"+{number}+", "+1+")
        elif kind == 5:
            body[1] = "CNT+11'"
        elif kind == 6:
            body.append("FTX+AAI+++fragile'")
        elif kind == 7:
            body[-1] = body[-1].replace("NZ'", "NL'").replace("+CP", "+cp")
        elif kind == 8:
            body[0] = body[0].replace("60012", "60077")
        elif kind == 9:
            body[2] = "MEA+WT+G+KGM:12,45'"
        elif kind == 10:
            body[2:3] = ["MEA+WT+G+KGM:1'", "MEA+WT+G+KGM:2'"]
        yield body


def as_said(events):
    *found, closed = events
    marks = closed.ledger
    return (
        [
            (item.number, item.accepted, item.identifier, item.message, [str(fault) for fault in item.faults])
            for item in items(found)
        ],
        [str(fault) for fault in closed.faults],
        (marks.mapped, marks.normalised, marks.ignored, marks.unknown, marks.defaulted),
    )


@pytest.mark.parametrize("between", ["", "\n", "\r\n"])
def test_items_of_a_known_shape_are_read_as_all_others(between, monkeypatch):
    bodies = list(variants())
    messages = [message(list(chain(*bodies[:250])), 1), message(list(chain(*bodies[250:])), 2)]
    data = interchange(*messages, between=between)
    monkeypatch.setattr(limit, "SHAPE_TIMES", 10**9)
    ordinary = as_said(read(data, Registry(resource.schemas())))
    monkeypatch.setattr(limit, "SHAPE_TIMES", 1)
    registry = Registry(resource.schemas())
    assert as_said(read(data, registry)) == ordinary
    # Once more, with all recipes there; and in parts of any size.
    assert as_said(read(data, registry)) == ordinary
    parts = (data[at : at + 5000] for at in range(0, len(data), 5000))
    assert as_said(list(translate.read(parts, FORMAT, registry=registry))) == ordinary
    recipes = [
        one
        for shapes in registry.get(FORMAT).engine._shapes._known.values()
        for each in shapes.values()
        for one in each
    ]
    assert len(recipes) > 5


def test_many_receptacles_more_than_a_dispatch_can_have_are_noted_though_their_shape_is_known():
    body = [segment for number in range(1, 1011) for segment in receptacle(number % 1000, 1)]
    codes = [code for _, code, _, _ in told(read(interchange(message(body)), Registry(resource.schemas())))]
    assert codes.count("SEGMENT_TOO_OFTEN") == 1


EVENTS = """
[[scope]]
at = "item"
rows = [
  { at = "CNI/1", ordinal = true },
  { at = "CNI/2", to = "item.identifier", as = "item_id", need = "key" },
]
[item]
at = "item/event"
"""


def nested(tmp_path):
    """Make a variant of EMSEVT in which the events of one item stand together below it."""
    source = shipped().get("upu/emsevt/own-1").folder
    folder = tmp_path / "upu" / "emsevt" / "nested"
    folder.mkdir(parents=True)
    for name in ("format.toml", "segments.toml", "mapping.toml"):
        text = (source / name).read_text("utf-8").replace("upu/emsevt/own-1", "upu/emsevt/nested")
        text = text.replace(
            'group = "event", min = 1, max = 9999, of = [\n    "CNI 1 1",',
            'group = "item", min = 1, max = 9, of = [ "CNI 1 1", { group = "event", min = 1, max = 3, of = [ #',
        )
        text = text.replace('"LOC 0 1",                    # where\n  ] },', '"LOC 0 1", ] } ] },')
        text = text.replace('[item]\nat = "event"\n', EVENTS)
        for line in (
            '  { at = "CNI/1", ordinal = true },\n',
            '  { at = "CNI/2", to = "item.identifier", as = "item_id", need = "key" },\n',
        ):
            if name == "mapping.toml":
                head, _, tail = text.rpartition(line)
                text = head + tail
        text = text.replace(
            '  { to = "item.scheme", as = "enum", derive = "item_scheme(item.identifier)" },\n  { to = "item.issuer", as = "reference", derive = "s10_issuer(item.identifier)" },\n',
            "",
        )
        (folder / name).write_text(text, "utf-8")
    return Registry(tmp_path)


NESTED = """UNB+UNOC:3+A+B+260116:1145+1'UNH+1+IFTSTA:D:00A:UN:PG01'BGM+23++9'
CNI+1+CP100200305NZ'STS+1+EMC'DTM+334:20260116113000:204'STS+1+EMD'DTM+334:20260117113000:204'
CNI+2'STS+1+EMD'DTM+334:20260116113000:204'STS+1+EME'DTM+334:20260116123000:204'
CNI+3+RR473124829GB'STS+1+EMI'DTM+334:20260116114002:204'UNT+16+1'UNZ+1+1'"""


def test_facts_of_a_group_around_items_go_into_each_and_so_do_its_faults(tmp_path):
    registry = nested(tmp_path)
    events = read(NESTED.encode(), registry, "upu/emsevt/nested")
    assert [(item.identifier, item.accepted) for item in items(events)] == [
        ("CP100200305NZ", True),
        ("CP100200305NZ", True),
        ("", False),
        ("", False),
        ("RR473124829GB", True),
    ]
    assert [(number, code, address) for number, code, address, _ in told(events)] == [
        (3, "KEY_MISSING", "CNI[8]/2"),
        (4, "KEY_MISSING", "CNI[8]/2"),
    ]
    assert events[-1].routable


def test_faults_around_items_go_into_those_of_a_known_shape_too(tmp_path, monkeypatch):
    text = nested(tmp_path).get("upu/emsevt/nested").folder / "segments.toml"
    text.write_text(text.read_text("utf-8").replace("max = 3", "max = 999"), "utf-8")
    registry = Registry(tmp_path)
    event = ["STS+1+EMD'", "DTM+334:20260117113000:204'"]
    body = ["CNI+1+CP100200305NZ'", *event * 20, "CNI+3+CP100200305NZ'", *event * 20]
    segments = ["UNH+1+IFTSTA:D:00A:UN:PG01'", "BGM+23++9'", *body]
    segments = [UNB, *segments, f"UNT+{len(segments) + 1}+1'", "UNZ+1+PD0001'"]
    monkeypatch.setattr(limit, "SHAPE_TIMES", 1)
    events = read("".join(segments).encode(), registry, "upu/emsevt/nested")
    assert told(events) == [(number, "ORDINAL_DIFFERS", "CNI[44]/1", 1) for number in range(21, 41)]
    assert all(item.accepted for item in items(events))


def test_what_a_group_around_items_lacks_is_said_of_items_of_a_known_shape_too(monkeypatch):
    monkeypatch.setattr(limit, "SHAPE_TIMES", 1)
    bags = [
        segment for number in range(1, 9) for segment in (f"GID+{number}+1'", f"PCI+ZZZ+{PREFIX}{number:03}000125'")
    ]
    status = ["STS+1+REC'", "DTM+334:202601160430:203'", *bags]
    body = ["BGM+23++9'", "DTM+137:202601160515:203'", "CNI+1+BILL'", *status, *status, "STS+1'", *bags, *status]
    data = "".join([UNB, "UNH+1+IFTSTA:D:00A:UN:PG04'", *body, f"UNT+{len(body) + 2}+1'", "UNZ+1+PD0001'"])
    events = read(data.encode(), form="upu/rescon/own-1")
    at = body.index("STS+1'") + 2
    assert told(events) == [
        (number, "FIELD_MISSING", f"STS[{at}]/{path}", 1)
        for number in range(17, 25)
        for path in ("2", "DTM[1.1=334][1.3=203]/1.2")
    ]
    found = [ReceptacleStatus.FromString(item.message) for item in items(events)]
    assert [each.identifier[-9:-6] for each in found] == [f"{number:03}" for number in range(1, 9)] * 4
    assert [each.status for each in found] == ["RECEIVED"] * 16 + [""] * 8 + ["RECEIVED"] * 8


def test_faults_of_a_group_around_groups_are_told_with_the_items_and_not_again():
    body = ["BGM+23++9'", "DTM+137:202601160515:203'", "CNI+7+BILL'", "STS+1+REC'", "DTM+334:202601160430:203'"]
    body += ["GID+1+1'", f"PCI+ZZZ+{PREFIX}001000125'", "CNI+2+BILL'"]
    data = "".join([UNB, "UNH+1+IFTSTA:D:00A:UN:PG04'", *body, f"UNT+{len(body) + 2}+1'", "UNZ+1+PD0001'"])
    assert told(read(data.encode(), form="upu/rescon/own-1")) == [
        (1, "ORDINAL_DIFFERS", "CNI[4]/1", 1),
        (0, "SEGMENT_MISSING", "CNI[9]/STS", 1),
    ]


def response(number, *segments):
    found = ["BGM+++11'", "GIS+4'", *segments, "RFF+ZIT:CP100200305NZ'"]
    return [f"UNH+{number}+CUSRES:D:96A:UN:PG01'", *found, f"UNT+{len(found) + 2}+{number}'"]


@pytest.mark.parametrize("size", [7, 100_000])
def test_where_a_message_is_an_item_its_faults_are_its_own(size):
    data = interchange(response(1), response(2, "RFF+ZFL:4'"), ["UNH+3+CUSRES:D:96A:UN:PG01'", "UNT+2+3'"], response(4))
    events = list(translate.read((data[at : at + size] for at in range(0, len(data), size)), "un/cusres/d96a"))
    assert [(item.number, item.identifier, item.accepted) for item in items(events)] == [
        (1, "CP100200305NZ", True),
        (2, "CP100200305NZ", True),
        (3, "", False),
        (4, "CP100200305NZ", True),
    ]
    assert {(number, code, address) for number, code, address, _ in told(events)} == {
        (2, "CODE_UNKNOWN", "#2/RFF[4]/1.2"),
        (3, "KEY_MISSING", "#3/UNH[1]/GIS/1.1"),
        (3, "KEY_MISSING", "#3/UNH[1]/RFF[1.1=ZIT]/1.2"),
        (3, "SEGMENT_MISSING", "#3/UNH[1]/BGM"),
    }
    assert isinstance(events[0], Header)
    assert [type(event) for event in events].count(Header) == 1
    assert events[-1].complete
    assert events[-1].items == 4


def test_the_limit_of_an_item_that_is_a_message_is_not_that_of_the_interchange(monkeypatch):
    monkeypatch.setattr(limit, "ITEM", 12_000)
    long = [f"FTX+AAO+++CODE:{'x' * 60}'"] * 300
    data = interchange(*(response(number) for number in range(1, 200)), response(200, *long), response(201))
    assert len(data) > 3 * 12_000
    parts = (data[at : at + limit.PIECE_LEAST] for at in range(0, len(data), limit.PIECE_LEAST))
    events = list(translate.read(parts, "un/cusres/d96a"))
    assert [item.number for item in items(events) if not item.accepted] == [200]
    assert {(number, code) for number, code, _, _ in told(events)} == {
        (200, "ITEM_TOO_LARGE"),
        (200, "SEGMENT_TOO_OFTEN"),
    }


def test_a_needed_value_that_can_not_be_read_rejects_its_item(tmp_path):
    source = shipped().get(FORMAT).folder
    folder = tmp_path / "upu" / "predes" / "own-1"
    folder.mkdir(parents=True)
    for path in source.glob("*.toml"):
        row = '{ at = "CNT[1.1=11]/1.2", to = "items_count", as = "int"'
        (folder / path.name).write_text(path.read_text("utf-8").replace(row, row + ', need = "key"'), "utf-8")
    body = receptacle(1)
    body[1] = "CNT+11:many'"
    (item,) = items(read(interchange(message(body)), Registry(tmp_path)))
    assert not item.accepted
    assert [(each.code, each.severity) for each in item.faults] == [("NUMBER_UNREADABLE", SEVERITY_ERROR)]


def test_items_with_equal_facts_around_them_are_written_into_one_group_as_far_as_it_goes(tmp_path):
    registry = nested(tmp_path)
    names = ["CP100200305NZ"] * 4 + ["RR473124829GB"] + ["CP100200305NZ"]
    records = [
        ItemEvent(item={"identifier": name}, code="EMD", happened={"utc_micros": 1_768_563_000_000_000 + number})
        for number, name in enumerate(names)
    ]
    header = {"interchange_reference": "1", "sender": "A", "recipient": "B", "prepared_at": {"utc_micros": 0}}
    data = b"".join(translate.write("upu/emsevt/nested", header, records, registry=registry))
    tags = [segment[:3] for segment in data.decode().split("'") if segment[:3] in ("CNI", "STS", "UNH")]
    assert tags == ["UNH", "CNI", "STS", "STS", "STS", "CNI", "STS", "CNI", "STS", "CNI", "STS"]
    found = [ItemEvent.FromString(item.message) for item in items(read(data, registry, "upu/emsevt/nested"))]
    assert [each.item.identifier for each in found] == names


def test_a_document_of_another_format_ends_with_one_fault():
    (closed,) = read(b"<CUSITM/>")
    assert isinstance(closed, Closed)
    assert [fault.code for fault in closed.faults] == ["DOCUMENT_NOT_EDIFACT"]
