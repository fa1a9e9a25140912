"""Responses and filings on their way out, by HTTP and mailbox, and files on their way in."""

import os

import pytest

from conversations.postal_house import (
    CUSITM,
    CUSRSP,
    CUSTOMS,
    OTHER,
    POST,
    declaration,
    document,
    header,
    opened,
    released,
    result,
    with_partner,
)
from parcelgate.adapters.transport.folder import FolderMailbox
from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_REPORTS, ChunkEntry
from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_RELEASED,
    STAGE_ADVANCE,
    Decision,
    Release,
    Report,
)
from parcelgate.api.record.v1.declaration_pb2 import PROCEDURE_IMPORT, Case, Declaration
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed, ItemRead
from parcelgate.core.naming import filing_id


@pytest.fixture
async def house(tmp_path):
    async with opened(tmp_path) as house:
        yield house


def read(body, form=CUSRSP):
    *events, closed = translate.read([body], form)
    assert isinstance(closed, Closed)
    assert closed.routable, closed.faults
    return [one for one in events if isinstance(one, ItemRead)]


def decisions(count, start=0):
    return [
        Release(
            response_id=f"r{number:05}",
            declaration=Declaration(key=declaration(number + 1).key, id=f"d{number}", version=1),
            decision=Decision(
                id=f"x{number}",
                case=Case(id=f"c{number}", authority="eu-customs", procedure=PROCEDURE_IMPORT, version=1, round=1),
                judged_version=1,
                stage=STAGE_ADVANCE,
                code=DECISION_CODE_RELEASED,
            ),
        )
        for number in range(start, start + count)
    ]


async def closed_messages(house, partner, responses):
    async def all_there():
        found = (await house.get("/v1/responses?limit=1000", partner)).json()["responses"]
        return found if sum(one["responses"] for one in found) >= responses else None

    return await house.until(all_there)


async def test_responses_are_listed_and_handed_out_with_the_same_bytes_every_time(house):
    with_partner(house, POST, mailbox=False)
    await house.release(decisions(3))
    (message,) = await closed_messages(house, POST, 3)
    assert (message["first_sequence"], message["last_sequence"], message["format"]) == (1, 3, CUSRSP)
    once, again = await house.get(message["link"]), await house.get(message["link"])
    assert once.content == again.content
    assert [Release.FromString(one.message).response_id for one in read(once.content)] == ["r00000", "r00001", "r00002"]
    (message,) = (await house.get("/v1/responses")).json()["responses"]
    assert message["handed_out"]


async def test_responses_of_one_partner_are_not_there_for_another(house):
    await house.release(decisions(1))
    (message,) = await closed_messages(house, POST, 1)
    assert (await house.get("/v1/responses", OTHER)).json()["responses"] == []
    assert (await house.get(message["link"], OTHER)).status_code == 404


async def test_a_message_has_at_most_500_responses_and_every_response_stands_in_one(house):
    await house.release(decisions(1203))
    found = await closed_messages(house, POST, 1203)
    assert max(one["responses"] for one in found) <= 500
    ranges = [(one["first_sequence"], one["last_sequence"]) for one in found]
    assert [first for first, _ in ranges] == [1, *(last + 1 for _, last in ranges[:-1])]
    assert ranges[-1][1] == 1203
    ids = []
    for one in found:
        ids += [Release.FromString(each.message).response_id for each in read((await house.get(one["link"])).content)]
    assert ids == [f"r{number:05}" for number in range(1203)]


async def test_a_closed_message_appears_whole_in_the_out_tray(house):
    await house.release(decisions(2))

    async def there():
        return list(house.tray(POST, "out").glob("*.xml"))

    (path,) = await house.until(there)
    assert len(read(path.read_bytes())) == 2
    assert not list(house.tray(POST, "out").glob("*.tmp"))
    (message,) = (await house.get("/v1/responses")).json()["responses"]
    assert path.name == message["reference"] + ".xml"
    assert path.read_bytes() == (await house.get(message["link"])).content


async def test_a_repeated_release_is_in_the_log_once(house):
    await house.release(decisions(1))
    await house.release(decisions(1), seed="again")
    await house.release(decisions(1, start=1), seed="more")
    found = await closed_messages(house, POST, 2)
    assert sum(one["responses"] for one in found) == 2


