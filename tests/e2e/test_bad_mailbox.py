"""Bad files in a mailbox: each gets its result, and none of them holds up another, or another partner."""

import json
import os
import time

import pytest

from nasty_partner import Gateway, Writer, wait

PARTNER = "post-us"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("mailbox"))
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def writer():
    return Writer(PARTNER, 20_000)


@pytest.fixture(scope="module")
def good():
    return Writer("post-kr", 700_000)


@pytest.fixture(autouse=True)
def undisturbed(gateway, good):
    with gateway.beside(good):
        yield


@pytest.fixture
def tray(gateway):
    return gateway.mailbox(PARTNER) / "in"


def ended(gateway, name):
    """Return the result of a file."""
    return gateway.result(PARTNER, name)


@pytest.mark.parametrize(
    "name",
    [
        "a name with blanks .xml", "ünï 日本 Ω.xml", "new\nline.xml", "tab\tand\x07bell.xml", "-rf", "%2e%2e%2f..%2fetc%2fpasswd",
        "<script>alert(1).xml", "$(reboot);`id`.xml", "no-suffix", "two..dots..xml", "result.json", "\u202egnp.xml",
    ],
)  # fmt: skip
def test_a_file_may_have_any_name(gateway, writer, tray, name):
    (tray / name).write_bytes(writer.write(1))
    result = ended(gateway, name)
    assert (result["state"], result["name"], result["items"][0]["status"]) == ("ROUTED", name, "accepted")
    # The file follows its result.
    wait((tray.parent / "done" / name).is_file)


def test_a_name_that_is_no_text_is_taken_and_shown_with_replacement_characters(gateway, writer, tray):
    name = os.fsdecode(b"caf\xe9.xml")
    (tray / name).write_bytes(writer.write(1))
    done = tray.parent / "done" / f"{name}.result.json"
    wait(done.is_file)
    result = json.loads(done.read_text("utf-8"))
    assert (result["state"], result["name"]) == ("ROUTED", "caf\ufffd.xml")


def test_a_name_too_long_for_its_result_is_cut_and_its_neighbours_go_on(gateway, writer, tray):
    for letter in "LM":
        (tray / (letter * 250 + ".xml")).write_bytes(writer.write(1))
    (tray / "behind.xml").write_bytes(writer.write(1))
    assert ended(gateway, "behind.xml")["state"] == "ROUTED"
    for letter in "LM":
        wait(lambda letter=letter: list((tray.parent / "done").glob(f"{letter}*.xml.result.json")))
        (result,) = (tray.parent / "done").glob(f"{letter}*.xml.result.json")
        assert json.loads(result.read_text())["name"] == letter * 250 + ".xml"
        wait(result.with_name(result.name.removesuffix(".result.json")).is_file)


def test_what_is_not_meant_for_us_is_left_alone(gateway, writer, tray):
    (tray / "half.xml.tmp").write_bytes(writer.write(1))
    (tray / ".hidden.xml").write_bytes(writer.write(1))
    (tray / "folder.xml").mkdir()
    (tray / "link.xml").symlink_to("/etc/passwd")
    os.mkfifo(tray / "pipe.xml")
    (tray / "after.xml").write_bytes(writer.write(1))
    assert ended(gateway, "after.xml")["state"] == "ROUTED"
    assert {path.name for path in tray.iterdir()} == {
        "half.xml.tmp",
        ".hidden.xml",
        "folder.xml",
        "link.xml",
        "pipe.xml",
    }


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("empty.xml", b"", "INTERCHANGE_EMPTY"),
        ("letter.doc", b"\xd0\xcf\x11\xe0 letter", "DOCUMENT_NOT_XML"),
        ("bomb.xml", b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>', "XML_DOCTYPE"),
        ("own.result.json", b"{}", "FORMAT_UNKNOWN"),
    ],
)
def test_a_bad_file_lies_in_error_with_its_reason_beside_it(gateway, tray, name, body, code):
    (tray / name).write_bytes(body)
    result = ended(gateway, name)
    assert (result["state"], [one["code"] for one in result["faults"]]) == ("REJECTED", [code])
    wait((tray.parent / "error" / name).is_file)
    assert result["faults"][0]["hint"] and (tray.parent / "error" / name).read_bytes() == body


