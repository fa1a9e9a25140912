"""Reads and plays talks with the router: a real store and bus, a real runner, and two services that answer by script."""

import asyncio
import re
from collections import Counter, defaultdict
from itertools import chain

from houses import store_and_bus
from parcelgate.api.clearance.v1.clearance_pb2 import DecideRequest, DecideResponse
from parcelgate.api.record.v1.assessment_pb2 import Assessment
from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_DECLARATIONS, CHUNK_KIND_FILINGS, Chunk, ChunkEntry
from parcelgate.api.record.v1.decision_pb2 import Decision, DecisionCode, Release, Report, Stage
from parcelgate.api.record.v1.declaration_pb2 import (
    ENVIRONMENT_TEST,
    FLOW_IMPORT,
    Declaration,
    DeclarationKey,
    Function,
    Provenance,
)
from parcelgate.api.record.v1.fact_pb2 import FactBatch
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.record.v1.item_pb2 import ITEM_SCHEME_S10, Item, ItemKey, Party
from parcelgate.api.record.v1.quantity_pb2 import Instant
from parcelgate.api.risk.v1.risk_pb2 import AssessRequest, AssessResponse
from parcelgate.app.topology import QUEUES
from parcelgate.core.bell import Bell
from parcelgate.core.charge import Alone
from parcelgate.core.chunk import Address, pack
from parcelgate.core.clock import FixedClock
from parcelgate.core.credential import Credentials
from parcelgate.core.fact import each
from parcelgate.core.naming import case_id, declaration_id, filing_id
from parcelgate.core.partner import Partners
from parcelgate.core.port import Message, Outcome, TryAgainError
from parcelgate.core.press import arrived
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault
from parcelgate.core.setting import Settings
from parcelgate.router.agreement import Agreements
from parcelgate.router.book import Book, DeclarationRow
from parcelgate.router.drain import Drain
from parcelgate.router.report import Reporter
from parcelgate.router.service import RouterService

NOW = 1_795_000_000_000_000
PARTY = "Violet Quarrington"
SECONDS = {"s": 1, "h": 3600, "d": 86_400}
PROCEDURES = {"eu-ics2": 1, "gb-security": 1}


class Fake:
    """Risk or clearance, answering by script; the default is that all is well."""

    def __init__(self, usual: str) -> None:
        self.usual = usual
        self.away = False
        # Items on which risk has not answered yet, so that clearance hears nothing from it.
        self.without_risk: set[str] = set()
        self.codes: dict[str, tuple[str, str]] = {}
        self.pending: set[str] = set()
        self.failing: set[str] = set()
        self.hanging: set[str] = set()
        self.heard: Counter[str] = Counter()
        self.sizes: list[int] = []
        self.call_ids: defaultdict[str, set[str]] = defaultdict(set)

    def script(self, item: str) -> None:
        for kept in (self.codes, self.pending, self.failing, self.hanging):
            kept.pop(item, None) if isinstance(kept, dict) else kept.discard(item)

    async def answer(self, request, response):
        if self.away:
            raise TryAgainError("UNAVAILABLE")
        self.sizes.append(len(request.calls))
        for call in request.calls:
            item = call.declaration.key.item.identifier
            assert call.declaration.item.parties[0].name == PARTY, "the item travels with the call"
            self.heard[item] += 1
            self.call_ids[item].add(call.call_id)
        if any(call.declaration.key.item.identifier in self.hanging for call in request.calls):
            await asyncio.sleep(60)
        for call in request.calls:
            item = call.declaration.key.item.identifier
            result = response.results.add(call_id=call.call_id)
            if item in self.failing:
                result.fault.CopyFrom(Fault(code="INTERNAL_FAULT", sentence="it broke"))
            elif item in self.pending:
                result.pending = True
            else:
                self.decide(call, result, *self.codes.get(item, (self.usual, "ADVANCE")))
        return response

    def decide(self, call, result, code: str, stage: str) -> None:
        if self.usual == "ASSESSMENT_COMPLETE":
            result.assessment.CopyFrom(Assessment(id=f"assessment {call.call_id}", score=10))
        else:
            assert call.assessment.id or call.declaration.key.item.identifier in self.without_risk, (
                "clearance gets what risk found"
            )
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", call.acceptance_date)
        if call.HasField("case"):
            decided = Decision(id=f"d{call.call_id}", stage=f"STAGE_{stage}", code=f"DECISION_CODE_{code}")
            result.decision.CopyFrom(decided)


