"""Logging in through the real gateway: what the guest sees, and in which order things happen.

C30 to C38 and C40, from the wire. What needs a browser is in tests/browser; how every page looks
and what it may contain, in tests/portal/web.
"""

import json

import pytest

from firewall.lab import probes
from firewall.lab.phone import run_in_phone
from firewall.lab.phone_answers import HttpAnswer
from tests.lab.guest import CARD, PIN, Guest, text_of, token_of

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
ONLINE, LOGGED_OUT = "Du är uppkopplad", "Du är utloggad"
BOOKMARKS = ["/", "/status", "/card", "/connect", "/extend", "/logout", "/?lang=en", "/status?x=1"]


def plain(guest: Guest) -> str:
    """The address on the poster."""
    return guest.origin.replace("https:", "http:")


def is_login_page(answer: HttpAnswer) -> bool:
    return answer.status == 200 and 'action="/card' in text_of(answer)


def test_every_site_reaches_the_portal_by_its_one_name(limited_guest: Guest) -> None:
    """The name gives the first network's address; the second site's guests get in there too."""
    assert limited_guest.is_captive()
    assert limited_guest.sign_in().status == 303
    assert not limited_guest.is_captive()


# --- the answer to a login: C33 and C34 -----------------------------------------------------------


@pytest.mark.parametrize("family", [4, 6])
def test_the_gate_is_open_before_the_answer(guest: Guest, family: int) -> None:
    """The first probe after the answer must succeed: Android asks again only 10 min later."""
    answer = guest.sign_in(family=family)
    first = [
        guest.phone.http(PROBE_URL, family=each, timeout_s=1.0) for each in (family, 10 - family)
    ]
    assert answer.status == 303
    assert [probe.body for probe in first] == [probes.APPLE_SUCCESS.body] * 2


def test_the_answer_is_a_navigation_to_our_own_status_page(guest: Guest) -> None:
    """Only that makes an iPhone look again; never to a probe host, never to a page elsewhere."""
    answer = guest.sign_in()
    assert (answer.status, answer.header("Location")) == (303, "/status")
    assert answer.header("Cache-Control") == "no-store"
    status = guest.get("/status")
    assert status.status == 200
    assert ONLINE in text_of(status)
    assert "http-equiv" not in text_of(status)


@pytest.mark.parametrize("path", BOOKMARKS)
def test_where_a_captive_guest_wanted_to_go_is_not_where_login_leads(
    guest: Guest, path: str
) -> None:
    page = guest.phone.http("http://www.example.com/deep/link?x=1")
    assert page.header("Location") == f"{guest.origin}/"
    assert is_login_page(guest.get(path))


# --- old pages, bookmarks, the back button: C35 and C36 -------------------------------------------


@pytest.mark.parametrize("path", BOOKMARKS)
def test_any_bookmark_opened_online_shows_the_status(online_guest: Guest, path: str) -> None:
    page = online_guest.get(path)
    assert page.status == 200
    assert page.header("Cache-Control") == "no-store"
    body = text_of(page)
    assert ("You are online" if "lang=en" in path else ONLINE) in body
    assert 'action="/logout' in body


def test_the_status_page_says_until_when(online_guest: Guest, limited_guest: Guest) -> None:
    assert limited_guest.sign_in().status == 303
    for guest in (online_guest, limited_guest):
        assert '<p class="until">' in text_of(guest.get("/status"))
    assert 'action="/extend"' in text_of(limited_guest.get("/status"))


def test_an_old_token_leads_to_a_fresh_form_with_the_card_kept(guest: Guest) -> None:
    for token in ("", "x", "A" * 28, guest.token()[:-1]):
        page = guest.post("/card", {"token": token, "card": CARD, "pin": PIN})
        assert is_login_page(page)
        assert f'value="{CARD}"' in text_of(page)
        assert PIN not in text_of(page)
    assert guest.is_captive()


def test_another_phones_form_lets_nobody_in(guest: Guest, limited_guest: Guest) -> None:
    fields = {"token": limited_guest.token(), "card": CARD, "pin": PIN}
    assert is_login_page(guest.post("/card", fields))
    assert guest.is_captive()
    assert limited_guest.is_captive()


def test_buttons_of_an_old_page_are_harmless(guest: Guest) -> None:
    """The status page, kept open over a log-out; the login page, kept open over a login."""
    login_token = guest.token()
    assert guest.sign_in().status == 303
    page = guest.get("/status")
    sign_out_token = token_of(page, "/logout")

    again = guest.post("/card", {"token": login_token, "card": CARD, "pin": PIN})
    assert (again.status, again.header("Location")) == (303, "/status")

    first = guest.post("/logout", {"token": sign_out_token})
    second = guest.post("/logout", {"token": sign_out_token})
    for answer in (first, second):
        assert (answer.status, answer.header("Location")) == (303, "/")
    assert LOGGED_OUT in text_of(guest.get("/"))
    assert is_login_page(guest.get("/status"))


