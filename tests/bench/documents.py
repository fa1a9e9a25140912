"""Interchanges of ordinary sample items for the benchmarks: no ailments, none for an administration that answers later.

Items have about the weight of the documents that the translation is measured by (bench_xml.py, 44 elements): 49
elements, 2.0 KB. Full ones say all that our samples know, in 65 elements, 2.8 KB.
"""

import datetime
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.app.sample.interchange import CUSITM, declaration, interchanges
from parcelgate.app.sample.plan import Plan
from parcelgate.app.sample.traffic import Sample, traffic
from parcelgate.codecs import translate
from parcelgate.core.identifier import s10_check_digit

POST, OTHER_POST = "post-cn", "post-us"
_ORIGINS = {POST: "CN", OTHER_POST: "US"}
_BLOCK = 250
_IDENTIFIER = re.compile(rb"<Id>([A-Z]{2})\d{9}([A-Z]{2})</Id>")
_REFERENCE = re.compile(rb"<(InterchangeRef|MessageRef)>[^<]*<")


def documents(partner: str, count: int, size: int, seed: int, *, full: bool = False) -> list[bytes]:
    """Return count interchanges of size items each; no item occurs twice under one seed."""
    made = interchanges(
        itertools.islice(_samples(partner, seed, full=full), count * size),
        write=translate.write,
        sender=f"{_ORIGINS[partner]}A",
        recipient="PARCELGATE",
        seed=seed,
        prepared_at=_now(),
        size=size,
    )
    return [one.document for one in made]


def many(partner: str, items: int, size: int, seed: int) -> Iterator[bytes]:
    """Return interchanges for more items than one wants to make: the same twenty, with other numbers and references."""
    made = documents(partner, min(20, items // size), size, seed)
    serial = itertools.count()

    def numbered(found: re.Match[bytes]) -> bytes:
        digits = f"{next(serial):08d}"
        return b"<Id>%s%s%d%s</Id>" % (found[1], digits.encode(), s10_check_digit(digits), found[2])

    for number, document in zip(range(items // size), itertools.cycle(made), strict=False):
        reference = b"<\\1>MANY%06d-%06d<" % (seed, number)
        yield _IDENTIFIER.sub(numbered, _REFERENCE.sub(reference, document))


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


def _samples(partner: str, seed: int, *, full: bool = False) -> Iterator[Sample]:
    for sample in traffic(seed, 10**9, day=_now().date(), channel="post", plan=Plan.clean()):
        item = sample.item
        if item.origin_country == _ORIGINS[partner] and item.destination_country != "NZ":
            if not full:
                _shorten(item)
            yield sample


def _shorten(item: Item) -> None:
    """Take out what few posts send."""
    for name in ("mail_category", "mail_subclass", "insured_value", "declared_value"):
        item.ClearField(name)
    for name in ("mode", "departure", "conveyance", "receptacle", "dispatch"):
        item.transport.ClearField(name)
    for party in item.parties:
        for name in ("first_name", "last_name", "telephone", "email"):
            party.ClearField(name)
        party.address.ClearField("state")
    for piece in item.content:
        piece.ClearField("unit_value")
        piece.ClearField("product_identifiers")


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)
