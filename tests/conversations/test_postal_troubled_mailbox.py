"""A mailbox in trouble: what cannot be read or written harms nothing else, and is made good when the trouble is over."""

import errno

import pytest

from conversations.postal_house import POST, declaration, document, opened, released, result
from parcelgate.adapters.transport.folder import FolderMailbox
from parcelgate.postal import mailbox


@pytest.fixture
async def house(tmp_path):
    async with opened(tmp_path) as house:
        yield house


def broken_reading(monkeypatch, number):
    """Let reading of bad.xml fail with an error number, for whoever runs the test."""
    whole = FolderMailbox.read

    async def read(self, name):
        if name == "bad.xml":
            raise OSError(number, "as told")
        async for piece in whole(self, name):
            yield piece

    monkeypatch.setattr(FolderMailbox, "read", read)


async def there(path):
    return path.is_file()


async def test_a_file_that_may_not_be_read_is_told_so_and_its_neighbour_goes_on(house, monkeypatch):
    broken_reading(monkeypatch, errno.EACCES)
    for number, name in enumerate(("bad.xml", "good.xml")):
        (house.tray(POST, "in") / name).write_bytes(document(f"A{number}", declaration(number)))
    error, done = (house.tray(POST, name) for name in ("error", "done"))
    await house.until(lambda: there(error / "bad.xml"))
    await house.until(lambda: there(done / "good.xml"))
    (fault,) = result(error / "bad.xml.result.json")["faults"]
    assert (fault["code"], "as told" in fault["sentence"]) == ("FILE_UNREADABLE", True)


async def test_a_file_on_a_bad_sector_waits_and_its_neighbour_goes_on(house, monkeypatch):
    with monkeypatch.context() as broken:
        broken_reading(broken, errno.EIO)
        for number, name in enumerate(("bad.xml", "good.xml")):
            (house.tray(POST, "in") / name).write_bytes(document(f"A{number}", declaration(number)))
        done = house.tray(POST, "done")
        await house.until(lambda: there(done / "good.xml"))
        assert (house.tray(POST, "work") / "bad.xml").is_file()
    await house.until(lambda: there(done / "bad.xml"))
    assert result(done / "bad.xml.result.json")["state"] == "ROUTED"


async def test_a_response_waits_for_room_in_the_out_tray_and_is_no_dead_letter(house, monkeypatch):
    monkeypatch.setattr(mailbox, "_LOOK_SECONDS", 0.05)
    tries = []

    async def deliver(*_arguments):
        tries.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(FolderMailbox, "deliver", deliver)
        await house.hand_in(document("A1", declaration(1)))
        await house.all_routed(1)
        await house.release(released(house.routed[0]))

        async def tried_often():
            # More often than a fault of our own would be tried.
            house.clock.now += 3600 * 1_000_000
            return len(tries) > 3

        await house.until(tried_often)
    house.clock.now += 7200 * 1_000_000
    out = house.tray(POST, "out")

    async def delivered():
        house.clock.now += 1_000_000
        return list(out.glob("*.xml"))

    await house.until(delivered)
    assert await house.store.dead(10) == []
