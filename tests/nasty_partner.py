"""The nastiest partner: a real gateway in a process of its own, hands that give it anything, and what to expect of it.

Good interchanges are made here as well, so that each bad one has a good one beside it that must not notice.
"""

import contextlib
import itertools
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
from gateway_process import GatewayProcess
from load import DAY, document

from parcelgate.api.carrier.v1.carrier_pb2 import Shipment, SubmitRequest
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.app.sample.plan import Plan
from parcelgate.app.sample.traffic import Sample, traffic
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners

SECONDS = 30
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def s10(number: int, country: str = "JP", service: str = "RX") -> str:
    """Return an S10 identifier with its check digit."""
    serial = f"{number:08}"
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(serial, _WEIGHTS, strict=True)) % 11
    return f"{service}{serial}{ {10: 0, 11: 5}.get(rest, rest) }{country}"


def clean(channel: str, count: int = 1) -> list[Sample]:
    """Return samples that nothing is wrong with and that are judged at once."""
    found = (
        one for one in traffic(11, 400, day=DAY, channel=channel, plan=Plan())
        if one.ailment is None and one.version == 1 and one.item.destination_country in ("DE", "FR", "ES", "NL", "IT")
    )  # fmt: skip
    return list(itertools.islice(found, count))


class Writer:
    """Writes good interchanges, each with items and a reference of its own."""

    def __init__(self, partner: str, start: int, template: Sample | None = None) -> None:
        self.partner = partner
        self._template = template or clean("post")[0]
        self._numbers = itertools.count(start)

    def samples(self, count: int, change: Callable[[Item], None] | None = None) -> list[Sample]:
        """Return samples with new identifiers."""
        found = []
        for _ in range(count):
            item = Item()
            item.CopyFrom(self._template.item)
            item.key.identifier = s10(next(self._numbers))
            if change is not None:
                change(item)
            found.append(Sample(item, self._template.flow, self._template.function, None, 1))
        return found

    def write(self, count: int = 2, reference: str = "", change: Callable[[Item], None] | None = None) -> bytes:
        """Return a good interchange."""
        return document(self.partner, reference or self.reference(), self.samples(count, change))

    def reference(self) -> str:
        """Return a reference that was not used before."""
        return f"{self.partner.upper()}-{next(self._numbers)}"


@dataclass(slots=True)
class Answer:
    """What a sender got: the status, the faults of the whole and, once it ended, the outcome."""

    status: int
    faults: list[dict[str, Any]]
    receipt: str = ""
    outcome: dict[str, Any] = field(default_factory=dict)

    @property
    def codes(self) -> list[str]:
        """Return the codes of the whole."""
        return [one["code"] for one in self.faults]

    def of_item(self, number: int) -> list[dict[str, Any]]:
        """Return the faults of an item."""
        return next(one["faults"] for one in self.outcome["items"] if one["number"] == number)

    def statuses(self) -> list[str]:
        """Return what became of the items, in their order."""
        return [one["status"] for one in sorted(self.outcome["items"], key=lambda one: one["number"])]


