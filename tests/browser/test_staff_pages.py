"""Every state of the staff site in a real browser: accessibility, small screens, what is asked."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.staff_stage import StaffStage, staff_stage, staff_world
from tests.browser.staff_states import STAFF_STATES, StaffState, everybody
from tests.browser.test_guest_pages import AXE, SCHEMES, WIDTHS, _scrolls_sideways, _violations
from tests.portal.web.staff.staff_under_test import Person

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TO_PRESS = "button, input:not([type=hidden]):not(.away), select, a.go, nav a"


@dataclass
class Sight:
    """What was seen of one state in one language."""

    language: str = ""
    requests: list[str] = field(default_factory=list)
    """Of all that was asked, what is no address of the site's own."""
    console: list[str] = field(default_factory=list)
    too_wide: list[int] = field(default_factory=list)
    too_low: list[tuple[str, float]] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)


Sights = Mapping[str, Sight]


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["sv", "en"])
async def sights(request: pytest.FixtureRequest, browser: Browser) -> Sights:
    axe = AXE.read_text("utf-8")
    async with staff_world(banners=("banner.internet",)) as world:
        people = await everybody(world)
        # The site's policy lets no script in that is not its own, and so not axe either.
        async with staff_stage(browser, world, request.param, bypass_csp=True) as made:
            schemes = SCHEMES[request.param]
            return {
                name: await _look_at(made, state, people, axe, schemes)
                for name, state in STAFF_STATES.items()
            }


async def _look_at(
    made: StaffStage,
    state: StaffState,
    people: Mapping[str, Person],
    axe: str,
    schemes: tuple[str, ...],
) -> Sight:
    page, sight, own = made.page, Sight(), f"http://localhost:{made.world.port}/"
    note = lambda asked: sight.requests.append(asked.url) if own not in asked.url else None  # noqa: E731
    page.on("request", note)
    await state.show(made, people)
    sight.language = await page.evaluate("document.documentElement.lang")
    sight.too_wide = [width for width in WIDTHS if await _scrolls_sideways(page, width)]
    await page.set_viewport_size({"width": 320, "height": 600})
    sight.too_low = [(text, height) for text, height in await _heights(page) if height < 44]
    await page.evaluate(axe)
    sight.violations = {scheme: await _violations(page, scheme) for scheme in schemes}
    page.remove_listener("request", note)
    return sight


async def _heights(page: Page) -> list[tuple[str, float]]:
    """Measure what can be pressed; of a box that is its label, which covers it."""
    found = await page.evaluate(
        "what => [...document.querySelectorAll(what)].filter(e => e.checkVisibility()).map("
        "e => [e.outerHTML.slice(0, 80),"
        " (e.matches('[type=checkbox], [type=radio]') ? e.labels[0] : e)"
        ".getBoundingClientRect().height])",
        TO_PRESS,
    )
    return [(text, height) for text, height in found]


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


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(browser: Browser) -> AsyncIterator[tuple[StaffStage, Mapping[str, Person]]]:
    async with staff_world() as world:
        people = await everybody(world)
        async with staff_stage(browser, world, "sv") as made:
            yield made, people


async def test_the_policy_refuses_nothing_of_ours(
    stage: tuple[StaffStage, Mapping[str, Person]],
) -> None:
    made, people = stage
    said: list[str] = []
    hear = lambda message: said.append(message.text)  # noqa: E731
    made.page.on("console", hear)
    for state in STAFF_STATES.values():
        await state.show(made, people)
    made.page.remove_listener("console", hear)
    assert [text for text in said if "Content Security Policy" in text] == []


_FOCUS = """() => {
  const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
  return [e.tagName + " " + (e.name || e.textContent.trim().slice(0, 30)),
          parseFloat(s.outlineWidth), s.outlineStyle,
          e.matches('.scroll') ? b.top < innerHeight && b.bottom > 0  // may be higher than that
            : b.top >= 0 && b.bottom <= innerHeight + 1];
}"""


@pytest.mark.parametrize(
    "name",
    [
        *("sign-in", "desk-of-several", "voucher", "tutoring", "group", "report"),
        *("account", "locked", "first-app"),
        *("log", "log-session", "look-up", "complaint", "export", "audit"),
    ],
)
async def test_the_keyboard_reaches_all_in_order_and_shows_where_it_is(
    stage: tuple[StaffStage, Mapping[str, Person]], name: str
) -> None:
    made, people = stage
    page = made.page
    await page.set_viewport_size({"width": 1280, "height": 900})
    await STAFF_STATES[name].show(made, people)
    expected = await page.evaluate(
        "() => [...document.querySelectorAll("
        "'a, button, input, select, textarea, summary, .scroll')]"  # a wide table scrolls by keys
        ".filter(e => e.checkVisibility() && e.type !== 'hidden' && e.tabIndex >= 0)"
        # Arrows go on within a group of choices.
        ".filter(e => e.type !== 'radio' || e === document.getElementsByName(e.name)[0]).length"
    )
    seen = []
    for _ in range(expected):
        await page.keyboard.press("Tab")
        what, width, style, in_view = await page.evaluate(_FOCUS)
        assert (width >= 3, style, in_view) == (True, "solid", True), what
        seen.append(what)
    assert seen[0].startswith("A Hoppa till")
    await page.keyboard.press("Tab")
    last = (await page.evaluate(_FOCUS))[0]
    assert last.startswith(("BODY", "A Hoppa till"))  # round, without a trap
