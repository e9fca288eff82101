"""A guest site and a browser in front of it, for the browser tests and the gallery."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.browser.states import State
from tests.portal.web.portal_under_test import Portal, running_portal

CHROMIUM = "/usr/bin/chromium"
_FLAGS = [
    "--no-sandbox",  # root in a container has no user namespaces
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def opened(
    browser: Browser, state: State, language: str, **context_settings: Any
) -> AsyncIterator[tuple[Page, Portal]]:
    """Open a state of the site in a fresh browser context."""
    async with running_portal(state.guest()) as portal:
        context = await browser.new_context(
            base_url=f"http://localhost:{portal.plain_port}",
            locale=language,
            **context_settings,
        )
        try:
            page = await context.new_page()
            await page.goto(state.path)
            await _press(page, state)
            yield page, portal
        finally:
            await context.close()


async def _press(page: Page, state: State) -> None:
    if not state.press:
        return
    for name, value in state.fields.items():
        await page.fill(f"#{name}", value)
    async with page.expect_navigation():
        await page.click(f'main form[action^="{state.press}"] button')
