"""Reading JSON: documents in parts, their shapes and limits, and what is no JSON."""

import itertools
import json
import tracemalloc

import pytest

from parcelgate.codecs.json import element, limit
from parcelgate.codecs.json.element import Stop
from parcelgate.codecs.json.measure import measure
from parcelgate.codecs.json.reader import Reading
from parcelgate.codecs.json.value import Odd


def read(*parts, at=()):
    """Read a document; returns (pointer, line, value, codes of notes) of each item, and the code that stopped it."""
    items, stopped = [], None
    try:
        for one in Reading([part.encode() if isinstance(part, str) else part for part in parts], at).found():
            items += [(one.pointer, one.line, one.value, [note.code for note in one.notes])]
    except Stop as stop:
        stopped = stop.fault
    return items, stopped


def codes(*parts, at=()):
    items, stopped = read(*parts, at=at)
    return [each[3] for each in items], stopped and stopped.code


A, B = {"a": "1"}, {"b": ["x", None, True, "2.50"]}
TEXT = '{"a": 1}', '{"b": ["x", null, true, 2.50]}'


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        (TEXT[0], [("", 1, A)]),
        (f" \n{TEXT[1]}\r\n ", [("", 2, B)]),
        (f"[{TEXT[0]},\n{TEXT[1]}]", [("/0", 1, A), ("/1", 2, B)]),
        ("[]", []),
        (f"{TEXT[0]}\n\n{TEXT[1]}\n", [("/0", 1, A), ("/1", 3, B)]),
        (f"{TEXT[0]}{TEXT[1]}", [("/0", 1, A), ("/1", 1, B)]),
        ('{\n"a": 1\n}\n{"a":\n1}', [("/0", 1, A), ("/1", 4, A)]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 7, 4096])
def test_a_document_is_one_object_or_an_array_or_objects_one_after_the_other(document, wanted, size):
    data = document.encode()
    items, stopped = read(*(data[at : at + size] for at in range(0, len(data), size)))
    assert stopped is None
    assert [each[:3] for each in items] == wanted


@pytest.mark.parametrize("size", [1, 3, 4096])
def test_an_object_may_hold_its_items_at_one_of_several_paths(size):
    paths = (("shipments",), ("list", "entries"), ("shipment",))
    for document, wanted in (
        (f'{{"x": 1, "shipments": [{TEXT[0]}], "y": 2}}', [("", {"x": "1"}), ("/shipments/0", A)]),
        (
            f'{{"x": 1, "list": {{"z": 3, "entries": [{TEXT[0]}]}}}}',
            [("", {"x": "1", "list": {"z": "3"}}), ("/list/entries/0", A)],
        ),
        (f'{{"shipment": {TEXT[0]}}}', [("", {}), ("/shipment", A)]),
        (TEXT[0], [("", A)]),
        (f"[{TEXT[0]}]", [("/0", A)]),
        (f"{TEXT[0]}\n{TEXT[1]}", [("/0", A), ("/1", B)]),
    ):
        data = document.encode()
        items, stopped = read(*(data[at : at + size] for at in range(0, len(data), size)), at=paths)
        assert stopped is None
        assert [(each[0], each[2]) for each in items] == wanted


def test_names_behind_the_items_are_told_and_not_read():
    reading = Reading([b'{"items": [{}],\n"y": {"deep": [1]}, "z": 2}'], (("items",),))
    list(reading.found())
    assert reading.late == [("/y", 2), ("/z", 2)]


def test_numbers_are_exact_text_and_exponents_are_written_out():
    ((_, _, value, _),), _ = read('{"a": 0.10, "b": -0, "c": 1.5e3, "d": 25E-2, "e": 3.333333333333333333333333}')
    assert value == {"a": "0.10", "b": "-0", "c": "1500", "d": "0.25", "e": "3.333333333333333333333333"}


