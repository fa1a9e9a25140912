"""Whatever of the record a JSON dialect carries, it gives back; whatever the bytes are, reading ends with an answer."""

import json
import math
from datetime import datetime
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed
from parcelgate.codecs.json import limit
from parcelgate.codecs.json.value import Decoder, Odd
from parcelgate.codecs.mapping import moment, quantity
from parcelgate.codecs.mapping.converter import Normalised
from parcelgate.codecs.mapping.piece import Pieces
from parcelgate.codecs.registry import shipped
from parcelgate.core import codelist
from parcelgate.core import hash as canonical

DHL, EASYPOST = "carrier/dhl-mydhl/2.7.2", "carrier/easypost/v2"
UPS, FEDEX = "carrier/ups-shipping/v2403", "carrier/fedex-ship/v1"
USPS, SHIPPO = "carrier/usps-international/v3", "carrier/shippo/v1"
ALL = [DHL, EASYPOST, UPS, FEDEX, USPS, SHIPPO]
quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
_SIGNS = st.characters(
    codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cn"), exclude_characters="\ufeff"
)
words = st.text(_SIGNS, min_size=1, max_size=12)
text = st.builds(" ".join, st.lists(words, min_size=1, max_size=3))
countries = st.sampled_from(sorted(codelist.load("iso-3166-1").values))
currencies = st.sampled_from(sorted(codelist.load("iso-4217").values))
counts = st.integers(1, 2**32 - 1)
hs = st.sampled_from(["610910", "85183000", "9503004990", "010121"])
moments = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1))  # noqa: DTZ001  the zone is written beside
codes = st.from_regex("[A-Z0-9]{1,12}", fullmatch=True)
identifiers = st.from_regex("[A-Z0-9]{1,9}-[A-Z0-9]{1,9}", fullmatch=True)
masses = st.builds(lambda number: {"milligrams": number}, st.integers(1, 10**11))
lines = st.lists(words, min_size=1, max_size=2)


def some(optional, **always):
    return st.fixed_dictionaries(always, optional=optional)


def address(most):
    return {
        "lines": st.lists(words, min_size=1, max_size=most),
        "postcode": text,
        "city": text,
        "state": words,
        "country": countries,
    }


@st.composite
def amounts(draw, currency=None):
    units, nanos = draw(st.integers(0, 10**9)), draw(st.integers(0, 999_999_999))
    fields = {"currency": currency or draw(currencies), "units": units, "nanos": nanos}
    return {name: value for name, value in fields.items() if value}


def whole(record, key, flow=1):
    """Fill in what the dialects compute: countries, the time of posting, the entries' order."""
    item = record | {"key": key}
    for role, name in ((1, "origin_country"), (2, "destination_country")):
        party = next((each for each in item["parties"] if each["role"] == role), {})
        if "country" in party.get("address", {}):
            item[name] = party["address"]["country"]
    return {"function": 1, "key": {"flow": flow}, "item": item}


