"""A partner's variant is a folder with what differs; it is read and written as such, and refused with its reason if it is broken."""

import os
import tomllib

import pytest

from format_folders import copied, variant
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.codecs import translate
from parcelgate.codecs.check import check, example
from parcelgate.codecs.event import ItemRead
from parcelgate.codecs.mapping.overlay import merged
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.registry import shipped

CUSITM, OURS = "upu/cusitm/own-1", "post-x/cusitm/2"
RENAMED = '[item]\nrows = [{ at = "Data/GrossWeight", now = "Data/TotalWeight" }]\n'
A_CODE = '[code.mail_class]\nvalues = { P = "MAIL_CLASS_PARCELS" }\n'
PLAIN = {
    "record": "parcelgate.api.record.v1.Declaration",
    "code": {"flow": {"enum": "parcelgate.api.record.v1.Flow", "values": {"I": "FLOW_IMPORT", "O": "FLOW_EXPORT"}}},
    "header": {"at": "Header", "rows": [{"at": "Ref", "to": "interchange_reference"}]},
    "item": {"at": "Item", "rows": [{"at": "Id", "to": "item.key.identifier"}, {"prefix": "S", "use": "party"}]},
    "shape": {"party": {"rows": [{"at": "Name", "to": "name"}]}},
    "loss": {"id": "ours"},
}


def rows(overlay, scope="item"):
    return merged(PLAIN, overlay)[scope]["rows"]


def with_rows(*changes):
    return {"item": {"rows": list(changes)}}


def example_of(name="full"):
    return example(shipped().get(CUSITM), name).read_bytes()


def read(data, registry, form=OURS):
    return [one for one in translate.read([data], form, registry=registry) if isinstance(one, ItemRead)]


def schema_with(*changes):
    text = (shipped().get(CUSITM).folder / "cusitm.xsd").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_single_keys_of_a_row_are_replaced_and_the_others_stay():
    assert rows(with_rows({"at": "Id", "need": "key"}))[0] == {"at": "Id", "to": "item.key.identifier", "need": "key"}
    assert rows(with_rows({"at": "Id", "now": "Number"}))[0] == {"at": "Number", "to": "item.key.identifier"}
    assert rows(with_rows({"prefix": "S", "now": "Sender"}))[1] == {"prefix": "Sender", "use": "party"}


def test_a_row_that_is_ignored_from_now_on_keeps_nothing_of_what_it_read():
    assert rows(with_rows({"at": "Id", "ignore": "not ours"}))[0] == {"at": "Id", "ignore": "not ours"}
    again = merged(
        {**PLAIN, "item": merged(PLAIN, with_rows({"at": "Id", "ignore": "no", "encode": "X"}))["item"]},
        with_rows({"at": "Id", "ignore": "not ours"}),
    )
    assert again["item"]["rows"][0] == {"at": "Id", "ignore": "not ours", "encode": "X"}


def test_rows_are_added_where_they_belong_and_dropped():
    assert [one.get("at") for one in rows(with_rows({"at": "X", "ignore": "x"}))] == ["Id", None, "X"]
    assert [one.get("at") for one in rows(with_rows({"at": "X", "ignore": "x", "after": "Id"}))] == ["Id", "X", None]
    assert [one.get("at") for one in rows(with_rows({"at": "Id", "drop": True}))] == [None]


def test_codes_shapes_and_losses_are_replaced_by_name():
    overlay = {"code": {"flow": {"values": {"I": "FLOW_TRANSIT", "X": "FLOW_EXPORT"}}}, "loss": {"version": "theirs"}}
    result = merged(PLAIN, {**overlay, "shape": {"party": {"rows": [{"at": "Name", "now": "N"}]}, "new": {"rows": []}}})
    # What the variant says stands first: it is what is written.
    assert list(result["code"]["flow"]["values"].items()) == [
        ("I", "FLOW_TRANSIT"),
        ("X", "FLOW_EXPORT"),
        ("O", "FLOW_EXPORT"),
    ]
    assert result["code"]["flow"]["enum"] == PLAIN["code"]["flow"]["enum"]
    assert result["shape"] == {"party": {"rows": [{"at": "N", "to": "name"}]}, "new": {"rows": []}}
    assert result["loss"] == {"id": "ours", "version": "theirs"}


@pytest.mark.parametrize(
    ("overlay", "sentence"),
    [
        (with_rows({"at": "X", "ignore": "x"}, {"at": "X", "ignore": "y"}), "item, row 'X': two rows have this key"),
        (with_rows({"at": "Id", "now": "S"}, {"at": "S", "ignore": "y"}), "item, row 'S': two rows have this key"),
        (with_rows({"at": "Name", "now": "N"}), "item, row 'Name': the format that is extended has no such row"),
        (with_rows({"at": "Name", "drop": True}), "has no such row"),
        (with_rows({"at": "Id", "after": "S"}), "stays where it is"),
        (with_rows({"at": "X", "ignore": "x", "after": "Y"}), "there is no row 'Y' that it could stand behind"),
        (with_rows({"ignore": "x"}), "a row without at"),
        ({"record": "parcelgate.api.record.v1.Release"}, "carries the same record"),
    ],
)
def test_an_overlay_that_fits_nowhere_is_refused(overlay, sentence):
    with pytest.raises(MappingError) as caught:
        merged(PLAIN, overlay)
    assert sentence in str(caught.value)


