"""A guest site and a browser in front of it, for the browser tests and the gallery."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.states import State
from tests.portal.web.portal_under_test import FakeGuest, Portal, running_portal

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
PATIENCE_MS = 60_000
"""How long a page may take on a busy machine. What is broken mostly says so at once."""

expect.set_options(timeout=PATIENCE_MS)


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(frozen=True)
class Stage:
    """A page in a context of its own, and the site that it shows; a play of many states."""

    page: Page
    portal: Portal

    async def show(self, state: State) -> None:
        """Bring the site and the page to a state, whatever they showed before."""
        vars(self.portal.guest).update(vars(state.guest()))
        await self.page.goto(state.path)
        if state.press:
            for name, value in state.fields.items():
                await self.page.fill(f"#{name}", value)
            async with self.page.expect_navigation():
                await self.page.click(f'main form[action^="{state.press}"] button')


@asynccontextmanager
async def stage(browser: Browser, language: str, **context_settings: Any) -> AsyncIterator[Stage]:
    """Open a site and a fresh browser context; starting a page costs more than showing a state."""
    async with running_portal(FakeGuest()) as portal:
        context = await browser.new_context(
            base_url=f"http://localhost:{portal.plain_port}",
            locale=language,
            **context_settings,
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            yield Stage(await context.new_page(), portal)
        finally:
            await context.close()


@asynccontextmanager
async def opened(
    browser: Browser, state: State, language: str, **context_settings: Any
) -> AsyncIterator[tuple[Page, Portal]]:
    """Open one state of the site in a fresh browser context."""
    async with stage(browser, language, **context_settings) as made:
        await made.show(state)
        yield made.page, made.portal
