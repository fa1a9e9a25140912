"""A partner's variants dropped into the folder of formats, as an operator does it while the gateway runs."""

import json
import time

import httpx
import pytest
from gateway_process import GatewayProcess

from command_line import run
from format_folders import variant
from nasty_partner import Writer
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners

PARTNER, IN, OUT = "post-jp", "post-jp/cusitm/1", "post-jp/cusrsp/1"
OWN_CODE = '[code.flow]\nvalues = { M = "FLOW_IMPORT" }\n'


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A gateway whose partner uses variants that are not there yet."""
    data = tmp_path_factory.mktemp("dropped") / "data"
    data.mkdir()
    profile = Partners().get(PARTNER)
    (data / "partners").mkdir()
    (data / "partners" / f"{PARTNER}.toml").write_text(
        f'id = "{PARTNER}"\nversion = "x"\nname = "{profile.name}"\nkind = "POST"\nenvironment = "test"\ncountry = "JP"\n'
        f'operator_code = "{profile.operator_code}"\nformats_in = ["{IN}"]\nformats_out = ["{OUT}"]\n'
    )
    (data / "parcelgate.toml").write_text(f'partners = "{data / "partners"}"\n')
    gateway = GatewayProcess(data)
    gateway.start()
    yield data
    gateway.stop()


def responses(data):
    where = json.loads((data / "gateway.json").read_text())["http"]
    key = Credentials(data, Partners(data / "partners")).local_key(PARTNER)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=where, headers=headers, trust_env=False) as client:
        end = time.monotonic() + 20
        while not (listed := client.get("/v1/responses").json()["responses"]):
            assert time.monotonic() < end
            time.sleep(0.1)
        return client.get(f"/v1/responses/{listed[-1]['number']}").content


def test_a_variant_counts_from_when_its_folder_is_there(data, tmp_path):
    writer = Writer(PARTNER, 300_000)
    documents = []
    for name in ("early", "good", "later"):
        path = tmp_path / f"{name}.xml"
        path.write_bytes(writer.write(1).replace(b"<FlowCd>I<", b"<FlowCd>M<"))
        documents.append(path)
    early, good, later = documents
    with_data = ("--data", data)
    _, told = run("send", early, "--as", PARTNER, *with_data, cwd=tmp_path, code=2)
    assert "FORMAT_NOT_AGREED" in told
    said, _ = run("doctor", "--json", *with_data, cwd=tmp_path, code=1)
    (partners,) = [one for one in json.loads(said) if one["what"] == "partners"]
    assert not partners["well"]
    assert f"{PARTNER} names the format {IN} in formats_in, and there is none." in partners["finding"]
    assert f"{PARTNER} names the format {OUT} in formats_out, and there is none." in partners["finding"]

    folder = variant(data / "formats", OWN_CODE, name=IN)
    renamed = '[item]\nrows = [{ at = "Data/DecisionCd", now = "Data/OutcomeCd" }]\n'
    variant(data / "formats", renamed, extends="upu/cusrsp/own-1", name=OUT)
    said, _ = run("formats", "--json", *with_data, cwd=tmp_path)
    assert {IN: "upu/cusitm/own-1", OUT: "upu/cusrsp/own-1"}.items() <= {
        one["id"]: one["extends"] for one in json.loads(said)
    }.items()
    said, _ = run("formats", "check", folder, *with_data, cwd=tmp_path)
    assert said.strip() == f"{IN} (extends upu/cusitm/own-1): well"
    run("validate", good, "--format", IN, *with_data, cwd=tmp_path)
    said, _ = run("translate", good, "--format", IN, "--to", "upu/cusitm/own-1", *with_data, cwd=tmp_path)
    assert "<FlowCd>I</FlowCd>" in said

    said, _ = run("send", good, "--as", PARTNER, "--wait", "--json", *with_data, cwd=tmp_path)
    outcome = json.loads(said)
    assert (outcome["format"], outcome["state"]) == (IN, "ROUTED")
    assert all(one["decisions"] and not one["faults"] for one in outcome["items"])
    assert b"<OutcomeCd>" in responses(data)

    # What is spoilt afterwards is told, and the gateway goes on with what was good.
    (folder / "mapping.toml").write_text('[item]\nrows = [{ at = "Nothing", drop = true }]\n')
    _, told = run("formats", *with_data, cwd=tmp_path, code=1)
    assert f"not used: {folder}: {IN}: item, row 'Nothing'" in told
    said, _ = run("doctor", "--json", *with_data, cwd=tmp_path, code=1)
    assert [one["what"] for one in json.loads(said) if not one["well"]] == ["formats"]
    said, _ = run("send", later, "--as", PARTNER, "--wait", "--json", *with_data, cwd=tmp_path)
    assert json.loads(said)["state"] == "ROUTED"