def test_a_variant_that_renames_an_element_reads_and_writes_the_new_name(tmp_path):
    schema = schema_with(
        (
            'name="GrossWeight" type="Kilograms" minOccurs="0"/>\n              <xs:sequence',
            'name="TotalWeight" type="Kilograms" minOccurs="0"/>\n              <xs:sequence',
        )
    )
    variant(tmp_path, RENAMED, cusitm_xsd=schema)
    registry = shipped(tmp_path)
    assert registry.refused == {}
    old = example_of()
    new = old.replace(b"<GrossWeight>1.250</GrossWeight>", b"<TotalWeight>1.250</TotalWeight>")
    (same,), (theirs,) = read(old, registry, CUSITM), read(new, registry)
    assert (theirs.faults, theirs.item) == ([], same.item)
    assert [one.code for one in read(old, registry)[0].faults] == ["FIELD_UNKNOWN"]
    record = Declaration.FromString(theirs.message)
    record.item.MergeFromString(theirs.item)
    written = b"".join(translate.write(OURS, {"interchange_reference": "R1"}, [record], registry=registry))
    assert b"<TotalWeight>1.250</TotalWeight>" in written
    form = registry.get(OURS)
    assert (form.extends, form.title, form.schema_folder) == (CUSITM, shipped().get(CUSITM).title, form.folder)


def test_a_variant_with_a_code_of_its_own_needs_no_schema_and_no_examples(tmp_path):
    folder = variant(tmp_path, A_CODE)
    registry = shipped(tmp_path)
    data = example_of().replace(b"<MailClassCd>C<", b"<MailClassCd>P<")
    assert read(data, registry)[0].item == read(example_of(), registry, CUSITM)[0].item
    assert [one.code for one in read(data, registry, CUSITM)[0].faults] == ["CODE_UNKNOWN"]
    (report,) = check(shipped(), [folder])
    assert (report.format.id, list(report.findings)) == (OURS, [])


def test_a_variant_without_a_mapping_is_the_same_under_another_name(tmp_path):
    variant(tmp_path)
    registry = shipped(tmp_path)
    assert registry.get(OURS).source == shipped().get(CUSITM).source
    assert read(example_of(), registry)[0].item == read(example_of(), registry, CUSITM)[0].item


def test_a_folder_may_be_a_link_to_where_the_files_are(tmp_path):
    real = variant(tmp_path / "mounted", A_CODE).rename(tmp_path / "mounted" / "v7")
    link = tmp_path / "formats" / OURS
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    registry = shipped(tmp_path / "formats")
    assert (registry.refused, registry.get(OURS).folder) == ({}, link)


def test_a_variant_of_a_variant_lies_over_both(tmp_path):
    variant(tmp_path, A_CODE)
    variant(tmp_path, '[code.mail_class]\nvalues = { Q = "MAIL_CLASS_EMS" }\n', extends=OURS, name="a/cusitm/3")
    registry = shipped(tmp_path)
    values = registry.get("a/cusitm/3").source["code"]["mail_class"]["values"]
    assert (values["Q"], values["P"], values["U"]) == ("MAIL_CLASS_EMS", "MAIL_CLASS_PARCELS", "MAIL_CLASS_LETTERS")
    assert registry.get("a/cusitm/3").look == CUSITM


def test_a_document_is_that_of_the_variant_where_only_that_was_agreed_on(tmp_path):
    variant(tmp_path, A_CODE)
    variant(tmp_path, A_CODE, name="post-y/cusitm/1")
    registry, data = shipped(tmp_path), example_of()
    assert translate.recognise(data, registry=registry) == CUSITM
    assert translate.recognise(data, agreed=[OURS, "upu/itmatt/own-1"], registry=registry) == OURS
    assert translate.recognise(data, agreed=[OURS, CUSITM], registry=registry) == CUSITM
    # Of two that look alike, none can be told.
    assert translate.recognise(data, agreed=[OURS, "post-y/cusitm/1"], registry=registry) == CUSITM


