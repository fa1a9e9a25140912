"""The known traps of carriers' dialects, by their numbers; each number is that of the list in the comment beside it."""

import json
from decimal import Decimal

import pytest

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import (
    NATURE_OF_TRANSACTION_DOCUMENTS,
    NATURE_OF_TRANSACTION_GIFT,
    NATURE_OF_TRANSACTION_UNSPECIFIED,
    Item,
)
from parcelgate.codecs import translate
from parcelgate.codecs.event import ItemRead
from parcelgate.codecs.registry import shipped

DHL, EASYPOST = "carrier/dhl-mydhl/2.7.2", "carrier/easypost/v2"
UPS, FEDEX = "carrier/ups-shipping/v2403", "carrier/fedex-ship/v1"
USPS, SHIPPO = "carrier/usps-international/v3", "carrier/shippo/v1"


def shipment(form, change=None):
    text = (shipped().get(form).folder / "examples" / "smallest.json").read_text("utf-8")
    tree = json.loads(text)
    if change is not None:
        change(tree)
    return json.dumps(tree).encode()


def read(form, data):
    event, closed = [event for event in translate.read([data], form) if not isinstance(event, dict)]
    assert isinstance(event, ItemRead)
    item = Item.FromString(event.item) if event.accepted else None
    return item, [(fault.code, fault.address) for fault in (*event.faults, *closed.faults)]


def write(form, item):
    return json.loads(b"".join(translate.write(form, {}, [Declaration(item=item)])))


def dhl_line(line, **content):
    def change(tree):
        tree["content"] |= {"isCustomsDeclarable": True, "declaredValueCurrency": "EUR"} | content
        tree["content"]["exportDeclaration"] = {"lineItems": [{"number": 1, "description": "shirts"} | line]}

    return shipment(DHL, change)


def easypost_line(line):
    def change(tree):
        tree["customs_info"]["customs_items"] = [{"description": "shirts", "quantity": 3} | line]

    return shipment(EASYPOST, change)


def forms_of(tree):
    return tree["ShipmentRequest"]["Shipment"]["ShipmentServiceOptions"]["InternationalForms"]


def ups_line(line):
    return shipment(UPS, lambda tree: forms_of(tree)["Product"].update(line))


def usps_line(line):
    return shipment(USPS, lambda tree: tree["customsForm"]["contents"][0].update(line))


@pytest.mark.parametrize(("unit", "total", "agree"), [(11.77, 35.3, True), (35.3, 35.3, False)])
def test_trap_1_price_and_total_of_usps_must_agree_within_rounding(unit, total, agree):
    item, faults = read(USPS, usps_line({"itemValue": unit, "itemTotalValue": total}))
    assert faults == ([] if agree else [("TOTAL_DISAGREES", "/customsForm/contents/0/itemTotalValue")])
    assert (item.content[0].value.units, item.content[0].value.nanos) == (35, 300_000_000)


@pytest.mark.parametrize(("unit", "milligrams"), [("lb", 907_185), ("oz", 56_699), ("kg", 2_000_000), ("st", 0)])
def test_trap_2_the_unit_of_usps_is_that_beside_the_weight_and_the_total_counts(unit, milligrams):
    item, faults = read(USPS, usps_line({"weightUOM": unit, "itemWeight": 1, "itemTotalWeight": 2}))
    assert item.content[0].net_mass.milligrams == milligrams
    assert item.gross_mass.milligrams == 340_194
    assert [each[0] for each in faults] == ([] if milligrams else ["CODE_UNKNOWN"])


def test_trap_5_the_currency_of_usps_is_dollars_as_a_default_and_no_other_is_written():
    item, _ = read(USPS, shipment(USPS))
    assert {item.content[0].value.currency, item.content[0].unit_value.currency} == {"USD"}
    *_, closed = translate.read([shipment(USPS)], USPS)
    assert sum(closed.ledger.defaulted.values()) == 3
    item.content[0].value.currency = "EUR"
    with pytest.raises(translate.NotWritten) as caught:
        write(USPS, item)
    assert caught.value.fault.code == "VALUE_NOT_WRITABLE"


def test_trap_5_the_sender_of_usps_is_in_the_united_states_if_there_is_an_address_at_all():
    item, _ = read(USPS, shipment(USPS))
    assert (item.parties[0].role, item.parties[0].address.country, item.origin_country) == (2, "NZ", "US")
    item, _ = read(USPS, shipment(USPS, lambda tree: tree.pop("fromAddress")))
    assert ([each.role for each in item.parties], item.origin_country) == ([2], "")
    item, _ = read(USPS, shipment(USPS))
    item.parties[1].address.country = item.origin_country = "CA"
    with pytest.raises(translate.NotWritten):
        write(USPS, item)


