"""Agreements choose authorities by partner, flow, countries and day; a wrong file is refused by name."""

import pytest

from parcelgate.api.record.v1.declaration_pb2 import FLOW_EXPORT, FLOW_IMPORT, PROCEDURE_IMPORT, PROCEDURE_PRE_LOADING
from parcelgate.router.agreement import Agreements, Asked, Step

TOP = 'version = "1"\nsource = "own"\nnote = "test"\n'
ROW = """
[[row]]
partners = {partners}
flow = "IMPORT"
destinations = {destinations}
origins = ["*"]
valid_from = {valid_from}
{more}
[[row.step]]
authority = "{authority}"
procedure = "IMPORT"
by = "clearance"
deadline_hours = 24
"""


def row(authority="one", partners='["*"]', destinations='["BR"]', valid_from="2026-01-01", more=""):
    return ROW.format(
        authority=authority, partners=partners, destinations=destinations, valid_from=valid_from, more=more
    )


def asked(destination, partner="post-cn", kind="POST", flow=FLOW_IMPORT, day="2026-11-24"):
    return Asked(partner, kind, flow, destination, "CN", day)


def given(folder, text):
    (folder / "own.toml").write_text(TOP + text)
    return Agreements(folder, shipped=folder)


def chosen(agreements, *args, **kwargs):
    found = agreements.choose(asked(*args, **kwargs))
    return None if found is None else found.steps[0].authority


@pytest.mark.parametrize("country", ["DE", "FR", "IE", "HR", "MT"])
def test_import_into_the_union_is_judged_by_risk_and_clearance(country):
    assert Agreements().choose(asked(country)).steps == (
        Step("eu-ics2", PROCEDURE_PRE_LOADING, "risk", 24),
        Step("eu-customs", PROCEDURE_IMPORT, "clearance", 72),
    )


def test_import_into_great_britain_and_new_zealand_has_authorities_of_its_own():
    shipped = Agreements()
    assert [step.authority for step in shipped.choose(asked("GB")).steps] == ["gb-security", "gb-customs"]
    assert shipped.choose(asked("NZ")).steps == (Step("nz-customs", PROCEDURE_IMPORT, "mailbox", 72),)


def test_the_union_has_twenty_seven_members():
    (union,) = (row for row in Agreements().rows if "DE" in row.destinations)
    assert len(union.destinations) == 27 and "GB" not in union.destinations


@pytest.mark.parametrize(("country", "flow"), [("BR", FLOW_IMPORT), ("DE", FLOW_EXPORT), ("", FLOW_IMPORT)])
def test_elsewhere_there_is_no_agreement(country, flow):
    assert Agreements().choose(asked(country, flow=flow)) is None


def test_the_row_with_the_later_day_wins_once_it_is_valid(tmp_path):
    agreements = given(tmp_path, row("old") + row("new", valid_from="2026-12-01"))
    assert chosen(agreements, "BR") == "old"
    assert chosen(agreements, "BR", day="2026-12-01") == "new"


def test_a_row_ends_with_its_last_day(tmp_path):
    agreements = given(tmp_path, row(more="valid_to = 2026-11-24"))
    assert chosen(agreements, "BR") == "one"
    assert chosen(agreements, "BR", day="2026-11-25") is None


def test_of_rows_of_one_day_the_one_that_names_the_partner_most_closely_wins(tmp_path):
    every, kind, exact = row("every"), row("kind", '["POST"]'), row("exact", '["post-jp"]')
    agreements = given(tmp_path, exact + every + kind)
    assert chosen(agreements, "BR", "post-jp") == "exact"
    assert chosen(agreements, "BR", "post-cn") == "kind"
    assert chosen(agreements, "BR", "carrier-swift", "CARRIER") == "every"


def test_an_operators_file_takes_the_place_of_the_shipped_one_of_its_name(tmp_path):
    (tmp_path / "nz-import.toml").write_text(TOP + row("own-customs", destinations='["NZ"]'))
    agreements = Agreements(tmp_path)
    assert chosen(agreements, "NZ") == "own-customs"
    assert chosen(agreements, "DE") == "eu-ics2"


def test_the_basis_names_file_row_and_version(tmp_path):
    assert given(tmp_path, row()).choose(asked("BR")).basis == "own/1@1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (row(destinations='["EU-99"]'), "EU-99"),
        (row(destinations="[]"), "needs countries"),
        (row(partners='["Post CN"]'), "Post CN"),
        (row(more='valid_until = "x"'), "valid_until"),
        (row(valid_from='"2026-01-01"'), "is not a date"),
        (row(more="valid_to = 2025-01-01"), "before valid_from"),
        (row("Big Customs"), "Big Customs"),
        (row().replace('"IMPORT"\nby', '"PRE_LOADING"\nby'), "PRE_LOADING is by risk"),
        (row().replace('"IMPORT"\nby', '"SMUGGLING"\nby'), "SMUGGLING"),
        (row().replace("= 24", "= 0"), "deadline_hours"),
        (row().replace('by = "clearance"', 'by = "fax"'), "by must be"),
        (row() + row("two"), "same declarations"),
        ("[groups]\nHERE = ['XQ']", "XQ"),
        ("[[row]\n", "own.toml"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(tmp_path, text, said):
    with pytest.raises(ValueError, match=r"own(\.toml|/1)") as error:
        given(tmp_path, text)
    assert said in str(error.value)


def test_a_file_without_source_is_refused(tmp_path):
    (tmp_path / "own.toml").write_text('version = "1"\nnote = "x"\n')
    with pytest.raises(ValueError, match="source"):
        Agreements(tmp_path)
