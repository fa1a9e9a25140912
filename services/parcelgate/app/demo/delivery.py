"""Hands the traffic in as its senders would: posts by HTTP or mailbox, carriers by gRPC stream or HTTP."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf import json_format

from parcelgate.api.carrier.v1.carrier_pb2 import (
    AmendRequest,
    AmendResponse,
    CancelResponse,
    PullRequest,
    SubmitRequest,
    SubmitResponse,
    SubmitResult,
)
from parcelgate.api.carrier.v1.carrier_pb2_grpc import CarrierServiceStub, DecisionServiceStub
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.app.client import Client
from parcelgate.app.demo.traffic import Traffic
from parcelgate.app.sample.interchange import Request, canonical_json
from parcelgate.app.sampling import Handover
from parcelgate.core.setting import Settings

_PATHS = {
    "SubmitRequest": "/v1/shipments",
    "AmendRequest": "/v1/shipments/amend",
    "CancelRequest": "/v1/shipments/cancel",
}

Step = Callable[[int], None]


@dataclass(slots=True)
class Sent:
    """What was answered when it was handed in."""

    receipts: dict[str, str] = field(default_factory=dict)
    """Receipt by reference."""
    partners: dict[str, str] = field(default_factory=dict)
    """Partner by receipt."""
    again: str = ""
    """Receipt given for the interchange that was sent twice."""
    results: dict[str, list[SubmitResult]] = field(default_factory=dict)
    """Results by carrier."""


class Delivery:
    """All senders of the demo."""

    def __init__(self, settings: Settings, traffic: Traffic, wait: float, step: Step) -> None:
        self._settings = settings
        self._traffic = traffic
        self._wait = wait
        self._step = step
        self._clients: dict[str, Client] = {}
        self.sent = Sent()

    def client(self, partner: str) -> Client:
        """Return the client of a partner; it holds its connection."""
        if partner not in self._clients:
            self._clients[partner] = Client(self._settings, partner)
        return self._clients[partner]

    def step_with(self, step: Step) -> None:
        """Show progress elsewhere from now on."""
        self._step = step

    def posts(self) -> None:
        """Hand all interchanges in; each post keeps to one door, so that its corrections come after their originals."""
        by_mailbox = self._mailbox_posts()
        dropped = []
        for handover in self._traffic.handovers:
            if handover.partner in by_mailbox:
                dropped.append((handover, self._drop(handover)))
            else:
                self._note(handover, self._post(handover))
            self._step(len(handover.interchange.samples))
        self.sent.again = self._post(self._traffic.resent)
        for handover, file in dropped:
            self._note(handover, self._result(file))

    def carriers(self) -> None:
        """Hand all requests in: one carrier by gRPC, the other by HTTP."""
        by_grpc = self._traffic.requests[0][0]
        over_grpc = [request for carrier, request in self._traffic.requests if carrier == by_grpc]
        self.sent.results[by_grpc] = asyncio.run(self._call(by_grpc, over_grpc))
        for carrier, request in self._traffic.requests:
            if carrier == by_grpc:
                continue
            answer = self.client(carrier).submit(_PATHS[type(request).__name__], canonical_json(request))
            response = json_format.ParseDict(answer, SubmitResponse(), ignore_unknown_fields=True)
            self.sent.results.setdefault(carrier, []).extend(response.results)
            self._step(len(response.results))

    def decisions(self, carrier: str) -> list[Release]:
        """Read all decisions of a carrier, page by page."""
        return asyncio.run(self._pull(carrier))

    def _mailbox_posts(self) -> set[str]:
        posts = sorted({handover.partner for handover in self._traffic.handovers} - {self._traffic.resent.partner})
        return set(posts[::2])

    def _note(self, handover: Handover, receipt: str) -> None:
        self.sent.receipts[handover.interchange.reference] = receipt
        self.sent.partners[receipt] = handover.partner

    def _post(self, handover: Handover) -> str:
        name = f"{handover.interchange.reference}.xml"
        receipt: str = self.client(handover.partner).post_bytes(name, handover.interchange.document)["receipt"]
        return receipt

    def _drop(self, handover: Handover) -> Path:
        folder = self._settings.mailbox_root / handover.partner / "in"
        folder.mkdir(parents=True, exist_ok=True)
        return handover.interchange.save(folder)

    def _result(self, file: Path) -> str:
        """Wait for the result file, as the post's own system would."""
        places = [file.parents[1] / name / f"{file.name}.result.json" for name in ("done", "error")]
        end = time.monotonic() + self._wait
        while time.monotonic() < end:
            for place in places:
                if place.is_file():
                    receipt: str = json.loads(place.read_text("utf-8"))["receipt"]
                    return receipt
            time.sleep(0.05)
        raise TimeoutError(f"no result file for {file.name} after {self._wait:.0f} seconds")

    async def _call(self, carrier: str, requests: Iterable[Request]) -> list[SubmitResult]:
        client = self.client(carrier)
        metadata = (("authorization", f"Bearer {client.key}"),)
        results: list[SubmitResult] = []
        async with grpc.aio.insecure_channel(client.where("carrier").grpc) as channel:
            stub = CarrierServiceStub(channel)
            for request in requests:
                response = await _ask(stub, request, metadata)
                results.extend(response.results)
                self._step(len(response.results))
        return results

    async def _pull(self, carrier: str) -> list[Release]:
        client = self.client(carrier)
        metadata = (("authorization", f"Bearer {client.key}"),)
        found: list[Release] = []
        async with grpc.aio.insecure_channel(client.where("carrier").grpc) as channel:
            token, more = "", True
            while more:
                page = await DecisionServiceStub(channel).Pull(
                    PullRequest(resume_token=token), metadata=metadata, timeout=20
                )
                found.extend(one.release for one in page.releases)
                token, more = page.resume_token, page.more
        return found


async def _ask(stub: Any, request: Request, metadata: Any) -> SubmitResponse:
    """Submit over the stream, amend and cancel by single calls; a correction must wait for its original."""
    if isinstance(request, SubmitRequest):
        call = stub.SubmitStream(iter([request]), metadata=metadata, timeout=30)
        async for response in call:
            answer: SubmitResponse = response
        return answer
    if isinstance(request, AmendRequest):
        amended: AmendResponse = await stub.Amend(request, metadata=metadata, timeout=30)
        return amended.response
    cancelled: CancelResponse = await stub.Cancel(request, metadata=metadata, timeout=30)
    return cancelled.response
