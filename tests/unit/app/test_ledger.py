"""What became of each field of a translated document: one line a field, and one for what the target has no place for."""

import io

from rich.console import Console

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.app.ledger import Lost, show, show_lost
from parcelgate.codecs.mapping.ledger import Marks
from parcelgate.codecs.registry import shipped

CUSITM, ITMATT = (shipped().get(f"upu/{name}/own-1").mapping for name in ("cusitm", "itmatt"))


def printed(show_it, *arguments):
    out = io.StringIO()
    show_it(Console(file=out, width=200, soft_wrap=True, highlight=False), *arguments)
    return out.getvalue().splitlines()


def test_each_field_has_one_line_in_the_order_of_the_rows():
    marks = Marks(("Item/B", "shape/X", "Item/A", "shape/X", "Item/C"), {4: "not ours"})
    marks.rows = [2, 1, 1, 3, 1, 0]
    marks.defaulted[0] = 1
    marks.normalised[2] = 1
    marks.unknown("/Doc/Item/New")
    assert printed(show, marks.summary({}), marks.paths) == [
        "Item/B         mapped 2 times, defaulted once",
        # A shape that stands in two places is counted in both.
        "shape/X        mapped 4 times",
        "Item/A         mapped once, normalised once",
        "Item/C         ignored once: not ours",
        "/Doc/Item/New  unknown to the format, not read once",
    ]


def test_what_the_target_can_not_express_is_told_with_how_many_records_had_it():
    first, second = Declaration(), Declaration()
    first.item.customs_office = "DE004851"
    first.item.content.add().description = "book"
    first.item.content.add().revised_hs_code = "490199"
    lost = Lost(CUSITM, ITMATT)
    assert list(lost.watch(iter([first, second]))) == [first, second]
    lines = printed(show_lost, lost, {"sender": "NLA", "customs_office": "DE004851"}, "upu/itmatt/own-1")
    assert lines[0] == "customs_office: not expressible in the header of upu/itmatt/own-1"
    office, description, hs_code = lines[1:]
    assert office.startswith("item.customs_office: not expressible in upu/itmatt/own-1 (goes from post to post")
    assert office.endswith("; 1 record had it")
    assert description.startswith("item.content.revised_description: ") and description.endswith("; no records had it")
    assert hs_code.startswith("item.content.revised_hs_code: ") and hs_code.endswith("; 1 record had it")


def test_what_the_gateway_adds_by_itself_is_no_loss_of_the_senders():
    assert {"provenance", "canonical_hash"} <= ITMATT.losses.keys()
    assert Lost(ITMATT, CUSITM).reasons == {}
