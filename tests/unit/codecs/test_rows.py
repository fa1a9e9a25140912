"""What rows can say beyond one name for one field: choices, constants of the record, sums of several fields."""

from datetime import UTC, datetime

import pytest

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs import translate
from parcelgate.codecs.mapping import moment
from parcelgate.codecs.mapping.converter import Normalised
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
    assert written == parcel("<Weight><Unit>LB</Unit><Value>4.409245</Value></Weight>")
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


EXACT = """  { at = "Posted", to = "item.posted", as = "time(203, exact)" },
  { at = "Words", to = "item.posted", as = "time" },"""


@pytest.mark.parametrize(
    "body", ["<Posted>202609211030</Posted>", "<Words>2026-09-21T10:30:01Z</Words>", "<Words>at noon</Words>"]
)
def test_what_an_exact_notation_leaves_unsaid_is_written_by_the_next_row(tmp_path, body):
    formats = registry(tmp_path, MAPPING.replace('  { at = "Posted", to = "item.posted", as = "time(203)" },', EXACT))
    (first, *_) = translate.read([f"<PARCELS>{parcel(body)}</PARCELS>".encode()], "test/parcel/1", registry=formats)
    assert write(formats, Item.FromString(first.item)) == parcel(body)


GATHERED = """  { at = "Code", to = "item.local_identifiers", place = 1 },
  { at = "Code2", to = "item.local_identifiers", place = 2 },
  { zip = ["Labels/L", "Notes/N"], fields = ["name", "value"], to = "item.extensions" },
  { at = "Piece","""


def gathered(tmp_path, text=GATHERED):
    return registry(tmp_path, MAPPING.replace('  { at = "Piece",', text))


def test_names_that_count_are_one_list_and_hold_no_more_than_they_count(tmp_path):
    formats = gathered(tmp_path)
    body = parcel("<Code>A</Code><Code2>B</Code2>")
    (item,) = read(formats, body)
    assert list(item.local_identifiers) == ["A", "B"]
    assert write(formats, item) == body
    item.local_identifiers.append("C")
    with pytest.raises(translate.NotWritten) as caught:
        write(formats, item)
    assert caught.value.fault.address == "/Parcel/local_identifiers"


JOINED = """  { at = "Text", to = "item.incoterm", as = "join(2,5)" },
  { at = "Piece","""


def test_elements_one_after_the_other_are_one_text_and_it_is_cut_again(tmp_path):
    formats = registry(tmp_path, MAPPING.replace('  { at = "Piece",', JOINED))
    body = parcel("<Text>red</Text><Text>shoes, of wool</Text>")
    (item,) = read(formats, body)
    assert item.incoterm == "red shoes, of wool"
    assert write(formats, item) == body
    (item,) = read(formats, parcel("<Text>shoes</Text><Text>tring</Text>"))
    assert item.incoterm == "shoestring"
    assert write(formats, item) == parcel("<Text>shoes</Text><Text>tring</Text>")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("join(2,5)", "join(1,5)", "it needs a number of pieces and their length"),
        ("join(2,5)", "join", "it needs a number of pieces and their length"),
        ('"join(2,5)"', '"join(2,5)", need = "required"', "nor has a text in pieces"),
        ('"item.incoterm"', '"item.postage"', "only texts are in pieces"),
        ('as = "join(2,5)"', 'agree = "same(item.nature_text)"', "nothing can agree with"),
        ('as = "join(2,5)"', 'agree = "same(item.nature_text)", default = "x"', "computed from them only"),
    ],
)
def test_pieces_and_agreements_that_make_no_sense_are_refused(tmp_path, old, new, sentence):
    assert old in JOINED
    (form,) = registry(tmp_path, MAPPING.replace('  { at = "Piece",', JOINED.replace(old, new)))
    with pytest.raises(MappingError) as caught:
        form.mapping  # noqa: B018  it is compiled when it is asked for
    assert sentence in str(caught.value)


def test_a_total_of_xml_is_held_against_the_price_too(tmp_path):
    total = '{ at = "Total", to = "value", as = "money", agree = "times(unit_value, quantity)" }'
    formats = registry(
        tmp_path, MAPPING.replace('{ to = "value", as = "money", derive = "times(unit_value, quantity)" }', total)
    )
    for price, codes in (("2.93", []), ("2.83", ["TOTAL_DISAGREES"])):
        piece = f"<Piece><Count>3</Count><Price>{price}</Price><Total>8.79</Total></Piece>"
        body = f"<PARCELS>{parcel(piece)}</PARCELS>".encode()
        event, _ = translate.read([body], "test/parcel/1", registry=formats)
        assert [fault.code for fault in event.faults if fault.code != "FIELD_UNKNOWN"] == codes
        assert Item.FromString(event.item).content[0].value.units == 8


