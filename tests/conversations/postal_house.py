"""A postal edge with a real store, bus, runner, mailboxes and translation processes; the router is a stand-in."""

import asyncio
import dataclasses
import json
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette

from houses import store_and_bus
from parcelgate.adapters.transport.folder import FolderMailbox
from parcelgate.api.record.v1.chunk_pb2 import (
    CHUNK_KIND_DECLARATIONS,
    CHUNK_KIND_FILINGS,
    CHUNK_KIND_RELEASES,
    Chunk,
    ChunkEntry,
)
from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_RELEASED,
    STAGE_ADVANCE,
    Decision,
    Release,
)
from parcelgate.api.record.v1.declaration_pb2 import (
    ENVIRONMENT_TEST,
    FLOW_IMPORT,
    FUNCTION_ORIGINAL,
    PROCEDURE_IMPORT,
    Case,
    Declaration,
    DeclarationKey,
)
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs import translate
from parcelgate.core import chunk, naming
from parcelgate.core.bell import Bell
from parcelgate.core.charge import Alone
from parcelgate.core.clock import FixedClock
from parcelgate.core.credential import Credentials
from parcelgate.core.identifier import s10_check_digit
from parcelgate.core.partner import Partners
from parcelgate.core.port import Outcome, Queue
from parcelgate.core.runner import Consumer, Runner
from parcelgate.core.seal import Vault, master_key
from parcelgate.core.setting import Settings
from parcelgate.postal.service import PostalService

NOW = 1_790_000_000_000_000
POST, OTHER, CUSTOMS, CARRIER, INTEGRATOR = "post-cn", "post-gb", "customs-nz", "carrier-orbit", "integrator"
CUSITM, CUSRSP, ITMATT = "upu/cusitm/own-1", "upu/cusrsp/own-1", "upu/itmatt/own-1"
QUEUES = (
    Queue("router.advance", topic="advance", channel="*", consumer="router"),
    Queue("postal.release", topic="release", channel="postal", consumer="postal", lane="interactive"),
    Queue("postal.release.bulk", topic="release", channel="postal", consumer="postal", lane="bulk"),
    Queue("monitor.facts", topic="facts", channel="*", consumer="monitor"),
)


def identifier(number):
    serial = f"{number:08}"
    return f"CX{serial}{s10_check_digit(serial)}CN"


def declaration(number=1, *, name="Wiebke Brandström", function=FUNCTION_ORIGINAL, grams=900):
    """A declaration without a fault."""
    item = {
        "key": {
            "scheme": "ITEM_SCHEME_S10",
            "issuer": "CN",
            "identifier": identifier(number),
            "posting_date": "2026-09-20",
        },
        "mail_class": "MAIL_CLASS_PARCELS",
        "origin_country": "CN",
        "destination_country": "DE",
        "nature": "NATURE_OF_TRANSACTION_SALE",
        "gross_mass": {"milligrams": grams * 1000},
        "parties": [
            {
                "role": "PARTY_ROLE_SENDER",
                "name": "Hollister Outfitters",
                "address": {"city": "Wuhan", "country": "CN"},
            },
            {"role": "PARTY_ROLE_RECIPIENT", "name": name, "address": {"city": "Kiel", "country": "DE"}},
        ],
        "content": [
            {
                "number": 1,
                "quantity": 2,
                "description": "Cotton T-shirts, knitted",
                "hs_code": "610910",
                "origin_country": "CN",
                "net_mass": {"milligrams": 400_000},
                "value": {"currency": "EUR", "units": 25},
            }
        ],
    }
    whole = Item(**item)
    return Declaration(key=DeclarationKey(item=whole.key, flow=FLOW_IMPORT), function=function, item=whole)


def header(reference, sender="CNA"):
    return {
        "interchange_reference": reference,
        "message_reference": "1",
        "sender": sender,
        "recipient": "parcelgate",
        "prepared_at": {"utc_micros": NOW, "written": "2026-09-21T14:13:20Z"},
        "test_indicator": True,
    }


def document(reference, *declarations, form=CUSITM):
    """An interchange, CUSITM if nothing else is said."""
    return b"".join(translate.write(form, header(reference) | {"items_count": len(declarations)}, declarations))


def codes(shown):
    return [one["code"] for one in shown["faults"]]


