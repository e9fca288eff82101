"""The desk and its visitors: staff's browser, visitors' browsers on phones, and the whole of Kvar.

Everything real: Chromium at the desk reaches the staff site as a machine of the library does, and
Chromium on a phone is captive. What staff press is counted by the hand that presses it.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, time

import pyotp
import pytest
from playwright.sync_api import Locator, Page, expect

from firewall.lab import probes
from firewall.lab.browser import LAPTOP, opened_browser
from firewall.lab.phone import Phone
from firewall.lab.processes import stop
from firewall.lab.relay import start_tcp_relay
from portal.demo.configuration import STAFF_PORT
from portal.demo.world import World, WorldSettings
from tests.faults.gateway import POSTGRES, Gateway
from tests.lab.guest import Guest, run_sql, text_of, until
from tests.lab.test_vouchers import is_through, type_code

pytestmark = [pytest.mark.root, pytest.mark.browser]

PASSWORD = "bokhylla regnbåge torsdag"
PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
TURNS_WITHIN_S = 10.0
"""What visitors are promised: the page looks every five seconds, and is loaded then."""
OFF_WITHIN_S = 2.0

NOTES_PRINTING = """window.print = () => {
  sessionStorage.printed = Number(sessionStorage.printed || 0) + 1;
};"""


@dataclass
class Desk:
    """A browser at the desk, and the hand that presses in it."""

    page: Page
    origin: str
    secret: str = ""
    presses: int = 0

    def open(self, path: str) -> None:
        """Come back to a page and count anew."""
        self.page.goto(self.origin + path)
        self.presses = 0

    def press(self, what: Locator) -> None:
        what.click()
        self.presses += 1

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def printed(self) -> int:
        """How often a page of this tab has opened the browser's printing."""
        return int(self.page.evaluate("Number(sessionStorage.printed || 0)"))

    def sheet(self, number: str) -> Locator:
        return self.page.locator(f"#device-{number} > summary")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(WorldSettings(phones=0, staff=True)) as built:
        yield built


@pytest.fixture(scope="module")
def desk(world: World) -> Iterator[Desk]:
    """A desk whose account has been through its first sign-in, and which has signed out again."""
    relay = start_tcp_relay(world.lab.gateway, ("127.0.0.1", STAFF_PORT), port=0)
    try:
        with opened_browser(size=LAPTOP) as context:
            context.add_init_script(NOTES_PRINTING)
            made = Desk(context.new_page(), relay.address)
            _enrol(made, _first_code(world))
            made.button("Logga ut").click()
            _sign_in(made)
            yield made
    finally:
        relay.close()


def _first_code(world: World) -> str:
    site = world.config.sites[0].id
    said = world.kvar("account", "create", "kim", "--role", "desk", "--site", site)
    [code] = re.findall(r"/first#(\S+)", said)
    return str(code)


def _enrol(desk: Desk, code: str) -> None:
    page = desk.page
    desk.open(f"/first#{code}")
    page.click("main .go")
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.click("main .go")
    desk.secret = page.inner_text(".secret").replace(" ", "")
    page.fill("#code", pyotp.TOTP(desk.secret).at(int(time())))
    page.click("main .go")
    page.click("main a.go")


def _sign_in(desk: Desk) -> None:
    """Password and one-time code; a code works once, so it is the next one."""
    page = desk.page
    desk.open("/desk")
    page.fill("#name", "kim")
    page.fill("#password", PASSWORD)
    page.click("main .go")
    page.fill("#code", pyotp.TOTP(desk.secret).at(int(time()) + 30))
    page.click("main .go")
    expect(page.locator("main h1")).to_have_text("Disken")


@pytest.fixture
def arrive(world: World) -> Iterator[Callable[[], Phone]]:
    """Make phones that nobody has seen before; nobody else waits here."""
    _sql(world, "DELETE FROM arrival")
    made: list[Phone] = []

    def one() -> Phone:
        phone = world.lab.add_phone()
        phone.join(ipv6=True)
        made.append(phone)
        return phone

    yield one
    for phone in made:
        world.lab.remove_phone(phone)


