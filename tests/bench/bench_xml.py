"""The XML engine beside its peers: lxml's parse and validation of the same bytes, and xmlschema's decoding.

Rounds alternate between the ways, medians are compared; the rows are what `make bench` prints.
"""

import gc
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import xmlschema
from lxml import etree

from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed
from parcelgate.core import resource
from parcelgate.core.identifier import s10_check_digit

FORMAT = "upu/cusitm/own-1"
NAMESPACE = "urn:parcelgate:upu:cusitm:own-1"
PART = 256 * 1024
_GOODS = (
    ("610910", "cotton t-shirts, knitted, printed with a landscape, sizes M and L", "CN", 0.21),
    ("851830", "bluetooth earphones with charging case and USB-C cable, black", "CN", 0.12),
    ("420222", "handbag with outer surface of textile material, with zip, blue", "IT", 0.64),
    ("640411", "running shoes, rubber sole, upper of textile material, size 42", "VN", 0.85),
    ("490199", "novel in paperback, 320 pages, in English, second-hand", "GB", 0.31),
    ("950300", "wooden toy train with eight wagons, for children from 3 years", "DE", 0.72),
    ("330499", "face cream, 50 ml, without alcohol, in glass jar and carton", "FR", 0.09),
    ("711719", "costume jewellery, necklace of base metal plated with silver", "IN", 0.05),
)
_NAMES = ("Jansen & Zoon", "M. Okafor", "Ольга Петрова", "田中 花子", "José García Núñez", "Anne-Marie Lefèvre")


def document(items: int, *, indent: bool = False, seed: int = 1) -> bytes:
    """Make a CUSITM of realistic items of 44 elements: 1.5 KB each, or 1.9 KB indented as the gateway writes them."""
    compact = b"".join(parts(items, seed=seed))
    if not indent:
        return compact
    tree = etree.fromstring(compact)
    etree.indent(tree)
    return etree.tostring(tree, encoding="UTF-8", xml_declaration=True)


def parts(items: int, *, seed: int = 1) -> Iterator[bytes]:
    """Make the same in parts, for documents that should not lie in memory."""
    draw = random.Random(seed)
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<CUSITM xmlns="{NAMESPACE}"><Header><MessageType>CUSITM</MessageType>'
        "<MessageVersion>own-1</MessageVersion><InterchangeRef>NL2611030001</InterchangeRef><MessageRef>1</MessageRef>"
        "<SenderOrgCd>NLA</SenderOrgCd><RecipientOrgCd>DEA</RecipientOrgCd><PreparedDt>2026-11-03T06:00:00Z</PreparedDt>"
        f"<FunctionCd>ORIGINAL</FunctionCd><FlowCd>I</FlowCd><ItemsCount>{items}</ItemsCount></Header>"
    ).encode()
    for number in range(items):
        yield _item(draw, number).encode()
    yield f"<Trailer><ItemsCount>{items}</ItemsCount></Trailer></CUSITM>".encode()


def _item(draw: random.Random, number: int) -> str:
    serial = f"{10_000_000 + number:08}"
    pieces, value, mass = [], 0.0, 0.0
    for line in range(1, 3):
        hs, words, origin, weight = draw.choice(_GOODS)
        count, price = draw.randint(1, 4), round(draw.uniform(3, 90), 2)
        value, mass = value + price, mass + weight * count
        pieces.append(
            f"<ContentPiece><Index>{line}</Index><Number>{count}</Number><Description>{words}</Description><HS>{hs}</HS>"
            f"<OrigCountryCd>{origin}</OrigCountryCd><NetWeight>{weight * count:.3f}</NetWeight><Amount>{price:.2f}</Amount>"
            "<CurrencyCd>EUR</CurrencyCd></ContentPiece>"
        )
    sender, recipient = (draw.choice(_NAMES).replace("&", "&amp;") for _ in range(2))
    return (
        f"<Item><MailObject><Id>RR{serial}{s10_check_digit(serial)}NL</Id>"
        f"<PostingDt>2026-11-{draw.randint(1, 28):02}T{draw.randint(8, 19):02}:15:00</PostingDt><MailClassCd>C</MailClassCd>"
        "<OrigPostOrgCd>NLA</OrigPostOrgCd>"
        "<DestPostOrgCd>DEA</DestPostOrgCd></MailObject><Data><OrigCountryCd>NL</OrigCountryCd><DestCountryCd>DE</DestCountryCd>"
        f"<NatureTypeCd>11</NatureTypeCd><GrossWeight>{mass + 0.1:.3f}</GrossWeight><Postage>12.50</Postage>"
        f"<PostageCurrencyCd>EUR</PostageCurrencyCd>"
        f"<SenderName>{sender}</SenderName>"
        f"<SenderAddressLine>Wholesale building 4, second floor, Keizersgracht {draw.randint(1, 700)}</SenderAddressLine><SenderZIP>1016 EE</SenderZIP>"
        "<SenderCity>Amsterdam</SenderCity><SenderCountryCd>NL</SenderCountryCd>"
        f"<RecipientName>{recipient}</RecipientName><RecipientAddressLine>c/o Hausverwaltung am Rosenthaler Platz, Torstraße {draw.randint(1, 200)}</RecipientAddressLine>"
        "<RecipientZIP>10119</RecipientZIP><RecipientCity>Berlin</RecipientCity><RecipientCountryCd>DE</RecipientCountryCd>"
        "<RecipientTelephone>+49301234567</RecipientTelephone>"
        f"<ContentPieces>{''.join(pieces)}</ContentPieces></Data></Item>"
    )


