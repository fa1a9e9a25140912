"""The EDIFACT engine beside pydifact's bare reading of the same bytes: to segments, and all the way to protobuf bytes.

Rounds alternate between the ways, medians are compared; the rows are what `make bench` prints.
"""

import warnings
from collections.abc import Callable, Iterator

from bench_xml import medians
from pydifact.parser import Parser
from row import Row, row

from parcelgate.codecs import translate
from parcelgate.codecs.edifact.charset import SETS
from parcelgate.codecs.edifact.delimiter import DEFAULT
from parcelgate.codecs.edifact.segment import Splitter
from parcelgate.codecs.event import Closed
from parcelgate.core.identifier import s10_check_digit

FORMAT = "upu/predes/own-1"
PART = 256 * 1024
_RECEPTACLES = 900


def document(size: int, *, seal: str = "") -> bytes:
    """Make a PREDES of about that many bytes: dispatches of up to 900 receptacles of two items each."""
    return "".join(_segments(size, seal)).encode()


def _segments(size: int, seal: str) -> Iterator[str]:
    written = message = number = 0
    yield "UNB+UNOC:3+XAPOST+XBPOST+260114:0905+PD0001'"
    while written < size:
        message += 1
        dispatch = f"NZAKLAAUSYDAACN6{message % 10_000:04}"
        found = [f"BGM+610+{dispatch}+9'", "DTM+137:202601140900:203'", "LOC+5+NZAKLA'", "LOC+8+AUSYDA'"]
        for place in range(1, _RECEPTACLES + 1):
            found += [f"CNI+{place}+{dispatch}{place:03}000125'", "MEA+WT+G+KGM:12.500'"]
            found += [f"SEL+{seal}'"] if seal else []
            for piece in (1, 2):
                number += 1
                serial = f"{number:08}"
                found += [f"GID+{piece}+1'", f"PCI+ZZZ+CP{serial}{s10_check_digit(serial)}NZ'"]
            if written + 34 * len(found) // 2 > size:
                break
        yield f"UNH+{message}+IFCSUM:D:00A:UN:PG01'"
        yield from found
        yield f"UNT+{len(found) + 2}+{message}'"
        written += sum(map(len, found))
    yield f"UNZ+{message}+PD0001'"


def _parts(data: bytes) -> Iterator[bytes]:
    return (data[at : at + PART] for at in range(0, len(data), PART))


def _splitting(data: bytes) -> Callable[[], None]:
    """Return our reading to segments, every element split into its components as pydifact does."""

    def run() -> None:
        splitter = Splitter(DEFAULT.of_version("3"), SETS["UNOC"])
        for _, _, elements in splitter.segments(_parts(data)):
            splitter.parted(elements)

    return run


def _translating(data: bytes) -> Callable[[], None]:
    def run() -> None:
        closed = None
        for event in translate.read(_parts(data), FORMAT):
            closed = event
        assert isinstance(closed, Closed)
        assert closed.routable
        assert not closed.rejected

    return run


def _pydifact(data: bytes) -> Callable[[], None]:
    def run() -> None:
        with warnings.catch_warnings():
            # It tells that it has no tables of service segments.
            warnings.simplefilter("ignore")
            for _ in Parser().parse(data.decode()):
                pass

    return run


def rows(rounds: int = 5) -> list[Row]:
    """Measure 1 MB and 10 MB; the larger one in fewer rounds, for pydifact takes its time."""
    plain, released = document(1_000_000), document(1_000_000, seal="AKL?+00117")
    found = []
    for name, data, times in (
        ("1 MB", plain, rounds),
        ("1 MB with a released character in every item", released, rounds),
        ("10 MB", document(10_000_000), 1),
    ):
        splitting, translating, peer = medians([_splitting(data), _translating(data), _pydifact(data)], times)
        for aim, ours, least in (("to segments", splitting, 12), ("to protobuf bytes", translating, 3)):
            ratio = peer / ours
            note = f"{len(data) / ours / 1e6:.1f} MB/s beside {len(data) / peer / 1e6:.1f}"
            title = f"pydifact's bare reading / PREDES, {name}, {aim}"
            found.append(
                row(title, ours * 1000, peer * 1000, ratio, "ms", budget=str(least), holds=ratio >= least, note=note)
            )
    return found


if __name__ == "__main__":
    for each in rows():
        print(each)
