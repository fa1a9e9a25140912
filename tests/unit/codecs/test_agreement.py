"""What partners' files agree on, held against the formats there are."""

import pytest

from parcelgate.codecs.agreement import misfits
from parcelgate.codecs.registry import shipped
from parcelgate.core.partner import Partner, Partners


def found(kind, **formats):
    partner = Partner("one", "1", "One", kind, "test", "NZ", **formats)
    return [(one.code, one.sentence) for one in misfits(partner, shipped())]


def test_the_shipped_partners_fit():
    assert [one for partner in Partners().all() for one in misfits(partner, shipped())] == []


def test_a_format_that_does_not_exist_is_said_with_its_place():
    ((code, sentence),) = found("CUSTOMS", formats_out=("wco/declaration/own-1", "wco/declaration/own-2"))
    assert code == "PARTNER_FORMAT_MISSING"
    assert "one names the format wco/declaration/own-2 in formats_out" in sentence


@pytest.mark.parametrize(
    ("kind", "key", "name"),
    [
        ("POST", "formats_out", "upu/cusitm/own-1"),
        ("POST", "formats_in", "wco/response/own-1"),
        ("CUSTOMS", "formats_in", "upu/predes/own-1"),
        ("CARRIER", "formats_out", "carrier/easypost/v2"),
        ("INTEGRATOR", "formats_in", "upu/cusitm/own-1"),
    ],
)
def test_a_record_that_such_a_partner_neither_sends_nor_gets_is_said(kind, key, name):
    ((code, sentence),) = found(kind, **{key: (name,)})
    assert code == "PARTNER_FORMAT_UNFIT"
    assert name in sentence


def test_the_contracts_own_json_fits_carriers_alone():
    own = ("carrier/parcelgate/v1",)
    assert found("CARRIER", formats_in=own, formats_out=own) == []
    assert [code for code, _ in found("POST", formats_in=own)] == ["PARTNER_FORMAT_MISSING"]
