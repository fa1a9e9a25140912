"""Two processes of every service over one database and one broker: the promises of one gateway hold for all of them."""

import datetime
import json
import os
import re
import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise

import grpc
import httpx
import pytest

from bench.documents import documents
from conversations.postal_house import declaration, identifier
from conversations.postal_house import document as interchange_of
from parcelgate.api.carrier.v1.carrier_pb2 import AmendRequest, FollowRequest, SubmitRequest
from parcelgate.api.carrier.v1.carrier_pb2_grpc import CarrierServiceStub, DecisionServiceStub
from parcelgate.api.record.v1.decision_pb2 import DecisionCode
from parcelgate.app.demo.cluster import Cluster
from parcelgate.app.demo.log import of_database
from parcelgate.app.sampling import express
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners

CARRIER, POST, CUSTOMS = "carrier-orbit", "post-cn", "customs-nz"
DAY = datetime.date(2026, 9, 21)
PATIENCE_SECONDS = 90
# How long a downstream is away; a minute is played with PARCELGATE_TEST_AWAY_SECONDS=60.
AWAY_SECONDS = float(os.environ.get("PARCELGATE_TEST_AWAY_SECONDS", "4"))


def wait(question, what):
    """Ask again and again until the answer is something; returns it."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (answer := question()):
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.1)
    return answer


class House:
    """The cluster and those who call it."""

    def __init__(self, folder, database, broker, **environment):
        self.cluster = Cluster(folder, database, broker, 2, PARCELGATE_LOG_LEVEL="warning", **environment)
        self.logged = of_database(database)

    def key(self, partner):
        return Credentials(self.cluster.data, Partners()).local_key(partner)

    def call(self, member, method, path, partner, **more):
        headers = {"Authorization": f"Bearer {self.key(partner)}"}
        return httpx.request(method, member.http + path, headers=headers, timeout=30, trust_env=False, **more)

    def hand_in(self, member, document):
        answer = self.call(member, "POST", "/v1/interchanges", POST, content=document)
        assert answer.status_code == 202, answer.text
        return answer.json()["receipt"]

    def decided(self, member, receipt):
        answer = self.call(member, "GET", f"/v1/interchanges/{receipt}", POST, params={"limit": 1}).json()
        counts = answer["counts"]
        return answer["state"] in ("ROUTED", "REJECTED") and counts["decided"] >= counts["accepted"] and answer

    def facts(self, receipt, kind):
        """Go through the facts of a kind that the monitor tells of the items of an interchange."""
        watcher, _ = self.cluster.of("monitor")
        items = self.call(watcher, "GET", f"/api/interchanges/{receipt}", "integrator").json().get("items", ())
        for item in items:
            path = f"/api/items/{item['declaration_id']}/timeline"
            for fact in self.call(watcher, "GET", path, "integrator").json()["facts"]:
                if fact["kind"] == kind:
                    yield fact

    @contextmanager
    def away(self, *members):
        """Kill members, and start them at the end; goes on when the first of them is ready."""
        for member in members:
            member.kill()
        try:
            yield
        finally:
            for member in members:
                member.start()
            wait(lambda: any(member.ready() for member in members), "the first of them")

    def metadata(self, partner):
        return (("authorization", f"Bearer {self.key(partner)}"),)

    def follow(self, member, token, count):
        """Follow decisions at one member until so many came; returns (token, response id) of each."""
        with grpc.insecure_channel(member.grpc) as channel:
            call = DecisionServiceStub(channel).Follow(
                FollowRequest(resume_token=token), metadata=self.metadata(CARRIER), timeout=PATIENCE_SECONDS
            )
            found = []
            for one in call:
                found.append((one.resume_token, one.release.response_id))
                if len(found) == count:
                    call.cancel()
                    return found
        return found


@pytest.fixture(scope="module")
def house(tmp_path_factory, postgres_node, rabbit_node):
    found = House(tmp_path_factory.mktemp("cluster"), postgres_node.create_database(), rabbit_node.add_vhost())
    try:
        found.cluster.start()
        yield found
    finally:
        found.cluster.stop()


def shipments(seed, count):
    """Return shipments that are declared for the first time, each with nothing wrong that would reject it."""
    found = [
        shipment
        for _, request in express(seed, count * 3, DAY)
        if isinstance(request, SubmitRequest)
        for shipment in request.shipments
    ]
    return found[:count]


def request_id():
    return f"req-{secrets.token_hex(8)}"


def test_versions_stay_in_order_whichever_process_takes_them_in(house):
    """Each amendment goes to the other process; the router's two processes apply them one after the other."""
    (shipment,) = shipments(71, 1)
    metadata, versions = house.metadata(CARRIER), 8
    with (
        grpc.insecure_channel(house.cluster.of("carrier")[0].grpc) as one,
        grpc.insecure_channel(house.cluster.of("carrier")[1].grpc) as two,
    ):
        stubs = [CarrierServiceStub(one), CarrierServiceStub(two)]
        answer = stubs[0].Submit(
            SubmitRequest(request_id=request_id(), shipments=[shipment]), metadata=metadata, timeout=30
        )
        for number in range(2, versions + 1):
            shipment.item.gross_mass.milligrams += 1000
            amended = stubs[number % 2].Amend(
                AmendRequest(request_id=request_id(), shipments=[shipment]), metadata=metadata, timeout=30
            )
            assert [result.version for result in amended.response.results] == [number]
    declaration = answer.results[0].declaration_id

    def judged():
        mine = [one for one in house.logged(CARRIER) if one.declaration.id == declaration]
        return mine if any(one.decision.judged_version == versions for one in mine) else None

    releases = wait(judged, "the decision on the last version")
    for case in {one.decision.case.id for one in releases}:
        order = [one.decision.judged_version for one in releases if one.decision.case.id == case]
        assert order == sorted(order)
    effects = Counter((one.decision.case.id, one.decision.judged_version, one.decision.stage) for one in releases)
    assert set(effects.values()) == {1}


