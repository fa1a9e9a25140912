"""Every shipped JSON format: its schema, its examples, and that rows and schema cover each other and the record."""

import json
import tomllib
from itertools import chain

import jsonschema
import pytest

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, SEVERITY_WARNING
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs import translate
from parcelgate.codecs.event import ItemRead
from parcelgate.codecs.mapping.mapping import uncovered
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.registry import Registry, shipped

FORMATS = [form for form in shipped() if form.syntax == "json"]
SEVERITIES = {SEVERITY_WARNING: "warning", SEVERITY_ERROR: "error"}
by_id = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.id)
sound = pytest.mark.parametrize("name", ["smallest", "full"])


def example(form, name):
    return (form.folder / "examples" / f"{name}.json").read_bytes()


def declarations(data, form_id):
    read = [event for event in translate.read([data], form_id) if isinstance(event, ItemRead)]
    assert all(event.accepted for event in read)
    return [Declaration(item=Item.FromString(event.item)) for event in read]


def faults_of(data, form_id):
    return [fault for event in translate.read([data], form_id) for fault in getattr(event, "faults", ())]


def schema_of(form):
    return json.loads((form.folder / form.settings["schema"]).read_text("utf-8"))


@by_id
def test_a_format_has_its_three_examples_and_says_where_its_fields_come_from(form):
    assert {path.stem for path in (form.folder / "examples").glob("*.json")} == {"smallest", "full", "faulty"}
    assert form.status == "after the vendor's public description"
    assert "Not verified" in form.provenance


@by_id
@sound
def test_a_sound_example_is_valid_is_recognised_and_has_no_fault(form, name):
    data = example(form, name)
    tree = json.loads(data)
    jsonschema.Draft202012Validator(schema_of(form)).validate(tree.get("shipment", tree))
    assert translate.recognise(data) == form.id
    assert faults_of(data, form.id) == []


@by_id
def test_a_faulty_example_has_exactly_the_faults_listed_beside_it(form):
    wanted = tomllib.loads((form.folder / "examples" / "faulty.toml").read_text("utf-8"))["fault"]
    found = [
        {
            "code": each.code,
            "severity": SEVERITIES[each.severity],
            "item": each.item_number,
            "line": each.line,
            "address": each.address,
        }
        for each in faults_of(example(form, "faulty"), form.id)
    ]
    assert found == wanted
    assert translate.recognise(example(form, "faulty")) == form.id


@by_id
@sound
def test_what_is_written_again_is_valid_and_reads_as_the_same_item(form, name):
    first = declarations(example(form, name), form.id)
    written = b"".join(translate.write(form.id, {}, first))
    jsonschema.Draft202012Validator(schema_of(form)).validate(json.loads(written))
    (before,), (after,) = first, declarations(written, form.id)
    for each in (before, after):
        each.item.parties.sort(key=lambda party: party.role)
    assert after == before
    assert written == b"".join(translate.write(form.id, {}, declarations(written, form.id)))


@by_id
def test_several_items_are_written_as_an_array_that_reads_as_those_items(form):
    first = list(chain(declarations(example(form, "smallest"), form.id), declarations(example(form, "full"), form.id)))
    written = b"".join(translate.write(form.id, {}, first))
    assert isinstance(json.loads(written), list)
    again = declarations(written, form.id)
    assert [each.item.key for each in again] == [each.item.key for each in first]
    assert json.loads(b"".join(translate.write(form.id, {}, []))) == []


@by_id
def test_the_full_example_has_a_value_for_every_name_that_is_read(form):
    *_, closed = translate.read([example(form, "full")], form.id)
    said = {path.rpartition("/")[2] for path in closed.ledger.mapped}
    leaves = {form.mapping.paths[node.leaf.row.number] for node in every_node(form.mapping.item.root) if node.leaf}
    # A shape that stands for several parties need not be full in all of them.
    assert {path for path in leaves if path.rpartition("/")[2] not in said} == set()
    assert closed.ledger.unknown == {}


@by_id
def test_the_rows_cover_the_record_or_say_what_is_lost(form):
    assert uncovered(form.mapping) == []


def every_node(root):
    for node in root.inner():
        yield node
        if node.each is not None:
            yield from every_node(node.each.scope.root)


def names_of_rows(node):
    """Names below a node, whichever of its cases they belong to."""
    names = {}
    for each in [node, *(case.node for case in node.cases)]:
        inner = each.each.scope.root if each.each is not None else each
        for name, child in inner.children.items():
            names.setdefault(name, []).append(child)
    return names


