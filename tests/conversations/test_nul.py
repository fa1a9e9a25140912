"""U+0000 at every door: a fault of the text that holds it, before any store is asked; what stands beside it goes on."""

import json

from conversations import postal_house
from conversations.carrier_house import ORBIT, body, open_house, shipment
from conversations.router_talk import Talk
from conversations.test_router_doors import FILED, ITEM, Context, key_of, post, report
from parcelgate.api.clearance.v1.clearance_pb2 import DecideResult
from parcelgate.api.intake.v1.intake_pb2 import ReportRequest
from parcelgate.api.record.v1.decision_pb2 import DECISION_CODE_RELEASED, Decision
from parcelgate.api.record.v1.declaration_pb2 import PROCEDURE_IMPORT, Case
from parcelgate.core.letter import HandedIn
from parcelgate.postal.queue import InQueue
from parcelgate.router.judge import _answer

BAD = "X\0Y"


def spoiled():
    """Shipments with U+0000 in a party, in a key, at the very beginning of a key, in a line and in the reference."""
    party, key, first, line, reference = (shipment(number) for number in range(2, 7))
    party["item"]["parties"][0]["name"] = BAD
    key["item"]["key"] = key["item"]["key"] | {"identifier": BAD}
    first["item"]["key"] = first["item"]["key"] | {"identifier": "\0" * 20, "postingDate": "\0"}
    line["item"]["content"][0]["description"] = BAD
    reference["clientReference"] = BAD
    return [party, key, first, line, reference]


PLACES = [
    "item.parties[0].name",
    "item.key.identifier",
    "item.key.identifier",
    "item.content[0].description",
    "client_reference",
]


async def test_a_carriers_shipment_with_nul_is_refused_at_either_door_and_its_neighbours_are_taken(tmp_path):
    async with open_house(tmp_path) as house:
        answer = await house.line(ORBIT).submit("request-1", shipment(1), *spoiled(), shipment(9))
        outcomes = [bool(result.declaration_id) for result in answer.results]
        assert outcomes == [True, *[False] * len(PLACES), True]
        for index, place in enumerate(PLACES, 1):
            found = [one.address for one in answer.results[index].faults if one.code == "TEXT_NUL"]
            assert f"shipments[{index}].{place}" in found
        async with house.http() as client:
            by_http = await client.post("/v1/shipments", json=body("request-2", *spoiled(), shipment(9)))
        results = by_http.json()["results"]
        codes = [{fault["code"] for fault in result.get("faults", ())} for result in results]
        assert all("TEXT_NUL" in found for found in codes[:-1])
        # What became of them reaches the monitor as facts: nothing of it may hold the character.
        assert all("\0" not in f"{fact.item}{dict(fact.details)}{fact.faults}" for fact in await house.facts())


async def test_a_carriers_request_id_member_or_query_with_nul_is_refused(tmp_path):
    async with open_house(tmp_path) as house, house.http() as client:
        assert (await client.post("/v1/shipments", json=body("request\0-1", shipment(1)))).status_code == 400
        named = await client.post("/v1/shipments", json=body("request-1", shipment(1)) | {"a\0": 1})
        assert named.status_code == 200
        assert [one["address"] for one in named.json()["faults"]] == ["/a\ufffd"]
        for path in ("/v1/shipments/requests/a%00b", "/v1/decisions?resume_token=%00"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["faults"][0]["code"]) == (400, "TEXT_NUL")


async def test_a_file_name_with_nul_is_refused_and_nothing_is_kept(tmp_path):
    async with postal_house.opened(tmp_path) as house:
        answer = await house.post(b"<CUSITM/>", name="a%00b.xml")
        assert answer.status_code == 422
        (wrong,) = answer.json()["faults"]
        assert (wrong["code"], wrong["address"]) == ("TEXT_NUL", "file name")
        assert (await house.get("/v1/interchanges/a%00b")).json()["faults"][0]["code"] == "TEXT_NUL"


async def test_a_message_of_a_partners_queue_whose_name_holds_nul_is_answered_with_a_refusal_and_taken_off(tmp_path):
    async with postal_house.opened(tmp_path) as house:
        queue = postal_house.OneDocument(HandedIn("m\0", "m\0", b"<CUSITM/>", 1))
        partner = house.partners.get(postal_house.POST)
        await InQueue(partner, queue, house.service.intake).look()
        (letter,) = queue.letters
        assert letter.kind == "refusal"
        assert json.loads(letter.body)["faults"][0]["code"] == "TEXT_NUL"
        assert queue.handed_in is None


async def test_a_report_with_nul_is_refused_at_either_door_and_its_neighbours_are_taken(tmp_path):
    talk = Talk(tmp_path)
    await talk.bus.open()
    try:
        await talk.play(FILED)
        bad = [report("N\0"), report(item="RR\0"), report(), report(), report()]
        bad[2].case_id = BAD
        bad[3].decision.revokes = BAD
        bad[4].authority = BAD
        request = ReportRequest(reports=[*bad, report("N7")])
        answer = await talk.service._door.Report(request, Context(key_of(talk, "customs-nz")))
        assert [result.outcome for result in answer.results] == [*["REFUSED"] * 5, "APPENDED"]
        places = [result.faults[0].address for result in answer.results[:5]]
        assert places == ["decision.id", "declaration.item.identifier", "case_id", "decision.revokes", "authority"]
        assert {result.faults[0].code for result in answer.results[:5]} == {"TEXT_NUL"}
        document = {"reports": [{"decision": {"id": "N\0"}}, {"decision": {"id": "N7"}}]}
        first, _ = (await post(talk, json.dumps(document))).json()["results"]
        assert first["faults"][0]["code"] == "TEXT_NUL"
        await talk.play(f"released {ITEM} v1 nz-customs ADVANCE RELEASED\nnothing more")
    finally:
        await talk.close()


def test_an_authoritys_answer_with_nul_counts_as_none_for_that_case_alone():
    decision = Decision(id="D\0", code=DECISION_CODE_RELEASED)
    answer = _answer(DecideResult(decision=decision), "clearance", Case(id="c", procedure=PROCEDURE_IMPORT))
    assert (answer.decision, answer.failure.code, answer.waits_for) == (None, "TEXT_NUL", "clearance")
    assert answer.failure.address == "decision.id"
