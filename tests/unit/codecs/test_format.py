"""Every shipped format: its schema, its examples, and that its rows cover its schema."""

import tomllib
from io import BytesIO
from pathlib import Path

import pytest
import xmlschema
from lxml import etree

from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, SEVERITY_WARNING, Fault
from parcelgate.codecs import translate
from parcelgate.codecs.coverage import Schematic, gaps
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.registry import Registry, shipped
from parcelgate.core.fault import catalogue

FORMATS = list(shipped())
EXAMPLES = [path for form in FORMATS for path in sorted((form.folder / "examples").glob("*.xml"))]
SEVERITIES = {"warning": SEVERITY_WARNING, "error": SEVERITY_ERROR}


def faults_of(data, form_id):
    return [fault for event in translate.read([data], form_id) for fault in getattr(event, "faults", ())]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.id)
def test_a_format_has_its_three_examples_and_claims_no_conformance(form):
    assert {path.stem for path in (form.folder / "examples").glob("*.xml")} == {"smallest", "full", "faulty"}
    assert form.status == "own profile"


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem != "faulty"], ids=str)
def test_a_sound_example_is_valid_for_both_validators_and_has_no_fault(path: Path):
    form = next(form for form in FORMATS if form.folder in path.parents)
    data = path.read_bytes()
    assert etree.XMLSchema(etree.parse(str(form.folder / form.settings["schema"]))).validate(etree.fromstring(data))
    xmlschema.XMLSchema10(str(form.folder / form.settings["schema"])).validate(BytesIO(data))
    assert translate.recognise(data) == form.id
    assert faults_of(data, form.id) == []


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem == "faulty"], ids=str)
def test_a_faulty_example_has_exactly_the_faults_listed_beside_it(path: Path):
    form = next(form for form in FORMATS if form.folder in path.parents)
    wanted = tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))["fault"]
    found = [
        {
            "code": each.code,
            "severity": each.severity,
            "item": each.item_number,
            "line": each.line,
            "address": each.address,
        }
        for each in faults_of(path.read_bytes(), form.id)
    ]
    assert found == [{**each, "severity": SEVERITIES[each["severity"]]} for each in wanted]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.id)
def test_every_element_of_the_schema_has_a_row_and_every_row_an_element(form):
    assert isinstance(form.engine, Schematic)
    assert list(gaps(form.mapping, form.engine.declared())) == []


def test_every_fault_code_of_documents_says_what_and_how_to_mend():
    rows = [row for row in catalogue().values() if row.area == "document"]
    assert len(rows) > 30
    assert all(row.sentence.endswith((".", "}.")) and row.hint.endswith(".") for row in rows)


def folder_with(tmp_path: Path, **changes) -> Path:
    source = shipped().get("upu/cusrsp/own-1").folder
    folder = tmp_path / "upu" / "cusrsp" / "own-1"
    folder.mkdir(parents=True)
    for name in ("format.toml", "mapping.toml", "cusrsp.xsd"):
        text = (source / name).read_text("utf-8")
        for old, new in changes.get(name.partition(".")[0], ()):
            assert old in text
            text = text.replace(old, new)
        (folder / name).write_text(text, "utf-8")
    return tmp_path


def test_a_partner_s_variant_is_a_folder_dropped_in(tmp_path):
    change = [('{ at = "Text", to = "text" }', '{ at = "Question", to = "text" }')]
    schema = [('name="Text" type="Text"', 'name="Question" type="Text"')]
    registry = Registry(folder_with(tmp_path, mapping=change, cusrsp=schema))
    data = (shipped().get("upu/cusrsp/own-1").folder / "examples" / "full.xml").read_bytes()
    data = data.replace(b"<Text>", b"<Question>").replace(b"</Text>", b"</Question>")
    events = list(translate.read([data], "upu/cusrsp/own-1", registry=registry))
    assert events[-1].routable
    assert not events[1].faults


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
    with pytest.raises(MappingError) as caught:
        Registry(folder_with(tmp_path, **changes))
    assert sentence in str(caught.value)


def test_a_broken_mapping_names_its_format(tmp_path):
    registry = Registry(folder_with(tmp_path, mapping=[('to = "decision.revokes"', 'to = "decision.revoked"')]))
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
    registry = Registry(folder_with(tmp_path, cusrsp=[('<xs:element name="CUSRSP">', include)]))
    with pytest.raises((etree.XMLSchemaParseError, LookupError)):
        registry.get("upu/cusrsp/own-1").engine.compiled.schema.fast  # noqa: B018  it is compiled when it is asked for
