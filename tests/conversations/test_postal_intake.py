"""Interchanges at the HTTP door: who gets which receipt, and what becomes of each item."""

import asyncio
import contextlib

import pytest

from conversations.postal_house import (
    CARRIER,
    CUSITM,
    ITMATT,
    OTHER,
    POST,
    OneDocument,
    codes,
    declaration,
    document,
    identifier,
    opened,
    released,
    with_partner,
)
from parcelgate.api.record.v1.declaration_pb2 import FLOW_IMPORT, FUNCTION_AMEND, FUNCTION_CANCEL
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.codecs.registry import shipped
from parcelgate.core.letter import HandedIn
from parcelgate.core.port import BusyError, Outcome, Write
from parcelgate.postal.interchange import find
from parcelgate.postal.queue import InQueue


@pytest.fixture
async def house(tmp_path):
    async with opened(tmp_path) as house:
        yield house


async def test_an_interchange_is_acknowledged_and_all_its_items_go_on(house):
    receipt = await house.hand_in(document("A1", declaration(1), declaration(2)), name="a1.xml")
    shown = await house.outcome(receipt)
    assert (shown["state"], shown["reference"], shown["name"]) == ("ROUTED", "A1", "a1.xml")
    assert shown["counts"]["accepted"] == 2
    await house.all_routed(2)
    assert house.versions() == [(identifier(1), 1), (identifier(2), 1)]
    head = house.routed[0].head
    assert (head.partner, head.lane, head.entries[0].declaration.provenance.receipt) == (POST, "interactive", receipt)
    await house.vault.fetch([head.entries[0].data_key])
    item = Item.FromString(house.vault.open(head.entries[0].data_key, house.routed[0].items[0]))
    assert item.parties[1].name == "Wiebke Brandström"


async def test_an_itmatt_declares_its_items_and_the_cusitm_made_of_it_gets_the_same_answer(house):
    receipt = await house.hand_in(document("A1", declaration(1), declaration(2), form=ITMATT))
    shown = await house.outcome(receipt)
    assert (shown["state"], shown["format"], shown["faults"]) == ("ROUTED", ITMATT, [])
    await house.all_routed(2)
    assert house.versions() == [(identifier(1), 1), (identifier(2), 1)]
    entry = house.routed[0].head.entries[0].declaration
    assert (entry.key.partner, entry.key.flow, entry.provenance.format) == (POST, FLOW_IMPORT, ITMATT)
    await house.release(released(house.routed[0]))
    again = await house.outcome(await house.hand_in(document("B1", declaration(1))))
    assert again["items"][0]["status"] == "unchanged"
    assert again["items"][0]["first_declared"] == {"receipt": receipt, "number": 1}


async def test_an_itmatt_of_a_post_that_did_not_agree_on_it_is_refused(house):
    with_partner(house, POST, formats_in=(CUSITM,))
    answer = await house.post(document("A1", declaration(1), form=ITMATT))
    assert (answer.status_code, codes(answer.json())) == (422, ["FORMAT_NOT_AGREED"])


async def test_the_same_bytes_get_the_original_receipt(house):
    body = document("A1", declaration(1))
    first = await house.hand_in(body)
    await house.outcome(first)
    again = (await house.post(body)).json()
    assert (again["receipt"], again["repeated"]) == (first, True)
    assert await house.store.read("postal.in_hand", 10) == [(0,)]


async def test_of_concurrent_repeats_one_wins(house):
    body = document("A1", *(declaration(number) for number in range(1, 30)))
    answers = await asyncio.gather(*(house.post(body) for _ in range(8)))
    assert len({answer.json()["receipt"] for answer in answers}) == 1
    await house.outcome(answers[0].json()["receipt"])
    await house.all_routed(29)
    assert len(house.versions()) == 29


async def test_the_same_bytes_of_another_partner_are_another_interchange(house):
    body = document("A1", declaration(1))
    assert await house.hand_in(body) != await house.hand_in(body, OTHER)


async def test_a_reference_with_other_content_is_refused_with_a_hint(house):
    first = await house.hand_in(document("A1", declaration(1)))
    await house.outcome(first)
    shown = await house.outcome(await house.hand_in(document("A1", declaration(2))))
    assert (shown["state"], codes(shown)) == ("REJECTED", ["REFERENCE_TAKEN"])
    assert first in shown["faults"][0]["sentence"]
    assert "amend" in shown["faults"][0]["hint"]
    assert codes(shown["items"][0]) == ["ITEM_NOT_PROCESSED"]