async def test_decisions_show_in_the_outcome(house):
    receipt = await house.hand_in(document("A1", declaration(1)))
    await house.outcome(receipt)
    await house.all_routed(1)
    await house.release(released(house.routed[0]))

    async def decided():
        shown = await house.outcome(receipt)
        return shown if shown["counts"]["decided"] else None

    (decision,) = (await house.until(decided))["items"][0]["decisions"]
    assert (decision["authority"], decision["stage"], decision["code"]) == ("eu-customs", "ADVANCE", "RELEASED")


async def test_a_file_goes_through_the_mailbox_and_its_result_lies_beside_it(house):
    tray = house.tray(POST, "in")
    (tray / "half.xml.tmp").write_bytes(b"<")
    (tray / ".hidden.xml").write_bytes(b"<")
    (tray / "a.xml").write_bytes(document("A1", declaration(1), declaration(2)))
    path = house.tray(POST, "done") / "a.xml.result.json"

    async def moved():
        return (path.parent / "a.xml").is_file()

    await house.until(moved)
    shown = result(path)
    assert (shown["state"], shown["name"], len(shown["items"])) == ("ROUTED", "a.xml", 2)
    assert shown == (await house.outcome(shown["receipt"])) | {
        "links": {"self": f"/v1/interchanges/{shown['receipt']}"}
    }
    assert sorted(one.name for one in tray.iterdir()) == [".hidden.xml", "half.xml.tmp"]


async def test_a_file_that_is_no_interchange_goes_to_error_with_its_faults(house):
    (house.tray(POST, "in") / "letter.txt").write_bytes(b"Dear customs")
    (house.tray(POST, "in") / "cut.xml").write_bytes(document("A1", declaration(1))[:-20])
    error = house.tray(POST, "error")

    async def moved():
        return (error / "letter.txt").is_file() and (error / "cut.xml").is_file()

    await house.until(moved)
    assert result(error / "letter.txt.result.json")["faults"][0]["code"] == "DOCUMENT_NOT_XML"
    assert result(error / "cut.xml.result.json")["faults"][0]["code"] == "XML_TRUNCATED"


async def test_a_file_whose_name_is_no_utf_8_is_taken_like_any_other(house):
    odd = os.fsdecode(b"f\xfcr-zoll.xml")
    for name, reference, number in ((odd, "A1", 1), ("plain.xml", "A2", 2)):
        (house.tray(POST, "in") / name).write_bytes(document(reference, declaration(number)))
    done = house.tray(POST, "done")

    async def moved():
        return (done / odd).is_file() and (done / "plain.xml").is_file()

    await house.until(moved)
    assert result(done / f"{odd}.result.json")["name"] == "f\ufffdr-zoll.xml"


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ZeroDivisionError()])
async def test_a_file_that_cannot_be_read_holds_up_no_other_and_is_tried_again(house, monkeypatch, error):
    read, refuse = FolderMailbox.read, True

    async def sometimes(self, name):
        if name == "1.xml" and refuse:
            raise error
        async for piece in read(self, name):
            yield piece

    monkeypatch.setattr(FolderMailbox, "read", sometimes)
    monkeypatch.setattr("parcelgate.postal.mailbox._AWAY_SECONDS", 0.1)
    for number in (1, 2):
        (house.tray(POST, "in") / f"{number}.xml").write_bytes(document(f"A{number}", declaration(number)))

    async def done():
        return sorted(one.name for one in house.tray(POST, "done").glob("?.xml"))

    assert await house.until(done) == ["2.xml"]
    refuse = False

    async def both():
        return len(await done()) == 2

    await house.until(both)


async def test_a_fault_of_our_own_in_one_mailbox_does_not_stop_the_others(house, monkeypatch):
    claimed = FolderMailbox.claimed

    async def never(self):
        if self._root.name == OTHER:
            raise ZeroDivisionError
        return await claimed(self)

    with_partner(house, OTHER, mailbox=True)
    monkeypatch.setattr(FolderMailbox, "claimed", never)
    (house.tray(POST, "in") / "a.xml").write_bytes(document("A1", declaration(1)))

    async def moved():
        return (house.tray(POST, "done") / "a.xml").is_file()

    await house.until(moved)


async def test_a_file_left_in_work_is_recognised_by_its_content_after_a_restart(tmp_path):
    body = document("A1", declaration(1))
    async with opened(tmp_path) as house:
        receipt = await house.hand_in(body, name="a.xml")
        await house.outcome(receipt)
    async with opened(tmp_path) as house:
        (house.tray(POST, "in") / "warm.xml").write_bytes(document("A2", declaration(2)))
    (tmp_path / "mailboxes" / POST / "work" / "a.xml").write_bytes(body)
    async with opened(tmp_path) as house:
        path = house.tray(POST, "done") / "a.xml.result.json"

        async def there():
            return path.is_file()

        await house.until(there)
        assert result(path)["receipt"] == receipt


