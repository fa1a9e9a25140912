"""Writing interchanges: envelope, counts, references, characters, what must be there."""

import pytest

from parcelgate.api.record.v1.dispatch_pb2 import Consignment, Receptacle, ReceptacleStatus
from parcelgate.api.record.v1.event_pb2 import ItemEvent
from parcelgate.codecs import translate
from parcelgate.codecs.registry import Registry, shipped

HEADER = {
    "interchange_reference": "PD0001",
    "sender": "XAPOST",
    "recipient": "XBPOST",
    "prepared_at": {"utc_micros": 1_768_381_500_000_000},
}
PREPARED = {"utc_micros": 1_768_381_200_000_000}


def receptacle(number=1, dispatch="NZAKLAAUSYDAACN60012", **more):
    return Receptacle(
        identifier=f"{dispatch}{number:03}009999",
        prepared=PREPARED,
        origin_office="NZAKLA",
        destination_office="AUSYDA",
        **more,
    )


def event(**more):
    return ItemEvent(item={"identifier": "CP100200305NZ"}, code="EMD", happened=PREPARED, **more)


def written(records, form="upu/predes/own-1", header=None, registry=None):
    data = b"".join(translate.write(form, {**HEADER, **(header or {})}, records, registry=registry))
    return data.decode("latin-1").removesuffix("'").split("'")


def test_the_envelope_has_references_and_counts():
    assert written([receptacle()]) == [
        "UNB+UNOC:3+XAPOST+XBPOST+260114:0905+PD0001",
        "UNH+1+IFCSUM:D:00A:UN:PG01",
        "BGM+610+NZAKLAAUSYDAACN60012+9",
        "DTM+137:202601140900:203",
        "CNT+10:1",
        "LOC+5+NZAKLA",
        "LOC+8+AUSYDA",
        "CNI+1+NZAKLAAUSYDAACN60012001009999",
        "UNT+8+1",
        "UNZ+1+PD0001",
    ]
    assert written([receptacle()], header={"test_indicator": True})[0].endswith("+PD0001++++++1")


def test_the_same_records_give_the_same_bytes():
    assert written([receptacle(1), receptacle(2)]) == written([receptacle(1), receptacle(2)])


def test_no_record_makes_an_interchange_without_messages():
    assert written([]) == ["UNB+UNOC:3+XAPOST+XBPOST+260114:0905+PD0001", "UNZ+0+PD0001"]


def test_a_needed_time_is_written_to_the_minute_or_else_to_the_second():
    status = {"identifier": "NZAKLAAUSYDAACN60012001009999", "status": "RECEIVED", "prepared": PREPARED}
    times = [PREPARED, {"utc_micros": PREPARED["utc_micros"] + 5_000_000}]
    found = written([ReceptacleStatus(**status, happened=each) for each in times], "upu/resdes/own-1")
    assert [each for each in found if each.startswith("DTM+334")] == [
        "DTM+334:202601140900:203",
        "DTM+334:20260114090005:204",
    ]


def test_a_leg_without_flight_is_written_by_what_never_changes_and_a_status_without_code_is_not():
    legs = [{"origin": "AKL", "destination": "SYD"}, {"conveyance": "QF0005"}]
    record = Consignment(identifier="BILL7", origin_office="NZAKLA", prepared=PREPARED, legs=legs)
    found = written([record], "upu/cardit/own-1")
    assert found[5:-2] == ["CNI+1+BILL7", "LOC+5+NZAKLA", "TDT+20", "LOC+9+AKL", "LOC+11+SYD", "TDT+20+QF0005"]
    without = ReceptacleStatus(identifier="NZAKLAAUSYDAACN60012001009999", prepared=PREPARED, happened=PREPARED)
    with pytest.raises(translate.NotWritten) as caught:
        written([without], "upu/resdes/own-1")
    assert caught.value.fault.address == "STS"


def test_receptacles_of_one_scan_stand_below_it():
    scans = [("BILL7", "LOADED"), ("BILL7", "LOADED"), ("BILL7", "DEPARTED"), ("BILL8", "DEPARTED")]
    records = [
        ReceptacleStatus(
            identifier=f"NZAKLAAUSYDAACN60012{number:03}009999", consignment=bill, status=status, happened=PREPARED
        )
        for number, (bill, status) in enumerate(scans)
    ]
    tags = [each[:8] for each in written(records, "upu/resdit/own-1") if each[:3] in ("CNI", "STS", "GID")]
    assert tags == [
        "CNI+1+BI",
        "STS+1+LO",
        "GID+1+1",
        "GID+2+1",
        "STS+1+DE",
        "GID+1+1",
        "CNI+2+BI",
        "STS+1+DE",
        "GID+1+1",
    ]