@pytest.mark.parametrize(("name", "wanted"), [("countryofOrigin", "JP"), ("countryOfOrigin", "")])
def test_trap_7_the_country_of_origin_of_usps_has_a_small_of(name, wanted):
    def change(tree):
        del tree["customsForm"]["contents"][0]["countryofOrigin"]
        tree["customsForm"]["contents"][0][name] = "JP"

    item, faults = read(USPS, shipment(USPS, change))
    assert item.content[0].origin_country == wanted
    assert faults == ([] if wanted else [("FIELD_UNKNOWN", f"/customsForm/contents/0/{name}")])


def test_trap_9_one_or_many_of_usps_read_alike():
    def change(tree):
        tree["packageDescription"]["customerReference"] = tree["packageDescription"]["customerReference"][0]
        tree["customsForm"]["contents"] = tree["customsForm"]["contents"][0]

    assert read(USPS, shipment(USPS, change)) == read(USPS, shipment(USPS))


def test_trap_12_what_usps_insures_is_not_the_customs_value():
    options = {"packageValue": 500}
    item, faults = read(USPS, shipment(USPS, lambda tree: tree["packageDescription"].update(packageOptions=options)))
    assert (item.HasField("declared_value"), item.HasField("insured_value"), faults) == (False, False, [])


def shippo_line(line):
    return shipment(SHIPPO, lambda tree: tree["customs_declaration"]["items"][0].update(line))


def test_trap_1_value_and_weight_of_shippo_are_those_of_the_line():
    line = {"quantity": 3, "value_amount": "35.00", "value_currency": "EUR", "net_weight": "0.6", "mass_unit": "kg"}
    item, faults = read(SHIPPO, shippo_line(line))
    (piece,) = item.content
    assert (piece.value.units, piece.value.currency, piece.HasField("unit_value"), faults) == (35, "EUR", False, [])
    assert piece.net_mass.milligrams == 600_000
    assert write(SHIPPO, item)["customs_declaration"]["items"][0].items() >= line.items() - {("net_weight", "0.6")}


@pytest.mark.parametrize(("unit", "milligrams"), [("kg", 2_000_000), ("g", 2000), ("lb", 907_185), ("oz", 56_699)])
def test_trap_2_the_unit_of_shippo_stands_beside_each_weight(unit, milligrams):
    (piece,) = read(SHIPPO, shippo_line({"net_weight": "2", "mass_unit": unit}))[0].content
    assert piece.net_mass.milligrams == milligrams
    parcels = [{"weight": "2", "mass_unit": unit}, {"weight": "1", "mass_unit": "kg"}]
    item, faults = read(SHIPPO, shipment(SHIPPO, lambda tree: tree.update(parcels=parcels)))
    assert (item.gross_mass.milligrams, faults) == (milligrams + 1_000_000, [])


@pytest.mark.parametrize("before", [True, False])
def test_trap_7_the_tariff_number_of_shippo_wins_over_the_hs_code_wherever_it_stands(before):
    codes = {"tariff_number": "4911.99", "hs_code": "490900"}

    def change(tree):
        (line,) = tree["customs_declaration"]["items"]
        del line["tariff_number"]
        line |= codes if before else dict(reversed(codes.items()))

    item, faults = read(SHIPPO, shipment(SHIPPO, change))
    assert (item.content[0].hs_code, faults) == ("491199", [])
    item, _ = read(SHIPPO, shippo_line({"tariff_number": None, "hs_code": "490900"}))
    assert item.content[0].hs_code == "490900"
    assert write(SHIPPO, item)["customs_declaration"]["items"][0]["tariff_number"] == "490900"


@pytest.mark.parametrize("kind", ["EIN", "VAT", "IOSS", "ARN"])
def test_trap_8_a_tax_number_of_shippo_keeps_its_label(kind):
    exporter = {"eori_number": "FR1", "tax_id": {"number": "N1", "type": kind}}
    data = shipment(SHIPPO, lambda tree: tree["customs_declaration"].update(exporter_identification=exporter))
    item, faults = read(SHIPPO, data)
    assert [(each.scheme, each.number) for each in item.parties[0].references] == [("EORI", "FR1"), (kind, "N1")]
    assert faults == []
    assert write(SHIPPO, item)["customs_declaration"]["exporter_identification"] == exporter


def test_trap_9_one_or_many_of_shippo_read_alike():
    def change(tree):
        tree["parcels"] = tree["parcels"][0]
        tree["customs_declaration"]["items"] = tree["customs_declaration"]["items"][0]

    assert read(SHIPPO, shipment(SHIPPO, change)) == read(SHIPPO, shipment(SHIPPO))