async def test_two_files_of_one_name_both_keep_their_results(house):
    done = house.tray(POST, "done")
    for number in (1, 2):
        (house.tray(POST, "in") / "a.xml").write_bytes(document(f"A{number}", declaration(number)))

        async def moved(number=number):
            return len(list(done.glob("a*.xml"))) == number

        await house.until(moved)
    assert sorted(result(one)["reference"] for one in done.glob("*.result.json")) == ["A1", "A2"]


async def test_filings_reach_the_customs_mailbox_as_cusitm(house):
    await house.outcome(await house.hand_in(document("A1", declaration(1))))
    await house.all_routed(1)
    entry, sealed = house.routed[0].head.entries[0], house.routed[0].items[0]
    case = Case(id="c1", authority="nz-customs", procedure=PROCEDURE_IMPORT, version=1, round=1)
    await house.file([(ChunkEntry(declaration=entry.declaration, data_key=entry.data_key, case=case), sealed)])

    async def there():
        return list(house.tray(CUSTOMS, "out").glob("CUSITM-*.xml"))

    (path,) = await house.until(there)
    (item,) = read(path.read_bytes(), CUSITM)
    assert item.identifier == declaration(1).item.key.identifier
    assert "Wiebke Brandström" in path.read_text("utf-8")


async def test_a_cusrsp_of_a_customs_mailbox_becomes_reports_of_its_own_authority(house):
    body = b"".join(translate.write(CUSRSP, header("ANSWER-1", "NZ"), decisions(2)))
    (house.tray(CUSTOMS, "in") / "answer.xml").write_bytes(body)
    await house.all_routed(2)
    (sent,) = house.routed
    assert (sent.head.kind, sent.head.authority, sent.head.partner) == (CHUNK_KIND_REPORTS, "nz-customs", CUSTOMS)
    report = Report.FromString(sent.items[0])
    assert (report.authority, report.case_id, report.decision.code) == ("nz-customs", "c0", DECISION_CODE_RELEASED)


async def test_a_later_version_is_filed_after_the_earlier_one_whichever_comes_first(house):
    """Two processes of the router send on their own: the second version may come by before the first."""
    await house.outcome(await house.hand_in(document("A1", declaration(1))))
    await house.all_routed(1)
    entry, sealed = house.routed[0].head.entries[0], house.routed[0].items[0]
    filed, before = [], ""
    for version in (1, 2):
        case = Case(id="c1", authority="nz-customs", procedure=PROCEDURE_IMPORT, version=version, round=version)
        filed.append(ChunkEntry(declaration=entry.declaration, data_key=entry.data_key, case=case, follows=before))
        before = filing_id(case)
    await house.file([(filed[1], sealed)], seed="second")

    async def waits():
        return await house.store.due("postal", 2**62, 10)

    await house.until(waits)
    assert await house.store.deliveries(CUSTOMS, "test", 0, 10) == []
    await house.file([(filed[0], sealed)], seed="first")

    async def both():
        house.clock.now += 1_000_000
        found = await house.store.deliveries(CUSTOMS, "test", 0, 10)
        return found if len(found) == 2 else None

    logged = await house.until(both)
    assert [ChunkEntry.FromString(one.delivery.head).case.version for one in logged] == [1, 2]
    assert await house.store.dead(10) == []


async def test_erased_items_are_left_out_of_a_filing(house):
    await house.outcome(await house.hand_in(document("A1", declaration(1))))
    await house.outcome(await house.hand_in(document("A2", declaration(2))))
    await house.all_routed(2)
    entries = []
    for number, one in enumerate(house.routed):
        entry = ChunkEntry()
        entry.CopyFrom(one.head.entries[0])
        entry.case.CopyFrom(Case(id=f"c{number}", authority="nz-customs", version=1, round=1))
        entries.append((entry, one.items[0]))
    await house.store.erase(entries[0][0].data_key)
    house.vault.forget(entries[0][0].data_key)
    await house.file(entries)
    found = await closed_messages(house, CUSTOMS, 2)
    bodies = [(await house.get(one["link"], CUSTOMS)).content for one in found]
    assert [len(read(body, CUSITM)) for body in bodies] == [1]
