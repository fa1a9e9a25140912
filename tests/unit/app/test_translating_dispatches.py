"""The command line's translator on documents that are about something else than declarations."""

import json

import pytest

from parcelgate.app import translating
from parcelgate.codecs.registry import shipped
from parcelgate.core.setting import Settings


def example(name):
    return shipped().get(f"upu/{name}/own-1").folder / "examples" / "full.edi"


@pytest.mark.parametrize(
    ("name", "field", "values"),
    [
        ("predes", "mail_subclass", ["CN", "CN", "UA"]),
        ("emsevt", "code", ["EMD", "EME", "EDC"]),
        ("resdes", "status", ["RECEIVED", "DAMAGED", "MISSING", "NOT_ADVISED"]),
        ("rescon", "consignment", ["XADELBILL0007"] * 3 + ["XADELBILL0008"]),
        ("resdit", "status", ["DEPARTED", "DEPARTED", "NOT_RECEIVED", "TRANSFERRED"]),
        ("cardit", "destination_office", ["DEFRAA", "AUSYDA"]),
        ("precon", "identifier", ["XADELBILL0007", "XADELBILL0008", "XADELBILL0009"]),
    ],
)
def test_records_are_shown_as_what_they_are(name, field, values, capfdbinary):
    assert translating.translate(Settings(), example(name), "json", None) == 0
    shown = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [record[field] for record in shown] == values


def test_a_dispatch_is_written_in_its_own_format_and_in_no_other(capfdbinary):
    assert translating.translate(Settings(), example("predes"), "upu/predes/own-1", None) == 0
    written = capfdbinary.readouterr().out
    lines = example("predes").read_bytes().splitlines()
    assert written == b"".join(line for line in lines if not line.startswith(b"UNA"))
    assert translating.translate(Settings(), example("predes"), "upu/cusitm/own-1", None) == 1
    told = capfdbinary.readouterr()
    assert told.out == b""
    assert b"FORMAT_CARRIES_OTHER" in told.err


def test_a_sound_dispatch_is_valid(capfdbinary):
    assert translating.validate(Settings(), example("predes"), None, as_json=True) == 0
    assert json.loads(capfdbinary.readouterr().out)["faults"] == []
