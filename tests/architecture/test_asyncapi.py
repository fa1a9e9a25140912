"""The AsyncAPI document says what the program does: its references hold, and names, kinds and permissions are the real ones."""

import re

import pytest
from asyncapi import document

from parcelgate.adapters.bus.rabbitmq.topology import in_queue, release_queue
from parcelgate.app import definitions
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.setting import Settings

WHOLE = document()


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from references(inner)


@pytest.mark.parametrize("reference", sorted(set(references(WHOLE))))
def test_every_reference_leads_somewhere(reference):
    place = WHOLE
    for word in reference.removeprefix("#/").split("/"):
        place = place[word]


def test_the_addresses_are_those_that_a_partner_has_the_permission_for(tmp_path):
    Credentials(tmp_path, Partners()).local_key("post-cn")
    (tmp_path / "partners").mkdir()
    shipped = "post-cn"
    profile = Partners().get(shipped)
    text = (
        f'id = "post-cn"\nversion = "x"\nname = "{profile.name}"\nkind = "POST"\nenvironment = "test"\nqueue = true\n'
    )
    (tmp_path / "partners" / "post-cn.toml").write_text(
        text
        + 'country = "CN"\noperator_code = "CNA"\nformats_in = ["upu/cusitm/own-1"]\nformats_out = ["upu/cusrsp/own-1"]\n'
    )
    printed = definitions.text(Settings(data=tmp_path, partners=tmp_path / "partners"), "/", "gateway", None)
    written, read = re.search(
        r'"user": "post-cn",\s+"vhost": "/",\s+"configure": "\^\$",\s+"write": "(.+)",\s+"read": "(.+)"', printed
    ).groups()
    addresses = {name: channel["address"].format(partner=shipped) for name, channel in WHOLE["channels"].items()}
    assert addresses == {"in": in_queue(shipped), "release": release_queue(shipped)}
    assert re.fullmatch(written.replace("\\\\", "\\"), addresses["in"])
    assert re.fullmatch(read.replace("\\\\", "\\"), addresses["release"])


def test_every_format_that_a_partner_agreed_on_is_a_message():
    messages = WHOLE["components"]["messages"]
    for partner in Partners().all():
        if partner.kind in ("POST", "CUSTOMS"):
            inward = {messages[name]["name"] for name in WHOLE["channels"]["in"]["messages"]}
            outward = {messages[name]["name"] for name in WHOLE["channels"]["release"]["messages"]}
            assert set(partner.formats_in) <= inward
            assert set(partner.formats_out) <= outward