def test_a_stream_resumed_on_the_other_process_misses_nothing_and_repeats_nothing(house):
    lot = shipments(72, 30)
    first, second = house.cluster.of("carrier")
    with grpc.insecure_channel(first.grpc) as channel:
        before = len(house.logged(CARRIER))
        CarrierServiceStub(channel).Submit(
            SubmitRequest(request_id=request_id(), shipments=lot), metadata=house.metadata(CARRIER), timeout=30
        )
    wait(lambda: len(house.logged(CARRIER)) >= before + len(lot), "the decisions")
    expected = [one.response_id for one in house.logged(CARRIER)]
    seen, token = [], ""
    for turn, count in enumerate((3, 1, 7, len(expected) - 11)):
        part = house.follow((first, second)[turn % 2], token, count)
        seen += [response for _, response in part]
        token = part[-1][0]
    assert seen == expected


def test_a_follower_at_one_process_hears_what_the_other_has_logged(house):
    """Whichever process takes the release from the bus, the follower's process is woken."""
    first, second = house.cluster.of("carrier")
    token = house.follow(first, "", len(house.logged(CARRIER)))[-1][0] if house.logged(CARRIER) else ""
    with grpc.insecure_channel(first.grpc) as channel, grpc.insecure_channel(second.grpc) as other:
        call = DecisionServiceStub(channel).Follow(
            FollowRequest(resume_token=token), metadata=house.metadata(CARRIER), timeout=PATIENCE_SECONDS
        )
        for shipment in shipments(73, 6):
            answer = CarrierServiceStub(other).Submit(
                SubmitRequest(request_id=request_id(), shipments=[shipment]),
                metadata=house.metadata(CARRIER),
                timeout=30,
            )
            wanted = answer.results[0].declaration_id
            assert any(one.release.declaration.id == wanted for one in call)
        call.cancel()