@pytest.mark.parametrize("number", ["1" * 65, "1e65", "1e-400", "1E999999999", "0." + "3" * 64, "1.5e64"])
def test_a_huge_number_is_marked_and_costs_nothing(number):
    ((_, _, value, notes),), _ = read(f'{{"a": {number}, "b": 1}}')
    assert isinstance(value["a"], Odd)
    assert value["a"].code == "JSON_NUMBER_HUGE"
    assert (value["b"], notes) == ("1", [])


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_word_for_rejects_its_item_alone(word):
    items, stopped = read(f'[{{"a": {{"b": [{word}]}}}}, {{"a": 1}}]')
    assert stopped is None
    assert [each[2:] for each in items] == [({"a": {"b": [None]}}, ["JSON_NOT_A_NUMBER"]), (A, [])]


def test_a_name_that_stands_twice_rejects_its_item_alone_and_is_named():
    found = list(Reading([b'[{"a": 1, "b": {"c": 1, "c": 2, "c": 3, "d/e": 1, "d/e": 1}}, {"a": 1}]']).found())
    assert [[(note.code, note.address, note.words["name"]) for note in each.notes] for each in found] == [
        [("JSON_NAME_REPEATED", "/0/b/c", "c"), ("JSON_NAME_REPEATED", "/0/b/d~1e", "d~1e")],
        [],
    ]
    assert found[0].value["b"]["c"] == "3"


def test_half_a_surrogate_pair_is_marked_and_a_whole_one_is_a_character():
    ((_, _, value, notes),), _ = read(r'{"a": "\ud83d", "b": "\ud83d\ude00", "c": ["\udc00"], "d": "\\ud83d"}')
    assert isinstance(value["a"], Odd)
    assert isinstance(value["c"][0], Odd)
    assert (value["b"], value["d"], notes) == ("😀", r"\ud83d", [])


def test_nul_rejects_its_item_alone():
    items, _ = read(r'[{"a": "x\u0000"}, {"a": 1}]')
    assert [each[2:] for each in items] == [({"a": None}, ["TEXT_NUL"]), (A, [])]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "DOCUMENT_EMPTY"),
        (b" \n\t", "DOCUMENT_EMPTY"),
        (b"\xef\xbb\xbf", "DOCUMENT_EMPTY"),
        (b"<CUSITM/>", "DOCUMENT_NOT_JSON"),
        (b"PK\x03\x04abc", "DOCUMENT_NOT_JSON"),
        (b"\x1f\x8b\x08", "DOCUMENT_NOT_JSON"),
        (b"hello", "DOCUMENT_NOT_JSON"),
        (b'"text"', "DOCUMENT_NOT_JSON"),
        (b"1", "DOCUMENT_NOT_JSON"),
        ('{"a":1}'.encode("utf-16"), "JSON_ENCODING"),
        ('{"a":1}'.encode("utf-16-le"), "JSON_ENCODING"),
        ('{"a":1}'.encode("utf-16-be"), "JSON_ENCODING"),
        ('{"a":1}'.encode("utf-32"), "JSON_ENCODING"),
        ('{"a":1}'.encode("utf-32-be"), "JSON_ENCODING"),
        (b"{", "JSON_TRUNCATED"),
        (b'[{"a":1}', "JSON_TRUNCATED"),
        (b'[{"a":1},', "JSON_TRUNCATED"),
        (b'{"a":"x', "JSON_TRUNCATED"),
        (b'{"a":"x\\u12', "JSON_TRUNCATED"),
        (b'{"a":tru', "JSON_TRUNCATED"),
        (b'{"a":-', "JSON_TRUNCATED"),
        (b"[{},]", "JSON_NOT_WELL_FORMED"),
        (b'{"a":1}]', "JSON_NOT_WELL_FORMED"),
        (b"[{}{}]", "JSON_NOT_WELL_FORMED"),
        (b"{'a':1}", "JSON_NOT_WELL_FORMED"),
        (b'{"a":01}', "JSON_NOT_WELL_FORMED"),
        (b'{"a":1,}', "JSON_NOT_WELL_FORMED"),
        (b'{"a":"\x01"}', "JSON_NOT_WELL_FORMED"),
        (b'{"a" 1}', "JSON_NOT_WELL_FORMED"),
        (b'{"a":"\\x"}', "JSON_NOT_WELL_FORMED"),
    ],
)
@pytest.mark.parametrize("size", [1, 4096])
def test_what_is_no_json_says_so(data, code, size):
    *_, stopped = read(*(data[at : at + size] for at in range(0, len(data), size)))
    assert stopped.code == code