def test_an_old_log_out_button_still_logs_out(guest: Guest) -> None:
    """That is what is written on it, on the device that it was made for."""
    assert guest.sign_in().status == 303
    token = guest.token("/status", action="/logout")
    guest.post("/logout", {"token": token})
    assert guest.sign_in().status == 303
    assert guest.post("/logout", {"token": token}).status == 303
    assert guest.is_captive()


def test_no_page_may_be_stored(guest: Guest) -> None:
    wrong = guest.post("/card", {"token": guest.token(), "card": CARD, "pin": ""})
    answers = [wrong, guest.get("/"), guest.get("/nowhere"), guest.sign_in(), guest.get("/status")]
    answers.append(guest.sign_out())
    for answer in answers:
        names = {name.lower() for name, _ in answer.headers}
        assert answer.header("Cache-Control") == "no-store", answer
        assert names.isdisjoint({"etag", "last-modified", "set-cookie"})


# --- mistakes: C40 --------------------------------------------------------------------------------


def test_a_mistake_is_told_on_the_same_page_and_the_card_is_kept(guest: Guest) -> None:
    unknown = "20000000000099"
    for pin in ("8624", ""):
        page = guest.post("/card", {"token": guest.token(), "card": unknown, "pin": pin})
        assert is_login_page(page)
        assert f'value="{unknown}"' in text_of(page)
        assert 'role="alert"' in text_of(page)
        assert "8624" not in text_of(page)
    assert guest.is_captive()


def test_sending_the_form_twice_is_harmless(guest: Guest) -> None:
    fields = {"token": guest.token(), "card": CARD, "pin": PIN}
    for _ in range(2):
        answer = guest.post("/card", fields)
        assert (answer.status, answer.header("Location")) == (303, "/status")
    assert not guest.is_captive()


# --- no script, no cookie, no other host, no other app: C30 to C32 --------------------------------


def test_the_way_in_needs_neither_cookies_nor_scripts(guest: Guest) -> None:
    """Every request of this file stands alone, as in Apple's login window with cookies refused."""
    pages = [guest.get("/"), guest.post("/card", {"token": "", "card": CARD, "pin": PIN})]
    assert guest.sign_in().status == 303
    pages.append(guest.get("/status"))
    for page in pages:
        body = text_of(page)
        for foreign in ("<script", "<iframe", "<img", "<link", "target=", 'type="file"', "://"):
            assert foreign not in body.replace("http://www.w3.org/", ""), foreign
        assert page.header("Set-Cookie") is None


# --- plain HTTP: C37 and C38 ----------------------------------------------------------------------


@pytest.mark.parametrize("family", [4, 6])
def test_the_plain_address_works_in_both_states(guest: Guest, family: int) -> None:
    login = guest.get("/", origin=plain(guest), family=family)
    assert (login.status, login.header("Location")) == (303, f"{guest.origin}/")
    assert guest.sign_in().status == 303
    status = guest.get("/", origin=plain(guest), family=family)
    assert status.status == 200
    assert ONLINE in text_of(status)
    assert 'action="/logout"' in text_of(status)
    for answer in (login, status, guest.get("/"), guest.get("/status")):
        assert answer.header("Strict-Transport-Security") is None


def test_card_and_pin_are_not_taken_in_clear(guest: Guest) -> None:
    """Unless the site says so: a form that was posted all the same is not read."""
    fields = {"token": guest.token(), "card": CARD, "pin": PIN}
    answer = guest.post("/card", fields, origin=plain(guest))
    assert (answer.status, answer.header("Location")) == (303, f"{guest.origin}/")
    assert guest.is_captive()


def test_old_devices_get_in_over_plain_http_where_the_site_allows_it(limited_guest: Guest) -> None:
    """For phones that know no authority of today; the page says so."""
    origin = plain(limited_guest)
    assert "Den här sidan är inte krypterad." in text_of(limited_guest.get("/", origin=origin))
    answer = limited_guest.sign_in(origin=origin)
    assert (answer.status, answer.header("Location")) == (303, "/status")
    assert limited_guest.phone.http(PROBE_URL).body == probes.APPLE_SUCCESS.body
    assert ONLINE in text_of(limited_guest.get("/status", origin=origin))


@pytest.mark.browser
def test_a_browser_without_scripts_gets_in_and_out(guest: Guest) -> None:
    """Chromium on the phone, from any plain address over the redirect to the status page."""

    def browse(*arguments: str) -> dict[str, str]:
        done = run_in_phone(guest.phone, "portal.demo.browser", [guest.origin, *arguments])
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    seen = browse("sign-in", CARD, PIN)
    assert seen["url"] == f"{guest.origin}/status"
    assert ONLINE in seen["text"]
    assert not guest.is_captive()
    assert LOGGED_OUT in browse("sign-out")["text"]
    assert guest.is_captive()
