"""Days: readable and in an order that can be. "Today" is the day the data came in, never a clock's."""

from datetime import date
from functools import lru_cache

from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits, shown
from parcelgate.risk.subject import Subject, day_of

_ISO_LENGTH = 10
_COMPACT_LENGTH = 8


def check(subject: Subject, reference: Reference, hits: Hits) -> None:
    """Look at posting, departure and arrival."""
    item, received = subject.item, subject.received_day
    written, posted = subject.key.posting_date, item.posted
    _posting(written or posted.written, day_of(posted.utc_micros), received, reference, hits)
    transport = item.transport
    left, came = transport.departure.iso, transport.arrival.iso
    departure = _day("transport.departure", left, hits)
    arrival = _day("transport.arrival", came, hits)
    if departure and arrival and arrival < departure:
        hits.add("arrival-before-departure", ("transport.departure", left), ("transport.arrival", came))
    if arrival and received and arrival < received:
        hits.add(
            "data-late",
            ("transport.arrival", came),
            ("received", date.fromordinal(received).isoformat()),
        )


def _posting(written: str, known: int, received: int, reference: Reference, hits: Hits) -> None:
    posted = known or ordinal(written)
    if not posted:
        if written:
            hits.add("posting-date-unreadable", ("key.posting_date", shown(written)))
        return
    if not received:
        return
    if posted - received > reference.limits.posting_ahead_at_most:
        rule = "posting-date-ahead"
    elif received - posted > reference.limits.posting_behind_at_most:
        rule = "posting-date-behind"
    else:
        return
    hits.add(rule, ("key.posting_date", shown(written)), ("received", date.fromordinal(received).isoformat()))


def _day(path: str, iso: str, hits: Hits) -> int:
    if not iso:
        return 0
    day = ordinal(iso)
    if not day:
        hits.add("day-unreadable", (path, shown(iso)))
    return day


def ordinal(written: str) -> int:
    """Read YYYY-MM-DD, YYYYMMDD or a time that begins so; 0 if it is none of them."""
    return _ordinal(written[: _ISO_LENGTH + 1])


@lru_cache(maxsize=4096)
def _ordinal(beginning: str) -> int:
    length = _ISO_LENGTH if beginning[4:5] == "-" else _COMPACT_LENGTH
    rest = beginning[length : length + 1]
    if rest and rest not in "Tt ":
        return 0
    try:
        return date.fromisoformat(beginning[:length]).toordinal()
    except ValueError:
        return 0