def test_the_place_of_a_mistake_in_an_array_is_told_by_line_and_column():
    items, stopped = read('[{"a": 1},\n {"a" 1},\n {"a": 1}]')
    assert [each[0] for each in items] == ["/0"]
    assert (stopped.code, stopped.line) == ("JSON_NOT_WELL_FORMED", 2)
    assert "column 7" in stopped.sentence


def test_the_place_is_right_however_much_was_let_go_of():
    filler = '{"a": "' + "x" * 1000 + '"},'
    document = "[" + filler * 200 + "\n" + filler * 200 + '  {"a" 1}]'
    _, stopped = read(document)
    assert stopped.line == 2
    assert f"column {len(filler) * 200 + 8}" in stopped.sentence


def test_after_a_line_that_is_no_json_the_next_line_is_read():
    items, stopped = read('{"a": 1}\n{"a" 1}\nwords\n[1]\n{"a": 1} x\n{"a": 1}\n')
    assert stopped is None
    assert [(each[0], each[3]) for each in items] == [
        ("/0", []),
        ("/1", ["JSON_NOT_WELL_FORMED"]),
        ("/2", ["JSON_NOT_WELL_FORMED"]),
        ("/3", ["ITEM_NOT_OBJECT"]),
        ("/4", ["JSON_NOT_WELL_FORMED"]),
        ("/5", []),
    ]


def test_a_bad_first_line_does_not_hide_that_there_are_lines():
    items, stopped = read('{"a": }\n{"a": 1}\n')
    assert stopped is None
    assert [each[3] for each in items] == [["JSON_NOT_WELL_FORMED"], []]


def test_lines_are_lines_also_where_an_object_could_hold_the_items():
    items, stopped = read('{"a": 1}\n{"a" 1}\n{"a": 1}\n', at=(("items",),))
    assert stopped is None
    assert [each[3] for each in items] == [[], ["JSON_NOT_WELL_FORMED"], []]
    assert codes('{"items": [{"a": 1}]}\n{"a": 1}\n', at=(("items",),)) == ([[], []], "JSON_NOT_WELL_FORMED")


def test_bytes_that_are_no_utf_8_reject_their_item_alone():
    for document in (b'[{"a": "\xe9"}, {"a": "\xc3\xa9"}]', b'{"a": "\xe9"}\n{"a": "\xc3\xa9"}\n'):
        for size in (1, 4096):
            items, stopped = read(*(document[at : at + size] for at in range(0, len(document), size)))
            assert stopped is None
            assert [each[2:] for each in items] == [(None, ["JSON_ENCODING"]), ({"a": "é"}, [])]


@pytest.mark.parametrize("depth", [limit.DEPTH + 1, 400, 5_000, 100_000])
def test_a_deep_item_is_rejected_alone_and_its_neighbours_are_read(depth):
    deep = '{"a": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"
    for document in (f"[{deep}, {TEXT[0]}]", f"{TEXT[0]}\n{deep}\n"):
        found, stopped = codes(document)
        assert stopped is None
        assert sorted(found) == [[], ["JSON_TOO_DEEP"]]


def test_an_item_as_deep_as_allowed_is_read():
    deep = '{"a": ' + "[" * (limit.DEPTH - 1) + "]" * (limit.DEPTH - 1) + "}"
    assert codes(deep) == ([[]], None)


