"""The durable pipeline as one embedded gateway: items a second, and CPU an item by part.

Interchanges of 1,000 items come in by HTTP, all at once; a round lasts from the first byte sent until the last response
stands in the delivery log. CPU is counted until facts are projected and messages are handed out too.
"""

import json
import statistics
import time

from documents import POST, documents
from metered import FILE
from row import Row, row
from stage import Gateway, folder

SIZE = 1000
_EMBEDDED = "embedded: one gateway process and its translation processes on one SQLite file"
# Figures of the cluster, for orientation: there every service has a process of its own.
_CLUSTER = {
    "translation": "75, with a broker and a database",
    "bus and store": "90, with a broker and a database",
    "risk": "40, with a broker and a database",
    "clearance": "25, with a broker and a database",
    "monitor": "30, with a broker and a database",
}


def rows(rounds: int = 3, interchanges: int = 6) -> list[Row]:
    """Measure the rate on a plain gateway, and the parts on a metered one."""
    made = documents(POST, (rounds + 1) * interchanges, SIZE, seed=1)
    warm, load = (
        made[:1],
        [made[start : start + interchanges] for start in range(interchanges, len(made), interchanges)],
    )
    rates, own, children = [], [], []
    with Gateway(folder("pipeline")) as gateway:
        _round(gateway, warm)
        for one in load:
            rate, gateway_micros, worker_micros = _round(gateway, one)
            rates.append(rate)
            own.append(gateway_micros)
            children.append(worker_micros)
    whole = statistics.median(map(sum, zip(own, children, strict=True)))
    return [
        row(
            "durable pipeline, embedded: items a second",
            statistics.median(rates),
            None,
            None,
            "items/s",
            note=f"{_EMBEDDED}; the cluster is to reach 6,500",
        ),
        row(
            "durable pipeline, embedded: CPU of an item, all processes",
            whole,
            None,
            None,
            "µs CPU an item",
            note=f"{_EMBEDDED}; the cluster may use 260, broker and database included",
        ),
        *_parts([document for one in load for document in one]),
    ]


def _round(gateway: Gateway, load: list[bytes]) -> tuple[float, float, float]:
    """Return items a second, and CPU microseconds an item of the gateway and of its translation processes."""
    known, before, began = gateway.accepted(), gateway.cpu(), time.time()
    for document in load:
        gateway.hand_in(POST, document)
    gateway.wait_until_quiet()
    items = gateway.accepted() - known
    own, children = (after - earlier for earlier, after in zip(before, gateway.cpu(), strict=True))
    seconds = gateway.logged_at() / 1e6 - began
    return items / seconds, own / items * 1e6, children / items * 1e6


def _parts(load: list[bytes]) -> list[Row]:
    place = folder("metered")
    with Gateway(place, metered=True) as gateway:
        before = gateway.cpu()
        for document in load:
            gateway.hand_in(POST, document)
        gateway.wait_until_quiet()
        items = gateway.accepted()
        own, children = (after - earlier for earlier, after in zip(before, gateway.cpu(), strict=True))
    micros = {part: taken / 1e3 / items for part, taken in json.loads((place / FILE).read_text()).items()}
    micros["translation"] = children / items * 1e6
    micros["event loop, HTTP and gRPC, and the rest"] = own / items * 1e6 - (
        sum(micros.values()) - micros["translation"]
    )
    return [
        row(
            f"durable pipeline, embedded: {part}",
            taken,
            None,
            None,
            "µs CPU an item",
            note=f"the cluster's figure: {_CLUSTER[part]}" if part in _CLUSTER else "",
        )
        for part, taken in sorted(micros.items(), key=lambda one: -one[1])
    ]


if __name__ == "__main__":
    for each in rows():
        print(each)