@st.composite
def dhl(draw):
    currency = draw(currencies)
    registration = st.one_of(
        st.builds(lambda digits: {"scheme": "IOSS", "number": f"IM{digits:010}"}, st.integers(0, 10**10 - 1)),
        st.builds(lambda number: {"scheme": "VOEC", "number": number, "issuer_country": "NO"}, codes),
        some({"issuer_country": countries}, scheme=st.sampled_from(["EORI", "VAT", "EIN", "PASSPORT"]), number=codes),
    )
    party = {
        "name": text,
        "company": text,
        "person_type": st.integers(1, 3),
        "address": some(address(3)).filter(bool),
        "telephone": words,
        "email": words,
        "references": st.lists(registration, min_size=1, max_size=3),
    }
    document = some({"type": st.sampled_from(["LICENCE", "CERTIFICATE", "X1"])}, identifier=codes)
    piece = some(
        {
            "description": text,
            "hs_code": hs,
            "unit_code": st.sampled_from(["KGM", "PR", "EA", "MLT"]),
            "origin_country": countries,
            "net_mass": masses,
            "gross_mass": masses,
            "documents": st.lists(document, min_size=1, max_size=2),
        },
        number=counts,
    )
    content = draw(st.lists(piece, max_size=3))
    for each in content:
        if draw(st.booleans()):
            each["unit_value"] = draw(amounts(currency))
            if draw(st.booleans()):
                each["quantity"] = draw(st.integers(1, 9999))
                each["value"] = quantity.times(each["unit_value"], each["quantity"])
    roles = draw(st.lists(st.sampled_from([2, 3, 4]), unique=True).map(sorted))
    parties = [draw(some(party, role=st.just(role))) for role in [1, *roles]]
    for each in parties:
        if "name" in each and "company" not in each:
            each["company"] = each["name"]
    record = draw(
        some(
            {
                "local_identifiers": st.lists(codes, min_size=1, max_size=2),
                "gross_mass": masses,
                "nature": st.sampled_from([1, 2, 3, 4, 5, 7]),
                "nature_text": text,
                "declared_value": amounts(currency),
                "postage": amounts(currency),
                "incoterm": st.sampled_from(["DAP", "DDP", "DDU"]),
                "extensions": text.map(lambda value: [{"name": "DESCRIPTION", "value": value}]),
                "documents": codes.map(lambda number: [{"type": "INVOICE", "identifier": number}]),
            },
            parties=st.just([each for each in parties if len(each) > 1]),
        )
    )
    if content:
        record["content"] = content
    written = f"{draw(moments):%Y-%m-%dT%H:%M:%S}{draw(st.sampled_from(['+00:00', '+01:00', '-09:30']))}"
    record["posted"] = moment.read_time(written)
    return whole(record, {"scheme": 2, "identifier": draw(identifiers), "posting_date": written})


@st.composite
def easypost(draw):
    reference = some({"issuer_country": countries}, scheme=st.sampled_from(["EORI", "IOSS", "VAT"]), number=codes)
    party = {
        "name": text,
        "company": text,
        "address": some(address(2)).filter(bool),
        "telephone": words,
        "email": words,
        "references": st.lists(reference, min_size=1, max_size=2),
    }
    products = st.lists(st.sampled_from(["MERCHANT", "SKU", "MANUFACTURER", "STANDARDISED"]), min_size=1, unique=True)
    order = ["MERCHANT", "SKU", "MANUFACTURER", "STANDARDISED"]
    piece = some(
        {
            "quantity": counts,
            "hs_code": hs,
            "origin_country": countries,
            "net_mass": masses,
            "value": amounts(),
            "product_identifiers": products.map(
                lambda names: [{"scheme": name, "identifier": "P-1"} for name in sorted(names, key=order.index)]
            ),
        },
        description=text,
    )
    parties = [draw(some(party, role=st.just(role))) for role in draw(st.sampled_from([[1], [2], [1, 2]]))]
    written = draw(moments).isoformat()
    record = draw(
        some(
            {
                "local_identifiers": st.lists(codes, min_size=1, max_size=1),
                "gross_mass": masses,
                "nature": st.sampled_from([1, 2, 3, 4, 5, 7]),
                "nature_text": text,
                "incoterm": words,
                "comments": st.lists(words, min_size=1, max_size=1),
                "extensions": st.just([{"name": "RESTRICTION", "value": "quarantine"}]),
                "content": st.lists(piece, min_size=1, max_size=3),
            },
            parties=st.just([each for each in parties if len(each) > 1]),
            posted=st.just(moment.read_time(written)),
        )
    )
    return whole(record, {"scheme": 2, "identifier": draw(identifiers), "posting_date": written})


days = moments.map(lambda moment: f"{moment:%Y-%m-%d}")
OWN = ["SKU", "MERCHANT", "MANUFACTURER", "STANDARDISED"]


