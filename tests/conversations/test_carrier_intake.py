"""Carriers hand shipments in over gRPC: once each, all faults at once, every line for itself."""

import asyncio
import copy

import grpc
import pytest

from conversations.carrier_house import (
    INTEGRATOR,
    ORBIT,
    POST,
    SWIFT,
    codes,
    open_house,
    shipment,
    submit,
)
from parcelgate.api.carrier.v1 import carrier_pb2 as carrier
from parcelgate.api.partner.v1 import partner_pb2 as partner
from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_AMEND, FUNCTION_CANCEL, FUNCTION_ORIGINAL
from parcelgate.carrier import call, service
from parcelgate.core.port import StoreUnavailableError


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path) as opened:
        yield opened


def changed(number=1):
    other = shipment(number)
    other["item"]["content"][0]["description"] = "Cotton shirts, woven"
    return other


async def test_a_shipment_is_accepted_and_travels_sealed_to_the_router(house):
    answer = await house.line(ORBIT).submit("request-1", shipment(1))
    (result,) = answer.results
    assert (result.outcome, result.version, result.item, result.client_reference) == (
        "ACCEPTED",
        1,
        "HWB000001",
        "ref-1",
    )
    assert list(result.faults) == [] and not answer.repeated_request
    ((entry, item),) = await house.sent()
    assert item.parties[1].name == "Wiebke Brandström"
    declaration = entry.declaration
    assert (declaration.id, declaration.version, declaration.function) == (result.declaration_id, 1, FUNCTION_ORIGINAL)
    assert declaration.key.item.issuer == ORBIT and not declaration.HasField("item")
    assert declaration.provenance.receipt == answer.receipt and declaration.provenance.item_number == 1
    assert declaration.provenance.interchange_reference == "request-1"
    kinds = [fact.kind for fact in await house.facts()]
    assert kinds == ["interchange.received", "declaration.accepted"]


async def test_no_party_text_stands_in_the_store(house):
    await house.line(ORBIT).submit("request-1", shipment(1))
    faulty = shipment(2)
    faulty["item"]["parties"][1]["address"]["country"] = "Brandström"
    faulty["item"]["destinationCountry"] = "Wiebke"
    await house.line(ORBIT).submit("request-2", faulty)
    await house.store.close()
    raw = b"".join(path.read_bytes() for path in house.folder.glob("store.sqlite*")).lower()
    assert "brandström".encode() not in raw and b"wiebke" not in raw and b"hollister" not in raw


async def test_the_same_request_gets_the_stored_answer(house):
    first = await house.line(ORBIT).submit("request-1", shipment(1))
    second = await house.line(ORBIT).submit("request-1", shipment(1))
    assert second.repeated_request
    second.repeated_request = False
    assert second == first
    assert len(await house.sent()) == 1


async def test_the_same_request_id_with_other_content_is_refused(house):
    first = await house.line(ORBIT).submit("request-1", shipment(1))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.line(ORBIT).submit("request-1", shipment(2))
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert refused.value.details().startswith("REQUEST_ID_REUSED: ") and first.receipt in refused.value.details()
    assert dict(refused.value.trailing_metadata())["parcelgate-fault-code"] == "REQUEST_ID_REUSED"


async def test_the_same_request_id_for_another_operation_is_refused(house):
    await house.line(ORBIT).submit("request-1", shipment(1))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.line(ORBIT).amend("request-1", shipment(1))
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS


async def test_of_concurrent_repeats_one_wins_and_the_others_get_its_answer(house):
    answers = await asyncio.gather(*(house.line(ORBIT).submit("request-1", shipment(1)) for _ in range(12)))
    assert [answer.repeated_request for answer in answers].count(False) == 1
    assert len({answer.receipt for answer in answers}) == 1
    assert len(await house.sent()) == 1


async def test_concurrent_requests_on_one_declaration_give_one_version(house):
    answers = await asyncio.gather(*(house.line(ORBIT).submit(f"request-{n}", shipment(1)) for n in range(8)))
    outcomes = sorted(answer.results[0].outcome for answer in answers)
    assert outcomes == ["ACCEPTED", *["UNCHANGED"] * 7]
    assert len(await house.sent()) == 1


