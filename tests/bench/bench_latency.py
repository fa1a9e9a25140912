"""One item: from the moment a post begins to send it until its response stands in the delivery log, idle and beside bulk.

Both ends are seen from outside, by a client and by another reader of the store's file, so that the doors are in the figure.
"""

import asyncio
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from documents import OTHER_POST, POST, documents
from row import Row, percentile, row
from stage import Gateway, folder

from parcelgate.adapters.bus.embedded.bus import EmbeddedBus
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.core.port import Message, Queue

ROUNDS = 5
_LOOK_SECONDS = 0.0005
_PATIENCE_SECONDS = 30
_IN_FLIGHT = 4
# About one chunk with one item.
_BODY = b"x" * 2000


def rows(items: int = 30, bulk: int = 16) -> list[Row]:
    """Measure single items and hops of the bus in turn, then single items beside bulk."""
    singles = documents(OTHER_POST, ROUNDS * items + 200, 1, seed=2)
    waiting = iter(singles)
    idle: list[float] = []
    hops: list[float] = []
    with Gateway(folder("latency")) as gateway:
        _send(gateway, [next(waiting) for _ in range(20)])
        for number in range(ROUNDS):
            hops += asyncio.run(_hops(folder(f"hop-{number}"), items))
            idle += _send(gateway, [next(waiting) for _ in range(items)])
        beside = _beside_bulk(gateway, list(waiting), documents(POST, bulk, 1000, seed=3))
    hop, middle, late = statistics.median(hops), statistics.median(idle), percentile(idle, 0.99)
    seen = "from the first byte sent until another process sees the row; peer is publish, receive, acknowledge"
    return [
        row("one item, idle: sent to response logged, p50 (embedded)", middle, hop, middle / hop, "ms",
            budget="<= 15x one hop of the bus", holds=middle <= 15 * hop, note=seen),
        row("one item, idle: sent to response logged, p99 (embedded)", late, hop, late / hop, "ms",
            budget="<= 30 ms", holds=late <= 30, note=seen),
        row(f"one item beside {_IN_FLIGHT} interchanges of 1,000 in flight, p50 (embedded)", statistics.median(beside),
            middle, statistics.median(beside) / middle, "ms", budget="<= 60 ms",
            holds=statistics.median(beside) <= 60, note=f"{len(beside)} items; peer is the same item, idle"),
    ]  # fmt: skip


def _send(gateway: Gateway, singles: Sequence[bytes]) -> list[float]:
    """Send one after the other; returns milliseconds for each."""
    taken = []
    for document in singles:
        last, began = gateway.last_sequence(OTHER_POST), time.perf_counter()
        gateway.hand_in(OTHER_POST, document)
        while gateway.last_sequence(OTHER_POST) == last:
            assert time.perf_counter() - began < _PATIENCE_SECONDS, "no response came"
            time.sleep(_LOOK_SECONDS)
        taken.append((time.perf_counter() - began) * 1e3)
        # Facts and messages of this one are not to be in the way of the next.
        time.sleep(0.02)
    return taken


def _beside_bulk(gateway: Gateway, singles: Sequence[bytes], bulk: Sequence[bytes]) -> list[float]:
    """Send single items for as long as bulk is in flight; its sender hands in the next when one has ended."""
    busy = threading.Event()
    ended = threading.Event()

    def load() -> None:
        client = gateway.client(POST)
        flying: list[str] = []
        for document in bulk:
            while len(flying) == _IN_FLIGHT:
                flying = [one for one in flying if _state(client, one) not in ("ROUTED", "REJECTED")]
                time.sleep(0.05)
            flying.append(gateway.hand_in(POST, document))
            if len(flying) == _IN_FLIGHT:
                busy.set()
        ended.set()

    gateway.client(POST)
    sender = threading.Thread(target=load)
    sender.start()
    busy.wait()
    taken: list[float] = []
    for document in singles:
        if ended.is_set():
            break
        taken += _send(gateway, [document])
    sender.join()
    gateway.wait_until_quiet()
    return taken


def _state(client: object, receipt: str) -> str:
    return client.get(f"/v1/interchanges/{receipt}", params={"limit": 1}).json()["state"]  # type: ignore[attr-defined]


async def _hops(place: Path, count: int) -> list[float]:
    """Send messages through an embedded bus on the same disk; returns milliseconds for each."""
    store = SqliteStore(place / "hop.sqlite")
    bus = EmbeddedBus(store, [Queue("hop", topic="advance", channel="*", consumer="hop")])
    await bus.open()
    taken = []
    for number in range(count):
        began = time.perf_counter()
        await bus.publish([Message(f"hop-{number}", "advance", "test.postal.post-us", _BODY)])
        await bus.acknowledge(await bus.receive("hop", 8))
        taken.append((time.perf_counter() - began) * 1e3)
    await store.close()
    return taken


if __name__ == "__main__":
    for each in rows():
        print(each)