def products(*order):
    names = st.lists(st.sampled_from(order), min_size=1, unique=True)
    return names.map(lambda found: [{"scheme": name, "identifier": "P-1"} for name in sorted(found, key=order.index)])


def priced(draw, content, currency):
    """Give some lines the price of a piece, and where there is a quantity the total that it makes."""
    for each in content:
        if draw(st.booleans()):
            each["unit_value"] = draw(amounts(currency))
            if "quantity" in each or draw(st.booleans()):
                each["quantity"] = draw(st.integers(1, 9999))
                each["value"] = quantity.times(each["unit_value"], each["quantity"])


def dated(draw, record):
    """Give an item the key of a dialect that says the day only."""
    written = draw(days)
    record["posted"] = moment.read_time(written)
    return whole(record, {"scheme": 2, "identifier": draw(identifiers), "posting_date": written})


@st.composite
def ups(draw):
    currency = draw(currencies)
    vendor = st.builds(
        lambda scheme, number: {"scheme": scheme, "number": number},
        st.sampled_from(["IOSS", "VOEC", "ARN", "SG_GST"]),
        codes,
    )
    tax = codes.map(lambda number: [{"scheme": "TAX_ID", "number": number}])
    party = {
        "name": text,
        "person_type": st.integers(1, 2),
        "address": some(address(3)).filter(bool),
        "telephone": words,
        "email": words,
        "fax": words,
    }
    sender = st.builds(lambda first, more: first + more, tax, st.lists(vendor, max_size=2))
    parties = [
        draw(some({**party, "references": sender if role == 1 else tax}, role=st.just(role), company=text))
        for role in draw(st.sampled_from([[1], [2], [1, 2]]))
    ]
    long = st.text(st.sampled_from("ab ,é"), min_size=1, max_size=140).map(str.strip).filter(bool)
    piece = some(
        {
            "hs_code": hs,
            "unit_code": st.sampled_from(["KGM", "PR", "EA"]),
            "origin_country": countries,
            "net_mass": masses,
            "product_identifiers": products(*OWN),
        },
        description=text | long,
    )
    content = draw(st.lists(piece, max_size=3))
    priced(draw, content, currency)
    record = draw(
        some(
            {
                "gross_mass": masses,
                "nature": st.sampled_from([1, 2, 3, 4, 5, 7]),
                "declared_value": amounts(),
                "postage": amounts(currency),
                "incoterm": st.sampled_from(["DAP", "DDP", "DDU"]),
                "comments": st.lists(words, min_size=1, max_size=1),
                "extensions": text.map(lambda value: [{"name": "DESCRIPTION", "value": value}]),
                "documents": codes.map(lambda number: [{"type": "INVOICE", "identifier": number}]),
            },
            parties=st.just(parties),
        )
    )
    if content:
        record["content"] = content
    return dated(draw, record)


@st.composite
def fedex(draw):
    reference = st.builds(lambda scheme, number: {"scheme": scheme, "number": number}, codes, codes)
    party = {
        "name": text,
        "company": text,
        "address": some(address(3)).filter(bool),
        "telephone": words,
        "email": words,
        "fax": words,
        "references": st.lists(reference, min_size=1, max_size=2),
    }
    roles = draw(st.lists(st.sampled_from([1, 2, 3]), unique=True).map(sorted))
    parties = [draw(some(party, role=st.just(role))) for role in roles]
    piece = some(
        {
            "hs_code": hs,
            "quantity": counts,
            "unit_code": st.sampled_from(["KGM", "PR", "EA"]),
            "origin_country": countries,
            "net_mass": masses,
            "value": amounts(),
            "product_identifiers": products("SKU"),
        },
        description=text,
    )
    content = draw(st.lists(piece, max_size=3))
    for each in content:
        if draw(st.booleans()):
            each["unit_value"] = draw(amounts())
            if "quantity" in each:
                each["quantity"] = draw(st.integers(1, 9999))
                each["value"] = quantity.times(each["unit_value"], each["quantity"])
    record = draw(
        some(
            {
                "local_identifiers": st.lists(codes, min_size=1, max_size=1),
                "gross_mass": masses,
                "nature": st.sampled_from([1, 2, 3, 4, 5, 7]),
                "declared_value": amounts(),
                "postage": amounts(),
                "incoterm": st.sampled_from(["DAP", "DDP", "FCA"]),
                "comments": st.lists(words, min_size=1, max_size=2),
                "documents": codes.map(lambda number: [{"type": "INVOICE", "identifier": number}]),
            },
            parties=st.just([each for each in parties if len(each) > 1]),
        )
    )
    if content:
        record["content"] = content
    return dated(draw, record)


