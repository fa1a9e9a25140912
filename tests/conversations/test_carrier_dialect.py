"""Carriers hand in their own JSON dialect, unchanged: the same intake as their canonical JSON, faults in their own terms."""

import json

import pytest

from conversations.carrier_house import ORBIT, POST, SWIFT, open_house
from parcelgate.api.record.v1.item_pb2 import ITEM_SCHEME_HOUSE_WAYBILL
from parcelgate.codecs.registry import shipped

DHL, EASYPOST = "carrier/dhl-mydhl/2.7.2", "carrier/easypost/v2"


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path) as opened:
        yield opened


def example(form, name="smallest"):
    return json.loads((shipped().get(form).folder / "examples" / f"{name}.json").read_text("utf-8"))


def easypost(reference, **changes):
    return example(EASYPOST) | {"reference": reference} | changes


async def post(house, raw, partner=ORBIT, carrier="", **headers):
    content = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    path = f"/v1/carriers/{carrier or partner}/shipments"
    async with house.http(partner) as client:
        return await client.post(path, content=content, headers={"Content-Type": "application/json", **headers})


def faults(result):
    return [(fault["code"], fault.get("address", "")) for fault in result.get("faults", [])]


@pytest.mark.parametrize("form", [DHL, EASYPOST])
async def test_a_shipment_in_a_dialect_goes_the_way_of_the_carriers_own_json(house, form):
    answer = await post(house, example(form))
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    (result,) = shown["results"]
    assert (result["outcome"], result["version"], result["item"]) == ("ACCEPTED", 1, "ORD-2026-0001")
    assert result["clientReference"] == "ORD-2026-0001"
    ((entry, item),) = await house.sent()
    key = entry.declaration.key
    assert (key.partner, key.item.issuer, key.item.scheme) == (ORBIT, ORBIT, ITEM_SCHEME_HOUSE_WAYBILL)
    origin = entry.declaration.provenance
    assert (origin.format, origin.receipt, origin.item_number) == (form, shown["receipt"], 1)
    assert item.destination_country == "NZ"
    kinds = {fact.kind: fact for fact in await house.facts()}
    assert kinds["interchange.received"].details["format"] == form
    assert kinds["declaration.accepted"].details["format"] == form
    async with house.http() as client:
        stored = (await client.get(f"/v1/shipments/requests/{shown['receipt']}")).json()
    assert stored == {**shown, "repeatedRequest": True}


@pytest.mark.parametrize("shape", ["array", "below its name", "lines"])
async def test_several_shipments_come_together_and_a_faulty_one_stops_no_other(house, shape):
    bad = easypost("ORD-2", to_address={"name": "Tui Walker", "country": "QX"})
    del bad["options"]
    bad["customs_info"]["customs_items"].append({"description": "", "quantity": "many", "value": 1, "weight": 1})
    given = [easypost("ORD-1"), bad, easypost("ORD-3")]
    before, headers = "", {}
    if shape == "lines":
        raw = "\n".join(json.dumps(one) for one in given).encode()
        headers = {"Content-Type": "application/x-ndjson"}
    else:
        before = "/shipments" if shape == "below its name" else ""
        raw = json.dumps({"shipments": given} if before else given).encode()
    answer = (await post(house, raw, **headers)).json()
    assert [one["outcome"] for one in answer["results"]] == ["ACCEPTED", "REJECTED", "ACCEPTED"]
    found = faults(answer["results"][1])
    assert ("KEY_MISSING", f"{before}/1/options/label_date") in found
    assert (f"{before}/1/customs_info/customs_items/1/quantity") in {address for _, address in found}
    assert {code for code, _ in found} >= {"COUNTRY_UNKNOWN"}
    assert [entry.declaration.key.item.identifier for entry, _ in await house.sent()] == ["ORD-1", "ORD-3"]
    kinds = [fact.kind for fact in await house.facts()]
    assert (kinds.count("declaration.accepted"), kinds.count("item.rejected")) == (2, 1)


