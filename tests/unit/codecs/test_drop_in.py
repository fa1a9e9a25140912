"""A foreign format dropped in as a folder: schemas and documents that nobody here designed, a mapping, and no line of Python.

The WCO declarations and responses that HM Revenue & Customs publishes are not part of the project; without them these tests are skipped. They
are looked for in PARCELGATE_PUBLIC_DATA, or in ../shared/data beside the checkout.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
from lxml import etree

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs import translate
from parcelgate.codecs.event import ItemRead
from parcelgate.codecs.registry import Registry
from parcelgate.core import resource

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("PARCELGATE_PUBLIC_DATA", ROOT.parent / "shared" / "data")) / "wco-declarations"
DECLARATIONS = sorted((DATA / "declarations").glob("*.xml"))
RESPONSES = sorted((DATA / "responses").glob("*.xml"))
FORMAT = "wco/declaration/dms-2"
RESPONSE = "wco/response/dms-2"
pytestmark = pytest.mark.skipif(not DECLARATIONS, reason="public data: the WCO declarations are not here")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    place = folder / FORMAT
    shutil.copytree(ROOT / "tests" / "dropin" / FORMAT, place)
    shutil.copytree(DATA / "schemas" / "declaration", place, dirs_exist_ok=True)
    place = folder / RESPONSE
    shutil.copytree(ROOT / "tests" / "dropin" / RESPONSE, place)
    # The schemas of responses take in those of declarations from the folder beside them.
    shutil.copytree(DATA / "schemas", place, dirs_exist_ok=True)
    return Registry(resource.schemas(), folder)


def read(data, form, registry):
    header, *items, closed = translate.read([data], form, registry=registry)
    return header, items, closed


def records(items):
    found = []
    for item in items:
        assert isinstance(item, ItemRead)
        assert item.accepted, item.faults
        declaration = Declaration.FromString(item.message)
        declaration.item.CopyFrom(Item.FromString(item.item))
        found.append(declaration)
    return found


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: path.stem)
def test_a_real_declaration_is_read_to_its_last_field(path, registry):
    data = path.read_bytes()
    assert translate.recognise(data, registry=registry) == FORMAT
    header, items, closed = read(data, FORMAT, registry)
    assert header.values["type_name"] == "DEC"
    assert closed.routable
    assert closed.accepted == 1
    assert [fault for fault in items[0].faults if fault.severity == SEVERITY_ERROR] == []
    assert closed.ledger.unknown == {}


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: path.stem)
def test_a_real_declaration_is_written_as_a_valid_one_that_says_the_same(path, registry):
    header, items, _ = read(path.read_bytes(), FORMAT, registry)
    written = b"".join(translate.write(FORMAT, header.values, records(items), registry=registry))
    schema = etree.XMLSchema(etree.parse(str(registry.get(FORMAT).folder / "driver.xsd")))
    assert schema.validate(etree.fromstring(written)), schema.error_log
    again, repeated, closed = read(written, FORMAT, registry)
    assert closed.routable
    assert again.values == header.values
    assert records(repeated)[0].item == records(items)[0].item


@pytest.mark.parametrize(
    ("form", "date"), [("upu/cusitm/own-1", "PostingDt"), ("wco/declaration/own-1", "PostingDate")]
)
@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: path.stem)
def test_a_real_declaration_becomes_one_of_ours_and_lacks_the_posting_date_of_an_item_at_most(
    path, form, date, registry
):
    _, items, _ = read(path.read_bytes(), FORMAT, registry)
    facts = {"interchange_reference": path.stem}
    found = records(items)
    dated = bool(found[0].item.key.posting_date)
    ours = b"".join(translate.write(form, facts, found, registry=registry))
    _, repeated, closed = read(ours, form, registry)
    assert closed.complete
    assert repeated[0].accepted == dated
    if dated:
        assert repeated[0].canonical_hash == items[0].canonical_hash
    else:
        errors = [fault for fault in repeated[0].faults if fault.severity == SEVERITY_ERROR]
        assert [(fault.code, fault.address.rpartition("/")[2]) for fault in errors] == [("KEY_MISSING", date)]


@pytest.mark.parametrize(("unit", "milligrams"), [("KGM", 2_000_000), ("GRM", 2000), ("LBR", 907_185), ("STI", 0)])
def test_a_mass_is_read_in_its_unit_and_one_in_an_unknown_unit_is_not_read(unit, milligrams, registry):
    data = next(path for path in DECLARATIONS if "<GrossMassMeasure" in path.read_text("utf-8")).read_text("utf-8")
    data = re.sub("<GrossMassMeasure[^<]*<", f'<GrossMassMeasure unitCode="{unit}">2<', data, count=1)
    _, items, closed = read(data.encode(), FORMAT, registry)
    assert records(items)[0].item.content[0].gross_mass.milligrams == milligrams
    assert closed.ledger.unknown == {}


def test_what_is_wrong_is_said_in_the_words_of_the_foreign_format(registry):
    data = next(path for path in DECLARATIONS if path.stem == "TT_IM011a").read_text("utf-8")
    data = data.replace("<TypeCode>IMK</TypeCode>", "<TypeCode>IMK</TypeCode><Colour>red</Colour>", 1)
    data = data.replace("<GoodsItemQuantity>1<", "<GoodsItemQuantity>one<", 1)
    data = data.replace("<FunctionCode>9<", "<FunctionCode>7<", 1)
    _, items, _ = read(data.encode(), FORMAT, registry)
    assert {(fault.code, fault.address) for fault in items[0].faults} == {
        ("FIELD_UNKNOWN", "/MetaData/Declaration[1]/Colour"),
        ("FIELD_VALUE", "/MetaData/Declaration[1]/GoodsItemQuantity"),
        ("CODE_UNKNOWN", "/MetaData/Declaration[1]/FunctionCode"),
    }


@pytest.mark.parametrize("path", RESPONSES, ids=lambda path: path.stem)
def test_a_real_response_is_read_although_it_leaves_all_namespaces_out(path, registry):
    data = path.read_bytes()
    assert translate.recognise(data, registry=registry) == RESPONSE
    header, (item,), closed = read(data, RESPONSE, registry)
    assert header.values["type_name"] == "RES"
    assert closed.routable
    assert item.faults == []
    assert closed.ledger.unknown == {}
    release = Release.FromString(item.message)
    assert release.decision.reasons[0].code == etree.fromstring(data).findtext("Response/FunctionCode")
    assert release.declaration.key.item.identifier
    assert release.decision.authority_reference


@pytest.mark.parametrize("path", RESPONSES, ids=lambda path: path.stem)
def test_a_real_response_is_written_with_its_namespaces_and_says_the_same(path, registry):
    header, (item,), _ = read(path.read_bytes(), RESPONSE, registry)
    release = Release.FromString(item.message)
    written = b"".join(translate.write(RESPONSE, header.values, [release], registry=registry))
    schema = etree.XMLSchema(etree.parse(str(registry.get(RESPONSE).folder / "driver.xsd")))
    assert schema.validate(etree.fromstring(written)), schema.error_log
    again, (repeated,), closed = read(written, RESPONSE, registry)
    assert closed.routable
    assert again.values == header.values
    assert Release.FromString(repeated.message) == release


def test_duties_of_a_real_response_are_those_it_states(registry):
    path = next(path for path in RESPONSES if "DMSTAX" in path.stem)
    _, (item,), _ = read(path.read_bytes(), RESPONSE, registry)
    duties = Release.FromString(item.message).decision.duties
    assert [(duty.type, duty.rate, duty.amount.units, duty.amount.currency) for duty in duties] == [
        ("A00", "2.70", 270, "GBP"),
        ("B00", "20.00", 2054, "GBP"),
    ]