async def test_request_ids_of_two_carriers_are_strangers(house):
    ours = await house.line(ORBIT).submit("request-1", shipment(1))
    theirs = await house.line(SWIFT).submit("request-1", shipment(2))
    assert not theirs.repeated_request and theirs.receipt != ours.receipt
    same = await house.line(SWIFT).submit("request-2", shipment(1))
    assert same.results[0].outcome == "ACCEPTED" and same.results[0].declaration_id != ours.results[0].declaration_id


async def test_all_faults_come_back_at_once_each_with_its_place(house):
    bad = shipment(2, destinationCountry="QX", declaredValue={"currency": "EUR", "units": "5", "nanos": -1})
    bad["item"]["key"]["postingDate"] = ""
    bad["item"]["parties"][0]["address"]["country"] = "U1"
    bad["item"]["content"][0] |= {"hsCode": "77", "unitValue": {"currency": "EUR", "units": "20"}, "description": ""}
    answer = await house.line(ORBIT).submit("request-1", shipment(1), bad)
    good, result = answer.results
    assert (good.outcome, result.outcome, result.declaration_id) == ("ACCEPTED", "REJECTED", "")
    assert {(fault.code, fault.address) for fault in result.faults} == {
        ("KEY_MISSING", "shipments[1].item.key.posting_date"),
        ("COUNTRY_UNKNOWN", "shipments[1].item.destination_country"),
        ("COUNTRY_UNKNOWN", "shipments[1].item.parties[0].address.country"),
        ("MONEY_MALFORMED", "shipments[1].item.declared_value"),
        ("HS_MALFORMED", "shipments[1].item.content[0].hs_code"),
        ("VALUE_DIFFERS", "shipments[1].item.content[0].value"),
        ("FIELD_MISSING", "shipments[1].item.content[0].description"),
    }
    assert all(fault.sentence and fault.hint and "{" not in fault.sentence + fault.hint for fault in result.faults)
    assert {(fault.item, fault.item_number) for fault in result.faults} == {("HWB000002", 2)}


async def test_a_defect_that_does_not_stop_it_rides_along(house):
    answer = await house.line(ORBIT).submit("request-1", shipment(1, parties=[], originCountry="us"))
    assert answer.results[0].outcome == "ACCEPTED"
    ((entry, item),) = await house.sent()
    assert [fault.code for fault in entry.declaration.findings] == codes(answer.results[0])
    assert set(codes(answer.results[0])) == {"FIELD_MISSING", "SHIPMENT_NORMALISED"}
    assert item.origin_country == "US"


async def test_one_bad_among_250_stops_no_other(house):
    shipments = [shipment(number) for number in range(1, 251)]
    shipments[123]["item"]["destinationCountry"] = ""
    answer = await house.line(ORBIT).submit("request-1", *shipments)
    assert [n for n, result in enumerate(answer.results) if result.outcome != "ACCEPTED"] == [123]
    assert len(await house.sent()) == 249


@pytest.mark.parametrize(
    ("request_id", "count", "code"),
    [("short", 1, "REQUEST_ID_INVALID"), ("request-1", 0, "REQUEST_EMPTY"), ("request-1", 251, "REQUEST_TOO_MANY")],
)
async def test_a_request_that_cannot_be_taken_is_refused_as_a_whole(house, request_id, count, code):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.line(ORBIT).submit(request_id, *(shipment(number) for number in range(count)))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert dict(refused.value.trailing_metadata())["parcelgate-fault-code"] == code
    assert await house.sent() == []


async def test_an_unchanged_shipment_names_its_first_receipt(house):
    first = await house.line(ORBIT).submit("request-1", shipment(1))
    second = await house.line(ORBIT).submit("request-2", shipment(1))
    (result,) = second.results
    assert (result.outcome, result.version) == ("UNCHANGED", 1)
    assert result.declaration_id == first.results[0].declaration_id
    (notice,) = result.faults
    assert notice.code == "DECLARED_BEFORE" and first.receipt in notice.sentence
    assert len(await house.sent()) == 1


