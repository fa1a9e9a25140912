"""The contract: it only grows, and every part of it has a sentence."""

import re
from pathlib import Path

from contract_lock import LOCK, lines

PROTOS = sorted((Path(__file__).parents[2] / "proto").rglob("*.proto"))


def test_nothing_that_was_locked_is_gone():
    assert set(LOCK.read_text("utf-8").splitlines()) <= set(lines())


def test_what_is_new_is_locked():
    assert set(lines()) <= set(LOCK.read_text("utf-8").splitlines()), "run make lock"


def test_every_message_field_value_and_call_has_a_sentence():
    bare = []
    for path in PROTOS:
        before = ""
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            declares = re.match(r"\s*(message|enum|service|rpc)\s|\s*[\w.<>, ]+\s*=\s*\d+;", line)
            if declares and not before.strip().startswith("//"):
                bare.append(f"{path.name}:{number}")
            before = line
    assert bare == []


def test_path_and_package_are_one():
    for path in PROTOS:
        package = re.search(r"^package (.+);$", path.read_text("utf-8"), re.MULTILINE)[1]
        assert package == ".".join(path.parent.relative_to(path.parents[4]).parts)