class House:
    """The edge and what surrounds it."""

    def __init__(self, folder, queue=None, **settings):
        self.settings = Settings(data=folder, **settings)
        self.store, self.bus = store_and_bus(self.settings.store, QUEUES)
        self.clock = FixedClock(NOW)
        self.runner = Runner(self.store, self.bus, self.clock, Bell())
        self.vault = Vault(master_key(folder / "master.key"), self.store)
        self.partners = Partners(self.settings.partners)
        self.credentials = Credentials(folder, self.partners)
        self.service = PostalService(
            charge=Alone(),
            runner=self.runner,
            vault=self.vault,
            partners=self.partners,
            credentials=self.credentials,
            settings=self.settings,
            mailbox=lambda partner: FolderMailbox(self.settings.mailbox_root / partner),
            queue=queue,
        )
        app = Starlette(routes=list(self.service.routes()))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")
        self.routed = []
        self.stop = asyncio.Event()

    def key(self, partner):
        return {"Authorization": f"Bearer {self.credentials.local_key(partner)}"}

    async def post(self, body, partner=POST, name=""):
        headers = self.key(partner) | {"Parcelgate-File-Name": name}
        return await self.http.post("/v1/interchanges", content=body, headers=headers)

    async def hand_in(self, body, partner=POST, name=""):
        answer = await self.post(body, partner, name)
        assert answer.status_code == 202, answer.text
        return answer.json()["receipt"]

    async def get(self, path, partner=POST):
        return await self.http.get(path, headers=self.key(partner))

    async def outcome(self, receipt, partner=POST):
        """Wait until an interchange has come to its end, and return its outcome."""
        async with asyncio.timeout(30):
            while True:
                shown = (await self.get(f"/v1/interchanges/{receipt}?limit=1000", partner)).json()
                if shown["state"] in ("ROUTED", "REJECTED"):
                    return shown
                await asyncio.sleep(0.01)

    async def until(self, condition):
        """Wait until something holds."""
        async with asyncio.timeout(20):
            while not (found := await condition()):
                await asyncio.sleep(0.01)
            return found

    def tray(self, partner, name):
        folder = self.settings.mailbox_root / partner / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def release(self, entries, partner=POST, seed="r"):
        """Send decisions to a partner, as the router does."""
        address = chunk.Address("release", "postal", CHUNK_KIND_RELEASES, ENVIRONMENT_TEST, partner)
        packed = [(ChunkEntry(declaration=one.declaration), one.SerializeToString()) for one in entries]
        await self.runner.transact(Outcome(messages=list(chunk.pack(address, packed, seed))))

    async def file(self, entries, partner=CUSTOMS, seed="f"):
        """File sealed items with a customs mailbox, as the router does."""
        address = chunk.Address(
            "release", "postal", CHUNK_KIND_FILINGS, ENVIRONMENT_TEST, partner, authority="nz-customs"
        )
        await self.runner.transact(Outcome(messages=list(chunk.pack(address, entries, seed))))

    async def route(self, messages):
        """Stand in for the router: keep what comes."""
        self.routed.extend(Chunk.FromString(message.body) for message in messages)
        return Outcome()

    def versions(self):
        """What was sent on: identifier and version, in order."""
        return [
            (entry.declaration.key.item.identifier, entry.declaration.version)
            for one in self.routed
            if one.head.kind == CHUNK_KIND_DECLARATIONS
            for entry in one.head.entries
        ]

    async def all_routed(self, count):
        async def there():
            return sum(len(one.items) for one in self.routed) >= count

        await self.until(there)


class OneDocument:
    """The queues of a partner that handed one document in."""

    def __init__(self, handed_in):
        self.handed_in = handed_in
        self.letters = []

    async def next(self, _seconds):
        return self.handed_in

    def holds(self, _handed_in):
        return True

    async def put(self, letter):
        self.letters.append(letter)

    async def done(self, _handed_in):
        self.handed_in = None


def released(routed_chunk, code=DECISION_CODE_RELEASED):
    """One decision for each declaration of a chunk, as the router releases them."""
    found = []
    for entry in routed_chunk.head.entries:
        declared = entry.declaration
        name = naming.case_id(declared.id, "eu-customs", PROCEDURE_IMPORT)
        case = Case(id=name, authority="eu-customs", procedure=PROCEDURE_IMPORT, version=1, round=1)
        decision = Decision(
            id=f"d-{declared.id}", case=case, judged_version=declared.version, stage=STAGE_ADVANCE, code=code
        )
        response_id = naming.response_id(name, declared.version, decision.id)
        found.append(Release(response_id=response_id, declaration=declared, decision=decision))
    return found


@asynccontextmanager
async def opened(folder, queue=None, **settings):
    """Run a house; leaving it is an orderly stop."""
    house = House(folder, queue, **settings)
    await house.bus.open()
    facts = Consumer("monitor", "monitor.facts", house_ignores, lambda message: [message])
    router = Consumer("router", "router.advance", house.route, chunk.split)
    serving = asyncio.create_task(house.runner.run([*house.service.consumers(), facts, router]))
    running = asyncio.create_task(house.service.run(house.stop))
    try:
        yield house
    finally:
        house.stop.set()
        house.runner.stop()
        await asyncio.gather(serving, running)
        await house.http.aclose()
        await house.store.close()


async def house_ignores(_messages):
    return Outcome()


def with_partner(house, partner, **changes):
    """Change a partner's profile for this house only."""
    house.partners._by_id = {
        **house.partners._by_id,
        partner: dataclasses.replace(house.partners.get(partner), **changes),
    }


def result(path):
    return json.loads(path.read_text("utf-8"))