async def test_a_changed_shipment_needs_an_amendment(house):
    line = house.line(ORBIT)
    await line.submit("request-1", shipment(1))
    (result,) = (await line.submit("request-2", changed())).results
    assert (result.outcome, codes(result)) == ("REJECTED", ["CHANGED_WITHOUT_AMEND"])
    (result,) = (await line.amend("request-3", changed())).results
    assert (result.outcome, result.version) == ("ACCEPTED", 2)
    assert [entry.declaration.function for entry, _ in await house.sent()] == [FUNCTION_ORIGINAL, FUNCTION_AMEND]


async def test_the_life_of_a_declaration_ends_and_begins_again(house):
    line = house.line(ORBIT)
    assert codes((await line.amend("request-1", shipment(1))).results[0]) == ["NOTHING_TO_AMEND"]
    assert codes((await line.cancel("request-2", 1)).results[0]) == ["NOTHING_TO_CANCEL"]
    await line.submit("request-3", shipment(1))
    cancelled = (await line.cancel("request-4", 1)).results[0]
    assert (cancelled.outcome, cancelled.version) == ("ACCEPTED", 2)
    assert (await line.cancel("request-5", 1)).results[0].outcome == "UNCHANGED"
    again = (await line.submit("request-6", shipment(1))).results[0]
    assert (again.outcome, again.version) == ("ACCEPTED", 3)
    functions = [entry.declaration.function for entry, _ in await house.sent()]
    assert functions == [FUNCTION_ORIGINAL, FUNCTION_CANCEL, FUNCTION_ORIGINAL]


async def test_lines_of_one_request_on_one_shipment_follow_each_other(house):
    answer = await house.line(ORBIT).submit("request-1", shipment(1), shipment(1), changed(), shipment(2))
    assert [result.outcome for result in answer.results] == ["ACCEPTED", "UNCHANGED", "REJECTED", "ACCEPTED"]
    second = copy.deepcopy(changed())
    second["item"]["content"][0]["quantity"] = 1
    answer = await house.line(ORBIT).amend("request-2", changed(), second)
    assert [result.version for result in answer.results] == [2, 3]
    later = await house.line(ORBIT).amend("request-3", shipment(1))
    assert later.results[0].version == 4


async def test_a_stream_answers_in_order_and_a_refused_request_does_not_end_it(house):
    async def requests():
        for number in range(1, 31):
            yield submit(f"request-{number}", shipment(number))
        yield submit("bad", shipment(31))
        yield submit("request-1", shipment(1))

    line = house.line(ORBIT)
    answers = [answer async for answer in line.carrier.SubmitStream(requests(), metadata=line.key, timeout=30)]
    assert [answer.request_id for answer in answers[:30]] == [f"request-{number}" for number in range(1, 31)]
    assert (answers[30].receipt, [fault.code for fault in answers[30].faults]) == ("", ["REQUEST_ID_INVALID"])
    assert answers[31].repeated_request and answers[31].receipt == answers[0].receipt


async def test_a_field_of_a_newer_contract_is_visible_and_not_fatal(house):
    request = submit("request-1", shipment(1))
    raw = request.shipments[0].item.parties[0].SerializeToString() + b"\xba\x3e\x03new"
    request.shipments[0].item.parties[0].ParseFromString(raw)
    answer = await house.line(ORBIT).carrier.Submit(request, metadata=house.key(ORBIT))
    (warning,) = answer.results[0].faults
    assert (warning.code, warning.address) == ("UNKNOWN_FIELD_NUMBER", "shipments[0].item.parties[0]")
    ((_, item),) = await house.sent()
    assert b"new" not in item.SerializeToString()


