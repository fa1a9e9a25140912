"""The segment table: what each segment means where it stands."""

import re
from pathlib import Path

import pytest

from parcelgate.codecs.edifact.table import Table
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.core.fault import catalogue

MESSAGE = [
    "BGM 1 1",
    "DTM 0 2",
    "LOC 1 1",
    "DTM 0 9",
    {
        "group": "a",
        "max": 3,
        "of": ["CNI 1 1", "MEA 1 1", {"group": "b", "min": 1, "max": 2, "of": ["GID 1 2", "PCI 1 1"]}, "SEL 0 1"],
    },
    "CNT 1 1",
]


def walked(*tags):
    """Follow the tags; tells for each which group it opened, and what was lacking on the way, or None if it may not stand."""
    table = Table({"message": MESSAGE})
    at, found = table.start, []
    for tag in tags:
        move = table.move(at, tag)
        if move is None:
            found.append(None)
            continue
        lacks = [tag for _, inner in move.closes for tag in inner] + list(move.lacks)
        found.append((move.opens.path if move.opens is not None else "", lacks))
        at = move.to
    return found


def test_segments_in_their_order_open_and_close_groups():
    assert walked(
        "BGM", "DTM", "LOC", "CNI", "MEA", "GID", "PCI", "GID", "PCI", "CNI", "MEA", "GID", "PCI", "SEL", "CNT", "UNT"
    ) == [
        ("", []),
        ("", []),
        ("", []),
        ("a", []),
        ("", []),
        ("a/b", []),
        ("", []),
        ("a/b", []),
        ("", []),
        ("a", []),
        ("", []),
        ("a/b", []),
        ("", []),
        ("", []),
        ("", []),
        ("", []),
    ]


def test_what_is_skipped_is_told_group_by_group():
    assert walked("LOC", "CNI", "GID", "CNI", "CNT", "UNT") == [
        ("", ["BGM"]),
        ("a", []),
        ("a/b", ["MEA"]),
        ("a", ["PCI"]),
        ("", ["MEA", "GID"]),
        ("", []),
    ]
    assert walked("UNT") == [("", ["BGM", "LOC", "CNT"])]


def test_a_segment_out_of_its_order_may_not_stand():
    assert walked("BGM", "LOC", "BGM", "PCI", "XXX", "CNI", "SEL", "MEA") == [
        ("", []),
        ("", []),
        None,
        None,
        None,
        ("a", []),
        ("", ["MEA", "GID"]),
        None,
    ]


def test_a_segment_that_came_too_often_may_be_a_later_one_of_its_tag():
    table = Table({"message": MESSAGE})
    first = table.move(table.move(table.start, "BGM").to, "DTM")
    again = table.move(first.to, "DTM")
    assert again.again
    assert again.over.to is table.message.entries[3]
    assert again.over.lacks == ("LOC",)
    assert table.move(again.over.to, "DTM").over is None


def test_a_trigger_that_may_repeat_stays_in_its_group():
    table = Table({"message": MESSAGE})
    at = table.group("a/b").entries[0]
    assert table.move(at, "GID").opens is None
    assert table.move(at, "GID").again


@pytest.mark.parametrize(
    "rows",
    [
        [],
        ["BGM 1 1 1"],
        ["BGM one 1"],
        ["BG 1 1"],
        ["bgm 1 1"],
        [{"group": "a", "of": []}],
        [{"group": "a", "max": 1, "of": []}],
    ],
)
def test_a_table_that_makes_no_sense_is_refused(rows):
    with pytest.raises(MappingError, match=r"segments\.toml"):
        Table({"message": rows})


def test_every_fault_of_edifact_is_told_somewhere_and_every_one_told_is_in_the_catalogue():
    codecs = Path(__file__).parents[3] / "services" / "parcelgate" / "codecs"
    text = "".join(path.read_text("utf-8") for path in sorted(codecs.rglob("*.py")))
    told = set(re.findall(r"\"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)\"", text))
    ours = {code for code, row in catalogue().items() if row.area == "edifact"}
    assert len(ours) > 20
    assert ours <= told
    in_the_engine = "".join(path.read_text("utf-8") for path in sorted((codecs / "edifact").glob("*.py")))
    added = set(re.findall(r"(?:\badd|\bfault)\(\s*\"([A-Z0-9_]+)\"", in_the_engine))
    assert added <= catalogue().keys()
