"""Numbers of the trade that hold: S10 items, S9 receptacles, waybills, IOSS and EORI numbers, GTINs."""

import datetime as dt
from random import Random
from typing import Any

from stdnum import ean, luhn
from stdnum.eu import oss

from parcelgate.app.sample import lot
from parcelgate.core import codelist, identifier

SERIALS = 100_000_000
# Prime to SERIALS: the walk meets every serial once before it meets one again.
_STEP = 38_196_601

# S10 service indicators by mail class (UPU S10-12): L tracked, R registered, U other letters; C and H parcels; E EMS.
# The last letters of a range are for bilateral use and are left out.
_SERVICES = {"U": ("L", "U", "U", "R"), "C": ("C", "C", "H"), "E": ("E",)}
_SECOND = "ABCDEFGHIJKLMNOPQRSTU"
_CARRIER_WAYBILL_DIGITS = 9
# Airline prefixes 0xx are issued; 9xx is far above the range in use.
_MASTER_PREFIX = "999"
# EORI: how many digits follow the country; where a country has another shape, the general one is used.
_EORI_DIGITS = {"DE": 15, "GB": 12}


class Serials:
    """Serial numbers that do not repeat within one seed (for the first hundred million)."""

    def __init__(self, rng: Random) -> None:
        """Begin somewhere that the generator decides."""
        self._next = rng.randrange(SERIALS)

    def take(self) -> str:
        """Return the next serial, eight digits."""
        self._next = (self._next + _STEP) % SERIALS
        return f"{self._next:08d}"


def s10(rng: Random, serials: Serials, mail_class: str, country: str) -> str:
    """Make an S10 of a mail class (U, C or E), issued in a country; the check digit is right."""
    serial = serials.take()
    service = lot.pick(rng, _SERVICES[mail_class]) + lot.pick(rng, _SECOND)
    return f"{service}{serial}{identifier.s10_check_digit(serial)}{country}"


def with_wrong_check_digit(number: str, rng: Random) -> str:
    """Change the check digit of an S10."""
    digit = (int(number[10]) + 1 + int(rng.random() * 9)) % 10
    return f"{number[:10]}{digit}{number[11:]}"


def waybill(serials: Serials) -> str:
    """Make a house waybill number: nine digits and their remainder by seven."""
    serial = int(serials.take()) + SERIALS
    return f"{serial:0{_CARRIER_WAYBILL_DIGITS}d}{serial % 7}"


def master_waybill(rng: Random) -> str:
    """Make a master air waybill number (IATA Resolution 600a: remainder of seven digits by seven)."""
    serial = int(rng.random() * 10_000_000)
    return f"{_MASTER_PREFIX}-{serial:07d}{serial % 7}"


def dispatch(origin: str, destination: str, category: str, subclass: str, day: dt.date, number: int) -> str:
    """Make an S8 dispatch identifier, 20 characters, from the offices of exchange."""
    return f"{origin}{destination}{category}{subclass}{day.year % 10}{number:04d}"


def receptacle(dispatched: str, number: int, hectograms: int) -> str:
    """Make an S9 receptacle identifier, 29 characters: dispatch, number, highest (9: not given), registered (9), mass in 0.1 kg."""
    return f"{dispatched}{number:03d}99{hectograms:04d}"


def ioss(rng: Random) -> str:
    """Make an IOSS number that stdnum accepts: IM, member state of identification, seven digits."""
    state = lot.pick(rng, oss.ISO_3166_1_MEMBER_STATES[:-1])
    return f"IM{state}{int(rng.random() * 10_000_000):07d}"


def eori(rng: Random, country: str) -> str:
    """Make an EORI number: the country and up to 15 digits."""
    return country + lot.fill(rng, "%" + "#" * (_EORI_DIGITS.get(country, 9) - 1))


def gtin(rng: Random) -> str:
    """Make a GTIN-13 of the range that shops give out among themselves (GS1 prefixes 20 to 29)."""
    body = lot.fill(rng, "2###########")
    return body + str(ean.calc_check_digit(body))


def merchant_number(rng: Random) -> str:
    """Make an article number as merchants do, with a Luhn digit."""
    body = lot.fill(rng, "%#######")
    return f"{lot.fill(rng, '@@')}-{body}{luhn.calc_check_digit(body)}"


def exponent(currency: str) -> int:
    """Return the number of decimals of a currency (ISO 4217)."""
    row: Any = codelist.load("iso-4217").values[currency]
    return int(row["exponent"])
