"""Interchanges for tests of the EDIFACT engine: a PREDES as text, message by message."""

from parcelgate.core.identifier import s10_check_digit

UNB = "UNB+UNOC:3+XAPOST+XBPOST+260114:0905+PD0001'"
HEAD = ["BGM+610+NZAKLAAUSYDAACN60012+9'", "DTM+137:202601140900:203'", "LOC+5+NZAKLA'", "LOC+8+AUSYDA'"]


def receptacle(number: int, pieces: int = 2, *, more: tuple[str, ...] = ()) -> list[str]:
    """Return the segments of a receptacle."""
    found = [f"CNI+{number}+NZAKLAAUSYDAACN60012{number:03}000125'", f"CNT+11:{pieces}'", "MEA+WT+G+KGM:12.450'", *more]
    for piece in range(1, pieces + 1):
        serial = f"{number * 100 + piece:08}"
        found += [f"GID+{piece}+1'", f"PCI+ZZZ+CP{serial}{s10_check_digit(serial)}NZ'"]
    return found


def message(body: list[str], reference: int | str = 1, head: list[str] | None = None) -> list[str]:
    """Return the segments of a message with the right count."""
    found = [*(HEAD if head is None else head), *body]
    return [f"UNH+{reference}+IFCSUM:D:00A:UN:PG01'", *found, f"UNT+{len(found) + 2}+{reference}'"]


def interchange(*messages: list[str], unb: str = UNB, between: str = "") -> bytes:
    """Return the bytes of an interchange with the right count."""
    segments = [unb, *(segment for each in messages for segment in each), f"UNZ+{len(messages)}+PD0001'"]
    return between.join(segments).encode()
