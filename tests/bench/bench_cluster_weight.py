"""The cluster under weight: one very large interchange beside small ones, and an item found among very many."""

import random
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from cluster_stage import Stage
from documents import POST, documents, write_large
from row import Row, percentile, row
from stage import folder

_PART = 256 * 1024
_LOOK_SECONDS = 0.2
_MEGABYTE = 1024 * 1024
_CALLS = 300
_BLOCK = 500_000
# Identifiers and ids lie scattered, as real ones do: a multiplier prime to the range visits each number once.
_FILL = """
INSERT INTO monitor.item (id, environment, partner, item, item_key, version, stage, security_mark, fiscal_mark,
    destination_mark, receipt_mark, first_seen_at, last_seen_at, stage_marks, batches)
SELECT lpad(to_hex(n * 2654435761 % 4294967296), 8, '0') || lpad(to_hex(n), 24, '0'), 'test',
    'post-' || substr('cnusjphkgb', (1 + n % 5 * 2)::integer, 2), key, key, 1, 5,
    '000001' || lpad(n::text, 16, '0') || 'ASSESSMENT_COMPLETE', '000001' || lpad(n::text, 16, '0') || 'RELEASED',
    '000001DE', '000001' || lpad(to_hex(n / 1000), 32, '0'), n, n, ':10', lpad(to_hex(n / 1000), 32, '0')
FROM (SELECT n, 'RX' || lpad((n * 48271 % 99999989)::text, 8, '0') || '0CN' AS key
      FROM generate_series($1::bigint, $2::bigint) AS n) AS made
"""


def large(megabytes: float = 100) -> list[Row]:
    """Measure small interchanges of 1,000 items, then one large one, on the same cluster."""
    place = folder("cluster-large")
    items = write_large(place / "large.xml", POST, megabytes, seed=4)
    small = documents(POST, 10, 1000, seed=5)
    with Stage(place / "data") as stage:
        _send(stage, small[:2])
        rate_small = _send(stage, small[2:])
        before = stage.memory()
        highest, over = [before], threading.Event()

        def watch() -> None:
            while not over.wait(_LOOK_SECONDS):
                highest.append(stage.memory())

        watching = threading.Thread(target=watch)
        watching.start()
        rate_large = _send(stage, [place / "large.xml"])
        over.set()
        watching.join()
    grown = (max(highest) - before) / _MEGABYTE
    name = f"cluster: one interchange of {megabytes:.0f} MB, {items:,} items"
    return [
        row(f"{name}: growth of memory over all gateway processes", grown, before / _MEGABYTE,
            grown / (before / _MEGABYTE), "MB", budget="<= 64 MB", holds=grown <= 64,
            note="PSS of all processes but the engines; peer is before it came, after 10 interchanges of 1,000"),
        row(f"{name}: rate", rate_large, rate_small, rate_large / rate_small, "items/s", budget=">= 0.9x small ones",
            holds=rate_large >= 0.9 * rate_small, note="peer is 8 interchanges of 1,000 items at once, same cluster"),
    ]  # fmt: skip


def find(items: int = 10_000_000) -> list[Row]:
    """Fill the monitor's tables, then find identifiers by the HTTP API."""
    draw = random.Random(6)
    with Stage(folder("cluster-find")) as stage:
        began = time.monotonic()
        for first in range(0, items, _BLOCK):
            stage.sql(_FILL, first, min(items, first + _BLOCK) - 1)
        filled = time.monotonic() - began
        found, bare = [], []
        for _ in range(_CALLS):
            identifier = f"RX{draw.randrange(items) * 48271 % 99999989:08d}0CN"
            began = time.perf_counter()
            answer = stage.find(identifier)
            found.append((time.perf_counter() - began) * 1e3)
            assert [one["item"] for one in answer["items"]] == [identifier], answer
            began = time.perf_counter()
            stage.call()
            bare.append((time.perf_counter() - began) * 1e3)
    late, call = percentile(found, 0.95), statistics.median(bare)
    note = f"by HTTP, p95 of {_CALLS}; p50 {statistics.median(found):.1f} ms; peer is a bare call; filled in {filled:.0f} s"
    return [
        row(f"cluster: find an item among {items:,}", late, call, late / call, "ms", budget="<= 50 ms",
            holds=late <= 50, note=note),
    ]  # fmt: skip


def _send(stage: Stage, load: list[bytes] | list[Path]) -> float:
    """Hand in and wait; returns items a second from the first byte until the last response in the delivery log."""
    known, began = stage.accepted(), time.time()
    for document in load:
        stage.hand_in(POST, document if isinstance(document, bytes) else _parts(document))
    stage.wait_until_quiet(1800)
    return (stage.accepted() - known) / (stage.logged_at() - began)


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_PART):
            yield part


if __name__ == "__main__":
    for each in (*large(), *find()):
        print(each)