class Gateway:
    """A real gateway and its partners' hands."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)
        self.process = GatewayProcess(self.data)
        self.process.start()
        self._credentials = Credentials(self.data, Partners())
        self._http = httpx.Client(trust_env=False, timeout=60)
        self._channel = grpc.insecure_channel(self.process.grpc)

    def close(self) -> None:
        """Stop it in order."""
        self._channel.close()
        self._http.close()
        self.process.stop()

    def key(self, partner: str) -> str:
        """Return a partner's key."""
        return self._credentials.local_key(partner)

    def ask(
        self,
        method: str,
        path: str,
        partner: str = "",
        body: bytes | str | Iterable[bytes] | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Send a request; without a partner it has no key."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if partner:
            named["Authorization"] = f"Bearer {self.key(partner)}"
        return self._http.request(method, self.process.http + path, content=body, headers=named)

    def get(self, path: str, partner: str = "") -> httpx.Response:
        """Get a path."""
        return self.ask("GET", path, partner)

    def call(self, method: str, body: bytes, partner: str = "", key: str = "") -> tuple[grpc.StatusCode, str, str]:
        """Call a gRPC method with bytes; returns status, details and fault code."""
        secret = key or (self.key(partner) if partner else "")
        metadata = (("authorization", f"Bearer {secret}"),) if secret else ()
        try:
            self._channel.unary_unary(method)(body, metadata=metadata, timeout=20)
        except grpc.RpcError as error:
            trailing = dict(error.trailing_metadata() or ())
            return error.code(), error.details() or "", trailing.get("parcelgate-fault-code", "")
        return grpc.StatusCode.OK, "", ""

    def hand_in(self, body: bytes | Iterable[bytes], partner: str = "post-jp", **headers: str) -> Answer:
        """Hand an interchange in and wait until it came to its end."""
        response = self.ask("POST", "/v1/interchanges", partner, body, **headers)
        if response.status_code != 202:
            return Answer(response.status_code, response.json()["faults"])
        receipt = response.json()["receipt"]
        outcome = self.ended(receipt, partner)
        return Answer(202, outcome["faults"], receipt, outcome)

    def ended(self, receipt: str, partner: str) -> dict[str, Any]:
        """Wait until an interchange came to its end, and each accepted item to its decision."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            outcome = self.get(f"/v1/interchanges/{receipt}?limit=1000", partner).json()
            counts = outcome["counts"]
            if outcome["state"] == "REJECTED" or (
                outcome["state"] == "ROUTED" and counts["decided"] >= counts["accepted"]
            ):
                return outcome
            time.sleep(0.03)
        raise TimeoutError(f"{receipt} did not come to its end: {outcome['state']} {outcome['counts']}")

    def submit(self, body: bytes | str, partner: str = "carrier-swift", path: str = "/v1/shipments") -> httpx.Response:
        """Post a carrier's request."""
        return self.ask("POST", path, partner, body, Content_Type="application/json")

    def mailbox(self, partner: str) -> Path:
        """Return a partner's mailbox, once it is there."""
        folder = self.data / "mailboxes" / partner
        wait(lambda: (folder / "in").is_dir())
        return folder

    def result(self, partner: str, name: str) -> dict[str, Any]:
        """Wait for the result of a file."""
        places = [self.mailbox(partner) / where / f"{name}.result.json" for where in ("done", "error")]
        wait(lambda: any(place.is_file() for place in places))
        return json.loads(next(place for place in places if place.is_file()).read_text("utf-8"))

    @contextlib.contextmanager
    def beside(self, writer: Writer) -> Iterator[None]:
        """Hand a good interchange in before and one after what is done meanwhile; both must be decided as if alone."""
        receipts = [self._good(writer)]
        yield
        receipts.append(self._good(writer))
        for receipt in receipts:
            outcome = self.ended(receipt, writer.partner)
            counts = outcome["counts"]
            assert (outcome["state"], outcome["faults"]) == ("ROUTED", [])
            assert (counts["items"], counts["accepted"], counts["decided"]) == (2, 2, 2)
        assert self.process.alive
        assert "Traceback" not in self.process.log.read_text("utf-8")

    def _good(self, writer: Writer) -> str:
        response = self.ask("POST", "/v1/interchanges", writer.partner, writer.write())
        assert response.status_code == 202, response.text
        return response.json()["receipt"]

    def bytes_in_memory(self) -> int:
        """Return the resident memory of the gateway's processes together."""
        whole = psutil.Process(self.process.pid)
        total = 0
        for one in (whole, *whole.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += one.memory_info().rss
        return total

    @contextlib.contextmanager
    def memory_grows_at_most(self, limit: int) -> Iterator[None]:
        """Watch the memory meanwhile."""
        before = self.bytes_in_memory()
        seen, done = [before], threading.Event()

        def watch() -> None:
            while not done.wait(0.05):
                seen.append(self.bytes_in_memory())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
        assert max(seen) - before <= limit, f"memory grew by {(max(seen) - before) // 2**20} MiB"

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Read the store from outside."""
        with contextlib.closing(
            sqlite3.connect(f"file:{self.data / 'parcelgate.sqlite'}?mode=ro", uri=True, timeout=20)
        ) as store:
            return store.execute(query, arguments).fetchall()


def shipments(count: int, start: int) -> SubmitRequest:
    """Return a good request of a carrier."""
    template = clean("carrier")[0]
    request = SubmitRequest(request_id=f"nasty-{start:08}")
    for number in range(count):
        item = Item()
        item.CopyFrom(template.item)
        item.key.issuer = ""
        item.key.identifier = f"NASTY{start + number:08}"
        request.shipments.append(Shipment(item=item, flow=template.flow, client_reference=str(number)))
    return request


def wait(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not come to be so")
        time.sleep(0.03)


def line_of(document: bytes, mark: bytes) -> int:
    """Return the line on which a mark stands first."""
    return document[: document.index(mark)].count(b"\n") + 1