def test_trap_12_what_shippo_insures_is_not_the_customs_value():
    insured = {"amount": "500", "currency": "USD"}
    item, faults = read(SHIPPO, shipment(SHIPPO, lambda tree: tree["extra"].update(insurance=insured)))
    assert (item.HasField("declared_value"), item.HasField("insured_value"), faults) == (False, False, [])


def fedex_line(line):
    return shipment(
        FEDEX, lambda tree: tree["requestedShipment"]["customsClearanceDetail"]["commodities"][0].update(line)
    )


AMOUNT = "/requestedShipment/customsClearanceDetail/commodities/0/customsValue/amount"


@pytest.mark.parametrize(
    ("currency", "quantity", "unit", "total", "agree"),
    [
        ("USD", 125, 12.45, "1556.25", True),
        ("USD", 3, "3.33", "10.00", True),
        ("USD", 3, "3.33", "10.02", False),
        ("USD", 2, 12.45, "12.45", False),
        ("JPY", 3, 333, "1000", True),
        ("JPY", 3, 333, "1001", False),
        ("KWD", 3, "3.333", "10.000", True),
        ("KWD", 3, "3.333", "10.010", False),
        ("USD", 0, "3.33", "10.00", True),
    ],
)
def test_trap_1_and_4_price_and_total_of_fedex_must_agree_within_rounding_of_the_minor_unit(
    currency, quantity, unit, total, agree
):
    line = {
        "unitPrice": {"amount": unit, "currency": currency},
        "customsValue": {"amount": total, "currency": currency},
    }
    item, faults = read(FEDEX, fedex_line(line | {"quantity": quantity}))
    assert faults == ([] if agree else [("TOTAL_DISAGREES", AMOUNT)])
    (piece,) = item.content
    assert Decimal(piece.value.units) + Decimal(piece.value.nanos).scaleb(-9) == Decimal(total)
    assert Decimal(piece.unit_value.units) + Decimal(piece.unit_value.nanos).scaleb(-9) == Decimal(str(unit))


def test_trap_1_price_and_total_of_fedex_in_two_currencies_do_not_agree():
    item, faults = read(FEDEX, fedex_line({"customsValue": {"amount": "8.79", "currency": "EUR"}}))
    assert faults == [("TOTAL_DISAGREES", AMOUNT)]
    assert (item.content[0].value.currency, item.content[0].unit_value.currency) == ("EUR", "USD")


def test_trap_1_the_total_of_fedex_is_computed_where_it_is_absent_and_written_beside_the_price():
    item, faults = read(FEDEX, fedex_line({"customsValue": None}))
    assert (item.content[0].value.units, item.content[0].value.nanos, faults) == (8, 790_000_000, [])
    (line,) = write(FEDEX, item)["requestedShipment"]["customsClearanceDetail"]["commodities"]
    assert (line["unitPrice"], line["customsValue"]) == (
        {"amount": 2.93, "currency": "USD"},
        {"amount": 8.79, "currency": "USD"},
    )


def test_trap_1_a_total_that_does_not_divide_is_written_as_fedex_without_a_price():
    item, _ = read(EASYPOST, easypost_line({"value": "35"}))
    item.key.posting_date = "2026-11-03"
    (line,) = write(FEDEX, item)["requestedShipment"]["customsClearanceDetail"]["commodities"]
    assert line["customsValue"] == {"amount": 35.0, "currency": "USD"}
    assert "unitPrice" not in line


@pytest.mark.parametrize(("units", "milligrams"), [("KG", 2_000_000), ("LB", 907_185)])
def test_trap_2_the_unit_of_fedex_stands_beside_each_weight(units, milligrams):
    weight = {"units": units, "value": 2}
    (piece,) = read(FEDEX, fedex_line({"weight": weight}))[0].content
    assert piece.net_mass.milligrams == milligrams

    def change(tree):
        packages = [{"weight": weight}, {"weight": {"units": "KG", "value": 1}}]
        tree["requestedShipment"]["requestedPackageLineItems"] = packages

    assert read(FEDEX, shipment(FEDEX, change))[0].gross_mass.milligrams == milligrams + 1_000_000


def test_trap_3_amounts_of_fedex_are_exact_as_numbers_and_as_texts():
    line = {"unitPrice": {"amount": 0.1, "currency": "USD"}, "customsValue": {"amount": "0.3", "currency": "USD"}}
    item, faults = read(FEDEX, fedex_line(line))
    assert (item.content[0].unit_value.nanos, item.content[0].value.nanos, faults) == (100_000_000, 300_000_000, [])


