"""What a visitor without a card does: run inside the phone's namespace, by ``phone.spawn``.

Any address is opened, the captive redirect followed, one link pressed; then nothing more is done.
Prints one JSON object a line: the number that the page shows, and at the end what the page became.
JavaScript is off, as in a phone's captive window at its worst.
"""

import json
import sys

from playwright.sync_api import Page

from firewall.lab.browser import opened_browser
from portal.demo.browser import SOMEWHERE

HANGS_MS = 120_000


def _tell(**seen: str) -> None:
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()


def wait(page: Page) -> None:
    page.goto(SOMEWHERE)
    page.get_by_role("link", name="Vänta på personalen").click()
    _tell(number=page.locator(".number b").inner_text())
    page.wait_for_url("**/status*", timeout=HANGS_MS)
    _tell(url=page.url, text=page.inner_text("main"))


def main() -> None:
    with opened_browser(javascript=False) as context:
        wait(context.new_page())


if __name__ == "__main__":
    main()
