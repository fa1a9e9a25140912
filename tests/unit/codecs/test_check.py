"""What formats check finds in a folder, each with the check that found it and where."""

import pytest

from format_folders import copied
from parcelgate.codecs.check import check, folders_below
from parcelgate.codecs.registry import shipped

XSD = ('<xs:element name="Basis" type="Text" minOccurs="0"/>', "")
WRONG = [
    ("format", "format.toml", "missing key 'unit'", {"format": [('unit = "one response', 'untt = "one response')]}),
    ("format", "format.toml", "status is empty", {"format": [('status = "own profile"', 'status = ""')]}),
    ("mapping", "mapping.toml", "Response, row 'PId'", {"mapping": [('to = "response_id"', 'to = "response_no"')]}),
    ("schema", "own-1", "cusrsp.xsd, line ", {"cusrsp": [('name="Basis" type="Text"', 'name="Basis" type="Txet"')]}),
    (
        "schema",
        "own-1",
        "declares no element CUSRSP",
        {"cusrsp": [('<xs:element name="CUSRSP">', '<xs:element name="C">')]},
    ),
    ("schema", "own-1", "cusrsp.xsd, line ", {"cusrsp": [("</xs:schema>", "</xs:schemata>")]}),
    (
        "coverage",
        "Response/Data/DecisionReasons/DecisionReason/Law",
        "no row reads it",
        {"cusrsp": [(XSD[0], XSD[0].replace("Basis", "Law") + XSD[0])]},
    ),
    (
        "coverage",
        "Response/Data/DecisionReasons/DecisionReason/Basis",
        "the schema does not have it",
        {"cusrsp": [XSD]},
    ),
    (
        "coverage",
        "Footer",
        "neither header, item nor trailer",
        {
            "cusrsp": [
                (
                    '<xs:element name="Trailer" minOccurs="0">',
                    '<xs:element name="Footer" minOccurs="0"/><xs:element name="Trailer" minOccurs="0">',
                )
            ]
        },
    ),
    (
        "record",
        "decision.revokes",
        "no row carries",
        {
            "mapping": [
                (
                    '{ at = "Data/RevokesDecisionId", to = "decision.revokes", as = "reference" }',
                    '{ at = "Data/RevokesDecisionId", ignore = "not ours" }',
                )
            ]
        },
    ),
    (
        "codes",
        "code.referral",
        "REFERRAL_TYPE_SCREENING has no code",
        {"mapping": [(', RFS = "REFERRAL_TYPE_SCREENING"', "")]},
    ),
    (
        "codes",
        "code.referral",
        "REFERRAL_TYPE_SINGING is no value",
        {
            "mapping": [
                (
                    'enum = "parcelgate.api.record.v1.ReferralType"',
                    'enum = "parcelgate.api.record.v1.ReferralType"\nlacks = { REFERRAL_TYPE_SINGING = "never" }',
                )
            ]
        },
    ),
    (
        "example",
        "examples/smallest.xml",
        "CONSTANT_DIFFERS at /CUSRSP/Header/MessageVersion",
        {"smallest": [("<MessageVersion>own-1<", "<MessageVersion>own-2<")]},
    ),
    ("example", "examples/full.xml", "not valid: line", {"full": [("<DecisionCd>", "<Decision/><DecisionCd>")]}),
    (
        "example",
        "examples/smallest.xml",
        "FORMAT_DIFFERS",
        {"smallest": [('xmlns="urn:parcelgate:upu:cusrsp:own-1"', 'xmlns="urn:x"')]},
    ),
]


def findings_of(folder):
    (report,) = check(shipped(), [folder])
    assert report.folder == folder
    return report.findings


@pytest.mark.parametrize(("name", "where", "sentence", "changes"), WRONG, ids=[one[2] for one in WRONG])
def test_what_is_wrong_is_found_where_it_is(tmp_path, name, where, sentence, changes):
    found = findings_of(copied(tmp_path, **changes))
    assert [one for one in found if one.check == name and where in one.where and sentence in one.sentence], found


