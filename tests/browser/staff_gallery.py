"""Takes the desk's screenshots of docs/screenshots: python -m tests.browser.staff_gallery."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from playwright.async_api import Browser

from tests.browser.gallery import FOLDER, optimised
from tests.browser.staff_stage import staff_stage, staff_world
from tests.browser.staff_states import STAFF_STATES, everybody
from tests.browser.stage import running_browser
from tests.portal.web.staff.staff_under_test import Person, StaffWorld

_SHOWN = {"desk": (1280, 800), "tutoring": (390, 844)}
"""The desk has a computer, the tutor a phone."""


async def _shoot(
    browser: Browser, world: StaffWorld, people: Mapping[str, Person], name: str
) -> bytes:
    width, height = _SHOWN[name]
    view = {"width": width, "height": height}
    async with staff_stage(browser, world, "sv", viewport=view, color_scheme="light") as made:
        await STAFF_STATES[name].show(made, people)
        return await made.page.screenshot(full_page=True)


async def main(folder: Path = FOLDER) -> None:
    """Write them."""
    async with running_browser() as browser, staff_world() as world:
        people = await everybody(world)
        for name in _SHOWN:
            png = await _shoot(browser, world, people, name)
            (folder / f"{name}.png").write_bytes(optimised(png))


if __name__ == "__main__":
    asyncio.run(main())
