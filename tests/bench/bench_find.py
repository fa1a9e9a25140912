"""Finding an item by its identifier over HTTP, in a monitor that knows very many."""

import random
import sqlite3
import statistics
import time
from pathlib import Path

from row import Row, percentile, row
from stage import Gateway, folder

from parcelgate.adapters.store.sqlite.migration import migrate

_CALLS = 300
_SIZE = 1000
# Identifiers and ids lie scattered, as real ones do: a multiplier prime to the range visits each number once.
_FILL = """
INSERT INTO monitor_item SELECT
    n, printf('%08x%024x', n * 2654435761 % 4294967296, n), 'test', 'post-' || substr('cnusjphkgb', 1 + n % 5 * 2, 2),
    printf('RX%08d0CN', n * 48271 % 99999989), printf('RX%08d0CN', n * 48271 % 99999989),
    1, 5, '000001' || printf('%016d', n) || 'ASSESSMENT_COMPLETE', '000001' || printf('%016d', n) || 'RELEASED',
    '000001DE', '000001' || printf('%032x', n / :size), n, n, ':10', printf('%032x', n / :size)
FROM (WITH RECURSIVE count(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM count WHERE n + 1 < :last) SELECT n FROM count)
"""
_INTERCHANGES = """
INSERT INTO monitor_interchange SELECT
    printf('%032x', n), 'test', 'post-cn', printf('CNA%09d', n), 'upu/cusitm/own-1', printf('file-%d.xml', n), 4, n, n, ''
FROM (WITH RECURSIVE count(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count WHERE n + 1 < :last) SELECT n FROM count)
"""


def rows(items: int = 1_000_000) -> list[Row]:
    """Fill the monitor's tables, then find identifiers by the HTTP API of a running gateway."""
    place = folder("find")
    _fill(place / "parcelgate.sqlite", items)
    draw = random.Random(6)
    with Gateway(place) as gateway:
        client = gateway.client("integrator")
        found, bare = [], []
        for _ in range(_CALLS):
            identifier = f"RX{draw.randrange(items) * 48271 % 99999989:08d}0CN"
            began = time.perf_counter()
            answer = client.get("/api/find", params={"q": identifier})
            found.append((time.perf_counter() - began) * 1e3)
            assert [one["item"] for one in answer.json()["items"]] == [identifier], answer.text
            began = time.perf_counter()
            client.get("/health")
            bare.append((time.perf_counter() - began) * 1e3)
    late, call = percentile(found, 0.95), statistics.median(bare)
    return [
        row(f"find an item by identifier at {items / 1e6:g} million items, HTTP, p95", late, call, late / call, "ms",
            budget="<= 50 ms", holds=late <= 50, note="peer is the median of the same client's call of /health; pages in the system's cache")
    ]  # fmt: skip


def _fill(path: Path, items: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -1000000")
    migrate(connection)
    connection.execute("BEGIN")
    connection.execute(_FILL, {"first": 0, "last": items, "size": _SIZE})
    connection.execute(_INTERCHANGES, {"last": items // _SIZE})
    connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    for each in rows():
        print(each)
