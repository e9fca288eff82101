"""Debian's Chromium on a phone, driven by Playwright, as a library visitor's browser.

For scripts that run inside the phone's namespace (`phone.run_in_phone`); browser and remote control
then share one loopback. Playwright's own browsers are never downloaded or used.
The rule to keep: certificates are validated as in real life. The lab's authority is trusted through
a managed policy that only the phone's namespace sees (`chromium_policy`), not by switching checks
off.
"""

from __future__ import annotations

import contextlib
import tempfile
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext

CHROMIUM = "/usr/bin/chromium"
SWITCHES = (
    "--no-sandbox",  # root may not use Chromium's own sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SMALL_PHONE, PHONE, LAPTOP = (320, 568), (390, 844), (1280, 800)


@contextlib.contextmanager
def opened_browser(
    *,
    size: tuple[int, int] = PHONE,
    languages: str = "sv-SE",
    dark: bool = False,
    javascript: bool = True,
    **context: Any,
) -> Iterator[BrowserContext]:
    """A headless browser with a fresh profile, closed and forgotten afterwards.

    `languages` fills Accept-Language; further arguments go to Playwright's persistent context.
    Raises playwright.sync_api.Error as Playwright does.
    """
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        opened = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            headless=True,
            args=list(SWITCHES),
            viewport={"width": size[0], "height": size[1]},
            locale=languages,
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            chromium_sandbox=False,
            **context,
        )
        try:
            yield opened
        finally:
            opened.close()
