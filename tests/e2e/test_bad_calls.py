"""Bad calls of carriers, authorities and watchers: each gets an answer that says what, where and how to mend it."""

import json
import re

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, MessageToJson

from nasty_partner import Gateway, Writer, shipments, wait
from parcelgate.api.carrier.v1.carrier_pb2 import PullRequest, PullResponse
from parcelgate.api.carrier.v1.carrier_pb2_grpc import CarrierServiceStub, DecisionServiceStub
from parcelgate.api.tracking.v1.tracking_pb2 import TimelineRequest

SUBMIT = "/parcelgate.api.carrier.v1.CarrierService/Submit"
PULL = "/parcelgate.api.carrier.v1.DecisionService/Pull"
REPORT = "/parcelgate.api.intake.v1.DecisionIntake/Report"
FIND = "/parcelgate.api.tracking.v1.TrackingService/Find"
TIMELINE = "/parcelgate.api.tracking.v1.TrackingService/Timeline"
MEMORY = 220 * 2**20
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("calls"))
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def good():
    return Writer("post-kr", 600_000)


@pytest.fixture(autouse=True)
def undisturbed(gateway, good):
    with gateway.beside(good):
        yield


def told(fault):
    """Every fault says what and how to mend it, with nothing of Python in it."""
    words = fault["sentence"] + fault["hint"]
    assert fault["sentence"] and fault["hint"]
    assert not re.search(r"\{\w+\}|\.\.|,,|Traceback|<class|recursion", words), words
    return fault


