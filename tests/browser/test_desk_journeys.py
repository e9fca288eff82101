"""What staff do at the desk in a real browser: with a script, without one, and by keys alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from portal.domain.staff_account import Role
from tests.browser.staff_desk import arrive, busy
from tests.browser.staff_stage import StaffStage, staff_stage, staff_world
from tests.portal.web.staff.staff_under_test import StaffWorld

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NEWCOMER = 64


@asynccontextmanager
async def at_the_desk(browser: Browser, **settings: Any) -> AsyncIterator[StaffStage]:
    async with staff_world() as world:
        world.site.desk.live.look_every_s = 0.1
        person = await world.enrol("kim", Role.DESK)
        await busy(world)
        async with staff_stage(browser, world, "sv", **settings) as made:
            await made.become(person)
            yield made


async def comes(world: StaffWorld, number: int) -> None:
    """Let a device arrive; the test's clock has to go on for anybody to look again."""
    await arrive(world, number, "iPhone", [], 0)
    world.time.passes(seconds=1)


async def listening(page: Page, path: str) -> None:
    """Open a page and wait until its stream is open."""
    async with page.expect_request("**/desk/live"):
        await page.goto(path)


def device(page: Page, number: int) -> Any:
    return page.locator("#live-waiting .device").get_by_text(str(number), exact=True)


async def test_a_newcomer_appears_and_nothing_moves_under_the_hand(browser: Browser) -> None:
    async with at_the_desk(browser) as made:
        page = made.page
        await listening(page, "/tutoring")
        await page.evaluate("window.loadedOnce = true")
        await page.click("#device-47 > summary")
        await page.click("#help-47 > summary")
        await page.focus("#in-47")
        await comes(made.world, NEWCOMER)
        await expect(device(page, NEWCOMER)).to_be_visible()
        assert await page.evaluate("window.loadedOnce")
        for still_open in ("#device-47", "#help-47"):
            await expect(page.locator(still_open)).to_have_attribute("open", "")
        await expect(page.locator("#in-47")).to_be_focused()
        for still_shut in ("#device-12", "#help-12"):
            await expect(page.locator(still_shut)).not_to_have_attribute("open", "")


@pytest.mark.parametrize("path", ["/desk", "/tutoring"])
async def test_a_pause_holds_the_page_still_until_it_is_over(browser: Browser, path: str) -> None:
    """The page beside it shows the newcomer: whoever would be told has been told."""
    async with at_the_desk(browser) as made:
        page, beside = made.page, await made.context.new_page()
        await listening(page, path)
        await listening(beside, path)
        pause = page.get_by_role("button", name="Pausa")
        await pause.click()
        await expect(pause).to_have_attribute("aria-pressed", "true")
        await comes(made.world, NEWCOMER)
        await expect(device(beside, NEWCOMER)).to_be_visible()
        await expect(device(page, NEWCOMER)).to_have_count(0)
        await pause.click()
        await expect(device(page, NEWCOMER)).to_be_visible()


async def test_without_a_script_everything_is_done_by_forms(browser: Browser) -> None:
    async with at_the_desk(browser, java_script_enabled=False) as made:
        page = made.page
        await page.goto("/desk")
        await _press(page, "4 timmar")
        await expect(page.locator("main h1")).to_contain_text("Kod A-")
        serial = (await page.inner_text("main h1")).removeprefix("Kod ")
        await page.goto("/desk/voucher?serial=A-0002")  # somebody uses it
        await _press(page, "1 dygn")
        await expect(page.locator(".note.good")).to_be_visible()
        await page.goto("/desk")
        await page.fill("#find", serial)
        await _press(page, "Sök")
        await _press(page, "Stäng av koden")
        await expect(page.locator(".state")).to_have_text("avstängd")

        await page.goto("/tutoring")
        await expect(page.get_by_role("button", name="Pausa")).to_have_count(0)
        await comes(made.world, NEWCOMER)
        await page.get_by_role("link", name="Uppdatera").click()
        await expect(device(page, NEWCOMER)).to_be_visible()
        await page.click(f"#device-{NEWCOMER} > summary")
        await _press(page, f"Släpp in enhet {NEWCOMER}")
        await expect(device(page, NEWCOMER)).to_have_count(0)
        for act in ("more", "end"):
            await page.click(f"#{act}-{NEWCOMER}")
            await expect(page.locator(".note.good")).to_contain_text(f"Enhet {NEWCOMER}")
        await expect(page.locator(f"#end-{NEWCOMER}")).to_have_count(0)

        await page.click("#group-new summary")
        await _press(page, "Starta")
        await expect(page.locator(".room .number bdi")).to_be_visible()
        await page.goto("/tutoring")
        await page.click("#group-end-2")
        await expect(page.locator("#group-end-2")).to_have_count(0)


async def _press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_pdf_comes_by_itself_when_it_is_made(browser: Browser, scripts: bool) -> None:
    async with at_the_desk(browser, java_script_enabled=scripts) as made:
        page = made.page
        await page.goto("/desk/batch?series=B")
        async with page.expect_download() as coming:
            await _press(page, "Gör en PDF")
        download = await coming.value
        assert download.suggested_filename == "kvar-B-0001.pdf"
        assert (await download.path()).read_bytes().startswith(b"%PDF-")
        await expect(page.get_by_role("link", name="Ladda ner")).to_be_visible()


async def _press_alt(page: Page, key: str) -> None:
    """Press Alt and a key as a keyboard does; Playwright's own keys leave out what Alt takes."""
    wire = await page.context.new_cdp_session(page)
    event = {"modifiers": 1, "key": key, "unmodifiedText": key, "text": key}
    event["windowsVirtualKeyCode"] = ord(key.upper())
    for kind in ("keyDown", "keyUp"):
        await wire.send("Input.dispatchKeyEvent", {"type": kind, **event})


async def test_keys_make_a_code_and_print_it(browser: Browser) -> None:
    async with at_the_desk(browser, java_script_enabled=False) as made:
        page = made.page
        await page.goto("/desk")
        keys = "[...document.querySelectorAll('[accesskey]')].map(e => e.accessKey).join('')"
        assert await page.evaluate(keys) == "1234"
        await _press_alt(page, "2")
        await expect(page.locator("main h1")).to_contain_text("Kod A-")
        assert await page.evaluate(keys) == "p"
        await _press_alt(page, "p")
        await expect(page.locator("article.slip")).to_be_visible()
