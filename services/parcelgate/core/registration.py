"""Numbers by which parties and products are registered: IOSS, EORI, VAT, ARN, GST, and the GTIN of goods.

Shapes are data, schemas/codelists/registration-shapes.toml; check digits are python-stdnum's. A number that is right here
may still be registered to nobody: only the administration's register, or GS1's, can tell.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Protocol

from stdnum import ca, ean, in_, nz
from stdnum.au import abn
from stdnum.eu import oss
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.util import get_cc_module

from parcelgate.core import codelist

SHAPE = "SHAPE"
CHECK_DIGIT = "CHECK_DIGIT"

# Far longer than a number with all its blanks; what is longer is no number.
_LONGEST = 64
# Hyphens belong to some EORI numbers, so only these are taken out of every number.
_BLANKS = str.maketrans("", "", " \t\u00a0")
_IMPORT_SCHEME = "IM"
# Greece is EL in VAT and GR elsewhere; XI is Northern Ireland, whose numbers are those of the United Kingdom.
_VAT_COUNTRIES = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IT"),
    *("LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
)
_VAT_MODULES = {country: country for country in _VAT_COUNTRIES} | {"EL": "GR", "XI": "GB"}
# Numbers of the one-stop shops, which traders also give as their VAT number: EU for services, IM for imports.
_UNION = "EU"
_SHOPS = (_UNION, "IM")


class _Numbers(Protocol):
    """What a module of stdnum has."""

    def validate(self, number: str) -> str: ...


def problem(scheme: str, number: str, country: str = "") -> str:
    """Say what is wrong with a number of a scheme: SHAPE, CHECK_DIGIT, or empty if nothing is, or the scheme is not known.

    The country is that of the issuer, empty if it is not known; numbers are taken with blanks and in small letters too.
    """
    if scheme not in _SCHEMES:
        return ""
    if len(number) > _LONGEST:
        return SHAPE
    return _problem(scheme, number, country if len(country) == 2 else "")


@lru_cache(maxsize=8192)
def _problem(scheme: str, number: str, country: str) -> str:
    """Judge a number; traffic repeats those of its sellers."""
    bare = number.translate(_BLANKS)
    # Figures of other scripts are no figures of a number, though stdnum reads some.
    return _SCHEMES[scheme](bare.upper(), country) if bare.isascii() else SHAPE


def _ioss(number: str, _country: str) -> str:
    """Judge an IOSS number: IM, member state, seven digits. IN… is an intermediary's own; the check digit is not public."""
    return _judged(oss, number) if number.startswith(_IMPORT_SCHEME) else SHAPE


def _eori(number: str, _country: str) -> str:
    """Judge an EORI number, which begins with a country of ISO 3166-1 or XI; Greece is GR here, not EL."""
    return "" if number[:2] in _countries() and _is_shaped("EORI", number) else SHAPE


def _vat(number: str, country: str) -> str:
    """Judge a VAT number of the Union or the United Kingdom, with or without its country in front; others are not looked at."""
    if country and country not in _VAT_MODULES and country != _UNION:
        return ""
    prefix, found = number[:2], ""
    # The number may begin with letters that only look like a country, as the key of a French number does.
    for begins in dict.fromkeys((country, prefix)):
        if begins in _VAT_MODULES:
            found = _judged(_vat_module(begins), number)
        elif begins == prefix and prefix in _SHOPS:
            found = _judged(oss, number)
        else:
            continue
        if not found:
            return ""
    return found


def _gst(number: str, country: str) -> str:
    """Judge a GST number by its country: Australia (ABN or, for low value goods, ARN), Canada, India, New Zealand."""
    if country == "AU" and _is_shaped("ARN", number):
        return ""
    module = _GST_MODULES.get(country)
    return "" if module is None else _judged(module, number)


def _arn(number: str, _country: str) -> str:
    return "" if _is_shaped("ARN", number) else SHAPE


def _gtin(number: str, _country: str) -> str:
    return _judged(ean, number)


def _judged(module: _Numbers, number: str) -> str:
    try:
        module.validate(number)
    except InvalidChecksum:
        return CHECK_DIGIT
    except ValidationError:
        return SHAPE
    return ""


def _is_shaped(scheme: str, number: str) -> bool:
    shapes = _shapes()
    shape = shapes.get(f"{scheme} {number[:2]}") or shapes[scheme]
    return shape.fullmatch(number) is not None


@cache
def _shapes() -> Mapping[str, re.Pattern[str]]:
    rows = codelist.load("registration-shapes").values
    return {key: re.compile(row["shape"]) for key, row in rows.items()}


def _countries() -> Mapping[str, str]:
    return codelist.load("iso-3166-1").values


@cache
def _vat_module(country: str) -> _Numbers:
    module = get_cc_module(_VAT_MODULES[country].lower(), "vat")
    assert module is not None, country
    return module


_GST_MODULES: Mapping[str, _Numbers] = {"AU": abn, "CA": ca.vat, "IN": in_.vat, "NZ": nz.vat}
_SCHEMES: Mapping[str, Callable[[str, str], str]] = {
    "ARN": _arn,
    "EORI": _eori,
    "GST": _gst,
    "GTIN": _gtin,
    "IOSS": _ioss,
    "VAT": _vat,
}
