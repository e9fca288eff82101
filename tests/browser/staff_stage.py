"""The staff site with a database of its own, and a browser in front of it."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page

from portal.storage.database import Database
from portal.storage.embedded import EmbeddedPostgres
from portal.storage.migrate import migrate
from tests.browser.stage import PATIENCE_MS
from tests.portal.storage.clusters import FORGETFUL, put_cluster, reachable_directory
from tests.portal.web.staff.staff_under_test import NOW, Person, StaffWorld, running_staff_site


@dataclass(frozen=True)
class StaffStage:
    """A page in a context of its own, and the site that it shows."""

    page: Page
    context: BrowserContext
    world: StaffWorld

    async def become(self, person: Person) -> None:
        """Let the browser hold what this person's holds."""
        await self.context.clear_cookies()
        url = f"https://localhost:{self.world.port}"  # for "__Host-" it must say so
        for name, value in person.cookies.items():
            await self.context.add_cookies(
                [{"name": name, "value": value, "url": url, "secure": True, "httpOnly": True}]
            )


@asynccontextmanager
async def staff_world(**settings: Any) -> AsyncIterator[StaffWorld]:
    """Run the staff site on a new PostgreSQL."""
    with reachable_directory() as directory, tempfile.TemporaryDirectory() as keys:
        put_cluster(directory)
        async with EmbeddedPostgres(directory, settings=FORGETFUL) as dsn:
            await migrate(dsn, NOW)
            async with (
                Database(dsn) as database,
                running_staff_site(database, Path(keys) / "keys", **settings) as world,
            ):
                yield world


@asynccontextmanager
async def staff_stage(
    browser: Browser, world: StaffWorld, language: str, **context_settings: Any
) -> AsyncIterator[StaffStage]:
    """Open a fresh browser context in front of the site."""
    context = await browser.new_context(
        base_url=f"http://localhost:{world.port}", locale=language, **context_settings
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield StaffStage(await context.new_page(), context, world)
    finally:
        await context.close()
