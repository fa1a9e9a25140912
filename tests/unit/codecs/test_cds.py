"""The profiles in the vocabulary of the customs declaration service: parallel arrays, counted names, and what they do not carry."""

import pytest

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs import translate
from parcelgate.codecs.registry import shipped
from parcelgate.core import hash as canonical

DECLARATION, RESPONSE, CUSITM = "cds/declaration/own-1", "cds/response/own-1", "upu/cusitm/own-1"


def example(form_id, name):
    return (shipped().get(form_id).folder / "examples" / f"{name}.xml").read_text("utf-8")


def with_data(data):
    declared = f"<Declaration><Data>{data}</Data></Declaration></CDSView>"
    return example(DECLARATION, "smallest").replace("</CDSView>", declared)


def read(text, form_id=DECLARATION):
    header, event, closed = translate.read([text.encode()], form_id)
    assert event.accepted
    declaration = Declaration.FromString(event.message)
    declaration.item.CopyFrom(Item.FromString(event.item))
    return declaration, event.faults, (header, closed)


def written(item):
    item.key.identifier = "RR000000014NL"
    text = b"".join(translate.write(DECLARATION, {}, [Declaration(item=item)])).decode()
    return "".join(line.strip() for line in text.splitlines())


def extras(names, values):
    columns = [("ExtraFieldNames", names), ("ExtraFieldValues", values)]
    return "".join(
        f"<{around}>{''.join(f'<string>{text}</string>' if text else '<string/>' for text in texts)}</{around}>"
        for around, texts in columns
        if texts is not None
    )


def pairs(item):
    return [(each.name, each.value) for each in item.extensions]


def test_the_first_name_goes_with_the_first_value_and_empty_ones_count():
    declaration, faults, _ = read(with_data(extras(["a", "", "c", ""], ["1", "2", "", ""])))
    assert faults == []
    assert pairs(declaration.item) == [("a", "1"), ("", "2"), ("c", ""), ("", "")]
    assert extras(["a", "", "c", ""], ["1", "2", "", ""]) in written(declaration.item)


@pytest.mark.parametrize(
    ("names", "values", "found", "place"),
    [
        (["a", "b"], ["1"], [("a", "1"), ("b", "")], "ExtraFieldValues"),
        (["a"], ["1", "2"], [("a", "1"), ("", "2")], "ExtraFieldNames"),
        (["a"], None, [("a", "")], "ExtraFieldValues"),
        (None, ["1"], [("", "1")], "ExtraFieldNames"),
    ],
)
def test_arrays_of_which_one_is_shorter_are_a_fault_at_that_one_and_nothing_is_lost(names, values, found, place):
    declaration, faults, _ = read(with_data(extras(names, values)))
    assert pairs(declaration.item) == found
    assert [(fault.code, fault.address) for fault in faults] == [
        ("ARRAYS_UNEVEN", f"/CDSViews/CDSView[1]/Declaration/Data/{place}")
    ]
    other = "ExtraFieldNames" if place == "ExtraFieldValues" else "ExtraFieldValues"
    assert faults[0].sentence.startswith(f"{place}: {min(len(names or ()), len(values or ()))} entries; ")
    assert other in faults[0].sentence


def test_uneven_arrays_of_a_content_piece_are_a_fault_inside_it():
    pieces = f"<ContentPiece/><ContentPiece>{extras(['a', 'b'], ['1'])}</ContentPiece>"
    declaration, faults, _ = read(with_data(f"<ContentPieces>{pieces}</ContentPieces>"))
    assert pairs(declaration.item.content[1]) == [("a", "1"), ("b", "")]
    assert [fault.address.partition("/ContentPieces/")[2] for fault in faults] == ["ContentPiece[2]/ExtraFieldValues"]


def test_lines_of_an_address_have_names_that_count_and_the_last_name_repeats():
    lines = "<SenderAddressLine1>A</SenderAddressLine1><SenderAddressLine2>B</SenderAddressLine2>"
    more = "<SenderAddressLine2>C</SenderAddressLine2>"
    for data, wanted in ((lines, ["A", "B"]), (lines + more, ["A", "B", "C"])):
        declaration, faults, _ = read(with_data(data))
        assert faults == []
        assert list(declaration.item.parties[0].address.lines) == wanted
        assert data in written(declaration.item)


@pytest.mark.parametrize("value", ["1", ""])
def test_many_items_with_lists_in_several_names_are_each_read_as_the_first(value):
    lines = "".join(f"<SenderAddressLine{number}>{number}</SenderAddressLine{number}>" for number in (1, 2))
    pieces = "<ContentPieces><ContentPiece><Description>tea</Description></ContentPiece></ContentPieces>"
    text = with_data(lines + pieces + extras(["a", "b"], ["0", value]))
    text = text.replace("<PostingDt>", "<LocalId>A</LocalId><LocalId2>B</LocalId2><LocalId2>C</LocalId2><PostingDt>")
    begin, end = text.index("<CDSView>"), text.index("</CDSViews>")
    _, *items, _ = translate.read([(text[:end] + text[begin:end] * 19 + text[end:]).encode()], DECLARATION)
    (item,) = {event.item for event in items}
    item = Item.FromString(item)
    assert len(items) == 20
    assert list(item.local_identifiers) == ["A", "B", "C"]
    assert list(item.parties[0].address.lines) == ["1", "2"]
    assert pairs(item) == [("a", "0"), ("b", value)]