def test_interchanges_handed_in_at_both_processes_are_each_decided_once(house):
    first, second = house.cluster.of("postal")
    receipts = [
        house.hand_in((first, second)[number % 2], document)
        for number, document in enumerate(documents(POST, 10, 20, 74))
    ]
    # Either process tells what became of it, whoever took it in.
    for number, receipt in enumerate(receipts):
        member = (second, first)[number % 2]
        assert wait(partial(house.decided, member, receipt), f"the decisions on {receipt}")["state"] == "ROUTED"
    answers = Counter(one.response_id for one in house.logged(POST))
    assert set(answers.values()) == {1}
    messages = house.call(first, "GET", "/v1/responses", POST).json()["responses"]
    places = [(one["first_sequence"], one["last_sequence"]) for one in messages]
    # What is handed out covers the log without a gap or a repetition.
    assert all(end + 1 == start for (_, end), (start, _) in pairwise(places))


def test_the_same_interchange_handed_in_at_both_processes_at_once_has_one_receipt(house):
    (document,) = documents(POST, 1, 20, 75)
    with ThreadPoolExecutor(4) as callers:
        receipts = set(callers.map(lambda member: house.hand_in(member, document), house.cluster.of("postal") * 2))
    assert len(receipts) == 1


def test_every_file_of_a_mailbox_is_taken_by_one_process_and_answered_once(house):
    box = house.cluster.data / "mailboxes" / POST
    wait((box / "in").is_dir, "the mailbox")
    for number, document in enumerate(documents(POST, 12, 5, 76)):
        half = box / "in" / f"file-{number}.xml.tmp"
        half.write_bytes(document)
        half.rename(half.with_suffix(""))

    def results():
        found = [path for path in (box / "done").iterdir() if path.suffix == ".json"]
        return found if len(found) >= 12 else None

    found = wait(results, "the results")
    receipts = {json.loads(path.read_text())["receipt"] for path in found}
    assert len(found) == len(receipts) == 12
    assert not list((box / "work").iterdir())


def test_what_a_killed_process_had_taken_in_is_brought_to_its_end_by_the_other(house):
    first, second = house.cluster.of("postal")
    receipts = [house.hand_in(first, document) for document in documents(POST, 8, 20, 77)]
    first.kill()
    try:
        for receipt in receipts:
            wait(partial(house.decided, second, receipt), f"the decisions on {receipt}")
    finally:
        first.start()
        first.wait()


# What risk and clearance alone decide; see DecisionCode.
SECURITY, FISCAL = range(20, 40), range(40, 80)


def of(code):
    """Return the number of a decision's code as the page shows it."""
    return DecisionCode.Value(f"DECISION_CODE_{code}")


@pytest.mark.parametrize(("service", "codes"), [("risk", SECURITY), ("clearance", FISCAL)])
def test_a_service_that_is_away_holds_work_back_and_the_page_says_why_until_it_is_back(house, service, codes):
    """Nothing fails while it is away: the cases wait, and drain by themselves as soon as it is back."""
    doors, members = house.cluster.of("postal"), house.cluster.of(service)

    def waits_for(receipt):
        return next((fact["details"]["waits_for"] for fact in house.facts(receipt, "case.parked")), None)

    def moments(receipt):
        """When the service that was away decided; what no authority judges is held by the gateway itself."""
        told = [fact for fact in house.facts(receipt, "decision.made") if fact["authority"] != "parcelgate"]
        made = [fact for fact in told if of(fact["code"]) in codes]
        return [datetime.datetime.fromtimestamp(fact["at_micros"] / 1e6, datetime.UTC) for fact in made]

    with house.away(*members):
        end, receipts = time.monotonic() + AWAY_SECONDS, []
        for number, document in enumerate(documents(POST, 4, 3, 78 if service == "risk" else 79)):
            receipts.append(house.hand_in(doors[number % 2], document))
            time.sleep(max(0.0, (end - time.monotonic()) / (4 - number)))
        for receipt in receipts:
            assert wait(partial(waits_for, receipt), "the reason on the page") == service
            assert not moments(receipt)
    back = datetime.datetime.now(datetime.UTC)
    for receipt in receipts:
        wait(partial(house.decided, doors[0], receipt), "the decisions")
    first = min(moment for receipt in receipts for moment in wait(partial(moments, receipt), "what it decided"))
    assert first - back < datetime.timedelta(seconds=2)
    assert not house.call(house.cluster.of("monitor")[0], "GET", "/api/dead", "integrator").json()["dead"]
    for member in members:
        member.wait()


