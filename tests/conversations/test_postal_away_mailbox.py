"""An authority's mailbox that is away: filings wait in their order, say why, fail never, and go out soon after its return."""

import contextlib
import time

import pytest

from conversations.postal_house import CUSTOMS, declaration, document, opened
from parcelgate.api.record.v1.chunk_pb2 import ChunkEntry
from parcelgate.api.record.v1.declaration_pb2 import PROCEDURE_IMPORT, Case


@pytest.fixture
async def house(tmp_path):
    async with opened(tmp_path) as house:
        # What the monitor would hear is kept for the test.
        house.facts = []
        transact = house.runner.transact

        async def listening(outcome, *words):
            house.facts += outcome.facts
            await transact(outcome, *words)

        house.runner.transact = listening
        yield house


@contextlib.contextmanager
def away(house, partner):
    """Put a file where the mailbox was: nobody can open, read or write it, not even root."""
    root = house.settings.mailbox_root / partner
    house.tray(partner, "out")
    aside = root.with_name(f"{partner}-aside")
    root.rename(aside)
    root.write_bytes(b"")
    try:
        yield
    finally:
        root.unlink()
        aside.rename(root)


async def file_next(house, number):
    """Declare an item and file it with customs, as the router does."""
    await house.outcome(await house.hand_in(document(f"A{number}", declaration(number))))
    await house.all_routed(number)
    routed = [one for one in house.routed if one.head.entries][number - 1]
    entry, sealed = routed.head.entries[0], routed.items[0]
    case = Case(id=f"c{number}", authority="nz-customs", procedure=PROCEDURE_IMPORT, version=1, round=1)
    filed = ChunkEntry(declaration=entry.declaration, data_key=entry.data_key, case=case)
    await house.file([(filed, sealed)], seed=f"f{number}")


def told(house, kind):
    return [one for one in house.facts if one.kind == kind and one.declaration_id]


async def test_filings_wait_say_why_and_go_out_in_order_within_two_seconds_of_the_return(house):
    await file_next(house, 1)

    async def out(count):
        async def there():
            found = sorted(path.name for path in house.tray(CUSTOMS, "out").glob("CUSITM-*.xml"))
            return found if len(found) >= count else None

        return await house.until(there)

    await out(1)
    with away(house, CUSTOMS):
        for number in (2, 3, 4):
            await file_next(house, number)

            async def said(number=number):
                return any(one.case_id == f"c{number}" for one in told(house, "filing.waits"))

            await house.until(said)
        # An hour goes by, and no try of theirs is counted.
        house.clock.now += 3600 * 1_000_000
        (one, *_) = told(house, "filing.waits")
        assert one.details["waits_for"] == f"mailbox of {CUSTOMS}" and "by itself" in one.sentence
        assert await house.store.due("postal.handout", 2**62, 100) == []
    began = time.monotonic()
    assert len(await out(4)) == 4
    assert time.monotonic() - began < 2
    assert await house.store.dead(10) == []
    order = [
        path.name for path in sorted(house.tray(CUSTOMS, "out").glob("*.xml"), key=lambda one: one.stat().st_mtime_ns)
    ]
    assert order == sorted(order)

    async def ended():
        return {one.case_id for one in told(house, "filing.handed_out")} == {"c2", "c3", "c4"}

    await house.until(ended)


async def test_each_filing_says_only_once_that_it_waits(house):
    with away(house, CUSTOMS):
        await file_next(house, 1)

        async def said():
            return told(house, "filing.waits")

        await house.until(said)
        await file_next(house, 2)

        async def second():
            return any(one.case_id == "c2" for one in told(house, "filing.waits"))

        await house.until(second)
        ids = [one.id for one in told(house, "filing.waits")]
        assert len(ids) == len(set(ids)) == 2


async def test_a_message_whose_own_name_is_taken_by_a_folder_holds_up_no_other(house):
    (house.tray(CUSTOMS, "out") / "CUSITM-CUSTOMS-NZ-00000001.xml").mkdir()
    await file_next(house, 1)
    await file_next(house, 2)

    async def there():
        return (house.tray(CUSTOMS, "out") / "CUSITM-CUSTOMS-NZ-00000002.xml").is_file()

    await house.until(there)
