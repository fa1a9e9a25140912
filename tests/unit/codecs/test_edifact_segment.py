"""Splitting bytes into segments: service characters, character sets, releases, lines, limits."""

import itertools
import tracemalloc

import pytest

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.edifact import limit, opening
from parcelgate.codecs.edifact.charset import REFUSED, SETS
from parcelgate.codecs.edifact.delimiter import DEFAULT, LEVEL_B, from_advice
from parcelgate.codecs.edifact.segment import Repeated, SegmentTooLong, Splitter

V3, V4 = DEFAULT.of_version("3"), DEFAULT


def split(data, delimiters=V3, charset="UNOC", size=None):
    parts = [data] if size is None else (data[at : at + size] for at in range(0, len(data), size))
    splitter = Splitter(delimiters, SETS[charset])
    found = [(line, sound, splitter.parted(list(elements))) for line, sound, elements in splitter.segments(parts)]
    return found, splitter.rest


def elements(data, **said):
    return [parts for _, _, parts in split(data, **said)[0]]


def test_a_segment_is_its_tag_and_elements_of_components():
    assert elements(b"LOC+5+NZAKLA'MEA+WT+G+KGM:12.5'GID+1++'") == [
        ["LOC", ["5"], ["NZAKLA"]],
        ["MEA", ["WT"], ["G"], ["KGM", "12.5"]],
        ["GID", ["1"], [""], [""]],
    ]


def test_released_characters_are_text_wherever_they_stand():
    assert elements(b"B+??'C+????:??'") == [["B", ["?"]], ["C", ["??", "?"]]]
    assert elements(b"A+x?+y?:z??+?'?''") == [["A", ["x+y:z?"], ["''"]]]
    assert elements(b"A+?a?\xe9'") == [["A", ["a\xe9"]]]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_it_does_not_matter_how_the_bytes_are_parted(size, monkeypatch):
    monkeypatch.setattr(limit, "PIECE_LEAST", 1)
    data = b"A+1?'2??'\r\nB+x:?:'\n\nC+???''D'"
    assert split(data, size=size) == split(data)


def test_lines_are_counted_where_the_sender_breaks_them():
    found, rest = split(b"A+1'\nB+2'\r\n\n  C+3\n4'D'")
    assert [(line, parts[0]) for line, _, parts in found] == [(1, "A"), (2, "B"), (4, "C"), (5, "D")]
    assert rest == ""
    assert split(b"A+?+'\nB+2'")[0][1][0] == 2
    assert split(b"A+?+\nx'B+2'")[0][1][0] == 2


def test_what_has_no_terminator_is_left_over():
    assert split(b"A+1'B+2") == ([(1, True, ["A", ["1"]])], "B+2")
    assert split(b"A+1'B+2?'")[1] == "B+2'"
    assert split(b"A+1'\r\n\x1a\0\0")[1] == ""


def test_syntax_4_repeats_elements():
    (segment,) = elements(b"SEL+A*B:C*D?*E+F'", delimiters=V4)
    assert segment[1] == Repeated([["A"], ["B", "C"], ["D*E"]])
    assert segment[2] == ["F"]
    assert elements(b"SEL+A*B'") == [["SEL", ["A*B"]]]


@pytest.mark.parametrize("name", sorted(SETS.keys() - {"UNOA", "UNOB", "UNOW"}))
def test_every_set_reads_what_it_writes(name):
    text = "".join(char for char in bytes(range(0xA1, 0x100)).decode(SETS[name].codec, "ignore") if char != "\xad")
    data = SETS[name].data(f"A+{text}'")
    assert split(data, charset=name) == ([(1, True, ["A", [text]])], "")
    with pytest.raises(UnicodeEncodeError):
        SETS[name].data("\u4eac")


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("UNOA", b"abc", "abc"),
        ("UNOB", "é".encode("latin-1"), "é"),
        ("UNOB", b"a{b", "a{b"),
        ("UNOC", b"a\x00b", "a\ufffdb"),
        ("UNOC", b"a\x85b", "a\ufffdb"),
        ("UNOF", b"a\xffb", "a\ufffdb"),
        ("UNOW", b"a\xffb", "a\ufffdb"),
    ],
)
def test_a_character_outside_the_set_is_noted_and_nothing_else_is_lost(name, data, text):
    found, _ = split(b"A+1'B+" + data + b"+2'C'", charset=name)
    assert found == [(1, True, ["A", ["1"]]), (1, False, ["B", [text], ["2"]]), (1, True, ["C"])]


def test_a_doubtful_segment_stays_so_when_its_end_was_released(monkeypatch):
    monkeypatch.setattr(limit, "PIECE_LEAST", 1)
    assert split(b"A+\x00?'B'C'", size=5)[0] == [(1, False, ["A", ["\ufffd'B"]]), (1, True, ["C"])]


def test_utf_8_is_not_torn_at_the_edges_of_parts(monkeypatch):
    monkeypatch.setattr(limit, "PIECE_LEAST", 1)
    data = "A+京都:Łódź'B'".encode()
    assert split(data, charset="UNOW", size=1) == split(data, charset="UNOW")
    assert split(data, charset="UNOW")[0][0] == (1, True, ["A", ["京都", "Łódź"]])