# Refused as a whole, nothing is kept: name, body, status, code, address, words of sentence or hint.
REFUSED = [
    ("nothing", b"", 400, "BODY_NOT_JSON", "", "column 1"),
    ("garbage", b'{"shipments": [}', 400, "BODY_NOT_JSON", "", "column 16"),
    ("not UTF-8", b'{"requestId": "\xff"}', 400, "BODY_NOT_UTF8", "", "byte 15"),
    ("an array", b"[]", 400, "BODY_NOT_OBJECT", "", "openapi"),
    ("XML", b"<CUSITM/>", 400, "BODY_NOT_JSON", "", "column 1"),
    ("NaN", b'{"requestId": NaN}', 400, "BODY_VALUE_TYPE", "/requestId", "is NaN, which JSON does not have"),
    (
        "a key twice",
        b'{"requestId": "a2345678", "requestId": "b2345678"}',
        400,
        "BODY_MEMBER_TWICE",
        "/requestId",
        "once",
    ),
    ("deep arrays", b"[" * 1_000_000, 400, "BODY_TOO_DEEP", "", "nests"),
    ("deep objects", b'{"a":' * 200_000 + b"1" + b"}" * 200_000, 400, "BODY_TOO_DEEP", "", "nests"),
    ("no request id", b'{"shipments": [{}]}', 400, "REQUEST_ID_INVALID", "/requestId", "UUID"),
    ("no shipments", b'{"requestId": "empty-0001"}', 400, "REQUEST_EMPTY", "/shipments", "1 to 250"),
    ("too large", b'{"requestId": "' + b"a" * 9_000_000 + b'"}', 413, "REQUEST_TOO_LARGE", "", "8388608"),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "address", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_bad_body_of_a_carrier_is_refused_whole(gateway, body, status, code, address, words):
    kept = gateway.rows("SELECT count(*) FROM carrier_request")
    with gateway.memory_grows_at_most(MEMORY):
        answer = gateway.submit(body)
    fault = told(answer.json()["faults"][0])
    assert (answer.status_code, fault["code"], fault.get("address", "")) == (status, code, address)
    assert words in fault["sentence"] + fault["hint"]
    assert gateway.rows("SELECT count(*) FROM carrier_request") == kept


def test_two_hundred_and_fifty_one_shipments_are_one_too_many(gateway):
    answer = gateway.submit(MessageToJson(shipments(251, 1000)))
    fault = told(answer.json()["faults"][0])
    assert (answer.status_code, fault["code"], fault["address"]) == (400, "REQUEST_TOO_MANY", "/shipments")
    assert gateway.submit(MessageToJson(shipments(250, 2000))).status_code == 200


# One bad shipment between two good ones: what is put into its item, code, address.
BAD_LINES = [
    ("NaN as mass", {"grossMass": {"milligrams": float("nan")}}, "BODY_VALUE_TYPE", "/shipments/1/item/grossMass/milligrams"),
    ("a mass of 40 digits", {"grossMass": {"milligrams": "9" * 40}}, "BODY_VALUE_TYPE", "/shipments/1/item/grossMass/milligrams"),
    ("a string as an object", {"key": "RX1"}, "BODY_VALUE_TYPE", "/shipments/1/item/key"),
    ("half a surrogate", {"parties": [{"name": "\ud800"}]}, "BODY_TEXT_BROKEN", "/shipments/1/item/parties/0/name"),
    ("nested too deeply for the contract", {"parties": [[[[[[]]]]]]}, "BODY_VALUE_TYPE", "/shipments/1/item/parties/0"),
    ("no identifier", {"key": {"scheme": "ITEM_SCHEME_HOUSE_WAYBILL"}}, "KEY_MISSING", "/shipments/1/item/key/identifier"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code", "address"), [row[1:] for row in BAD_LINES], ids=[row[0] for row in BAD_LINES]
)
def test_a_bad_shipment_is_rejected_alone_with_its_pointer(gateway, request, change, code, address):
    start = 10_000 + 10 * [row[0] for row in BAD_LINES].index(request.node.callspec.id)
    body = MessageToDict(shipments(3, start))
    body["shipments"][1]["item"] |= change
    answer = gateway.submit(json.dumps(body))
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [one["outcome"] for one in results] == ["ACCEPTED", "REJECTED", "ACCEPTED"]
    assert (code, address) in [(told(one)["code"], one.get("address")) for one in results[1]["faults"]]


def test_an_unknown_member_is_only_a_warning(gateway):
    body = MessageToDict(shipments(1, 20_000))
    body["shipments"][0]["item"]["colour"] = "red"
    (result,) = gateway.submit(json.dumps(body)).json()["results"]
    found = {one["code"]: one for one in result["faults"]}
    assert result["outcome"] == "ACCEPTED" and found["BODY_MEMBER_UNKNOWN"]["address"] == "/shipments/0/item/colour"


def test_a_request_id_stands_for_one_content_over_both_doors(gateway):
    first, other = shipments(1, 30_000), shipments(1, 30_001)
    other.request_id = first.request_id
    receipt = gateway.submit(MessageToJson(first)).json()["receipt"]
    again = gateway.submit(MessageToJson(first)).json()
    assert (again["receipt"], again["repeatedRequest"]) == (receipt, True)
    answer = gateway.submit(MessageToJson(other))
    fault = told(answer.json()["faults"][0])
    assert (answer.status_code, fault["code"], fault["address"]) == (409, "REQUEST_ID_REUSED", "/requestId")
    assert receipt in fault["sentence"]
    status, details, code = gateway.call(SUBMIT, other.SerializeToString(), "carrier-swift")
    assert (status, code) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED") and receipt in details
    # Another carrier's ids are its own.
    assert gateway.submit(MessageToJson(other), "carrier-orbit").status_code == 200


def test_a_stored_answer_of_somebody_else_is_as_unknown_as_none(gateway):
    receipt = gateway.submit(MessageToJson(shipments(1, 31_000))).json()["receipt"]
    assert gateway.get(f"/v1/shipments/requests/{receipt}", "carrier-swift").status_code == 200
    foreign = gateway.get(f"/v1/shipments/requests/{receipt}", "carrier-orbit")
    missing = gateway.get("/v1/shipments/requests/r0", "carrier-orbit")
    assert (foreign.status_code, foreign.content) == (404, missing.content)


def test_a_resume_token_of_somebody_else_is_refused_over_both_doors(gateway):
    gateway.submit(MessageToJson(shipments(1, 32_000)))
    wait(lambda: "resumeToken" in gateway.get("/v1/decisions", "carrier-swift").json())
    token = gateway.get("/v1/decisions", "carrier-swift").json()["resumeToken"]
    for given in (token, token[:-1], "x" * 24, "\u20ac", "'; --"):
        answer = gateway.get(f"/v1/decisions?resume_token={given}", "carrier-orbit")
        assert (answer.status_code, told(answer.json()["faults"][0])["code"]) == (400, "RESUME_TOKEN_INVALID")
    status, _, code = gateway.call(PULL, PullRequest(resume_token=token).SerializeToString(), "carrier-orbit")
    assert (status, code) == (grpc.StatusCode.INVALID_ARGUMENT, "RESUME_TOKEN_INVALID")


CALLS = [
    ("garbage", SUBMIT, b"\xff\xff\xff", "carrier-swift", "INVALID_ARGUMENT", "MESSAGE_UNREADABLE"),
    ("garbage in a report", REPORT, b"\xff", "customs-nz", "INVALID_ARGUMENT", "MESSAGE_UNREADABLE"),
    ("garbage in a search", FIND, b"\xff", "post-jp", "INVALID_ARGUMENT", "MESSAGE_UNREADABLE"),
    ("broken text", TIMELINE, b"\x0a\x02\xff\xff", "post-jp", "INVALID_ARGUMENT", "MESSAGE_UNREADABLE"),
    ("garbage on the stream", SUBMIT + "Stream", b"\xff\xff", "carrier-swift", "INVALID_ARGUMENT", "MESSAGE_UNREADABLE"),
    ("an empty message", SUBMIT, b"", "carrier-swift", "INVALID_ARGUMENT", "REQUEST_ID_INVALID"),
    ("a method of nobody", SUBMIT + "Twice", b"", "carrier-swift", "UNIMPLEMENTED", "METHOD_UNKNOWN"),
    ("a service of nobody", "/x.y/Z", b"", "carrier-swift", "UNIMPLEMENTED", "METHOD_UNKNOWN"),
    ("no key", SUBMIT, b"", "", "UNAUTHENTICATED", "CREDENTIAL_REFUSED"),
    ("the key of a post", SUBMIT, b"", "post-jp", "PERMISSION_DENIED", "ROLE_REFUSED"),
    ("a post reports", REPORT, b"", "post-jp", "PERMISSION_DENIED", "ROLE_REFUSED"),
    ("a carrier asks risk", "/parcelgate.api.risk.v1.RiskService/Assess", b"", "carrier-swift", "PERMISSION_DENIED", ""),
    ("nobody asks clearance", "/parcelgate.api.clearance.v1.ClearanceService/Decide", b"", "", "PERMISSION_DENIED", ""),
    ("more than 8 MiB", SUBMIT, bytes(9_000_000), "carrier-swift", "RESOURCE_EXHAUSTED", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "body", "partner", "status", "code"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS]
)
def test_a_bad_grpc_call_is_answered_with_status_and_fault(gateway, method, body, partner, status, code):
    found, details, named = gateway.call(method, body, partner)
    assert (found.name, named) == (status, code), details
    assert not re.search(r"Traceback|<class|Unexpected", details), details
    if code:
        assert details.startswith(f"{code}: ") and details.count(". ") >= 1


def test_a_wrong_key_is_refused_over_grpc(gateway):
    for key in ("carrier-swift.wrong", "nobody.x", "x"):
        found, _, code = gateway.call(SUBMIT, b"", key=key)
        assert (found, code) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_REFUSED")


def test_a_bad_message_in_a_stream_ends_it_and_the_ones_before_are_kept(gateway):
    first = shipments(1, 33_000)
    metadata = (("authorization", f"Bearer {gateway.key('carrier-swift')}"),)
    with grpc.insecure_channel(gateway.process.grpc) as channel:
        stub = channel.stream_stream(SUBMIT + "Stream")
        answers = stub(iter([first.SerializeToString(), b"\xff\xff"]), metadata=metadata, timeout=20)
        assert next(answers)
        with pytest.raises(grpc.RpcError) as ended:
            next(answers)
        assert ended.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        again = CarrierServiceStub(channel).Submit(first, metadata=metadata, timeout=20)
        assert again.repeated_request
        pulled: PullResponse = DecisionServiceStub(channel).Pull(PullRequest(), metadata=metadata, timeout=20)
        assert pulled is not None


REPORTS = [
    ("garbage", b"{{{", 400, "REPORT_UNREADABLE"),
    ("not UTF-8", b"\xff\xfe", 400, "REPORT_UNREADABLE"),
    ("NaN", b'{"reports": NaN}', 400, "REPORT_UNREADABLE"),
    ("an unknown field", b'{"reports": [{"colour": 1}]}', 400, "REPORT_UNREADABLE"),
    ("deep", b'{"reports":' + b"[" * 100_000, 400, "REPORT_UNREADABLE"),
    ("too large", b'{"reports": "' + b"x" * 5_000_000 + b'"}', 400, "REPORT_UNREADABLE"),
    ("too many", json.dumps({"reports": [{}] * 251}).encode(), 400, "TOO_MANY_REPORTS"),
]


@pytest.mark.parametrize(("body", "status", "code"), [row[1:] for row in REPORTS], ids=[row[0] for row in REPORTS])
def test_a_bad_report_is_refused_whole(gateway, body, status, code):
    answer = gateway.ask("POST", "/v1/reports", "customs-nz", body)
    assert (answer.status_code, told(answer.json()["faults"][0])["code"]) == (status, code)


def decision(**change):
    """Return a report's decision that says all it must."""
    plain = {"id": "a" * 32, "stage": "STAGE_ADVANCE", "code": "DECISION_CODE_RELEASED", "judgedVersion": 1}
    return {
        **plain,
        "case": {"authority": "nz-customs", "procedure": "PROCEDURE_IMPORT", **change.pop("case", {})},
        **change,
    }


@pytest.mark.parametrize(
    ("report", "code"),
    [
        ({}, "REPORT_INCOMPLETE"),
        ({"authority": "eu-customs", "caseId": "b" * 32, "decision": decision()}, "AUTHORITY_NOT_YOURS"),
    ],
)
def test_a_report_is_refused_alone_with_its_reason(gateway, report, code):
    answer = gateway.ask("POST", "/v1/reports", "customs-nz", json.dumps({"reports": [report]}))
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    assert result["outcome"] == "REFUSED" and code in [told(one)["code"] for one in result["faults"]]


def test_a_report_on_an_item_that_nobody_knows_waits_and_disturbs_nothing(gateway):
    report = {"caseId": "c" * 32, "decision": decision(id="c" * 32)}
    answer = gateway.ask("POST", "/v1/reports", "customs-nz", json.dumps({"reports": [report]}))
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    assert result["outcome"] == "WAITING", result
    assert all(told(one) for one in result.get("faults", []))


def test_another_partners_items_are_as_unknown_as_none(gateway):
    whole = Writer("post-jp", 900_000).write(1)
    answer = gateway.hand_in(whole)
    identifier = answer.outcome["items"][0]["identifier"]
    declaration = gateway.rows("SELECT declaration_id FROM postal_item WHERE receipt = ?", answer.receipt)[0][0]
    wait(lambda: gateway.get(f"/api/items/{declaration}/timeline", "post-jp").status_code == 200)
    for there, missing in (
        (f"/api/items/{declaration}/timeline", f"/api/items/{'0' * 32}/timeline"),
        (f"/api/interchanges/{answer.receipt}", "/api/interchanges/r0"),
        (f"/v1/interchanges/{answer.receipt}", "/v1/interchanges/r0"),
        (f"/api/find?q={identifier}", "/api/find?q=RX000000000XX"),
    ):
        foreign, nothing = gateway.get(there, "post-us"), gateway.get(missing, "post-us")
        assert (foreign.status_code, foreign.content) == (nothing.status_code, nothing.content), there
    asked = TimelineRequest(declaration_id=declaration).SerializeToString()
    unknown = TimelineRequest(declaration_id="0" * 32).SerializeToString()
    assert gateway.call(TIMELINE, asked, "post-us") == gateway.call(TIMELINE, unknown, "post-us")


def test_scripts_in_names_are_shown_as_text(gateway):
    answer = gateway.hand_in(
        Writer("post-jp", 910_000).write(1, reference=SCRIPT),
        Parcelgate_File_Name="%3Cscript%3Ealert(1)%3C%2Fscript%3E.xml",
    )
    assert answer.outcome["name"] == f"{SCRIPT}.xml"
    wait(lambda: gateway.get(f"/api/interchanges/{answer.receipt}", "post-jp").status_code == 200)
    for path in (
        "/",
        f"/interchanges/{answer.receipt}",
        "/find?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/faults/%3Cscript%3E",
    ):
        page = gateway.get(path, "post-jp")
        assert SCRIPT not in page.text and "<script>" not in page.text.replace("<script src=", "")
        if page.status_code != 303:
            assert "script-src 'self'" in page.headers["content-security-policy"]


def test_signing_in_needs_a_key_and_our_own_form(gateway):
    key = gateway.key("post-jp")
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    for body in (b"key=wrong", b"", b"\xff" * 100_000, b"{}", b"key=" + b"x" * 5000):
        answer = gateway.ask("POST", "/login", body=body, **form)
        assert answer.status_code == 401 and "set-cookie" not in answer.headers
        assert "unknown or no longer valid" in answer.text
    for sign in ({"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
        for path in ("/login", "/logout"):
            answer = gateway.ask("POST", path, body=f"key={key}", **form, **sign)
            assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
            assert "sent from another site" in answer.text
    answer = gateway.ask("POST", "/login", body=f"key={key}", **form, Origin=gateway.process.http)
    assert answer.status_code == 303 and "httponly" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("query", ["%ff%fe", "' OR 1=1 --", "%F0%9F%92%A9" * 500, "*", "a" * 10_000])
def test_a_search_for_anything_finds_nothing_in_peace(gateway, query):
    answer = gateway.get(f"/api/find?q={query}", "post-us")
    assert (answer.status_code, answer.json()) == (200, {"items": [], "interchanges": []})
    assert gateway.get(f"/find?q={query}", "post-us").status_code == 200


def test_a_search_for_nul_is_told_what_is_wrong(gateway):
    answer = gateway.get("/api/find?q=%00", "post-us")
    assert (answer.status_code, told(answer.json()["faults"][0])["code"]) == (400, "TEXT_NUL")


def test_only_integrators_replay(gateway):
    for path in ("/v1/dead-letters/router/x/replay", f"/v1/declarations/{'0' * 32}/reprocess"):
        refused = gateway.ask("POST", path, "post-jp")
        assert (refused.status_code, told(refused.json()["faults"][0])["code"]) == (403, "ROLE_REFUSED")
        unknown = gateway.ask("POST", path, "integrator")
        assert unknown.status_code == 404 and told(unknown.json()["faults"][0])
