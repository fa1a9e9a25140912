"""Code lists: complete against a published edition, and shaped as those who read them expect."""

import re

import pytest

from parcelgate.core import codelist, resource

NAMES = sorted(path.stem for path in (resource.schemas() / "codelists").glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_list_says_its_edition_source_and_status(name):
    found = codelist.load(name)
    assert found.version and found.source and found.status and found.values


def test_all_249_countries_of_iso_3166_1_are_there():
    # ISO's Online Browsing Platform: 249 officially assigned codes, the same number since South Sudan (2011).
    countries = codelist.load("iso-3166-1")
    assert len(set(countries.values) - {"XI", "XK"}) == 249
    assert all(re.fullmatch("[A-Z]{2}", code) and name for code, name in countries.values.items())
    assert {"SS", "BQ", "CW", "SX", "AX", "BL", "MF", "PS", "TL", "XI", "XK"} <= set(countries.values)


@pytest.mark.parametrize("code", ["AN", "BU", "CS", "DD", "EL", "EU", "SU", "TP", "UK", "YU", "ZR", "ZZ"])
def test_withdrawn_reserved_and_foreign_codes_are_no_countries(code):
    assert code not in codelist.load("iso-3166-1")


# List one of 2026-01-01 has 178 codes; in these nobody states what goods are worth.
NOT_MONEY = {"XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"}


def test_all_currencies_of_list_one_of_iso_4217_are_there():
    currencies = codelist.load("iso-4217")
    assert currencies.version == "2026-01-01"
    assert len(currencies.values) == 178 - len(NOT_MONEY)
    assert not NOT_MONEY & set(currencies.values)
    assert all(re.fullmatch("[A-Z]{3}", code) and row["name"] for code, row in currencies.values.items())


@pytest.mark.parametrize(
    ("code", "instead"),
    [("ANG", "XCG"), ("BGN", "EUR"), ("HRK", "EUR"), ("SLL", "SLE"), ("ZWL", "ZWG"), ("CUC", "CUP"), ("VEF", "VES")],
)
def test_a_currency_that_ended_is_gone_and_its_successor_there(code, instead):
    currencies = codelist.load("iso-4217")
    assert code not in currencies
    assert instead in currencies


@pytest.mark.parametrize(
    ("exponent", "codes"),
    [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ],
)
def test_the_decimals_are_those_of_iso_4217(exponent, codes):
    rows = codelist.load("iso-4217").values
    assert {code for code, row in rows.items() if row["exponent"] == exponent} == set(codes.split())


UNITS = codelist.load("unece-rec-20").values


def test_units_have_the_shape_of_recommendation_20_and_packages_that_of_recommendation_21():
    kinds = {"mass", "length", "area", "volume", "piece", "multiple", "package", "other"}
    for code, row in UNITS.items():
        assert re.fullmatch("X[A-Z]{2}" if row["kind"] == "package" else "[0-9A-Z]{2,3}", code), code
        assert row["name"] and row["kind"] in kinds, code


def test_no_two_units_have_one_name():
    names = [row["name"] for code, row in UNITS.items() if row["kind"] != "package" and not row.get("withdrawn")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        # Each stands in Recommendation 20, annex I; NPR was withdrawn from it in favour of PR.
        ("mass", "KGM GRM MGM TNE LBR ONZ APZ CTM STN LTN"),
        ("piece", "H87 C62 NAR EA"),
        ("multiple", "PR SET DZN GRO CEN MIL NPR"),
        ("length", "MTR CMT MMT INH FOT YRD"),
        ("area", "MTK CMK FTK"),
        ("volume", "LTR MLT CLT MTQ GLL LPA"),
        ("package", "XBX XCT XPK XBG XBO"),
    ],
)
def test_units_that_goods_lines_use_are_marked_by_kind(kind, codes):
    assert {code: UNITS[code]["kind"] for code in codes.split()} == dict.fromkeys(codes.split(), kind)


@pytest.mark.parametrize("code", ["KG", "G", "LB", "OZ", "PCS", "PCE", "PC", "KGS", "kgm", "XXX", ""])
def test_what_only_looks_like_a_unit_is_none(code):
    assert code not in UNITS