def _sql(world: World, statement: str, *values: object) -> None:
    """Change rows, in a thread: Playwright's own loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(run_sql, world, statement, *values).result()


class Visitor:
    """A browser on a phone that stands on the page for waiting."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.number = self._told()["number"]

    def becomes(self) -> dict[str, str]:
        """Wait until the page has changed by itself, and return what it says."""
        return self._told()

    def _told(self) -> dict[str, str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the visitor's browser gave up"
        return dict(json.loads(line))


@contextmanager
def waiting(phone: Phone) -> Iterator[Visitor]:
    """Let a visitor wait in a browser on the phone."""
    command = [sys.executable, "-m", "tests.lab.waiting_visitor"]
    process = phone.spawn(command, stdout=subprocess.PIPE)
    try:
        yield Visitor(process)
    finally:
        stop(process)


def test_one_press_makes_and_prints_a_code_that_lets_a_phone_in(
    world: World, desk: Desk, arrive: Callable[[], Phone]
) -> None:
    desk.open("/desk")
    desk.page.get_by_label("Skriv ut direkt").check()
    desk.press(desk.button("4 timmar"))
    expect(desk.page.locator(".slip").first).to_be_visible()
    before = desk.printed()

    desk.open("/desk")
    expect(desk.page.get_by_label("Skriv ut direkt")).to_be_checked()
    desk.press(desk.button("4 timmar"))
    expect(desk.page.locator(".slip").first).to_be_visible()
    assert (desk.presses, desk.printed() - before) == (1, 1)

    [code] = re.findall(r"\b\d{3}\s\d{3}\s\d{4}\b", desk.page.inner_text("main"))
    guest = Guest(world, arrive())
    assert guest.is_captive()
    assert type_code(guest, code).header("Location") == "/status"
    assert is_through(guest.phone)
    desk.page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(desk.page.locator("main h1")).to_have_text(re.compile("Kod A-000"))
    desk.page.get_by_role("link", name="Till disken").click()
    desk.page.get_by_label("Skriv ut direkt").uncheck()


def test_two_presses_let_a_waiting_visitor_in_whose_page_turns_by_itself(
    desk: Desk, arrive: Callable[[], Phone]
) -> None:
    """The desk's page was open before anybody came: it shows who waits without a reload."""
    desk.open("/tutoring")
    other, phone = arrive(), arrive()
    with waiting(other) as somebody, waiting(phone) as visitor:
        sheet = desk.sheet(visitor.number)
        expect(sheet).to_be_visible(timeout=30_000)
        expect(desk.sheet(somebody.number)).to_be_visible(timeout=30_000)
        assert phone.http(PROBE_URL).status == 302
        desk.press(sheet)
        desk.press(desk.button(f"Släpp in enhet {visitor.number}"))
        pressed = monotonic()
        page = visitor.becomes()
        assert monotonic() - pressed < TURNS_WITHIN_S
        assert desk.presses == 2
        assert page["url"].endswith("/status?done=letin")
        assert "Personalen har släppt in dig." in page["text"]
        assert "Du är uppkopplad" in page["text"]
        for family in (4, 6):
            assert phone.http(PROBE_URL, family=family).body == probes.APPLE_SUCCESS.body
        assert other.http(PROBE_URL).status == 302, "who still waits stays outside"


def test_one_press_is_enough_for_the_only_one_who_waits(
    desk: Desk, arrive: Callable[[], Phone]
) -> None:
    phone = arrive()
    with waiting(phone) as visitor:
        desk.open("/tutoring")
        desk.press(desk.button(f"Släpp in enhet {visitor.number}"))
        assert "Du är uppkopplad" in visitor.becomes()["text"]
    assert desk.presses == 1
    assert is_through(phone)


def test_tutoring_outlasts_dead_processes_a_dead_database_and_the_sites_limit(
    world: World, desk: Desk, arrive: Callable[[], Phone]
) -> None:
    guest, gateway = Guest(world, arrive()), Gateway(world)
    [number] = re.findall(r"<b>(\d+)</b>", text_of(guest.get("/wait")))
    desk.open("/tutoring")
    desk.press(desk.button(f"Släpp in enhet {number}"))
    expect(desk.page.locator(".note.good")).to_contain_text("är uppkopplad")
    stream = guest.phone.stream("www.example.com")
    until(lambda: stream.report().received > 10, "a running stream")

    for part in ("portal", "staff", POSTGRES):
        gateway.kill(part)
        assert is_through(guest.phone), part
    world.wait_until_ready()
    over = "UPDATE live_session SET ends_because = 'time_limit', ends_at = started_at"
    _sql(world, f"{over} WHERE mac = $1::text::macaddr", guest.phone.mac)
    gateway.kill_and_wait("keeper")

    assert (guest.is_captive(), guest.is_admitted()) == (False, True)
    assert is_through(guest.phone)
    assert "Handledning pågår" in text_of(guest.get("/status"))
    report = stream.stop()
    assert (report.received > 100, report.lost) == (True, 0)
    desk.open("/tutoring")
    expect(desk.page.locator(".tile .device").get_by_text(number, exact=True)).to_be_visible()


def test_turned_off_at_the_desk_running_flows_end_in_both_families(
    world: World, desk: Desk, arrive: Callable[[], Phone]
) -> None:
    """T11."""
    desk.open("/desk")
    desk.press(desk.button("4 timmar"))
    code = desk.page.locator(".number bdi").inner_text()
    guest = Guest(world, arrive())
    assert type_code(guest, code).header("Location") == "/status"
    streams = [guest.phone.stream("www.example.com", family=family) for family in (4, 6)]
    until(lambda: all(s.report().received > 50 for s in streams), "streams of both families")

    desk.open(desk.page.url.removeprefix(desk.origin))
    expect(desk.page.locator(".state")).to_have_text("används")
    pressed = monotonic()
    desk.press(desk.button("Stäng av koden"))
    expect(desk.page.locator(".state")).to_have_text("avstängd")
    until(lambda: all(s.report().longest_gap_s > 2 * OFF_WITHIN_S for s in streams), "silence")
    for stream in streams:
        now, report = monotonic(), stream.report()
        assert now - report.longest_gap_s - pressed < OFF_WITHIN_S
        assert report.received == stream.stop().received
    assert (guest.is_captive(), guest.is_admitted()) == (True, False)
    assert "Koden är avstängd" in text_of(guest.get("/"))
