"""Real input: rows of the Customs Import Declaration Datasets as items that the gateway takes.

HS code, origin of the goods, net mass and price (KRW) are kept as they stand; parties, numbers and destination come from the sample
generator; dates move to the year given. Above 31.5 kg a row travels by carrier. A mass of zero stays zero, and is for the gateway to find.

Usage: real_rows.py VALID.CSV [--year 2026] counts what would be sent.
"""

import argparse
import csv
import datetime as dt
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path

from parcelgate.api.carrier.v1.carrier_pb2 import Shipment
from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_ORIGINAL, Declaration
from parcelgate.api.record.v1.item_pb2 import (
    NATURE_OF_TRANSACTION_DOCUMENTS,
    NATURE_OF_TRANSACTION_SALE,
    Item,
)
from parcelgate.api.record.v1.quantity_pb2 import Instant, Money
from parcelgate.app.sample import Channel, Plan, Sample, traffic
from parcelgate.app.sample.interchange import declaration
from parcelgate.app.sample.item import instant
from parcelgate.app.sample.plan import table

POST_GRAMS = 31_500
IOSS_WON = 200_000  # somewhat below 150 EUR, above which no IOSS number belongs on an item
_EPOCH = dt.date(1970, 1, 1)
_MILLIGRAMS, _NANOS = 1_000_000, 1_000_000_000


def present(path: Path) -> bool:
    """Tell whether the rows are there; says so on standard error if not."""
    if path.is_file():
        return True
    print(f"{path} is not here: get the Customs Import Declaration Datasets (arXiv 2208.02484)", file=sys.stderr)
    return False


def read_samples(path: Path, *, year: int, seed: int = 1) -> Iterator[tuple[Channel, Sample]]:
    """Read the rows in their order as samples by way in; each carries its declaration id as a local identifier.

    Raises KeyError or ValueError for a file that is not of these columns.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        # Two endless walks, one for each way in; clean, so that what the gateway finds is the row's own.
        walks = {
            channel: traffic(seed, sys.maxsize, day=dt.date(year, 1, 1), channel=channel, plan=Plan.clean())
            for channel in ("post", "carrier")
        }
        for row in rows:
            milligrams = int(Decimal(row["Net Mass"]) * _MILLIGRAMS)
            channel: Channel = "post" if milligrams <= POST_GRAMS * 1000 else "carrier"
            model = next(walks[channel])
            yield channel, Sample(_moved(row, model.item, milligrams, year), model.flow, FUNCTION_ORIGINAL, None, 1)


def read(path: Path, *, year: int, seed: int = 1) -> Iterator[tuple[Channel, Declaration | Shipment]]:
    """Read the rows as declarations (post) and shipments (carrier)."""
    for number, (channel, sample) in enumerate(read_samples(path, year=year, seed=seed), 1):
        if channel == "post":
            yield channel, declaration(sample)
        else:
            yield channel, Shipment(item=sample.item, flow=sample.flow, client_reference=f"R{number:07d}")


def _moved(row: dict[str, str], model: Item, milligrams: int, year: int) -> Item:
    item = Item()
    item.CopyFrom(model)
    piece = item.content[0]
    del item.content[1:]
    for name in ("unit_value", "product_identifiers"):
        piece.ClearField(name)
    piece.quantity = 1
    piece.hs_code = row["HS6 Code"]
    piece.origin_country = row["Country of Origin"]
    piece.description = _text(row["HS6 Code"])
    piece.net_mass.milligrams = milligrams
    piece.value.CopyFrom(_won(row["Item Price"]))
    item.declared_value.CopyFrom(piece.value)
    item.ClearField("insured_value")
    if item.nature == NATURE_OF_TRANSACTION_DOCUMENTS:
        item.nature = NATURE_OF_TRANSACTION_SALE
    if piece.value.units > IOSS_WON:
        del item.parties[0].references[:]
    # A row gives net mass only: the gross mass is the same, and nothing for nothing.
    item.gross_mass.milligrams = milligrams
    day = dt.date.fromisoformat(row["Date"])
    _date(item, day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year))
    item.local_identifiers.append(row["Declaration ID"])
    return item


@cache
def _text(hs_code: str) -> str:
    """Describe goods as the sample does where it knows the code; the rows themselves have the code alone."""
    row = table("goods")["goods"].get(hs_code)
    return row["texts"][0] if row else f"Merchandise of HS subheading {hs_code[:4]}.{hs_code[4:]}"


def _won(price: str) -> Money:
    exact = Decimal(price)
    units = int(exact)
    return Money(currency="KRW", units=units, nanos=int((exact - units) * _NANOS))


def _date(item: Item, day: dt.date) -> None:
    """Move posting and transport to a day, keeping the times between them."""
    posted = item.posted.utc_micros // 1_000_000
    moved = (day - _EPOCH).days * 86_400 + posted % 86_400
    shift = dt.timedelta(days=moved // 86_400 - posted // 86_400)
    if item.HasField("transport"):
        for way in (item.transport.departure, item.transport.arrival):
            way.iso = (dt.date.fromisoformat(way.iso) + shift).isoformat()
    written: Instant = instant(moved)
    item.posted.CopyFrom(written)
    item.key.posting_date = written.written


def main() -> int:
    """Count the rows by way in; exit code 2 where the file is absent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--year", type=int, default=2026)
    arguments = parser.parse_args()
    if not present(arguments.path):
        return 2
    counts: Counter[str] = Counter()
    for channel, sample in read_samples(arguments.path, year=arguments.year):
        counts[channel] += 1
        counts["zero mass"] += sample.item.gross_mass.milligrams == 0
    for name, count in counts.items():
        print(f"{name}: {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