@pytest.mark.parametrize("fill", [b"x", b"+", b"?", b"?'", b":", b"\n"])
def test_a_segment_without_end_stops_the_reading_in_time(fill):
    data = b"A+1'B" + fill * (4 * limit.SEGMENT)
    splitter = Splitter(V3, SETS["UNOC"])
    with pytest.raises(SegmentTooLong):
        list(splitter.segments(data[at : at + 4096] for at in range(0, len(data), 4096)))
    assert splitter.consumed <= 3 * limit.SEGMENT


def test_a_long_segment_with_an_end_is_too_long_as_well():
    for data in (b"B" + b"x" * limit.SEGMENT + b"x'A'", b"B" + b"?+" * limit.SEGMENT + b"'A'"):
        with pytest.raises(SegmentTooLong):
            list(Splitter(V3, SETS["UNOC"]).segments([data]))


def test_memory_stays_flat_however_long_the_interchange_is():
    part = b"CNI+1+NZAKLAAUSYDAACN60012003000125'MEA+WT+G+KGM:12.5'" * 1000

    def peak(times):
        tracemalloc.start()
        assert sum(1 for _ in Splitter(V3, SETS["UNOC"]).segments(itertools.repeat(part, times))) == 2000 * times
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return found

    peak(1)
    assert peak(60) < 1.2 * peak(5)


@pytest.mark.parametrize(
    ("advice", "found"),
    [
        (":+.? '", V4._replace(repetition="")),
        (":+,?*'", V4._replace(decimal=",")),
        ("|!,\\ $", ("|", "!", ",", "\\", "", "$")),
        (":+.  '", (":", "+", ".", "", "", "'")),
        (":+.? \n", (":", "+", ".", "?", "", "\n")),
        ("++.? '", None),
        (":+.?''", V4._replace(repetition="")),
        ("A+.? '", None),
        (":+.? \xe9", None),
        (": .? '", None),
    ],
)
def test_the_advice_is_read_or_of_no_use(advice, found):
    assert from_advice(advice) == found


def opened(text, charset="UNOC:3"):
    return opening.opened([text.replace("@", charset).encode("latin-1")])


def test_what_the_opening_says():
    found = opened("UNA:+.? '\r\nUNB+@+A+B'")
    assert (found.delimiters, found.charset.name, found.version, found.preceded, found.line) == (
        V3,
        "UNOC",
        "3",
        False,
        2,
    )
    assert b"".join(found.parts) == b"UNB+UNOC:3+A+B'"
    assert opened("UNB+@+A+B'", "UNOC:4").delimiters == V4
    assert opened("UNB\x1dUNOB\x1f1\x1dA\x1c").delimiters == LEVEL_B
    first_of_two = opened("UNB+@+A+B+260114:0905+1'UNZ+0+1'UNA|!,\\ $UNB!UNOC|3!A$")
    assert first_of_two.delimiters == V3
    mail = opened("Dear all,\nUNBELIEVABLE UNA\n\nUNB+@+A+B'")
    assert (mail.preceded, mail.line) == (True, 4)


@pytest.mark.parametrize("size", [1, 5, 4096])
def test_the_opening_may_come_in_small_parts(size):
    data = b"junk\n" + b"UNA:+.? 'UNB+UNOC:3+A+B+260114:0905+1'" + b"UNZ+0+1'" * 3000
    found = opening.opened(data[at : at + size] for at in range(0, len(data), size))
    assert b"".join(found.parts) == data[data.index(b"UNB") :]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "DOCUMENT_EMPTY"),
        ("hello", "DOCUMENT_NOT_EDIFACT"),
        ("UN", "EDIFACT_TRUNCATED"),
        ("UNA:+.?", "EDIFACT_TRUNCATED"),
        ("UNB+", "EDIFACT_TRUNCATED"),
        ("UNB+UNOC:3", "EDIFACT_TRUNCATED"),
        ("UNA:+.? 'UNH+1'", "SERVICE_CHARACTERS_UNUSABLE"),
        ("UNA::.? 'UNB:UNOC+3:A'", "SERVICE_CHARACTERS_UNUSABLE"),
        ("UNB+UNOC:7+A'", "SYNTAX_VERSION_UNKNOWN"),
        ("UNB+UNOC+A'", "SYNTAX_VERSION_UNKNOWN"),
        ("UNB+KECA:3+A'", "CHARACTER_SET_UNKNOWN"),
        ("x" * limit.BEFORE + "UNB+UNOC:3+A'", "DOCUMENT_NOT_EDIFACT"),
        *((f"UNB+{name}:4+A'", "CHARACTER_SET_REFUSED") for name in sorted(REFUSED)),
    ],
)
def test_what_can_not_be_opened_is_a_fault(text, code):
    found = opened(text)
    assert isinstance(found, Fault)
    assert found.code == code


@pytest.mark.parametrize(
    ("first", "looks"),
    [
        (b"UNB+UNOC:3", True),
        (b"\xef\xbb\xbfUNA:+.? '", True),
        (b"UN", True),
        (b"Subject: x\n\nUNB+UNOC:3", True),
        (b"<a>UNB+</a>", False),
        (b'{"a": "UNB+"}', False),
        (b"hello", False),
        (b"", False),
    ],
)
def test_an_interchange_is_known_by_its_first_bytes(first, looks):
    assert opening.begins(first) is looks
