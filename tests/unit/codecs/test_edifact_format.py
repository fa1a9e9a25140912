"""The EDIFACT formats that are shipped: their examples, their segment tables, and that every segment has rows."""

import tomllib
from pathlib import Path

import pytest

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.dispatch_pb2 import Consignment, Receptacle, ReceptacleStatus
from parcelgate.api.record.v1.event_pb2 import ItemEvent
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, SEVERITY_NOTICE, SEVERITY_WARNING
from parcelgate.codecs import translate
from parcelgate.codecs.event import Header, ItemRead
from parcelgate.codecs.mapping.mapping import uncovered
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.registry import Registry, shipped

FORMATS = [form for form in shipped() if form.syntax == "edifact"]
EXAMPLES = [path for form in FORMATS for path in sorted((form.folder / "examples").glob("*.edi"))]
SEVERITIES = {"notice": SEVERITY_NOTICE, "warning": SEVERITY_WARNING, "error": SEVERITY_ERROR}
RECORDS = {
    "un/cusres/d96a": Release,
    "upu/cardit/own-1": Consignment,
    "upu/emsevt/own-1": ItemEvent,
    "upu/precon/own-1": Consignment,
    "upu/predes/own-1": Receptacle,
    "upu/rescon/own-1": ReceptacleStatus,
    "upu/resdes/own-1": ReceptacleStatus,
    "upu/resdit/own-1": ReceptacleStatus,
}


def form_of(path):
    return next(form for form in FORMATS if form.folder in path.parents)


def test_there_are_these_and_they_claim_no_conformance():
    assert [form.id for form in FORMATS] == list(RECORDS)
    for form in FORMATS:
        assert form.status == "own profile"
        assert form.engine.identity[-1].startswith("PG")
        assert f"association code {form.engine.identity[-1]}" in " ".join(form.provenance.split())
        assert "No conformance is claimed" in " ".join(form.provenance.split())
        assert {path.stem for path in (form.folder / "examples").glob("*.edi")} == {"smallest", "full", "faulty"}


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem != "faulty"], ids=str)
def test_a_sound_example_is_recognised_read_without_fault_and_written_to_the_same_record(path):
    form, data = form_of(path), path.read_bytes()
    assert translate.recognise(data) == form.id
    header, *items, closed = translate.read([data], form.id)
    assert isinstance(header, Header)
    assert closed.routable
    assert [fault for event in [*items, closed] for fault in event.faults] == []
    records = [RECORDS[form.id].FromString(item.message) for item in items]
    written = b"".join(translate.write(form.id, header.values, records))
    assert b"\n" not in written
    assert translate.recognise(written) == form.id
    again = [RECORDS[form.id].FromString(item.message) for item in read_items(written, form.id)]
    for each in [*again, *records]:
        # Written to the second, in the first of the two notations that are read.
        if form.id == "upu/emsevt/own-1":
            each.happened.written = ""
    assert again == records


def read_items(data, form_id):
    return [event for event in translate.read([data], form_id) if isinstance(event, ItemRead)]


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem == "faulty"], ids=str)
def test_a_faulty_example_has_exactly_the_faults_listed_beside_it(path: Path):
    wanted = tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))["fault"]
    found = [
        {
            "code": each.code,
            "severity": each.severity,
            "item": each.item_number,
            "line": each.line,
            "address": each.address,
        }
        for event in translate.read([path.read_bytes()], form_of(path).id)
        for each in getattr(event, "faults", ())
    ]
    assert found == [{**each, "severity": SEVERITIES[each["severity"]]} for each in wanted]
    assert len(found) > 10


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.id)
def test_every_segment_of_the_table_has_rows_and_no_loss_is_hidden(form):
    structure = form.engine.structure
    for group in structure.table.groups:
        plan = structure.plan(group)
        tags = {entry.tag for entry in group.entries if entry.group is None}
        assert tags == plan.segments.keys(), group.path
    assert uncovered(form.mapping) == []


def changed(tmp_path, name, old, new):
    source = shipped().get("upu/predes/own-1").folder
    folder = tmp_path / "upu" / "predes" / "own-1"
    folder.mkdir(parents=True)
    for path in source.glob("*.toml"):
        text = path.read_text("utf-8")
        if path.stem == name:
            assert old in text
            text = text.replace(old, new, 1)
        (folder / path.name).write_text(text, "utf-8")
    return Registry(tmp_path).get("upu/predes/own-1")


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("mapping", '"LOC[1=5]/2"', '"LAC[1=5]/2"', "no LAC in message"),
        ("mapping", '"LOC[1=5]/2"', '"LOC[1=5]/two"', "'two' is no element"),
        ("mapping", '"LOC[1=5]/2"', '"LOC[1=5]/2.0"', "'2.0' is no element"),
        ("mapping", '"LOC[1=9]/2"', '"LOC[1=9]/2.1/1"', "is no element of a segment"),
        ("mapping", '"SEL/1"', '"piece"', "piece"),
        ("mapping", 'at = "receptacle"', 'at = "bag"', "no group 'bag'"),
        ("mapping", 'at = "message"', 'at = "consignment"', "no group around the items"),
        ("mapping", '"CNT[1.1=10]/1.2"', '"LOC[1=99]/2"', "already has rows"),
        ("segments", '"BGM 1 1"', '"BGM 1"', "a tag and two numbers"),
        ("segments", '"BGM 1 1"', '"bgm 1 1"', "a tag and two numbers"),
        ("segments", "max = 999,", "most = 999,", "a group has group, min, max and of"),
        ("segments", '"CNI 1 1", ', '{ group = "x", max = 1, of = ["CNI 1 1"] },', "begin with a segment"),
        ("segments", "message =", "messages =", "one key, message"),
        (
            "segments",
            '"GID 1 1",',
            '"GID 1 1", { group = "a", max = 1, of = ["QTY 1 1"] }, { group = "a", max = 1, of = ["QTY 1 1"] },',
            "one name",
        ),
        ("mapping", 'at = "receptacle"', 'at = "message"', "the message is the item"),
        ("format", "UNOC:3", "UNOX:3", "character set"),
        ("format", "IFCSUM:D:00A:UN:PG01", "IFCSUM:D:00A:UN", "association code"),
    ],
)
def test_a_folder_that_makes_no_sense_is_refused_with_its_reason(tmp_path, name, old, new, sentence):
    form = changed(tmp_path, name, old, new)
    with pytest.raises(MappingError) as caught:
        form.engine.structure  # noqa: B018  it is compiled when it is asked for
    assert sentence in str(caught.value)


def test_facts_that_stand_behind_the_items_are_refused(tmp_path):
    form = changed(
        tmp_path,
        "segments",
        '  "LOC 0 9",                      # offices of exchange, places of departure and arrival\n',
        "",
    )
    path = form.folder / "segments.toml"
    path.write_text(path.read_text("utf-8").rstrip().removesuffix("]") + '  "LOC 0 9",\n]\n', "utf-8")
    with pytest.raises(MappingError, match="LOC stands behind the items"):
        form.engine.structure  # noqa: B018  it is compiled when it is asked for


def test_another_message_is_recognised_as_none_of_ours():
    data = (shipped().get("upu/predes/own-1").folder / "examples" / "smallest.edi").read_bytes()
    for changed_data in (data.replace(b"PG01", b"SKETCH"), data.replace(b"IFCSUM", b"CUSCAR")):
        found = translate.recognise(changed_data)
        assert found.code == "FORMAT_UNKNOWN"
        assert found.address == "UNH[1]/2"
    assert translate.recognise(data[: data.index(b"UNH")]).code == "FORMAT_UNKNOWN"
