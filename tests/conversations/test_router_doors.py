"""Reports come in by gRPC, by HTTP and as chunks, and mean the same; what cannot be read disturbs nothing."""

import json

import grpc
import grpc.aio
import httpx
import pytest
from starlette.applications import Starlette

from conversations.router_talk import Talk
from parcelgate.api.intake.v1.intake_pb2 import ReportRequest
from parcelgate.api.intake.v1.intake_pb2_grpc import DecisionIntakeStub
from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_FILINGS, CHUNK_KIND_REPORTS, ChunkEntry
from parcelgate.api.record.v1.decision_pb2 import Decision, Report
from parcelgate.api.record.v1.declaration_pb2 import ENVIRONMENT_TEST, PROCEDURE_IMPORT, Case, DeclarationKey
from parcelgate.api.record.v1.item_pb2 import ItemKey
from parcelgate.core.chunk import Address, pack
from parcelgate.core.naming import call_id, case_id
from parcelgate.core.port import Message, RejectError

ITEM = "RR100000001CN"
FILED = f"declare {ITEM} v1 to NZ\nsend\nfiled {ITEM} v1 nz-customs\nnothing more"


@pytest.fixture
async def talk(tmp_path):
    talk = Talk(tmp_path)
    await talk.bus.open()
    yield talk
    await talk.close()


def key_of(talk, partner):
    return f"Bearer {talk.service._door._credentials.local_key(partner)}"


def report(decision_id="N1", item=ITEM):
    decision = Decision(id=decision_id, stage="STAGE_ADVANCE", code="DECISION_CODE_RELEASED")
    return Report(decision=decision, declaration=DeclarationKey(item=ItemKey(identifier=item)))


def chunk(kind, *bodies, partner="customs-nz", authority="nz-customs"):
    address = Address("advance", "postal", kind, ENVIRONMENT_TEST, partner, authority=authority)
    return list(pack(address, [(ChunkEntry(), body) for body in bodies], "seed"))


async def post(talk, body, partner="customs-nz"):
    transport = httpx.ASGITransport(Starlette(routes=talk.service.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.post("/v1/reports", content=body, headers={"Authorization": key_of(talk, partner)})


class Context:
    """A gRPC call as the servicer sees it."""

    def __init__(self, authorization):
        self.authorization = authorization

    def invocation_metadata(self):
        return (("authorization", self.authorization),)

    async def abort(self, code, details, trailing_metadata=()):
        raise grpc.RpcError(code, details)


async def test_a_report_by_http_is_taken_and_one_repeated_by_grpc_is_recognised(talk):
    await talk.play(FILED)
    body = json.dumps(
        {
            "reports": [
                {
                    "authority": "nz-customs",
                    "declaration": {"item": {"identifier": "rr 100000001 cn"}},
                    "decision": {"id": "N1", "stage": "STAGE_ADVANCE", "code": "DECISION_CODE_RELEASED"},
                },
                {"decision": {"id": "N2"}},
            ]
        }
    )
    answer = await post(talk, body)
    assert answer.status_code == 200
    first, second = answer.json()["results"]
    assert first == {"decisionId": "N1", "outcome": "APPENDED"}
    assert second["outcome"] == "REFUSED"
    assert [one["address"] for one in second["faults"]] == ["decision.stage", "decision.code", "case_id"]
    again = await talk.service._door.Report(ReportRequest(reports=[report()]), Context(key_of(talk, "customs-nz")))
    assert [result.outcome for result in again.results] == ["REPEATED"]
    await talk.play(f"released {ITEM} v1 nz-customs ADVANCE RELEASED\nnothing more")


async def test_a_chunk_of_reports_is_taken_like_any_other_report(talk):
    await talk.play(FILED)
    messages = chunk(CHUNK_KIND_REPORTS, report().SerializeToString(), report("N9", "XX").SerializeToString())
    await talk.deliver(messages)
    await talk.deliver(messages)
    await talk.play(f"released {ITEM} v1 nz-customs ADVANCE RELEASED\nnothing more\nfact report.waiting XX")


async def test_declarations_and_reports_on_them_may_come_together(talk):
    await talk.play(f"declare {ITEM} v1 to NZ")
    (_, entry, sealed) = talk.entries.pop()
    address = Address("advance", "postal", 1, ENVIRONMENT_TEST, "post-cn", 1)
    await talk.deliver(
        [
            *chunk(CHUNK_KIND_REPORTS, report().SerializeToString()),
            *pack(address, [(entry, sealed)], "declarations"),
        ]
    )
    await talk.play(f"filed {ITEM} v1 nz-customs\nreleased {ITEM} v1 nz-customs ADVANCE RELEASED\nnothing more")


@pytest.mark.parametrize(
    "messages",
    [
        [Message("m1", "advance", "test.postal.post-cn", b"\xff\xffnot a chunk")],
        chunk(CHUNK_KIND_FILINGS, b"x"),
        chunk(CHUNK_KIND_REPORTS, b"\xff\xff"),
        chunk(CHUNK_KIND_REPORTS, report().SerializeToString(), partner="post-cn"),
        chunk(CHUNK_KIND_REPORTS, report().SerializeToString(), partner="nobody"),
    ],
)
async def test_what_cannot_be_read_or_may_not_report_is_a_dead_letter_and_its_neighbours_go_on(talk, messages):
    await talk.play(f"declare {ITEM} v1 to NZ")
    (_, entry, sealed) = talk.entries.pop()
    address = Address("advance", "postal", 1, ENVIRONMENT_TEST, "post-cn", 1)
    await talk.deliver([*messages, *pack(address, [(entry, sealed)], "declarations")])
    await talk.play(f"dead 1\nfiled {ITEM} v1 nz-customs\nnothing more")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "REPORT_UNREADABLE"),
        (b"\xff", 400, "REPORT_UNREADABLE"),
        (b'{"raports": []}', 400, "REPORT_UNREADABLE"),
        (b"[" * 100_000, 400, "REPORT_UNREADABLE"),
        (b" " * (4 * 1024 * 1024 + 1), 400, "REPORT_UNREADABLE"),
        (json.dumps({"reports": [{}] * 251}).encode(), 400, "TOO_MANY_REPORTS"),
    ],
)
async def test_a_request_that_cannot_be_taken_gets_one_clear_fault(talk, body, status, code):
    answer = await post(talk, body)
    assert answer.status_code == status
    (wrong,) = answer.json()["faults"]
    assert wrong["code"] == code and wrong["hint"]


