"""The staff site in a real browser: the way in, the lock, and all of it without a script."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pyotp
import pytest
from playwright.async_api import Browser, expect

from portal.domain.staff_account import Role
from tests.browser.staff_stage import StaffStage, staff_stage, staff_world
from tests.portal.web.staff.staff_under_test import BRANCH, CITY, PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@asynccontextmanager
async def opened(browser: Browser, **settings: Any) -> AsyncIterator[StaffStage]:
    async with staff_world() as world, staff_stage(browser, world, "sv", **settings) as made:
        yield made


async def go_in(made: StaffStage, link: str, code: str = "") -> None:
    """Go the way of a first sign-in to the end."""
    page, time = made.page, made.world.time
    await page.goto(link)
    if code:
        await page.fill("#code", code)
    await page.click("main .go")
    await page.fill("#password", PASSWORD)
    await page.fill("#again", PASSWORD)
    await page.click("main .go")
    secret = (await page.inner_text(".secret")).replace(" ", "")
    await page.fill("#code", pyotp.TOTP(secret).at(time()))
    await page.click("main .go")
    assert await page.locator(".codes li").count() == 10
    await page.click("main a.go")


async def test_a_link_and_a_code_lead_in(browser: Browser) -> None:
    async with opened(browser) as made:
        asked: list[str] = []
        made.page.on("request", lambda request: asked.append(request.url))
        code = await made.world.make("kim")
        await go_in(made, f"/first#{code}")
        await expect(made.page.locator("main h1")).to_have_text("Disken")
        assert not any(code in url for url in asked)
        assert code not in await made.page.evaluate("history.length + location.href")


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_form_that_was_sent_too_late_comes_back(browser: Browser, scripts: bool) -> None:
    async with opened(browser, java_script_enabled=scripts) as made:
        page = made.page
        code = await made.world.make("kim", Role.DESK, sites=(CITY, BRANCH))
        await go_in(made, "/first", code)
        await page.select_option("#site", BRANCH)
        made.world.time.passes(minutes=20)
        await page.click(".site button")
        await expect(page.locator("main h1")).to_have_text("Tryck för att fortsätta")
        assert await page.locator("nav").count() == 0
        await page.fill("#password", "fel lösenord")
        await page.click("main .go")
        assert "stämmer inte" in await page.inner_text(".summary")
        await page.fill("#password", PASSWORD)
        await page.click("main .go")
        await expect(page.locator("main h1")).to_have_text("Du är tillbaka")
        await page.click("main .go")
        await expect(page.locator("#site")).to_have_value(BRANCH)


async def test_the_lock_warns_is_put_off_by_a_key_and_keeps_what_was_typed(
    browser: Browser,
) -> None:
    async with opened(browser) as made:
        page, time = made.page, made.world.time
        await page.clock.install()
        await go_in(made, "/first", await made.world.make("kim"))
        await page.goto("/account")
        await page.fill("#old", "halvskrivet")

        time.passes(minutes=13)
        await page.clock.fast_forward("13:01")
        await expect(page.locator("#lock-warning")).to_be_visible()
        async with page.expect_response("**/stay"):
            await page.keyboard.press("Shift")
        await expect(page.locator("#lock-warning")).to_be_hidden()

        time.passes(minutes=13)
        await page.clock.fast_forward("13:01")
        await expect(page.locator("#lock-warning")).to_be_visible()
        time.passes(minutes=2)
        await page.clock.fast_forward("02:01")
        await expect(page.locator("#lock-password")).to_be_focused()
        for hidden in ("main", "header"):
            await expect(page.locator(hidden)).to_be_hidden()
        await page.keyboard.type("fel lösenord")
        await page.keyboard.press("Enter")
        await expect(page.locator("#lock-screen .wrong")).to_contain_text("stämmer inte")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.locator("#old")).to_have_value("halvskrivet")
        await expect(page.locator("#lock-screen")).to_be_hidden()
        await page.goto("/desk")
        await expect(page.locator("main h1")).to_have_text("Disken")


async def test_another_sites_page_can_do_nothing(browser: Browser) -> None:
    """T20: the browser sends no form of another site with our cookie, and we take none."""
    async with opened(browser) as made:
        page = made.page
        await go_in(made, "/first", await made.world.make("kim"))
        token = await page.get_attribute('form[action="/sign-out"] [name=token]', "value")
        own = re.sub(r"/desk.*", "", page.url)
        await page.route(
            "http://evil.example/",
            lambda route: route.fulfill(
                content_type="text/html",
                body=f'<form method=post action="{own}/sign-out">'
                f'<input name=token value="{token}"></form>'
                "<script>document.forms[0].submit()</script>",
            ),
        )
        async with page.expect_navigation(url=f"{own}/sign-out") as leading:
            await page.goto("http://evil.example/", wait_until="commit")
        answer = await leading.value
        assert answer is not None
        assert answer.status == 403
        await page.goto(f"{own}/desk")
        await expect(page.locator("main h1")).to_have_text("Disken")
