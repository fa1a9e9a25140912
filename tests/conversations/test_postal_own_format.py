"""Messages go out in the partner's own format, whatever it is called; what it can't carry of one item stops no other."""

import json
import re
from contextlib import asynccontextmanager

import pytest

from conversations.postal_house import (
    CUSRSP,
    CUSTOMS,
    POST,
    declaration,
    document,
    header,
    opened,
    released,
)
from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_REPORTS, Chunk, ChunkEntry
from parcelgate.api.record.v1.decision_pb2 import DECISION_CODE_RELEASED, Decision, Release, Report
from parcelgate.api.record.v1.declaration_pb2 import PROCEDURE_IMPORT, Case, Declaration
from parcelgate.api.record.v1.item_pb2 import ITEM_SCHEME_HOUSE_WAYBILL, Item
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed, ItemRead
from parcelgate.codecs.registry import shipped
from parcelgate.core import resource

OWN = ("wco", "cds")


@asynccontextmanager
async def customs(folder, *formats_out, formats_in=(CUSRSP,), mailbox=True):
    """Run a house whose customs have agreed on formats of their own; what the monitor would hear is kept."""
    profiles = folder / "partners"
    profiles.mkdir()
    text = (resource.schemas() / "partners" / f"{CUSTOMS}.toml").read_text("utf-8")
    text = re.sub("formats_out = .*", f"formats_out = {json.dumps(formats_out)}", text)
    text = re.sub("formats_in = .*", f"formats_in = {json.dumps(formats_in)}", text)
    text = text.replace("mailbox = true", f"mailbox = {json.dumps(mailbox)}")
    (profiles / f"{CUSTOMS}.toml").write_text(text, "utf-8")
    async with opened(folder, partners=profiles) as house:
        house.facts = []
        transact = house.runner.transact

        async def listening(outcome, *words):
            house.facts += outcome.facts
            await transact(outcome, *words)

        house.runner.transact = listening
        yield house


def read(body, form):
    *events, closed = translate.read([body], form)
    assert isinstance(closed, Closed)
    assert closed.routable, closed.faults
    return [one for one in events if isinstance(one, ItemRead)]


def told(house, kind):
    return [one for one in house.facts if one.kind == kind and one.declaration_id]


async def declare_and_file(house, *declarations):
    """Have a post declare items, and file them with customs as the router does; returns what was routed."""
    await house.outcome(await house.hand_in(document("A1", *declarations)))
    await house.all_routed(len(declarations))
    entries = []
    for one in house.routed:
        for number, (entry, sealed) in enumerate(zip(one.head.entries, one.items, strict=True)):
            case = Case(id=f"c{number}", authority="nz-customs", procedure=PROCEDURE_IMPORT, version=1, round=1)
            entries.append((ChunkEntry(declaration=entry.declaration, data_key=entry.data_key, case=case), sealed))
    await house.file(entries)
    return list(house.routed)


async def out_tray(house, partner, pattern):
    async def there():
        return [path for path in sorted(house.tray(partner, "out").glob(pattern)) if path.suffix != ".tmp"]

    return await house.until(there)


@pytest.mark.parametrize("family", OWN)
async def test_a_whole_talk_with_customs_in_its_own_format(tmp_path, family):
    filed_as, answered_in = f"{family}/declaration/own-1", f"{family}/response/own-1"
    async with customs(tmp_path, filed_as, formats_in=(answered_in,)) as house:
        (routed,) = await declare_and_file(house, declaration(1))
        (path,) = await out_tray(house, CUSTOMS, "*")
        assert path.name == "FILING-CUSTOMS-NZ-00000001.xml"
        assert translate.recognise(path.read_bytes()) == filed_as
        (filed,) = read(path.read_bytes(), filed_as)
        assert filed.identifier == declaration(1).item.key.identifier
        assert "Wiebke Brandström" in path.read_text("utf-8")

        # Customs answers what it read: it knows the item, and none of our numbers.
        decision = Decision(id="NZ-77", code=DECISION_CODE_RELEASED, case=Case(authority="nz-customs"))
        answer = Release(
            response_id="NZ-77",
            declaration=Declaration(key=Declaration.FromString(filed.message).key),
            decision=decision,
        )
        body = b"".join(translate.write(answered_in, header("NZ-1", "NZ"), [answer]))
        house.routed.clear()
        (house.tray(CUSTOMS, "in") / "answer.xml").write_bytes(body)
        await house.all_routed(1)
        (sent,) = house.routed
        assert (sent.head.kind, sent.head.authority) == (CHUNK_KIND_REPORTS, "nz-customs")
        report = Report.FromString(sent.items[0])
        assert report.declaration.item.identifier == filed.identifier
        assert (report.decision.id, report.decision.code) == ("NZ-77", DECISION_CODE_RELEASED)

        await house.release(released(routed, report.decision.code))
        (path,) = await out_tray(house, POST, "*")
        assert path.name == "CUSRSP-POST-CN-00000001.xml"
        (response,) = read(path.read_bytes(), CUSRSP)
        assert response.identifier == filed.identifier
        assert Release.FromString(response.message).decision.code == DECISION_CODE_RELEASED


