"""The JSON engine beside protobuf's own JSON parser: carriers' shipments to protobuf bytes, ledger on.

The peer reads the same shipments in canonical JSON (the JSON mapping of protobuf), one text each, to the bytes of an Item.
Rounds alternate between the ways, medians are compared.
"""

import datetime
import re
import subprocess
import sys
from collections.abc import Callable

from bench_xml import medians
from google.protobuf.json_format import MessageToJson, Parse
from row import Row, row

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.app.sample.plan import Plan
from parcelgate.app.sample.traffic import traffic
from parcelgate.codecs import translate
from parcelgate.codecs.engine import End
from parcelgate.codecs.event import Closed, ItemRead
from parcelgate.codecs.registry import shipped

DHL, EASYPOST = "carrier/dhl-mydhl/2.7.2", "carrier/easypost/v2"
PART = 64 * 1024
BUDGET = 3.0
_DAY = datetime.date(2026, 11, 24)


def shipments(count: int, seed: int = 1) -> list[Item]:
    """Make carriers' shipments that the formats can carry."""
    made = []
    for sample in traffic(seed, count, day=_DAY, channel="carrier", plan=Plan.clean()):
        item = sample.item
        item.ClearField("transport")
        item.key.ClearField("issuer")
        made.append(item)
    return made


def document(items: list[Item], form: str) -> bytes:
    """Write shipments as a carrier sends them."""
    return b"".join(translate.write(form, {}, [Declaration(item=item) for item in items]))


def ours(data: bytes, form: str) -> Callable[[], None]:
    """Return our reading of a document."""

    def run() -> None:
        closed = None
        for event in translate.read((data[at : at + PART] for at in range(0, len(data), PART)), form):
            closed = event
        assert isinstance(closed, Closed)
        assert closed.routable
        assert not closed.rejected

    return run


def to_bytes(data: bytes, form: str) -> Callable[[], None]:
    """Return the part of it that the peer does too: from the document to the bytes of its items."""
    found = shipped().get(form)
    assert not isinstance(found, Fault)
    engine = found.engine

    def run() -> None:
        for part in engine.read(data[at : at + PART] for at in range(0, len(data), PART)):
            if not isinstance(part, End):
                Item(**part.record["item"]).SerializeToString()

    return run


def protobuf(items: list[Item]) -> Callable[[], None]:
    """Return protobuf's reading of the same shipments."""
    texts = [MessageToJson(item, indent=None, preserving_proto_field_name=True) for item in items]

    def run() -> None:
        for text in texts:
            Parse(text, Item()).SerializeToString()

    return run


def compact(data: bytes) -> bytes:
    """Take the line breaks and the indents out, as senders do; inside of texts there are none."""
    return re.sub(rb"\n *", b"", data)


def rows(count: int = 1000, rounds: int = 11) -> list[Row]:
    """Compare reading the shipments of both dialects with protobuf's reading of the same items."""
    made = []
    for form, name in ((DHL, "MyDHL"), (EASYPOST, "EasyPost")):
        data = compact(document(shipments(count), form))
        items = [Item.FromString(event.item) for event in translate.read([data], form) if isinstance(event, ItemRead)]
        whole, alone, peer = medians([ours(data, form), to_bytes(data, form), protobuf(items)], rounds)
        made += [
            _row(f"json_format.Parse / {name} JSON to protobuf bytes", alone, peer, BUDGET),
            _row(f"the same with declaration, canonical hash and verdict ({name})", whole, peer, None),
        ]
    return [*made, memory()]


def _row(name: str, seconds: float, peer: float, budget: float | None) -> Row:
    ratio = peer / seconds
    return row(
        name,
        seconds * 1000,
        peer * 1000,
        ratio,
        "ms for 1,000",
        budget=None if budget is None else f">= {budget:g}x",
        holds=None if budget is None else ratio >= budget,
    )


def memory(megabytes: int = 100) -> Row:
    """Measure in a process of its own how much it grows over a large array, beside a small one."""
    code = (
        f"import resource, sys; sys.path[:0] = {sys.path!r}\n"
        "from bench_json import EASYPOST, document, shipments\n"
        "from parcelgate.codecs import translate\n"
        "item = document(shipments(1), EASYPOST)\n"
        "def parts(n):\n"
        "    yield b'['\n"
        "    for _ in range(n - 1): yield item + b','\n"
        "    yield item + b']'\n"
        "def run(n):\n"
        "    for event in translate.read(parts(n), EASYPOST): pass\n"
        "    assert event.routable\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"small = run(2000); print(run({megabytes} * 1000000 // len(item)) - small)\n"
    )
    grown = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout) / 1024
    return row(
        f"growth of memory over {megabytes} MB of EasyPost JSON",
        grown,
        None,
        None,
        "MB",
        budget="<= 8",
        holds=grown <= 8,
    )


if __name__ == "__main__":
    for each in rows():
        sys.stdout.write(f"{each}\n")