async def test_the_reference_of_a_wholly_rejected_interchange_may_be_used_again(house):
    bad = document("A1", declaration(1)).replace(identifier(1).encode(), b"")
    shown = await house.outcome(await house.hand_in(bad))
    assert (shown["state"], shown["counts"]["rejected"]) == ("REJECTED", 1)
    assert shown["items"][0]["faults"]
    good = await house.outcome(await house.hand_in(document("A1", declaration(1))))
    assert good["state"] == "ROUTED"
    repeated = (await house.post(bad)).json()
    assert not repeated["repeated"]


async def test_one_bad_item_among_many_is_rejected_and_its_neighbours_go_on(house):
    many = [declaration(number) for number in range(1, 101)]
    body = document("A1", *many).replace(identifier(50).encode(), b"")
    shown = await house.outcome(await house.hand_in(body))
    assert (shown["counts"]["accepted"], shown["counts"]["rejected"]) == (99, 1)
    assert shown["items"][49]["status"] == "rejected"
    assert shown["items"][49]["faults"]


async def test_an_unchanged_item_under_a_new_reference_gets_its_original_answer(house):
    first = await house.hand_in(document("A1", declaration(1)))
    await house.outcome(first)
    await house.all_routed(1)
    await house.release(released(house.routed[0]))
    shown = await house.outcome(await house.hand_in(document("A2", declaration(1), declaration(2))))
    again = shown["items"][0]
    assert (again["status"], again["version"]) == ("unchanged", 1)
    assert again["first_declared"] == {"receipt": first, "number": 1}

    async def decided():
        return (await house.outcome(shown["receipt"]))["items"][0]["decisions"]

    assert (await house.until(decided))[0]["code"] == "RELEASED"
    await house.all_routed(2)
    assert house.versions() == [(identifier(1), 1), (identifier(2), 1)]


async def test_a_change_needs_the_function_amend_and_versions_count_on(house):
    await house.outcome(await house.hand_in(document("A1", declaration(1))))
    changed = await house.outcome(await house.hand_in(document("A2", declaration(1, grams=950))))
    assert codes(changed["items"][0]) == ["CHANGED_WITHOUT_AMEND"]
    amended = declaration(1, grams=950, function=FUNCTION_AMEND)
    shown = await house.outcome(await house.hand_in(document("A3", amended)))
    assert (shown["items"][0]["status"], shown["items"][0]["version"]) == ("accepted", 2)
    gone = await house.outcome(await house.hand_in(document("A4", declaration(1, function=FUNCTION_CANCEL))))
    assert gone["items"][0]["version"] == 3
    back = await house.outcome(await house.hand_in(document("A5", declaration(1))))
    assert (back["items"][0]["status"], back["items"][0]["version"]) == ("accepted", 4)


@pytest.mark.parametrize(
    ("function", "code"), [(FUNCTION_AMEND, "NOTHING_TO_AMEND"), (FUNCTION_CANCEL, "NOTHING_TO_CANCEL")]
)
async def test_what_was_never_declared_can_be_neither_amended_nor_cancelled(house, function, code):
    shown = await house.outcome(await house.hand_in(document("A1", declaration(1, function=function))))
    assert code in codes(shown["items"][0])


async def test_an_item_that_stands_twice_in_one_interchange_goes_on_once(house):
    shown = await house.outcome(await house.hand_in(document("A1", declaration(1), declaration(1))))
    assert [one["status"] for one in shown["items"]] == ["accepted", "unchanged"]


async def test_an_amendment_right_behind_a_long_original_waits_for_it(house):
    long = document("A1", *(declaration(number) for number in range(1, 401)))
    assert len(long) > 256 * 1024
    first = await house.hand_in(long)
    second = await house.hand_in(document("A2", declaration(400, grams=950, function=FUNCTION_AMEND)))
    shown = await house.outcome(second)
    assert (shown["items"][0]["status"], shown["items"][0]["version"]) == ("accepted", 2)
    assert (await house.outcome(first))["counts"]["accepted"] == 400


