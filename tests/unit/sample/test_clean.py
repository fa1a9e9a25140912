"""Clean items have no defect by accident; ailing ones have exactly the defect they are named for."""

import datetime as dt
import re
from collections import defaultdict

import pytest
from stdnum import ean
from stdnum.eu import oss

from parcelgate.api.record.v1 import item_pb2 as pb
from parcelgate.app.sample import traffic
from parcelgate.app.sample.ailment import nanos_of
from parcelgate.app.sample.plan import table
from parcelgate.core import codelist, identifier, registration

DAY = dt.date(2026, 7, 14)
E123 = re.compile(r"\+[1-9]\d{0,2}( \d+)+")
S9 = re.compile(r"([A-Z]{6})([A-Z]{6})[ABCD][UCE]N(\d)(\d{4})(\d{3})[019][019](\d{4})")
WITHOUT_POSTCODE = {"HK", "AE"}


@pytest.fixture(scope="module")
def samples():
    return [sample for way in ("post", "carrier") for sample in traffic(11, 5_000, day=DAY, channel=way)]


@pytest.fixture(scope="module")
def clean(samples):
    return [sample.item for sample in samples if sample.ailment is None]


@pytest.fixture(scope="module")
def ailing(samples):
    by_name = defaultdict(list)
    for sample in samples:
        by_name[sample.ailment].append(sample.item)
    return by_name


def test_lines_add_up_to_the_declared_value_and_units_to_lines(clean):
    for item in clean:
        assert nanos_of(item.declared_value) == sum(nanos_of(piece.value) for piece in item.content) > 0
        for piece in item.content:
            assert piece.value.currency == item.declared_value.currency
            if piece.HasField("unit_value"):
                assert nanos_of(piece.unit_value) * piece.quantity == nanos_of(piece.value)


def test_amounts_fit_the_decimals_of_their_currency(clean):
    currencies = codelist.load("iso-4217").values
    for item in clean:
        for amount in (item.declared_value, item.postage):
            assert amount.nanos % 10 ** (9 - currencies[amount.currency]["exponent"]) == 0


def test_net_mass_is_below_gross_mass_and_a_parcel_weighs_at_most_31_5_kg(clean):
    for item in clean:
        assert 0 < sum(piece.net_mass.milligrams for piece in item.content) <= item.gross_mass.milligrams
        if item.key.scheme == pb.ITEM_SCHEME_S10:
            assert item.gross_mass.milligrams <= 31_500_000


def test_letters_weigh_at_most_two_kilograms(clean):
    for item in clean:
        if item.mail_class == pb.MAIL_CLASS_LETTERS:
            assert sum(piece.net_mass.milligrams for piece in item.content) <= 2_000_000


def test_an_s10_names_the_origin_and_goes_with_the_mail_class(clean):
    for item in clean:
        if item.key.scheme == pb.ITEM_SCHEME_S10:
            assert identifier.s10_is_valid(item.key.identifier)
            assert item.key.issuer == item.key.identifier[-2:] == item.origin_country
            letters = {pb.MAIL_CLASS_LETTERS: "LRU", pb.MAIL_CLASS_PARCELS: "CH", pb.MAIL_CLASS_EMS: "E"}
            assert item.key.identifier[0] in letters[item.mail_class]


def test_every_line_has_a_code_a_text_and_an_origin(clean):
    countries = codelist.load("iso-3166-1")
    for item in clean:
        assert 1 <= len(item.content) <= 5
        assert len({piece.hs_code[:6] for piece in item.content}) == len(item.content)
        for number, piece in enumerate(item.content, 1):
            assert piece.number == number
            assert piece.quantity > 0
            assert identifier.hs_is_wellformed(piece.hs_code)
            assert len(piece.description.split()) >= 2
            assert piece.origin_country in countries


def test_parties_have_names_streets_cities_postcodes_and_e123_telephones(clean):
    for item in clean:
        sender, recipient = item.parties
        assert sender.role == pb.PARTY_ROLE_SENDER
        assert recipient.role == pb.PARTY_ROLE_RECIPIENT
        assert sender.address.country == item.origin_country
        assert recipient.address.country == item.destination_country
        for party in (sender, recipient):
            assert party.name
            assert party.address.lines[0]
            assert party.address.city
            assert bool(party.address.postcode) == (party.address.country not in WITHOUT_POSTCODE)
            if party.telephone:
                assert E123.fullmatch(party.telephone), party.telephone
                assert 7 <= sum(sign.isdigit() for sign in party.telephone) <= 15


def test_gifts_go_from_person_to_person(clean):
    gifts = [item for item in clean if item.nature == pb.NATURE_OF_TRANSACTION_GIFT]
    assert gifts
    for item in gifts:
        assert {party.person_type for party in item.parties} == {pb.PERSON_TYPE_NATURAL}


def test_returns_name_the_item_they_bring_back(clean):
    returns = [item for item in clean if item.nature == pb.NATURE_OF_TRANSACTION_RETURN]
    assert returns
    for item in returns:
        assert item.earlier_item.identifier != item.key.identifier
        assert item.earlier_item.posting_date < item.key.posting_date
        if item.key.scheme == pb.ITEM_SCHEME_S10:
            assert identifier.s10_is_valid(item.earlier_item.identifier)


