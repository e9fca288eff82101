"""Every state of the guest site in a real browser: accessibility, small screens, what is asked.

Each state is shown once in each language, and in Swedish once without scripts; the tests judge what
was seen. Dark colours are looked at in Swedish alone: they are the same in every language.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route

from tests.browser.stage import Stage, stage
from tests.browser.states import STATES, State

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (320, 390, 1280, 256)
"""256: a 320 px phone with enlarged text."""
SCHEMES = {"sv": ("light", "dark"), "en": ("light",)}
RULES: Mapping[str, Mapping[str, list[str]]] = {"light": {}, "dark": {"runOnly": ["cat.color"]}}
"""Of axe's rules all, or those with a tag. A scheme changes colours and nothing else."""
TO_PRESS = "button, input:not([type=hidden]), a.go, nav a, .tongue a"


@dataclass(frozen=True)
class Sight:
    """What was seen of one state in one language."""

    source: str
    requests: tuple[str, ...]
    """Of all that was asked until the end, what is no page of the site's own."""
    console: tuple[str, ...]
    """What the browser said before axe, a script of ours, came in."""
    too_wide: tuple[int, ...]
    """The widths at which it scrolls sideways."""
    too_low: tuple[tuple[str, float], ...]
    """What is to be pressed on a 320 px screen and is less than 44 px high."""
    violations: Mapping[str, list[str]]
    """What axe says, by colour scheme."""


Sights = Mapping[str, Sight]


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["sv", "en"])
async def sights(request: pytest.FixtureRequest, browser: Browser) -> Sights:
    assert AXE.is_file(), "run npm ci in tests/browser"
    axe = AXE.read_text("utf-8")
    async with stage(browser, request.param) as made:
        schemes = SCHEMES[request.param]
        return {name: await _look_at(made, state, axe, schemes) for name, state in STATES.items()}


async def _look_at(made: Stage, state: State, axe: str, schemes: tuple[str, ...]) -> Sight:
    page = made.page
    with _noted(made) as (requests, console):
        await made.show(state)
        await page.route("**", _stay)
        source, said = await _source(made), tuple(console)
        too_wide = [width for width in WIDTHS if await _scrolls_sideways(page, width)]
        await page.set_viewport_size({"width": 320, "height": 600})
        too_low = [(text, height) for text, height in await _heights(page) if height < 44]
        await page.evaluate(axe)
        violations = {scheme: await _violations(page, scheme) for scheme in schemes}
        await page.unroute("**", _stay)
    return Sight(source, tuple(requests), said, tuple(too_wide), tuple(too_low), violations)


async def _stay(route: Route) -> None:
    """Let no page that looks again by itself go away while it is looked at."""
    await (route.abort("aborted") if route.request.is_navigation_request() else route.fallback())


async def _source(made: Stage) -> str:
    """Return the page without what differs from one site under test to the next, or is a nonce."""
    shown = await made.page.content()
    shown = shown.replace(f"localhost:{made.portal.plain_port}", "localhost")
    return re.sub(r'(type="hidden" name="\w+" value=")[^"]*', r"\1", shown)


@contextmanager
def _noted(made: Stage) -> Iterator[tuple[list[str], list[str]]]:
    """Note the requests that are no page of the site, and the messages on the console."""
    requests: list[str] = []
    console: list[str] = []
    own = f"http://localhost:{made.portal.plain_port}/"

    def note(request: Any) -> None:
        if not (request.is_navigation_request() and request.url.startswith(own)):
            requests.append(request.url)

    def hear(message: Any) -> None:
        console.append(message.text)

    made.page.on("request", note)
    made.page.on("console", hear)
    try:
        yield requests, console
    finally:
        made.page.remove_listener("request", note)
        made.page.remove_listener("console", hear)


async def _scrolls_sideways(page: Page, width: int) -> bool:
    await page.set_viewport_size({"width": width, "height": 256})
    return bool(await page.evaluate("document.documentElement.scrollWidth") > width)


async def _heights(page: Page) -> list[tuple[str, float]]:
    found = await page.evaluate(
        "what => [...document.querySelectorAll(what)].map("
        "e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect().height])",
        TO_PRESS,
    )
    return [(text, height) for text, height in found]


async def _violations(page: Page, scheme: str) -> list[str]:
    """Run axe, with every rule that it has in light colours, best practices too.

    axe is itself a script, so it cannot run where scripts are off; the pages have none, and so
    are the same there (test_scripts_off_changes_nothing).
    """
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    found: list[dict[str, Any]] = await page.evaluate(
        "options => axe.run(document, options).then(r => r.violations)",
        {"resultTypes": ["violations"], **RULES[scheme]},
    )
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]


async def test_no_page_violates_an_axe_rule(sights: Sights) -> None:
    assert [
        (name, one.violations) for name, one in sights.items() if any(one.violations.values())
    ] == []


async def test_no_page_scrolls_sideways(sights: Sights) -> None:
    assert [(name, one.too_wide) for name, one in sights.items() if one.too_wide] == []


async def test_everything_to_press_is_44_px_high(sights: Sights) -> None:
    assert [(name, one.too_low) for name, one in sights.items() if one.too_low] == []


async def test_no_page_asks_anything_of_another_host(sights: Sights) -> None:
    assert [(name, one.requests) for name, one in sights.items() if one.requests] == []


async def test_the_content_security_policy_refuses_nothing_of_ours(sights: Sights) -> None:
    said = [(name, text) for name, one in sights.items() for text in one.console]
    assert [text for text in said if "Content Security Policy" in text[1]] == []


async def test_no_page_has_a_script(sights: Sights) -> None:
    assert [name for name, one in sights.items() if "<script" in one.source] == []


@pytest.mark.parametrize("sights", ["sv"], indirect=True)
async def test_scripts_off_changes_nothing(browser: Browser, sights: Sights) -> None:
    different = []
    async with stage(browser, "sv", java_script_enabled=False) as made:
        for name, state in STATES.items():
            await made.show(state)
            if await _source(made) != sights[name].source:
                different.append(name)
    assert different == []
