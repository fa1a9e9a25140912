"""Defects of shipments, as an expert lists them in defects.toml: all are found, each once, and nothing else is."""

import re
import tomllib
from pathlib import Path

import pytest

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.carrier.check import LARGEST_ITEM, check_item
from parcelgate.carrier.finding import Findings, last_name, masked, most_findings
from unit.carrier.parcel import item

CASES = tomllib.loads((Path(__file__).parent / "defects.toml").read_text("utf-8"))
SEVERITIES = {1: "notice", 2: "warning", 3: "error"}


def alter(message, path, value):
    *steps, last = re.findall(r"\w+", path)
    for step in steps:
        message = message[int(step)] if step.isdigit() else getattr(message, step)
    if value == "":
        message.ClearField(last)
    elif isinstance(value, list):
        getattr(message, last)[:] = value
    else:
        setattr(message, last, value)


def found_in(one: Item, most: int = 100) -> Findings:
    found = Findings(str, most)
    check_item(one, "carrier-orbit", "item", found)
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_defect_is_found_with_its_place(name):
    one = item()
    for path, value in CASES[name]["set"].items():
        alter(one, path, value)
    found = [f"{fault.code} {SEVERITIES[fault.severity]} {fault.address[5:]}" for fault in found_in(one).faults]
    assert sorted(found) == sorted(CASES[name]["faults"])


@pytest.mark.parametrize("name", CASES)
def test_a_fault_repeats_no_text_of_the_sender_in_clear(name):
    one = item()
    for path, value in CASES[name]["set"].items():
        alter(one, path, value)
    for fault in found_in(one).faults:
        said = f"{fault.sentence} {fault.hint} {fault.value}"
        assert not re.search("Brandstr|Wiebke|Germany", said, re.IGNORECASE), said
        assert "{" not in said


def test_the_item_is_brought_into_the_form_of_the_record():
    one = item()
    one.key.identifier = "hwb 000001"
    one.key.posting_date = "2026-09-20T08:00:00+02:00"
    one.origin_country = "us"
    one.content[0].hs_code = "6109.10"
    one.content[0].number = 0
    found_in(one)
    assert (one.key.identifier, one.key.issuer, one.origin_country) == ("HWB000001", "carrier-orbit", "US")
    assert (one.content[0].hs_code, one.content[0].number) == ("610910", 1)
    assert (one.posted.utc_micros, one.posted.written) == (1789884000000000, "2026-09-20T08:00:00+02:00")


def test_a_day_alone_is_no_instant():
    one = item()
    found_in(one)
    assert (one.posted.utc_micros, one.posted.written) == (0, "2026-09-20")


def test_line_numbers_are_kept_and_a_repeated_one_is_found():
    one = item()
    one.content.add().CopyFrom(one.content[0])
    assert [fault.code for fault in found_in(one).faults] == ["LINE_NUMBER_TWICE"]


def test_an_item_too_large_to_travel_is_rejected():
    one = item()
    one.comments.append("c" * (LARGEST_ITEM - one.ByteSize() + 1))
    (fault,) = found_in(one).faults
    assert (fault.code, fault.severity) == ("ITEM_TOO_LARGE", SEVERITY_ERROR)


def test_beyond_the_limit_faults_are_cut_but_an_error_still_rejects():
    one = item()
    for _ in range(9):
        one.content.add(description="x", quantity=1, number=1)
    one.destination_country = "QX"
    one.declared_value.nanos = -(2**31)
    found = found_in(one, most=1)
    assert [fault.code for fault in found.faults] == ["COUNTRY_UNKNOWN", "FAULTS_CUT"]
    found = Findings(str, 2)
    for code in ("AMOUNT_NEGATIVE", "AMOUNT_NEGATIVE", "AMOUNT_NEGATIVE", "MONEY_MALFORMED"):
        found.add(code, "postage")
    assert found.rejects and [fault.code for fault in found.faults] == [
        "AMOUNT_NEGATIVE",
        "MONEY_MALFORMED",
        "FAULTS_CUT",
    ]


@pytest.mark.parametrize(("lines", "most"), [(1, 1000), (10, 1000), (100, 100), (250, 40)])
def test_the_more_lines_the_fewer_faults_of_each(lines, most):
    assert most_findings(lines) == most


@pytest.mark.parametrize(
    ("value", "shown"),
    [("", ""), ("QX", "QX"), ("61091", "61091"), ("Smith", "S… (5 characters)"), ("12 Quay", "1… (7 characters)")],
)
def test_codes_are_shown_and_texts_are_masked(value, shown):
    assert masked(value) == shown


def test_in_a_party_only_what_has_the_size_of_a_code_is_shown():
    assert masked("0301234567", strictly=True) == "0… (10 characters)"


@pytest.mark.parametrize(
    ("address", "name"),
    [("shipments[2].item.key", "key"), ("/shipments/2/item/hsCode", "hsCode"), ("shipments[2]", "shipments"), ("", "")],
)
def test_the_name_of_a_field_is_the_last_of_its_address(address, name):
    assert last_name(address) == name
