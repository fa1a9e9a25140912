"""Converters: what is read, what is written, and what is said about what can't be read."""

import contextlib

import pytest

from parcelgate.codecs.mapping import converter, moment, quantity
from parcelgate.codecs.mapping.converter import Converter, Defect, Normalised

READ = [
    (converter.TEXT, " Jan ", "Jan"),
    (converter.TEXT, "  ", ""),
    (converter.COUNTRY, "NL", "NL"),
    (converter.CURRENCY, " EUR ", "EUR"),
    (converter.HS, "610910", "610910"),
    (converter.BOOL, "1", True),
    (converter.BOOL, "false", None),
    (converter.ITEM_ID, "RR000000014NL", "RR000000014NL"),
    (quantity.INT, "007", 7),
    (quantity.INT, "0", None),
    (quantity.INT, "4294967295", 4294967295),
    (quantity.MONEY, "12.50", {"units": 12, "nanos": 500_000_000}),
    (quantity.MONEY, "0.00", {}),
    (quantity.MONEY, "-0.25", {"nanos": -250_000_000}),
    (quantity.MONEY, "+3", {"units": 3}),
    (quantity.MONEY, ".5", {"nanos": 500_000_000}),
    (quantity.MONEY, "999999999999999999.999999999", {"units": 999_999_999_999_999_999, "nanos": 999_999_999}),
    (quantity.MONEY, "1.0000000000000", {"units": 1}),
    (quantity.MONEY, "0" * 40, {}),
    (quantity.MASS, "0.350", {"milligrams": 350_000}),
    (quantity.MASS, "1.000001", {"milligrams": 1_000_001}),
    (quantity.MASS, "0", {}),
    (moment.TIME, "2026-11-03T10:15:00Z", {"utc_micros": 1_793_700_900_000_000, "written": "2026-11-03T10:15:00Z"}),
    (moment.TIME, "2026-11-03T10:15:00", {"utc_micros": 1_793_700_900_000_000, "written": "2026-11-03T10:15:00"}),
    (moment.TIME, "20261103", {"utc_micros": 1_793_664_000_000_000, "written": "20261103"}),
    (moment.TIME, "2026-11-03+01:00", {"utc_micros": 1_793_660_400_000_000, "written": "2026-11-03+01:00"}),
    (moment.TIME, "1970-01-01", {"written": "1970-01-01"}),
    (moment.DAY, "2026-11-03", {"iso": "2026-11-03"}),
    (moment.DAY, "20261103", {"iso": "2026-11-03"}),
]


@pytest.mark.parametrize(("chosen", "text", "value"), READ, ids=lambda each: getattr(each, "name", None))
def test_a_readable_value_is_read_exactly(chosen: Converter, text, value):
    assert chosen.read(text) == value