@pytest.mark.parametrize("kind", ["IOSS", "EORI", "BUSINESS_UNION"])
def test_trap_8_a_tax_number_of_fedex_keeps_its_label(kind):
    tins = [{"tinType": kind, "number": "IM0123456789"}]
    item, faults = read(FEDEX, shipment(FEDEX, lambda tree: tree["requestedShipment"]["shipper"].update(tins=tins)))
    (found,) = item.parties[0].references
    assert (found.scheme, found.number, faults) == (kind, "IM0123456789", [])
    assert write(FEDEX, item)["requestedShipment"]["shipper"]["tins"] == tins


def test_trap_9_the_recipient_of_fedex_is_the_first_of_an_array_or_stands_alone():
    def alone(tree):
        tree["requestedShipment"]["recipients"] = tree["requestedShipment"]["recipients"][0]

    def two(tree):
        tree["requestedShipment"]["recipients"].append({"contact": {"personName": "Somebody Else"}})

    usual = read(FEDEX, shipment(FEDEX))
    assert read(FEDEX, shipment(FEDEX, alone)) == usual
    assert read(FEDEX, shipment(FEDEX, two)) == usual
    assert isinstance(write(FEDEX, usual[0])["requestedShipment"]["recipients"], list)


@pytest.mark.parametrize("written", ["2026-11-03T10:15:00Z", "11/03/2026", "20261103"])
def test_trap_10_a_date_of_fedex_is_a_plain_day(written):
    item, faults = read(FEDEX, shipment(FEDEX, lambda tree: tree["requestedShipment"].update(shipDatestamp=written)))
    assert ("TIME_UNREADABLE", "/requestedShipment/shipDatestamp") in faults
    assert item.key.posting_date == written


def test_trap_12_what_fedex_insures_is_not_the_customs_value():
    declared = {"amount": 500, "currency": "USD"}

    def change(tree):
        tree["requestedShipment"]["totalDeclaredValue"] = declared
        tree["requestedShipment"]["requestedPackageLineItems"][0]["declaredValue"] = declared

    item, faults = read(FEDEX, shipment(FEDEX, change))
    assert (item.HasField("declared_value"), item.HasField("insured_value"), faults) == (False, False, [])


def test_trap_13_documents_of_fedex_need_no_lines():
    def change(tree):
        clearance = tree["requestedShipment"]["customsClearanceDetail"]
        del clearance["commodities"], clearance["commercialInvoice"]["shipmentPurpose"]
        clearance["isDocumentOnly"] = True

    item, faults = read(FEDEX, shipment(FEDEX, change))
    assert (item.nature, list(item.content), faults) == (NATURE_OF_TRANSACTION_DOCUMENTS, [], [])
    assert write(FEDEX, item)["requestedShipment"]["customsClearanceDetail"]["isDocumentOnly"] is True


def test_trap_1_the_value_of_ups_is_that_of_one_piece_with_six_decimals_and_a_text():
    item, faults = read(UPS, ups_line({"Unit": {"Number": "3", "Value": "3.333333"}}))
    (piece,) = item.content
    assert (piece.value.units, piece.value.nanos, piece.value.currency, faults) == (9, 999_999_000, "USD", [])
    unit = forms_of(write(UPS, item))["Product"][0]["Unit"]
    assert unit == {"Number": "3", "UnitOfMeasurement": {"Code": "PCS"}, "Value": "3.333333"}


@pytest.mark.parametrize(("code", "milligrams"), [("KGS", 2_000_000), ("LBS", 907_185), ("OZS", 56_699)])
def test_trap_2_each_package_of_ups_has_a_unit_of_its_own(code, milligrams):
    weight = {"UnitOfMeasurement": {"Code": code}, "Weight": "2"}

    def change(tree):
        packages = [{"PackageWeight": weight}, {"PackageWeight": weight | {"UnitOfMeasurement": {"Code": "KGS"}}}]
        tree["ShipmentRequest"]["Shipment"]["Package"] = packages

    item, faults = read(UPS, shipment(UPS, change))
    assert (item.gross_mass.milligrams, faults) == (milligrams + 2_000_000, [])


def test_trap_2_a_weight_of_ups_without_a_known_unit_is_not_guessed():
    weight = {"UnitOfMeasurement": {"Code": "STN"}, "Weight": "2"}
    item, faults = read(UPS, ups_line({"ProductWeight": weight}))
    assert [each[0] for each in faults] == ["CODE_UNKNOWN"]
    assert not item.content[0].HasField("net_mass")