def test_a_folder_that_is_well_has_no_finding_and_what_lacks_a_code_may_say_why(tmp_path):
    enum = 'enum = "parcelgate.api.record.v1.ReferralType"'
    why = '\nlacks = { REFERRAL_TYPE_SCREENING = "nobody here screens" }'
    without = [(', RFS = "REFERRAL_TYPE_SCREENING"', ""), (enum, enum + why)]
    assert findings_of(copied(tmp_path, mapping=without)) == []


def test_every_fault_of_a_schema_is_told(tmp_path):
    changes = [
        ('name="Basis" type="Text"', 'name="Basis" type="Txet"'),
        ('name="Rate" type="Text"', 'name="Rate" type="Tetx"'),
    ]
    found = findings_of(copied(tmp_path, cusrsp=changes))
    assert {one.check for one in found} == {"schema"}
    assert [word for word in ("Txet", "Tetx") if any(word in one.sentence for one in found)] == ["Txet", "Tetx"]


def test_attributes_that_no_row_reads_are_told_with_their_element(tmp_path):
    rate = '<xs:element name="Rate" type="Text" minOccurs="0"/>'
    typed = (
        '<xs:element name="Rate" minOccurs="0"><xs:complexType><xs:simpleContent><xs:extension base="Text">'
        '<xs:attribute name="unit"/><xs:attribute name="basis"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>'
    )
    (found,) = findings_of(copied(tmp_path, cusrsp=[(rate, typed)]))
    assert (found.where, found.sentence.rpartition(": ")[2]) == ("Response/Data/Taxes/Tax/Rate", "@basis, @unit")


def test_what_a_wildcard_lets_in_counts_as_declared(tmp_path):
    comment = '<xs:element name="Comment" type="Text" minOccurs="0" maxOccurs="unbounded"/>'
    wild = '<xs:any namespace="##targetNamespace" processContents="strict" minOccurs="0" maxOccurs="unbounded"/>'
    everywhere = '<xs:element name="Comment" type="Text"/><xs:complexType name="Header">'
    changes = [(comment, wild), ('<xs:complexType name="Header">', everywhere)]
    assert findings_of(copied(tmp_path, "upu/itmatt/own-1", itmatt_xsd=changes)) == []


def test_examples_that_are_missing_or_have_other_faults_than_listed_are_told(tmp_path):
    folder = copied(tmp_path, faulty_toml=[('severity = "error"', 'severity = "notice"')])
    (folder / "examples" / "full.xml").unlink()
    found = findings_of(folder)
    assert ("example", "examples/full", "there is no such example") in found
    told = [one.sentence for one in found if one.where == "examples/faulty.xml"]
    assert any(one.startswith("listed, but not found") and "'notice'" in one for one in told)
    assert any(one.startswith("found, but not listed") and "'error'" in one for one in told)
    (folder / "examples" / "faulty.toml").unlink()
    assert any("not listed beside it" in one.sentence for one in findings_of(folder))


def test_a_list_of_faults_in_another_order_is_told(tmp_path):
    folder = copied(tmp_path)
    listed = folder / "examples" / "faulty.toml"
    head, first, *rest = listed.read_text("utf-8").split("[[fault]]")
    listed.write_text("[[fault]]".join([head, *rest, first]), "utf-8")
    assert [one.sentence for one in findings_of(folder)] == ["the faults listed are found in another order"]


def test_what_does_not_come_back_as_it_was_written_is_told_with_its_field(tmp_path):
    # A recipient among the parties is written as the recipient, before them.
    party = "<Party><RoleCd>{}</RoleCd><Name>{}</Name></Party>".format
    parties = f"<Data><Parties>{party('SELLER', 'A')}{party('RECIPIENT', 'B')}</Parties></Data>"
    folder = copied(tmp_path, "upu/cusitm/own-1", smallest=[("</MailObject>", f"</MailObject>{parties}")])
    found = findings_of(folder)
    assert {(one.check, one.where) for one in found} == {("round trip", "examples/smallest.xml")}
    assert found[0].sentence.startswith("items[1].item.parties[1].name is not the same")


def test_folders_are_found_wherever_they_are_and_none_is_said_so(tmp_path):
    folder = copied(tmp_path)
    assert folders_below(folder) == folders_below(tmp_path) == folders_below(tmp_path / "upu") == [folder]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="there is no format in"):
        folders_below(tmp_path / "empty")