REFUSED = [
    (converter.COUNTRY, "ZZ", "COUNTRY_UNKNOWN", "ZZ"),
    (converter.CURRENCY, "euro", "CURRENCY_UNKNOWN", "euro"),
    (converter.HS, "7701", "HS_MALFORMED", "7701"),
    (converter.HS, "77010000", "HS_MALFORMED", "77010000"),
    (converter.HS, "book", "HS_MALFORMED", "book"),
    (converter.BOOL, "maybe", "BOOLEAN_UNREADABLE", None),
    (converter.ITEM_ID, "RR000000018NL", "S10_CHECK_DIGIT", "RR000000018NL"),
    (quantity.INT, "two", "NUMBER_UNREADABLE", None),
    (quantity.INT, "-1", "NUMBER_UNREADABLE", None),
    (quantity.INT, "٣", "NUMBER_UNREADABLE", None),
    (quantity.INT, "4294967296", "NUMBER_TOO_LARGE", None),
    (quantity.INT, "9" * 5000, "NUMBER_TOO_LARGE", None),
    (quantity.MONEY, "12,50", "AMOUNT_UNREADABLE", None),
    (quantity.MONEY, "1e3", "AMOUNT_UNREADABLE", None),
    (quantity.MONEY, "٣.50", "AMOUNT_UNREADABLE", None),
    (quantity.MONEY, "1_0.50", "AMOUNT_UNREADABLE", None),
    (quantity.MONEY, "1.0000000001", "AMOUNT_UNREADABLE", None),
    (quantity.MONEY, "9999999999999999999", "AMOUNT_UNREADABLE", None),
    (quantity.MONEY, "-", "AMOUNT_UNREADABLE", None),
    (quantity.MONEY, ".", "AMOUNT_UNREADABLE", None),
    (quantity.MASS, "-1.000", "MASS_UNREADABLE", None),
    (quantity.MASS, "0.0000001", "MASS_UNREADABLE", None),
    (moment.TIME, "next week", "TIME_UNREADABLE", {"written": "next week"}),
    (moment.TIME, "2026-02-30", "TIME_UNREADABLE", {"written": "2026-02-30"}),
    (moment.TIME, "2026", "TIME_UNREADABLE", {"written": "2026"}),
    # Twelve figures and a zone: Python takes the ninth for what stands between day and time.
    (moment.TIME, "20210413221100+01", "TIME_UNREADABLE", {"written": "20210413221100+01"}),
    (moment.DAY, "2026-W45-2", "DAY_UNREADABLE", None),
    (moment.DAY, "2026-13-01", "DAY_UNREADABLE", None),
    (converter.DISPATCH_ID, "nzakla ausyda", "S8_MALFORMED", "NZAKLAAUSYDA"),
    (converter.RECEPTACLE_ID, "NZAKLAAUSYDAACN60012", "S9_MALFORMED", "NZAKLAAUSYDAACN60012"),
    (converter.IMPC, "Amsterdam", "IMPC_MALFORMED", "AMSTERDAM"),
]


@pytest.mark.parametrize(("chosen", "text", "code", "keep"), REFUSED, ids=lambda each: getattr(each, "name", None))
def test_an_unreadable_value_is_a_fault_that_keeps_what_it_can(chosen: Converter, text, code, keep):
    with pytest.raises(Defect) as caught:
        chosen.read(text)
    assert (caught.value.code, caught.value.keep) == (code, keep)


@pytest.mark.parametrize(
    ("chosen", "text", "value"),
    [
        (converter.HS, "6109.10", "610910"),
        (converter.ITEM_ID, "rr 0000 00014 nl", "RR000000014NL"),
        (converter.DISPATCH_ID, "nzaklaausyda acn 6 0012", "NZAKLAAUSYDAACN60012"),
        (converter.RECEPTACLE_ID, "NZAKLAAUSYDAACN60012 003 0 0 0125", "NZAKLAAUSYDAACN60012003000125"),
        (converter.IMPC, "nlamsa", "NLAMSA"),
    ],
)
def test_what_was_taken_away_from_a_text_is_noted(chosen: Converter, text, value):
    with pytest.raises(Normalised) as caught:
        chosen.read(text)
    assert caught.value.keep == value


@pytest.mark.parametrize(
    ("chosen", "value", "text"),
    [
        (quantity.MONEY, {}, "0.00"),
        (quantity.MONEY, {"units": 12, "nanos": 345_000_000}, "12.345"),
        (quantity.MONEY, {"nanos": -1}, "-0.000000001"),
        (quantity.MASS, {"milligrams": 350_000}, "0.350"),
        (quantity.MASS, {"milligrams": 1}, "0.000001"),
        (quantity.MASS, {}, "0.000"),
        (moment.TIME, {"utc_micros": 1_793_700_900_000_000}, "2026-11-03T10:15:00.000000Z"),
        (moment.TIME, {"utc_micros": 1, "written": "1970-01-01T01:00+01:00"}, "1970-01-01T01:00+01:00"),
        (moment.TIME, {"written": "as said"}, "as said"),
        (moment.TIME, {"utc_micros": 1_793_700_900_000_000, "written": "202611031015"}, "2026-11-03T10:15:00.000000Z"),
    ],
)
def test_values_are_written_in_one_way(chosen: Converter, value, text):
    assert chosen.write(value) == text


def test_a_code_list_reads_numbers_and_knows_what_it_knows():
    flow = converter.code("flow", {"I": 1, "O": 2})
    assert flow.read(" I ") == 1
    assert flow.write(2) == "O"
    with pytest.raises(Defect) as caught:
        flow.read("X")
    assert caught.value.words == {"known": "I, O"}


