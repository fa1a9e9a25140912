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
        "REFERRAL_TYPE_SCREENING of decision.referrals.type has no code",
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
    # Two rows for one list, and nothing that tells whose entry is whose: both write all of them.
    row = '{ at = "Data/Documents/Document", to = "item.documents", each = "document" },'
    too = '{ at = "Data/Papers/Document", to = "item.documents", each = "document" },'
    comments = '<xs:element name="Comments" minOccurs="0">'
    papers = f'<xs:element name="Papers" type="Documents" minOccurs="0"/>{comments}'
    folder = copied(tmp_path, "upu/itmatt/own-1", mapping=[(row, row + too)], itmatt_xsd=[(comments, papers)])
    assert findings_of(folder) == [
        (
            "round trip",
            "examples/full.xml",
            "items[1].canonical_hash is not the same when it was written and read again",
        ),
        (
            "round trip",
            "examples/full.xml",
            "items[1].item.documents is not the same when it was written and read again",
        ),
        ("round trip", "examples/full.xml", "the canonical hash is not the same when it was written and read again"),
    ]


def test_the_order_of_parties_is_not_the_documents_business(tmp_path):
    # A recipient among the parties is written as the recipient, before them.
    party = "<Party><RoleCd>{}</RoleCd><Name>{}</Name></Party>".format
    parties = f"<Data><Parties>{party('SELLER', 'A')}{party('RECIPIENT', 'B')}</Parties></Data>"
    folder = copied(tmp_path, "upu/cusitm/own-1", smallest=[("</MailObject>", f"</MailObject>{parties}")])
    assert findings_of(folder) == []


def test_a_field_that_two_lists_read_has_the_codes_of_both(tmp_path):
    full = 'values = { I = "FLOW_IMPORT", O = "FLOW_EXPORT", T = "FLOW_TRANSIT" }'
    parts = 'values = { I = "FLOW_IMPORT", O = "FLOW_EXPORT" }'
    other = '[code.flow_too]\nenum = "parcelgate.api.record.v1.Flow"\nvalues = { {} }\n\n[header]'
    row = '{ at = "Declaration/FlowCd", to = "key.flow", as = "code(flow)", inherit = "flow", default = "I", need = "key" },'
    too = '{ at = "Declaration/Flow", to = "key.flow", as = "code(flow_too)" },'
    schema = '<xs:element name="FlowCd" type="Letter" minOccurs="0"/>\n    <xs:element name="DeclarationId"'
    for more, found in (('T = "FLOW_TRANSIT"', []), ("", ["FLOW_TRANSIT of key.flow"])):
        folder = copied(
            tmp_path / ((more and "both") or "one"),
            "upu/itmatt/own-1",
            mapping=[(full, parts), ("[header]", other.replace("{}", more)), (row, f"{row}\n  {too}")],
            itmatt_xsd=[(schema, schema.replace("\n", '\n<xs:element name="Flow" type="Letter" minOccurs="0"/>\n'))],
        )
        assert [one.sentence.partition(" has no code")[0] for one in findings_of(folder)] == found
    # The first row is the one that is written, and it has no code for that.
    smallest = folder / "examples" / "smallest.xml"
    text = smallest.read_text("utf-8").replace(
        "</MailObject>", "</MailObject><Declaration><Flow>T</Flow></Declaration>"
    )
    (tmp_path / "both" / "upu" / "itmatt" / "own-1" / "examples" / "smallest.xml").write_text(text, "utf-8")
    (found,) = findings_of(tmp_path / "both" / "upu" / "itmatt" / "own-1")
    assert found.sentence.startswith("what was read can't be written: /Item/Declaration/FlowCd")


def test_folders_are_found_wherever_they_are_and_none_is_said_so(tmp_path):
    folder = copied(tmp_path)
    assert folders_below(folder) == folders_below(tmp_path) == folders_below(tmp_path / "upu") == [folder]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="there is no format in"):
        folders_below(tmp_path / "empty")
