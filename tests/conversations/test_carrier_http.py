"""Carriers hand in canonical JSON over HTTP: the same answers as over gRPC, addressed in their own document."""

import json
import re

import pytest
from google.protobuf import json_format

from conversations.carrier_house import ORBIT, POST, SWIFT, body, open_house, shipment
from parcelgate.api.carrier.v1 import carrier_pb2 as carrier


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path) as opened:
        yield opened


async def post(house, raw, path="/v1/shipments", partner=ORBIT, **headers):
    content = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    async with house.http(partner) as client:
        return await client.post(path, content=content, headers={"Content-Type": "application/json", **headers})


async def get(house, path, partner=ORBIT, **query):
    async with house.http(partner) as client:
        return await client.get(path, params=query)


def faults(result):
    return {(fault["code"], fault["address"]) for fault in result.get("faults", [])}


async def test_both_doors_give_equal_answers(house):
    bad = shipment(2, destinationCountry="")
    by_http = (await post(house, body("request-1", shipment(1), bad))).json()
    by_grpc = await house.line(SWIFT).submit("request-1", shipment(1), bad)
    shown = json_format.MessageToDict(by_grpc)
    for answer in (by_http, shown):
        answer.pop("receipt")
        answer["results"][0].pop("declarationId")
    # Each fault speaks in the sender's own terms: that alone differs.
    assert faults(by_http["results"][1]) == {("KEY_MISSING", "/shipments/1/item/destinationCountry")}
    assert faults(shown["results"][1]) == {("KEY_MISSING", "shipments[1].item.destination_country")}
    in_one_spelling = json.dumps(shown).replace("destination_country", "destinationCountry")
    in_one_spelling = in_one_spelling.replace("shipments[1].item.", "/shipments/1/item/")
    assert by_http == json.loads(in_one_spelling)


async def test_a_request_sent_by_one_door_and_repeated_by_the_other_is_one_request(house):
    first = (await post(house, body("request-1", shipment(1)))).json()
    again = await house.line(ORBIT).submit("request-1", shipment(1))
    assert again.repeated_request and again.receipt == first["receipt"]


async def test_the_order_of_members_and_the_spelling_of_numbers_make_no_other_request(house):
    first = (await post(house, body("request-1", shipment(1)))).json()
    other = shipment(1, grossMass={"milligrams": 900000})
    other["item"] = dict(reversed(other["item"].items()))
    other["item"]["origin_country"] = other["item"].pop("originCountry")
    again = (await post(house, body("request-1", other))).json()
    assert again["repeatedRequest"] and again["receipt"] == first["receipt"]


async def test_amend_and_cancel_answer_as_over_grpc(house):
    await post(house, body("request-1", shipment(1)))
    amended = await post(house, body("request-2", shipment(1, destinationCountry="FR")), "/v1/shipments/amend")
    assert amended.json()["response"]["results"][0]["version"] == 2
    key = shipment(1)["item"]["key"]
    wanted = {"requestId": "request-3", "cancellations": [{"key": key}, {"key": {**key, "identifier": "?"}}]}
    cancelled = (await post(house, wanted, "/v1/shipments/cancel")).json()["response"]
    assert [result["outcome"] for result in cancelled["results"]] == ["ACCEPTED", "REJECTED"]
    assert faults(cancelled["results"][1]) == {("SHIPMENT_IDENTIFIER_INVALID", "/cancellations/1/key/identifier")}


async def test_addresses_are_spelled_as_the_document_spells_them(house):
    given = shipment(1)
    given["item"]["destination_country"] = "QX"
    del given["item"]["destinationCountry"]
    answer = (await post(house, body("request-1", given))).json()
    assert faults(answer["results"][0]) == {("COUNTRY_UNKNOWN", "/shipments/0/item/destination_country")}


async def test_an_unknown_member_is_visible_and_not_fatal(house):
    given = shipment(1)
    given["item"]["colour"] = {"deep": [1]}
    given["item"]["content"][0]["net/weight"] = 3
    answer = (await post(house, {**body("request-1", given), "note": "x"})).json()
    assert answer["results"][0]["outcome"] == "ACCEPTED"
    assert faults(answer["results"][0]) == {
        ("BODY_MEMBER_UNKNOWN", "/shipments/0/item/colour"),
        ("BODY_MEMBER_UNKNOWN", "/shipments/0/item/content/0/net~1weight"),
    }
    assert faults(answer) == {("BODY_MEMBER_UNKNOWN", "/note")}


async def test_what_cannot_be_read_rejects_its_shipment_alone_with_all_faults(house):
    bad = shipment(2, grossMass={"milligrams": 1.5}, nature="GIFT", parties="nobody", destinationCountry="")
    raw = json.dumps(body("request-1", shipment(1), bad, shipment(3))).replace('"quantity": 2', '"quantity": NaN', 2)
    raw = raw.replace('"quantity": NaN', '"quantity": 2', 1)
    answer = (await post(house, raw.encode())).json()
    assert [result["outcome"] for result in answer["results"]] == ["ACCEPTED", "REJECTED", "ACCEPTED"]
    found = faults(answer["results"][1])
    assert found >= {
        ("BODY_VALUE_TYPE", "/shipments/1/item/grossMass/milligrams"),
        ("BODY_CODE_UNKNOWN", "/shipments/1/item/nature"),
        ("BODY_VALUE_TYPE", "/shipments/1/item/parties"),
        ("BODY_VALUE_TYPE", "/shipments/1/item/content/0/quantity"),
        ("KEY_MISSING", "/shipments/1/item/destinationCountry"),
    }