def test_trap_1_a_unit_price_becomes_the_value_of_the_line_and_a_line_total_stays_one():
    (item, faults) = read(DHL, dhl_line({"price": 3.333333, "quantity": {"value": 3}}))
    assert faults == []
    (piece,) = item.content
    assert (piece.value.units, piece.value.nanos) == (9, 999_999_000)
    assert (piece.unit_value.units, piece.unit_value.nanos) == (3, 333_333_000)
    assert {piece.value.currency, piece.unit_value.currency} == {"EUR"}
    (piece,) = read(EASYPOST, easypost_line({"value": "35.0"}))[0].content
    assert (piece.value.units, piece.HasField("unit_value")) == (35, False)


def test_trap_1_a_total_is_written_as_a_unit_price_where_it_divides_and_refused_where_it_does_not():
    item, _ = read(EASYPOST, easypost_line({"value": "36"}))
    line = write(DHL, item)["content"]["exportDeclaration"]["lineItems"][0]
    assert (line["price"], line["quantity"]["value"]) == (12.0, 3)
    item, _ = read(EASYPOST, easypost_line({"value": "35"}))
    with pytest.raises(translate.NotWritten) as caught:
        write(DHL, item)
    assert caught.value.fault.code == "VALUE_NOT_WRITABLE"


@pytest.mark.parametrize(
    ("unit", "weight", "milligrams"),
    [("metric", 1.25, 1_250_000), ("imperial", 1, 453_592), (None, 1.25, 1_250_000)],
)
@pytest.mark.parametrize("before", [True, False])
def test_trap_2_the_unit_of_a_weight_is_that_of_the_document_wherever_it_stands(unit, weight, milligrams, before):
    def change(tree):
        del tree["content"]["unitOfMeasurement"]
        said = {} if unit is None else {"unitOfMeasurement": unit}
        rest = tree["content"] | {"packages": [{"weight": weight}]}
        tree["content"] = said | rest if before else rest | said

    item, faults = read(DHL, shipment(DHL, change))
    assert (item.gross_mass.milligrams, faults) == (milligrams, [])


def test_trap_2_an_unknown_unit_is_not_guessed():
    item, faults = read(DHL, dhl_line({"weight": {"netValue": 1}}, unitOfMeasurement="stone"))
    assert faults == [("CODE_UNKNOWN", "/content/unitOfMeasurement")]
    assert not item.HasField("gross_mass")
    assert not item.content[0].HasField("net_mass")


def test_trap_2_ounces_become_milligrams_and_all_packages_count():
    item, _ = read(EASYPOST, easypost_line({"weight": 14.125}))
    assert item.content[0].net_mass.milligrams == 400_437
    item, _ = read(DHL, shipment(DHL, lambda tree: tree["content"].update(packages=[{"weight": 0.1}, {"weight": 0.2}])))
    assert item.gross_mass.milligrams == 300_000


@pytest.mark.parametrize(
    ("price", "units", "nanos"),
    [
        ("0.1", 0, 100_000_000),
        ("1e2", 100, 0),
        ("12345678901234567.89", 12345678901234567, 890_000_000),
        ('"19.90"', 19, 900_000_000),
    ],
)
def test_trap_3_money_is_exact_whether_number_or_text(price, units, nanos):
    data = dhl_line({"price": "PRICE", "quantity": {"value": 1}}).replace(b'"PRICE"', price.encode())
    item, faults = read(DHL, data)
    assert faults == []
    assert (item.content[0].value.units, item.content[0].value.nanos) == (units, nanos)


@pytest.mark.parametrize(("currency", "value", "nanos"), [("JPY", "1500", 0), ("KWD", "1500.125", 125_000_000)])
def test_trap_4_an_amount_is_never_taken_for_minor_units(currency, value, nanos):
    item, _ = read(EASYPOST, easypost_line({"value": value, "currency": currency}))
    money = item.content[0].value
    assert (money.currency, money.units, money.nanos) == (currency, 1500, nanos)


def test_trap_5_the_default_currency_is_counted_as_a_default_and_makes_no_amount():
    item, _ = read(EASYPOST, easypost_line({"value": 2}))
    assert item.content[0].value.currency == "USD"
    *_, closed = translate.read([easypost_line({"value": 2})], EASYPOST)
    assert closed.ledger.defaulted == {"line/currency": 1}
    item, _ = read(EASYPOST, easypost_line({}))
    assert not item.content[0].HasField("value")


def test_trap_6_a_text_at_or_beyond_its_limit_is_kept_whole_in_both_directions():
    words = "cotton t-shirts, knitted, " * 30
    item, _ = read(DHL, dhl_line({"description": words}))
    assert item.content[0].description == words.strip()
    assert write(DHL, item)["content"]["exportDeclaration"]["lineItems"][0]["description"] == words.strip()


