"""Broken, hostile and unusual documents: each file of tests/corpus/{xml,edifact} with what reading it says, beside it."""

import tomllib
from pathlib import Path

import pytest

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, SEVERITY_NOTICE, SEVERITY_WARNING
from parcelgate.codecs import translate

# Of the format that is told in the answer, or else of this one.
FORMATS = {".xml": "upu/cusitm/own-1", ".edi": "upu/predes/own-1"}
CORPUS = Path(__file__).parents[2] / "corpus"
CASES = [*sorted((CORPUS / "xml").glob("*.xml")), *sorted((CORPUS / "edifact").glob("*.edi"))]
SEVERITIES = {SEVERITY_NOTICE: "notice", SEVERITY_WARNING: "warning", SEVERITY_ERROR: "error"}


def outcome(path, parts):
    *events, closed = translate.read(parts, answer_of(path).get("format", FORMATS[path.suffix]))
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


def answer_of(path):
    return tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))


def wanted(path):
    answer = {"fault": [], **answer_of(path)}
    answer.pop("format", None)
    return answer


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_document_gets_the_answer_that_lies_beside_it(path):
    assert outcome(path, [path.read_bytes()]) == wanted(path)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_answer_does_not_depend_on_how_the_bytes_are_parted(path):
    data = path.read_bytes()
    assert outcome(path, (data[at : at + 7] for at in range(0, len(data), 7))) == wanted(path)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_fault_says_what_is_wrong_and_how_to_mend_it(path):
    for event in translate.read([path.read_bytes()], FORMATS[path.suffix]):
        for fault in getattr(event, "faults", ()):
            assert fault.sentence
            assert fault.hint
            assert "{" not in fault.sentence + fault.hint