@st.composite
def usps(draw):
    reference = st.builds(lambda number: [{"scheme": "TAX_CODE", "number": number}], codes)
    party = {
        "first_name": words,
        "last_name": words,
        "company": text,
        "address": some(address(2)).filter(bool),
        "telephone": words,
        "references": reference,
    }
    parties = [draw(some(party, role=st.just(role))) for role in draw(st.sampled_from([[1], [2], [1, 2]]))]
    for each in parties:
        if each["role"] == 1 and "address" in each:
            # The country is taken for granted of an address that says something else.
            each["address"] |= {"country": "US", "lines": draw(lines)}
    piece = some(
        {"hs_code": hs, "quantity": counts, "origin_country": countries, "net_mass": masses, "value": amounts("USD")},
        description=text,
    )
    content = draw(st.lists(piece, max_size=3))
    priced(draw, content, "USD")
    numbers = st.lists(st.sampled_from(["INVOICE", "LICENCE", "CERTIFICATE"]), min_size=1, unique=True)
    order = ["INVOICE", "LICENCE", "CERTIFICATE"]
    record = draw(
        some(
            {
                "gross_mass": masses,
                "nature": st.sampled_from([1, 2, 3, 4, 5, 7]),
                "nature_text": text,
                "comments": st.lists(words, min_size=1, max_size=1),
                "extensions": st.just([{"name": "RESTRICTION", "value": "QUARANTINE"}]),
                "documents": numbers.map(
                    lambda kinds: [{"type": kind, "identifier": "N1"} for kind in sorted(kinds, key=order.index)]
                ),
            },
            parties=st.just([each for each in parties if len(each) > 1]),
        )
    )
    if content:
        record["content"] = content
    return dated(draw, record)


@st.composite
def shippo(draw):
    party = {
        "name": text,
        "company": text,
        "address": some(address(3)).filter(bool),
        "telephone": words,
        "email": words,
    }
    roles = draw(st.lists(st.sampled_from([1, 2, 3]), unique=True).map(sorted))
    parties = [draw(some(party, role=st.just(role))) for role in roles]
    if 1 in roles and draw(st.booleans()):
        tax = st.builds(
            lambda scheme, number: {"scheme": scheme, "number": number}, st.sampled_from(["IOSS", "VAT"]), codes
        )
        eori = codes.map(lambda number: {"scheme": "EORI", "number": number})
        parties[0]["references"] = [draw(eori), draw(tax)]
    piece = some(
        {
            "hs_code": hs,
            "quantity": counts,
            "origin_country": countries,
            "net_mass": masses,
            "value": amounts(),
            "product_identifiers": products("SKU"),
        },
        description=text,
    )
    order = ["INVOICE", "LICENCE", "CERTIFICATE"]
    numbers = st.lists(st.sampled_from(order), min_size=1, unique=True)
    written = draw(moments).isoformat()
    record = draw(
        some(
            {
                "gross_mass": masses,
                "nature": st.sampled_from([1, 2, 3, 4, 5, 7]),
                "nature_text": text,
                "postage": amounts(),
                "incoterm": st.sampled_from(["DAP", "DDP", "DDU"]),
                "comments": st.lists(words, min_size=1, max_size=1),
                "content": st.lists(piece, min_size=1, max_size=3),
                "documents": numbers.map(
                    lambda kinds: [{"type": kind, "identifier": "N1"} for kind in sorted(kinds, key=order.index)]
                ),
            },
            parties=st.just([each for each in parties if len(each) > 1]),
            posted=st.just(moment.read_time(written)),
        )
    )
    return whole(record, {"scheme": 2, "identifier": draw(identifiers), "posting_date": written})


