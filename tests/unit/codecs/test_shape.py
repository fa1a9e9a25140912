"""Items of one shape are soon read by a function of their own: it makes the same of them as the ordinary way."""

import pytest
from google.protobuf.message_factory import GetMessageClass

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.codecs import translate
from parcelgate.codecs.registry import shipped
from parcelgate.codecs.xml import limit

FORMATS = [form for form in shipped() if form.syntax == "xml"]


@pytest.mark.parametrize("name", ["smallest", "full"])
@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.id)
def test_the_last_item_of_a_shape_is_read_as_the_first(form, name):
    text = (form.folder / "examples" / f"{name}.xml").read_bytes()
    end = f"</{form.mapping.item_at}>".encode()
    begin, item = text.index(f"<{form.mapping.item_at}>".encode()), text.index(end) + len(end)
    _, *items, _ = translate.read([text[:item] + text[begin:item] * limit.SHAPE_TIMES * 2 + text[item:]], form.id)
    records = {(event.item, event.canonical_hash, message_of(form, event)) for event in items[: limit.SHAPE_TIMES * 2]}
    assert len(items) > limit.SHAPE_TIMES * 2
    assert len(records) == 1


def message_of(form, event):
    message = GetMessageClass(form.mapping.record).FromString(event.message)
    if isinstance(message, Declaration):
        message.provenance.item_number = 0
    return message.SerializeToString(deterministic=True)
