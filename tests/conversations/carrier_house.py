"""A carrier edge with a real store, bus, runner, gRPC server and HTTP application, and a stand-in for the router."""

import asyncio
from contextlib import asynccontextmanager

import grpc.aio
import httpx
from google.protobuf import json_format
from starlette.applications import Starlette

from houses import store_and_bus
from parcelgate.api.carrier.v1 import carrier_pb2 as carrier
from parcelgate.api.carrier.v1 import carrier_pb2_grpc
from parcelgate.api.partner.v1 import partner_pb2_grpc
from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_RELEASES, Chunk, ChunkEntry
from parcelgate.api.record.v1.decision_pb2 import DECISION_CODE_RELEASED, Decision, Release
from parcelgate.api.record.v1.declaration_pb2 import ENVIRONMENT_TEST, Case, Declaration, DeclarationKey
from parcelgate.api.record.v1.fact_pb2 import FactBatch
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.carrier.service import CarrierService
from parcelgate.core import chunk
from parcelgate.core.bell import Bell
from parcelgate.core.clock import FixedClock
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.port import Outcome, Queue
from parcelgate.core.press import arrived
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault, master_key

NOW = 1_790_000_000_000_000
QUEUES = (
    Queue("router.advance", topic="advance", channel="*", consumer="router"),
    Queue("carrier.release", topic="release", channel="carrier", consumer="carrier"),
    Queue("monitor.facts", topic="facts", channel="*", consumer="monitor"),
)
ORBIT, SWIFT, INTEGRATOR, POST = "carrier-orbit", "carrier-swift", "integrator", "post-cn"


def shipment(number=1, **changes):
    """A shipment without a fault; changes are fields of the item."""
    item = {
        "key": {"scheme": "ITEM_SCHEME_HOUSE_WAYBILL", "identifier": f"HWB{number:06}", "postingDate": "2026-09-20"},
        "originCountry": "US",
        "destinationCountry": "DE",
        "nature": "NATURE_OF_TRANSACTION_SALE",
        "grossMass": {"milligrams": "900000"},
        "parties": [
            {"role": "PARTY_ROLE_SENDER", "name": "Hollister Outfitters", "address": {"country": "US"}},
            {"role": "PARTY_ROLE_RECIPIENT", "name": "Wiebke Brandström", "address": {"country": "DE"}},
        ],
        "content": [
            {
                "number": 1,
                "quantity": 2,
                "description": "Cotton T-shirts, knitted",
                "hsCode": "610910",
                "originCountry": "BD",
                "netMass": {"milligrams": "400000"},
                "value": {"currency": "EUR", "units": "25"},
                "unitValue": {"currency": "EUR", "units": "12", "nanos": 500000000},
            }
        ],
    }
    return {"clientReference": f"ref-{number}", "item": item | changes}


def body(request_id, *shipments):
    return {"requestId": request_id, "shipments": list(shipments)}


def message(kind, document):
    return json_format.ParseDict(document, kind())


def submit(request_id, *shipments):
    return message(carrier.SubmitRequest, body(request_id, *shipments))


def codes(result):
    return [fault.code for fault in result.faults]