def differences(declared, nodes, path):
    properties = declared.get("properties") or declared.get("items", {}).get("properties") or {}
    names = {}
    for node in nodes:
        for name, children in names_of_rows(node).items():
            names.setdefault(name, []).extend(children)
    yield from (f"{path}/{name} has no row" for name in properties.keys() - names.keys())
    yield from (f"{path}/{name} is not in the schema" for name in names.keys() - properties.keys())
    for name in names.keys() & properties.keys():
        yield from differences(properties[name], names[name], f"{path}/{name}")


@by_id
def test_every_field_of_the_schema_has_a_row_and_every_row_a_field(form):
    assert list(differences(schema_of(form), [form.mapping.item.root], "")) == []


FORMAT = """
id = "test/parcel/1"
name = "PARCEL"
title = "A parcel of a test"
direction = "test"
status = "test"
syntax = "json"
schema = "schema.json"
keys = ["id"]
items = ["batch/parcels"]
written = "lines"
unit = "one parcel"
provenance = "made for this test"
"""
MAPPING = """
record = "parcelgate.api.record.v1.Declaration"
[header]
at = "batch"
rows = [{ at = "reference", to = "interchange_reference", need = "key" }, { at = "batch/flow", to = "flow", as = "code(flow)" }]
[code.flow]
enum = "parcelgate.api.record.v1.Flow"
values = { IN = "FLOW_IMPORT" }
[item]
at = "parcel"
rows = [
  { at = "id", to = "item.key.identifier", as = "item_id", need = "key" },
  { at = "posted", to = "item.key.posting_date", as = "reference", need = "key" },
  { at = "flow", to = "key.flow", as = "code(flow)", inherit = "flow", need = "key" },
  { at = "comments[]", to = "item.comments", many = true },
]
"""


def dropped_in(tmp_path, form=FORMAT, mapping=MAPPING):
    folder = tmp_path / "test" / "parcel" / "1"
    folder.mkdir(parents=True)
    (folder / "format.toml").write_text(form, "utf-8")
    (folder / "mapping.toml").write_text(mapping, "utf-8")
    return Registry(tmp_path)


def test_a_format_with_a_header_is_a_folder_dropped_in_and_its_items_inherit_from_it(tmp_path):
    formats = dropped_in(tmp_path)
    data = b"""{"reference": "R1", "batch": {"flow": "IN", "parcels": [
        {"id": "RR123456785NZ", "posted": "2026-11-03", "comments": ["a", "b"]}, {"id": "X1", "posted": "2026-11-03", "comments": "c"}
    ]}, "reference": "R2", "x": 1}"""
    header, first, second, closed = translate.read([data], "test/parcel/1", registry=formats)
    assert header.values == {"interchange_reference": "R1", "flow": 1}
    assert [list(Item.FromString(each.item).comments) for each in (first, second)] == [["a", "b"], ["c"]]
    assert [Declaration.FromString(each.message).key.flow for each in (first, second)] == [1, 1]
    assert [(each.code, each.address) for each in closed.faults] == [
        ("JSON_NAME_REPEATED", "/reference"),
        ("FIELD_UNEXPECTED", "/reference"),
        ("FIELD_UNKNOWN", "/x"),
    ]
    assert translate.recognise(data, registry=formats) == "test/parcel/1"


def test_a_header_that_lacks_its_reference_says_where_it_would_stand(tmp_path):
    formats = dropped_in(tmp_path)
    data = b'{"batch": {"parcels": []}}'
    *_, closed = translate.read([data], "test/parcel/1", registry=formats)
    assert [(each.code, each.address) for each in closed.faults] == [
        ("HEADER_FIELD_MISSING", "/reference"),
        ("ITEMS_MISSING", ""),
    ]


def test_a_strict_format_reads_one_without_its_array_and_says_so(tmp_path):
    data = b'{"reference": "R1", "batch": {"flow": "IN", "parcels": [{"id": "X1", "posted": "2026-11-03", "comments": "c"}]}}'
    for strict, wanted in (("true", [("JSON_VALUE_KIND", "/batch/parcels/0/comments")]), ("false", [])):
        formats = dropped_in(tmp_path / strict, FORMAT + f"strict = {strict}\n")
        _, item, _ = translate.read([data], "test/parcel/1", registry=formats)
        assert [(each.code, each.address) for each in item.faults] == wanted
        assert list(Item.FromString(item.item).comments) == ["c"]


