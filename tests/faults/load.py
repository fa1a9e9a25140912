"""Load: posts by HTTP and mailbox, a carrier by HTTP, and a carrier's follower; each writes the journal after an answer.

Every client repeats what was not answered, with the same bytes and the same request id, as real clients do.
"""

import asyncio
import contextlib
import datetime
import itertools
import json
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import grpc
import grpc.aio
import httpx
from google.protobuf.json_format import MessageToJson

from parcelgate.api.carrier.v1.carrier_pb2 import FollowRequest, Shipment, SubmitRequest
from parcelgate.api.carrier.v1.carrier_pb2_grpc import DecisionServiceStub
from parcelgate.api.record.v1.declaration_pb2 import Declaration, DeclarationKey
from parcelgate.app.sample.plan import Plan
from parcelgate.app.sample.traffic import Sample, traffic
from parcelgate.codecs import translate

T = TypeVar("T")
# A connection that answers nothing any more is found out, and every attempt makes its own.
_CHANNEL = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),
)
DAY = datetime.date(2026, 11, 24)


class Journal:
    """Lines that have reached the disk before the next step is taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        self.counts: Counter[str] = Counter()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def write(self, door: str, **entry: object) -> None:
        """Write one line."""
        self._file.write(json.dumps({"door": door, **entry}) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.counts[door] += 1


def unending(make: Callable[[int], Iterator[T]], seed: int) -> Iterator[T]:
    """Yield what make makes of one seed after the other."""
    for number in itertools.count():
        yield from make(seed + number * 1000)


def interchanges(seed: int, items: int, size: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield partner, reference and document; destinations that answer in their own time are left out."""
    samples = (one for one in traffic(seed, items * 3, day=DAY, channel="post", plan=Plan()) if _answers_at_once(one))
    by_post: dict[str, list[Sample]] = {}
    for sample in itertools.islice(samples, items):
        by_post.setdefault(f"post-{sample.item.origin_country.lower()}", []).append(sample)
    for partner, found in sorted(by_post.items()):
        for number in range(0, len(found), size):
            reference = f"{partner}-{seed}-{number}".upper()
            yield partner, reference, document(partner, reference, found[number : number + size])


def bulk(seed: int, items: int = 1050) -> Iterator[tuple[str, str, bytes]]:
    """Yield one interchange that is translated and routed in several steps."""
    samples = (one for one in traffic(seed, 6000, day=DAY, channel="post", plan=Plan()) if _answers_at_once(one))
    chosen = list(itertools.islice((one for one in samples if one.item.origin_country == "CN"), items))
    reference = f"POST-CN-BULK-{seed}"
    yield "post-cn", reference, document("post-cn", reference, chosen)


def document(partner: str, reference: str, samples: list[Sample]) -> bytes:
    """Write a CUSITM interchange."""
    header = {
        "interchange_reference": reference,
        "message_reference": "1",
        "sender": partner,
        "recipient": "parcelgate",
        "prepared_at": {"utc_micros": 1_795_478_400_000_000, "written": "2026-11-24T00:00:00Z"},
        "test_indicator": True,
        "items_count": len(samples),
    }
    declarations = [
        Declaration(item=one.item, key=DeclarationKey(item=one.item.key, flow=one.flow), function=one.function)
        for one in samples
    ]
    return b"".join(translate.write("upu/cusitm/own-1", header, declarations))


def requests(seed: int, shipments: int, size: int) -> Iterator[SubmitRequest]:
    """Yield a carrier's requests."""
    samples = (
        one for one in traffic(seed, shipments * 3, day=DAY, channel="carrier", plan=Plan())
        if _answers_at_once(one) and one.version == 1 and one.ailment != "duplicate"
    )  # fmt: skip
    batch = list(itertools.islice(samples, shipments))
    for number in range(0, len(batch), size):
        chosen = [
            Shipment(item=one.item, flow=one.flow, client_reference=str(n))
            for n, one in enumerate(batch[number : number + size])
        ]
        for shipment in chosen:
            shipment.item.key.issuer = ""
        yield SubmitRequest(request_id=f"load-{seed}-{number:06}", shipments=chosen)


def _answers_at_once(sample: Sample) -> bool:
    return sample.item.destination_country != "NZ"


