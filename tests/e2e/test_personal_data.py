"""Names of senders and addressees, good or bad, by whichever door: in clear only in the files that partners exchange."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict

from nasty_partner import Gateway, Writer, shipments, wait
from parcelgate.adapters.store.sqlite.store import SqliteStore
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.core.port import RejectError
from parcelgate.core.seal import Vault, master_key

NAMES = (
    "Quirinius Zweifelhofer", "Ксенофонтъ Щедриновскiй", "鳳凰院凶真之助", "Θεόφραστος Ζαχαρόπουλος", "ذوالفقار القرطبي",
    "נפתלי הרצוגוביץ", "ปรียานุช วงศ์ไพศาล", "아사달왕검", "Jāzeps Vējonis-Krūmiņš", "प्रद्युम्न चतुर्वेदी",
)  # fmt: skip


def traces(name):
    """Return what must be found nowhere: the name and its longer words, in all ways in which it may be written."""
    for word in {name, *(part for part in name.split() if len(part) >= 5)}:
        yield word.encode()
        yield word.encode("utf-16-le")
        yield json.dumps(word)[1:-1].encode()


WANTED = [(name, trace) for name in NAMES for trace in traces(name)]


def party(number):
    def change(item):
        for index, one in enumerate(item.parties):
            one.name = NAMES[(number + index) % len(NAMES)]

    return change


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """All names handed in by all doors, well and badly; then what is left is looked through."""
    gateway = Gateway(tmp_path_factory.mktemp("names"))
    answers = []
    post, other = Writer("post-jp", 70_000), Writer("post-us", 80_000)
    filed = Writer("post-cn", 90_000)

    def abroad(item):
        party(0)(item)
        item.destination_country = "NZ"

    receipts = []
    for number, name in enumerate(NAMES):
        whole = post.write(1, change=party(number))
        answer = gateway.hand_in(whole)
        receipts.append(answer.receipt)
        answers.append(answer.outcome)
        spoilt = [
            whole.replace(b"<Id>RX", b"<Id>"),
            whole.replace(b"<GrossWeight>", b"<GrossWeight>" + name.encode()),
            whole.replace(b"<RecipientCity>", b"<RecipientCity>" + name.encode() + b"&boo;"),
            whole.replace(b"<FlowCd>", b"<FlowCd>" + name.encode()),
            whole.replace(b"<SenderCountryCd>", b"<SenderCountryCd>" + name.encode()),
            whole.replace(b"<RecipientName>", b"<RecipientNames>").replace(b"</RecipientName>", b"</RecipientNames>"),
            whole[: whole.index(b"</RecipientName>")],
            name.encode() * 100,
        ]
        for index, bad in enumerate(spoilt):
            reference = f"BAD-{number}-{index}".encode()
            found = gateway.hand_in(bad.replace(b"<InterchangeRef>", b"<InterchangeRef>" + reference))
            answers.append(found.faults if not found.outcome else found.outcome)
        request = MessageToDict(shipments(4, 50_000 + number * 10))
        for shipment in request["shipments"]:
            for one in shipment["item"].get("parties", []):
                one["name"] = name
        second, third, fourth = (shipment["item"] for shipment in request["shipments"][1:])
        second["key"]["identifier"] = name
        third["grossMass"] = {"milligrams": name}
        fourth["parties"][0] |= {"name": name + "\x01", "role": name}
        answers.append(gateway.submit(json.dumps(request)).json())
        answers.append(gateway.submit(json.dumps({"requestId": name, "shipments": [{}]})).json())
        answers.append(gateway.submit(name + json.dumps(request)).json())
        answers.append(
            gateway.ask("POST", "/v1/reports", "customs-nz", json.dumps({"reports": [{"caseId": name}]})).json()
        )
        (gateway.mailbox("post-us") / "in" / f"{number}.xml").write_bytes(other.write(1, change=party(number)))
        (gateway.mailbox("post-us") / "in" / f"{number}-bad.xml").write_bytes(spoilt[2])
    response = gateway.ask("POST", "/v1/interchanges", "post-cn", filed.write(1, change=abroad))
    assert response.status_code == 202
    for number in range(len(NAMES)):
        answers += [gateway.result("post-us", f"{number}.xml"), gateway.result("post-us", f"{number}-bad.xml")]
    wait(lambda: list((gateway.mailbox("customs-nz") / "out").glob("*.xml")))
    wait(lambda: list((gateway.mailbox("post-us") / "out").glob("*.xml")))
    wait(lambda: gateway.get(f"/api/interchanges/{receipts[-1]}", "integrator").status_code == 200)
    yield gateway, answers, receipts
    gateway.close()


def found_in(content):
    return sorted({name for name, trace in WANTED if trace in content})


def test_the_names_do_go_through_to_the_customs_mailbox(scene):
    gateway, *_ = scene
    filed = b"".join(path.read_bytes() for path in (gateway.mailbox("customs-nz") / "out").glob("*.xml"))
    assert found_in(filed)


def test_no_file_of_the_gateway_holds_a_name_in_clear(scene):
    gateway, *_ = scene
    looked_at = []
    for path in sorted(path for path in gateway.data.rglob("*") if path.is_file()):
        partners_own = path.parent.name in ("in", "work", "done", "error") and not path.name.endswith(".result.json")
        filing = path.is_relative_to(gateway.mailbox("customs-nz") / "out")
        if not partners_own and not filing:
            assert found_in(path.read_bytes()) == [], path
            looked_at.append(path.name)
    assert {"parcelgate.sqlite", "parcelgate.sqlite-wal"} <= set(looked_at)
    assert any(name.startswith("CUSRSP") for name in looked_at) and "0-bad.xml.result.json" in looked_at
    assert found_in(gateway.process.log.read_bytes()) == []


def test_no_answer_shows_a_name(scene):
    _, answers, _ = scene
    for answer in answers:
        shown = json.dumps(answer, ensure_ascii=False)
        assert found_in(shown.encode()) == [], shown[:2000]


def test_the_monitor_and_the_command_line_show_no_name(scene):
    gateway, _answers, receipts = scene
    declarations = [
        row[0] for row in gateway.rows("SELECT DISTINCT declaration_id FROM postal_item WHERE declaration_id <> ''")
    ]
    # The monitor hears of an item a moment after its sender has the answer.
    for one in declarations:
        wait(lambda path=f"/api/items/{one}/timeline": gateway.get(path, "integrator").status_code == 200)
    paths = ["/", "/dead", "/api/overview", "/api/dead", *(f"/api/items/{one}/timeline" for one in declarations)]
    paths += [f"{place}/interchanges/{one}" for one in receipts for place in ("", "/api")]
    for path in paths:
        answer = gateway.get(path, "integrator")
        assert answer.status_code == 200, path
        assert found_in(answer.content) == [], path
    for name in ("trace", "doctor"):
        command = [sys.executable, "-m", "parcelgate.app.command", name, *([receipts[0]] if name == "trace" else [])]
        done = subprocess.run([*command, "--data", str(gateway.data)], capture_output=True, timeout=60, env=os.environ)
        assert done.returncode == 0 and found_in(done.stdout + done.stderr) == [], done.stdout


async def test_erasing_a_key_makes_its_item_unreadable_and_no_other(scene):
    gateway, _, receipts = scene
    kept = (
        "SELECT v.data_key, v.sealed FROM router_version v JOIN postal_item t ON t.declaration_id = v.declaration_id"
        " WHERE t.receipt = ?"
    )
    rows = [gateway.rows(kept, one)[0] for one in receipts[:2]]
    store = SqliteStore(Path(gateway.data) / "parcelgate.sqlite")
    try:
        keys, sealed = [row[0] for row in rows], [row[1] for row in rows]
        vault = Vault(master_key(gateway.data / "master.key"), store)
        await vault.fetch(keys)
        assert all(Item.FromString(vault.open(*pair)).parties for pair in zip(keys, sealed, strict=True))
        assert await store.erase(keys[0])
        fresh = Vault(master_key(gateway.data / "master.key"), store)
        await fresh.fetch(keys)
        with pytest.raises(RejectError) as refused:
            fresh.open(keys[0], sealed[0])
        assert refused.value.faults[0].code == "DATA_ERASED"
        assert Item.FromString(fresh.open(keys[1], sealed[1])).parties[0].name in NAMES
        assert gateway.get(f"/v1/interchanges/{receipts[0]}", "post-jp").status_code == 200
    finally:
        await store.close()