def test_a_second_line_alone_is_the_first():
    declaration, _, _ = read(with_data("<SenderAddressLine2>B</SenderAddressLine2>"))
    assert "<SenderAddressLine1>B</SenderAddressLine1>" in written(declaration.item)


def test_a_day_of_transport_is_a_time_of_which_the_day_counts():
    for text, normalised in (("2026-11-04", 0), ("2026-11-04T00:00:00", 0), ("2026-11-04T13:45:00Z", 1)):
        declaration, faults, (_, closed) = read(with_data(f"<TransportDate>{text}</TransportDate>"))
        assert faults == []
        assert declaration.item.transport.departure.iso == "2026-11-04"
        assert sum(closed.ledger.normalised.values()) == normalised
        assert "<TransportDate>2026-11-04T00:00:00</TransportDate>" in written(declaration.item)


def test_countries_posting_and_kind_of_number_follow_from_what_the_vocabulary_has():
    data = "<SenderCountryCd>NL</SenderCountryCd><RecipientCountryCd>DE</RecipientCountryCd>"
    declaration, _, _ = read(with_data(data))
    item = declaration.item
    assert (item.origin_country, item.destination_country) == ("NL", "DE")
    assert (item.key.scheme, item.key.issuer) == (1, "NL")
    assert item.posted.written == item.key.posting_date == "2026-11-03T10:15:00"


def test_an_item_of_the_service_keeps_its_hash_from_cusitm_to_cds_and_back():
    declaration, faults, _ = read(example(DECLARATION, "full"))
    assert faults == []
    cusitm = b"".join(translate.write(CUSITM, {}, [declaration])).decode()
    first, *_ = read(cusitm, CUSITM)
    cds = b"".join(translate.write(DECLARATION, {}, [first])).decode()
    second, *_ = read(cds)
    third, *_ = read(b"".join(translate.write(CUSITM, {}, [second])).decode(), CUSITM)
    digest = canonical.of_item(declaration.item)
    assert [canonical.of_item(each.item) for each in (first, second, third)] == [digest] * 3
    assert third.item.extensions == declaration.item.extensions


def test_what_the_vocabulary_has_no_word_for_stays_behind_and_is_declared():
    declaration, *_ = read(example(CUSITM, "full"), CUSITM)
    text = written(declaration.item)
    losses = shipped().get(DECLARATION).mapping.losses
    for path, word in (
        ("item.incoterm", "DDP"),
        ("item.comments", "Wooden packing"),
        ("item.parties[role=SELLER]", "Bücher"),
        ("item.parties[role=SENDER].fax", "+31201234568"),
        ("item.content.product_identifiers", "4006381333931"),
    ):
        assert path in losses
        assert word not in text


def response(data, codes=None):
    text = example(RESPONSE, "smallest").replace("</DecisionCd>", "</DecisionCd>" + data)
    _, event, _ = translate.read([text.encode()], RESPONSE, codes=codes)
    assert event.accepted
    return Release.FromString(event.message), event.faults


CODES, NAMES = "<DecisionReasonCd>{}</DecisionReasonCd>", "<DecisionReasonNm>{}</DecisionReasonNm>"


@pytest.mark.parametrize(
    ("codes", "names", "found"),
    [
        (["A"], ["first"], [("A", "first")]),
        (["A", "B"], ["first", "second"], [("A", "first"), ("B", "second")]),
        ([], ["allotted to site 7"], [("", "allotted to site 7")]),
        (["A"], [], [("A", "")]),
    ],
)
def test_reasons_are_codes_with_names_or_one_of_both_alone(codes, names, found):
    release, faults = response("".join([*map(CODES.format, codes), *map(NAMES.format, names)]))
    assert faults == []
    assert [(reason.code, reason.sentence) for reason in release.decision.reasons] == found
    again = b"".join(translate.write(RESPONSE, {}, [release]))
    _, event, _ = translate.read([again], RESPONSE)
    assert Release.FromString(event.message) == release


def test_reasons_of_which_one_lacks_its_name_are_a_fault_at_the_names():
    release, faults = response(CODES.format("A") + CODES.format("B") + NAMES.format("first"))
    assert [(reason.code, reason.sentence) for reason in release.decision.reasons] == [("A", "first"), ("B", "")]
    assert [(fault.code, fault.address) for fault in faults] == [
        ("ARRAYS_UNEVEN", "/CDSViews/CDSView[1]/Response/Data/DecisionReasonNm")
    ]


def test_numbers_in_use_between_partners_take_the_place_of_the_names():
    codes = {"decision": {"2": "DECISION_CODE_RELEASED", "7": "DECISION_CODE_DETAINED"}}
    text = example(RESPONSE, "smallest").replace("RECEIVED", "7")
    _, event, _ = translate.read([text.encode()], RESPONSE, codes=codes)
    release = Release.FromString(event.message)
    assert release.decision.code == 50
    assert b"<DecisionCd>7</DecisionCd>" in b"".join(translate.write(RESPONSE, {}, [release], codes=codes))


def test_the_number_of_a_response_is_that_of_its_decision_too():
    text = example(RESPONSE, "full")
    _, event, closed = translate.read([text.encode()], RESPONSE)
    release = Release.FromString(event.message)
    assert release.response_id == release.decision.id == "5d0c6a1e-90a4-4a8d-9a6e-3f6f0b7b2c11"
    assert [(tax.type, tax.amount.units, tax.hs_code) for tax in release.decision.duties] == [
        ("CUSTOMS_DUTY", 3, "610910"),
        ("VAT", 8, ""),
    ]
    assert "CDSView/Response/Data/Dutiable" in closed.ledger.ignored