@pytest.mark.parametrize("partner", ["post-cn", "carrier-swift", "integrator"])
async def test_only_customs_may_report(talk, partner):
    assert (await post(talk, b"{}", partner)).status_code == 403
    with pytest.raises(grpc.RpcError):
        await talk.service._door.Report(ReportRequest(), Context(key_of(talk, partner)))


async def test_too_many_reports_by_grpc_are_refused_as_a_whole(talk):
    with pytest.raises(grpc.RpcError) as error:
        await talk.service._door.Report(ReportRequest(reports=[report()] * 251), Context(key_of(talk, "customs-nz")))
    assert error.value.args[0] is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_report_stored_while_its_item_was_being_routed_is_joined_soon_after(talk):
    taken = talk.service.desk._waiting

    async def none_yet(_book, _ids):
        return []

    await talk.play(f"report nz-customs N1 {ITEM} ADVANCE RELEASED -> WAITING")
    talk.service.desk._waiting = none_yet
    await talk.play(FILED)
    talk.service.desk._waiting = taken
    await talk.play(f"wait 1 s\nreleased {ITEM} v1 nz-customs ADVANCE RELEASED\nnothing more")
    assert await talk.store.read("router.find_expired", 2**62, 10) == []


async def test_reprocessing_what_is_not_in_force_is_refused(talk):
    with pytest.raises(RejectError) as error:
        await talk.service.reprocess("0" * 32)
    assert error.value.faults[0].code == "DECLARATION_UNKNOWN"


async def test_the_service_is_served_under_the_name_of_its_contract(talk):
    server = grpc.aio.server()
    assert talk.service.attach(server) == ("parcelgate.api.intake.v1.DecisionIntake",)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        metadata = (("authorization", key_of(talk, "customs-nz")),)
        answer = await DecisionIntakeStub(channel).Report(ReportRequest(reports=[report()]), metadata=metadata)
        assert [result.outcome for result in answer.results] == ["WAITING"]
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await DecisionIntakeStub(channel).Report(ReportRequest(reports=[report()]))
        assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
    await server.stop(0)


async def test_a_decision_that_was_answered_at_once_is_known_when_it_is_reported_again_or_revoked(talk):
    await talk.play(
        f"declare {ITEM} v1 to DE\nsend\nreleased {ITEM} v1 eu-ics2 ADVANCE ASSESSMENT_COMPLETE\n"
        f"released {ITEM} v1 eu-customs ADVANCE RELEASED\nnothing more"
    )
    answered = "d" + call_id(Case(id=case_id(talk.ids[ITEM], "eu-customs", PROCEDURE_IMPORT), version=1, round=1))
    await talk.play(
        f"report eu-customs {answered} {ITEM} ADVANCE RELEASED -> REPEATED\n"
        f"report eu-customs C1 {ITEM} CORRECTION SEIZED revokes other -> REFUSED REVOKES_UNKNOWN\n"
        f"report eu-customs C1 {ITEM} CORRECTION SEIZED revokes {answered} case eu-customs -> APPENDED\n"
        f"report eu-customs C1 {ITEM} CORRECTION SEIZED revokes {answered} -> REPEATED\n"
        f"released {ITEM} v1 eu-customs CORRECTION SEIZED\nnothing more"
    )
