"""Hand-written responses: the XML and what it says, both ways. Every file of tests/corpus/cusrsp is a case."""

from io import BytesIO
from pathlib import Path

import pytest
import xmlschema
from google.protobuf import text_format

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.codecs import translate
from parcelgate.codecs.registry import shipped

FORMAT = "upu/cusrsp/own-1"
CASES = sorted((Path(__file__).parents[2] / "corpus" / "cusrsp").glob("*.xml"))


def said(path: Path) -> Release:
    return text_format.Parse(path.with_suffix(".textproto").read_text("utf-8"), Release())


def test_there_are_twelve():
    assert len(CASES) == 12


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_response_says_what_its_text_says(path):
    _, item, closed = translate.read([path.read_bytes()], FORMAT)
    assert closed.routable
    assert list(item.faults) == []
    assert Release.FromString(item.message) == said(path)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_decision_is_written_as_the_response(path):
    header, *_ = translate.read([path.read_bytes()], FORMAT)
    assert b"".join(translate.write(FORMAT, header.values, [said(path)])) == path.read_bytes()


def test_all_responses_are_valid_for_xmlschema():
    form = shipped().get(FORMAT)
    schema = xmlschema.XMLSchema10(str(form.folder / form.settings["schema"]))
    for path in CASES:
        schema.validate(BytesIO(path.read_bytes()))