async def test_a_member_given_twice_is_refused_where_it_stands(house):
    raw = json.dumps(body("request-1", shipment(1), shipment(2)))
    raw = raw.replace('"originCountry": "US"', '"originCountry": "US", "originCountry": "CN"', 1).encode()
    answer = (await post(house, raw)).json()
    assert faults(answer["results"][0]) == {("BODY_MEMBER_TWICE", "/shipments/0/item/originCountry")}
    assert [result["outcome"] for result in answer["results"]] == ["REJECTED", "ACCEPTED"]
    answer = await post(house, b'{"requestId": "request-2", "requestId": "request-3", "shipments": []}')
    assert answer.status_code == 400 and answer.json()["faults"][0]["code"] == "BODY_MEMBER_TWICE"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "BODY_NOT_JSON"),
        (b"{]", "BODY_NOT_JSON"),
        (b"[]", "BODY_NOT_OBJECT"),
        (b"[" * 200_000, "BODY_TOO_DEEP"),
        (b'{"requestId": "\xff"}', "BODY_NOT_UTF8"),
        (b'{"requestId": 5, "shipments": [{}]}', "BODY_VALUE_TYPE"),
        (b'{"requestId": "request-1", "shipments": {}}', "BODY_VALUE_TYPE"),
        (b'{"requestId": "\\ud800", "shipments": [{}]}', "BODY_TEXT_BROKEN"),
        (b'{"requestId": "request-1", "shipments": []}', "REQUEST_EMPTY"),
    ],
)
async def test_a_body_that_is_no_request_is_refused_with_its_reason(house, raw, code):
    answer = await post(house, raw)
    assert answer.status_code == 400
    assert answer.json()["faults"][0]["code"] == code


async def test_a_byte_order_mark_is_skipped_and_said(house):
    answer = (await post(house, b"\xef\xbb\xbf" + json.dumps(body("request-1", shipment(1))).encode())).json()
    assert [fault["code"] for fault in answer["faults"]] == ["BODY_MARK"]
    assert answer["results"][0]["outcome"] == "ACCEPTED"


async def test_an_entry_that_is_no_object_keeps_its_place(house):
    answer = (await post(house, body("request-1", 5, shipment(1)))).json()
    assert [result["outcome"] for result in answer["results"]] == ["REJECTED", "ACCEPTED"]
    assert ("BODY_VALUE_TYPE", "/shipments/0") in faults(answer["results"][0])


async def test_statuses_say_what_kind_of_refusal_it_is(house):
    first = await post(house, body("request-1", shipment(1)))
    assert first.status_code == 200
    assert (await post(house, body("request-1", shipment(2)))).status_code == 409
    assert (await post(house, body("request-2", shipment(2)), partner=POST)).status_code == 403
    assert (await post(house, body("request-2", shipment(2)), partner="")).status_code == 401
    assert (await post(house, body("request-2", shipment(2)), **{"Content-Encoding": "gzip"})).status_code == 415
    assert (await post(house, b" " * (8 * 1024 * 1024 + 1))).status_code == 413


async def test_a_large_request_is_taken(house):
    shipments = [shipment(number, comments=["c" * 2000]) for number in range(250)]
    answer = (await post(house, body("request-1", *shipments))).json()
    assert {result["outcome"] for result in answer["results"]} == {"ACCEPTED"}


async def test_the_stored_answer_is_found_by_its_receipt_and_by_nobody_else(house):
    first = (await post(house, body("request-1", shipment(1)))).json()
    path = f"/v1/shipments/requests/{first['receipt']}"
    assert (await get(house, path)).json() == {**first, "repeatedRequest": True}
    assert (await get(house, path, SWIFT)).status_code == 404


async def test_decisions_are_read_as_over_grpc(house):
    await house.decide(1, 2, 3)
    await house.logged(3)
    answer = (await get(house, "/v1/decisions", limit=2)).json()
    pulled = await house.line(ORBIT).pull(limit=2)
    assert answer == json_format.MessageToDict(pulled)
    rest = (await get(house, "/v1/decisions", resume_token=answer["resumeToken"])).json()
    assert [one["release"]["responseId"] for one in rest["releases"]] == ["carrier-orbit-3"]
    assert (await get(house, "/v1/decisions", limit="many")).status_code == 400
    assert (await get(house, "/v1/decisions", resume_token="nonsense")).status_code == 400
    assert (await get(house, "/v1/decisions", SWIFT)).json() == {}


async def test_the_openapi_document_names_every_route_and_every_schema_resolves(house):
    document = (await get(house, "/v1/openapi.json", "")).json()
    served = {
        (method.lower(), route.path)
        for route in house.service.routes()
        for method in route.methods - {"HEAD"}
        if route.path != "/v1/openapi.json"
    }
    described = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert described == served and document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(schemas)
    for name, schema in schemas.items():
        assert schema["type"] in ("object", "string"), name
        for field, inner in schema.get("properties", {}).items():
            assert "$ref" in inner or "type" in inner, f"{name}.{field}"
    assert all(schemas[name].get("description") for name in references - {"RefusalFault"})
    item = schemas["Item"]["properties"]
    assert item["destinationCountry"]["type"] == "string" and item["parties"]["items"] == {
        "$ref": "#/components/schemas/Party"
    }
    assert set(schemas["SubmitRequest"]["properties"]) == {
        field.json_name for field in carrier.SubmitRequest.DESCRIPTOR.fields
    }
