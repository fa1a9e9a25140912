"""Every shipped format is whole: words, rows, schema, code lists and examples. Broken ones are refused with their reason."""

import pytest
from lxml import etree

from format_folders import copied
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs import translate
from parcelgate.codecs.check import EXAMPLES, example, findings
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.registry import Registry, shipped
from parcelgate.core.fault import catalogue

FORMATS = list(shipped())


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.id)
def test_a_shipped_format_has_nothing_that_formats_check_finds(form):
    assert list(findings(form, shipped())) == []


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.id)
def test_a_shipped_format_has_its_own_three_examples(form):
    assert [example(form, name).parent for name in EXAMPLES] == [form.folder / "examples"] * 3


@pytest.mark.parametrize(
    "form", [one for one in FORMATS if one.id.startswith(("upu/", "ics2/"))], ids=lambda form: form.id
)
def test_a_format_after_texts_that_are_not_public_claims_no_conformance(form):
    assert form.status == "own profile"
    assert "No conformance is claimed" in " ".join(form.provenance.split())


def test_every_fault_code_of_documents_says_what_and_how_to_mend():
    rows = [row for row in catalogue().values() if row.area == "document"]
    assert len(rows) > 30
    assert all(row.sentence.endswith((".", "}.")) and row.hint.endswith(".") for row in rows)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": [('syntax = "xml"', 'syntax = "morse"')]}, "no engine for the syntax 'morse'"),
        ({"format": [('id = "upu/cusrsp/own-1"', 'id = "upu/other/1"')]}, "is not the folder's name"),
        ({"format": [("unit = ", "untt = ")]}, "key"),
        ({"format": [("id = ", "id ")]}, "format.toml"),
    ],
)
def test_a_broken_format_is_refused_at_load(tmp_path, changes, sentence):
    copied(tmp_path, **changes)
    with pytest.raises(MappingError) as caught:
        Registry(tmp_path)
    assert sentence in str(caught.value)


def test_a_broken_mapping_names_its_format(tmp_path):
    copied(tmp_path, mapping=[('to = "decision.revokes"', 'to = "decision.revoked"')])
    registry = Registry(tmp_path)
    form = registry.get("upu/cusrsp/own-1")
    with pytest.raises(MappingError, match="upu/cusrsp/own-1: Response"):
        form.mapping  # noqa: B018  it is compiled when it is asked for


def test_an_unknown_format_is_a_fault():
    found = shipped().get("upu/cusxyz/1")
    assert isinstance(found, Fault)
    (closed,) = translate.read([b"<a/>"], "upu/cusxyz/1")
    assert [fault.code for fault in closed.faults] == ["FORMAT_NOT_LOADED"]
    with pytest.raises(ValueError, match="no format"):
        list(translate.write("upu/cusxyz/1", {}, []))


def test_a_schema_may_not_reach_outside_its_folder(tmp_path):
    include = '<xs:include schemaLocation="../../../outside.xsd"/><xs:element name="CUSRSP">'
    (tmp_path / "outside.xsd").write_text("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>")
    copied(tmp_path, cusrsp=[('<xs:element name="CUSRSP">', include)])
    registry = Registry(tmp_path)
    with pytest.raises((etree.XMLSchemaParseError, LookupError)):
        registry.get("upu/cusrsp/own-1").engine.compiled.schema.fast  # noqa: B018  it is compiled when it is asked for
