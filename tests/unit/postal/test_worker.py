"""The translation process, spoken to over its pipes as the gateway does, but in this process."""

import io

import msgspec
import pytest

from conversations.postal_house import CUSITM, POST, declaration, document
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.codecs.check import example
from parcelgate.codecs.registry import shipped
from parcelgate.postal import wire
from parcelgate.postal.interchange import unpack_faults
from parcelgate.postal.reading import End, Read, Task, answer_of, pack
from parcelgate.postal.worker import serve


def asked(body, size=1000, agreed=CUSITM):
    task = Task("r1", POST, "test", 5, [agreed], [])
    parts = (wire.frame(wire.PART, body[start : start + size]) for start in range(0, len(body), size))
    return b"".join([wire.frame(wire.BEGIN, pack(task)), *parts, wire.frame(wire.END)])


def answers(sink):
    sink.seek(0)
    while head := sink.read(wire.HEAD.size):
        kind, length = wire.HEAD.unpack(head)
        body = sink.read(length)
        yield answer_of(kind, body)


def served(*documents):
    sink = io.BytesIO()
    serve(io.BytesIO(b"".join(asked(one) for one in documents)), sink)
    return list(answers(sink))


def test_what_is_no_answer_is_not_taken_for_one():
    one = Read(1, True, "RR1", "d", b"\0" * 70_000, b"", "DE", b"")
    assert answer_of(wire.ITEMS, pack([one])) == [one]
    for junk in (b"", b"\x80", pack(["x"]), pack([[1, 2]]), pack([one])[:-1]):
        with pytest.raises(msgspec.DecodeError):
            answer_of(wire.ITEMS, junk)


def test_items_come_in_order_with_what_the_credential_says_about_them():
    *lists, end = served(document("A1", *(declaration(number) for number in range(1, 302))))
    found = [one for some in lists for one in some]
    assert [one.number for one in found] == list(range(1, 302))
    assert max(map(len, lists)) <= 250
    first = Declaration.FromString(found[0].declaration)
    assert (first.id, first.key.partner, first.provenance.receipt) == (found[0].declaration_id, POST, "r1")
    assert (first.provenance.interchange_reference, first.provenance.received.utc_micros) == ("A1", 5)
    assert not first.HasField("item")
    assert (end.routable, end.items, end.reference, end.format) == (True, 301, "A1", CUSITM)


def test_a_document_that_is_given_up_does_not_disturb_the_next_one():
    first, last = [one for one in served(b"junk" * 1000, document("A2", declaration(2))) if isinstance(one, End)]
    assert [one.code for one in unpack_faults(first.faults)] == ["DOCUMENT_NOT_XML"]
    assert (last.routable, last.reference) == (True, "A2")


def test_a_process_whose_gateway_is_gone_ends():
    whole = asked(document("A1", declaration(1)))
    with pytest.raises(EOFError):
        serve(io.BytesIO(whole[:-5]), io.BytesIO())


@pytest.mark.parametrize(
    "name",
    [
        f"upu/{name}"
        for name in ("predes", "resdes", "precon", "rescon", "cardit", "resdit", "emsevt", "itmref", "refrsp")
    ]
    + ["ics2/ie3r02", "ics2/ie3r03"],
)
def test_what_is_no_declaration_is_not_taken_for_one_even_if_its_format_is_agreed(name):
    form = shipped().get(f"{name}/own-1")
    body = example(form, "full").read_bytes()
    sink = io.BytesIO()
    serve(io.BytesIO(asked(body, agreed=form.id)), sink)
    (end,) = answers(sink)
    assert isinstance(end, End)
    assert not end.routable
    (fault,) = unpack_faults(end.faults)
    assert fault.code == "RECORD_NOT_TAKEN"
    assert form.mapping.record.name in fault.sentence


def test_responses_are_read_in_edifact_as_in_xml():
    form = shipped().get("un/cusres/d96a")
    sink = io.BytesIO()
    serve(io.BytesIO(asked((form.folder / "examples" / "full.edi").read_bytes(), agreed=form.id)), sink)
    *_, end = answers(sink)
    assert isinstance(end, End)
    assert (end.routable, end.items, end.format, end.reference) == (True, 2, form.id, "CR0002")
    assert unpack_faults(end.faults) == []
