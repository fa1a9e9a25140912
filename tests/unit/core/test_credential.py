"""Partners, their keys, and settings."""

import pytest

from parcelgate.core import setting
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.seal import put_file

FILE = """
id = "{name}"
version = "2026-01-01"
name = "Somebody"
kind = "{kind}"
environment = "{environment}"
country = "NZ"
"""


@pytest.fixture
def partners(tmp_path):
    folder = tmp_path / "partners"
    folder.mkdir()
    for name, kind in (("post-a", "POST"), ("post-b", "POST"), ("watcher", "INTEGRATOR")):
        (folder / f"{name}.toml").write_text(FILE.format(name=name, kind=kind, environment="live"))
    return Partners(folder)


@pytest.fixture
def credentials(tmp_path, partners):
    return Credentials(tmp_path / "data", partners)


def test_a_key_proves_the_partner_and_the_environment(credentials):
    identity = credentials.identify(f"Bearer {credentials.issue('post-a')}")
    assert (identity.partner.id, identity.environment, identity.sees_all) == ("post-a", "live", False)
    assert credentials.identify(f"bearer {credentials.issue('watcher')}").sees_all


def test_a_key_ends_when_its_row_is_taken_out_and_another_process_may_issue_one(credentials, tmp_path, partners):
    first = credentials.issue("post-a")
    assert credentials.identify(f"Bearer {first}")
    second = Credentials(tmp_path / "data", partners).issue("post-a")
    assert credentials.identify(f"Bearer {second}")
    put_file(tmp_path / "data" / "credentials" / "post-a.toml", b"")
    assert credentials.identify(f"Bearer {first}") is None
    (tmp_path / "data" / "credentials" / "post-a.toml").unlink()
    assert credentials.identify(f"Bearer {second}") is None


def test_two_keys_of_a_partner_are_valid_side_by_side(credentials):
    first, second = credentials.issue("post-a"), credentials.issue("post-a")
    assert credentials.identify(f"Bearer {first}") and credentials.identify(f"Bearer {second}")


@pytest.mark.parametrize(
    "wrong", [None, "", "Bearer", "Bearer x", "Basic {key}", "Bearer {key}x", "Bearer post-b.{secret}"]
)
def test_anything_else_proves_nothing(credentials, wrong):
    key = credentials.issue("post-a")
    credentials.issue("post-b")
    header = wrong and wrong.format(key=key, secret=key.partition(".")[2])
    assert credentials.identify(header) is None


@pytest.mark.parametrize("name", ["../pepper", "..", ".", "post-a/../post-a", "nobody"])
def test_a_key_cannot_name_a_file_of_somebody_elses(credentials, name):
    credentials.issue("post-a")
    assert credentials.identify(f"Bearer {name}.secret") is None


def test_the_secret_is_not_kept(credentials, tmp_path):
    secret = credentials.issue("post-a").partition(".")[2]
    for path in (tmp_path / "data").rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes()


def test_a_local_key_is_issued_once_for_its_owner_only(credentials, tmp_path):
    key = credentials.local_key("post-a")
    assert credentials.local_key("post-a") == key
    assert (tmp_path / "data" / "keys" / "post-a").stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyError):
        credentials.local_key("nobody")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (FILE.format(name="other", kind="POST", environment="test"), "name of the file"),
        (FILE.format(name="post-a", kind="BAKER", environment="test"), "kind must be"),
        (FILE.format(name="post-a", kind="POST", environment="test") + "colour = 1", "unknown key colour"),
        ("id = 3 3", "post-a.toml"),
    ],
)
def test_a_wrong_partner_file_is_named_and_the_old_profiles_stay(partners, tmp_path, text, says):
    (tmp_path / "partners" / "post-a.toml").write_text(text)
    with pytest.raises(ValueError, match=says):
        partners.reload()
    assert partners.get("post-a").environment == "live"


def test_settings_come_from_defaults_file_environment_and_arguments_in_this_order(tmp_path):
    (tmp_path / "parcelgate.toml").write_text('http_port = 1\ngrpc_port = 2\nhost = "::1"')
    environment = {"PARCELGATE_DATA": str(tmp_path), "PARCELGATE_GRPC_PORT": "3", "PARCELGATE_WORKERS": "2"}
    settings = setting.load(environment, workers=4)
    assert (settings.http_port, settings.grpc_port, settings.host, settings.workers) == (1, 3, "::1", 4)
    assert settings.store == tmp_path / "parcelgate.sqlite"


def test_a_wrong_setting_is_named(tmp_path):
    with pytest.raises(ValueError, match="workers"):
        setting.load({"PARCELGATE_WORKERS": "many"})
    (tmp_path / "parcelgate.toml").write_text("colour = 1")
    with pytest.raises(ValueError, match="colour"):
        setting.load({"PARCELGATE_DATA": str(tmp_path)})
