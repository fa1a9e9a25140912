"""Where each field of the record stands in a format: nothing that is read is left out of the crosswalk."""

import pytest

from parcelgate.codecs.crosswalk import VALUES, crosswalk, fields
from parcelgate.codecs.mapping.mapping import compile_mapping
from parcelgate.codecs.registry import shipped


@pytest.mark.parametrize("form", list(shipped()), ids=lambda form: form.id)
def test_every_field_stands_somewhere_or_is_a_loss(form):
    losses = form.mapping.losses
    walk = crosswalk(form.mapping)
    for path, field in fields(form.mapping.record):
        part = field.message_type is not None and field.message_type.name not in VALUES
        lost = any(path == loss or path.startswith(f"{loss}.") for loss in losses)
        assert part or lost or path in walk, path


def test_a_field_stands_in_all_its_places_in_the_order_of_the_rows():
    walk = crosswalk(shipped().get("upu/itmatt/own-1").mapping)
    assert walk["item.parties.name"] == ["Data/Sender/Name", "Data/Recipient/Name", "Data/Parties/Party/Name"]
    assert walk["item.parties.role"] == ["Data/Parties/Party/RoleCd", "by its place"]
    assert walk["item.postage"] == ["Data/Postage", "Data/PostageCurrencyCd"]
    assert walk["item.origin_post"] == ["MailObject/OrigPostOrgCd", "Header/OrigPostOrgCd"]
    assert walk["item.parties.references.scheme"][0] == "Data/Sender/IdRef/@SchemeCd"


def test_what_stands_nowhere_says_where_it_comes_from():
    mapping = compile_mapping(
        {
            "record": "parcelgate.api.record.v1.Declaration",
            "header": {"at": "Header", "rows": [{"at": "Ref", "to": "interchange_reference"}]},
            "item": {
                "at": "Item",
                "rows": [
                    {"at": "Id", "to": "item.key.identifier", "as": "item_id"},
                    {"to": "item.key.scheme", "as": "enum", "derive": "item_scheme(item.key.identifier)"},
                    {"to": "key.flow", "value": "IMPORT"},
                    {"at": "Cur", "spread": ["item.content.value.currency"], "as": "currency"},
                    {"at": "Lines/Line", "to": "item.content", "each": "line"},
                ],
            },
            "shape": {"line": {"rows": [{"at": "Price", "to": "value", "as": "money"}]}},
        }
    )
    assert crosswalk(mapping) == {
        "item.key.identifier": ["Id"],
        "item.key.scheme": ["from item_scheme(item.key.identifier)"],
        "key.flow": ["always IMPORT"],
        "item.content.value": ["Lines/Line/Price", "Cur"],
    }
