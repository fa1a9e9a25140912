"""The cluster: items a second, CPU of an item by part, one item idle and beside bulk; broker and database included.

Interchanges of 1,000 items come in by HTTP, all at once; a round lasts from the first byte sent until the last response
stands in the delivery log. CPU is counted until facts are projected and messages are handed out too.
"""

import asyncio
import secrets
import statistics
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import aio_pika
import yardstick
from cluster_stage import Stage
from documents import OTHER_POST, POST, documents, many
from row import Row, percentile, row
from stage import folder

SIZE = 1000
_RATE = 6500
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


class Measured(NamedTuple):
    """A round: items a second, the yardstick of its time, and CPU microseconds an item by process."""

    rate: float
    yard: float
    parts: dict[str, float]


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
        rounds = {size: _round(stage, many(POST, size, SIZE, seed=number)) for number, size in enumerate(sizes, 8)}
    least = rounds[min(rounds)]
    found += [
        _growth_row(f"cluster: {size:,} items at once", one, least, "peer is the smallest number")
        for size, one in rounds.items()
    ]
    load = documents(POST, 20, SIZE, seed=99)
    with Stage(folder("instances"), instances) as stage:
        _round(stage, load[:4])
        several = _round(stage, load[4:])
    one = rounds.get(10_000, least)
    found.append(
        _growth_row(f"cluster: {instances} processes of each service", several, one, "peer is one process of each")
    )
    return found


def _growth_row(name: str, one: Measured, peer: Measured, note: str) -> Row:
    micros = sum(one.parts.values())
    note = f"{note}; {micros:.0f} µs CPU an item = {micros / one.yard:.1f}x lxml (peer {sum(peer.parts.values()) / peer.yard:.1f}x)"
    return row(name, one.rate, peer.rate, one.rate * one.yard / (peer.rate * peer.yard), "items/s", note=note)


def _round(stage: Stage, load: Iterable[bytes]) -> Measured:
    """Measure from the first byte sent; the yardstick before and after, for machines drift."""
    yards = [yardstick.measure()]
    known, before, began = stage.accepted(), stage.cpu(), time.time()
    for document in load:
        stage.hand_in(POST, document)
    stage.wait_until_quiet()
    after, items = stage.cpu(), stage.accepted() - known
    rate = items / (stage.logged_at() - began)
    yards.append(yardstick.measure())
    parts = {part: (after[part] - before.get(part, 0)) / items * 1e6 for part in after}
    return Measured(rate, statistics.mean(yards), parts)


def _rate_rows(measured: list[Measured], which: str) -> list[Row]:
    """Make the rows of rounds: of each figure the median of its multiples of the yardstick."""
    yard = statistics.median(one.yard for one in measured)
    # An item's share of the time, in the yardsticks of its own round.
    share = statistics.median(1e6 / one.rate / one.yard for one in measured) * yard
    parts = {
        part: statistics.median(one.parts[part] / one.yard for one in measured) * yard for part in measured[0].parts
    }
    rate = (
        f"{1e6 / share:,.0f} items a second; 6,500 where lxml takes 25 µs; quorum queues, interchanges of 1,000 by HTTP"
    )
    each = ", ".join(f"{part} {micros:.0f}" for part, micros in parts.items())
    found = [
        yardstick.against(f"cluster{which}: time of an item", share, yard, 1e6 / _RATE, unit="µs", note=rate),
        yardstick.against(f"cluster{which}: CPU of an item, everything", sum(parts.values()), yard, 260, note=each),
    ]
    for name, (processes, most) in _BUDGETS.items():
        micros = sum(parts.get(one, 0) for one in processes)
        found.append(yardstick.against(f"cluster{which}: {name}", micros, yard, most))
    return found


def _latency(stage: Stage, idle: list[bytes], beside: list[bytes], bulk: list[bytes]) -> list[Row]:
    _send(stage, idle[:10])
    hops = asyncio.run(_hops(stage.broker.url, 100, _REST_SECONDS))
    alone = _send(stage, idle[10:])
    hops += asyncio.run(_hops(stage.broker.url, 100, _REST_SECONDS))
    running = statistics.median(asyncio.run(_hops(stage.broker.url, 200, 0)))
    yards = [yardstick.measure()]
    crowded = statistics.median(taken := _beside_bulk(stage, beside, bulk))
    yard = statistics.mean([*yards, yardstick.measure()])
    hop, middle, late = statistics.median(hops), statistics.median(alone), percentile(alone, 0.99)
    # The design's milliseconds are those of a machine on which 15 hops take 10, and lxml 25 µs an item.
    latest, most = 30 / 10 * 15, 60 * yard / yardstick.REFERENCE_MICROS
    seen = (
        "from the first byte sent until another process sees the row; peer is publish, confirm, receive, acknowledge,"
        f" as rarely as the items ({running:.2f} ms one after the other)"
    )
    return [
        row("cluster: one item, idle: sent to response logged, p50", middle, hop, middle / hop, "ms",
            budget="<= 15x one hop of the broker", holds=middle <= 15 * hop, note=seen),
        row("cluster: one item, idle: sent to response logged, p99", late, hop, late / hop, "ms",
            budget=f"<= {latest:g}x one hop (30 ms where 15 take 10)", holds=late <= latest * hop, note=seen),
        row(f"cluster: one item beside {_IN_FLIGHT} interchanges of 1,000 in flight, p50", crowded,
            middle, crowded / middle, "ms", budget=f"<= {most:.0f} ms (60 where lxml takes 25 µs)",
            holds=crowded <= most, note=f"{len(taken)} items; lxml takes {yard:.1f}; peer is the same item, idle"),
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
        tag = await queue.consume(arrived.put)
        body, taken = secrets.token_bytes(2000), []
        for _ in range(count):
            began = time.perf_counter()
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, name, mandatory=True)
            await (await arrived.get()).ack()
            taken.append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(rest)
        await queue.cancel(tag)
        await queue.delete(if_unused=False, if_empty=False)
    finally:
        await connection.close()
    return taken


if __name__ == "__main__":
    for each in rows():
        print(each["name"], each["ours"], each["unit"], each["note"])
