"""The JSON API and the page, called without a socket."""

import pytest

from monitor_traffic import START, dead_letter, interchange
from parcelgate.api.record.v1.declaration_pb2 import ENVIRONMENT_TEST, Declaration, DeclarationKey, Provenance
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.core.fact import fact

DOORS = ("/api/overview", "/api/find?q=x", "/api/items/x/timeline", "/api/interchanges/x", "/api/faults/X", "/api/dead")
PAGES = ("/", "/find?q=x", "/items/x", "/interchanges/x", "/faults/X", "/dead")


@pytest.mark.parametrize("path", DOORS)
async def test_without_a_key_every_door_answers_401(gateway, path):
    async with gateway.client() as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["faults"][0]["code"]) == (401, "CREDENTIAL_REFUSED")


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_key_every_page_leads_to_signing_in(gateway, path):
    async with gateway.client() as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


async def test_another_partners_ids_get_the_answer_of_missing_ones(gateway):
    await gateway.take_facts(interchange("post-cn", 1, 5, START))
    async with gateway.client("post-cn") as own, gateway.client("post-jp") as other:
        item = (await own.get("/api/find", params={"q": "CNCUSITM000001"})).json()["items"][0]
        for there, missing in (
            (f"/api/items/{item['declaration_id']}/timeline", f"/api/items/{'0' * 32}/timeline"),
            (f"/api/interchanges/{item['receipt']}", "/api/interchanges/r0"),
            (f"/items/{item['declaration_id']}", f"/items/{'0' * 32}"),
            (f"/interchanges/{item['receipt']}", "/interchanges/r0"),
        ):
            assert (await own.get(there)).status_code == 200
            foreign, nothing = await other.get(there), await other.get(missing)
            assert (foreign.status_code, foreign.content) == (404, nothing.content)


async def test_the_api_shows_the_interchange_with_items_and_faults(gateway):
    await gateway.take_facts(interchange("post-cn", 1, 30, START))
    async with gateway.client("integrator") as client:
        overview = (await client.get("/api/overview")).json()
        shown = (await client.get(f"/api/interchanges/{overview['interchanges'][0]['receipt']}")).json()
    assert overview["items"] == 30
    assert (shown["interchange"]["state"], shown["interchange"]["rejected"], shown["stages"]["rejected"]) == (
        "routed",
        1,
        1,
    )
    assert shown["items"][0]["outcome"] == "rejected"
    assert shown["faults"][0]["address"] == "/CUSITM/Item[23]/ItemId"
    assert [one["kind"] for one in shown["facts"]] == [
        "interchange.received",
        "interchange.translated",
        "interchange.routed",
    ]


async def test_the_key_goes_into_a_cookie_that_scripts_and_other_sites_cannot_use(gateway):
    key = gateway.credentials.issue("integrator")
    async with gateway.client() as client:
        answer = await client.post("/login", data={"key": key})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/api/overview")).status_code == 200
        await client.post("/logout")
        assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize("body", [b"", b"key=wrong", b"key=" + b"x" * 9000, b"\xff\xfe", b"&".join([b"a=b"] * 9)])
async def test_a_wrong_form_is_refused_with_a_sentence(gateway, body):
    async with gateway.client() as client:
        answer = await client.post("/login", content=body)
    assert answer.status_code == 401
    assert "unknown or no longer valid" in answer.text


async def test_a_form_of_another_site_is_refused(gateway):
    async with gateway.client("integrator") as client:
        for path in ("/login", "/logout"):
            answer = await client.post(path, headers={"Sec-Fetch-Site": "cross-site"})
            assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_what_partners_wrote_is_shown_and_never_run(gateway):
    evil = "<script>alert(1)</script>"
    whole = Declaration(
        key=DeclarationKey(partner="post-ua", environment=ENVIRONMENT_TEST),
        provenance=Provenance(receipt="r1", interchange_reference=evil),
    )
    wrong = Fault(code="NOT_XML", severity=SEVERITY_ERROR, sentence=evil, hint=evil, address=evil, value=evil, line=3)
    await gateway.take_facts(
        [fact("interchange.rejected", START, declaration=whole, code=evil, faults=[wrong], details={"file_name": evil})]
    )
    await gateway.take_in(dead_letter(START))
    async with gateway.client("integrator") as client:
        for path in ("/", "/interchanges/r1", "/faults/NOT_XML", "/dead", "/find?q=" + evil):
            answer = await client.get(path, follow_redirects=True)
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text
            assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("offset", ["-1", "x", "9" * 40, "٣"])
async def test_a_nonsensical_offset_begins_at_the_beginning(gateway, offset):
    await gateway.take_facts(interchange("post-cn", 1, 5, START))
    async with gateway.client("integrator") as client:
        receipt = (await client.get("/api/overview")).json()["interchanges"][0]["receipt"]
        assert len((await client.get(f"/api/interchanges/{receipt}", params={"offset": offset})).json()["items"]) == 5


@pytest.mark.parametrize(
    "path",
    ["/api/find?q=a%00", "/api/items/a%00/timeline", "/api/interchanges/%00", "/api/faults/%00", "/find?q=%00"],
)
async def test_a_query_with_nul_is_refused_or_finds_nothing_and_never_reaches_the_store(gateway, path):
    async with gateway.client("integrator") as client:
        answer = await client.get(path)
        assert answer.status_code in (303, 400)
        key = client.headers.pop("Authorization").removeprefix("Bearer ")
        by_cookie = await client.get(path, headers={"Cookie": f"parcelgate_key={key}"})
        assert by_cookie.status_code in (200, 404)
