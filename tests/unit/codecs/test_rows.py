"""What rows can say beyond one name for one field: choices, constants of the record, sums of several fields."""

from datetime import UTC, datetime

import pytest

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs import translate
from parcelgate.codecs.mapping.mapping import uncovered
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.registry import Registry

FORMAT = """
id = "test/parcel/1"
name = "PARCEL"
title = "A parcel of a test"
direction = "test"
status = "test"
syntax = "xml"
schema = "parcel.xsd"
root = "PARCELS"
namespace = ""
unit = "one parcel"
provenance = "made for this test"
"""
SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:element name="PARCELS"><xs:complexType><xs:sequence>
<xs:element name="Parcel" maxOccurs="unbounded"><xs:complexType><xs:sequence>
<xs:any minOccurs="0" maxOccurs="unbounded" processContents="skip"/>
</xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element></xs:schema>"""
MAPPING = r"""
record = "parcelgate.api.record.v1.Declaration"
[label.registration]
values = { EOR = "EORI", VAT = "VAT" }
[item]
at = "Parcel"
rows = [
  { to = "key.flow", value = "IMPORT" },
  { at = "Id", to = "item.key.identifier", as = "item_id", need = "key" },
  { at = "Posted", to = "item.posted", as = "time(203)" },
  { at = "Weight[Unit=LB]/Value", to = "item.gross_mass", as = "mass(lb)" },
  { at = "Weight[Unit=KG]/Value", to = "item.gross_mass", as = "mass" },
  { at = "Currency", spread = ["item.content.value.currency", "item.content.unit_value.currency"], as = "currency" },
  { at = "Line[1]", to = "item.nature_text" },
  { at = "Line[2]", to = "item.handling_class", as = "reference" },
  { at = "Sender/Name", to = "item.parties[role=SENDER].name" },
  { at = "Sender/Number[Type=SDT][Country=NO]", to = "item.parties[role=SENDER].references", each = "voec" },
  { at = 'Sender/Number[Type=SDT][Number~IM\d{10}]', to = "item.parties[role=SENDER].references", each = "ioss" },
  { at = "Sender/Number", to = "item.parties[role=SENDER].references", each = "number" },
  { at = "Piece", to = "item.content", each = "piece" },
]
[shape.voec]
rows = [{ to = "scheme", value = "VOEC" }, { to = "issuer_country", value = "NO" }, { at = "Number", to = "number" }]
[shape.ioss]
rows = [{ to = "scheme", value = "IOSS" }, { at = "Type", ignore = "SDT means many things", encode = "SDT" }, { at = "Number", to = "number" }]
[shape.number]
rows = [{ at = "Type", to = "scheme", as = "label(registration)" }, { at = "Country", to = "issuer_country", as = "country" }, { at = "Number", to = "number" }]
[shape.piece]
rows = [
  { at = "Count", to = "quantity", as = "int" },
  { at = "Price", to = "unit_value", as = "money", from = "share(value, quantity)" },
  { to = "value", as = "money", derive = "times(unit_value, quantity)" },
]
"""


def registry(tmp_path, mapping=MAPPING):
    folder = tmp_path / "test" / "parcel" / "1"
    folder.mkdir(parents=True)
    for name, text in (("format.toml", FORMAT), ("parcel.xsd", SCHEMA), ("mapping.toml", mapping)):
        (folder / name).write_text(text, "utf-8")
    return Registry(tmp_path)


def read(formats, body):
    (*items, closed) = translate.read([f"<PARCELS>{body}</PARCELS>".encode()], "test/parcel/1", registry=formats)
    assert closed.routable
    return [Item.FromString(item.item) for item in items]


def write(formats, *items):
    found = [Declaration(item=item) for item in items]
    text = b"".join(translate.write("test/parcel/1", {}, found, registry=formats)).decode()
    return "".join(line.strip() for line in text.splitlines()[2:-1])


def parcel(body):
    return f"<Parcel><Id>RR123456785NZ</Id>{body}</Parcel>"


def test_an_occurrence_is_chosen_by_what_is_in_it_and_the_first_choice_is_written(tmp_path):
    formats = registry(tmp_path)
    first, second = read(
        formats,
        parcel("<Weight><Unit>KG</Unit><Value>2.000</Value></Weight>")
        + parcel("<Weight><Unit>LB</Unit><Value>1</Value></Weight>"),
    )
    assert (first.gross_mass.milligrams, second.gross_mass.milligrams) == (2_000_000, 453_592)
    written = write(formats, first)
    assert written == parcel("<Weight><Unit>LB</Unit><Value>4.4092452</Value></Weight>")
    assert read(formats, written) == [first]


def test_an_occurrence_is_chosen_by_its_place(tmp_path):
    formats = registry(tmp_path)
    body = parcel("<Line>red</Line><Line>blue</Line>")
    (item,) = read(formats, body)
    assert (item.nature_text, item.handling_class) == ("red", "blue")
    assert write(formats, item) == body


def test_entries_of_one_list_go_each_to_the_rows_that_mean_them(tmp_path):
    formats = registry(tmp_path)
    numbers = [
        "<Number><Type>SDT</Type><Country>NO</Country><Number>2000001</Number></Number>",
        "<Number><Type>SDT</Type><Number>IM0123456789</Number></Number>",
        "<Number><Type>EOR</Type><Country>NL</Country><Number>NL123</Number></Number>",
        "<Number><Type>SDT</Type><Number>other</Number></Number>",
        "<Number><Type>PAS</Type><Number>X1</Number></Number>",
    ]
    body = parcel(f"<Sender><Name>A</Name>{''.join(numbers)}</Sender>")
    (item,) = read(formats, body)
    found = [(each.scheme, each.issuer_country, each.number) for each in item.parties[0].references]
    assert found == [
        ("VOEC", "NO", "2000001"),
        ("IOSS", "", "IM0123456789"),
        ("EORI", "NL", "NL123"),
        ("SDT", "", "other"),
        ("PAS", "", "X1"),
    ]
    assert write(formats, item) == body


def test_one_currency_of_the_document_is_that_of_every_line_and_a_unit_price_makes_its_total(tmp_path):
    formats = registry(tmp_path)
    body = parcel(
        "<Currency>NZD</Currency><Piece><Count>3</Count><Price>3.333333</Price></Piece><Piece><Count>2</Count></Piece>"
    )
    (item,) = read(formats, body)
    first, second = item.content
    assert (first.value.units, first.value.nanos, first.value.currency) == (9, 999_999_000, "NZD")
    assert first.unit_value.currency == "NZD"
    assert not second.HasField("value")
    assert write(formats, item) == body


def test_a_unit_price_is_written_from_the_total_where_it_divides(tmp_path):
    formats = registry(tmp_path)
    item = Item(content=[{"quantity": 4, "value": {"currency": "EUR", "units": 10}}])
    assert "<Price>2.50</Price>" in write(formats, item)
    item.content[0].quantity = 3
    with pytest.raises(translate.NotWritten) as caught:
        write(formats, item)
    assert caught.value.fault.address == "/Parcel/Price"


def test_lines_in_two_currencies_are_not_written_under_one(tmp_path):
    formats = registry(tmp_path)
    item = Item(content=[{"value": {"currency": "EUR", "units": 1}}, {"value": {"currency": "NZD", "units": 1}}])
    with pytest.raises(translate.NotWritten) as caught:
        write(formats, item)
    assert caught.value.fault.address == "/Parcel/Currency"


def test_what_the_format_always_means_can_not_be_anything_else(tmp_path):
    formats = registry(tmp_path)
    (item, _) = translate.read([f"<PARCELS>{parcel('')}</PARCELS>".encode()], "test/parcel/1", registry=formats)
    declaration = Declaration.FromString(item.message)
    assert declaration.key.flow == 1
    declaration.key.flow = 2
    with pytest.raises(translate.NotWritten) as caught:
        list(translate.write("test/parcel/1", {}, [declaration], registry=formats))
    assert caught.value.fault.address == "/Parcel/key.flow"


def test_times_are_written_in_the_notation_of_the_format(tmp_path):
    formats = registry(tmp_path)
    (item,) = read(formats, parcel("<Posted>202609211030</Posted>"))
    assert item.posted.utc_micros == datetime(2026, 9, 21, 10, 30, tzinfo=UTC).timestamp() * 1_000_000
    assert write(formats, item) == parcel("<Posted>202609211030</Posted>")
    item.posted.written = "2026-09-21T12:30:00+02:00"
    assert write(formats, item) == parcel("<Posted>202609211030</Posted>")


def test_what_one_home_of_a_list_carries_is_covered(tmp_path):
    (form,) = registry(tmp_path)
    open_ = uncovered(form.mapping)
    assert "item.parties.references.scheme" not in open_
    assert "item.parties.telephone" in open_
    assert "key.flow" not in open_
    assert "item.content.unit_value" not in open_


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('value = "IMPORT"', 'value = "SIDEWAYS"', "SIDEWAYS is no value of Flow"),
        ('as = "mass(lb)"', 'as = "mass(stone)"', "not in 'stone'"),
        ('as = "time(203)"', 'as = "time(999)"', "not as '999'"),
        ("share(value, quantity)", "share(value)", "names no function"),
        ("share(value, quantity)", "share(price, quantity)", "no field of this scope"),
        ("label(registration)", "label(colours)", "no list of labels"),
        ('"item.content.value.currency",', '"item.content.colour",', "no field item.content.colour"),
        ("Line[2]", "Line[two]", "neither a number nor name=value"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_with_its_reason(tmp_path, old, new, sentence):
    assert old in MAPPING
    (form,) = registry(tmp_path, MAPPING.replace(old, new))
    with pytest.raises(MappingError) as caught:
        form.mapping  # noqa: B018  it is compiled when it is asked for
    assert sentence in str(caught.value)
