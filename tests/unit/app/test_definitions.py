"""The broker's definitions give a partner its own two names and nothing else."""

import json

import pytest

from parcelgate.app import definitions
from parcelgate.core import resource
from parcelgate.core.setting import Settings


@pytest.fixture
def printed(tmp_path):
    for name in ("post-cn", "carrier-orbit"):
        text = (resource.schemas() / "partners" / f"{name}.toml").read_text("utf-8")
        (tmp_path / f"{name}.toml").write_text(text.replace("mailbox = true", "") + "queue = true\n", "utf-8")
    return json.loads(definitions.text(Settings(data=tmp_path / "data", partners=tmp_path), "gate", "gate-user", None))


def test_permissions_name_whole_queues(printed):
    rights = {row["user"]: (row["configure"], row["write"], row["read"]) for row in printed["permissions"]}
    assert rights == {
        "gate-user": (".*", ".*", ".*"),
        "post-cn": ("^$", r"^in\.post-cn$", r"^release\.post-cn$"),
        "carrier-orbit": ("^$", "^$", r"^release\.carrier-orbit$"),
    }


def test_a_password_is_kept_as_the_broker_keeps_it():
    # The example of RabbitMQ's own documentation.
    assert (
        definitions.password_hash("test12", bytes.fromhex("908DC60A"))
        == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    )


def test_no_user_is_made_whose_password_was_not_given(printed):
    assert [row["name"] for row in printed["users"]] == ["carrier-orbit", "post-cn"]
    assert all("password" not in row for row in printed["users"])


def test_every_queue_is_a_quorum_queue_of_the_virtual_host(printed):
    assert {row["arguments"]["x-queue-type"] for row in printed["queues"]} == {"quorum"}
    assert {row["vhost"] for row in printed["queues"] + printed["exchanges"] + printed["bindings"]} == {"gate"}