@pytest.mark.parametrize(
    ("written", "code", "wanted"),
    [
        ('"6109.10.00.10"', "6109100010", []),
        ('"6109 10"', "610910", []),
        ("61091000", "61091000", []),
        ("10121", "10121", ["HS_MALFORMED"]),
        ('"0101.21"', "010121", []),
        ('"6109"', "6109", ["HS_MALFORMED"]),
    ],
)
def test_trap_7_an_hs_code_is_digits_and_one_that_lost_its_zero_as_a_number_is_told(written, code, wanted):
    item, faults = read(EASYPOST, easypost_line({"hs_tariff_number": "HS"}).replace(b'"HS"', written.encode()))
    assert item.content[0].hs_code == code
    assert [each[0] for each in faults] == wanted


@pytest.mark.parametrize("inbound_first", [True, False])
def test_trap_7_the_inbound_code_is_taken_wherever_it_stands(inbound_first):
    codes = [{"typeCode": "inbound", "value": "6109100010"}, {"typeCode": "outbound", "value": "610910"}]
    item, _ = read(DHL, dhl_line({"commodityCodes": codes if inbound_first else codes[::-1]}))
    assert item.content[0].hs_code == "6109100010"
    item, _ = read(DHL, dhl_line({"commodityCodes": codes[1:]}))
    assert item.content[0].hs_code == "610910"


@pytest.mark.parametrize(
    ("registration", "wanted"),
    [
        ({"typeCode": "SDT", "number": "IM0123456789"}, ("IOSS", "IM0123456789", "")),
        ({"typeCode": "SDT", "number": "IM0123456789", "issuerCountryCode": "IE"}, ("IOSS", "IM0123456789", "IE")),
        ({"typeCode": "SDT", "number": "2012345", "issuerCountryCode": "NO"}, ("VOEC", "2012345", "NO")),
        ({"typeCode": "SDT", "number": "51824753556", "issuerCountryCode": "AU"}, ("SDT", "51824753556", "AU")),
        ({"typeCode": "SDT", "number": "IM012345678"}, ("SDT", "IM012345678", "")),
        ({"typeCode": "EOR", "number": "NL1", "issuerCountryCode": "NL"}, ("EORI", "NL1", "NL")),
        ({"typeCode": "DLI", "number": "7"}, ("DLI", "7", "")),
    ],
)
def test_trap_8_an_overloaded_number_is_told_by_issuer_and_pattern_and_else_keeps_its_label(registration, wanted):
    def change(tree):
        tree["customerDetails"]["shipperDetails"]["registrationNumbers"] = [registration]

    item, faults = read(DHL, shipment(DHL, change))
    (found,) = item.parties[0].references
    assert (found.scheme, found.number, found.issuer_country) == wanted
    assert faults == []
    assert write(DHL, item)["customerDetails"]["shipperDetails"]["registrationNumbers"] == [registration]


def test_trap_9_one_alone_may_stand_without_its_array():
    def change(tree):
        tree["customerReferences"] = tree["customerReferences"][0]
        tree["content"]["packages"] = tree["content"]["packages"][0]
        tree["content"]["exportDeclaration"] = {
            "lineItems": {"description": "shirts", "commodityCodes": {"typeCode": "inbound", "value": "610910"}}
        }

    item, faults = read(DHL, shipment(DHL, change))
    assert faults == []
    assert item.key.identifier == "ORD-2026-0001"
    assert (item.gross_mass.milligrams, item.content[0].hs_code) == (350_000, "610910")


@pytest.mark.parametrize(
    ("written", "micros", "kept"),
    [
        ("2026-11-03T10:15:00 GMT+01:00", 1_793_697_300_000_000, "2026-11-03T10:15:00+01:00"),
        ("2026-11-03T10:15:00GMT-05:30", 1_793_720_700_000_000, "2026-11-03T10:15:00-05:30"),
        ("03/11/2026", 0, None),
        ("3 Nov 2026", 0, None),
        ("2026-02-30T10:15:00 GMT+01:00", 0, None),
    ],
)
def test_trap_10_the_planned_time_is_local_with_gmt_and_offset_and_nothing_else_is_guessed(written, micros, kept):
    item, faults = read(DHL, shipment(DHL, lambda tree: tree.update(plannedShippingDateAndTime=written)))
    assert [each[0] for each in faults] == ([] if kept else ["TIME_UNREADABLE"])
    assert (item.posted.utc_micros, item.posted.written, item.key.posting_date) == (micros, *[kept or written] * 2)


