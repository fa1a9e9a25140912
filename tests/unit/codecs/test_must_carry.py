"""The floor under each format: what its public description has is carried, and no [loss] may talk it away."""

import tomllib
from pathlib import Path

import pytest
from google.protobuf.message_factory import GetMessageClass

from parcelgate.codecs import translate
from parcelgate.codecs.check import example
from parcelgate.codecs.crosswalk import crosswalk
from parcelgate.codecs.event import ItemRead
from parcelgate.codecs.mapping import target
from parcelgate.codecs.registry import shipped
from parcelgate.core import hash as canonical

FLOORS = tomllib.loads((Path(__file__).parents[2] / "must_carry.toml").read_text("utf-8"))["floor"]
FIELDS = [(floor["format"], path) for floor in FLOORS for path in floor["fields"]]


def values_at(record, path):
    """Everything that stands at a path, in whichever entries of lists."""
    found = [record]
    for name in path.split("."):
        inner = [each[name] for each in found if name in each]
        found = [entry for each in inner for entry in (each if isinstance(each, list) else [each])]
    return found


def example_of(form):
    make = GetMessageClass(form.mapping.record)
    for event in translate.read([example(form, "full").read_bytes()], form.id):
        if isinstance(event, ItemRead):
            record = make.FromString(event.message)
            if event.item:
                record.item.MergeFromString(event.item)
            yield canonical.fields_of(record)


def test_every_shipped_format_has_a_floor_with_its_source():
    assert {floor["format"] for floor in FLOORS} == {form.id for form in shipped()}, "see tests/must_carry.toml"
    assert all(
        floor.keys() == {"format", "source", "fields"} and floor["source"] and floor["fields"] for floor in FLOORS
    )
    assert len(set(FIELDS)) == len(FIELDS)


@pytest.mark.parametrize(("form_id", "path"), FIELDS, ids=lambda value: value)
def test_a_field_of_the_floor_is_carried(form_id, path):
    mapping = shipped().get(form_id).mapping
    field = target.field_of(mapping.record, path, through_lists=True)
    assert path in crosswalk(mapping), f"no row carries {field.full_name}"


@pytest.mark.parametrize("form_id", sorted({floor["format"] for floor in FLOORS}))
def test_no_loss_touches_the_floor(form_id):
    losses = shipped().get(form_id).mapping.losses
    floor = [path for form, path in FIELDS if form == form_id]
    assert [
        (loss, path)
        for loss in losses
        for path in floor
        if loss == path or path.startswith(f"{loss}.") or loss.startswith(f"{path}.")
    ] == []


@pytest.mark.parametrize("form_id", sorted({floor["format"] for floor in FLOORS}))
def test_the_full_example_has_a_value_for_each_field_of_the_floor(form_id):
    records = list(example_of(shipped().get(form_id)))
    floor = [path for form, path in FIELDS if form == form_id]
    assert [path for path in floor if not any(values_at(record, path) for record in records)] == []
