"""Converters of times and days: the instant is computed, the text is kept as it was written."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from parcelgate.codecs.mapping.converter import Converter, Defect, remembering

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WITHOUT_ZONE = datetime(1970, 1, 1)  # noqa: DTZ001  the difference of two times without zone is what is wanted
_MICROSECOND = timedelta(microseconds=1)
_DAY_WITH_ZONE = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:\d{2})")
# How parcelgate writes the times it measured itself; read back, they have no text of their own.
_OWN = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z")


def micros(text: str) -> int:
    """Compute microseconds since 1970 from a time, a day, or a day of eight digits; without zone it is taken as UTC.

    Raises ValueError if the text is none of these.
    """
    match = _DAY_WITH_ZONE.fullmatch(text)
    moment = datetime.fromisoformat(f"{match[1]}T00:00:00{match[2]}" if match else text)
    return (moment - (_EPOCH_WITHOUT_ZONE if moment.tzinfo is None else _EPOCH)) // _MICROSECOND


def _read_time(text: str) -> dict[str, Any] | None:
    """Read a time into the fields of an Instant; an unreadable one keeps its text."""
    word = text.strip()
    if not word:
        return None
    if len(word) < 8 or not word.isascii():
        raise Defect("TIME_UNREADABLE", {"written": word})
    try:
        instant = micros(word)
    except (ValueError, OverflowError):
        raise Defect("TIME_UNREADABLE", {"written": word}) from None
    if len(word) == 27 and _OWN.fullmatch(word):
        return {"utc_micros": instant} if instant else {}
    return {"utc_micros": instant, "written": word} if instant else {"written": word}


read_time = remembering(_read_time)


def _write_time(value: Mapping[str, Any]) -> str:
    written: str = value.get("written", "")
    if written:
        return written
    moment = _EPOCH + timedelta(microseconds=value.get("utc_micros", 0))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _read_day(text: str) -> dict[str, str] | None:
    word = text.strip()
    if not word:
        return None
    match = _DAY_WITH_ZONE.fullmatch(word)
    day = match[1] if match else word
    try:
        date.fromisoformat(day)
    except ValueError:
        raise Defect("DAY_UNREADABLE") from None
    if len(day) == 8 and day.isdigit():
        day = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    if len(day) != 10 or "W" in day:
        raise Defect("DAY_UNREADABLE")
    return {"iso": day}


def _write_day(value: Mapping[str, str]) -> str:
    return value.get("iso", "")


TIME = Converter("time", "Instant", read_time, _write_time)
DAY = Converter("day", "Day", remembering(_read_day), _write_day)
