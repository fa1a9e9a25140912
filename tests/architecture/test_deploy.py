"""The deployment says the same as the program: ports, settings, command, Python, and what goes into the image."""

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from typer.main import get_command

from parcelgate.app.command import cli
from parcelgate.core.setting import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PORTS = {Settings().http_port, Settings().grpc_port}


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions in order; continued lines are joined, comments left out."""
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def the(instruction: str) -> str:
    """Return the last instruction of this name: the one that holds for the image."""
    return [rest for word, rest in instructions() if word == instruction][-1]


def in_compose(pattern: str) -> str:
    """Return the one place of the compose file that a pattern finds."""
    (found,) = re.findall(pattern, COMPOSE, re.MULTILINE)
    return found


def test_image_and_compose_file_open_the_ports_of_the_settings():
    assert {int(port) for port in the("EXPOSE").split()} == PORTS
    published = re.findall(r'^ +- "127\.0\.0\.1:(\d+):(\d+)"$', COMPOSE, re.MULTILINE)
    assert {(int(outside), int(inside)) for outside, inside in published} == {(port, port) for port in PORTS}


def test_every_variable_of_the_image_is_a_setting():
    given = dict(re.findall(r"PARCELGATE_(\w+)=(\S+)", the("ENV")))
    assert set(given) <= {field.name.upper() for field in fields(Settings)}
    assert given["HOST"] == "0.0.0.0", "inside a container the loopback is nobody's"
    assert given["DATA"] == the("VOLUME")


def test_the_command_of_image_and_compose_file_is_one_that_the_program_understands():
    assert json.loads(the("ENTRYPOINT")) == [*PROJECT["project"]["scripts"]] == ["parcelgate"]
    command = json.loads(the("CMD"))
    assert command == json.loads(in_compose(r"^    command: (.+)$")) == ["up", "--data", the("VOLUME")]
    up = get_command(cli).commands[command[0]]
    assert up.make_context("up", command[1:]).params["data"] == Path("/data")
    assert re.search(r"^      - data:/data$", COMPOSE, re.MULTILINE)


@pytest.mark.parametrize("where", ["image", "compose"])
def test_health_is_asked_where_the_gateway_answers(where):
    asked = the("HEALTHCHECK").partition("CMD ")[2] if where == "image" else in_compose(r"^      test: (.+)$")
    code = json.loads(asked)[-1]
    port, path = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", code).groups()
    assert int(port) == Settings().http_port
    assert f'Route("{path}"' in (ROOT / "services/parcelgate/app/server.py").read_text("utf-8")
    compile(code, where, "exec")


def test_every_stage_of_the_image_has_the_python_that_types_are_checked_for():
    images = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(set(images)) == 1, "compiled libraries are copied from one stage to the other"
    version = re.fullmatch(r"python:(\d+\.\d+)-slim-\w+", images[0])[1]
    assert version == PROJECT["tool"]["mypy"]["python_version"]
    assert PROJECT["project"]["requires-python"] == f">={version}"
    assert f"Programming Language :: Python :: {version}" in PROJECT["project"]["classifiers"]


def test_the_gateway_runs_as_nobody_special_on_a_file_system_that_it_cannot_write():
    user = the("USER").split(":")[0]
    assert user.isdecimal() and user != "0"
    assert "read_only: true" in COMPOSE and re.search(r"tmpfs:\n +- /tmp$", COMPOSE, re.MULTILINE)


def test_what_the_sdist_is_made_from_goes_into_the_image_and_nothing_else():
    sources = {name.strip("/") for name in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    copied = [rest.split()[:-1] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    assert {name for names in copied for name in names} == sources | {"pyproject.toml"}
    let_in = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert {line[1:] for line in let_in if line.startswith("!")} == sources | {"pyproject.toml"}