def test_trap_10_an_iso_time_is_written_in_the_notation_of_the_dialect():
    item, _ = read(
        EASYPOST, shipment(EASYPOST, lambda tree: tree["options"].update(label_date="2026-11-03T10:15:00-05:30"))
    )
    item.content[0].value.Clear()
    assert write(DHL, item)["plannedShippingDateAndTime"] == "2026-11-03T10:15:00 GMT-05:30"


@pytest.mark.parametrize(
    ("written", "kept", "code"),
    [
        ("20261103", "2026-11-03", []),
        ("2026-11-03", "2026-11-03", ["TIME_UNREADABLE"]),
        ("20260230", "20260230", ["TIME_UNREADABLE", "TIME_UNREADABLE"]),
        ("03112026", "03112026", ["TIME_UNREADABLE", "TIME_UNREADABLE"]),
    ],
)
def test_trap_10_a_date_of_ups_is_eight_digits_with_the_year_first(written, kept, code):
    item, faults = read(UPS, shipment(UPS, lambda tree: forms_of(tree).update(InvoiceDate=written)))
    assert (item.key.posting_date, [each[0] for each in faults][: len(code)]) == (kept, code[:1])


def test_trap_10_a_time_is_not_cut_down_to_the_date_of_ups():
    item, _ = read(EASYPOST, shipment(EASYPOST))
    with pytest.raises(translate.NotWritten) as caught:
        write(UPS, item)
    assert caught.value.fault.code == "VALUE_NOT_WRITABLE"


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (
            ["kitchen knife, wooden handle,", "blade of stainless steel"],
            "kitchen knife, wooden handle, blade of stainless steel",
        ),
        (["x" * 35, "yz", "a"], "x" * 35 + "yz a"),
        ("stickers", "stickers"),
        (["stickers", "", None], "stickers"),
        ([" ", ""], ""),
    ],
)
def test_trap_11_the_pieces_of_a_description_are_one_text(pieces, text):
    item, faults = read(UPS, ups_line({"Description": pieces}))
    assert (item.content[0].description, faults) == (text, [])


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("stickers", ["stickers"]),
        ("kitchen knife with a wooden handle and a sheath", ["kitchen knife with a wooden handle", "and a sheath"]),
        ("a" * 34 + " " + "b" * 71, ["a" * 34, "b" * 35, "b" * 36]),
        ("a" * 36, ["a" * 35, "a"]),
        ("word " * 30 + "end", ["word " * 6 + "word", "word " * 6 + "word", "word " * 16 + "end"]),
        ("a" * 20 + " " + "b" * 30 + " " + "c" * 53, ["a" * 20 + " " + "b" * 14, "b" * 16 + " " + "c" * 18, "c" * 35]),
    ],
)
def test_trap_6_and_11_a_description_is_cut_at_blanks_where_it_can_be_and_never_shortened(text, pieces):
    item, _ = read(UPS, ups_line({"Description": "x"}))
    item.content[0].description = text
    assert forms_of(write(UPS, item))["Product"][0]["Description"] == pieces
    assert read(UPS, ups_line({"Description": pieces}))[0].content[0].description == text


@pytest.mark.parametrize(
    ("code", "scheme"),
    [
        ("0356", "IOSS"),
        ("0357", "VOEC"),
        ("1051", "SG_GST"),
        ("1052", "ARN"),
        ("1053", "NZ_IRD"),
        ("1054", "MY_LVG"),
        ("7777", "7777"),
    ],
)
def test_trap_8_the_number_of_a_vendor_is_told_by_its_type_and_else_keeps_its_label(code, scheme):
    vendor = {"VendorCollectIDTypeCode": code, "VendorCollectIDNumber": "N1"}
    item, faults = read(
        UPS, shipment(UPS, lambda tree: tree["ShipmentRequest"]["Shipment"].update(ShipFrom={"VendorInfo": vendor}))
    )
    (found,) = item.parties[0].references
    assert (found.scheme, found.number, faults) == (scheme, "N1", [])
    assert write(UPS, item)["ShipmentRequest"]["Shipment"]["ShipFrom"]["VendorInfo"] == vendor


def test_trap_9_one_or_many_of_ups_read_alike():
    def change(tree):
        inner = tree["ShipmentRequest"]["Shipment"]
        forms = forms_of(tree)
        inner["ReferenceNumber"], inner["Package"] = [inner["ReferenceNumber"]], [inner["Package"]]
        inner["Shipper"]["Address"]["AddressLine"] = [inner["Shipper"]["Address"]["AddressLine"]]
        forms["FormType"], forms["Product"] = [forms["FormType"]], [forms["Product"]]

    assert read(UPS, shipment(UPS, change)) == read(UPS, shipment(UPS))


