"""Broken, hostile and unusual JSON: each file of tests/corpus/json with what reading it says, beside it."""

import tomllib
from pathlib import Path

import pytest

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, SEVERITY_WARNING
from parcelgate.codecs import translate

FORMAT = "carrier/easypost/v2"
CASES = sorted((Path(__file__).parents[2] / "corpus" / "json").glob("*.json"))
SEVERITIES = {SEVERITY_WARNING: "warning", SEVERITY_ERROR: "error"}
each_case = pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)


def outcome(parts):
    *events, closed = translate.read(parts, FORMAT)
    faults = [fault for event in [*events, closed] for fault in getattr(event, "faults", ())]
    return {
        "complete": closed.complete,
        "items": closed.items,
        "accepted": closed.accepted,
        "fault": [
            {
                "code": each.code,
                "severity": SEVERITIES[each.severity],
                "item": each.item_number,
                "line": each.line,
                "address": each.address,
            }
            for each in faults
        ],
    }


def wanted(path):
    return {"fault": [], **tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))}


@each_case
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_a_document_gets_the_answer_that_lies_beside_it_however_its_bytes_are_parted(path, size):
    data = path.read_bytes()
    assert outcome(data[at : at + size] for at in range(0, len(data), size)) == wanted(path)


@each_case
def test_every_fault_says_what_is_wrong_and_how_to_mend_it(path):
    for event in translate.read([path.read_bytes()], FORMAT):
        for fault in getattr(event, "faults", ()):
            assert fault.sentence
            assert fault.hint
            # What a document that is no JSON should begin with is named.
            assert "{" not in fault.sentence + fault.hint or fault.code == "DOCUMENT_NOT_JSON"


def test_no_sentence_shows_what_may_be_personal():
    for path in CASES:
        for event in translate.read([path.read_bytes()], FORMAT):
            for fault in getattr(event, "faults", ()):
                assert "Walker" not in fault.sentence + fault.value