class Load:
    """Runs all clients against a gateway that may die at any moment.

    Address tells where a service is served now: its HTTP and its gRPC address. With impatience, that share of what was not
    answered is not repeated, so that nobody knows what became of it.
    """

    def __init__(
        self,
        address: Callable[[str], tuple[str, str]],
        keys: Callable[[str], str],
        journal: Journal,
        mailboxes: Path,
        impatience: float = 0.0,
    ):
        self._address = address
        self._keys = keys
        self._journal = journal
        self._mailboxes = mailboxes
        self._impatience = impatience
        self._chance = random.Random(impatience)
        self.enough = False
        # Partners that have a queue instead of a mailbox, with what hands in there.
        self.queues: dict[str, Callable[[str, bytes], Awaitable[dict]]] = {}

    async def post_interchanges(self, documents: Iterator[tuple[str, str, bytes]], rest_seconds: float = 0.0) -> None:
        """Hand interchanges in, every third through the mailbox or the queue, with a rest after each."""
        for number, (partner, reference, body) in enumerate(documents):
            if self.enough:
                return
            name = f"{reference}.xml"
            if number:
                await self._rest(rest_seconds)
            if number % 3 == 2:
                hand_in = self.queues[partner] if partner in self.queues else self._drop(partner)
                try:
                    receipt = (await hand_in(name, body))["receipt"]
                except asyncio.CancelledError:
                    self._journal.write(door="unsure", partner=partner, name=name)
                    raise
                self._journal.write(door="interchange", partner=partner, name=name, receipt=receipt, repeated=False)
                continue
            headers = {"Content-Type": "application/xml", "Parcelgate-File-Name": name}
            answer = await self._insist("postal", "/v1/interchanges", partner, body, headers)
            if answer is None:
                self._journal.write(door="unsure", partner=partner, name=name)
            else:
                receipt, repeated = answer["receipt"], answer["repeated"]
                self._journal.write(door="interchange", partner=partner, name=name, receipt=receipt, repeated=repeated)

    async def submit(self, partner: str, found: Iterator[SubmitRequest], rest_seconds: float = 0.0) -> None:
        """Hand shipments in, with a rest after each request."""
        for request in found:
            if self.enough:
                return
            await self._rest(rest_seconds)
            body, headers = MessageToJson(request).encode(), {"Content-Type": "application/json"}
            answer = await self._insist("carrier", "/v1/shipments", partner, body, headers)
            if answer is None:
                self._journal.write(door="unsure shipments", partner=partner, request=request.request_id)
                continue
            results = [
                {
                    "item": one.get("item", ""),
                    "outcome": one["outcome"],
                    "declaration_id": one.get("declarationId", ""),
                    "version": one.get("version", 0),
                }
                for one in answer["results"]
            ]
            repeated = answer.get("repeatedRequest", False)
            self._journal.write(
                door="shipments", partner=partner, request=request.request_id, repeated=repeated, results=results
            )

    async def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.enough and time.monotonic() < end:
            await asyncio.sleep(min(0.1, seconds))

    async def follow(self, partner: str) -> None:
        """Follow decisions for ever, resuming behind what the journal has."""
        token = ""
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError, OSError):
                async for response in self._following(partner, token):
                    self._journal.write(door="received", partner=partner, response_id=response.release.response_id)
                    token = response.resume_token
            await asyncio.sleep(0.05)

    async def pull(self, partner: str) -> None:
        """Pull decisions for ever, a few at a time, resuming behind what the journal has."""
        token = ""
        while True:
            page = await self._pulled(partner, token)
            for one in page.get("releases", ()):
                self._journal.write(door="received", partner=partner, response_id=one["release"]["responseId"])
                token = one["resumeToken"]
            await asyncio.sleep(0.0 if page.get("more") else 0.2)

    async def _pulled(self, partner: str, token: str) -> dict:
        headers = {"Authorization": f"Bearer {self._keys(partner)}"}
        query = {"limit": "50", **({"resume_token": token} if token else {})}
        with contextlib.suppress(httpx.TransportError):
            async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
                answer = await client.get(self._address("carrier")[0] + "/v1/decisions", params=query, headers=headers)
            if answer.is_success:
                return answer.json()
            assert answer.status_code == 503, f"{answer.status_code} {answer.text}"
        return {}

    async def _following(self, partner: str, token: str) -> AsyncIterator:
        metadata = (("authorization", f"Bearer {self._keys(partner)}"),)
        async with grpc.aio.insecure_channel(self._address("carrier")[1], options=_CHANNEL) as channel:
            call = DecisionServiceStub(channel).Follow(FollowRequest(resume_token=token), metadata=metadata)
            async for response in call:
                yield response

    async def _insist(self, service: str, path: str, partner: str, body: bytes, headers: dict[str, str]) -> dict | None:
        """Repeat until there is an answer; None if the client no longer waits for one."""
        headers = {"Authorization": f"Bearer {self._keys(partner)}", **headers}
        while True:
            try:
                async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
                    answer = await client.post(self._address(service)[0] + path, content=body, headers=headers)
                if answer.is_success:
                    return answer.json()
                assert answer.status_code == 503, f"{answer.status_code} {answer.text}"
            except httpx.TransportError:
                if self._chance.random() < self._impatience:
                    return None
            await asyncio.sleep(0.05)

    def _drop(self, partner: str) -> Callable[[str, bytes], Awaitable[dict]]:
        async def drop(name: str, body: bytes) -> dict:
            box = self._mailboxes / partner
            (box / "in").mkdir(parents=True, exist_ok=True)
            (box / "in" / f"{name}.tmp").write_bytes(body)
            (box / "in" / f"{name}.tmp").rename(box / "in" / name)
            results = [box / where / f"{name}.result.json" for where in ("done", "error")]
            while not any(path.is_file() for path in results):
                await asyncio.sleep(0.05)
            return json.loads(next(path for path in results if path.is_file()).read_text())

        return drop
