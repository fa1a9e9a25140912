"""What the reading of whole interchanges promises: neighbours undisturbed, limits, lines, ledger, time and memory."""

import time
import tracemalloc
from pathlib import Path

import pytest

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed, Header, ItemRead
from parcelgate.codecs.registry import Registry, shipped
from parcelgate.codecs.xml import limit
from parcelgate.core import hash as canonical
from parcelgate.core import resource

FORMAT = "upu/cusitm/own-1"
FOLDER = shipped().get(FORMAT).folder / "examples"
SMALL = (FOLDER / "smallest.xml").read_text("utf-8")
ITEM = SMALL[SMALL.index("  <Item>") : SMALL.index("  <Trailer>")]
HEAD = SMALL[: SMALL.index("  <Item>")]
TAIL = "</CUSITM>\n"
PART = 256 * 1024


def read(*texts, **options):
    return list(
        translate.read([text if isinstance(text, bytes) else text.encode() for text in texts], FORMAT, **options)
    )


def items(events):
    return [event for event in events if isinstance(event, ItemRead)]


def codes(faults):
    return [fault.code for fault in faults]


def test_the_full_example_is_read_exactly():
    header, item, closed = read((FOLDER / "full.xml").read_bytes())
    assert isinstance(header, Header)
    assert header.values["interchange_reference"] == "NLP2026110300017"
    declaration, record = Declaration.FromString(item.message), Item.FromString(item.item)
    assert not declaration.HasField("item")
    assert declaration.key.item == record.key
    assert declaration.provenance.interchange_reference == "NLP2026110300017"
    assert (declaration.provenance.item_number, declaration.provenance.format) == (1, FORMAT)
    assert declaration.canonical_hash == item.canonical_hash == canonical.of_item(record)
    assert closed.routable


def test_the_header_comes_before_the_first_item_and_closed_always_last():
    events = read(HEAD, ITEM, ITEM, TAIL)
    assert [type(event) for event in events] == [Header, ItemRead, ItemRead, Closed]


def test_one_bad_item_among_a_thousand_leaves_its_neighbours_alone():
    bad = ITEM.replace("RR000000014NL", "")
    events = read(HEAD, ITEM * 499, bad, ITEM * 500, TAIL)
    found = items(events)
    assert [event.number for event in found if not event.accepted] == [500]
    assert codes(found[499].faults) == ["KEY_MISSING"]
    assert all(not event.faults for event in found if event.accepted)
    assert (events[-1].accepted, events[-1].rejected, events[-1].routable) == (999, 1, True)


def test_all_thousand_bad_items_are_explained_the_first_two_hundred_in_full():
    bad = ITEM.replace("<TypeCd>", "<Unknown/><TypeCd>").replace(
        "  </Item>", "    <Data><GrossWeight>-</GrossWeight><Postage>1</Postage></Data>\n  </Item>"
    )
    start = time.process_time()
    found = items(read(HEAD, bad * 1000, TAIL))
    assert time.process_time() - start < 20
    assert len(found) == 1000
    assert all({"FIELD_UNKNOWN", "MASS_UNREADABLE", "FIELD_MISSING"} <= set(codes(event.faults)) for event in found)
    assert [any(fault.more_possible for fault in event.faults) for event in found] == [False] * 200 + [True] * 800


def test_the_data_of_a_field_after_an_unknown_one_is_checked_all_the_same():
    data = "    <Data><Novelty>x</Novelty><DestCountryCd>Germany</DestCountryCd><GrossWeight>abc</GrossWeight></Data>\n  </Item>"
    (found,) = items(read(HEAD, ITEM.replace("  </Item>", data), TAIL))
    assert codes(found.faults) == ["COUNTRY_UNKNOWN", "MASS_UNREADABLE", "FIELD_UNKNOWN"]
    assert found.accepted


def test_fields_in_another_order_are_read_and_reported():
    swapped = ITEM.replace("      <TypeCd>MI</TypeCd>\n", "").replace(
        "</PostingDt>\n", "</PostingDt>\n      <TypeCd>MI</TypeCd>\n", 1
    )
    (found,) = items(read(HEAD, swapped, TAIL))
    assert found.accepted
    assert set(codes(found.faults)) == {"FIELD_UNEXPECTED"}