def test_ioss_numbers_hold_and_stand_on_small_sales_to_consumers_in_the_union(clean):
    numbered = [item for item in clean for reference in item.parties[0].references if reference.scheme == "IOSS"]
    assert len(numbered) > len(clean) * 0.1
    for item in numbered:
        assert oss.is_valid(item.parties[0].references[0].number)
        assert item.destination_country not in {"GB", "NZ", "CH", "BR", "ZA"}
        assert item.parties[1].person_type == pb.PERSON_TYPE_NATURAL


def test_gtins_hold_and_belong_to_no_manufacturer(clean):
    gtins = [
        product.identifier
        for item in clean
        for piece in item.content
        for product in piece.product_identifiers
        if product.scheme == "GTIN"
    ]
    assert gtins
    assert all(ean.is_valid(gtin) and gtin[0] == "2" for gtin in gtins)


def test_no_number_of_a_party_or_of_goods_is_one_that_a_rule_finds(clean):
    numbers = {
        (reference.scheme, reference.number, reference.issuer_country)
        for item in clean
        for party in item.parties
        for reference in party.references
    }
    assert {scheme for scheme, _, _ in numbers} == {"EORI", "IOSS"}
    assert {number: registration.problem(*number) for number in numbers} == dict.fromkeys(numbers, "")


def test_receptacles_have_the_shape_of_s9_and_belong_to_their_dispatch(clean):
    receptacles = [item for item in clean if item.transport.receptacle]
    assert receptacles
    for item in receptacles:
        match = S9.fullmatch(item.transport.receptacle)
        assert match
        assert match[1][:2] == item.origin_country
        assert match[2][:2] == item.destination_country
        assert match[3] == item.transport.departure.iso[3]
        assert item.transport.receptacle.startswith(item.transport.dispatch)


def test_items_are_posted_before_they_leave_and_arrive_after_their_data(clean):
    for item in clean:
        assert item.posted.written == item.key.posting_date
        assert dt.datetime.fromisoformat(item.posted.written + "+00:00").timestamp() * 1e6 == item.posted.utc_micros
        assert "2026-07-10" < item.posted.written < "2026-07-15"
        if item.HasField("transport"):
            assert item.posted.written[:10] <= item.transport.departure.iso < item.transport.arrival.iso
            assert item.transport.arrival.iso > DAY.isoformat()


def test_no_text_of_the_goods_table_ends_where_systems_cut_texts():
    texts = [text for row in table("goods")["goods"].values() for text in row["texts"]]
    assert not [text for text in texts if len(text) in (35, 45, 56, 70) and text[-1].isalnum()]


def test_the_goods_table_is_wide_and_its_rows_can_be():
    goods = table("goods")["goods"]
    assert len(goods) >= 120
    for code, row in goods.items():
        assert len(code) == 6
        assert identifier.hs_is_wellformed(code)
        assert 2 <= len(row["texts"]) <= 5
        assert 0 < row["grams"][0] < row["grams"][1]
        assert 0 < row["euros"][0] < row["euros"][1]


@pytest.mark.parametrize(
    ("ailment", "is_so"),
    [
        ("check-digit", lambda item: not identifier.s10_is_valid(item.key.identifier)),
        ("stop-word", lambda item: item.content[0].description in table("ailments")["stop_words"]["values"]),
        ("vague", lambda item: item.content[0].description in table("ailments")["vague"]["values"]),
        ("zero-mass", lambda item: not item.gross_mass.milligrams and not item.content[0].net_mass.milligrams),
        (
            "sum-mismatch",
            lambda item: nanos_of(item.declared_value) > 1.5 * sum(nanos_of(piece.value) for piece in item.content),
        ),
        ("absurd-value", lambda item: item.declared_value.units >= 9_999_999_999),
        (
            "net-above-gross",
            lambda item: sum(piece.net_mass.milligrams for piece in item.content) > item.gross_mass.milligrams,
        ),
        ("hs-missing", lambda item: not any(piece.hs_code for piece in item.content)),
        ("hs-missing", lambda item: item.parties[0].person_type == pb.PERSON_TYPE_LEGAL),
        ("placeholder-name", lambda item: item.parties[1].name in table("ailments")["placeholders"]["values"]),
        ("telephone", lambda item: item.parties[1].telephone.startswith("0")),
        ("late", lambda item: item.transport.arrival.iso < DAY.isoformat()),
        ("late", lambda item: item.posted.written[:10] < item.transport.departure.iso < item.transport.arrival.iso),
        ("undervaluation", lambda item: nanos_of(item.declared_value) > 0),
    ],
)
def test_an_ailing_item_ails_as_named(ailing, ailment, is_so):
    assert ailing[ailment]
    assert all(is_so(item) for item in ailing[ailment])


@pytest.mark.parametrize(
    ("ailment", "name"),
    [("prohibited", "prohibited_goods"), ("restricted", "restricted_goods"), ("lithium", "lithium_goods")],
)
def test_goods_that_need_a_look_come_from_their_table_and_add_up(ailing, ailment, name):
    rows = {(row[0], row[1]) for row in table("ailments")[name]["values"]}
    assert ailing[ailment]
    for item in ailing[ailment]:
        (piece,) = item.content
        assert (piece.hs_code, piece.description) in rows
        assert nanos_of(item.declared_value) == nanos_of(piece.value)
        assert piece.net_mass.milligrams < item.gross_mass.milligrams


def test_undervalued_items_are_worth_next_to_nothing(ailing):
    per_euro = table("routes")["per_euro"]
    worth = sorted(
        item.declared_value.units / per_euro[item.declared_value.currency] for item in ailing["undervaluation"]
    )
    assert worth[len(worth) // 2] < 0.5
    assert worth[-1] < 15
