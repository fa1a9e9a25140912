"""Too much in hand while the broker hangs: every door says so in time, keeps nothing, and takes all of it afterwards."""

import asyncio
import contextlib
import secrets
from urllib.parse import urlsplit

import grpc
import grpc.aio
import httpx
import pytest

from bench.documents import POST, documents
from conversations.carrier_house import shipment, submit
from parcelgate.api.carrier.v1.carrier_pb2_grpc import CarrierServiceStub
from parcelgate.api.intake.v1.intake_pb2 import ReportRequest
from parcelgate.api.intake.v1.intake_pb2_grpc import DecisionIntakeStub
from parcelgate.api.record.v1.decision_pb2 import Decision, Report
from parcelgate.app.demo.cluster import Member
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from proxy import Proxy

CARRIER, CUSTOMS = "carrier-orbit", "customs-nz"
PATIENCE_SECONDS = 60
# What a door may take for its answer, whatever the broker does: less than any answer of a broker is waited for.
ANSWER_SECONDS = 4
REPORT = {"decision": {"id": "N1", "stage": "STAGE_ADVANCE", "code": "DECISION_CODE_RELEASED"}, "caseId": "case-1"}


class House:
    """Postal, carrier and router on engines of which the broker is behind a line that can be made to hang."""

    def __init__(self, folder, database, broker, line):
        environment = {
            "PARCELGATE_DATABASE_URL": database,
            "PARCELGATE_BROKER_URL": line.through(broker),
            "PARCELGATE_RISK_ADDRESS": "127.0.0.1:1",
            "PARCELGATE_CLEARANCE_ADDRESS": "127.0.0.1:1",
            "PARCELGATE_MOST_UNSENT": "0",
            "PARCELGATE_LOG_LEVEL": "error",
        }
        self.folder, self.line = folder, line
        self.members = {name: Member(folder, name, 1, environment) for name in ("postal", "carrier", "router")}
        self.credentials = Credentials(folder, Partners())
        self.client = httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False)

    def key(self, partner):
        return f"Bearer {self.credentials.local_key(partner)}"

    async def post(self, member, path, partner, **content):
        url = self.members[member].http + path
        return await self.client.post(url, headers={"Authorization": self.key(partner)}, **content)

    async def interchange(self, document):
        return await self.post("postal", "/v1/interchanges", POST, content=document)

    async def shipments(self, number):
        lot = {"requestId": f"req-{secrets.token_hex(8)}", "shipments": [shipment(number)]}
        return await self.post("carrier", "/v1/shipments", CARRIER, json=lot)

    async def reports(self):
        return await self.post("router", "/v1/reports", CUSTOMS, json={"reports": [REPORT]})

    @contextlib.asynccontextmanager
    async def channel(self, member):
        async with grpc.aio.insecure_channel(self.members[member].grpc) as channel:
            yield channel

    async def submit(self, number):
        async with self.channel("carrier") as channel:
            call = CarrierServiceStub(channel).Submit
            request = submit(f"req-{secrets.token_hex(8)}", shipment(number))
            return await call(request, metadata=(("authorization", self.key(CARRIER)),), timeout=ANSWER_SECONDS)

    async def stream(self, number):
        async with self.channel("carrier") as channel:
            request = submit(f"req-{secrets.token_hex(8)}", shipment(number))
            metadata = (("authorization", self.key(CARRIER)),)
            call = CarrierServiceStub(channel).SubmitStream(iter([request]), metadata=metadata, timeout=ANSWER_SECONDS)
            return [one async for one in call]

    async def report(self):
        decision = Decision(id="N2", stage="STAGE_ADVANCE", code="DECISION_CODE_RELEASED")
        request = ReportRequest(reports=[Report(decision=decision, case_id="case-2")])
        async with self.channel("router") as channel:
            call = DecisionIntakeStub(channel).Report
            return await call(request, metadata=(("authorization", self.key(CUSTOMS)),), timeout=ANSWER_SECONDS)


@pytest.fixture
async def house(tmp_path, postgres_node, rabbit_node):
    broker = rabbit_node.add_vhost()
    at = urlsplit(broker)
    async with Proxy(at.hostname, at.port) as line:
        found = House(tmp_path, postgres_node.create_database(), broker, line)
        try:
            await asyncio.to_thread(found.members["postal"].run, "migrate")
            for member in found.members.values():
                member.start()
            for member in found.members.values():
                await asyncio.to_thread(member.wait)
            yield found
        finally:
            line.heal()
            await found.client.aclose()
            for member in found.members.values():
                member.ask_to_stop()
            for member in found.members.values():
                await asyncio.to_thread(member.stop)


async def eventually(question):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await question():
            await asyncio.sleep(0.1)


def busy(answer):
    """Tell whether an answer of HTTP says that there is too much in hand, and when to come again."""
    if answer.status_code != 503:
        return False
    assert answer.json()["faults"][0]["code"] == "GATEWAY_BUSY"
    assert int(answer.headers["Retry-After"]) > 0
    return True


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as found:
        await call
    trailing = dict(found.value.trailing_metadata())
    assert found.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert trailing["parcelgate-fault-code"] == "GATEWAY_BUSY"
    assert int(trailing["grpc-retry-pushback-ms"]) == 1000 * int(trailing["parcelgate-retry-seconds"]) > 0


async def test_every_door_is_shut_in_time_while_the_broker_hangs_and_takes_all_when_it_is_back(house):
    first, second = documents(POST, 2, 3, 91)
    in_tray = house.folder / "mailboxes" / POST / "in"
    house.line.blackhole()
    # What is taken in now cannot leave, and is told in time all the same.
    assert (await house.shipments(1)).status_code == 200

    async def all_shut():
        return all([busy(await house.interchange(first)), busy(await house.shipments(2)), busy(await house.reports())])

    await eventually(all_shut)
    await refused(house.submit(3))
    await refused(house.stream(4))
    await refused(house.report())
    half = in_tray / "second.xml.tmp"
    half.write_bytes(second)
    half.rename(in_tray / "second.xml")
    await asyncio.sleep(2)
    assert [path.name for path in in_tray.iterdir()] == ["second.xml"]
    house.line.heal()

    async def taken():
        return not list(in_tray.iterdir())

    async def all_open():
        """Hand in what was refused: each door takes it sooner or later, for the other doors' traffic may shut it again."""
        return (await house.interchange(first)).status_code == 202

    await eventually(all_open)
    for door in (house.shipments, house.submit, house.stream):

        async def opened(door=door):
            try:
                answer = await door(5)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                return False
            return not isinstance(answer, httpx.Response) or answer.status_code == 200

        await eventually(opened)

    async def reported():
        return (await house.reports()).status_code == 200

    await eventually(reported)
    await eventually(taken)
