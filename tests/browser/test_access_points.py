"""A browser behind an access point: sent to the portal, logged in, led back, with scripts off."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page

from portal.access_points.senders import BridgedAccessPoints, Keys, Sender
from portal.domain import login_token
from portal.domain.access_point import AccessPoint as AccessPointSettings
from portal.domain.way_back import Browser as Visitor
from portal.services.ports.access_points import Arrival, Unbelieved
from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import PortalSettings
from tests.peers.chilli import AccessPoint, running_access_point
from tests.portal.web.portal_under_test import (
    DEVICE,
    NOW,
    UAM_SECRET,
    FakeGuest,
    Portal,
    running_portal,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

KEYS = Keys(b"v" * 32, b"l" * 32)


class Arriving:
    """The access points, known when their ports are."""

    points: BridgedAccessPoints

    def __getattr__(self, name: str) -> Callable[..., object]:
        found: Callable[..., object] = getattr(self.points, name)
        return found

    async def arrive(self, client: str, raw_url: str, who: Visitor) -> Arrival | Unbelieved:
        return await self.points.arrive(client, raw_url, who)


@asynccontextmanager
async def behind(
    browser: Browser, family: FamilyName, *, knows: bool = True
) -> AsyncIterator[tuple[Page, Portal, AccessPoint]]:
    """``knows``: the access point's RADIUS server is ours, and not another's."""

    def password_of(user_name: str) -> str | None:
        key = KEYS.login if knows else b"another key"
        found = login_token.password_of(key, user_name.encode(), DEVICE.mac, "here", NOW)
        return None if found is None else found.reveal()

    arriving = Arriving()
    async with running_portal(FakeGuest(), access_points=arriving) as portal:  # type: ignore[arg-type]
        home = f"http://localhost:{portal.plain_port}/at/here"
        point = AccessPoint(home, UAM_SECRET, DEVICE.mac, password_of)
        async with running_access_point(point):
            is_chilli = family is FamilyName.COOVACHILLI
            settings = PortalSettings(
                (f"127.0.0.1:{point.port}",), Secret(UAM_SECRET) if is_chilli else None
            )
            sender = Sender(AccessPointSettings("here", DEVICE.site_id), family, settings)
            arriving.points = BridgedAccessPoints([sender], KEYS)
            context = await browser.new_context(locale="sv", java_script_enabled=False)
            try:
                yield await context.new_page(), portal, point
            finally:
                await context.close()


async def log_in(page: Page) -> None:
    await page.fill("#card", "20000000000001")
    await page.fill("#pin", "1234")
    await page.click("main button.go")


async def test_chilli_opens_after_a_login_and_closes_after_a_log_off(browser: Browser) -> None:
    async with behind(browser, FamilyName.COOVACHILLI) as (page, portal, point):
        await page.goto(f"http://127.0.0.1:{point.port}/hotspot-detect.html")
        await log_in(page)
        await page.wait_for_selector("text=Du är uppkopplad")
        was_open = point.is_open
        await page.click("text=Logga ut")
        await page.wait_for_selector("text=Du är utloggad")
        assert (was_open, point.is_open) == (True, False)
        assert portal.guest.session is None
    assert [one.partition("?")[0] for one in point.asked] == [
        "GET /hotspot-detect.html",
        "GET /logon",
        "GET /logoff",
    ]
    assert set(point.referers) == {""}
    assert not any("20000000000001" in one or "1234" in one.split("=") for one in point.asked)


async def test_what_chilli_refuses_is_told_and_can_be_tried_again(browser: Browser) -> None:
    async with behind(browser, FamilyName.COOVACHILLI, knows=False) as (page, _, point):
        await page.goto(f"http://127.0.0.1:{point.port}/")
        await log_in(page)
        await page.wait_for_selector("text=Enheten kom inte ut på nätet")
        await page.click("text=Försök igen")
        await page.wait_for_selector("text=Enheten kom inte ut på nätet")
    assert len([one for one in point.asked if one.startswith("GET /logon")]) == 2


async def test_a_controller_gets_its_form_by_one_press(browser: Browser) -> None:
    async with behind(browser, FamilyName.CISCO) as (page, portal, point):
        form = f"http://127.0.0.1:{point.port}/login.html"
        query = f"switch_url={form}&client_mac={DEVICE.mac}&wlan=Guest"
        await page.goto(f"http://localhost:{portal.plain_port}/at/here?{query}")
        await log_in(page)
        await page.wait_for_selector("text=Ett steg kvar")
        await page.click("text=Anslut >> nth=-1")
        await page.wait_for_selector("text=Du är uppkopplad")
        assert point.is_open
    assert set(point.referers) == {""}


async def test_an_access_point_that_leads_on_by_itself_may_do_so(browser: Browser) -> None:
    """FortiGate and ZoneDirector are not told where to: they go on to a page of their own."""
    async with behind(browser, FamilyName.FORTINET) as (page, portal, point):
        form = f"http://127.0.0.1:{point.port}/fgtauth"
        query = f"login&post={form}&magic=0a0b0c0d&usermac={DEVICE.mac}&userip=10.1.0.77"
        await page.goto(f"http://localhost:{portal.plain_port}/at/here?{query}")
        await log_in(page)
        await page.click("text=Anslut >> nth=-1")
        await page.wait_for_selector("text=Welcome", timeout=5000)
        assert page.url == point.welcome
        assert point.is_open