def test_a_key_in_milliseconds_is_the_time_in_words_and_no_other_is_written_so():
    net = moment.written_as("net")
    with pytest.raises(Normalised) as caught:
        net.read("/Date(1793697300000)/")
    assert caught.value.keep == "2026-11-03T09:15:00+00:00"
    assert net.write(caught.value.keep) == "/Date(1793697300000)/"
    for other in ("2026-11-03T10:15:00+01:00", "2026-11-03"):
        with pytest.raises(ValueError, match="not a time of whole milliseconds"):
            net.write(other)


def test_an_array_that_may_be_left_out_leaves_its_field_out(tmp_path):
    formats = gathered(tmp_path)
    (item,) = read(formats, parcel("<Notes><N>x</N><N>y</N></Notes>"))
    assert [(each.name, each.value) for each in item.extensions] == [("", "x"), ("", "y")]
    assert write(formats, item) == parcel("<Labels><L/><L/></Labels><Notes><N>x</N><N>y</N></Notes>")


def test_what_an_array_carries_is_covered_and_the_rest_of_an_entry_is_not(tmp_path):
    arrays = 'zip = ["Kinds", "Numbers"], fields = ["type", "identifier"], to = "item.documents"'
    (form,) = gathered(tmp_path, GATHERED.replace("{ zip", f"{{ {arrays} }},\n  {{ zip"))
    open_ = uncovered(form.mapping)
    assert "item.documents.name" in open_
    assert not {"item.documents", "item.documents.type", "item.extensions", "item.local_identifiers"} & set(open_)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("place = 2", "place = 3", "count from 1"),
        ("place = 1", "place = 1, many = true", "only the last is open"),
        ("place = 1", 'place = 1, default = "x"', "a list has no default"),
        ("place = 1", 'place = "1"', "wrong type"),
        ('fields = ["name", "value"]', 'fields = ["name"]', "as many fields as arrays"),
        ('fields = ["name", "value"]', 'fields = ["name", "colour"]', "have no text 'colour'"),
        ('to = "item.extensions" }', 'to = "item.content" }', "have no text 'name'"),
        ('to = "item.extensions" }', 'to = "item.nature_text" }', "is not a list"),
        ('to = "item.extensions" }', 'to = "item.extensions", need = "key" }', "need is 'required' for arrays"),
        ('to = "item.extensions" }', 'to = "item.extensions", many = true }', "zip goes with to"),
    ],
)
def test_lists_in_several_names_that_make_no_sense_are_refused(tmp_path, old, new, sentence):
    assert old in GATHERED
    (form,) = gathered(tmp_path, GATHERED.replace(old, new))
    with pytest.raises(MappingError) as caught:
        form.mapping  # noqa: B018  it is compiled when it is asked for
    assert sentence in str(caught.value)


def test_a_loss_may_lie_in_the_entries_of_a_list_or_in_those_of_a_role(tmp_path):
    losses = '[loss]\n"item.parties.telephone" = "a"\n"item.parties[role=SENDER].fax" = "b"\n'
    (form,) = registry(tmp_path, MAPPING + losses)
    assert "item.parties.telephone" not in uncovered(form.mapping)


def test_the_role_by_which_an_entry_is_chosen_is_carried(tmp_path):
    (form,) = registry(tmp_path)
    assert "item.parties.role" not in uncovered(form.mapping)


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
        ('as = "time(203)"', 'as = "day(101)"', "not as '101'"),
        ('as = "mass(lb)"', 'as = "mass(stone)"', "not in 'stone'"),
        ('as = "time(203)"', 'as = "time(999)"', "not as '999'"),
        ('as = "time(203)"', 'as = "time(203, about)"', "not 'about'"),
        ('as = "time(203)"', 'as = "time(203, exact)"', "needs a second row"),
        ("[shape.voec]", '[loss]\n"item.parties[role=CLOWN].fax" = "x"\n[shape.voec]', "CLOWN is no value"),
        ("[shape.voec]", '[loss]\n"item.parties.colour" = "x"\n[shape.voec]', "no field item.parties.colour"),
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


LISTS = """
record = "parcelgate.api.record.v1.Declaration"
[code.kind]
enum = "parcelgate.api.record.v1.NatureOfTransaction"
values = { papers = "NATURE_OF_TRANSACTION_DOCUMENTS" }
other = "goods"
[code.reason]
enum = "parcelgate.api.record.v1.NatureOfTransaction"
values = { gift = "NATURE_OF_TRANSACTION_GIFT", sale = "NATURE_OF_TRANSACTION_SALE" }
other = ""
[item]
at = "Parcel"
rows = [
  { at = "Id", to = "item.key.identifier", as = "item_id", need = "key" },
  { at = "Line1", to = "item.comments", place = 1 },
  { at = "Line2", to = "item.comments", place = 2 },
  { at = "Box", to = "item.gross_mass", as = "mass", sum = true },
  { at = "Kind", to = "item.nature", as = "code(kind)" },
  { at = "Reason", to = "item.nature", as = "code(reason)" },
  { at = "Terms", to = "item.incoterm", as = "reference", encode = "DAP" },
  { at = "Sender/Name", to = "item.parties[role=SENDER].name" },
  { at = "Sender/Firm", to = "item.parties[role=SENDER].company", from = "same(item.parties[role=SENDER].name)", need = "required" },
]
"""
REST = "<Kind>goods</Kind><Terms>DAP</Terms>"