class Talk:
    """The router with everything around it, and the lines of a talk as methods."""

    def __init__(self, folder, agreements: Agreements | None = None) -> None:
        self.store, self.bus = store_and_bus(folder / "parcelgate.sqlite", QUEUES)
        self.clock = FixedClock(NOW)
        self.runner = Runner(self.store, self.bus, self.clock, Bell())
        self.vault = Vault(b"0" * 32, self.store)
        self.partners = Partners()
        self.risk, self.clearance = Fake("ASSESSMENT_COMPLETE"), Fake("RELEASED")
        self.clearance.without_risk = self.risk.pending
        self.service = RouterService(
            charge=Alone(),
            runner=self.runner,
            vault=self.vault,
            partners=self.partners,
            credentials=Credentials(folder, self.partners),
            settings=Settings(data=folder, call_seconds=0.05),
            assess=lambda body: self.risk.answer(AssessRequest.FromString(body), AssessResponse()),
            decide=lambda body: self.clearance.answer(DecideRequest.FromString(body), DecideResponse()),
            agreements=agreements or Agreements(),
        )
        self.consumer = self.service.consumers()[0]
        self.drain = Drain(self.service.desk, Alone())
        self.key = self.vault.new_key()
        self.key_is_new = True
        self.ids: dict[str, str] = {}
        self.entries: list[tuple[str, ChunkEntry, bytes]] = []
        self.last: list[Message] = []
        self.sent: list[str] = []
        self.last_filed: dict[str, str] = {}
        self.facts: dict[str, tuple[str, str, str]] = {}
        self.number = 0

    async def play(self, text: str) -> None:
        for number, line in enumerate(text.splitlines(), 1):
            words = line.partition("#")[0].split()
            if words:
                try:
                    await self.line(words)
                except AssertionError as error:
                    raise AssertionError(f"line {number}, {line.strip()!r}: {error}") from error

    async def line(self, words: list[str]) -> None:
        match words:
            case ["declare" | "garble", item, version, *rest]:
                self.declare(words[0], item, int(version[1:]), *_options(rest))
            case ["send"]:
                await self.send()
            case ["send", "again"]:
                await self.deliver(self.last)
            case ["risk" | "clearance" as name, *rest]:
                self.script(getattr(self, name), rest)
            case ["report", *rest]:
                await self.report(rest)
            case ["wait", count, unit]:
                self.clock.now += int(count) * SECONDS[unit] * 1_000_000
                await self.look()
            case ["reprocess", item, "->", count]:
                assert await self.service.reprocess(self.ids[item]) == int(count)
            case _:
                await self.expect(words)

    async def expect(self, words: list[str]) -> None:
        match words:
            case ["erase", _]:
                await self.store.erase(self.key.id)
                self.vault.forget(self.key.id)
                self.key, self.key_is_new = self.vault.new_key(), True
            case ["released" | "filed", *rest]:
                await self.collect()
                assert " ".join([words[0], *rest]) in self.sent, f"sent was {self.sent}"
                self.sent.remove(" ".join([words[0], *rest]))
            case ["nothing", "more"]:
                await self.collect()
                assert self.sent == []
            case ["case", item, authority, state, version, "round", count]:
                cases = (await self.stands(item)).cases.values()
                shown = {case.authority: f"{case.state} v{case.version} round {case.round}" for case in cases}
                assert shown.get(authority) == f"{state} {version} round {count}", shown
            case ["declaration", item, state, version]:
                found = await self.stands(item)
                assert f"{found.state} v{found.version}" == f"{state} {version}"
            case ["fact", kind, item, *code]:
                await self.collect()
                found = [fact for fact in self.facts.values() if fact[:2] == (kind, item)]
                assert any(not code or fact[2] == code[0] for fact in found), (
                    f"facts were {sorted(self.facts.values())}"
                )
            case ["no", "fact", kind, item]:
                await self.collect()
                assert not [fact for fact in self.facts.values() if fact[:2] == (kind, item)]
            case ["asked", name, count, "times", "about", item]:
                assert getattr(self, name).heard[item] == int(count), getattr(self, name).heard
            case ["dead", count]:
                assert len(await self.store.dead(10)) == int(count)
            case _:
                raise AssertionError("this line means nothing")

    def declare(self, kind: str, item: str, version: int, options: dict[str, str]) -> None:
        declaration = self.declaration(item, version, options)
        # Whoever handed it in knows only the key of a cancelled item.
        parties = [] if options["function"] == "cancel" else [Party(name=PARTY)]
        content = Item(
            key=declaration.key.item,
            destination_country=options.get("to", ""),
            origin_country="CN",
            parties=parties,
        )
        sealed = self.vault.seal(self.key.id, content.SerializeToString())
        if kind == "garble":
            sealed = bytes(byte ^ 255 for byte in sealed)
        entry = ChunkEntry(declaration=declaration, data_key=self.key.id)
        self.entries.append((options.get("by", "post-cn"), entry, sealed))

    def declaration(self, item: str, version: int, options: dict[str, str]) -> Declaration:
        posted = options.get("posted", "2026-11-20")
        key = DeclarationKey(
            item=ItemKey(scheme=ITEM_SCHEME_S10, issuer="CN", identifier=item, posting_date=posted),
            flow=FLOW_IMPORT,
            partner=options.get("by", "post-cn"),
            environment=ENVIRONMENT_TEST,
        )
        self.ids[item] = declaration_id(key)
        return Declaration(
            id=self.ids[item],
            key=key,
            version=version,
            function=Function.Value(f"FUNCTION_{options['function'].upper()}"),
            canonical_hash=f"1:{version}",
            provenance=Provenance(receipt=f"r{item}{version}", item_number=1, received=Instant(utc_micros=NOW)),
        )

    async def send(self) -> None:
        self.last = []
        by_partner: defaultdict[str, list[tuple[ChunkEntry, bytes]]] = defaultdict(list)
        for partner, entry, sealed in self.entries:
            by_partner[partner].append((entry, sealed))
        self.entries = []
        self.number += 1
        for partner, entries in by_partner.items():
            channel = self.partners.get(partner).channel
            address = Address("advance", channel, CHUNK_KIND_DECLARATIONS, ENVIRONMENT_TEST, partner, FLOW_IMPORT)
            self.last += pack(address, entries, f"chunk {self.number}")
        await self.deliver(self.last)

    async def deliver(self, messages: list[Message]) -> None:
        if self.key_is_new:
            await self.runner.transact(Outcome(keys=[self.key]))
            self.key_is_new = False
        await self.runner.work(self.consumer, messages)

    @staticmethod
    def script(fake: Fake, rest: list[str]) -> None:
        match rest:
            case ["answers", item, code, *stage]:
                fake.script(item)
                fake.codes[item] = (code, stage[0] if stage else "ADVANCE")
            case ["is", "pending", "on", item]:
                fake.script(item)
                fake.pending.add(item)
            case ["fails", "on", item]:
                fake.failing.add(item)
            case ["hangs", "on", item]:
                fake.hanging.add(item)
            case ["is", "away" | "back" as where]:
                fake.away = where == "away"
            case _:
                raise AssertionError("this line means nothing")

    async def report(self, rest: list[str]) -> None:
        arrow = rest.index("->")
        authority, decision_id, item, stage, code, *more = rest[:arrow]
        options = dict(zip(more[::2], more[1::2], strict=True))
        decision = Decision(
            id=decision_id,
            stage=Stage.Value(f"STAGE_{stage}"),
            code=DecisionCode.Value(f"DECISION_CODE_{code}"),
            judged_version=int(options.get("judging", "0")),
            revokes=options.get("revokes", ""),
        )
        report = Report(authority=authority, decision=decision)
        if "case" in options:
            owner = options["case"]
            if item not in self.ids:
                self.declaration(item, 1, {"function": "original"})
            report.case_id = case_id(self.ids[item], owner, PROCEDURES.get(owner, 2))
        else:
            report.declaration.item.identifier = item
            report.declaration.item.posting_date = options.get("posted", "")
        partner = self.partners.get(options["as"]) if "as" in options else self.partners.of_authority(authority)
        reporter = Reporter.of(partner) if partner else Reporter("test", authority)
        (result,) = await self.service.desk.report(reporter, [report])
        shown = [result.outcome, *(fault.code for fault in result.faults)]
        assert shown == rest[arrow + 1 :], f"the outcome was {shown}"

    async def stands(self, item: str) -> DeclarationRow:
        return (await Book.load(self.store, [self.ids[item]])).declarations[self.ids[item]]

    async def look(self) -> None:
        for later in await self.store.due("router", self.clock.micros(), 100):
            await self.runner.work(self.consumer, [later.message], later.attempts)
        await self.drain.look()

    async def collect(self) -> None:
        await self.runner.sent(5)
        for queue in ("postal.release", "carrier.release", "monitor.facts"):
            while await self.bus.depth(queue):
                received = await self.bus.receive(queue, 100)
                for one in received:
                    self.note(arrived(one.message), queue)
                await self.bus.acknowledge(received)

    def note(self, message: Message, queue: str) -> None:
        assert PARTY.encode() not in message.body, "party text left the seal"
        if queue == "monitor.facts":
            for fact in chain.from_iterable(map(each, FactBatch.FromString(message.body).facts)):
                self.facts[fact.id] = (fact.kind, fact.item, fact.code)
            return
        chunk = Chunk.FromString(message.body)
        for entry, body in zip(chunk.head.entries, chunk.items, strict=True):
            if chunk.head.kind == CHUNK_KIND_FILINGS:
                item = Item.FromString(self.vault.open(entry.data_key, body))
                assert item.key.identifier == entry.declaration.key.item.identifier
                where = (entry.declaration.key.item.identifier, f"v{entry.declaration.version}", chunk.head.authority)
                self.sent.append(" ".join(("filed", *where)))
                # Whoever logs filings can put them in order: each names the one before it.
                assert entry.follows == self.last_filed.get(entry.case.id, "")
                self.last_filed[entry.case.id] = filing_id(entry.case)
            else:
                self.sent.append(_shown(Release.FromString(body), chunk))

    async def close(self) -> None:
        await self.store.close()


def _shown(release: Release, chunk: Chunk) -> str:
    declaration, decision = release.declaration, release.decision
    assert release.response_id and declaration.provenance.receipt and decision.decided.utc_micros
    assert decision.judged_version == decision.case.version == declaration.version
    assert chunk.head.partner == declaration.key.partner and chunk.head.authority == decision.case.authority
    return " ".join(
        (
            "released",
            declaration.key.item.identifier,
            f"v{declaration.version}",
            decision.case.authority,
            Stage.Name(decision.stage).removeprefix("STAGE_"),
            DecisionCode.Name(decision.code).removeprefix("DECISION_CODE_"),
            *(reason.code for reason in decision.reasons),
        )
    )


def _options(words: list[str]) -> list[dict[str, str]]:
    function = "original"
    if words and words[0] in ("original", "amend", "cancel"):
        function, words = words[0], words[1:]
    return [{"function": function, **dict(zip(words[::2], words[1::2], strict=True))}]