async def test_what_the_intake_finds_is_addressed_in_the_dialect_too(house):
    given = [easypost("ORD-1"), easypost("ORD 2, second half")]
    given[0]["customs_info"]["customs_items"].append(
        {"description": "pins", "quantity": 1, "value": -2, "weight": 1, "hs_tariff_number": "491199"}
    )
    answer = (await post(house, given)).json()
    assert [one["outcome"] for one in answer["results"]] == ["ACCEPTED", "REJECTED"]
    assert ("AMOUNT_NEGATIVE", "/0/customs_info/customs_items/1/value") in faults(answer["results"][0])
    assert ("SHIPMENT_IDENTIFIER_INVALID", "/1/reference") in faults(answer["results"][1])


async def test_the_same_bytes_get_the_same_answer_and_nothing_counts_twice(house):
    first = (await post(house, [easypost("ORD-1")])).json()
    again = (await post(house, [easypost("ORD-1")])).json()
    assert again == {**first, "repeatedRequest": True}
    assert len(await house.sent()) == 1
    # Another request with the same shipment: nothing new of it.
    more = (await post(house, [easypost("ORD-1"), easypost("ORD-2")])).json()
    assert [one["outcome"] for one in more["results"]] == ["UNCHANGED", "ACCEPTED"]
    # And one that changes it has to say so.
    changed = easypost("ORD-1", parcel={"weight": 99})
    (result,) = (await post(house, changed)).json()["results"]
    assert (result["outcome"], faults(result)) == ("REJECTED", [("CHANGED_WITHOUT_AMEND", "")])


async def test_a_request_id_of_the_carriers_own_is_for_one_content(house):
    own = {"Parcelgate-Request-Id": "order-77"}
    first = (await post(house, easypost("ORD-1"), **own)).json()
    assert first["requestId"] == "order-77"
    again = (await post(house, easypost("ORD-1"), **own)).json()
    assert again == {**first, "repeatedRequest": True}
    other = await post(house, easypost("ORD-2"), **own)
    assert (other.status_code, other.json()["faults"][0]["code"]) == (409, "REQUEST_ID_REUSED")
    short = await post(house, easypost("ORD-2"), **{"Parcelgate-Request-Id": "x"})
    assert (short.status_code, short.json()["faults"][0]["code"]) == (400, "REQUEST_ID_INVALID")


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b'{"anything": "else"}', 422, "FORMAT_UNKNOWN"),
        (b'{"anything": ', 400, "JSON_TRUNCATED"),
        (b"hello", 400, "DOCUMENT_NOT_JSON"),
        (b"PK\x03\x04" + bytes(500), 400, "DOCUMENT_NOT_JSON"),
        (json.dumps([example(EASYPOST)]).encode()[:-1], 400, "JSON_TRUNCATED"),
    ],
)
async def test_a_body_that_is_no_dialect_is_refused_as_a_whole_and_nothing_is_kept(house, raw, status, code):
    answer = await post(house, raw)
    assert (answer.status_code, [one["code"] for one in answer.json()["faults"]]) == (status, [code])
    assert await house.sent() == []
    assert await house.facts() == []


async def test_a_dialect_that_is_not_agreed_is_refused(house):
    answer = await post(house, example(EASYPOST), SWIFT)
    assert (answer.status_code, answer.json()["faults"][0]["code"]) == (422, "FORMAT_NOT_AGREED")
    assert (await post(house, example(DHL), SWIFT)).status_code == 200


async def test_another_carriers_address_is_answered_like_one_that_does_not_exist(house):
    others, nobodys = [await post(house, example(EASYPOST), carrier=name) for name in (SWIFT, "carrier-nobody")]
    assert others.status_code == nobodys.status_code == 404
    assert others.json() == nobodys.json()
    assert others.json()["faults"][0]["code"] == "CARRIER_UNKNOWN"
    assert await house.sent() == []


async def test_only_a_carrier_and_only_json_comes_in(house):
    assert (await post(house, example(EASYPOST), POST)).status_code == 403
    assert (await post(house, example(EASYPOST), "", carrier=ORBIT)).status_code == 401
    assert (await post(house, example(EASYPOST), **{"Content-Type": "text/plain"})).status_code == 415