def to_new_zealand(reference, *numbers):
    """Return an interchange of items that the demonstration customs of New Zealand judges, by mailbox."""
    found = [declaration(number) for number in numbers]
    for one in found:
        one.item.destination_country = "NZ"
        one.item.parties[1].address.country = "NZ"
    return interchange_of(reference, *found)


@contextmanager
def mailbox_away(house, partner):
    """Put a file where a mailbox was, so that not even root can write there."""
    root = house.cluster.data / "mailboxes" / partner
    wait((root / "out").is_dir, "the mailbox")
    aside = root.with_name(f"{partner}-aside")
    root.rename(aside)
    root.write_bytes(b"")
    try:
        yield aside / "out"
    finally:
        root.unlink()
        aside.rename(root)


def test_an_authoritys_mailbox_that_is_away_fails_nothing_and_the_page_says_why_until_it_is_back(house):
    first, second = house.cluster.of("postal")
    watcher, _ = house.cluster.of("monitor")
    out = house.cluster.data / "mailboxes" / CUSTOMS / "out"

    def timeline(receipt):
        shown = house.call(watcher, "GET", f"/api/interchanges/{receipt}", "integrator").json()
        for item in shown.get("items", ()):
            path = f"/api/items/{item['declaration_id']}/timeline"
            yield from house.call(watcher, "GET", path, "integrator").json()["facts"]

    def of_kind(receipt, kind):
        return next((one for one in timeline(receipt) if one["kind"] == kind), None)

    with mailbox_away(house, CUSTOMS) as aside:
        before = set(aside.glob("*.xml"))
        end, receipts = time.monotonic() + AWAY_SECONDS, []
        while time.monotonic() < end or len(receipts) < 4:
            number = 4000 + len(receipts)
            member = (first, second)[number % 2]
            receipts.append(house.hand_in(member, to_new_zealand(f"NZ{number}", number)))
            time.sleep(AWAY_SECONDS / 8)
        for receipt in receipts:
            why = wait(partial(of_kind, receipt, "filing.waits"), "the reason on the page")
            assert why["details"]["waits_for"] == f"mailbox of {CUSTOMS}"
        assert set(aside.glob("*.xml")) == before
    back = time.monotonic()
    wait(lambda: len(set(out.glob("*.xml"))) > len(before), "the first filing")
    assert time.monotonic() - back < 2
    for receipt in receipts:
        wait(partial(of_kind, receipt, "filing.handed_out"), "the end of the wait on the page")
    filed = sorted(
        (path for path in out.glob("*.xml") if aside / path.name not in before),
        key=lambda path: path.stat().st_mtime_ns,
    )
    assert [path.name for path in filed] == sorted(path.name for path in filed)
    held = [item for path in filed for item in re.findall(rb"CX\d{9}CN", path.read_bytes())]
    assert sorted(set(held)) == sorted(identifier(4000 + number).encode() for number in range(len(receipts)))
    assert not house.call(watcher, "GET", "/api/dead", "integrator").json()["dead"]


def test_the_doctor_looks_at_every_process(house):
    checks = {one["what"]: one for one in json.loads(house.cluster.members[0].run("doctor", "--json"))}
    for service in ("postal", "carrier", "router", "risk", "clearance", "monitor"):
        assert checks[service]["well"], checks[service]
        assert f"{service}-1" in checks[service]["finding"] and f"{service}-2" in checks[service]["finding"]
    assert checks["dead letters"]["well"]


def test_a_process_stops_in_good_order_and_lets_its_tasks_go(house):
    (member, _) = house.cluster.of("router")
    member.stop()
    assert member.code == 0
    member.start()
    member.wait()
