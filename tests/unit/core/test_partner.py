"""Partner files: what is wrong in one is said with its name, before anything is served."""

import pytest

from parcelgate.core import resource
from parcelgate.core.partner import Partners


def profile(folder, name, tail, without=""):
    text = (resource.schemas() / "partners" / f"{name}.toml").read_text("utf-8")
    (folder / f"{name}.toml").write_text(text.replace(without, "") + tail, "utf-8")
    return Partners(folder).get(name)


def test_a_partner_may_have_a_queue(tmp_path):
    assert profile(tmp_path, "post-cn", "queue = true\n", "mailbox = true").queue
    assert profile(tmp_path, "carrier-orbit", "queue = true\n").queue
    assert not Partners().get("post-cn").queue


def test_messages_go_to_a_mailbox_or_to_a_queue(tmp_path):
    with pytest.raises(ValueError, match=r"post-cn\.toml: messages go to a mailbox or to a queue, not to both"):
        profile(tmp_path, "post-cn", "queue = true\n")


def test_who_only_watches_has_no_queue(tmp_path):
    with pytest.raises(ValueError, match="only a post, a carrier or customs"):
        profile(tmp_path, "integrator", "queue = true\n")
