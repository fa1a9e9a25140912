"""How the page words what the record holds: times, countries, stages, decisions, kinds of facts."""

from datetime import UTC, datetime

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, SEVERITY_WARNING
from parcelgate.core import codelist
from parcelgate.monitor.projection import decision_word

_GOOD = frozenset(["ASSESSMENT_COMPLETE", "PRE_ACCEPTED", "RELEASED", "RELEASED_WITH_DUTY", "RELEASED_CONDITIONAL"])
_BAD = frozenset(
    ["DO_NOT_LOAD", "SECURITY_ALERT", "DETAINED", "SEIZED", "REFUSED", "RETURN_TO_SENDER", "DESTROY", "REJECTED"]
)
STAGE_HINTS = {
    "rejected": "cannot be identified or represented",
    "accepted": "numbered, not yet routed",
    "routed": "on the way to an authority",
    "waiting": "an authority has not answered",
    "decided": "an authority has decided",
    "answered": "the partner has the answer",
}


def moment(micros: int) -> str:
    """Write a time in UTC to the second, as in 2026-11-24 09:30:00."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def clock_time(micros: int) -> str:
    """Write the time of day in UTC to the millisecond, as in 09:30:00.250."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%H:%M:%S") + f".{micros // 1000 % 1000:03d}"


def day(micros: int) -> str:
    """Write the day in UTC, as in Tuesday 24 November 2026."""
    at = datetime.fromtimestamp(micros // 1_000_000, UTC)
    return f"{at:%A} {at.day} {at:%B %Y}"


def stamp(micros: int) -> str:
    """Write a time for machines."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def words(code: str) -> str:
    """Write a code for people: RELEASED_WITH_DUTY becomes Released with duty."""
    text = decision_word(code).replace("_", " ")
    return text[:1] + text[1:].lower() if text.isupper() else text


def tone(code: str) -> str:
    """Return good, bad or open, by what a decision means for the item."""
    word = decision_word(code)
    return "good" if word in _GOOD else "bad" if word in _BAD else "open"


def severity(value: int) -> str:
    """Name a severity."""
    return {SEVERITY_ERROR: "error", SEVERITY_WARNING: "warning"}.get(value, "notice")  # type: ignore[call-overload, no-any-return]


def country(code: str) -> str:
    """Name a country; a code that is not on the list stands for itself."""
    return str(codelist.load("iso-3166-1").values.get(code, code))


def number(amount: int) -> str:
    """Write a number with a thin space between its thousands."""
    return f"{amount:,}".replace(",", "\u202f")
