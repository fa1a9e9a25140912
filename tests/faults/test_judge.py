"""The judge finds each kind of wrong by itself, and finds nothing where all is right."""

import json

import pytest
from evidence import QUERIES
from judge import WRONG, Judge

from parcelgate.api.record.v1.decision_pb2 import Release

CARRIER = "carrier-swift"


class Told:
    """A store that says what it is told."""

    def __init__(self) -> None:
        self.tables = {name: [] for name in QUERIES}
        self.work = {}

    def rows(self, name):
        return self.tables[name]

    def left(self):
        return self.work


def release(response, declaration="d1", version=1, case="c1"):
    found = Release(response_id=response)
    found.declaration.id, found.declaration.version = declaration, version
    found.decision.case.id, found.decision.stage = case, 2
    return found.SerializeToString()


class Case:
    """Two shipments and an interchange of one item that went well."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.store = Told()
        self.store.tables |= {
            "interchanges": [("r1", "post-cn", "A.xml", "ROUTED", 1)],
            "items": [("r1", "RR1", "ACCEPTED", "d9", 1, 0)],
            "requests": [(CARRIER, "q1")],
            "shipments": [(CARRIER, "d1", 1), (CARRIER, "d2", 1)],
            "log": [
                (CARRIER, "test", 1, "release", release("a1")),
                (CARRIER, "test", 2, "release", release("a2", "d2", 1, "c2")),
                ("post-zz", "test", 1, "release", release("a9", "d9", 1, "c9")),
            ],
        }
        results = [{"item": d, "outcome": "ACCEPTED", "declaration_id": d, "version": "1"} for d in ("d1", "d2")]
        self.journal = [
            {"door": "interchange", "partner": "post-cn", "name": "A.xml", "receipt": "r1", "repeated": False},
            {"door": "shipments", "partner": CARRIER, "request": "q1", "repeated": False, "results": results},
            {"door": "received", "partner": CARRIER, "response_id": "a1"},
            {"door": "received", "partner": CARRIER, "response_id": "a2"},
        ]

    def verdict(self) -> dict:
        path = self.folder / "journal.jsonl"
        path.write_text("".join(json.dumps(entry) + "\n" for entry in self.journal))
        return Judge(self.folder, path, self.store).verdict()

    def wrong(self) -> list[str]:
        verdict = self.verdict()
        return [name for name in WRONG if verdict[name]]


@pytest.fixture
def case(tmp_path):
    return Case(tmp_path)


def test_nothing_is_found_where_all_went_well(case):
    verdict = case.verdict()
    assert {name: verdict[name] for name in WRONG} == {name: [] for name in WRONG}
    assert verdict["counts"]["recovered"] == 0


def test_an_accepted_interchange_that_the_store_does_not_have_is_lost(case):
    case.store.tables["interchanges"].clear()
    assert "lost" in case.wrong()


def test_an_accepted_item_without_a_decision_is_lost(case):
    case.store.tables["log"].pop()
    assert case.wrong() == ["lost"]


def test_an_accepted_shipment_without_a_decision_is_lost(case):
    del case.store.tables["log"][1], case.journal[3]
    assert case.wrong() == ["lost"]


def test_a_gap_in_a_delivery_log_is_a_loss(case):
    case.store.tables["log"][1] = (CARRIER, "test", 3, *case.store.tables["log"][1][3:])
    assert case.wrong() == ["lost"]


def test_a_logged_response_that_nobody_received_is_lost(case):
    case.journal.pop()
    assert case.wrong() == ["lost"]


def test_a_response_received_twice_is_a_duplicate(case):
    case.journal.append(case.journal[-1])
    assert case.wrong() == ["duplicated"]


def test_two_decisions_of_one_stage_are_duplicates(case):
    case.store.tables["log"].insert(2, (CARRIER, "test", 3, "release", release("a3")))
    case.journal.append({"door": "received", "partner": CARRIER, "response_id": "a3"})
    assert case.wrong() == ["duplicated"]


def test_an_interchange_that_nobody_handed_in_is_unexpected(case):
    case.store.tables["interchanges"].append(("r2", "post-cn", "B.xml", "ROUTED", 0))
    assert case.wrong() == ["unexpected"]


def test_a_request_that_nobody_handed_in_is_unexpected(case):
    case.store.tables["requests"].append((CARRIER, "q2"))
    assert case.wrong() == ["unexpected"]


def test_a_response_about_nothing_that_was_declared_is_unexpected(case):
    case.store.tables["log"].append(("post-zz", "test", 2, "release", release("a4", "d4", 1, "c4")))
    assert case.wrong() == ["unexpected"]


def test_responses_received_in_another_order_are_out_of_order(case):
    case.journal[2:] = reversed(case.journal[2:])
    assert case.wrong() == ["out of order"]


def test_work_that_is_left_is_stuck(case):
    case.store.work = {"rows in outbox": 3}
    assert case.wrong() == ["stuck"]


def test_what_a_client_gave_up_and_the_store_has_is_recovered_and_has_to_have_its_effect(case):
    case.store.tables["interchanges"].append(("r2", "post-cn", "B.xml", "ROUTED", 1))
    case.store.tables["items"].append(("r2", "RR2", "REJECTED", "", 0, 40))
    case.journal.append({"door": "unsure", "partner": "post-cn", "name": "B.xml"})
    case.journal.append({"door": "unsure", "partner": "post-cn", "name": "never arrived.xml"})
    assert case.wrong() == []
    assert case.verdict()["counts"]["recovered"] == 1
    case.store.tables["items"][-1] = ("r2", "RR2", "ACCEPTED", "d2", 7, 0)
    assert case.wrong() == ["lost"]


def test_an_older_version_behind_a_newer_one_on_the_same_case_is_out_of_order(case):
    case.store.tables["log"] += [
        ("post-zz", "test", 2, "release", release("a5", "d9", 3, "c9")),
        ("post-zz", "test", 3, "release", release("a6", "d9", 2, "c9")),
    ]
    assert case.wrong() == ["out of order"]
