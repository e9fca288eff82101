"""Debian's openNDS sends a phone to Kvar elsewhere; the card lets it in there, and out again."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from urllib.parse import quote, unquote, urlencode, urljoin

import pytest

from bench.day.opennds import BROWSER
from firewall.lab.network import Lab
from firewall.lab.phone import Phone
from firewall.lab.phone_answers import HttpAnswer
from tests.lab.elsewhere import HOST, HTTP_PORT, HTTPS_PORT, Elsewhere, kvar_elsewhere
from tests.lab.guest import CARD, FORM, PIN, text_of, token_of
from tests.peers.opennds import (
    FAS_KEY,
    GATEWAY,
    OpenNds,
    Service,
    lab_for_opennds,
    running_opennds,
    sent_to,
)

pytestmark = pytest.mark.root

CLIENT = f"""
[[radius.clients]]
name = "library"
family = "opennds"
site = "village"
portal_hosts = ["{GATEWAY}"]
portal_secret = "{FAS_KEY.decode()}"
portal_in_clear = """


GATEWAY_NAME = "Library Node:"
"""It puts the address of its interface behind it."""
PUT_OUT = Path("deploy/examples/opennds/kvar-put-out").absolute()
LONGEST_S = 21 * 3600
REFRESH_S = 1.0
LOOKS = 40


@contextmanager
def library_that_asks() -> Iterator[tuple[Lab, Elsewhere, OpenNds]]:
    """Its router is behind its own NAT, and asks Kvar at level 3."""
    with lab_for_opennds(phones=2) as lab:
        address = lab.gateway.run(["cat", "/sys/class/net/guest0/address"]).stdout.strip()
        name = GATEWAY_NAME + address.replace(":", "")
        client = f'{CLIENT}false\nportal_gateways = ["{name}"]\ndownload_kbit_s = 8000\n'
        with kvar_elsewhere(lab, client) as kvar:
            service = Service(kvar.address, HOST, HTTPS_PORT, HTTPS_PORT, "/at/library")
            with running_opennds(lab, 3, service) as opennds:
                yield lab, kvar, opennds


@contextmanager
def library(level: int) -> Iterator[tuple[Lab, Elsewhere]]:
    client = CLIENT + ("true" if level == 1 else "false")
    with lab_for_opennds(phones=2) as lab, kvar_elsewhere(lab, client) as kvar:
        service = Service(kvar.address, HOST, HTTP_PORT, HTTPS_PORT, "/at/library")
        with running_opennds(lab, level, service):
            yield lab, kvar


class Browser:
    """Opens pages from a phone, one request at a time, and remembers where it is."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.url = ""
        self.came_by: list[str] = []

    def open(self, url: str) -> HttpAnswer:
        return self._follow(url, self._ask(url))

    def send(self, action: str, fields: dict[str, str]) -> HttpAnswer:
        return self._follow(urljoin(self.url, action), self.post(action, fields))

    def post(self, action: str, fields: dict[str, str]) -> HttpAnswer:
        url, body = urljoin(self.url, action), urlencode(fields).encode()
        return self.phone.http(url, method="POST", headers=(*BROWSER, *FORM), body=body)

    def _ask(self, url: str) -> HttpAnswer:
        return self.phone.http(url, timeout_s=20, headers=BROWSER)

    def _follow(self, url: str, answer: HttpAnswer) -> HttpAnswer:
        self.url, self.came_by = url, [url]
        while (location := answer.header("Location")) is not None:
            self.url = urljoin(self.url, location)
            self.came_by.append(self.url)
            assert len(self.came_by) < 10, self.came_by
            answer = self._ask(self.url)
        return answer


def led_to_the_portal(lab: Lab, kvar: Elsewhere) -> tuple[Browser, Phone, str]:
    """Return the first phone's browser, a phone that stays outside, and the card form's token."""
    phone, other = lab.phones
    other.join()
    browser = Browser(phone)
    asked = sent_to(phone)
    assert asked is not None
    page = browser.open(asked)
    assert (page.status, browser.url[: len(kvar.origin) + 5]) == (200, f"{kvar.origin}/via/")
    return browser, other, token_of(page, "card")