class House:
    """Everything behind one carrier edge."""

    def __init__(self, folder, queue=None, profiles=None):
        self.folder = folder
        self.store, self.bus = store_and_bus(folder / "store.sqlite", QUEUES)
        self.clock = FixedClock(NOW)
        self.runner = Runner(self.store, self.bus, self.clock, Bell())
        self.vault = Vault(master_key(folder / "master.key"), self.store)
        partners = Partners(profiles)
        self.credentials = Credentials(folder, partners)
        self.service = CarrierService(
            runner=self.runner, vault=self.vault, partners=partners, credentials=self.credentials, queue=queue
        )
        self.stop = asyncio.Event()

    def key(self, partner):
        return (("authorization", f"Bearer {self.credentials.local_key(partner)}"),)

    def line(self, partner):
        return Line(self.channel, self.key(partner))

    def http(self, partner=ORBIT):
        headers = dict(self.key(partner)) if partner else {}
        transport = httpx.ASGITransport(Starlette(routes=self.service.routes()))
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)

    async def sent(self):
        """Take the declarations that went to the router: (entry, item) pairs."""
        await self.bus.open()
        found = []
        await self.runner.sent(5)
        while await self.bus.depth("router.advance"):
            received = await self.bus.receive("router.advance", 100)
            chunks = [Chunk.FromString(arrived(one.message).body) for one in received]
            await self.vault.fetch({entry.data_key for one in chunks for entry in one.head.entries})
            for one in chunks:
                for entry, sealed in zip(one.head.entries, one.items, strict=True):
                    found.append((entry, Item.FromString(self.vault.open(entry.data_key, sealed))))
            await self.bus.acknowledge(received)
        return found

    async def facts(self):
        """Take the facts that went to the monitor."""
        found = []
        await self.runner.sent(5)
        while await self.bus.depth("monitor.facts"):
            received = await self.bus.receive("monitor.facts", 100)
            found.extend(fact for one in received for fact in FactBatch.FromString(arrived(one.message).body).facts)
            await self.bus.acknowledge(received)
        return found

    async def decide(self, *numbers, partner=ORBIT):
        """Send releases to a carrier as the router would."""
        entries = [release_of(number, partner) for number in numbers]
        address = chunk.Address("release", "carrier", CHUNK_KIND_RELEASES, ENVIRONMENT_TEST, partner)
        heads = [(ChunkEntry(declaration=one.declaration), one.SerializeToString()) for one in entries]
        seed = "/".join(one.response_id for one in entries)
        await self.runner.transact(Outcome(messages=list(chunk.pack(address, heads, seed))))

    async def logged(self, count, partner=ORBIT):
        """Wait until a delivery log has so many responses."""
        async with asyncio.timeout(10):
            while len(await self.store.deliveries(partner, "test", 0, count)) < count:
                await asyncio.sleep(0.01)


class Line:
    """The stubs of one partner."""

    def __init__(self, channel, key):
        self.key = key
        self.carrier = carrier_pb2_grpc.CarrierServiceStub(channel)
        self.decisions = carrier_pb2_grpc.DecisionServiceStub(channel)
        self.partners = partner_pb2_grpc.PartnerServiceStub(channel)

    async def submit(self, request_id, *shipments):
        return await self.carrier.Submit(submit(request_id, *shipments), metadata=self.key, timeout=20)

    async def amend(self, request_id, *shipments):
        request = message(carrier.AmendRequest, body(request_id, *shipments))
        return (await self.carrier.Amend(request, metadata=self.key, timeout=20)).response

    async def cancel(self, request_id, *numbers):
        keys = [{"key": shipment(number)["item"]["key"]} for number in numbers]
        request = message(carrier.CancelRequest, {"requestId": request_id, "cancellations": keys})
        return (await self.carrier.Cancel(request, metadata=self.key, timeout=20)).response

    async def pull(self, token="", limit=0):
        request = carrier.PullRequest(resume_token=token, limit=limit)
        return await self.decisions.Pull(request, metadata=self.key, timeout=20)

    def follow(self, token=""):
        return self.decisions.Follow(carrier.FollowRequest(resume_token=token), metadata=self.key, timeout=20)


def release_of(number, partner=ORBIT):
    key = DeclarationKey(partner=partner, environment=ENVIRONMENT_TEST)
    key.item.identifier = f"HWB{number:06}"
    case = Case(id=f"case-{number}", authority="eu-customs")
    return Release(
        response_id=f"{partner}-{number}",
        declaration=Declaration(id=f"d-{number}", key=key, version=1),
        decision=Decision(id=f"decision-{number}", case=case, code=DECISION_CODE_RELEASED),
    )


@asynccontextmanager
async def open_house(folder, queue=None, profiles=None):
    """Serve a house on a free port until the block ends; the data in the folder stays."""
    house = House(folder, queue, profiles)
    await house.bus.open()
    server = grpc.aio.server()
    house.service.attach(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    running = asyncio.create_task(house.runner.run(house.service.consumers()))
    tidying = asyncio.create_task(house.service.run(house.stop))
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as house.channel:
            yield house
    finally:
        house.stop.set()
        await tidying
        await server.stop(1)
        house.runner.stop()
        await running
        await house.store.close()