def test_a_variant_with_a_namespace_of_its_own_is_recognised_by_it(tmp_path):
    space = ("urn:parcelgate:upu:cusitm:own-1", "urn:post-x:cusitm")
    variant(tmp_path, words=f'namespace = "{space[1]}"\n', cusitm_xsd=schema_with(space))
    registry = shipped(tmp_path)
    data = example_of().replace(*map(str.encode, space))
    assert translate.recognise(data, registry=registry) == OURS
    assert read(data, registry)[0].faults == []


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ({"extends": "upu/cusitm/own-9"}, "there is no format 'upu/cusitm/own-9' that it could extend"),
        ({"extends": OURS}, "there is no format 'post-x/cusitm/2' that it could extend"),
        ({"words": 'colour = "red"\n'}, "unknown key 'colour'"),
        ({"mapping": '[item]\nrows = [{ at = "Data/Weight", drop = true }]\n'}, f"{OURS}: item, row 'Data/Weight'"),
        ({"mapping": '[item]\nrows = [{ at = "MailObject/Id", as = "poem" }]\n'}, f"{OURS}: Item, row 'MailObject/Id'"),
        ({"mapping": "[item\n"}, OURS),
        ({"cusitm_xsd": "<schema/>"}, f"{OURS}: cusitm.xsd"),
    ],
)
def test_a_broken_variant_is_refused_with_its_reason_and_the_others_stay(tmp_path, made, sentence):
    good = variant(tmp_path, A_CODE, name="a/good/1")
    folder = variant(tmp_path, **made)
    registry = shipped(tmp_path)
    assert list(registry.refused) == [folder]
    assert sentence in registry.refused[folder]
    assert registry.get("a/good/1").folder == good
    (report,) = check(shipped(), [folder])
    assert any(sentence.partition(": ")[2] in one.sentence for one in report.findings)


def test_formats_that_extend_each_other_are_refused(tmp_path):
    variant(tmp_path, name="a/b/1", extends="a/b/2")
    variant(tmp_path, name="a/b/2", extends="a/b/1")
    assert [reason.endswith("it extends itself") for reason in shipped(tmp_path).refused.values()] == [True, True]


def test_a_variant_may_take_the_place_of_what_it_extends(tmp_path):
    variant(tmp_path, A_CODE, name=CUSITM)
    registry = shipped(tmp_path)
    data = example_of().replace(b"<MailClassCd>C<", b"<MailClassCd>P<")
    assert translate.recognise(data, registry=registry) == CUSITM
    assert read(data, registry, CUSITM)[0].faults == []


def test_what_is_dropped_in_changed_or_taken_away_counts_at_once(tmp_path):
    assert [one.id for one in shipped(tmp_path)] == [one.id for one in shipped()]
    folder = variant(tmp_path, A_CODE)
    data = example_of().replace(b"<MailClassCd>C<", b"<MailClassCd>Q<")
    assert [one.code for one in read(data, shipped(tmp_path))[0].faults] == ["CODE_UNKNOWN"]
    (folder / "mapping.toml").write_text(A_CODE.replace("P =", "Q ="), "utf-8")
    assert read(data, shipped(tmp_path))[0].faults == []
    assert shipped(tmp_path) is shipped(tmp_path)
    # A change that can't be used leaves what was good, and says so.
    (folder / "mapping.toml").write_text("[code", "utf-8")
    assert list(shipped(tmp_path).refused) == [folder]
    assert read(data, shipped(tmp_path))[0].faults == []
    os.remove(folder / "format.toml")
    assert [one.id for one in shipped(tmp_path)] == [one.id for one in shipped()]


def test_what_has_not_changed_is_not_compiled_again(tmp_path):
    variant(tmp_path, A_CODE)
    before = shipped(tmp_path).get(OURS)
    variant(tmp_path, A_CODE, name="post-y/cusitm/1")
    assert shipped(tmp_path).get("post-y/cusitm/1").extends == CUSITM
    assert shipped(tmp_path).get(OURS) is before


def test_a_variant_changes_with_the_format_that_it_extends(tmp_path):
    variant(tmp_path, A_CODE)
    variant(tmp_path, name="post-y/cusitm/1", extends=OURS)
    data = example_of().replace(b"<MailClassCd>C<", b"<MailClassCd>Q<")
    assert read(data, shipped(tmp_path), "post-y/cusitm/1")[0].faults != []
    (tmp_path / OURS / "mapping.toml").write_text(A_CODE.replace("P =", 'QQ = "MAIL_CLASS_EMS", Q ='), "utf-8")
    assert read(data, shipped(tmp_path), "post-y/cusitm/1")[0].faults == []


def test_a_partners_own_codes_lie_over_a_variant(tmp_path):
    variant(tmp_path, A_CODE)
    data = example_of().replace(b"<MailClassCd>C<", b"<MailClassCd>Z<")
    codes = {"mail_class": {"Z": "MAIL_CLASS_PARCELS"}}
    (item,) = [
        one
        for one in translate.read([data], OURS, codes=codes, registry=shipped(tmp_path))
        if isinstance(one, ItemRead)
    ]
    assert item.faults == []


def test_a_whole_format_may_be_dropped_in_too(tmp_path):
    folder = copied(
        tmp_path,
        "upu/itmatt/own-1",
        format=[('"upu/itmatt/own-1"', '"upu/itmatt/own-7"'), ("itmatt:own-1", "itmatt:own-7")],
        itmatt_xsd=[("itmatt:own-1", "itmatt:own-7")],
    )
    new = folder.rename(folder.with_name("own-7"))
    assert tomllib.loads((new / "format.toml").read_text("utf-8"))["id"] == "upu/itmatt/own-7"
    registry = shipped(tmp_path)
    assert registry.refused == {}
    data = example(shipped().get("upu/itmatt/own-1"), "full").read_bytes().replace(b"itmatt:own-1", b"itmatt:own-7")
    assert translate.recognise(data, registry=registry) == "upu/itmatt/own-7"