def test_a_memory_stays_small():
    seen = []
    memory = converter.Memory(lambda text: seen.append(text) or text)
    for number in range(50_000):
        memory[str(number)]
    memory["x" * 1000]
    assert len(memory) <= 20_000
    assert "x" * 1000 not in dict(memory)


@pytest.mark.parametrize(
    "chosen", [converter.DISPATCH_ID, converter.RECEPTACLE_ID, converter.IMPC], ids=lambda each: each.name
)
def test_an_identifier_that_is_blank_is_none(chosen):
    assert chosen.read("  ") is None


def test_a_receptacle_says_what_its_identifier_says():
    name = "NZAKLAAUSYDABUA60012003000125"
    assert converter.derive_dispatch(name) == "NZAKLAAUSYDABUA60012"
    assert (converter.derive_category(name), converter.derive_class(name), converter.derive_subclass(name)) == (
        2,
        1,
        "UA",
    )
    assert converter.derive_receptacle_mass(name) == {"milligrams": 12_500_000}
    assert converter.derive_receptacle_mass(name[:-4] + "9999") is None
    assert converter.derive_receptacle_mass(name[:-4] + "0000") == {}
    assert converter.derive_class(name.replace("BUA", "BXA")) is None
    for function in (converter.derive_dispatch, converter.derive_category, converter.derive_receptacle_mass):
        assert function("no receptacle") is None


@pytest.mark.parametrize(
    ("written", "kept", "again"),
    [
        ("2026-11-03T10:15:00 GMT+01:00", "2026-11-03T10:15:00+01:00", "2026-11-03T10:15:00 GMT+01:00"),
        ("2026-11-03T10:15:00GMT-09:30", "2026-11-03T10:15:00-09:30", "2026-11-03T10:15:00 GMT-09:30"),
    ],
)
def test_a_time_whose_text_counts_is_kept_as_iso_and_written_in_its_notation(written, kept, again):
    chosen = moment.written_as("gmt")
    with pytest.raises(Normalised) as caught:
        chosen.read(written)
    assert caught.value.keep == kept
    assert chosen.write(kept) == again
    assert chosen.write("2026-11-03") == "2026-11-03T00:00:00 GMT+00:00"
    assert chosen.write("2026-11-03T10:15:00Z") == "2026-11-03T10:15:00 GMT+00:00"
    with pytest.raises(ValueError, match="not a time"):
        chosen.write("tomorrow")
    with pytest.raises(ValueError, match="gmt"):
        moment.written_as("203")


@pytest.mark.parametrize("unit", ["g", "mg", "lb", "oz"])
@pytest.mark.parametrize("milligrams", [1, 27, 28, 29, 141_748, 453_592, 999_999_999])
def test_a_mass_is_written_with_no_more_decimals_than_it_takes_to_read_it_again(unit, milligrams):
    chosen = quantity.mass_in(unit)
    written = chosen.write({"milligrams": milligrams})
    assert chosen.read(written) == {"milligrams": milligrams}
    shorter = written[:-1].rstrip(".")
    assert "." not in written or chosen.read(shorter) != {"milligrams": milligrams}


@pytest.mark.parametrize(
    ("chosen", "example"),
    [
        (moment.TIME, moment.ISO_EXAMPLE),
        (moment.time_as("203"), "202611031015"),
        (moment.time_as("304"), "20261103101500Z"),
        (moment.time_as("net"), "/Date(1793700900000)/"),
        (moment.written_as("gmt"), "2026-11-03T10:15:00GMT+00:00"),
        (moment.written_as("102"), "20261103"),
        (moment.written_as("day"), "2026-11-03"),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_who_writes_a_time_otherwise_is_shown_how_the_format_does(chosen, example):
    with pytest.raises(Defect) as caught:
        chosen.read("3rd of November")
    assert caught.value.words == {"example": example}
    if chosen is not moment.TIME:
        # What is shown can be read, if only with a note that the record has it in ISO.
        with contextlib.suppress(Normalised):
            assert chosen.read(example)
