"""A carrier's own dialect as a request: what is agreed, what is the same, and where a field of the record stands in it."""

import json

import pytest

from format_folders import variant
from parcelgate.carrier.dialect import read_dialect
from parcelgate.carrier.shipment import check_line
from parcelgate.codecs.registry import shipped
from parcelgate.core.partner import Partner
from parcelgate.core.port import RejectError

DHL, EASYPOST = "carrier/dhl-mydhl/2.7.2", "carrier/easypost/v2"


def read(form, document=None, name="full", agreed=(DHL, EASYPOST), request_id="", registry=None):
    carrier = Partner("one", "1", "One", "CARRIER", "test", "US", formats_in=agreed)
    found = registry or shipped()
    if document is None:
        document = json.loads((shipped().get(form).folder / "examples" / f"{name}.json").read_text("utf-8"))
    return read_dialect(json.dumps(document).encode(), carrier, request_id, found)


@pytest.mark.parametrize(
    ("form", "path", "pointer"),
    [
        (DHL, "key.identifier", "/customerReferences"),
        (DHL, "key.posting_date", "/plannedShippingDateAndTime"),
        (DHL, "content[1].hs_code", "/content/exportDeclaration/lineItems/1/commodityCodes"),
        (DHL, "content[1].unit_value", "/content/exportDeclaration/lineItems/1/price"),
        (DHL, "parties", "/customerDetails"),
        (EASYPOST, "key.identifier", "/reference"),
        (EASYPOST, "content[0].value", "/customs_info/customs_items/0/value"),
        (EASYPOST, "content[0].origin_country", "/customs_info/customs_items/0/origin_country"),
        # The dialect has none: it is a matter of the shipment.
        (EASYPOST, "insured_value", ""),
    ],
)
def test_a_field_of_the_record_is_addressed_where_the_dialect_has_it(form, path, pointer):
    one = json.loads((shipped().get(form).folder / "examples" / "smallest.json").read_text("utf-8"))
    request = read(form, [one, one])
    assert request.spelling(f"shipments[1].item.{path}") == f"/1{pointer}"


def test_without_a_request_id_the_bytes_are_the_request():
    first, again, other = read(EASYPOST), read(EASYPOST), read(EASYPOST, name="smallest")
    assert first.id == again.id != other.id
    assert first.digest == again.digest != other.digest
    assert read(EASYPOST, request_id="order-77").id == "order-77"


def test_what_is_refused_without_an_item_keeps_its_place_and_its_faults():
    one = json.loads((shipped().get(EASYPOST).folder / "examples" / "smallest.json").read_text("utf-8"))
    nameless = {name: value for name, value in one.items() if name != "reference"}
    request = read(EASYPOST, [nameless, one])
    assert [len(line.item.content) for line in request.lines()] == [0, 1]
    assert list(request.refused) == [0]
    assert [(each.code, each.address) for each in request.line_faults[0]] == [("KEY_MISSING", "/0/reference")]


def test_a_defect_is_said_once_and_where_it_is_known_best():
    one = json.loads((shipped().get(DHL).folder / "examples" / "smallest.json").read_text("utf-8"))
    one["customerDetails"]["shipperDetails"]["postalAddress"]["countryCode"] = "QX"
    request = read(DHL, [one])
    (line,) = request.lines()
    checked = check_line(line, request, "one", "test", 100)
    assert [(each.code, each.address) for each in checked.findings.faults] == [
        ("COUNTRY_UNKNOWN", "/0/customerDetails/shipperDetails/postalAddress/countryCode")
    ]
    assert checked.line.item.key.issuer == "one"


def test_only_first_declarations_come_in_by_a_dialect(tmp_path):
    amends = '[item]\nrows = [{ to = "function", value = "AMEND" }]\n'
    variant(tmp_path, amends, extends=EASYPOST, name="one/easypost/1")
    registry = shipped(tmp_path)
    assert registry.refused == {}
    request = read(EASYPOST, name="smallest", agreed=("one/easypost/1",), registry=registry)
    assert request.format == "one/easypost/1"
    (wrong,) = request.line_faults[0]
    assert (wrong.code, list(request.refused)) == ("FUNCTION_NOT_TAKEN", [0])


def test_a_format_that_carries_no_shipments_is_refused_even_if_it_is_agreed():
    cusrsp = shipped().get("upu/cusrsp/own-1")
    raw = (cusrsp.folder / "examples" / "smallest.xml").read_bytes()
    carrier = Partner("one", "1", "One", "CARRIER", "test", "US", formats_in=(cusrsp.id,))
    with pytest.raises(RejectError) as caught:
        read_dialect(raw, carrier, "", shipped())
    assert [one.code for one in caught.value.faults] == ["RECORD_NOT_TAKEN"]