def ending(parts, form_id):
    *events, closed = translate.read(parts, form_id)
    assert isinstance(closed, Closed)
    return events, closed


def come_back(form, records):
    messages = [Declaration(**record) for record in records]
    data = b"".join(translate.write(form, {}, messages))
    events, closed = ending([data[at : at + 1000] for at in range(0, len(data), 1000)], form)
    assert closed.routable
    for event, written in zip(events, messages, strict=True):
        assert event.accepted, event.faults
        item = Item.FromString(event.item)
        # A sender of whom only a tax number is known comes after the recipient; the order of roles means nothing.
        item.parties.sort(key=lambda party: party.role)
        assert item == written.item
        back = Declaration.FromString(event.message)
        assert (back.function, back.key.flow) == (written.function, written.key.flow)
        assert event.canonical_hash == canonical.of_item(written.item)


@quick
@given(st.lists(dhl(), min_size=1, max_size=3))
def test_shipments_of_dhl_come_back_as_they_were_written(records):
    come_back(DHL, records)


@quick
@given(st.lists(easypost(), min_size=1, max_size=3))
def test_shipments_of_easypost_come_back_as_they_were_written(records):
    come_back(EASYPOST, records)


@quick
@given(st.lists(ups(), min_size=1, max_size=3))
def test_shipments_of_ups_come_back_as_they_were_written(records):
    come_back(UPS, records)


@given(
    st.text(st.sampled_from("ab ,"), min_size=1, max_size=60).map(str.strip).filter(bool),
    st.integers(2, 4),
    st.integers(2, 9),
)
def test_a_text_cut_in_pieces_is_whole_again_and_no_piece_is_too_long_but_the_last(words, count, size):
    pieces = Pieces(count, size)
    cut = pieces.cut(words)
    assert pieces.join(cut) == words
    assert len(cut) <= count
    assert all(0 < len(each) <= size for each in cut[:-1])
    assert len(cut[-1]) <= size or len(words) > (count - 1) * size


@quick
@given(st.lists(fedex(), min_size=1, max_size=3))
def test_shipments_of_fedex_come_back_as_they_were_written(records):
    come_back(FEDEX, records)


@quick
@given(st.lists(usps(), min_size=1, max_size=3))
def test_shipments_of_usps_come_back_as_they_were_written(records):
    come_back(USPS, records)


@quick
@given(st.lists(shippo(), min_size=1, max_size=3))
def test_shipments_of_shippo_come_back_as_they_were_written(records):
    come_back(SHIPPO, records)


def smallest(form_id):
    return (shipped().get(form_id).folder / "examples" / "smallest.json").read_bytes()


@pytest.mark.parametrize("form_id", ALL)
def test_a_document_cut_at_any_byte_says_that_it_did_not_close(form_id):
    data = smallest(form_id)
    for cut in range(data.rindex(b"}") + 1):
        events, closed = ending([data[:cut]], form_id)
        assert events == []
        assert not closed.complete
        assert [each.code for each in closed.faults] == ["JSON_TRUNCATED" if data[:cut].strip() else "DOCUMENT_EMPTY"]


@pytest.mark.parametrize("form_id", ALL)
def test_lines_cut_at_any_byte_give_those_before_and_do_not_close(form_id):
    line = json.dumps(json.loads(smallest(form_id))).encode()
    for cut in range(0, len(line), 7):
        events, closed = ending([line, b"\n", line[:cut]], form_id)
        accepted = [event for event in events if event.accepted]
        assert len(accepted) == 1
        assert len(events) == 1
        assert [each.code for each in closed.faults] == (["JSON_TRUNCATED"] if cut else [])