@pytest.mark.parametrize("level", [1, 2])
def test_a_card_lets_a_phone_in_at_opennds_and_a_log_out_puts_it_out(level: int) -> None:
    with library(level) as (lab, kvar):
        browser, other, token = led_to_the_portal(lab, kvar)
        phone = browser.phone
        status = browser.send("card", {"token": token, "card": CARD, "pin": PIN})
        assert "Du är uppkopplad" in text_of(status), (status, browser.came_by)
        assert any(url.startswith(f"http://{GATEWAY}:2050/") for url in browser.came_by)
        assert not any(CARD in url or PIN in url for url in browser.came_by)
        assert sent_to(phone) is None
        assert sent_to(other) is not None

        out = browser.send("logout", {"token": token_of(status, "logout")})
        assert out.failure is None, (out, browser.came_by)
        assert sent_to(phone) is not None

        said = kvar.log.read_text()
        assert "session_started" in said
        for secret in (CARD, PIN, phone.mac, "/via/", "fas="):
            assert secret not in said


def test_who_asks_the_gateway_twice_comes_back_all_the_same() -> None:
    """Its answer may be lost on the way; to the second request it says that he is in already."""
    with library(2) as (lab, kvar):
        browser = Browser(lab.phones[0])
        asked = sent_to(browser.phone)
        assert asked is not None
        token = token_of(browser.open(asked), "card")
        fields = {"token": token, "card": CARD, "pin": PIN}
        let_in = browser.post("card", fields).header("Location")
        assert let_in is not None
        assert let_in.startswith(f"http://{GATEWAY}:2050/")
        browser.phone.http(let_in, timeout_s=20, headers=BROWSER)  # and lost
        page = browser.open(let_in)
        assert any("status=authenticated" in url for url in browser.came_by)
        assert "Du är uppkopplad" in text_of(page), (page, kvar.log.read_text())


def test_a_gateway_behind_nat_asks_for_the_phone_and_lets_it_in_until_its_session_ends() -> None:
    with library_that_asks() as (lab, kvar, opennds):
        browser, other, token = led_to_the_portal(lab, kvar)
        phone = browser.phone
        status = browser.send("card", {"token": token, "card": CARD, "pin": PIN})
        status = waited(browser, status)
        assert "Du är uppkopplad" in text_of(status), (status, browser.came_by)
        assert not any(GATEWAY in url for url in browser.came_by)
        assert sent_to(phone) is None
        assert sent_to(other) is not None

        known = opennds.clients()[phone.mac]
        assert (known["state"], known["download_rate_limit_threshold"]) == ("Authenticated", "8000")
        lasts_s = int(known["session_end"]) - int(known["session_start"])
        assert LONGEST_S <= lasts_s <= LONGEST_S + 60  # it counts in minutes

        # The session ends here, and nobody tells the gateway: it is asked for, or the time is up.
        ended = browser.post("logout", {"token": token_of(status, "logout")})
        assert ended.status == 303
        assert sent_to(phone) is None
        for _ in range(2):  # the second time it is out already
            opennds.run("sh", str(PUT_OUT))
        assert phone.mac not in opennds.clients()
        assert sent_to(phone) is not None

        said = kvar.log.read_text()
        assert "session_ended" in said
        for secret in (CARD, PIN, phone.mac, "/via/", "fas="):
            assert secret not in said


def waited(browser: Browser, page: HttpAnswer) -> HttpAnswer:
    """Look again as the page says, until it says nothing of that."""
    for _ in range(LOOKS):
        refresh = page.header("Refresh")
        if refresh is None:
            return page
        sleep(REFRESH_S)
        page = browser.open(urljoin(browser.url, refresh.partition("url=")[2]))
    raise AssertionError(page)


def test_a_phone_that_names_another_that_is_online_is_asked_for_a_card() -> None:
    """The gateway would let in whoever brings the answer to its own redirect."""
    with library(1) as (lab, _kvar):
        phone, other = lab.phones
        other.join()
        browser = Browser(phone)
        asked = sent_to(phone)
        assert asked is not None
        token = token_of(browser.open(asked), "card")
        browser.send("card", {"token": token, "card": CARD, "pin": PIN})
        assert sent_to(phone) is None

        own = sent_to(other)
        assert own is not None
        thief = Browser(other)
        thief.open(naming(own, phone.mac))
        assert f"http://{GATEWAY}" not in str(thief.came_by)
        assert token_of(thief.open(urljoin(thief.url, "./")), "card")
        for path in ("", "status", "extend", "continue", "wait"):
            thief.open(urljoin(thief.url, path))
            assert not any(url.startswith(f"http://{GATEWAY}") for url in thief.came_by)
        assert sent_to(other) is not None


def naming(url: str, mac: str) -> str:
    """Return an own redirect of level 1 with another device's address in it."""
    before, _, fas = url.partition("fas=")
    pairs = base64.b64decode(unquote(fas).partition("&")[0]).decode("utf-8", "replace")
    other = re.sub("clientmac=[0-9a-f:]+", f"clientmac={mac}", pairs)
    assert other != pairs
    return f"{before}fas={quote(base64.b64encode(other.encode()).decode())}"