def test_every_dispatch_is_a_message_of_its_own():
    found = written([receptacle(1), receptacle(2), receptacle(1, "NZAKLAAUSYDAACN60013"), receptacle(3)])
    assert [each for each in found if each[:3] in ("UNH", "UNT", "CNI", "CNT", "UNZ")] == [
        "UNH+1+IFCSUM:D:00A:UN:PG01",
        "CNT+10:2",
        "CNI+1+NZAKLAAUSYDAACN60012001009999",
        "CNI+2+NZAKLAAUSYDAACN60012002009999",
        "UNT+9+1",
        "UNH+2+IFCSUM:D:00A:UN:PG01",
        "CNT+10:1",
        "CNI+1+NZAKLAAUSYDAACN60013001009999",
        "UNT+8+2",
        "UNH+3+IFCSUM:D:00A:UN:PG01",
        "CNT+10:1",
        "CNI+1+NZAKLAAUSYDAACN60012003009999",
        "UNT+8+3",
        "UNZ+3+PD0001",
    ]


def test_a_message_reference_that_is_given_names_the_first_and_begins_the_others():
    found = written([event(), event(prepared=PREPARED)], "upu/emsevt/own-1", {"message_reference": "E77"})
    assert [each for each in found if each.startswith(("UNH", "UNT"))] == [
        "UNH+E77+IFTSTA:D:00A:UN:PG01",
        "UNT+6+E77",
        "UNH+E77-2+IFTSTA:D:00A:UN:PG01",
        "UNT+7+E77-2",
    ]


def test_a_message_holds_as_many_items_as_its_table_allows():
    found = written([receptacle(number % 1000) for number in range(1, 1002)])
    assert [each for each in found if each.startswith("CNT")] == ["CNT+10:999", "CNT+10:2"]
    assert found[-3] == "CNI+2+NZAKLAAUSYDAACN60012001009999"


def test_service_characters_in_a_text_are_released():
    found = b"".join(translate.write("upu/emsevt/own-1", HEADER, [event(reason_text="a+b:c'd?e*")]))
    assert b"FTX+AAI+++a?+b?:c?'d??e*'" in found


@pytest.mark.parametrize("text", ["京都", "a\nb", "a\x00b", "a\x85b", "€"])
def test_a_character_that_the_set_has_not_is_never_dropped(text):
    with pytest.raises(translate.NotWritten) as caught:
        written([event(reason_text=text)], "upu/emsevt/own-1")
    assert (caught.value.fault.code, caught.value.fault.address) == ("TEXT_NOT_WRITABLE", "FTX/4.1")


@pytest.mark.parametrize(
    ("name", "address"),
    [("interchange_reference", "UNB/5"), ("sender", "UNB/2"), ("recipient", "UNB/3"), ("prepared_at", "UNB/4")],
)
def test_an_envelope_is_not_written_without_what_it_needs(name, address):
    header = {key: value for key, value in HEADER.items() if key != name}
    with pytest.raises(translate.NotWritten) as caught:
        list(translate.write("upu/predes/own-1", header, [receptacle()]))
    assert caught.value.fault.address == address


def test_a_time_of_which_only_the_words_are_known_is_not_written_as_another():
    with pytest.raises(translate.NotWritten) as caught:
        written([receptacle()], header={"prepared_at": {"written": "yesterday"}})
    assert caught.value.fault.address == "UNB/4"


def test_a_segment_that_must_be_there_is_written_bare_only_if_it_says_nothing_else():
    found = written([receptacle(items=[{"key": {"identifier": "CP100200305NZ"}}])])
    assert found[-5:-2] == ["CNI+1+NZAKLAAUSYDAACN60012001009999", "GID+1+1", "PCI+ZZZ+CP100200305NZ"]
    with pytest.raises(translate.NotWritten) as caught:
        written([receptacle(items=[{"gross_mass": {"milligrams": 1}}])])
    assert caught.value.fault.address == "PCI"


def test_syntax_4_has_the_century_and_releases_the_repetition_mark(tmp_path):
    source = shipped().get("upu/emsevt/own-1").folder
    folder = tmp_path / "upu" / "emsevt" / "own-1"
    folder.mkdir(parents=True)
    for path in source.glob("*.toml"):
        (folder / path.name).write_text(path.read_text("utf-8").replace("UNOC:3", "UNOW:4"), "utf-8")
    registry = Registry(tmp_path)
    data = b"".join(translate.write("upu/emsevt/own-1", HEADER, [event(reason_text="京都 * 1")], registry=registry))
    assert data.startswith(b"UNB+UNOW:4+XAPOST+XBPOST+20260114:0905+PD0001'")
    assert "FTX+AAI+++京都 ?* 1'".encode() in data
    (_, item, closed) = translate.read([data], "upu/emsevt/own-1", registry=registry)
    assert closed.routable
    assert ItemEvent.FromString(item.message).reason_text == "京都 * 1"
