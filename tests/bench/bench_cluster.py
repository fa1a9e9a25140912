"""The cluster: items a second, CPU of an item by part, one item idle and beside bulk; broker and database included.

Interchanges of 1,000 items come in by HTTP, all at once; a round lasts from the first byte sent until the last response
stands in the delivery log. CPU is counted until facts are projected and messages are handed out too.
"""

import asyncio
import secrets
import statistics
import time
from collections.abc import Iterable, Sequence

import aio_pika
from cluster_stage import Stage
from documents import OTHER_POST, POST, documents, many
from row import Row, percentile, row
from stage import folder

SIZE = 1000
_IN_FLIGHT = 4
_LOOK_SECONDS = 0.0005
_PATIENCE_SECONDS = 60
# Between items, and between hops: a machine with nothing to do takes its time to wake up, for the one as for the other.
_REST_SECONDS = 0.02
# Processes that make up a part of the budget; the router's and the edges' own work has no part of its own there.
_BUDGETS = {
    "translation": (("translation",), 75),
    "bus and store (the engines alone)": (("RabbitMQ", "PostgreSQL"), 90),
    "risk": (("risk",), 40),
    "clearance": (("clearance",), 25),
    "monitor": (("monitor",), 30),
    "postal, without translation": (("postal",), None),
    "router": (("router",), None),
    "carrier": (("carrier",), None),
}


def rows(rounds: int = 3, interchanges: int = 8, singles: int = 100, bulk: int = 12) -> list[Row]:
    """Measure the rate and the parts, then single items."""
    load = documents(POST, rounds * interchanges + 2, SIZE, seed=1)
    with Stage(folder("cluster")) as stage:
        _round(stage, load[:2])
        measured = [_round(stage, load[start : start + interchanges]) for start in range(2, len(load), interchanges)]
        found = _rate_rows(measured, "")
        found += _rate_rows(
            [_round(stage, documents(POST, interchanges, SIZE, seed=4, full=True))], ", items of 65 elements"
        )[:2]
        alone = documents(OTHER_POST, singles + 400, 1, seed=2)
        found += _latency(stage, alone[:singles], alone[singles:], documents(POST, bulk, SIZE, seed=3))
    return found


def growth(most: int = 1_000_000, instances: int = 2) -> list[Row]:
    """Measure the rate of ten times as many items again and again, and of two processes of each service beside one."""
    found = []
    sizes = [10**power for power in range(3, 10) if 10**power <= most]
    with Stage(folder("growth")) as stage:
        _round(stage, documents(POST, 2, SIZE, seed=7))
        # As many at once as back-pressure lets in; the others wait at the door.
        rates = {size: _round(stage, many(POST, size, SIZE, seed=number))[0] for number, size in enumerate(sizes, 8)}
    least = rates[min(rates)]
    found += [
        row(
            f"cluster: {size:,} items at once", rate, least, rate / least, "items/s", note="peer is the smallest number"
        )
        for size, rate in rates.items()
    ]
    load = documents(POST, 20, SIZE, seed=99)
    with Stage(folder("instances"), instances) as stage:
        _round(stage, load[:4])
        rate, micros = _round(stage, load[4:])
    one = rates.get(10_000, least)
    note = f"peer is one process of each; {sum(micros.values()):.0f} µs CPU an item"
    found.append(row(f"cluster: {instances} processes of each service", rate, one, rate / one, "items/s", note=note))
    return found


def _round(stage: Stage, load: Iterable[bytes]) -> tuple[float, dict[str, float]]:
    """Return items a second, and CPU microseconds an item by process."""
    known, before, began = stage.accepted(), stage.cpu(), time.time()
    for document in load:
        stage.hand_in(POST, document)
    stage.wait_until_quiet()
    after, items = stage.cpu(), stage.accepted() - known
    rate = items / (stage.logged_at() - began)
    return rate, {part: (after[part] - before.get(part, 0)) / items * 1e6 for part in after}