def test_a_file_that_may_not_be_read_gets_its_result_and_holds_up_nothing(gateway, writer, tray):
    half = tray / "closed.xml.tmp"
    half.write_bytes(writer.write(1))
    half.chmod(0)
    half.rename(tray / "closed.xml")
    (tray / "behind-closed.xml").write_bytes(writer.write(1))
    assert ended(gateway, "behind-closed.xml")["state"] == "ROUTED"
    result = ended(gateway, "closed.xml")
    # Root may read everything.
    wait(lambda: not (tray.parent / "work" / "closed.xml").exists())
    readable = os.access(tray.parent / "done" / "closed.xml", os.R_OK)
    assert readable or [one["code"] for one in result["faults"]] == ["FILE_UNREADABLE"]


def test_a_file_that_grows_is_told_to_be_cut_off_and_taken_when_it_is_whole(gateway, writer, tray):
    whole = writer.write(2)
    with (tray / "grows.xml").open("wb") as file:
        for start in range(0, len(whole), 1000):
            file.write(whole[start : start + 1000])
            file.flush()
            time.sleep(0.2)
            if not (tray / "grows.xml").exists():
                break
    (fault,) = ended(gateway, "grows.xml")["faults"]
    assert fault["code"] == "XML_TRUNCATED" and "cut off" in fault["hint"]
    (tray / "whole.xml.tmp").write_bytes(whole)
    (tray / "whole.xml.tmp").rename(tray / "whole.xml")
    assert ended(gateway, "whole.xml")["counts"]["accepted"] == 2


def test_two_files_with_the_same_content_are_one_interchange(gateway, writer, tray):
    whole = writer.write(2)
    for name in ("twin-1.xml", "twin-2.xml"):
        (tray / name).write_bytes(whole)
    assert ended(gateway, "twin-1.xml")["receipt"] == ended(gateway, "twin-2.xml")["receipt"]


def test_a_name_that_was_there_before_hides_no_earlier_result(gateway, writer, tray):
    done, error = tray.parent / "done", tray.parent / "error"
    for number in range(2):
        (tray / "daily.xml").write_bytes(writer.write(1))
        (tray / "daily.bad").write_bytes(b"junk %d" % number)
        wait(
            lambda number=number: (
                len(list(done.glob("daily*.xml"))) > number and len(list(error.glob("daily*.bad"))) > number
            )
        )
    assert len(list(done.glob("daily*.xml.result.json"))) == len(list(error.glob("daily*.bad.result.json"))) == 2
    assert {path.read_bytes() for path in error.glob("daily*.bad")} == {b"junk 0", b"junk 1"}


def test_a_file_that_somebody_takes_out_of_our_hands_is_forgotten(gateway, writer, tray):
    (tray / "gone.xml").write_bytes(writer.write(500))
    wait((tray.parent / "work" / "gone.xml").exists)
    (tray.parent / "work" / "gone.xml").unlink()
    (tray / "behind-gone.xml").write_bytes(writer.write(1))
    assert ended(gateway, "behind-gone.xml")["state"] == "ROUTED"


def test_a_mailbox_that_is_lost_is_made_again(gateway, writer):
    other = Writer("post-th", 40_000)
    folder = gateway.mailbox("post-th")
    folder.rename(folder.with_name("elsewhere"))
    wait((folder / "in").is_dir)
    (folder / "in" / "anew.xml.tmp").write_bytes(other.write(1))
    (folder / "in" / "anew.xml.tmp").rename(folder / "in" / "anew.xml")
    assert gateway.result("post-th", "anew.xml")["state"] == "ROUTED"
    wait(lambda: list((folder / "out").glob("*.xml")))
