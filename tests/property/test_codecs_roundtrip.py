"""Whatever the record says, a format that carries it gives it back; whatever the bytes are, reading ends with an answer."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expression import agreed, carried, expressible, inherited, sayable
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.api.record.v1.referral_pb2 import ItemReferral, ItemReferralAnswer
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed, ItemRead
from parcelgate.codecs.mapping import converter, moment, target
from parcelgate.codecs.registry import shipped
from parcelgate.core import codelist
from parcelgate.core import hash as canonical
from parcelgate.core.identifier import s10_check_digit

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_XML = st.characters(
    codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cn"), exclude_characters="\ufeff"
)
words = st.text(_XML, min_size=1, max_size=12)
text = st.builds(" ".join, st.lists(words, min_size=1, max_size=3))
lines = st.builds("\n".join, st.lists(words, min_size=1, max_size=2))
countries = st.sampled_from(sorted(codelist.load("iso-3166-1").values))
currencies = st.sampled_from(sorted(codelist.load("iso-4217").values))
counts = st.integers(1, 2**32 - 1)
hs = st.sampled_from(["610910", "85183000", "9503004990", "010121"])
moments = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  the zone is given beside
masses = st.builds(lambda number: {"milligrams": number}, st.integers(1, 10**12)) | st.just({})


@st.composite
def instants(draw):
    at = draw(moments)
    if draw(st.booleans()):
        return {"utc_micros": (at - EPOCH) // timedelta(microseconds=1)}
    return moment.read_time(at.isoformat())


@st.composite
def money(draw):
    units = draw(st.integers(-(10**18) + 1, 10**18 - 1))
    nanos = draw(st.integers(0, 999_999_999)) * (-1 if units < 0 else 1)
    fields = {"currency": draw(currencies), "units": units, "nanos": nanos}
    return {name: value for name, value in fields.items() if value}


@st.composite
def keys(draw, *, posted=True):
    if draw(st.booleans()):
        serial = f"{draw(st.integers(0, 99_999_999)):08}"
        country = draw(countries)
        key = {"scheme": 1, "issuer": country, "identifier": f"RR{serial}{s10_check_digit(serial)}{country}"}
    else:
        key = {"scheme": draw(st.integers(2, 3)), "identifier": draw(st.from_regex("[A-Z0-9]{1,20}", fullmatch=True))}
        if draw(st.booleans()):
            key["issuer"] = draw(words)
        shape = converter._S10_SHAPE.fullmatch(key["identifier"])
        if shape is not None and "issuer" not in key:
            key["issuer"] = "X"
    if posted or draw(st.booleans()):
        key["posting_date"] = draw(moments).isoformat()
    return key


SPECIAL = {
    "Money": money(),
    "Mass": masses,
    "Instant": instants(),
    "Day": st.dates().map(lambda day: {"iso": day.isoformat()}),
}
FIELDS = {
    "hs_code": hs,
    "revised_hs_code": hs,
    "origin_country": countries,
    "destination_country": countries,
    "issuer_country": countries,
    "country": countries,
    "item": words,
    "comments": st.lists(lines, min_size=1, max_size=3),
    "description": lines,
}


def message(descriptor, **fixed):
    """Generate the present fields of a message; every field that is not given comes or not."""
    optional = {}
    for field in descriptor.fields:
        if field.name in fixed:
            continue
        inner = field.message_type
        if inner is None:
            value = (
                st.integers(1, len(field.enum_type.values) - 1).map(
                    lambda place, of=field.enum_type: of.values[place].number
                )
                if field.enum_type
                else {8: st.just(True), 13: counts}.get(field.type, text)
            )
            if field.name in FIELDS:
                value = FIELDS[field.name]
            elif field.is_repeated:
                value = st.lists(value, min_size=1, max_size=3)
        elif inner.name in SPECIAL:
            value = SPECIAL[inner.name]
        elif field.is_repeated:
            value = st.lists(message(inner), min_size=1, max_size=2)
        else:
            value = message(inner).filter(bool)
        optional[field.name] = value
    return st.fixed_dictionaries({name: value for name, value in fixed.items() if value is not None}, optional=optional)


def in_order(parties):
    """Parties as a document carries them: the sender, the recipient, the others."""
    first = [next((party for party in parties if party.get("role") == role), None) for role in (1, 2)]
    return [party for party in first if party] + [party for party in parties if not any(party is one for one in first)]


PARTY = target.message_of("parcelgate.api.record.v1.Party")
parties = st.lists(message(PARTY, role=st.integers(1, 7), name=text), min_size=1, max_size=5).map(in_order)
items = message(Item.DESCRIPTOR, key=keys(), parties=parties, posted=instants(), earlier_item=keys(posted=False))
declarations = st.fixed_dictionaries(
    {"function": st.integers(1, 3), "key": st.fixed_dictionaries({"flow": st.integers(1, 3)}), "item": items}
)
named = message(target.message_of("parcelgate.api.record.v1.DeclarationKey"), item=keys(posted=False), environment=None)
releases = message(
    Release.DESCRIPTOR,
    follows=None,
    declaration=message(Declaration.DESCRIPTOR, key=named, item=None),
    decision=message(
        Release.DESCRIPTOR.fields_by_name["decision"].message_type,
        code=st.sampled_from([1, 20, 25, 41, 42, 54]),
    ),
)
receptacles = st.from_regex("([A-Z]{2}[A-Z0-9]{4}){2}[A-D][UCET][A-Z][0-9]{8}[019]{2}[0-9]{4}", fullmatch=True)


def between_posts(descriptor, **fixed):
    """Generate what posts tell each other of an item, perhaps with the receptacle in which it is."""
    fields = message(descriptor, item=keys(posted=False), receptacle=None, member_state=countries, **fixed)
    return st.tuples(fields, st.just({}) | st.fixed_dictionaries({"receptacle": receptacles})).map(
        lambda both: {**both[0], **both[1]}
    )


# Records that are neither declarations nor responses.
TOLD = {
    ItemReferral: between_posts(ItemReferral.DESCRIPTOR, kind=st.integers(1, 3)),
    ItemReferralAnswer: between_posts(ItemReferralAnswer.DESCRIPTOR, referral_id=text),
}
header = st.fixed_dictionaries(
    {"interchange_reference": words, "sender": words, "recipient": words, "prepared_at": instants()},
    optional={
        "message_reference": words,
        "previous_reference": words,
        "test_indicator": st.just(True),
        "flow": st.integers(1, 3),
        "function": st.integers(1, 3),
        "customs_office": words,
        "declaring_post": words,
        "origin_post": words,
        "destination_post": words,
        "registration": words,
        "authority": words,
        "member_state": countries,
        "representative": words,
        "declarant": words,
    },
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
# Carriers' JSON can't say every value of the fields it has; test_json_roundtrip.py makes those that it can.
DECLARING = [form for form in shipped() if form.mapping.record is Declaration.DESCRIPTOR and form.syntax == "xml"]
# EDIFACT has fewer characters, and times to the second: its releases are made in test_edifact_roundtrip.py.
RELEASING = [form for form in shipped() if form.mapping.record is Release.DESCRIPTOR and form.syntax != "edifact"]
TELLING = [(form, make) for form in shipped() for make in TOLD if form.mapping.record is make.DESCRIPTOR]
CUSITM = shipped().get("upu/cusitm/own-1")
of_each = {"ids": lambda form: form.id}


def whole(event):
    declaration = Declaration.FromString(event.message)
    declaration.item.CopyFrom(Item.FromString(event.item))
    return declaration


@pytest.mark.parametrize("form", DECLARING, **of_each)
@quick
@given(header, st.lists(declarations, min_size=1, max_size=3))
def test_declarations_come_back_as_they_were_written(form, facts, records):
    facts = carried(form, facts)
    messages = [Declaration(**agreed(form, record)) for record in records]
    data = b"".join(translate.write(form.id, facts, messages))
    first, *read, closed = translate.read([data], form.id)
    assert first.values == facts
    assert closed.complete
    for event, written in zip(read, messages, strict=True):
        assert event.accepted, event.faults
        back = whole(event)
        assert expressible(form, back) == inherited(form, expressible(form, written), facts)
        assert event.canonical_hash == canonical.of_item(back.item)


@pytest.mark.parametrize("form", RELEASING, **of_each)
@quick
@given(header, st.lists(releases, min_size=1, max_size=3), st.data())
def test_releases_come_back_as_they_were_written(form, facts, records, data):
    facts = carried(form, facts)
    codes = sayable(form, "decision")
    for record in records if codes else ():
        record["decision"]["code"] = data.draw(st.sampled_from(codes))
    messages = [Release(**agreed(form, record)) for record in records]
    document = b"".join(translate.write(form.id, facts, messages))
    first, *read, closed = translate.read([document], form.id)
    assert first.values == facts
    assert closed.complete
    for event, written in zip(read, messages, strict=True):
        assert event.accepted, event.faults
        assert expressible(form, Release.FromString(event.message)) == inherited(
            form, expressible(form, written), facts
        )


@pytest.mark.parametrize(("form", "make"), TELLING, ids=[form.id for form, _ in TELLING])
@quick
@given(header, st.data())
def test_what_posts_tell_each_other_comes_back_as_it_was_written(form, make, facts, data):
    facts = carried(form, facts)
    records = data.draw(st.lists(TOLD[make], min_size=1, max_size=3))
    kinds = sayable(form, "answer")
    for answer in [each for record in records for each in record.get("answers", ()) if "kind" in each]:
        answer["kind"] = data.draw(st.sampled_from(kinds))
    messages = [make(**record) for record in records]
    document = b"".join(translate.write(form.id, facts, messages))
    first, *read, closed = translate.read([document], form.id)
    assert first.values == facts
    assert closed.complete
    for event, written in zip(read, messages, strict=True):
        assert event.accepted, event.faults
        assert event.identifier == written.item.identifier
        back = expressible(form, make.FromString(event.message))
        assert back == inherited(form, expressible(form, written), facts)


def test_every_xml_format_is_written_and_read_again_here():
    here = {form.id for form in [*DECLARING, *RELEASING, *(form for form, _ in TELLING)]}
    assert here == {form.id for form in shipped() if form.syntax == "xml"}


def passed(message, facts, *forms):
    """What is read at the end where a message is written in one format after the other, and its hash."""
    digest = ""
    for form in forms:
        data = b"".join(translate.write(form.id, facts, [message]))
        _, event, closed = translate.read([data], form.id)
        assert closed.routable
        assert event.accepted, event.faults
        message, digest = whole(event), event.canonical_hash
    return message, digest


@pytest.mark.parametrize("form", [form for form in DECLARING if form.id != CUSITM.id], **of_each)
@quick
@given(header, declarations)
def test_what_a_format_carries_keeps_its_hash_between_two_cusitms(form, facts, record):
    only_what_it_carries, digest = passed(Declaration(**agreed(form, record)), facts, CUSITM, form, CUSITM)
    message, again = passed(only_what_it_carries, facts, form, CUSITM)
    assert again == digest
    assert (message.function, message.key.flow) == (only_what_it_carries.function, only_what_it_carries.key.flow)


@quick
@given(header, declarations)
def test_a_wco_declaration_carries_all_that_a_cusitm_does(facts, record):
    message, digest = passed(Declaration(**record), facts, CUSITM)
    _, again = passed(message, facts, shipped().get("wco/declaration/own-1"), CUSITM)
    assert again == digest


def ending(parts, form_id):
    *events, closed = translate.read(parts, form_id)
    assert isinstance(closed, Closed)
    return events, closed


def example(form, name):
    (path,) = (one for one in (form.folder / "examples").glob(f"{name}.*") if one.suffix != ".toml")
    return path.read_bytes()


@pytest.mark.parametrize("form", [form for form in shipped() if form.syntax == "xml"], **of_each)
def test_a_document_cut_at_any_byte_says_that_it_did_not_close(form):
    data = example(form, "smallest")
    ends = data.rindex(b">") + 1
    end_of_item = f"</{form.mapping.item_at}>".encode()
    closing = data.index(end_of_item) + len(end_of_item)
    for cut in range(ends):
        events, closed = ending([data[:cut]], form.id)
        assert not closed.complete
        assert len([each for each in closed.faults if each.code.startswith(("XML_", "DOCUMENT_"))]) == 1
        assert len([event for event in events if isinstance(event, ItemRead)]) == (cut >= closing)


@pytest.mark.parametrize("form", list(shipped()), **of_each)
@quick
@given(st.data())
def test_a_document_with_any_byte_changed_gets_an_answer(form, data):
    text = example(form, "full")
    place = data.draw(st.integers(0, len(text) - 1))
    ending([text[:place] + bytes([data.draw(st.integers(0, 255))]) + text[place + 1 :]], form.id)


@quick
@given(st.binary(max_size=400))
def test_any_bytes_get_an_answer(data):
    for form in shipped():
        ending([data], form.id)
    translate.recognise(data)


@quick
@given(declarations)
def test_the_hash_does_not_depend_on_the_order_of_parties_of_different_roles(record):
    item = Item(**record["item"])
    one_each = {party.role: party for party in item.parties}
    hashes = set()
    for order in itertools.islice(itertools.permutations(one_each.values()), 6):
        del item.parties[:]
        item.parties.extend(order)
        hashes.add(canonical.of_item(item))
    assert len(hashes) == 1
