"""The cluster's deployment says the same as the program: doors, calls, commands, settings, names and ports."""

import dataclasses
import re
from pathlib import Path

import pytest
from deployment import FOLDER, compose
from typer.main import get_command

from parcelgate.app import gateway, topology
from parcelgate.app.command import cli
from parcelgate.carrier import openapi
from parcelgate.core import setting
from parcelgate.core.setting import Settings

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "services" / "parcelgate"
CONF = (FOLDER / "nginx.conf").read_text("utf-8")
SERVICES = compose()["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "parcelgate"}


def text_of(service):
    return "\n".join(path.read_text("utf-8") for path in sorted((SOURCES / service).rglob("*.py")))


def paths():
    """Return every HTTP path of the source with the service that has it."""
    found = [(path, name) for name in topology.SERVICES for path in re.findall(r'Route\(\s*"([^"]+)"', text_of(name))]
    found += [(row.path, "carrier") for row in openapi.ROUTES]
    return found + [
        (path, "router") for path in re.findall(r'"(/v1/[^"]+)"', (SOURCES / "app/replaying.py").read_text())
    ]


def proxied(path, way):
    """Choose as nginx does: the exact location, else the longest that the path begins with."""
    found = re.findall(rf"location (= )?(\S+) {{ {way}_pass \w+://(\w+)_\w+; }}", CONF)
    exact = [service for equals, place, service in found if equals and place == path]
    begins = sorted((len(place), service) for equals, place, service in found if not equals and path.startswith(place))
    return (exact or [begins[-1][1]])[0]


@pytest.mark.parametrize(("path", "service"), paths())
def test_every_path_of_a_service_is_its_own_in_the_topology_and_at_the_proxy(path, service):
    asked = re.sub(r"\{[^}]*\}", "x", path)
    assert topology.door(asked) == service
    assert proxied(asked, "proxy") == service


@pytest.mark.parametrize("prefix", topology.DOORS)
def test_a_path_that_only_begins_like_a_door_is_not_that_door(prefix):
    assert topology.door(f"{prefix}-other") == proxied(f"{prefix}-other", "proxy") == "monitor"


def test_every_grpc_service_that_a_process_serves_has_its_call_in_the_topology_and_at_the_proxy():
    served = {
        (short, name)
        for name in topology.SERVICES
        if name not in ("risk", "clearance")
        for short in re.findall(r"add_(\w+)Servicer_to_server", text_of(name))
    }
    assert {(call.rpartition(".")[2], name) for call, name in topology.CALLS.items()} == served
    for call, name in topology.CALLS.items():
        assert proxied(f"/{call}/Anything", "grpc") == name
        file = ROOT / "proto" / Path(*call.split(".")[:-1])
        assert any(f"service {call.rpartition('.')[2]} {{" in one.read_text() for one in file.glob("*.proto")), call


def test_the_way_to_risk_and_clearance_does_not_lead_through_the_proxy():
    assert not re.search(r"\b(risk|clearance)\b", CONF)


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_that_the_program_understands(name):
    words = [re.sub(r"\$\{[^}]*\}", "secret", word) for word in OURS[name]["command"]]
    chosen = get_command(cli).commands[words[0]].make_context(words[0], words[1:]).params
    if words[0] == "run":
        assert chosen["service"] == name


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_and_every_process_has_what_it_needs(name):
    given = {word: re.sub(r"\$\{[^}]*\}", "secret", value) for word, value in OURS[name]["environment"].items()}
    names = {f"PARCELGATE_{field.name.upper()}" for field in dataclasses.fields(Settings)}
    assert set(given) <= names
    chosen = setting.load(given)
    assert all(getattr(chosen, one) for one in (gateway.needed(name) if name in topology.SERVICES else ()))


def test_all_six_services_are_there_once_and_may_run_many_times():
    assert set(topology.SERVICES) <= set(OURS)
    for name in topology.SERVICES:
        assert not {"ports", "container_name", "hostname"} & set(SERVICES[name]), "a second process would be refused"


def test_only_the_proxy_is_reached_from_outside_and_each_port_is_there_once():
    published = [(name, port) for name, service in SERVICES.items() for port in service.get("ports", ())]
    assert {name for name, _ in published} == {"proxy"}
    ports = [int(port.rpartition(":")[2]) for _, port in published]
    assert sorted(ports) == sorted(set(ports)) == sorted({Settings().http_port, Settings().grpc_port})
    assert all(port.startswith("127.0.0.1:") for _, port in published)
    assert {int(port) for port in re.findall(r"listen \S+:(\d+)", CONF)} == set(ports)


def test_everything_that_is_waited_for_and_mounted_is_there():
    whole = compose()
    for name, service in SERVICES.items():
        for other, when in service.get("depends_on", {}).items():
            wanted = SERVICES[other]
            assert "healthcheck" in wanted if when["condition"] == "service_healthy" else wanted["restart"] == "no", (
                name
            )
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in whole["volumes"] or (FOLDER / source).is_file(), f"{name} mounts {source}"


def test_each_name_of_a_host_is_that_of_a_service():
    hosts = set(re.findall(r"server (\w+):\d+ ", CONF))
    for service in OURS.values():
        for value in service["environment"].values():
            hosts |= {word.rpartition("@")[2].partition(":")[0] for word in value.split(",")}
    assert hosts <= set(SERVICES)


def test_what_differs_from_the_image_of_one_process_is_nothing_but_the_command():
    """The volume of definitions belongs to the user of the image because the image has the folder."""
    image = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    (folder,) = {one.split(":")[1] for one in OURS["definitions"]["volumes"]} - {"/data"}
    assert re.search(rf"install --directory --owner=10001 .* {folder}$", image, re.MULTILINE)
    assert all(service["read_only"] for service in OURS.values())
