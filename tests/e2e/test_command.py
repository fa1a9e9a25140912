"""The command line as it is used: every command of the README, exit codes 0, 1 and 2, and never a traceback."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time

import pytest
from gateway_process import GatewayProcess

from command_line import ROOT, environment, run
from format_folders import copied
from nasty_partner import Writer

STOP_SECONDS = 10


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a running gateway on build/demo, as after make demo and make up."""
    folder = tmp_path_factory.mktemp("command")
    data = folder / "build" / "demo"
    data.mkdir(parents=True)
    gateway = GatewayProcess(data)
    gateway.start()
    yield folder
    gateway.stop()


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "good.xml"
    path.write_bytes(Writer("post-jp", 100_000).write(2))
    return path


def fenced():
    """Return the commands of README's fenced blocks, without the make targets."""
    for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for row in block.splitlines():
            command = row.partition("#")[0].strip()
            if command and not command.startswith("make "):
                yield command


def test_the_commands_of_the_readme_run_as_they_are_written(place):
    commands = list(fenced())
    assert {shlex.split(one)[1] for one in commands} >= {"sample", "validate", "send", "trace", "doctor"}
    (place / "bin").mkdir()
    script = place / "bin" / "parcelgate"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m parcelgate.app.command "$@"\n')
    script.chmod(0o755)
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        # An item of the demo is not known here; and what has faults says so by its code.
        name = shlex.split(command)[1]
        done = subprocess.run(
            command, shell=True, cwd=place, env=environment(PATH=path), capture_output=True, text=True, timeout=100
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        assert done.returncode == 0 or (name in ("trace", "send", "validate") and done.returncode == 1), (
            command,
            done.stdout,
            done.stderr,
        )
        assert done.stdout.strip(), command
    # make is not run here, but its targets are there.
    targets = re.findall(r"^make (\w+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert targets and all(re.search(rf"^{one}:.*##", makefile, re.MULTILINE) for one in targets)


def test_help_lists_every_command_of_the_readme(tmp_path):
    said, _ = run("--help", cwd=tmp_path)
    for name in {shlex.split(one)[1] for one in fenced()} | {"up", "migrate", "replay", "translate", "formats", "demo"}:
        assert re.search(rf"^\s+{name}\b", said, re.MULTILINE), name


def test_send_waits_for_the_decisions_and_says_them(place, good):
    said, _ = run("send", good, "--as", "post-jp", "--wait", "--json", "--data", "build/demo", cwd=place)
    outcome = json.loads(said)
    assert outcome["state"] == "ROUTED" and all(item["decisions"] for item in outcome["items"])
    shown, _ = run("send", good, "--as", "post-jp", "--wait", "--data", "build/demo", cwd=place)
    assert outcome["receipt"] in shown and "eu-customs" in shown
    found, _ = run("trace", outcome["items"][0]["identifier"], "--data", "build/demo", "--json", cwd=place)
    assert json.loads(found)["found"]
    read, _ = run("send", "-", "--as", "post-jp", "--json", "--data", "build/demo", cwd=place, stdin=good.read_bytes())
    assert json.loads(read)["receipt"] == outcome["receipt"]


def test_send_of_something_bad_ends_with_one_or_two(place, good, tmp_path):
    letter, spoilt = tmp_path / "letter.txt", tmp_path / "spoilt.xml"
    letter.write_text("Dear customs")
    spoilt.write_bytes(Writer("post-jp", 110_000).write(2).replace(b"</CUSITM>", b""))
    _, told = run("send", letter, "--as", "post-jp", "--data", "build/demo", cwd=place, code=2)
    assert "DOCUMENT_NOT_XML" in told
    said, _ = run("send", spoilt, "--as", "post-jp", "--wait", "--data", "build/demo", cwd=place, code=1)
    assert "XML_TRUNCATED" in said
    for arguments, words in (
        (("send", tmp_path / "none.xml", "--as", "post-jp"), "none.xml"),
        (("send", tmp_path, "--as", "post-jp"), str(tmp_path)),
        (("send", good, "--as", "post-zz"), "there is no partner post-zz"),
        (("send", good, "--as", "../../etc/passwd"), "there is no partner"),
        (("send", good, "--as", "carrier-swift"), "ROLE_REFUSED"),
        (("trace", "x", "--as", "nobody"), "there is no partner nobody"),
        (("replay", "router/none"), "NOTHING_TO_REPLAY"),
        (("replay", "0" * 32), "DECLARATION_UNKNOWN"),
    ):
        _, told = run(*arguments, "--data", "build/demo", cwd=place, code=2)
        assert words in told.replace("\n", ""), told
    said, _ = run("trace", "RX000000000XX", "--data", "build/demo", cwd=place, code=1)
    assert "nothing is known" in said


def test_validate_and_translate_need_no_gateway(good, tmp_path):
    said, _ = run("validate", good, cwd=tmp_path)
    assert "2 items, 2 accepted, 0 rejected" in said
    spoilt = tmp_path / "spoilt.xml"
    spoilt.write_bytes(good.read_bytes().replace(b"<FlowCd>", b"<FlowCd>&boo;", 1))
    said, _ = run("validate", spoilt, "--json", cwd=tmp_path, code=1)
    (fault,) = json.loads(said)["faults"]
    assert (fault["code"], fault["line"] > 10) == ("XML_ENTITY", True)
    said, _ = run("validate", "-", cwd=tmp_path, code=1, stdin=b"\xff\xfe\0")
    assert "error " in said
    said, _ = run("translate", good, "--to", "json", cwd=tmp_path)
    assert len([json.loads(row)["item"]["key"] for row in said.splitlines()]) == 2
    said, _ = run("translate", good, "--to", "upu/cusitm/own-1", cwd=tmp_path)
    assert said.startswith("<?xml")
    for to, code in (("upu/cusrsp/own-1", "FORMAT_CARRIES_OTHER"), ("no/such/format", "FORMAT_NOT_LOADED")):
        _, told = run("translate", good, "--to", to, cwd=tmp_path, code=1)
        assert code in told
    _, told = run("validate", tmp_path / "none.xml", cwd=tmp_path, code=2)
    assert "none.xml" in told
    said, _ = run("validate", good, "--format", "no/such/format", cwd=tmp_path, code=1)
    assert "FORMAT_NOT_LOADED" in said
    said, _ = run("formats", "--json", cwd=tmp_path)
    assert {one["id"] for one in json.loads(said)} >= {"upu/cusitm/own-1", "upu/cusrsp/own-1"}
    assert "upu/cusitm/own-1" in run("formats", cwd=tmp_path)[0]


def test_the_ledger_of_a_translation_says_what_became_of_each_field(tmp_path):
    full = ROOT / "schemas" / "upu" / "cusitm" / "own-1" / "examples" / "full.xml"
    plain, quiet = run("translate", full, "--to", "upu/itmatt/own-1", cwd=tmp_path)
    said, told = run("translate", full, "--to", "upu/itmatt/own-1", "--ledger", cwd=tmp_path)
    assert (said, quiet) == (plain, "")
    assert re.search(r"^content_piece/HS +mapped 2 times$", told, re.MULTILINE)
    assert re.search(r"^Item/MailObject/TypeCd +ignored once: an item of this message", told, re.MULTILINE)
    assert "item.customs_office: not expressible in upu/itmatt/own-1" in told
    assert "declaring_post: not expressible in the header" in told
    _, told = run("translate", full, "--to", "json", "--ledger", cwd=tmp_path)
    assert "mapped" in told and "not expressible" not in told
    _, told = run("translate", full, "--format", "no/such/1", "--to", "json", "--ledger", cwd=tmp_path, code=1)
    assert "FORMAT_NOT_LOADED" in told


def test_formats_are_listed_and_checked(tmp_path):
    said, _ = run("formats", "--json", cwd=tmp_path)
    known = [one["id"] for one in json.loads(said)]
    assert "upu/itmatt/own-1" in known
    said, _ = run("formats", "check", "--json", cwd=tmp_path)
    assert [(one["format"], one["well"]) for one in json.loads(said)] == [(name, True) for name in known]
    copied(tmp_path, mapping=[('{ at = "PId", to = "response_id", as = "reference" },', "")])
    said, _ = run("formats", "check", "upu", cwd=tmp_path, code=1)
    assert "coverage, Response/PId: the schema has it" in said and "record, response_id: no row" in said
    (tmp_path / "empty").mkdir()
    _, told = run("formats", "check", "empty", cwd=tmp_path, code=2)
    assert "there is no format in empty" in told


def test_the_same_seed_makes_the_same_sample(tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        run("sample", name, "--seed", seed, "--items", 30, "--shipments", 6, "--json", cwd=tmp_path)
    trees = [
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in "abc"
    ]
    assert trees[0] == trees[1] != trees[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("send",),
        ("validate",),
        ("sample", "x", "--items", "-1"),
        ("up", "--http-port", "many"),
        ("trace", "x", "--colour"),
    ],
)
def test_a_wrong_usage_ends_with_two_and_a_sentence(tmp_path, arguments):
    _, told = run(*arguments, cwd=tmp_path, code=2)
    assert "Usage:" in told or "Error" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("send", "{good}", "--as", "post-jp"), ("trace", "x"), ("replay", "a/b")])