def _ours(data: bytes) -> Callable[[], None]:
    def run() -> None:
        closed = None
        for event in translate.read((data[at : at + PART] for at in range(0, len(data), PART)), FORMAT):
            closed = event
        assert isinstance(closed, Closed)
        assert closed.routable
        assert not closed.rejected

    return run


def lxml_reading(data: bytes) -> Callable[[], None]:
    """Return lxml's own parse and validation of a document."""
    schema = etree.XMLSchema(etree.parse(str(_xsd())))

    def run() -> None:
        assert schema.validate(etree.fromstring(data))

    return run


def _to_dict(data: bytes) -> Callable[[], None]:
    schema = xmlschema.XMLSchema10(str(_xsd()))

    def run() -> None:
        schema.to_dict(BytesIO(data))

    return run


def _xsd() -> Any:
    return resource.schemas() / "upu" / "cusitm" / "own-1" / "cusitm.xsd"


def medians(ways: list[Callable[[], None]], rounds: int) -> list[float]:
    """Run the ways in turn; returns the median seconds of each."""
    times: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way()
    for _ in range(rounds):
        for way, taken in zip(ways, times, strict=True):
            gc.collect()
            start = time.process_time()
            way()
            taken.append(time.process_time() - start)
    return [statistics.median(taken) for taken in times]


def translation(rounds: int = 11) -> list[dict[str, Any]]:
    """Compare reading 1,000 items with lxml's parse and validation, and with xmlschema's decoding."""
    data, compact = document(1000, indent=True), document(1000)
    ours, peer = medians([_ours(data), lxml_reading(data)], rounds)
    ours_compact, peer_compact = medians([_ours(compact), lxml_reading(compact)], rounds)
    ours_small, decoding = medians([_ours(compact), _to_dict(compact)], 3)
    return [
        _row("CUSITM to protobuf bytes / lxml parse+validate", ours, peer, ours / peer, "ms", 3.0, ours / peer <= 3.0),
        _row(
            "the same without white space between elements",
            ours_compact,
            peer_compact,
            ours_compact / peer_compact,
            "ms",
            3.0,
            ours_compact / peer_compact <= 3.0,
        ),
        _row(
            "xmlschema.to_dict / CUSITM to protobuf bytes",
            ours_small,
            decoding,
            decoding / ours_small,
            "ms",
            10.0,
            decoding / ours_small >= 10,
        ),
    ]


def memory(megabytes: int = 50) -> dict[str, Any]:
    """Measure in a process of its own how much it grows over a large document, beside a small one (KB)."""
    code = (
        f"import resource, sys; sys.path[:0] = {[str(_here()), *sys.path]!r}\n"
        "from bench_xml import FORMAT, parts\n"
        "from parcelgate.codecs import translate\n"
        "def run(n):\n"
        "    for event in translate.read(parts(n), FORMAT): pass\n"
        "    assert event.routable\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"small = run(2000); print(run({megabytes * 1024 * 1024 // 1700}) - small)\n"
    )
    grown = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    return _row(
        f"growth of memory over {megabytes} MB of CUSITM", grown / 1e6, 0.0, grown / 1024, "MB", 8.0, grown / 1024 <= 8
    )


def _here() -> Any:
    from pathlib import Path

    return Path(__file__).parent


def _row(name: str, ours: float, peer: float, ratio: float, unit: str, budget: float, holds: bool) -> dict[str, Any]:
    return {
        "name": name,
        "ours": round(ours * 1000, 2),
        "peer": round(peer * 1000, 2),
        "ratio": round(ratio, 2),
        "unit": unit,
        "budget": budget,
        "holds": holds,
    }


def rows() -> list[dict[str, Any]]:
    """Return all rows of this file."""
    return [*translation(), memory()]


if __name__ == "__main__":
    for each in rows():
        print(each)