def test_a_currency_before_its_amount_is_kept():
    data = "    <Data><PostageCurrencyCd>EUR</PostageCurrencyCd><Postage>1.50</Postage></Data>\n  </Item>"
    (found,) = items(read(HEAD, ITEM.replace("  </Item>", data), TAIL))
    postage = Item.FromString(found.item).postage
    assert (postage.currency, postage.units, postage.nanos) == ("EUR", 1, 500_000_000)


def test_personal_data_does_not_show_in_faults():
    data = "    <Data><SenderName>Erika Mustermann<b/></SenderName><SenderNmae>Erika</SenderNmae></Data>\n  </Item>"
    (found,) = items(read(HEAD, ITEM.replace("  </Item>", data), TAIL))
    assert found.faults
    assert not any("rika" in str(fault) for fault in found.faults)


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_lines_are_right_beyond_the_last_one_libxml2_counts(line_break):
    bad = ITEM.replace("RR000000014NL", "").replace("\n", line_break)
    good = ITEM.replace("\n", line_break)
    lines = HEAD.count("\n") + 10_000 * ITEM.count("\n")
    filler = good * 5000 + "<!-- </Item> -->" + good * 5000
    events = read(HEAD.replace("\n", line_break), filler, bad, good * 40, bad, TAIL)
    first, second = [event.faults[0].line for event in items(events) if event.faults]
    place = ITEM[: ITEM.index("<Id>")].count("\n")
    assert lines > 65_535
    assert first == lines + place + 1
    assert second == first + 41 * ITEM.count("\n")


def test_an_item_beyond_its_limit_is_refused_alone():
    large = ITEM.replace("<TypeCd>MI</TypeCd>", "<LocalId>" + "x" * (1024 * 1024) + "</LocalId>")
    found = items(read(HEAD, ITEM, large, ITEM, TAIL))
    assert [event.accepted for event in found] == [True, False, True]
    assert codes(found[1].faults) == ["ITEM_TOO_LARGE"]


def test_more_bytes_than_any_item_may_have_end_the_reading():
    taken = 0

    def parts():
        nonlocal taken
        yield HEAD.encode() + b"<Item><Note>"
        while True:
            taken += PART
            yield b"x" * PART

    (_, closed) = translate.read(parts(), FORMAT)
    assert codes(closed.faults) == ["HEADER_TOO_LARGE"]
    assert taken < 6 * 1024 * 1024


def test_an_attribute_bomb_is_refused_in_no_time():
    bomb = ITEM.replace("<TypeCd>", "<TypeCd " + " ".join(f'a{number}="1"' for number in range(70_000)) + ">")
    start = time.process_time()
    found = items(read(HEAD, ITEM, bomb, ITEM, TAIL))
    assert time.process_time() - start < 3
    assert [event.accepted for event in found] == [True, False, True]
    assert codes(found[1].faults) == ["ITEM_TOO_COMPLEX"]


def test_an_element_bomb_is_refused_in_no_time():
    bomb = ITEM.replace("<TypeCd>", "<a/>" * 100_000 + "<TypeCd>")
    start = time.process_time()
    found = items(read(HEAD, bomb, ITEM, TAIL))
    assert time.process_time() - start < 3
    assert [codes(event.faults) for event in found] == [["ITEM_TOO_COMPLEX"], []]


def test_hundreds_of_unknown_fields_are_cut_and_it_is_said():
    many = ITEM.replace("<TypeCd>", "".join(f"<a{number}/>" for number in range(500)) + "<TypeCd>")
    events = read(HEAD, many, TAIL)
    (found,) = items(events)
    assert found.accepted
    assert len(found.faults) == 101
    assert found.faults[-1].code == "FAULTS_CUT"
    assert sum(events[-1].ledger.unknown.values()) == 500


