"""What guests do on the pages in a real browser: by keyboard, without scripts, back again."""

import pytest
from playwright.async_api import Browser, Page

from tests.browser.stage import opened, stage
from tests.browser.states import GOOD_CARD, STATES

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def _log_in_and_out_by_keyboard(page: Page) -> None:
    card, pin = GOOD_CARD
    await page.keyboard.press("Tab")  # skip link
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    for way_in in ("/card", "/code"):
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.pathname") == way_in
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.id") == "card"
    await page.keyboard.type(card)
    await page.keyboard.press("Tab")
    await page.keyboard.type(pin)
    async with page.expect_navigation(url="**/status"):
        await page.keyboard.press("Enter")
    await _tab_to(page, "button")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def _tab_to(page: Page, selector: str) -> None:
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"no way to {selector} by Tab")


async def test_the_keyboard_is_enough(browser: Browser) -> None:
    async with opened(browser, STATES["login"], "sv") as (page, portal):
        await _log_in_and_out_by_keyboard(page)
        assert portal.guest.calls == ["card 20000000000001 1234", "sign out"]
        assert "Du är utloggad." in await page.inner_text("main")


async def test_the_focus_is_seen(browser: Browser) -> None:
    async with stage(browser, "sv") as made:
        for name in ("login", "wrong-pin", "online-limited"):
            await made.show(STATES[name])
            page = made.page
            for _ in range(12):
                await page.keyboard.press("Tab")
                outline, shadow = await page.evaluate(
                    "(s => [s.outlineWidth, s.boxShadow])(getComputedStyle(document.activeElement))"
                )
                focused = await page.evaluate("document.activeElement.tagName")
                if focused in {"A", "BUTTON", "INPUT"}:
                    assert outline == "3px"
                    assert "rgb(11, 12, 12)" in shadow


@pytest.mark.parametrize("language", ["sv", "en"])
async def test_login_without_scripts_cookies_and_storage(browser: Browser, language: str) -> None:
    async with opened(browser, STATES["login"], language, java_script_enabled=False) as (
        page,
        portal,
    ):
        await page.context.clear_cookies()
        await page.fill("#card", GOOD_CARD[0])
        await page.fill("#pin", "9999")
        await page.click("main form button")
        assert await page.get_attribute("#card", "value") == GOOD_CARD[0]
        assert await page.input_value("#pin") == ""
        await page.fill("#pin", GOOD_CARD[1])
        await page.click("main form button")
        await page.wait_for_url("**/status")
        assert await page.context.cookies() == []
        assert portal.guest.session is not None


async def test_the_error_summary_leads_to_the_field(browser: Browser) -> None:
    async with opened(browser, STATES["wrong-pin"], "sv") as (page, _):
        assert (await page.title()).startswith("Fel: ")
        await page.click(".summary a")
        assert page.url.endswith("#card")
        order = await page.evaluate(
            "document.querySelector('.summary').compareDocumentPosition("
            "document.querySelector('h1')) & Node.DOCUMENT_POSITION_FOLLOWING"
        )
        assert order


async def test_switching_language_keeps_the_card_number(browser: Browser) -> None:
    async with opened(browser, STATES["wrong-pin"], "sv") as (page, _):
        await page.click(".tongue button")
        await page.wait_for_selector("text=Log in to Wi-Fi")
        assert await page.input_value("#card") == GOOD_CARD[0]


async def test_the_back_button_never_ends_in_an_error(browser: Browser) -> None:
    async with opened(browser, STATES["login"], "sv") as (page, _):
        await _submit_good_card(page)
        await page.go_back()
        assert "Du är uppkopplad" in await page.inner_text("main")  # no-store: asked anew


async def _submit_good_card(page: Page) -> None:
    await page.fill("#card", GOOD_CARD[0])
    await page.fill("#pin", GOOD_CARD[1])
    async with page.expect_navigation(url="**/status"):
        await page.click("main form button")


async def test_another_site_cannot_log_in_or_out(browser: Browser) -> None:
    async with opened(browser, STATES["online"], "sv") as (page, portal):
        await _attack(browser, portal.plain_port, page)
        assert portal.guest.calls == []
        assert portal.guest.session is not None


async def _attack(browser: Browser, port: int, page: Page) -> None:
    """Post from a page of another origin (about:blank is no origin of ours)."""
    token = await page.get_attribute('form[action="/logout"] input', "value")
    attacker = await browser.new_page(locale="sv")
    html = (
        f'<form method="post" action="http://localhost:{port}/logout">'
        f'<input name="token" value="{token}"></form><a href="http://localhost:{port}/logout">x</a>'
    )
    await attacker.set_content(html)
    async with attacker.expect_navigation():
        await attacker.evaluate("document.forms[0].submit()")
    assert "Det kom från en annan webbplats" in await attacker.inner_text("main")
    await attacker.close()
