"""parcelgate translate: from any format into any other that can carry it, file to standard output."""

import json

import pytest

from parcelgate.app import translating
from parcelgate.codecs.registry import shipped
from parcelgate.core.setting import Settings

CUSITM, DHL, EASYPOST = "upu/cusitm/own-1", "carrier/dhl-mydhl/2.7.2", "carrier/easypost/v2"


def example(form_id, name):
    form = shipped().get(form_id)
    (path,) = (form.folder / "examples").glob(f"{name}.{form.syntax}")
    return path


def translated(capfdbinary, path, to):
    code = translating.translate(Settings(), path, to, None)
    out, err = capfdbinary.readouterr()
    return code, out, err.decode()


def test_a_shipment_of_a_carrier_goes_to_cusitm_and_back_unchanged(capfdbinary, tmp_path):
    code, direct, _ = translated(capfdbinary, example(DHL, "full"), DHL)
    assert code == 0
    code, postal, _ = translated(capfdbinary, example(DHL, "full"), CUSITM)
    assert code == 0
    (tmp_path / "postal.xml").write_bytes(postal)
    code, again, _ = translated(capfdbinary, tmp_path / "postal.xml", DHL)
    assert code == 0
    assert again == direct


@pytest.mark.parametrize(("form", "name"), [(EASYPOST, "smallest"), (EASYPOST, "full"), (DHL, "smallest")])
def test_what_a_carrier_sends_is_an_interchange_under_the_name_of_its_file(capfdbinary, tmp_path, form, name):
    path = tmp_path / "of today (2).json"
    path.write_bytes(example(form, name).read_bytes())
    code, postal, _ = translated(capfdbinary, path, CUSITM)
    assert code == 0
    assert b"<InterchangeRef>of-today-2</InterchangeRef>" in postal
    (tmp_path / "postal.xml").write_bytes(postal)
    assert translating.validate(Settings(), tmp_path / "postal.xml", None, as_json=True) == 0
    said = json.loads(capfdbinary.readouterr().out)
    assert (said["format"], said["accepted"]) == (CUSITM, 1)


def test_a_reference_of_the_document_s_own_is_kept(capfdbinary):
    _, postal, _ = translated(capfdbinary, example(CUSITM, "full"), CUSITM)
    assert b"<InterchangeRef>NLP2026110300017</InterchangeRef>" in postal


def test_what_the_other_format_can_not_say_is_told_with_its_field(capfdbinary):
    code, _, err = translated(capfdbinary, example(CUSITM, "smallest"), DHL)
    assert code == 1
    assert "VALUE_NOT_WRITABLE" in err
    assert "item.key.scheme" in err


def test_faults_of_json_are_told_at_their_pointers(capfdbinary):
    assert translating.validate(Settings(), example(EASYPOST, "faulty"), None, as_json=True) == 1
    said = json.loads(capfdbinary.readouterr().out)
    assert (said["items"], said["accepted"]) == (3, 1)
    assert "/shipments/1/customs_info/customs_items/0/value" in [each["address"] for each in said["faults"]]