@pytest.mark.parametrize(
    "junk", [b"A" * PART, b"\0" * PART, b"<" * PART, b"<a>" * (PART // 3), b" " * PART, bytes(range(256)) * 1024]
)
def test_a_hundred_megabytes_of_junk_are_refused_after_the_first_few(junk):
    taken = 0

    def parts():
        nonlocal taken
        for _ in range(400):
            taken += len(junk)
            yield junk

    (closed,) = translate.read(parts(), FORMAT)
    assert not closed.complete
    assert len(closed.faults) == 1
    assert taken < 1024 * 1024


def test_memory_stays_flat_over_a_long_document():
    def parts(count):
        yield HEAD.encode()
        for _ in range(count):
            yield (ITEM * 50).encode()
        yield TAIL.encode()

    def peak(count):
        tracemalloc.start()
        for _ in translate.read(parts(count), FORMAT):
            pass
        _, high = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return high

    peak(2)
    assert peak(80) < peak(4) + 256 * 1024


def test_the_ledger_accounts_for_every_field():
    item = ITEM.replace("RR000000014NL", "rr 00000001 4 nl").replace("<TypeCd>", "<Novelty>secret</Novelty><TypeCd>")
    ledger = read(HEAD, item, ITEM, TAIL)[-1].ledger
    assert ledger.mapped["Item/MailObject/Id"] == 2
    assert ledger.normalised == {"Item/MailObject/Id": 1}
    assert ledger.defaulted == {"Item/Declaration/FunctionCd": 2}
    assert ledger.ignored == {"Item/MailObject/TypeCd": (2, "an item of this message is always a mail item (MI)")}
    assert ledger.unknown == {"/CUSITM/Item/MailObject/Novelty": 1}
    assert ledger.not_expressible["key.partner"] == "comes from the credential only"
    assert "secret" not in str(ledger)


def test_a_leniency_softens_the_faults_it_names_and_no_other():
    text = SMALL.replace("<ItemsCount>1<", "<ItemsCount>2<").replace(
        "    <InterchangeRef>NLP2026110300018</InterchangeRef>\n", ""
    )
    assert not read(text)[-1].complete
    closed = read(text, leniencies=frozenset({"items-count-may-differ"}))[-1]
    assert closed.complete
    assert not closed.routable
    both = frozenset({"items-count-may-differ", "header-may-lack-references"})
    assert read(text, leniencies=both)[-1].routable
    with pytest.raises(ValueError, match="no leniency 'anything-goes'"):
        read(text, leniencies=frozenset({"anything-goes"}))


def test_items_may_differ_from_the_header_in_flow_and_function():
    own = ITEM.replace(
        "  </Item>", "    <Declaration><FunctionCd>CANCEL</FunctionCd><FlowCd>O</FlowCd></Declaration>\n  </Item>"
    )
    first, second = items(read(HEAD, own, ITEM, TAIL))
    assert (Declaration.FromString(first.message).function, Declaration.FromString(first.message).key.flow) == (3, 2)
    assert (Declaration.FromString(second.message).function, Declaration.FromString(second.message).key.flow) == (1, 1)


def test_a_format_is_recognised_by_its_first_bytes():
    assert translate.recognise(SMALL[:200].encode()) == FORMAT
    assert translate.recognise(SMALL.encode("utf-16")) == FORMAT
    assert translate.recognise(b"<ITMATT/>").code == "FORMAT_UNKNOWN"
    assert "upu/cusrsp/own-1" in translate.recognise(b"<ITMATT/>").hint
    assert translate.recognise(b"").code == "DOCUMENT_EMPTY"
    assert translate.recognise(b"{}").code == "FORMAT_UNKNOWN"
    assert translate.recognise(b"PK\x03\x04").code == "DOCUMENT_NOT_XML"


def test_text_that_xml_cannot_carry_is_refused_when_writing():
    declaration = Declaration(item=Item(nature_text="bell \x07"))
    with pytest.raises(translate.NotWritten) as caught:
        list(translate.write(FORMAT, {}, [declaration]))
    assert caught.value.fault.code == "TEXT_NOT_WRITABLE"
    assert "bell" not in str(caught.value.fault)


def test_a_schema_is_never_fetched(tmp_path: Path):
    text = SMALL.replace(
        "<CUSITM",
        f'<CUSITM xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x {tmp_path}/x.xsd"',
        1,
    )
    assert read(text)[-1].routable


def as_said(events):
    """Everything that reading says, in a form that can be compared."""
    return [
        (event.accepted, event.identifier, event.message, event.item, [str(fault) for fault in event.faults])
        for event in items(events)
    ], events[-1].ledger


FULL = (FOLDER / "full.xml").read_text("utf-8")
FULL_ITEM = FULL[FULL.index("  <Item>") : FULL.index("  <Trailer>")]
CHANGES = [
    ("<Name>Importeur GmbH</Name>", "<Name/>"),
    ("<Name>Importeur GmbH</Name>", "<Name>   </Name>"),
    ("<HS>610910</HS>", "<HS>6109.10</HS>"),
    ("<HS>610910</HS>", "<HS>7700</HS>"),
    ("<NetWeight>0.420</NetWeight>", "<NetWeight>0.000</NetWeight>"),
    ("<Number>2</Number>", "<Number>0</Number>"),
    ("<SenderState>Noord-Holland</SenderState>", "<SenderState></SenderState>"),
    ("<DestCountryCd>DE</DestCountryCd>", "<DestCountryCd>ZZ</DestCountryCd>"),
    ("<CountryCd>DE</CountryCd>", "<CountryCd> DE </CountryCd>"),
    ('CountryCd="NL"', 'CountryCd="XX"'),
    ("<IncotermCd>DDP</IncotermCd>", ""),
]


@pytest.mark.parametrize("base", [FULL_ITEM, ITEM], ids=["full", "smallest"])
def test_items_of_a_known_shape_are_read_as_all_others(monkeypatch, base):
    texts = [base.replace(old, new, 1) for old, new in [("", ""), *CHANGES]]
    document = (FULL[: FULL.index("  <Item>")].replace("<ItemsCount>1<", "<ItemsCount>48<"), *texts * 4, TAIL)
    monkeypatch.setattr(limit, "SHAPE_TIMES", 10**9)
    ordinary = as_said(read(*document, registry=Registry(resource.schemas())))
    monkeypatch.setattr(limit, "SHAPE_TIMES", 1)
    registry = Registry(resource.schemas())
    shaped = as_said(read(*document, registry=registry))
    assert shaped == ordinary
    assert any(shape is not None for shape in registry.get(FORMAT).engine.compiled.shapes._known.values())


def test_shapes_that_come_again_are_looked_at_however_many_there_are(monkeypatch):
    monkeypatch.setattr(limit, "SHAPES_TRIED", 16)
    extras = [f"<Data><Comments>{'<Comment>c</Comment>' * count}</Comments></Data></Item>" for count in range(1, 7)]
    of_six_shapes = [ITEM.replace("  </Item>", each) for each in extras] * 12
    registry = Registry(resource.schemas())
    read(HEAD, *of_six_shapes, TAIL, registry=registry)
    assert len(registry.get(FORMAT).engine.compiled.shapes._known) == 6


def test_the_same_names_in_another_structure_are_no_known_shape():
    inner = "<ContentPieces><ContentPiece><Index>1</Index>{}</ContentPiece></ContentPieces>{}"
    extras = "<ExtraFields><ExtraField><Name>n</Name></ExtraField></ExtraFields>"
    of_piece = ITEM.replace("  </Item>", f"<Data>{inner.format(extras, '')}</Data></Item>")
    of_item = ITEM.replace("  </Item>", f"<Data>{inner.format('', extras)}</Data></Item>")
    found = [Item.FromString(event.item) for event in items(read(HEAD, of_piece * 20, of_item * 20, TAIL))]
    assert [len(each.content[0].extensions) for each in found] == [1] * 20 + [0] * 20
    assert [len(each.extensions) for each in found] == [0] * 20 + [1] * 20