def test_trap_12_what_ups_insures_of_a_package_is_not_the_customs_value():
    def change(tree):
        declared = {"DeclaredValue": {"CurrencyCode": "USD", "MonetaryValue": "500"}}
        tree["ShipmentRequest"]["Shipment"]["Package"]["PackageServiceOptions"] = declared

    item, faults = read(UPS, shipment(UPS, change))
    assert (item.HasField("declared_value"), item.HasField("insured_value"), faults) == (False, False, [])


@pytest.mark.parametrize("written", ["", "Y", True])
def test_trap_13_documents_of_ups_are_told_by_a_name_that_is_there_and_need_no_lines(written):
    def change(tree):
        tree["ShipmentRequest"]["Shipment"]["DocumentsOnlyIndicator"] = written
        del forms_of(tree)["Product"], forms_of(tree)["ReasonForExport"]

    item, faults = read(UPS, shipment(UPS, change))
    assert (item.nature, list(item.content), faults) == (NATURE_OF_TRANSACTION_DOCUMENTS, [], [])
    assert write(UPS, item)["ShipmentRequest"]["Shipment"]["DocumentsOnlyIndicator"] == "Y"


def test_trap_12_an_insured_value_is_not_the_customs_value():
    services = [{"serviceCode": "II", "value": 5000, "currency": "EUR"}]
    item, faults = read(DHL, shipment(DHL, lambda tree: tree.update(valueAddedServices=services)))
    assert (item.HasField("declared_value"), item.HasField("insured_value"), faults) == (False, False, [])


def test_trap_13_documents_need_no_lines_and_are_written_as_documents():
    item, faults = read(DHL, shipment(DHL))
    assert (item.nature, list(item.content), faults) == (NATURE_OF_TRANSACTION_DOCUMENTS, [], [])
    assert item.extensions[0].value == "signed contract"
    assert write(DHL, item)["content"]["isCustomsDeclarable"] is False
    item.nature = NATURE_OF_TRANSACTION_GIFT
    content = write(DHL, item)["content"]
    assert (content["isCustomsDeclarable"], content["exportDeclaration"]["exportReasonType"]) == (True, "gift")
    item.nature = NATURE_OF_TRANSACTION_UNSPECIFIED
    assert write(DHL, item)["content"]["isCustomsDeclarable"] is True


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"metric"', b'"metric", "unitOfMeasurement": "imperial"', "JSON_NAME_REPEATED"),
        (b"0.35", b"NaN", "JSON_NOT_A_NUMBER"),
        (b"0.35", b"-Infinity", "JSON_NOT_A_NUMBER"),
    ],
)
def test_trap_14_what_has_two_meanings_or_none_rejects_the_shipment(old, new, code):
    data = shipment(DHL)
    assert old in data
    item, faults = read(DHL, data.replace(old, new))
    assert item is None
    assert [each[0] for each in faults] == [code]


def test_trap_14_a_byte_order_mark_is_skipped_and_a_huge_number_is_a_finding():
    assert read(DHL, b"\xef\xbb\xbf" + shipment(DHL)) == read(DHL, shipment(DHL))
    item, faults = read(DHL, shipment(DHL).replace(b"0.35", b"9" * 400))
    assert faults == [("JSON_NUMBER_HUGE", "/content/packages/0/weight")]
    assert not item.HasField("gross_mass")


def test_trap_14_what_the_record_has_no_room_for_is_a_finding_and_nothing_raises():
    line = {"price": "9" * 18, "quantity": {"value": 4_294_967_295}}
    item, faults = read(DHL, dhl_line(line, packages=[{"weight": "9" * 12}] * 20))
    assert [each[0] for each in faults] == ["NUMBER_TOO_LARGE"] * 11 + ["AMOUNT_UNREADABLE"]
    assert not item.content[0].HasField("value")
    assert item.gross_mass.milligrams == 9 * 999_999_999_999 * 10**6


def test_trap_14_a_flood_of_faults_does_not_hide_that_the_key_is_missing():
    def change(tree):
        known = dict(tree)
        tree.clear()
        tree |= {f"x{number}": 1 for number in range(150)} | known | {"reference": ["a", "b"]}

    *_, closed = translate.read([shipment(EASYPOST, change)], EASYPOST)
    (found, _) = translate.read([shipment(EASYPOST, change)], EASYPOST)
    assert (found.accepted, len(found.faults)) == (False, 102)
    assert [each.code for each in found.faults[-2:]] == ["FAULTS_CUT", "KEY_MISSING"]
    assert sum(closed.ledger.unknown.values()) == 150
