"""Sealing: what is sealed is not readable without its key, and erasing the key erases it everywhere."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from parcelgate.core.port import RejectError
from parcelgate.core.seal import Vault, master_key

MASTER = bytes(range(32))


class Keys:
    def __init__(self) -> None:
        self.wrapped: dict[str, bytes] = {}

    async def data_keys(self, ids):
        return {one: self.wrapped[one] for one in ids if one in self.wrapped}


@pytest.fixture
def keys():
    return Keys()


async def another_process(keys, key, master=MASTER):
    keys.wrapped[key.id] = key.wrapped
    vault = Vault(master, keys)
    await vault.fetch([key.id])
    return vault


async def test_what_one_process_seals_another_opens(keys):
    vault = Vault(MASTER, keys)
    key = vault.new_key()
    sealed = vault.seal(key.id, "Nguyễn Thị Minh".encode())
    assert "Nguyễn".encode() not in sealed
    assert (await another_process(keys, key)).open(key.id, sealed).decode() == "Nguyễn Thị Minh"


async def test_an_erased_key_opens_nothing(keys):
    vault = Vault(MASTER, keys)
    key = vault.new_key()
    sealed = vault.seal(key.id, b"name")
    vault.forget(key.id)
    await vault.fetch([key.id])
    with pytest.raises(RejectError) as refused:
        vault.open(key.id, sealed)
    assert refused.value.faults[0].code == "DATA_ERASED"


async def test_changed_bytes_are_noticed(keys):
    vault = Vault(MASTER, keys)
    key, other = vault.new_key(), vault.new_key()
    sealed = vault.seal(key.id, b"name")
    for broken in (sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:10], b""):
        with pytest.raises(RejectError):
            vault.open(key.id, broken)
    with pytest.raises(RejectError):
        vault.open(other.id, sealed)


def test_the_same_text_never_seals_to_the_same_bytes(keys):
    vault = Vault(MASTER, keys)
    key = vault.new_key()
    assert vault.seal(key.id, b"name") != vault.seal(key.id, b"name")


def test_the_master_key_is_made_once_and_for_its_owner_only(tmp_path):
    path = tmp_path / "data" / "master.key"
    assert master_key(path) == master_key(path)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_key_in_use_stays_open_however_many_others_come(keys):
    vault = Vault(MASTER, keys)
    key = vault.new_key()
    sealed = vault.seal(key.id, b"part 0")
    for _ in range(3):
        for _ in range(4000):
            vault.new_key()
        assert vault.open(key.id, sealed) == b"part 0"


async def test_a_key_that_is_not_stored_yet_can_be_held_by_whoever_made_it(keys):
    vault = Vault(MASTER, keys)
    key = vault.new_key()
    for _ in range(5000):
        vault.new_key()
    vault.hold(key)
    assert vault.open(key.id, vault.seal(key.id, b"part 1")) == b"part 1"


def test_a_master_key_appears_whole_and_is_the_same_for_all_who_start_at_once(tmp_path):
    path = tmp_path / "master.key"
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(master_key, [path] * 8))
    assert keys == {path.read_bytes()}
    assert [one.name for one in tmp_path.iterdir()] == ["master.key"]


def test_a_damaged_master_key_is_named_and_never_replaced(tmp_path):
    path = tmp_path / "master.key"
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="7 bytes instead of 32"):
        master_key(path)
    assert path.read_bytes() == b"damaged"