async def test_of_several_formats_the_first_that_carries_the_message_is_chosen(tmp_path):
    async with customs(tmp_path, "wco/response/own-1", "cds/declaration/own-1", "wco/declaration/own-1") as house:
        await declare_and_file(house, declaration(1))
        (path,) = await out_tray(house, CUSTOMS, "*")
        assert translate.recognise(path.read_bytes()) == "cds/declaration/own-1"


async def test_who_asks_gets_the_syntax_of_its_format_by_content_type_and_name(tmp_path):
    async with customs(tmp_path, "carrier/easypost/v2", mailbox=False) as house:
        await file_altered(house, 1, _as_waybill, of=1)

        async def there():
            return (await house.get("/v1/responses", CUSTOMS)).json()["responses"]

        (message,) = await house.until(there)
        answer = await house.get(message["link"], CUSTOMS)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-disposition"] == 'attachment; filename="FILING-CUSTOMS-NZ-00000001.json"'
        assert answer.json()


async def test_what_a_format_cannot_carry_of_one_item_is_its_own_dead_letter_and_its_neighbours_go_out(tmp_path):
    async with customs(tmp_path, "wco/declaration/own-1") as house:
        await file_altered(house, 2, _spoil)
        (path,) = await out_tray(house, CUSTOMS, "*")
        names = [one.identifier for one in read(path.read_bytes(), "wco/declaration/own-1")]
        assert names == [declaration(number).item.key.identifier for number in (1, 3)]

        async def dead():
            return await house.store.dead(10)

        ((consumer, letter),) = await house.until(dead)
        assert consumer == "postal.handout"
        assert [one.code for one in letter.faults] == ["ITEM_NOT_WRITTEN", "TEXT_NOT_WRITABLE"]
        assert letter.faults[0].item == declaration(2).item.key.identifier
        (about,) = Chunk.FromString(letter.message.body).head.entries
        assert about.declaration.key.item.identifier == declaration(2).item.key.identifier
        assert about.case.id == "c1"
        (fact,) = told(house, "filing.not_written")
        assert (fact.item, fact.authority, fact.case_id) == (declaration(2).item.key.identifier, "nz-customs", "c1")
        # It went out, whole but for that item: it is not tried again, and the next one does not wait.
        assert await house.store.due("postal.handout", 2**62, 10) == []


async def test_a_message_of_which_nothing_can_be_written_is_given_up_with_its_faults(tmp_path):
    async with customs(tmp_path, "wco/declaration/own-1") as house:
        await file_altered(house, 1, _spoil, of=1)

        async def dead():
            return await house.store.dead(10)

        ((_, letter),) = await house.until(dead)
        assert letter.faults[0].code == "ITEM_NOT_WRITTEN"
        assert list(house.tray(CUSTOMS, "out").iterdir()) == []
        (message,) = (await house.get("/v1/responses", CUSTOMS)).json()["responses"]
        assert not message["handed_out"]
        refused = await house.get(message["link"], CUSTOMS)
        assert (refused.status_code, refused.json()["faults"][0]["code"]) == (422, "TEXT_NOT_WRITABLE")


async def test_messages_wait_for_a_format_that_is_not_there_and_go_out_in_no_other(tmp_path):
    own = "customs-nz/filing/1"
    async with customs(tmp_path, own) as house:
        await declare_and_file(house, declaration(1))

        async def logged():
            return await house.store.deliveries(CUSTOMS, "test", 0, 10)

        await house.until(logged)
        assert (await house.get("/v1/responses", CUSTOMS)).json()["responses"] == []
        folder = house.settings.format_root / own
        folder.mkdir(parents=True)
        parent = shipped().get("wco/declaration/own-1")
        (folder / "format.toml").write_text(
            f'id = "{own}"\nextends = "{parent.id}"\nprovenance = "agreed for this test"\n', "utf-8"
        )
        (path,) = await out_tray(house, CUSTOMS, "*")
        assert translate.recognise(path.read_bytes()) == parent.id


async def file_altered(house, which, alter, of=3):
    """Declare items and file them, one of them altered as it could have come from a carrier."""
    await house.outcome(await house.hand_in(document("A1", *(declaration(number + 1) for number in range(of)))))
    await house.all_routed(of)
    (routed,) = house.routed
    entries = []
    for number, (entry, whole) in enumerate(zip(routed.head.entries, routed.items, strict=True)):
        await house.vault.fetch([entry.data_key])
        item = Item.FromString(house.vault.open(entry.data_key, whole))
        if number + 1 == which:
            alter(item)
        sealed = house.vault.seal(entry.data_key, item.SerializeToString())
        case = Case(id=f"c{number}", authority="nz-customs", procedure=PROCEDURE_IMPORT, version=1, round=1)
        entries.append((ChunkEntry(declaration=entry.declaration, data_key=entry.data_key, case=case), sealed))
    await house.file(entries)


def _spoil(item):
    """Put in a character that XML does not have."""
    item.content[0].description = "Cotton\x01T-shirts"


def _as_waybill(item):
    item.key.scheme = ITEM_SCHEME_HOUSE_WAYBILL
