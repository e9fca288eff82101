"""What a guest does in a real browser on a phone: run inside the phone's namespace.

``python -m portal.demo.browser ORIGIN sign-in CARD PIN``, ``… use-code CODE`` or ``… sign-out``;
prints what was seen at the end as one JSON object: title, url and text. JavaScript is off, as on a
phone's captive window at its worst.
"""

import json
import sys

from playwright.sync_api import Page

from firewall.lab.browser import opened_browser

SOMEWHERE = "http://neverssl.example.com/"
"""Any address: a captive phone is led from it to the portal."""

ONLINE = "Du är uppkopplad"


def sign_in(page: Page, card: str, pin: str) -> None:
    """Follow the captive redirect and fill in the form."""
    page.goto(SOMEWHERE)
    page.get_by_label("Bibliotekskortets nummer").fill(card)
    page.get_by_label("Pinkod", exact=True).fill(pin)
    page.get_by_role("button", name="Logga in").click()


def use_code(page: Page, code: str) -> None:
    """Follow the redirect, type a voucher's code, and wait until the access point was told."""
    page.goto(SOMEWHERE)
    page.get_by_role("link", name="Med kod").click()
    page.get_by_label("Kod", exact=True).fill(code)
    page.get_by_role("button", name="Logga in").click()
    page.get_by_text(ONLINE).first.wait_for()


def sign_out(page: Page, origin: str) -> None:
    """Press the button on the status page."""
    page.goto(origin + "/status")
    page.get_by_role("button", name="Logga ut").click()


def main(origin: str, action: str, *arguments: str) -> None:
    """Do it in a fresh profile and print what was seen."""
    with opened_browser(javascript=False) as context:
        page = context.new_page()
        match action:
            case "sign-in":
                sign_in(page, *arguments)
            case "use-code":
                use_code(page, *arguments)
            case _:
                sign_out(page, origin)
        seen = {"title": page.title(), "url": page.url, "text": page.inner_text("main")}
    print(json.dumps(seen))  # noqa: T201 - this is the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