def test_a_format_with_a_header_is_written_around_its_items(tmp_path):
    formats = dropped_in(tmp_path)
    data = b'{"reference": "R1", "batch": {"flow": "IN", "parcels": [{"id": "X1", "posted": "2026-11-03"}]}}'
    header, item, _ = translate.read([data], "test/parcel/1", registry=formats)
    records = [Declaration(key={"flow": 1}, item=Item.FromString(item.item))] * 2
    written = b"".join(translate.write("test/parcel/1", header.values, records, registry=formats))
    assert json.loads(written) == {
        "reference": "R1",
        "batch": {"flow": "IN", "parcels": [{"id": "X1", "posted": "2026-11-03"}] * 2},
    }


PLAIN = """
record = "parcelgate.api.record.v1.Declaration"
[item]
at = "parcel"
rows = [
  { at = "id", to = "item.key.identifier", as = "item_id", need = "key" },
  { at = "weight", to = "item.gross_mass", as = "mass" },
  { at = "terms", ignore = "always the same", encode = "1", number = "number" },
  { at = "lines[]", to = "item.content", each = "line" },
]
[shape.line]
rows = [
  { at = "count", to = "quantity", as = "int", number = "number" },
  { at = "text", to = "description" },
]
"""


def test_several_items_are_written_as_lines_and_numbers_as_texts_where_the_format_says_so(tmp_path):
    form = FORMAT.replace('items = ["batch/parcels"]\n', 'numbers = "text"\n')
    formats = dropped_in(tmp_path, form, PLAIN)
    item = Item(
        key={"identifier": "X1"},
        gross_mass={"milligrams": 1_250_000},
        content=[{"quantity": 3, "description": 'a "b"\n'}],
    )
    written = b"".join(translate.write("test/parcel/1", {}, [Declaration(item=item)] * 2, registry=formats))
    line = r'{"id": "X1", "weight": "1.250", "terms": 1, "lines": [{"count": 3, "text": "a \"b\"\n"}]}'
    assert written.decode() == f"{line}\n{line}\n"


def test_a_text_that_json_readers_refuse_is_not_written(tmp_path):
    form = FORMAT.replace('items = ["batch/parcels"]\n', "")
    formats = dropped_in(tmp_path, form, PLAIN)
    item = Item(key={"identifier": "X1"}, content=[{"description": "a\0b"}])
    with pytest.raises(translate.NotWritten) as caught:
        list(translate.write("test/parcel/1", {}, [Declaration(item=item)], registry=formats))
    assert (caught.value.fault.code, caught.value.fault.address) == ("TEXT_NOT_WRITABLE", "/text")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('written = "lines"', 'written = "pages"', "'array' or 'lines'"),
        ('keys = ["id"]', "", "missing key 'keys'"),
        ('unit = "one', 'colour = "red"\nunit = "one', "unknown key 'colour'"),
    ],
)
def test_settings_of_no_use_are_refused(tmp_path, old, new, sentence):
    with pytest.raises(MappingError, match=sentence):
        dropped_in(tmp_path, FORMAT.replace(old, new)).get("test/parcel/1").engine  # noqa: B018  it is compiled when it is asked for


@pytest.mark.parametrize("entry", [b"", b"[", b'{"shipments": [', b'{"shipment": '])
def test_a_shipment_larger_than_the_first_bytes_is_recognised_by_the_names_that_have_come(entry):
    whole = example(shipped().get("carrier/easypost/v2"), "smallest")
    first = entry + whole.rstrip()[:-1] + b', "x": "' + b"x" * 70_000
    assert translate.recognise(first[: 64 * 1024]) == "carrier/easypost/v2"


def test_a_document_of_no_known_format_is_told_by_the_names_in_it():
    for document in (b'{"colour": 1, "size": 2}', b'[{"colour": 1}]', b'{"colour": 1}\n{"colour": 2}\n'):
        fault = translate.recognise(document)
        assert fault.code == "FORMAT_UNKNOWN"
        assert "colour" in fault.sentence
        assert "customs_info (carrier/easypost/v2)" in fault.hint
    assert translate.recognise(b"[1]").code == "FORMAT_UNKNOWN"
    assert translate.recognise(b"[}").code == "JSON_NOT_WELL_FORMED"
    assert (
        translate.recognise(b'\xef\xbb\xbf [{"customs_info": {}, "to_address": 1, "from_address": 2}]')
        == "carrier/easypost/v2"
    )