@quick
@given(st.data())
@pytest.mark.parametrize("form_id", ALL)
def test_a_document_with_any_byte_changed_gets_an_answer(form_id, data):
    whole_text = (shipped().get(form_id).folder / "examples" / "full.json").read_bytes()
    place = data.draw(st.integers(0, len(whole_text) - 1))
    ending([whole_text[:place] + bytes([data.draw(st.integers(0, 255))]) + whole_text[place + 1 :]], form_id)


@quick
@given(st.binary(max_size=400))
def test_any_bytes_get_an_answer(data):
    for form_id in ALL:
        ending([data], form_id)
        ending([b"[{" + data], form_id)
    translate.recognise(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@quick
@given(st.data())
@pytest.mark.parametrize("form_id", ALL)
def test_any_value_in_any_place_gets_an_answer(form_id, data):
    tree = json.loads((shipped().get(form_id).folder / "examples" / "full.json").read_bytes())
    holder = tree
    while True:
        names = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not names:
            break
        name = data.draw(st.sampled_from(names))
        if not isinstance(holder[name], dict | list) or data.draw(st.integers(0, 3)) == 0:
            holder[name] = data.draw(values)
            break
        holder = holder[name]
    ending([json.dumps(tree).encode()], form_id)
    ending([json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")], form_id)


@quick
@given(
    st.decimals(0, 999_999, places=9),
    st.sampled_from([("lb", 45_359_237, 100), ("oz", 45_359_237, 1600), ("g", 1000, 1)]),
)
def test_a_mass_is_rounded_half_up_from_its_exact_fraction(number, unit):
    name, milligrams, parts = unit
    exact = Fraction(number) * Fraction(milligrams, parts)
    read = quantity.mass_in(name).read(f"{number:f}")
    assert read.get("milligrams", 0) == math.floor(exact + Fraction(1, 2))


@quick
@given(moments, st.sampled_from(["+00:00", "-11:30", "+05:45"]))
def test_a_time_written_with_gmt_is_the_same_instant_as_its_words(moment_, zone):
    word = f"{moment_:%Y-%m-%dT%H:%M:%S}"
    with pytest.raises(Normalised) as changed:
        moment.written_as("gmt").read(f"{word} GMT{zone}")
    assert changed.value.keep == word + zone
    instant = moment.time_as("gmt").read(f"{word} GMT{zone}").get("utc_micros", 0)
    assert instant == moment.read_time(word + zone).get("utc_micros", 0)


@quick
@given(st.integers(-(10**8), 10**8), st.integers(0, 999_999_999), st.integers(1, 2**32 - 1))
def test_an_amount_times_a_count_is_exact(units, nanos, count):
    sign = -1 if units < 0 else 1
    whole = units * 10**9 + sign * nanos
    product = quantity.times({"units": units, "nanos": sign * nanos, "currency": "EUR"}, count)
    assert product.get("units", 0) * 10**9 + product.get("nanos", 0) == whole * count
    assert 0 not in product.values()


@quick
@given(st.lists(st.tuples(words, st.integers(-(10**70), 10**70)), max_size=6))
def test_names_given_twice_and_numbers_too_long_are_seen_wherever_they_are(pairs):
    text = "{" + ",".join(f"{json.dumps(name)}:{number}" for name, number in pairs) + "}"
    decoder = Decoder()
    value, end = decoder.value(text, 0)
    names = [name for name, _ in pairs]
    assert end == len(text)
    assert list(value) == list(dict.fromkeys(names))
    assert getattr(value, "names", ()) == tuple(
        dict.fromkeys(name for at, name in enumerate(names) if name in names[:at])
    )
    for name, number in dict(pairs).items():
        assert isinstance(value[name], Odd) if len(str(number)) > limit.NUMBER else value[name] == str(number)