def test_without_a_gateway_the_hint_is_to_start_one(tmp_path, good, arguments):
    _, told = run(*(one.format(good=good) for one in arguments), "--data", "somewhere", cwd=tmp_path, code=2)
    assert "start one with: parcelgate up --data somewhere" in " ".join(told.split())


def test_wrong_settings_are_named(tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "parcelgate.toml").write_text("colour = 1\n")
    assert "there is no setting colour" in run("formats", cwd=tmp_path, code=2)[1]
    (tmp_path / "var" / "parcelgate.toml").write_text("= = =\n")
    assert "parcelgate:" in run("formats", cwd=tmp_path, code=2)[1]
    (tmp_path / "var" / "parcelgate.toml").unlink()
    assert "workers" in run("formats", cwd=tmp_path, code=2, PARCELGATE_WORKERS="many")[1]


def test_doctor_with_and_without_a_gateway(place, tmp_path):
    checks = {one["what"]: one for one in json.loads(run("doctor", "--json", "--data", "build/demo", cwd=place)[0])}
    assert (
        checks["gateway"]["well"]
        and "http://127.0.0.1" in checks["gateway"]["finding"]
        and checks["dead letters"]["well"]
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said, _ = run("doctor", cwd=tmp_path, code=1, PARCELGATE_HTTP_PORT=port, PARCELGATE_GRPC_PORT="0")
        assert f"MEND  HTTP port: {port}" in said and "Choose another port" in said
    run("doctor", cwd=tmp_path, PARCELGATE_HTTP_PORT="0", PARCELGATE_GRPC_PORT="0")


def test_migrate_runs_once_and_not_beside_a_gateway(place, tmp_path):
    said, _ = run("migrate", "--data", "fresh", cwd=tmp_path)
    assert said.split() and "nothing to do" not in said
    assert "nothing to do" in run("migrate", "--data", "fresh", cwd=tmp_path)[0]
    assert "another gateway runs on build/demo" in run("migrate", "--data", "build/demo", cwd=place, code=2)[1]


def test_a_second_gateway_and_a_taken_port_are_refused_in_a_sentence(place, tmp_path):
    ports = ("--http-port", "0", "--grpc-port", "0")
    assert "another gateway runs on build/demo" in run("up", "--data", "build/demo", *ports, cwd=place, code=2)[1]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments in (("--http-port", port, "--grpc-port", "0"), ("--http-port", "0", "--grpc-port", port)):
            _, told = run("up", "--data", "own", *arguments, cwd=tmp_path, code=2)
            assert "parcelgate: " in told and port in told, told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_finishes_the_work_in_hand_and_stops_within_ten_seconds(tmp_path, number):
    data = tmp_path / "data"
    data.mkdir()
    gateway = GatewayProcess(data)
    gateway.start()
    big = tmp_path / "big.xml"
    big.write_bytes(Writer("post-jp", 120_000).write(800))
    said, _ = run("send", big, "--as", "post-jp", "--json", "--data", data, cwd=tmp_path)
    receipt = json.loads(said)["receipt"]
    began = time.monotonic()
    os.kill(gateway.pid, number)
    while gateway.alive and time.monotonic() - began < 2 * STOP_SECONDS:
        time.sleep(0.05)
    assert not gateway.alive and time.monotonic() - began < STOP_SECONDS
    assert gateway.code == 0 and "Traceback" not in gateway.log.read_text()
    assert "fork" not in gateway.log.read_text()
    gateway.start()
    said, _ = run("send", big, "--as", "post-jp", "--wait", "--json", "--data", data, cwd=tmp_path)
    outcome = json.loads(said)
    assert (outcome["receipt"], outcome["counts"]["accepted"], outcome["counts"]["decided"]) == (receipt, 800, 800)
    gateway.stop()
