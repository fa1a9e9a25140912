"""Interchanges of ordinary sample items for the benchmarks: no ailments, none for an administration that answers later."""

import datetime
import itertools
from collections.abc import Iterator
from pathlib import Path

from parcelgate.app.sample.interchange import CUSITM, declaration, interchanges
from parcelgate.app.sample.plan import Plan
from parcelgate.app.sample.traffic import Sample, traffic
from parcelgate.codecs import translate

POST, OTHER_POST = "post-cn", "post-us"
_ORIGINS = {POST: "CN", OTHER_POST: "US"}
_BLOCK = 250


def documents(partner: str, count: int, size: int, seed: int) -> list[bytes]:
    """Return count interchanges of size items each; no item occurs twice under one seed."""
    made = interchanges(
        itertools.islice(_samples(partner, seed), count * size),
        write=translate.write,
        sender=f"{_ORIGINS[partner]}A",
        recipient="PARCELGATE",
        seed=seed,
        prepared_at=_now(),
        size=size,
    )
    return [one.document for one in made]


def write_large(path: Path, partner: str, megabytes: float, seed: int) -> int:
    """Write one interchange of about this size without holding it in memory; returns how many items it has."""
    samples = _samples(partner, seed)
    block = list(itertools.islice(samples, _BLOCK))
    header = {
        "interchange_reference": f"LARGE{seed}",
        "message_reference": "1",
        "sender": f"{_ORIGINS[partner]}A",
        "recipient": "PARCELGATE",
        "prepared_at": {"written": _now().isoformat(timespec="seconds")},
        "test_indicator": True,
    }
    weight = sum(map(len, translate.write(CUSITM, header | {"items_count": _BLOCK}, map(declaration, block)))) / _BLOCK
    items = int(megabytes * 1_000_000 / weight)
    header["items_count"] = items
    chosen = itertools.islice(itertools.chain(block, samples), items)
    with path.open("wb") as file:
        for piece in translate.write(CUSITM, header, map(declaration, chosen)):
            file.write(piece)
    return items


def _samples(partner: str, seed: int) -> Iterator[Sample]:
    for sample in traffic(seed, 10**9, day=_now().date(), channel="post", plan=Plan.clean()):
        item = sample.item
        if item.origin_country == _ORIGINS[partner] and item.destination_country != "NZ":
            yield sample


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)
