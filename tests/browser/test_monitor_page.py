"""The monitor's page in Chromium: what an integrator sees, does, and never has to fetch from elsewhere."""

import asyncio
import re
import socket
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.async_api import async_playwright, expect
from starlette.applications import Starlette

from monitor_gateway import Gateway
from monitor_traffic import START, dead_letter, declaration, interchange
from parcelgate.core.fact import fact
from parcelgate.monitor.lookup import Scope

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


class Visit:
    """A page of the monitor over a gateway, with all that went wrong or left the machine."""

    def __init__(self, gateway, page, address):
        self.gateway, self.page, self.address = gateway, page, address
        self.complaints = []
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._look)

    def _look(self, request):
        if urlsplit(request.url).hostname != "127.0.0.1":
            self.complaints.append(f"left the machine: {request.url}")

    async def sign_in(self, partner="integrator"):
        await self.page.goto(self.address)
        await self.page.get_by_label("API key").fill(self.gateway.credentials.issue(partner))
        await self.page.get_by_role("button", name="Sign in").click()
        await expect(self.page.get_by_role("heading", name="Items by stage")).to_be_visible()

    async def find(self, query):
        await self.page.get_by_role("searchbox").fill(query)
        await self.page.get_by_role("button", name="Find").click()


@asynccontextmanager
async def serving(gateway):
    """Serve the monitor's routes on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=list(gateway.monitor.routes()))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await task
    listener.close()


@pytest.fixture
async def visit(tmp_path, chromium, request):
    gateway = Gateway(tmp_path)
    async with serving(gateway) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, headless=True, args=ARGUMENTS)
        page = await browser.new_page(**getattr(request, "param", {}))
        page.set_default_timeout(10_000)
        made = Visit(gateway, page, address)
        yield made
        await browser.close()
    await gateway.store.close()
    assert made.complaints == []


async def test_an_empty_gateway_says_what_to_do(visit):
    await visit.sign_in()
    await expect(visit.page.get_by_role("heading", name="Nothing has come in yet")).to_be_visible()
    await expect(visit.page.get_by_text("parcelgate send FILE")).to_be_visible()
    await visit.find("nothing at all")
    await expect(visit.page.get_by_role("heading", name="Nothing found")).to_be_visible()
    await visit.page.get_by_role("link", name="Dead letters").click()
    await expect(visit.page.get_by_role("heading", name="There are none")).to_be_visible()


async def test_the_overview_counts_and_refreshes_by_itself(visit):
    await visit.gateway.take_facts(interchange("post-cn", 1, 60, START))
    await visit.gateway.take_in(dead_letter(START))
    await visit.sign_in()
    row = visit.page.get_by_role("row", name=re.compile("^post-cn"))
    await expect(row.first).to_contain_text("60")
    await expect(visit.page.get_by_role("link", name="1 dead letter")).to_be_visible()
    await visit.page.get_by_role("searchbox").fill("half typed")
    await visit.gateway.take_facts(interchange("post-jp", 2, 7, START + 1))
    await expect(visit.page.get_by_role("rowheader", name="post-jp")).to_be_visible()
    # Whoever is typing is not disturbed by the refresh.
    await expect(visit.page.get_by_role("searchbox")).to_have_value("half typed")
    await expect(visit.page.get_by_role("searchbox")).to_be_focused()


async def test_an_item_is_found_and_its_timeline_grows(visit):
    one = declaration(7, "post-cn", "r" + "1" * 25, "REF1")
    await visit.gateway.take_facts(
        [
            fact("declaration.accepted", START, declaration=one, destination="DE"),
            fact("case.opened", START + 2, declaration=one, authority="eu-customs"),
        ]
    )
    await visit.sign_in()
    identifier = one.key.item.identifier
    await visit.find(f"{identifier[:2]} {identifier[2:]}".lower())
    await expect(visit.page.get_by_role("heading", name=identifier)).to_be_visible()
    await expect(visit.page.locator(".timeline li")).to_have_count(2)
    await visit.gateway.take_facts(
        [fact("decision.made", START + 5_000, declaration=one, authority="eu-customs", code="RELEASED_WITH_DUTY")]
    )
    await expect(visit.page.locator(".timeline li")).to_have_count(3)
    await expect(visit.page.locator(".timeline li").last).to_contain_text("Released with duty")
    await expect(visit.page.locator(".timeline li").last).to_contain_text("eu-customs")


async def test_an_interchange_shows_its_faults_with_address_and_hint(visit):
    await visit.gateway.take_facts(interchange("post-cn", 1, 30, START))
    await visit.sign_in()
    await visit.find("cusitm-post-cn-0001.xml")
    await expect(visit.page.get_by_role("heading", name="CNCUSITM000001")).to_be_visible()
    await expect(visit.page.get_by_text("/CUSITM/Item[23]/ItemId")).to_be_visible()
    await expect(visit.page.get_by_text("Check the identifier against the label.")).to_be_visible()
    await visit.page.get_by_role("link", name="S10_CHECK_DIGIT").first.click()
    await expect(visit.page.get_by_role("heading", name="Where it was found")).to_be_visible()


async def test_a_partner_sees_only_its_own_and_can_sign_out(visit):
    await visit.gateway.take_facts(interchange("post-cn", 1, 5, START))
    await visit.sign_in("post-jp")
    await expect(visit.page.get_by_role("heading", name="Nothing has come in yet")).to_be_visible()
    await visit.find("CNCUSITM000001")
    await expect(visit.page.get_by_role("heading", name="Nothing found")).to_be_visible()
    await visit.page.get_by_role("button", name="Sign out").click()
    await expect(visit.page.get_by_label("API key")).to_be_focused()


@pytest.mark.parametrize("visit", [{"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}], indirect=True)
async def test_on_a_phone_only_tables_scroll_sideways(visit):
    await visit.gateway.take_facts(interchange("post-cn", 1, 30, START))
    await visit.sign_in()
    item = (await visit.gateway.lookup.newest_interchanges(Scope("test", ""), 1))[0]
    for path in ("/", f"/interchanges/{item.receipt}", "/find?q=nothing", "/dead", "/faults/S10_CHECK_DIGIT"):
        await visit.page.goto(visit.address + path)
        assert await visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


async def test_everything_is_reached_with_the_keyboard(visit):
    await visit.gateway.take_facts(interchange("post-cn", 1, 5, START))
    await visit.sign_in()
    await visit.page.keyboard.press("/")
    await expect(visit.page.get_by_role("searchbox")).to_be_focused()
    await visit.page.keyboard.type("CNCUSITM000001")
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.get_by_role("heading", name="CNCUSITM000001")).to_be_visible()
    await visit.page.keyboard.press("Tab")
    await expect(visit.page.get_by_role("link", name="Skip to the content")).to_be_focused()
