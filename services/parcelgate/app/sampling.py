"""parcelgate sample: write realistic traffic to files, the same for the same seed."""

import datetime
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from parcelgate.app.sample.interchange import Interchange, Request, canonical_json, interchanges, requests
from parcelgate.app.sample.traffic import Sample, traffic
from parcelgate.app.sending import progress
from parcelgate.codecs import translate

CARRIERS = ("carrier-swift", "carrier-orbit")


@dataclass(frozen=True, slots=True)
class Handover:
    """An interchange and the partner who hands it in."""

    partner: str
    interchange: Interchange


def postal(seed: int, items: int, size: int, day: datetime.date) -> Iterator[Handover]:
    """Yield interchanges of the demonstration posts, each with its own post's items in their order."""
    by_origin: dict[str, list[Sample]] = {}
    for sample in traffic(seed, items, day=day, channel="post"):
        by_origin.setdefault(sample.item.origin_country, []).append(sample)
    prepared = datetime.datetime.combine(day, datetime.time(6), datetime.UTC)
    for origin, samples in sorted(by_origin.items()):
        found = interchanges(
            samples,
            write=translate.write,
            sender=f"{origin}A",
            recipient="PARCELGATE",
            seed=seed,
            prepared_at=prepared,
            size=size,
        )
        for interchange in found:
            yield Handover(f"post-{origin.lower()}", interchange)


def express(seed: int, shipments: int, day: datetime.date) -> Iterator[tuple[str, Request]]:
    """Yield carriers and their requests, shipments shared out evenly."""
    for number, carrier in enumerate(CARRIERS):
        count = shipments // len(CARRIERS) + (number < shipments % len(CARRIERS))
        samples = traffic(seed * len(CARRIERS) + number, count, day=day, channel="carrier")
        for request in requests(samples, seed=seed * len(CARRIERS) + number, size=20):
            yield carrier, request


def sample(folder: Path, seed: int, items: int, shipments: int, size: int, *, as_json: bool) -> int:
    """Write <folder>/<partner>/<reference>.xml and <folder>/<carrier>/<request id>.json; returns 0."""
    day = datetime.datetime.now(datetime.UTC).date()
    console = Console(stderr=True)
    written = []
    with progress(console) as bar:
        task = bar.add_task("writing sample traffic", total=items + shipments)
        for handover in postal(seed, items, size, day):
            place = folder / handover.partner
            place.mkdir(parents=True, exist_ok=True)
            written.append(handover.interchange.save(place))
            bar.advance(task, len(handover.interchange.samples))
        for carrier, request in express(seed, shipments, day):
            place = folder / carrier
            place.mkdir(parents=True, exist_ok=True)
            path = place / f"{type(request).__name__.removesuffix('Request').lower()}-{request.request_id}.json"
            path.write_bytes(canonical_json(request))
            written.append(path)
            bar.advance(task, shipments // 10)
    if as_json:
        sys.stdout.write(json.dumps([str(path) for path in written]) + "\n")
    else:
        Console(highlight=False).print(
            f"{len(written)} files in {folder}; hand one in: parcelgate send FILE --as PARTNER"
        )
    return 0
