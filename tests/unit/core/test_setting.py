"""Where settings come from, and what is said of one that cannot be."""

import pytest

from parcelgate.core import setting


def test_a_secret_may_stand_in_a_file_and_its_last_line_break_is_none_of_it(tmp_path):
    secret = tmp_path / "database"
    secret.write_text("postgresql://p:word@db/parcelgate\n")
    found = setting.load({"PARCELGATE_DATABASE_URL_FILE": str(secret), "PARCELGATE_DATA": str(tmp_path)})
    assert found.database_url == "postgresql://p:word@db/parcelgate"


def test_a_file_is_converted_like_a_value(tmp_path):
    (tmp_path / "port").write_text("8081")
    environment = {"PARCELGATE_HTTP_PORT_FILE": str(tmp_path / "port"), "PARCELGATE_DATA": str(tmp_path)}
    assert setting.load(environment).http_port == 8081
    assert setting.load(environment, http_port=7).http_port == 7


def test_a_setting_that_is_given_twice_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="broker_url is given by PARCELGATE_BROKER_URL and by"):
        setting.load({"PARCELGATE_BROKER_URL": "x", "PARCELGATE_BROKER_URL_FILE": str(tmp_path)})


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ValueError, match="secret of PARCELGATE_BROKER_URL_FILE cannot be read"):
        setting.load({"PARCELGATE_BROKER_URL_FILE": str(tmp_path / "secret")})


def test_an_unknown_setting_and_a_malformed_value_are_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="there is no setting nonsense"):
        setting.load({}, nonsense=1, data=tmp_path)
    with pytest.raises(ValueError, match="setting http_port cannot be 'x'"):
        setting.load({"PARCELGATE_HTTP_PORT": "x", "PARCELGATE_DATA": str(tmp_path)})
