"""Converters of times and days: the instant is computed, the text is kept as it was written."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from parcelgate.codecs.mapping.converter import Converter, Defect, Normalised, Unsaid, remembering

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WITHOUT_ZONE = datetime(1970, 1, 1)  # noqa: DTZ001  the difference of two times without zone is what is wanted
_MICROSECOND = timedelta(microseconds=1)
_DAY_WITH_ZONE = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:\d{2})")
# A day, and where a time follows, T or a blank before it: what Python reads would take any character there.
_ISO = re.compile(r"(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}-?W\d{2}(?:-?\d)?)(?:[T ].+)?", re.ASCII)
# How parcelgate writes the times it measured itself; read back, they have no text of their own.
_OWN = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z")


# How a time may be written where nothing else is said; for the hint of a fault.
ISO_EXAMPLE = "2026-11-03T10:15:00Z, 2026-11-03 or 20261103"
_EXAMPLE = datetime(2026, 11, 3, 10, 15, tzinfo=UTC)


def micros(text: str) -> int:
    """Compute microseconds since 1970 from a time, a day, or a day of eight digits; without zone it is taken as UTC.

    Raises ValueError if the text is none of these.
    """
    match = _DAY_WITH_ZONE.fullmatch(text)
    if match is None and _ISO.fullmatch(text) is None:
        raise ValueError("not a time")
    moment = datetime.fromisoformat(f"{match[1]}T00:00:00{match[2]}" if match else text)
    return (moment - (_EPOCH_WITHOUT_ZONE if moment.tzinfo is None else _EPOCH)) // _MICROSECOND


def _read_time(text: str) -> dict[str, Any] | None:
    """Read a time into the fields of an Instant; an unreadable one keeps its text."""
    word = text.strip()
    if not word:
        return None
    if len(word) < 8 or not word.isascii():
        raise Defect("TIME_UNREADABLE", {"written": word}, example=ISO_EXAMPLE)
    try:
        instant = micros(word)
    except (ValueError, OverflowError):
        raise Defect("TIME_UNREADABLE", {"written": word}, example=ISO_EXAMPLE) from None
    if len(word) == 27 and _OWN.fullmatch(word):
        return {"utc_micros": instant} if instant else {}
    return {"utc_micros": instant, "written": word} if instant else {"written": word}


read_time = remembering(_read_time)


def _write_time(value: Mapping[str, Any]) -> str:
    written: str = value.get("written", "")
    if written and ("utc_micros" not in value or _is_iso(written)):
        return written
    moment = _EPOCH + timedelta(microseconds=value.get("utc_micros", 0))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


@lru_cache(maxsize=20_000)
def _is_iso(written: str) -> bool:
    try:
        micros(written)
    except (ValueError, OverflowError):
        return False
    return True


_OFFSET = re.compile(r"(?<=\d)(Z|[+-]\d{2}:\d{2})$")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_D, _Z = r"(?P<d>\d{8})", r"(?P<z>Z|[+-]\d{2}(?::?\d{2})?)"
# UN/EDIFACT code list 2379 (102, 201, 203, 204, 304); gmt is MyDHL's local time with GMT and its offset behind it.
_NOTATIONS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "201": (re.compile(r"(?P<y>\d{6})(?P<t>\d{4})"), "%y%m%d%H%M"),
    "203": (re.compile(_D + r"(?P<t>\d{4})"), "%Y%m%d%H%M"),
    "204": (re.compile(_D + r"(?P<t>\d{6})"), "%Y%m%d%H%M%S"),
    "304": (re.compile(_D + r"(?P<t>\d{6})" + _Z), "%Y%m%d%H%M%SZ"),
    "gmt": (
        re.compile(r"(?P<i>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}) ?GMT(?P<z>[+-]\d{2}:\d{2})"),
        "%Y-%m-%dT%H:%M:%SGMT+00:00",
    ),
    "net": (re.compile(r"/Date\((?P<m>-?\d{1,14})(?P<o>[+-]\d{4})?\)/"), "/Date({})/"),
}


def time_as(words: str) -> Converter:
    """Make the converter of times in a notation of a standard; raises ValueError for one that is not known.

    A time without zone is taken as UTC. What was written in the same notation is written again as it was. As in
    time(304, exact) it leaves unsaid what the notation has no figures for: fractions of a second, words that are no time.
    """
    notation, _, how = map(str.strip, words.partition(","))
    if how not in ("", "exact"):
        raise ValueError(f"a notation is exact, or nothing is said of it; not {how!r}")
    return _exactly(_time_in(notation)) if how else _time_in(notation)


def _exactly(usual: Converter) -> Converter:
    def write(value: Mapping[str, Any]) -> str:
        try:
            text = usual.write(value)
            back = usual.read(text)
        except (Defect, ValueError, OverflowError):
            raise Unsaid from None
        if back is None or back.get("utc_micros") != value.get("utc_micros"):
            raise Unsaid
        return text

    return replace(usual, name=usual.name.replace(")", ", exact)"), write=write, exact=True)


def _time_in(notation: str) -> Converter:
    if notation not in _NOTATIONS:
        raise ValueError(f"times are written as {', '.join(_NOTATIONS)}, not as {notation!r}")
    pattern, shown = _NOTATIONS[notation]
    example = _example(notation)

    def read(text: str) -> dict[str, Any] | None:
        word = text.strip()
        if not word:
            return None
        match = pattern.fullmatch(word)
        try:
            instant = micros(_iso(match.groupdict())) if match is not None else None
        except (ValueError, OverflowError):
            instant = None
        if instant is None:
            raise Defect("TIME_UNREADABLE", {"written": word}, example=example)
        return {"utc_micros": instant, "written": word} if instant else {"written": word}

    def write(value: Mapping[str, Any]) -> str:
        written: str = value.get("written", "")
        if pattern.fullmatch(written):
            return written
        if "utc_micros" not in value:
            raise ValueError("a time of which only the words are known, in another notation")
        if notation == "net":
            return shown.format(value["utc_micros"] // 1000)
        return (_EPOCH + timedelta(microseconds=value["utc_micros"])).strftime(shown)

    return Converter(f"time({notation})", "Instant", remembering(read), write)


def _example(notation: str) -> str:
    """Show how a notation writes a time, for whoever wrote it otherwise."""
    shown = _NOTATIONS[notation][1]
    return shown.format(int(_EXAMPLE.timestamp()) * 1000) if notation == "net" else _EXAMPLE.strftime(shown)


def written_as(notation: str) -> Converter:
    """Make the converter of a time of which the text counts, as in the key of an item; raises ValueError for what is not known.

    The record has the text in ISO 8601, so that it is the same by whichever way the item comes.
    """
    if notation in ("102", "day"):
        return _written_day(notation)
    if notation not in ("gmt", "net"):
        raise ValueError(f"times whose text counts are written as gmt, net, 102 or day, not as {notation!r}")
    pattern, _ = _NOTATIONS[notation]
    example = _example(notation)

    def read(text: str) -> str | None:
        word = text.strip()
        if not word:
            return None
        match = pattern.fullmatch(word)
        if match is None:
            raise Defect("TIME_UNREADABLE", word, example=example)
        try:
            iso: str = match["i"] + match["z"] if notation == "gmt" else _iso(match.groupdict())
            # Remembered: the same instant is often wanted of the text, too.
            read_time(iso)
        except (Defect, ValueError, OverflowError):
            raise Defect("TIME_UNREADABLE", word, example=example) from None
        raise Normalised(iso)

    def write(value: str) -> str:
        if pattern.fullmatch(value):
            return value
        return _gmt(value) if notation == "gmt" else _net(value)

    return Converter(f"written({notation})", "string", read, write)


def _written_day(notation: str) -> Converter:
    """Make the converter of a day of which the text counts; a time is no day, and is not made one."""
    pattern = re.compile(r"\d{8}", re.ASCII) if notation == "102" else _DAY
    example = "20261103" if notation == "102" else "2026-11-03"

    def read(text: str) -> str | None:
        word = text.strip()
        if not word:
            return None
        try:
            day = _read_day(word) if pattern.fullmatch(word) else None
        except Defect:
            day = None
        if day is None:
            raise Defect("TIME_UNREADABLE", word, example=example)
        if day["iso"] != text:
            raise Normalised(day["iso"])
        return text

    def write(value: str) -> str:
        if not _DAY.fullmatch(value):
            raise ValueError("not a day")
        return value.replace("-", "") if notation == "102" else value

    return Converter(f"written({notation})", "string", read, write)


def _net(text: str) -> str:
    """Write a time of ISO 8601 in milliseconds; raises ValueError for one that it would not be read as again."""
    written = f"/Date({micros(text) // 1000})/"
    if _iso({"m": written[6:-2]}) != text:
        raise ValueError("not a time of whole milliseconds in UTC, as it is read")
    return written


def _gmt(text: str) -> str:
    """Write a time of ISO 8601 with the offset that it has."""
    instant = micros(text)
    match = _OFFSET.search(text)
    zone = match[0] if match is not None and match[0] != "Z" else "+00:00"
    sign = -1 if zone[0] == "-" else 1
    local = instant + sign * (int(zone[1:3]) * 60 + int(zone[4:6])) * 60_000_000
    return f"{_EPOCH + timedelta(microseconds=local):%Y-%m-%dT%H:%M:%S} GMT{zone}"


def _iso(parts: Mapping[str, str]) -> str:
    """Write the parts of a match as an ISO time."""
    if "m" in parts:
        return (_EPOCH + timedelta(milliseconds=int(parts["m"]))).isoformat()
    if "i" in parts:
        return parts["i"] + parts["z"]
    # A year of two figures: UNB of syntax 1 to 3 has no other; nothing of the trade is older than 2000.
    day = "20" + parts["y"] if "y" in parts else parts["d"]
    zone = parts.get("z", "")
    time = parts["t"]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:] or '00'}{zone}"


def day_as(notation: str) -> Converter:
    """Make the converter of days in another notation; raises ValueError for others.

    day(102) is CCYYMMDD. day(time) is a time of which only the day counts, midnight when written.
    """
    if notation == "102":
        return Converter("day(102)", "Day", DAY.read, lambda value: value.get("iso", "").replace("-", ""))
    if notation == "time":
        return Converter("day(time)", "Day", remembering(_read_day_of_time), lambda value: f"{value['iso']}T00:00:00")
    raise ValueError(f"days are written as 102 or time, not as {notation!r}")


def _read_day_of_time(text: str) -> dict[str, str] | None:
    word = text.strip()
    day, _, time = word.partition("T")
    value = _read_day(day)
    if not time or value is None:
        return value
    try:
        micros(word)
    except (ValueError, OverflowError):
        raise Defect("DAY_UNREADABLE") from None
    if not time.startswith("00:00:00"):
        raise Normalised(value)
    return value


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
