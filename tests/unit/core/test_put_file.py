"""Key files appear whole or not at all."""

import os

import pytest

from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.seal import master_key, put_file


@pytest.fixture
def full_disk(monkeypatch):
    def fsync(_handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        yield patch


def test_on_a_full_disk_no_half_key_is_left(tmp_path, full_disk):
    for make in (lambda: put_file(tmp_path / "a", b"x"), lambda: master_key(tmp_path / "master.key")):
        with pytest.raises(OSError, match="No space"):
            make()
    assert list(tmp_path.iterdir()) == []
    full_disk.undo()
    assert len(master_key(tmp_path / "master.key")) == 32 == len(master_key(tmp_path / "master.key"))


def test_a_key_that_could_not_be_stored_leaves_the_older_ones_good(tmp_path, monkeypatch):
    credentials = Credentials(tmp_path, Partners())
    first = credentials.issue("post-jp")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        for make in (credentials.issue, credentials.local_key):
            with pytest.raises(OSError, match="No space"):
                make("post-jp")
    assert credentials.identify(f"Bearer {first}")
    assert credentials.identify(f"Bearer {credentials.local_key('post-jp')}")


def test_a_key_file_is_for_its_owner_alone(tmp_path):
    put_file(tmp_path / "key", b"secret")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
