"""A mapping is checked when it is loaded: what is wrong in it is said with the row, before any document comes."""

import copy
import tomllib

import pytest

from parcelgate.codecs.mapping.mapping import compile_mapping, uncovered
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.registry import shipped
from parcelgate.core import resource

PLAIN = {
    "record": "parcelgate.api.record.v1.Declaration",
    "code": {"flow": {"enum": "parcelgate.api.record.v1.Flow", "values": {"I": "FLOW_IMPORT"}}},
    "header": {"at": "Header", "rows": [{"at": "Ref", "to": "interchange_reference"}]},
    "item": {"at": "Item", "rows": [{"at": "Id", "to": "item.key.identifier"}]},
    "shape": {"line": {"rows": [{"at": "Text", "to": "description"}]}},
}


def with_row(**row):
    data = copy.deepcopy(PLAIN)
    data["item"]["rows"].append(row)
    return data


WRONG = [
    ({"at": "A", "too": "item.nature_text"}, "no key 'too'"),
    ({"at": "A", "to": "item.colour"}, "the record has no field item.colour"),
    ({"at": "A", "to": "item.content.description"}, "item.content is a list"),
    ({"at": "A", "to": "item.comments"}, "is a list"),
    ({"at": "A", "to": "item.nature_text", "many": True}, "is not a list"),
    ({"at": "Id", "to": "item.nature_text"}, "two rows have this path"),
    ({"at": "A", "to": "item.gross_mass"}, "text makes string, but item.gross_mass is Mass"),
    ({"at": "A", "to": "item.nature_text", "as": "poem"}, "there is no converter 'poem'"),
    ({"at": "A", "to": "item.nature_text", "as": "text(3)"}, "there is no converter"),
    ({"at": "A", "to": "key.flow", "as": "code(flaw)"}, "there is no code list 'flaw'"),
    ({"at": "A", "to": "item.nature", "as": "code(flow)"}, "is of parcelgate.api.record.v1.Flow"),
    ({"at": "A", "to": "item.nature_text", "as": "enum"}, "enum is for fields that are enums"),
    ({"at": "A", "to": "item.content", "each": "piece"}, "there is no shape 'piece'"),
    ({"at": "A", "use": "piece"}, "there is no shape 'piece'"),
    ({"at": "A", "to": "item.parties[role=CLOWN]", "each": "line"}, "CLOWN is no value of PartyRole"),
    ({"at": "A", "to": "item.nature_text", "need": "perhaps"}, "need is"),
    ({"at": "A", "to": "item.nature_text", "const": "x"}, "exactly one of to, const and ignore"),
    ({"at": "A"}, "exactly one of to, const and ignore"),
    ({"at": "A", "to": "item.nature_text", "derive": "guess(item.key.identifier)"}, "names no function of derive"),
    ({"at": "A", "to": "item.nature_text", "derive": "s10_issuer(item.key.issuer)"}, "no field of this scope"),
    ({"at": "A", "to": "item.posted", "as": "time", "derive": "s10_issuer(item.key.identifier)"}, "makes string"),
    ({"at": "A", "to": "item.nature_text", "inherit": "mood"}, "the header has no fact 'mood'"),
    ({"at": "A", "to": "key.flow", "as": "code(flow)", "default": "X"}, "the default 'X' can't be read"),
    ({"at": "Id/Part", "to": "item.nature_text"}, "Id"),
    ({"at": "A//B", "to": "item.nature_text"}, "a step of the path is empty"),
    ({"at": "A", "to": "item.nature_text", "many": "yes"}, "wrong type"),
]


@pytest.mark.parametrize(("row", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_row_is_refused_with_its_reason(row, sentence):
    with pytest.raises(MappingError, match=None) as caught:
        compile_mapping(with_row(**row))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"record": "parcelgate.Nothing"}, "no message"),
        ({"surprise": {}}, "no table 'surprise'"),
        ({"code": {"flow": {"enum": "nowhere.Flow", "values": {}}}}, "no enum"),
        (
            {"code": {"flow": {"enum": "parcelgate.api.record.v1.Flow", "values": {"I": "FLOW_SIDEWAYS"}}}},
            "is no value",
        ),
        ({"loss": {"item.colour": "never"}}, "loss: the record has no field"),
        ({"header": {"rows": []}}, "header has no at"),
        (
            {
                "shape": {"line": {"rows": [{"at": "A", "use": "line"}]}},
                "item": {"at": "I", "rows": [{"at": "L", "use": "line"}]},
            },
            "uses itself",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_its_reason(change, sentence):
    with pytest.raises(MappingError) as caught:
        compile_mapping({**copy.deepcopy(PLAIN), **change})
    assert sentence in str(caught.value)


def test_a_plain_mapping_compiles():
    assert compile_mapping(copy.deepcopy(PLAIN)).item_at == "Item"


@pytest.mark.parametrize("form", list(shipped()), ids=lambda form: form.id)
def test_a_shipped_format_carries_every_field_of_the_record_or_says_which_it_does_not(form):
    assert uncovered(form.mapping) == []


def test_a_forgotten_field_is_found():
    data = tomllib.loads((resource.schemas() / "upu" / "cusitm" / "own-1" / "mapping.toml").read_text("utf-8"))
    data["item"]["rows"] = [row for row in data["item"]["rows"] if row.get("to") != "item.incoterm"]
    del data["loss"]["id"]
    assert uncovered(compile_mapping(data)) == ["id", "item.incoterm"]
