"""The same pages in Chromium: printed on every paper, and shown on a screen to a camera."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from PIL import Image
from playwright.async_api import Browser, Page

from portal.domain.day_code import code_at
from portal.domain.slip import TARGETS, Layout, PrintTarget, Slip
from portal.slips.display import DayDisplay, Showing, day_on_screen, slip_on_screen
from portal.slips.pages import Page as SlipPage
from portal.slips.sheet import Printing, sheet_of
from portal.web.texts import Language
from tests.portal.slips.paper import (
    AR,
    EN,
    FOLDER,
    JOIN,
    LOGIN,
    LONGEST,
    SLIP,
    SV,
    TEMPLATES,
    area_of,
    crossing,
    decoded,
    drawn,
    halved,
    html_of,
    many,
    words_of,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAPERS = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
NOW = datetime(2026, 11, 26, 12, 0, 7, tzinfo=UTC)
AXE = Path(__file__).parents[2] / "browser" / "node_modules" / "axe-core" / "axe.min.js"
PX_PER_MM = 96 / 25.4


async def printed(browser: Browser, html: str) -> bytes:
    page = await browser.new_page(java_script_enabled=False)
    await page.set_content(html)
    pdf = await page.pdf(prefer_css_page_size=True)
    await page.close()
    return pdf


@PAPERS
@pytest.mark.parametrize("language", [SV, AR], ids=lambda language: language.tag)
async def test_a_browser_prints_every_paper(
    browser: Browser, target: PrintTarget, language: Language, tmp_path: Path
) -> None:
    count = target.slips_per_page
    pages = drawn(await printed(browser, html_of(many(count), target, language)), tmp_path, 203)
    assert len(pages) == 1
    for side, mm in zip(pages[0].size, target.page_mm, strict=True):
        assert abs(side / 8 - mm) <= 0.5
    logins = [f"HTTPS://WIFI.UMEA.SE/V/{number:026}" for number in range(count)]
    expected = sorted([JOIN] * count + (logins if target.layout is Layout.FULL else []))
    assert decoded(pages[0]) == expected
    assert decoded(halved(pages[0])) == expected


@PAPERS
@pytest.mark.parametrize("slip", [SLIP, LONGEST], ids=["usual", "longest"])
async def test_a_browser_keeps_every_word_on_its_slip(
    browser: Browser, target: PrintTarget, slip: Slip, tmp_path: Path
) -> None:
    count = target.slips_per_page
    words = words_of(await printed(browser, html_of([slip] * count, target)), tmp_path)
    for number in range(count):
        area = area_of(target, number)
        own = [word for word in words if word.centre_is_in(area)]
        assert own
        assert [word.text for word in own if not word.is_in(area)] == []
        assert crossing(own) == []


async def test_full_pages_are_followed_by_no_empty_one(browser: Browser, tmp_path: Path) -> None:
    for target in TARGETS.values():
        html = html_of(many(2 * target.slips_per_page), target)
        assert len(drawn(await printed(browser, html), tmp_path, 30)) == 2


@asynccontextmanager
async def served(shown: list[SlipPage]) -> AsyncIterator[str]:
    """Serve what is there when it is asked for, under that page's own policy."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/day.js":
            script = (FOLDER / "day.js").read_text("utf-8")
            return web.Response(text=script, content_type="text/javascript")
        (page,) = shown
        headers = {"Content-Security-Policy": page.policy}
        return web.Response(text=page.html, content_type="text/html", headers=headers)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def seen(page: Page) -> list[str]:
    with Image.open(io.BytesIO(await page.screenshot(full_page=True))) as picture:
        return decoded(picture)