@pytest.mark.parametrize("size", [limit.ITEM, limit.ITEM + 1, 3 * limit.ITEM])
def test_an_item_of_a_mebibyte_is_read_and_a_larger_one_rejected_alone(size):
    large = '{"a": "' + "é" * ((size - 9) // 2) + "x" * ((size - 9) % 2) + '"}'
    assert len(large.encode()) == size
    wanted = [] if size <= limit.ITEM else ["ITEM_TOO_LARGE"]
    for document in (f"[{TEXT[0]}, {large}, {TEXT[0]}]", f"{TEXT[0]}\n{large}\n{TEXT[0]}\n"):
        assert codes(document) == ([[], wanted, []], None)


def test_behind_an_item_without_end_nothing_is_read():
    items, stopped = read("[" + TEXT[0] + ', {"a": "' + "x" * (limit.GAP + limit.PIECE))
    assert len(items) == 1
    assert stopped.code == "HEADER_TOO_LARGE"


@pytest.mark.parametrize(("count", "wanted"), [(limit.VALUES - 4, []), (limit.VALUES + 1, ["ITEM_TOO_COMPLEX"])])
def test_an_item_of_too_many_values_is_rejected_alone(count, wanted):
    many = '{"a": [' + ",".join("0" * count) + "]}"
    assert codes(f"[{TEXT[0]}, {many}, {TEXT[0]}]") == ([[], wanted, []], None)


def test_too_many_or_too_large_names_beside_the_items_end_the_reading():
    names = ",".join(f'"n{number}": 0' for number in range(limit.MEMBERS + 1))
    assert codes(f'{{{names}, "items": []}}', at=(("items",),))[1] == "ITEM_TOO_COMPLEX"
    large = '"' + "x" * (limit.ITEM // 2) + '"'
    assert codes(f'{{"a": {large}, "b": {large}, "items": []}}', at=(("items",),))[1] == "HEADER_TOO_LARGE"


@pytest.mark.parametrize("entry", ["null", "1", '"x"', "[{}]", "true"])
def test_an_entry_that_is_no_object_is_rejected_alone(entry):
    assert codes(f"[{entry}, {TEXT[0]}]") == ([["ITEM_NOT_OBJECT"], []], None)


def test_a_value_is_measured_without_being_made():
    text = r' {"a": [1, {"b\"}": "]"}], "c": {}} x'
    extent = measure(text, 1)
    assert text[extent.end :] == " x"
    assert extent.depth == 3
    assert measure(text[:-3], 1) is None
    assert measure(r'{"a": "\"', 0) is None
    assert measure("1", 0) is None


HOSTILE = [
    ("quotes without end", "[" + '{"a":"' + '\\"' * 500_000),
    ("one long escape", '{"a":"' + "\\" * 1_000_000),
    ("brackets", "[" * 1_000_000),
    ("braces in pairs", "[" + "{}" * 300_000),
    ("tiny items", "[" + "{}," * 300_000),
    ("blanks", " " * 1_000_000),
    ("lines", "{}\n" * 200_000),
    ("commas", '{"a":[' + "," * 1_000_000),
    ("empty arrays", '{"a":[' + "[]," * 300_000),
    ("digits", '{"a":' + "1" * 1_000_000),
    ("names", "{" + ",".join(f'"{number}":0' for number in range(150_000))),
    ("same names", "{" + ",".join(['"a":0'] * 150_000) + "}"),
]


@pytest.mark.parametrize("document", [pytest.param(each, id=name) for name, each in HOSTILE])
def test_no_stretch_of_text_is_looked_at_more_than_a_few_times(document, monkeypatch):
    looked_at = 0

    def decoding(decode):
        def value(self, text, start):
            nonlocal looked_at
            end = len(text)
            try:
                made, end = decode(self, text, start)
            except json.JSONDecodeError as error:
                end = max(error.pos, start)
                raise
            finally:
                looked_at += end - start
            return made, end

        return value

    def measuring(text, start):
        nonlocal looked_at
        extent = measure(text, start)
        looked_at += (len(text) if extent is None else extent.end) - start
        return extent

    monkeypatch.setattr(element.Decoder, "value", decoding(element.Decoder.value))
    monkeypatch.setattr(element, "measure", measuring)
    data = document.encode()
    codes(*(data[at : at + 1000] for at in range(0, len(data), 1000)))
    assert looked_at <= 6 * len(data)


def test_memory_does_not_grow_with_the_document():
    item = json.dumps({"a": ["text"] * 100, "b": {"c": "x" * 500}}).encode()

    def grown(items):
        parts = itertools.chain([b"["], itertools.repeat(item + b",", items), [item + b"]"])
        tracemalloc.start()
        for _ in Reading(parts).found():
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert grown(4000) < grown(400) + 200_000