def _rate_rows(measured: list[tuple[float, dict[str, float]]], which: str) -> list[Row]:
    rate = statistics.median(rate for rate, _ in measured)
    parts = {part: statistics.median(micros[part] for _, micros in measured) for part in measured[0][1]}
    whole = sum(parts.values())
    found = [
        row(f"cluster{which}: items a second", rate, None, None, "items/s", budget=">= 6,500", holds=rate >= 6500,
            note="RabbitMQ quorum queues and PostgreSQL on the same cores, interchanges of 1,000 by HTTP"),
        row(f"cluster{which}: CPU of an item, everything", whole, None, None, "µs CPU an item", budget="<= 260",
            holds=whole <= 260, note=", ".join(f"{part} {micros:.0f}" for part, micros in parts.items())),
    ]  # fmt: skip
    for name, (processes, most) in _BUDGETS.items():
        micros = sum(parts.get(one, 0) for one in processes)
        budget = None if most is None else f"<= {most}"
        holds = None if most is None else micros <= most
        found.append(row(f"cluster{which}: {name}", micros, None, None, "µs CPU an item", budget=budget, holds=holds))
    return found


def _latency(stage: Stage, idle: list[bytes], beside: list[bytes], bulk: list[bytes]) -> list[Row]:
    _send(stage, idle[:10])
    hops = asyncio.run(_hops(stage.broker.url, 100, _REST_SECONDS))
    alone = _send(stage, idle[10:])
    hops += asyncio.run(_hops(stage.broker.url, 100, _REST_SECONDS))
    running = statistics.median(asyncio.run(_hops(stage.broker.url, 200, 0)))
    crowded = _beside_bulk(stage, beside, bulk)
    hop, middle, late = statistics.median(hops), statistics.median(alone), percentile(alone, 0.99)
    seen = (
        "from the first byte sent until another process sees the row; peer is publish, confirm, receive, acknowledge,"
        f" as rarely as the items ({running:.2f} ms one after the other)"
    )
    return [
        row("cluster: one item, idle: sent to response logged, p50", middle, hop, middle / hop, "ms",
            budget="<= 15x one hop of the broker", holds=middle <= 15 * hop, note=seen),
        row("cluster: one item, idle: sent to response logged, p99", late, hop, late / hop, "ms", budget="<= 30 ms",
            holds=late <= 30, note=seen),
        row(f"cluster: one item beside {_IN_FLIGHT} interchanges of 1,000 in flight, p50", statistics.median(crowded),
            middle, statistics.median(crowded) / middle, "ms", budget="<= 60 ms",
            holds=statistics.median(crowded) <= 60, note=f"{len(crowded)} items; peer is the same item, idle"),
    ]  # fmt: skip


def _send(stage: Stage, singles: Sequence[bytes]) -> list[float]:
    """Send one after the other; returns milliseconds for each."""
    taken = []
    for document in singles:
        last, began = stage.last_sequence(OTHER_POST), time.perf_counter()
        stage.hand_in(OTHER_POST, document)
        while stage.last_sequence(OTHER_POST) == last:
            assert time.perf_counter() - began < _PATIENCE_SECONDS, "no response came"
            time.sleep(_LOOK_SECONDS)
        taken.append((time.perf_counter() - began) * 1e3)
        # Facts and messages of this one are not to be in the way of the next.
        time.sleep(_REST_SECONDS)
    return taken


def _beside_bulk(stage: Stage, singles: list[bytes], bulk: list[bytes]) -> list[float]:
    """Send single items for as long as bulk is in flight; the next interchange follows when one has ended."""
    flying = [stage.hand_in(POST, document) for document in bulk[:_IN_FLIGHT]]
    waiting = bulk[_IN_FLIGHT:]
    taken: list[float] = []
    for document in singles:
        flying = stage.in_flight(flying)
        while waiting and len(flying) < _IN_FLIGHT:
            flying.append(stage.hand_in(POST, waiting.pop(0)))
        if not waiting and len(flying) < _IN_FLIGHT:
            break
        taken += _send(stage, [document])
    stage.wait_until_quiet()
    return taken


async def _hops(url: str, count: int, rest: float) -> list[float]:
    """Send messages of one chunk with one item through a quorum queue, with a rest in between; milliseconds for each."""
    connection = await aio_pika.connect(url)
    try:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        name = f"hop-{secrets.token_hex(4)}"
        queue = await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
        arrived: asyncio.Queue[aio_pika.abc.AbstractIncomingMessage] = asyncio.Queue()
        await queue.consume(arrived.put)
        body, taken = secrets.token_bytes(2000), []
        for _ in range(count):
            began = time.perf_counter()
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, name, mandatory=True)
            await (await arrived.get()).ack()
            taken.append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(rest)
        await queue.delete(if_unused=False, if_empty=False)
    finally:
        await connection.close()
    return taken


if __name__ == "__main__":
    for each in rows():
        print(each["name"], each["ours"], each["unit"], each["note"])