async def until_seen(page: Page, codes: list[str]) -> None:
    async with asyncio.timeout(60):
        while await seen(page) != sorted(codes):
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("size", [(360, 740), (768, 1024), (1280, 900), (1920, 1080)], ids=str)
@pytest.mark.parametrize("language", [SV, EN, AR], ids=lambda language: language.tag)
async def test_a_slip_on_a_screen_is_for_a_camera(
    browser: Browser, size: tuple[int, int], language: Language
) -> None:
    page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
    async with served([slip_on_screen(TEMPLATES, SLIP, Showing(language, back="/"))]) as address:
        await page.goto(address)
        assert await seen(page) == sorted([JOIN, LOGIN])
        for code in await page.locator(".qr").all():
            box = await code.bounding_box()
            assert box is not None
            assert box["width"] >= 60 * PX_PER_MM - 1
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
    await page.close()


def day(second: int) -> tuple[SlipPage, str]:
    now = NOW.replace(second=second)
    code = code_at(b"k" * 32, now)
    shown = DayDisplay(SLIP.library, SLIP.network, "https://wifi.umea.se", code)
    page = day_on_screen(TEMPLATES, shown, Showing(SV, EN, script="/day.js"), now)
    return page, f"HTTPS://WIFI.UMEA.SE/DAY/{code.token}"


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "no script"])
async def test_the_code_of_the_day_is_renewed_by_itself(browser: Browser, *, scripts: bool) -> None:
    (first, old), (second, new) = day(29), day(31)
    context = await browser.new_context(java_script_enabled=scripts)
    page, shown = await context.new_page(), [first]
    async with served(shown) as address:
        await page.goto(address)
        await until_seen(page, [JOIN, old])
        if scripts:
            await page.evaluate("document.body.dataset.kept = 'yes'")
        shown[0] = second
        await until_seen(page, [JOIN, new])
        if scripts:  # the same document: nothing flashed
            assert await page.evaluate("document.body.dataset.kept") == "yes"
    await context.close()


async def test_an_old_code_of_the_day_is_hidden(browser: Browser) -> None:
    shown, code = day(29)
    page = await browser.new_page()
    await page.clock.install()
    async with served([shown]) as address:
        await page.goto(address)
        await until_seen(page, [JOIN, code])
    await page.clock.fast_forward(60_000)  # the server is gone
    assert await seen(page) == sorted([JOIN, code])
    await page.clock.fast_forward(40_000)
    await until_seen(page, [JOIN])
    assert await page.locator(".stale").is_visible()
    await page.close()


async def test_a_closed_library_shows_no_code(browser: Browser) -> None:
    shown = DayDisplay(SLIP.library, SLIP.network, "https://wifi.umea.se", None)
    page = await browser.new_page()
    async with served([day_on_screen(TEMPLATES, shown, Showing(SV), NOW)]) as address:
        await page.goto(address)
        assert await seen(page) == []
        assert "stängt" in await page.inner_text("main")
    await page.close()


def shown_pages(language: Language) -> list[SlipPage]:
    code = code_at(b"k" * 32, NOW)
    displays = [
        DayDisplay(SLIP.library, SLIP.network, "https://wifi.umea.se", shown)
        for shown in (code, None)
    ]
    return [
        slip_on_screen(TEMPLATES, SLIP, Showing(language, back="/")),
        slip_on_screen(TEMPLATES, LONGEST, Showing(language)),
        # Only without scripts does it load itself anew, which axe cannot tell from a time limit:
        # the code is real-time information (WCAG 2.2.1), and nothing is lost by it.
        *(
            day_on_screen(TEMPLATES, day, Showing(language, EN, back="/", script="/day.js"), NOW)
            for day in displays
        ),
        *(
            sheet_of(TEMPLATES, [SLIP, LONGEST], Printing(target, language, EN), back="/")
            for target in TARGETS.values()
        ),
    ]


@pytest.mark.parametrize("language", [SV, AR], ids=lambda language: language.tag)
async def test_everybody_can_use_the_pages_on_a_screen(
    browser: Browser, language: Language
) -> None:
    axe = AXE.read_text("utf-8")
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    for shown in shown_pages(language):
        async with served([shown]) as address:
            await page.goto(address)
            await page.evaluate(axe)
            violations = await page.evaluate(
                "() => axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)"
            )
        found = {each["id"]: [node["html"][:100] for node in each["nodes"]] for each in violations}
        assert found == {}
    await page.close()
