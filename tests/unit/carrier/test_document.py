"""Canonical JSON is read strictly and exactly, with all faults, and to the very message that protobuf reads."""

import json

import pytest
from google.protobuf import json_format

from parcelgate.api.carrier.v1.carrier_pb2 import CancelRequest, SubmitRequest
from parcelgate.carrier.document import camel, pointer_in, read_document
from parcelgate.carrier.request import Request
from parcelgate.core.port import RejectError
from unit.carrier.parcel import item


def whole() -> SubmitRequest:
    request = SubmitRequest(request_id="request-1")
    for number in range(3):
        shipment = request.shipments.add(flow=1 + number, client_reference=f"r{number}")
        shipment.item.CopyFrom(item())
        shipment.item.posted.utc_micros = 2**62 + number
        shipment.item.declared_value.units = -(2**63)
        shipment.item.local_identifiers.extend(["a", "b"])
        shipment.item.earlier_item.identifier = "HWB9"
    return request


def read(document):
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_document(raw, SubmitRequest, "shipments")


def one(**fields):
    return {"requestId": "request-1", "shipments": [{"item": fields}]}


def line_codes(document):
    return {(fault.code, fault.address) for fault in read(document).line_faults.get(0, ())}


@pytest.mark.parametrize("proto_names", [False, True])
@pytest.mark.parametrize("enum_numbers", [False, True])
def test_what_protobuf_writes_is_read_to_the_same_message(proto_names, enum_numbers):
    text = json_format.MessageToJson(
        whole(), preserving_proto_field_name=proto_names, use_integers_for_enums=enum_numbers
    )
    document = read(text.encode())
    assert document.message == whole() and not document.faults and not document.line_faults


@pytest.mark.parametrize("written", ["5", "5.0", '"5"', '"5.0"', "50e-1", "0.5E1"])
def test_whole_numbers_are_read_however_they_are_written(written):
    raw = json.dumps(one(grossMass={"milligrams": "?"})).replace('"?"', written)
    document = read(raw.encode())
    assert document.message.shipments[0].item.gross_mass.milligrams == 5 and not document.line_faults


def test_numbers_beyond_the_precision_of_a_float_stay_exact():
    document = read(one(grossMass={"milligrams": 9007199254740993}))
    assert document.message.shipments[0].item.gross_mass.milligrams == 9007199254740993


@pytest.mark.parametrize("written", ["5.5", '"5.5"', "true", "[]", "{}", '""', '"five"', "NaN", "-Infinity", "1e-3"])
def test_what_is_no_whole_number_is_a_fault(written):
    raw = json.dumps(one(grossMass={"milligrams": "?"})).replace('"?"', written).encode()
    assert line_codes(raw) == {("BODY_VALUE_TYPE", "/shipments/0/item/grossMass/milligrams")}


@pytest.mark.parametrize("written", [str(2**63), "1e400", "-1e999999999", "9" * 5000, f'"{2**63}"'])
def test_a_number_out_of_range_is_a_fault_and_costs_nothing(written):
    raw = json.dumps(one(grossMass={"milligrams": "?"})).replace('"?"', written).encode()
    assert line_codes(raw) == {("BODY_NUMBER_RANGE", "/shipments/0/item/grossMass/milligrams")}


@pytest.mark.parametrize(
    ("fields", "code", "place"),
    [
        ({"originCountry": 5}, "BODY_VALUE_TYPE", "originCountry"),
        ({"content": [{"quantity": -1}]}, "BODY_NUMBER_RANGE", "content/0/quantity"),
        ({"nature": "GIFT"}, "BODY_CODE_UNKNOWN", "nature"),
        ({"key": []}, "BODY_VALUE_TYPE", "key"),
        ({"comments": ["a", 5]}, "BODY_VALUE_TYPE", "comments/1"),
        ({"comments": [None]}, "BODY_VALUE_TYPE", "comments/0"),
        ({"comments": "a"}, "BODY_VALUE_TYPE", "comments"),
        ({"originCountry": "\ud800"}, "BODY_TEXT_BROKEN", "originCountry"),
        ({"origin_country": "US", "originCountry": "US"}, "BODY_MEMBER_TWICE", "originCountry"),
        ({"a~b/c": 1}, "BODY_MEMBER_UNKNOWN", "a~0b~1c"),
    ],
)
def test_what_cannot_be_read_is_a_fault_with_its_pointer(fields, code, place):
    assert line_codes(one(**fields)) == {(code, f"/shipments/0/item/{place}")}


def test_null_is_the_same_as_absent():
    document = read(one(originCountry=None, content=None, nature=None))
    assert document.message == read(one()).message and not document.line_faults


def test_a_name_of_many_characters_is_not_repeated():
    ((_, address),) = line_codes(one(**{"Wiebke Brandström of Lindenweg 3 in 50667 Köln": 1}))
    assert "Wiebke" not in address


def test_a_fault_outside_of_the_lines_refuses_the_whole():
    with pytest.raises(RejectError) as refused:
        read({"requestId": 5, "shipments": [{"item": {"originCountry": 5}}]})
    assert [fault.code for fault in refused.value.faults] == ["BODY_VALUE_TYPE"]


def test_a_document_that_is_no_json_says_line_and_column():
    with pytest.raises(RejectError) as refused:
        read(b'{"requestId":\n "a",}')
    (fault,) = refused.value.faults
    assert fault.line == 2 and "column 6" in fault.sentence


def test_cancellations_are_lines_of_their_own():
    document = read_document(b'{"cancellations": [{}, {"key": 5}]}', CancelRequest, "cancellations")
    assert list(document.line_faults) == [1] and len(document.message.cancellations) == 2


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("shipments[0].item.origin_country", "/shipments/0/item/origin_country"),
        ("shipments[0].item.destination_country", "/shipments/0/item/destinationCountry"),
        ("shipments[7].item.key.posting_date", "/shipments/7/item/key/postingDate"),
        ("request_id", "/requestId"),
    ],
)
def test_a_field_path_becomes_the_pointer_of_the_senders_document(path, pointer):
    assert pointer_in({"shipments": [{"item": {"origin_country": "US"}}]}, path) == pointer


def test_names_are_spelled_as_protobuf_does():
    for field in item().DESCRIPTOR.fields:
        assert camel(field.name) == field.json_name


def test_the_digest_is_over_content_and_nothing_else():
    request = whole()
    other = SubmitRequest.FromString(request.SerializeToString())
    other.request_id = "request-2"
    assert Request(request).digest == Request(other).digest
    other.shipments[2].item.comments.append("")
    assert Request(request).digest != Request(other).digest
    assert Request(CancelRequest()).digest != Request(SubmitRequest()).digest