async def test_a_truncated_document_routes_nothing_and_shows_why(house):
    body = document("A1", *(declaration(number) for number in range(1, 1201)))
    shown = await house.outcome(await house.hand_in(body[: len(body) * 2 // 3]))
    assert (shown["state"], codes(shown)) == ("REJECTED", ["XML_TRUNCATED"])
    assert shown["counts"]["rejected"] == shown["counts"]["items"] > 500
    assert {one["status"] for one in shown["items"]} == {"rejected"}
    assert house.routed == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INTERCHANGE_EMPTY"),
        (b"once upon a time", "DOCUMENT_NOT_XML"),
        (b"\x00\x01\x02" * 100_000, "DOCUMENT_NOT_XML"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "XML_DOCTYPE"),
        (b"<Unheard/>", "FORMAT_UNKNOWN"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "XML_ENCODING"),
        (b'<CUSRSP xmlns="urn:parcelgate:upu:cusrsp:own-1"/>', "FORMAT_NOT_AGREED"),
    ],
)
async def test_what_the_first_bytes_show_is_refused_at_once_and_not_kept(house, body, code):
    answer = await house.post(body)
    assert (answer.status_code, codes(answer.json())) == (422, [code])
    assert answer.json()["faults"][0]["hint"]


async def test_an_interchange_beyond_the_limit_is_refused_and_nothing_is_kept(tmp_path):
    async with opened(tmp_path, interchange_bytes=2_000_000, part_bytes=65_536) as house:
        answer = await house.post(document("A1", *(declaration(n) for n in range(1, 2000))))
        assert (answer.status_code, codes(answer.json())) == (413, ["INTERCHANGE_TOO_LARGE"])
        assert await house.store.read("postal.broken", 2**62) == []
        assert await house.store.read("postal.in_hand", 10) == [(0,)]


async def test_an_upload_that_breaks_off_leaves_nothing(house):
    body = document("A1", *(declaration(number) for number in range(1, 2500)))

    async def cut():
        yield body[: 2 * len(body) // 3]
        raise ConnectionResetError

    with contextlib.suppress(ConnectionResetError):
        await house.service.intake.receive(house.partners.get(POST), "a.xml", cut())
    assert await house.store.read("postal.broken", 2**62) == []
    assert (await house.outcome(await house.hand_in(body)))["counts"]["accepted"] == 2499


async def test_what_an_earlier_process_left_half_received_is_swept(house):
    row = ("r-old", POST, "test", "", "k", 5)
    await house.runner.transact(Outcome(writes=[Write("postal.open_interchange", [row])]))
    assert await house.service.intake.sweep() == 1
    assert (await house.get("/v1/interchanges/r-old")).status_code == 404


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_full_disk_is_answered_with_retry_after_and_keeps_nothing(house):
    await house.outcome(await house.hand_in(document("A0", declaration(1))))
    pages = await house.store.writer.submit(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await house.store.writer.submit(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 1}").fetchone())
    body = document("A1", *(declaration(number) for number in range(2, 2000)))
    answer = await house.post(body)
    assert (answer.status_code, codes(answer.json())) == (503, ["STORE_FULL"])
    assert int(answer.headers["Retry-After"]) > 0
    await house.store.writer.submit(lambda c: c.execute("PRAGMA max_page_count = 1073741823").fetchone())
    assert (await house.outcome(await house.hand_in(body)))["counts"]["accepted"] == 1998


async def test_an_outcome_is_nobody_elses_business(house):
    receipt = await house.hand_in(document("A1", declaration(1)))
    stranger = await house.get(f"/v1/interchanges/{receipt}", OTHER)
    missing = await house.get("/v1/interchanges/r000", OTHER)
    assert (stranger.status_code, stranger.content) == (missing.status_code, missing.content) == (404, missing.content)
    assert (await house.get(f"/v1/interchanges/{receipt}", "integrator")).status_code == 200


async def test_only_known_posts_and_customs_may_hand_in(house):
    wrong = await house.http.post("/v1/interchanges", content=b"x", headers={"Authorization": "Bearer post-cn.wrong"})
    assert (wrong.status_code, codes(wrong.json())) == (401, ["CREDENTIAL_REFUSED"])
    carrier = await house.post(document("A1", declaration(1)), CARRIER)
    assert (carrier.status_code, codes(carrier.json())) == (403, ["ROLE_REFUSED"])


async def test_an_outcome_is_read_page_by_page(house):
    receipt = await house.hand_in(document("A1", *(declaration(number) for number in range(1, 8))))
    await house.outcome(receipt)
    link, numbers = f"/v1/interchanges/{receipt}?limit=3", []
    while link:
        page = (await house.get(link)).json()
        numbers += [one["number"] for one in page["items"]]
        link = page["links"].get("next")
    assert numbers == [1, 2, 3, 4, 5, 6, 7]
    assert (await house.get(f"/v1/interchanges/{receipt}?limit=x")).status_code == 400


async def test_a_translation_cut_short_is_done_again_by_the_next_process(tmp_path):
    body = document("A1", *(declaration(number) for number in range(1, 2501)))
    async with opened(tmp_path) as house:
        receipt = await house.hand_in(body)
    async with opened(tmp_path) as house:
        shown = await house.outcome(receipt)
        assert shown["counts"]["accepted"] == 2500
        pages = [entry for one in house.routed for entry in one.head.entries]
        assert len({entry.declaration.id for entry in pages}) == len(pages)


async def test_a_translation_process_that_dies_costs_a_try_and_loses_nothing(house):
    for process in list(house.service.pool._all):
        process.kill()
        await process.wait()
    shown = await house.outcome(await house.hand_in(document("A1", declaration(1))))
    assert shown["state"] == "ROUTED"


async def test_no_name_is_found_in_the_store(tmp_path):
    async with opened(tmp_path) as house:
        await house.outcome(await house.hand_in(document("A1", declaration(1, name="Zebulon Quastenflosser"))))
        await house.all_routed(1)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"Quastenflosser" not in path.read_bytes(), path


async def test_a_long_interchange_goes_through_whatever_keys_come_in_between(house, monkeypatch):
    """Every request of a carrier makes a data key; a long upload and its translation outlive thousands of them."""
    monkeypatch.setattr("parcelgate.core.seal._KEPT", 2)
    body = document("A1", *(declaration(number) for number in range(1, 2500)))

    async def slowly():
        for start in range(0, len(body), 100_000):
            for _ in range(3):
                house.vault.new_key()
            yield body[start : start + 100_000]

    read = house.service.pool.read

    async def reading(*arguments):
        async for found in read(*arguments):
            for _ in range(3):
                house.vault.new_key()
            yield found

    monkeypatch.setattr(house.service.pool, "read", reading)
    accepted = await house.service.intake.receive(house.partners.get(POST), "a.xml", slowly())
    assert (await house.outcome(accepted.receipt))["counts"]["accepted"] == 2499


async def test_an_upload_cancelled_at_its_very_end_is_whole_or_gone(house, monkeypatch):
    """A stop may cancel a call after its commit; what is committed then must stay readable."""
    body = document("A1", *(declaration(number) for number in range(1, 2500)))
    transact = house.runner.transact

    async def cancelled_after(outcome, *rest):
        await transact(outcome, *rest)
        if any(write.statement == "postal.complete_interchange" for write in outcome.writes):
            raise asyncio.CancelledError

    async def whole():
        yield body

    monkeypatch.setattr(house.runner, "transact", cancelled_after)
    with contextlib.suppress(asyncio.CancelledError):
        await house.service.intake.receive(house.partners.get(POST), "a.xml", whole())
    answer = (await house.post(body)).json()
    assert answer["repeated"]
    assert (await house.outcome(answer["receipt"]))["counts"]["accepted"] == 2499
    key = (await find(house.store, answer["receipt"])).data_key
    assert await house.store.data_keys([key])


async def test_with_too_much_in_hand_files_stay_in_the_tray_and_messages_in_the_queue_and_all_come_later(tmp_path):
    async with opened(tmp_path, part_bytes=1000) as house:
        house.runner.pressure.tell("messages that wait for the bus", 1, 0)
        refused = await house.post(document("BUSY1", declaration(1)))
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert refused.json()["faults"][0]["code"] == "GATEWAY_BUSY"
        (house.tray(POST, "in") / "busy.xml").write_bytes(document("BUSY2", declaration(2)))
        queue = OneDocument(HandedIn("m1", "m1", document("BUSY3", declaration(3)), 1))
        in_queue = InQueue(house.partners.get(POST), queue, house.service.intake)
        for _ in range(2):
            with pytest.raises(BusyError):
                await in_queue.look()
        assert queue.handed_in is not None and not queue.letters
        await asyncio.sleep(1.2)
        assert [path.name for path in house.tray(POST, "in").iterdir()] == ["busy.xml"]
        house.runner.pressure.tell("messages that wait for the bus", 0, 0)
        await in_queue.look()
        assert queue.handed_in is None and [letter.kind for letter in queue.letters] == ["receipt"]
        await house.hand_in(document("BUSY1", declaration(1)))
        await house.all_routed(3)
        assert not list(house.tray(POST, "in").iterdir())


@pytest.mark.parametrize("name", ["predes", "emsevt"])
async def test_what_nothing_can_be_done_with_yet_is_refused_at_once_even_if_it_is_agreed(house, name):
    form = shipped().get(f"upu/{name}/own-1")
    with_partner(house, POST, formats_in=(CUSITM, form.id))
    answer = await house.post((form.folder / "examples" / "full.edi").read_bytes())
    assert (answer.status_code, codes(answer.json())) == (422, ["RECORD_NOT_TAKEN"])
    assert form.id in answer.json()["faults"][0]["sentence"]
    assert "receipt" not in answer.json()