async def test_only_carriers_may_hand_in(house):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.line(POST).submit("request-1", shipment(1))
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.line(ORBIT).carrier.Submit(submit("request-1", shipment(1)))
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_a_store_that_cannot_write_asks_to_come_again(house, monkeypatch):
    async def full(_transaction):
        raise StoreUnavailableError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(house.store, "commit", full)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await house.line(ORBIT).submit("request-1", shipment(1))
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert dict(refused.value.trailing_metadata())["parcelgate-retry-seconds"] == "5"
        async with house.http() as client:
            answer = await client.post("/v1/shipments", json={"requestId": "request-1", "shipments": [shipment(1)]})
            assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    answer = await house.line(ORBIT).submit("request-1", shipment(1))
    assert answer.results[0].outcome == "ACCEPTED" and not answer.repeated_request


async def test_answers_survive_a_restart(tmp_path):
    async with open_house(tmp_path) as house:
        first = await house.line(ORBIT).submit("request-1", shipment(1))
    async with open_house(tmp_path) as house:
        again = await house.line(ORBIT).submit("request-1", shipment(1))
        assert again.repeated_request and again.receipt == first.receipt
        assert len(await house.sent()) == 1


async def test_a_partner_sees_its_own_profile_and_an_integrator_all(house):
    line = house.line(ORBIT)
    shown = (await line.partners.GetSelf(partner.GetSelfRequest(), metadata=line.key)).partner
    assert (shown.id, shown.kind) == (ORBIT, "CARRIER")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await line.partners.List(partner.ListRequest(), metadata=line.key)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    everybody = await line.partners.List(partner.ListRequest(), metadata=house.key(INTEGRATOR))
    assert {ORBIT, SWIFT, POST} <= {one.id for one in everybody.partners}


async def test_a_deadline_that_passed_leaves_nothing_half_done(house, monkeypatch):
    commit = house.store.commit

    async def slow(transaction):
        await asyncio.sleep(0.3)
        await commit(transaction)

    monkeypatch.setattr(house.store, "commit", slow)
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await house.line(ORBIT).carrier.Submit(submit("request-1", shipment(1)), metadata=house.key(ORBIT), timeout=0.1)
    assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    monkeypatch.undo()
    answer = await house.line(ORBIT).carrier.Submit(
        carrier.SubmitRequest.FromString(submit("request-1", shipment(1)).SerializeToString()),
        metadata=house.key(ORBIT),
    )
    assert answer.results[0].outcome == "ACCEPTED"
    assert len(await house.sent()) == 1


async def test_a_stream_on_which_nothing_comes_is_closed_and_keeps_what_was_answered(house, monkeypatch):
    monkeypatch.setattr(call, "IDLE_SECONDS", 0.3)
    line = house.line(ORBIT)
    stream = line.carrier.SubmitStream(metadata=line.key, timeout=20)
    await stream.write(submit("request-1", shipment(1)))
    first = await stream.read()
    with pytest.raises(grpc.aio.AioRpcError) as closed:
        await stream.read()
    assert closed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert dict(closed.value.trailing_metadata())["parcelgate-fault-code"] == "STREAM_IDLE"
    assert (await line.submit("request-1", shipment(1))).receipt == first.receipt


async def test_answers_are_forgotten_after_thirteen_months_and_declarations_are_not(tmp_path):
    async with open_house(tmp_path) as house:
        await house.line(ORBIT).submit("request-1", shipment(1))
        house.clock.now += service.KEPT_MICROS + 1
        await house.line(ORBIT).submit("request-2", shipment(2))
        await house.service.tidy()
        again = await house.line(ORBIT).submit("request-1", shipment(1))
        assert not again.repeated_request and again.results[0].outcome == "UNCHANGED"
        assert (await house.line(ORBIT).submit("request-2", shipment(2))).repeated_request


async def test_a_large_request_over_grpc_is_refused_with_its_limit(house, monkeypatch):
    monkeypatch.setattr(call, "LARGEST_REQUEST", 100)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.line(ORBIT).submit("request-1", shipment(1))
    assert dict(refused.value.trailing_metadata())["parcelgate-fault-code"] == "REQUEST_TOO_LARGE"
