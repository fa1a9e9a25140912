"""One large interchange, intake to delivery log: growth of memory over all gateway processes, and the rate beside small ones."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from documents import POST, documents, write_large
from row import Row, row
from stage import Gateway, folder

_PART = 256 * 1024
_LOOK_SECONDS = 0.1
_MEGABYTE = 1024 * 1024


class Watch:
    """Looks at the memory of all gateway processes while something goes on; highest is in bytes."""

    def __init__(self, gateway: Gateway) -> None:
        self.highest = 0
        self._gateway = gateway
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self.highest = max(self.highest, self._gateway.memory())


def rows(megabytes: float = 100) -> list[Row]:
    """Measure small interchanges of 1,000 items, then one large one, on the same gateway."""
    place = folder("large")
    items = write_large(place / "large.xml", POST, megabytes, seed=4)
    small = documents(POST, 8, 1000, seed=5)
    with Gateway(place) as gateway:
        _send(gateway, small[:2])
        rate_small = _send(gateway, small[2:])
        before = gateway.memory()
        with Watch(gateway) as watch:
            rate_large = _send(gateway, [place / "large.xml"])
    grown = (watch.highest - before) / _MEGABYTE
    name = f"one interchange of {megabytes:.0f} MB, {items:,} items (embedded)"
    return [
        row(f"{name}: growth of memory over all processes", grown, before / _MEGABYTE, grown / (before / _MEGABYTE),
            "MB", budget="<= 64 MB", holds=grown <= 64, note="PSS; peer is before it came, after 8 interchanges of 1,000"),
        row(f"{name}: rate", rate_large, rate_small, rate_large / rate_small, "items/s", budget=">= 0.9x small ones",
            holds=rate_large >= 0.9 * rate_small, note="peer is 6 interchanges of 1,000 items at once, same gateway"),
    ]  # fmt: skip


def _send(gateway: Gateway, load: list[bytes] | list[Path]) -> float:
    """Hand in and wait; returns items a second from the first byte until the last response in the delivery log."""
    known, began = gateway.accepted(), time.time()
    for document in load:
        gateway.hand_in(POST, document if isinstance(document, bytes) else _parts(document))
    gateway.wait_until_quiet(900)
    return (gateway.accepted() - known) / (gateway.logged_at() / 1e6 - began)


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_PART):
            yield part


if __name__ == "__main__":
    for each in rows():
        print(each)