def test_entries_of_a_list_with_names_of_their_own_keep_their_order_and_no_other_is_dropped(tmp_path):
    formats = registry(tmp_path, LISTS)
    (item,) = read(formats, parcel("<Line2>blue</Line2><Line1>red</Line1>"))
    assert list(item.comments) == ["red", "blue"]
    assert "<Line1>red</Line1><Line2>blue</Line2>" in write(formats, item)
    (item,) = read(formats, parcel("<Line2>blue</Line2>"))
    assert list(item.comments) == ["blue"]
    with pytest.raises(translate.NotWritten) as caught:
        write(formats, Item(comments=["red", "blue", "green"]))
    assert caught.value.fault.code == "VALUE_NOT_WRITABLE"


def test_masses_of_several_are_added_up_and_one_is_written(tmp_path):
    formats = registry(tmp_path, LISTS)
    (item,) = read(formats, parcel("<Box>0.100</Box><Box>0</Box><Box>0.250</Box>"))
    assert item.gross_mass.milligrams == 350_000
    assert "<Box>0.350</Box>" in write(formats, item)


def test_a_sum_that_the_record_has_no_room_for_is_a_finding(tmp_path):
    formats = registry(tmp_path, LISTS)
    body = parcel("<Box>999999999999</Box>" * 12)
    (found, _) = translate.read([f"<PARCELS>{body}</PARCELS>".encode()], "test/parcel/1", registry=formats)
    assert [each.code for each in found.faults] == ["NUMBER_TOO_LARGE"] * 3
    assert Item.FromString(found.item).gross_mass.milligrams == 9 * 999_999_999_999 * 10**6


def test_a_list_of_codes_may_write_all_others_alike_beside_one_that_tells_them_apart(tmp_path):
    formats = registry(tmp_path, LISTS)
    for body, nature in (
        ("<Kind>papers</Kind>", 5),
        ("<Kind>goods</Kind><Reason>gift</Reason>", 3),
        ("<Kind>goods</Kind><Reason>sale</Reason>", 1),
    ):
        (item,) = read(formats, parcel(body))
        assert item.nature == nature
        assert body in write(formats, item)
    assert "<Kind>goods</Kind><Terms>" in write(formats, Item(nature=7, incoterm="DDP"))


def test_what_the_other_side_insists_on_stands_beside_values_only(tmp_path):
    formats = registry(tmp_path, LISTS)
    assert "<Terms>DDP</Terms>" in write(formats, Item(key={"identifier": "X"}, incoterm="DDP"))
    assert "<Terms>DAP</Terms>" in write(formats, Item(key={"identifier": "X"}))


def test_a_field_is_written_from_another_and_required_only_where_its_part_is_there(tmp_path):
    formats = registry(tmp_path, LISTS)
    assert "<Sender><Name>Jan</Name><Firm>Jan</Firm></Sender>" in write(
        formats, Item(parties=[{"role": 1, "name": "Jan"}])
    )
    for body, wanted in (("", []), ("<Sender><Name>Jan</Name></Sender>", ["FIELD_MISSING"])):
        (found, _) = translate.read([f"<PARCELS>{parcel(body)}</PARCELS>".encode()], "test/parcel/1", registry=formats)
        assert [each.code for each in found.faults if each.code == "FIELD_MISSING"] == wanted


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("place = 2", "place = 3", "count from 1"),
        ("place = 2", 'place = "2"', "wrong type"),
        ('to = "item.nature_text"', 'to = "item.gross_mass", as = "mass", place = 1', "is not a list"),
        ('as = "mass", sum', 'as = "money", sum', "makes Money"),
        ('to = "item.incoterm", as = "reference"', 'to = "item.incoterm", sum = true', "only masses"),
    ],
)
def test_a_row_of_a_list_that_makes_no_sense_is_refused_with_its_reason(tmp_path, old, new, sentence):
    source = (
        LISTS if old in LISTS else LISTS.replace('to = "item.incoterm", as = "reference"', 'to = "item.nature_text"')
    )
    (form,) = registry(tmp_path, source.replace(old, new))
    with pytest.raises(MappingError) as caught:
        form.mapping  # noqa: B018  it is compiled when it is asked for
    assert sentence in str(caught.value)
