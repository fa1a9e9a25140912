"""CONTRL: what is said of an interchange that was read, and what a partner says of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edifact_documents import UNB, interchange, message, receptacle
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs import translate
from parcelgate.codecs.edifact import contrl
from parcelgate.codecs.edifact.contrl import ACKNOWLEDGED, REJECTED, ElementError, MessageAnswer, SegmentError

PREPARED = {"utc_micros": 1_768_382_000_000_000}


def answered(data):
    faults = [each for event in translate.read([data], "upu/predes/own-1") for each in getattr(event, "faults", ())]
    return contrl.write([data], faults, reference="C1", prepared_at=PREPARED)


def test_a_sound_interchange_is_acknowledged_on_the_way_back():
    data = interchange(message(receptacle(1)), unb=UNB.replace("XAPOST", "XAPOST:14").replace("001'", "001++++++1'"))
    written = answered(data)
    assert written.decode().split("'") == [
        "UNB+UNOC:3+XBPOST+XAPOST:14+260114:0913+C1++++++1",
        "UNH+1+CONTRL:D:3:UN",
        "UCI+PD0001+XAPOST:14+XBPOST+7",
        "UNT+3+1",
        "UNZ+1+C1",
        "",
    ]
    found = contrl.read([written])
    assert (found.reference, found.sender, found.recipient) == ("PD0001", "XAPOST", "XBPOST")
    assert (found.action, found.error, found.messages) == (ACKNOWLEDGED, "", ())


def test_an_item_that_is_rejected_does_not_reject_the_interchange():
    assert contrl.read([answered(interchange(message(["CNI+1'", *receptacle(2)])))]).action == ACKNOWLEDGED


def test_a_wrong_count_of_the_interchange_is_told_where_it_stands():
    data = interchange(message(receptacle(1))).replace(b"UNZ+1+", b"UNZ+3+")
    assert b"UCI+PD0001+XAPOST+XBPOST+4+29+UNZ+2'" in answered(data)
    found = contrl.read([answered(data)])
    assert (found.action, found.error, found.tag, found.place) == (REJECTED, "29", "UNZ", ElementError("29", 1))


def test_errors_of_messages_are_told_message_by_message():
    messages = [message(receptacle(1), 1), message(receptacle(1), 2), message(receptacle(1), 3)]
    messages[1][-1] = "UNT+99+2'"
    messages[2].insert(3, "CNT+10:7'")
    messages[2][-1] = f"UNT+{len(messages[2])}+3'"
    written = answered(interchange(*messages))
    assert b"UCI+PD0001+XAPOST+XBPOST+4'UCM+2+IFCSUM:D:00A:UN:PG01+4+29+UNT+2'" in written
    assert b"UCM+3+IFCSUM:D:00A:UN:PG01+4'UCS+4'UCD+12+2:2'UNT+7+1'" in written
    assert contrl.read([written]).messages == (
        MessageAnswer("2", REJECTED, "29"),
        MessageAnswer("3", REJECTED, "", (SegmentError(4, "", (ElementError("12", 1, 2),)),)),
    )


def test_messages_in_groups_are_not_gone_into():
    inner = message(receptacle(1))
    inner[-1] = "UNT+99+1'"
    data = "".join([UNB, "UNG+IFCSUM+A+B+260114:0905+G1+UN+D:00A'", *inner, "UNE+1+G1'", "UNZ+1+PD0001'"]).encode()
    written = answered(data)
    assert b"UCI+PD0001+XAPOST+XBPOST+4'" in written
    assert b"UCM" not in written


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"UNB+UNOX:3+A+B+260114:0905+1'",
        b"UNB+UNOC:3+A+B+260114:0905'UNZ+0+'",
        b"UNB+UNOC:3+A+B+260114:0905+1'UNH+1+CONTRL:D:3:UN'UCI+X+A+B+7'UNT+3+1'UNZ+1+1'",
    ],
)
def test_what_can_not_be_answered_is_not(data):
    assert answered(data) is None


def test_a_truncated_interchange_is_rejected():
    data = interchange(message(receptacle(1)))
    found = contrl.read([answered(data[: data.index(b"UNT")])])
    assert found.action == REJECTED
    (only,) = found.messages
    assert (only.reference, only.segments[0].error) == ("1", "13")


@pytest.mark.parametrize("data", [b"", b"UNB+UNOC:3+A+B+260114:0905+1'", interchange(message(receptacle(1)))])
def test_what_is_no_contrl_is_a_fault(data):
    assert isinstance(contrl.read([data]), Fault)


@given(st.data())
def test_a_contrl_with_any_bytes_changed_gets_an_answer(data):
    example = bytearray(
        b"UNB+UNOC:3+A+B+260114:0905+1'UNH+1+CONTRL:D:3:UN'UCI+X+A+B+4'UCM+1+X:D+4'UCS+3+13'UCD+12+2:1'UNT+6+1'UNZ+1+1'"
    )
    for _ in range(3):
        example[data.draw(st.integers(0, len(example) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(contrl.read([bytes(example)]), Fault | contrl.Answer)
