"""Visitors whom access points send: how they come, what they see, how they get in and out."""

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from portal.domain import login_token
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.passage import Passage
from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import LoginMethod
from portal.domain.way_back import Browser
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports import GateUnavailableError
from portal.web.guest.budget import ARRIVALS, GUESSES
from portal.web.guest.surroundings import Surroundings
from tests.portal.web.guest.test_pages import HEADERS, outline_of
from tests.portal.web.portal_under_test import (
    ACCESS_POINTS,
    DEVICE,
    FAS,
    FORM,
    LIBRARY,
    LOGON,
    NOW,
    UAM_SECRET,
    Answer,
    FakeGuest,
    Portal,
    exchange,
    get,
    make_remembered,
    make_session,
    passage_of,
    post,
    running_portal,
    via,
)

CARD, PIN = "20000000000001", "1234"
OTHER = Device(MacAddress("02:00:00:00:00:02"), SiteId("city"))
UNPROVED = passage_of("controller", told=FORM, is_proved=False)
BEARER = passage_of("annex", told=FAS, is_proved=False)
AUTH = "http://10.2.0.1:2050/opennds_auth/?tok="


def chilli_url(port: int, res: str = "notyet", mac: str = "02-00-00-00-00-01", **more: str) -> str:
    """Return where chilli sends a visitor, signed as chilli signs (src/redir.c)."""
    told = {
        "uamip": "10.1.0.1",
        "uamport": "3990",
        "challenge": "0123456789abcdef" * 2,
        "called": "00-0D-B9-00-00-01",
        "mac": mac,
        "ip": "10.1.0.77",
        "ssid": "Guest",
        "sessionid": "6566f0a200000001",
        "userurl": "http%3a%2f%2fcaptive.apple.com%2f",
        **more,
    }
    query = "&".join(f"{name}={value}" for name, value in {"res": res, **told}.items())
    whole = f"http://localhost:{port}/at/chilli?{query}"
    signature = hashlib.md5(whole.encode() + UAM_SECRET, usedforsecurity=False).hexdigest()
    return f"/at/chilli?{query}&md={signature.upper()}"


async def ask(portal: Portal, path: str, *more: str) -> Answer:
    return await exchange(portal.plain_port, get(path, f"localhost:{portal.plain_port}", *more))


async def send(portal: Portal, path: str, fields: dict[str, str]) -> Answer:
    return await exchange(portal.plain_port, post(path, fields, f"localhost:{portal.plain_port}"))


async def arrive(portal: Portal, **more: str) -> str:
    """Come from chilli; return what stands before the pages."""
    answer = await ask(portal, chilli_url(portal.plain_port, **more))
    assert answer.status == 302, answer.body
    assert HEADERS.items() <= answer.headers.items()
    return answer.headers["Location"].removesuffix("/")


async def sign_in(portal: Portal, prefix: str) -> Answer:
    page = await ask(portal, f"{prefix}/")
    form = {"card": CARD, "pin": PIN, "token": page.token("card")}
    return await send(portal, f"{prefix}/card", form)


def passage_in(location: str) -> Passage:
    found = ACCESS_POINTS.passage(location.split("/")[2], NOW)
    assert found is not None
    return found


# --- the whole way --------------------------------------------------------------------------------


async def test_chilli_sends_a_visitor_who_logs_in_and_is_sent_back() -> None:
    guest = FakeGuest(raises=GateUnavailableError())  # nobody asks the gate here
    async with running_portal(guest) as portal:
        prefix = await arrive(portal)
        answer = await sign_in(portal, prefix)
        assert (answer.status, answer.headers["Location"]) == (303, f"{prefix}/status")
        back = await ask(portal, answer.headers["Location"])
    assert guest.calls == [f"card {CARD} {PIN}"]
    assert back.status == 303
    logon = urlsplit(back.headers["Location"])
    assert (logon.scheme, logon.netloc, logon.path) == ("http", "10.1.0.1:3990", "/logon")
    sent = {name: values[0] for name, values in parse_qs(logon.query).items()}
    assert sent["response"] == _answer_to_challenge(sent["username"])
    assert CARD not in back.headers["Location"]
    assert urlsplit(sent["userurl"]).path.startswith("/back/")


def _answer_to_challenge(user_name: str) -> str:
    """Return what chilli expects (src/redir.c): CHAP over the challenge mixed with the secret."""
    password = login_token.password_of(b"l" * 32, user_name.encode(), DEVICE.mac, "chilli", NOW)
    assert password is not None
    challenge = bytes.fromhex(LOGON["challenge"])
    mixed = hashlib.md5(challenge + UAM_SECRET, usedforsecurity=False).digest()
    whole = b"\0" + password.reveal().encode() + mixed
    return hashlib.md5(whole, usedforsecurity=False).hexdigest()


async def test_chilli_says_that_it_let_the_device_in() -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        prefix = await arrive(portal, res="success")
        status = await ask(portal, f"{prefix}/")
    assert "Du är uppkopplad" in status.body
    assert "logout" in status.body


async def led_back(portal: Portal, *more: str) -> str:
    """Log in and return the address with which chilli leads the browser back, in clear."""
    prefix = await arrive(portal)
    front = await ask(portal, f"{prefix}/", *more)
    logon = urlsplit(front.headers["Location"])
    address = urlsplit(parse_qs(logon.query)["userurl"][0])
    assert prefix.removeprefix("/via/") not in front.headers["Location"], "no token goes along"
    return f"{address.path}?{address.query}"


async def test_a_browser_comes_back_once_and_stays() -> None:
    async with running_portal(FakeGuest(session=make_session())) as portal:
        back = await led_back(portal)
        answer = await ask(portal, back)
        assert (answer.status, HEADERS.items() <= answer.headers.items()) == (303, True)
        passage = passage_in(answer.headers["Location"])
        assert (passage.is_inside, passage.is_proved) == (True, True)
        assert "Du är uppkopplad" in (await ask(portal, answer.headers["Location"])).body
        again = await ask(portal, back)
    assert (again.status, "Location" in again.headers) == (403, False)
    assert "Sidan gäller inte längre" in again.body


async def test_what_a_listener_reads_of_the_way_back_is_worth_nothing() -> None:
    """Neither from another address, nor in another browser, nor later, nor in any other place."""
    async with running_portal(FakeGuest(session=make_session())) as portal:
        back = await led_back(portal, "User-Agent: the visitor's")
        reference = back.removeprefix("/back/").partition("?")[0]
        for path in (back, f"/via/{reference}/status", f"/via/{reference.partition('.')[2]}/"):
            answer = await ask(portal, path, "User-Agent: a listener's")
            assert (answer.status, "Location" in answer.headers) == (403, False), path
        elsewhere = Browser("192.0.2.66", "the visitor's")
        assert ACCESS_POINTS.come_back(reference, elsewhere, NOW) is None
        visitor, late = Browser("127.0.0.1", "the visitor's"), NOW + timedelta(seconds=181)
        assert ACCESS_POINTS.come_back(reference, visitor, late) is None
        looked = await ask_head(portal, back, "User-Agent: the visitor's")
        assert looked.status == 403
        answer = await ask(portal, back, "User-Agent: the visitor's")
    assert answer.status == 303, "the visitor is none the worse for it"


@pytest.mark.parametrize(
    "led_to",
    [
        "https://evil.test/back/x",
        "{origin}.evil.test/back/x",
        "{origin}@evil.test/back/x",
        "{origin}/back/../status",
        "{origin}/back//evil.test",
        "{origin}/back/x?lang=sv&to=evil.test",
        "{origin}/back/x\r\nSet-Cookie: a=b",
        "{origin}/status",
        "javascript:alert(1)",
        "",
    ],
)
async def test_a_gateways_word_that_one_is_in_leads_to_our_own_pages_alone(led_to: str) -> None:
    async with running_portal(FakeGuest()) as portal:
        origin = portal.settings.portal_origin
        word = quote(led_to.format(origin=origin))
        answer = await ask(portal, f"/at/annex?tok=00&redir={word}&status=authenticated")
        assert answer.status == 403
        good = f"{origin}/back/AGsJqugVC5xA7La8.McmT_49-k?lang=en"
        query = f"tok=00&redir={quote(good)}"
        led = await ask(portal, f"/at/annex?{query}&status=authenticated")
        assert (led.status, led.headers["Location"]) == (302, good)
        assert (await ask(portal, f"/at/annex?{query}")).status == 403


async def come_back(portal: Portal, led_away: Answer) -> str:
    """Come back from an access point that let the device in; return where that leads."""
    back = urlsplit(parse_qs(led_away.headers["Location"])["redir"][0])
    return (await ask(portal, back.path)).headers["Location"]


async def ask_head(portal: Portal, path: str, *more: str) -> Answer:
    host = f"localhost:{portal.plain_port}"
    return await exchange(portal.plain_port, get(path, host, *more).replace(b"GET", b"HEAD", 1))


async def test_a_device_that_is_online_is_led_in_without_a_login() -> None:
    async with running_portal(FakeGuest(session=make_session())) as portal:
        prefix = await arrive(portal)
        front = await ask(portal, f"{prefix}/")
    assert front.headers["Location"].startswith("http://10.1.0.1:3990/logon?")


async def test_a_refused_login_is_told_with_a_way_on() -> None:
    async with running_portal(FakeGuest(session=make_session())) as portal:
        location = await arrive(portal, res="failed")
        assert location.endswith("/failed")
        page = await ask(portal, location)
        assert "Enheten kom inte ut på nätet" in page.body
        assert 'href="status"' in page.body
        again = await ask(portal, urljoin(location, "status"))
    assert again.headers["Location"].startswith("http://10.1.0.1:3990/logon?")


async def test_an_access_point_that_only_sends_back_does_not_go_round() -> None:
    async with running_portal(FakeGuest(session=make_session())) as portal:
        prefix = await arrive(portal)
        await ask(portal, f"{prefix}/")
        assert (await arrive(portal)).endswith("/failed")
        assert not (await arrive(portal)).endswith("/failed")  # the next one is asked for


async def test_logging_off_ends_the_session_and_a_new_login_is_led_in_again() -> None:
    guest = FakeGuest(session=make_session())
    inside = via(passage_of(told=LOGON, is_inside=True))
    async with running_portal(guest) as portal:
        page = await ask(portal, f"{inside}/status")
        answer = await send(portal, f"{inside}/logout", {"token": page.token("logout")})
        assert guest.calls == ["sign out"]
        assert answer.headers["Location"] == "http://10.1.0.1:3990/logoff"
        prefix = await arrive(portal, res="logoff")
        assert "Du är utloggad" in (await ask(portal, f"{prefix}/")).body
        back = await ask(portal, (await sign_in(portal, prefix)).headers["Location"])
    assert back.headers["Location"].startswith("http://10.1.0.1:3990/logon?")


async def test_where_the_bridge_tells_the_access_point_a_log_off_stays_here() -> None:
    guest = FakeGuest(session=make_session())
    inside = via(passage_of("controller", is_inside=True))
    async with running_portal(guest) as portal:
        page = await ask(portal, f"{inside}/status")
        answer = await send(portal, f"{inside}/logout", {"token": page.token("logout")})
        assert not passage_in(answer.headers["Location"]).is_inside
        await sign_in(portal, answer.headers["Location"].removesuffix("/"))
        page = await ask(portal, urljoin(answer.headers["Location"], "status"))
    assert "Vi kopplar upp din enhet" in page.body


async def test_joining_a_group_leaves_the_device_inside() -> None:
    session = make_session(started_at=NOW - timedelta(minutes=5))
    guest = FakeGuest(session=session)
    inside = via(passage_of(told=LOGON, is_inside=True))
    async with running_portal(guest) as portal:
        page = await ask(portal, f"{inside}/code")
        answer = await send(
            portal, f"{inside}/code", {"code": "408512", "token": page.token("code")}
        )
    assert passage_in(answer.headers["Location"]).is_inside


# --- forms and waiting ----------------------------------------------------------------------------


async def test_a_form_that_names_its_host_takes_the_login_to_the_controller() -> None:
    async with running_portal(FakeGuest(session=make_session())) as portal:
        page = await ask(portal, f"{via(passage_of('controller', told=FORM))}/status")
    assert f'method="post" action="{FORM["switch_url"]}"' in page.body
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.body))
    password = login_token.password_of(
        b"l" * 32, fields["username"].encode(), DEVICE.mac, "controller", NOW
    )
    assert password is not None
    assert fields["password"] == password.reveal()
    assert urlsplit(fields["redirect_url"]).path.startswith("/back/")
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self' https://login.controller.test:443 " in policy
    assert outline_of(page.body).tags.count("button") == 1


async def test_a_form_leads_anywhere_only_from_a_page_where_nothing_is_typed() -> None:
    guest, prefix = FakeGuest(), via(passage_of("controller", told=FORM))
    async with running_portal(guest) as portal:
        typed = await ask(portal, f"{prefix}/")
        guest.session = make_session()
        pressed = await ask(portal, f"{prefix}/")
    policies = [one.headers["Content-Security-Policy"] for one in (typed, pressed)]
    assert ["https: http:" in policy for policy in policies] == [False, True]
    assert 'name="pin"' in typed.body
    assert 'name="pin"' not in pressed.body


async def test_an_access_point_that_the_bridge_tells_is_waited_for() -> None:
    async with running_portal(FakeGuest(session=make_session())) as portal:
        prefix = via(passage_of("controller"))
        page = await ask(portal, f"{prefix}/?redirect_url=http%3A%2F%2Fexample.test%2F")
        assert "Vi kopplar upp din enhet" in page.body
        wait_s, _, location = page.headers["Refresh"].partition("; url=")
        assert 1 <= int(wait_s) <= 5
        assert f'href="{location}"' in page.body  # for who does not want to wait
        status = await ask(portal, location)
    assert "Du är uppkopplad" in status.body
    assert "Refresh" not in status.headers


async def test_a_captive_device_of_the_bridge_sees_the_login_page() -> None:
    async with running_portal(FakeGuest()) as portal:
        page = await ask(portal, f"{via(passage_of('controller'))}/?&redirect_url=http://x.test/")
    assert "Logga in på wifi" in page.body
    assert 'action="card"' in page.body


async def test_the_page_that_looks_again_does_so_under_a_token_too() -> None:
    async with running_portal(FakeGuest()) as portal:
        page = await ask(portal, f"{via(passage_of('controller'))}/wait")
    assert page.headers["Refresh"] == "5"
    assert 'href="../wait/still"' not in page.body
    assert 'href="wait/still"' in page.body


# --- who is believed ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        ("02-00-00-00-00-01", "02-00-00-00-00-02"),
        ("10.1.0.1", "10.9.9.9"),
        ("&md=", "&dm="),
        ("res=notyet", "res=success"),
    ],
)
async def test_what_chilli_did_not_sign_is_not_believed(change: tuple[str, str]) -> None:
    async with running_portal(FakeGuest()) as portal:
        with capture_logs() as logs:
            answer = await ask(portal, chilli_url(portal.plain_port).replace(*change))
    assert answer.status == 403
    assert "Location" not in answer.headers
    assert "Inloggningen gick inte att öppna" in answer.body
    assert logs == [
        {"event": "visitor_not_believed", "reason": "bad_signature", "log_level": "warning"}
    ]


@pytest.mark.parametrize(
    "switch_url",
    [
        "https://evil.test/login.html",
        "https://login.controller.test.evil.test/login.html",
        "https://login.controller.test@evil.test/login.html",
        "https://login.controller.test:8443/login.html",
        "https://login.controller.test/else.html",
        "//evil.test/login.html",
        "javascript:alert(1)",
        "https://login.controller.test/login.html?x=1",
        "https://login.controller.test%2F@evil.test/login.html",
    ],
)
async def test_nobody_is_sent_to_a_host_that_is_not_registered(switch_url: str) -> None:
    path = f"/at/controller?switch_url={switch_url}&client_mac=02:00:00:00:00:01&wlan=Guest"
    async with running_portal(FakeGuest(session=make_session())) as portal:
        answer = await ask(portal, path)
    assert (answer.status, "Location" in answer.headers) == (403, False)
    assert "evil" not in answer.body
    assert "evil" not in str(answer.headers)


async def test_an_address_that_stands_whole_in_the_request_is_read_as_it_stands() -> None:
    async with running_portal(FakeGuest()) as portal:
        whole = f"http://localhost:{portal.plain_port}{chilli_url(portal.plain_port)}"
        answer = await ask(portal, whole)
    assert answer.status == 302
    assert passage_in(answer.headers["Location"]).is_proved


async def test_the_page_speaks_english_too() -> None:
    async with running_portal(FakeGuest()) as portal:
        assert (await ask(portal, "/via")).status == 403
        answer = await ask(portal, "/at/nobody", "Accept-Language: en")
        lost = await ask(portal, "/via/x/", "Accept-Language: en")
    assert "The login page could not be opened" in answer.body
    assert "This page is no longer valid" in lost.body


async def test_a_name_that_is_nobodys_is_refused_like_a_bad_signature() -> None:
    async with running_portal(FakeGuest()) as portal:
        for path in ("/at/nobody?res=notyet", "/at/", "/at/%00", "/at/a/b", "/at/" + "x" * 3000):
            assert (await ask(portal, path)).status == 403


async def test_a_known_access_point_may_name_the_portal_by_its_address() -> None:
    path = f"switch_url={FORM['switch_url']}&client_mac=02:00:00:00:00:01"
    async with running_portal(FakeGuest()) as portal:
        known = await exchange(portal.plain_port, get(f"/at/controller?{path}", "10.1.2.3"))
        other = await exchange(portal.plain_port, get(f"/at/nobody?{path}", "10.1.2.3"))
    assert known.headers["Location"].startswith("https://wifi.library.test/via/")
    assert other.headers["Location"] == "https://wifi.library.test/"  # a probe like any other


async def test_a_portal_without_access_points_has_no_such_pages() -> None:
    async with running_portal(FakeGuest(), access_points=None) as portal:
        assert (await ask(portal, "/at/chilli")).status == 404
        assert (await ask(portal, f"{via(passage_of())}/")).status == 403


async def test_a_visitor_is_led_to_the_encrypted_side() -> None:
    async with running_portal(FakeGuest()) as portal:
        path = f"/at/controller?switch_url={FORM['switch_url']}&client_mac=02:00:00:00:00:01"
        answer = await exchange(portal.plain_port, get(path, "wifi.library.test"))
    assert answer.headers["Location"].startswith("https://wifi.library.test/via/")


# --- the token ------------------------------------------------------------------------------------


class Crowd:
    """Guest services of several devices: each is asked as if it were alone."""

    def __init__(self, *guests: FakeGuest) -> None:
        self.guests = {guest.device.mac: guest for guest in guests if guest.device}

    def around(self) -> Surroundings:
        return Surroundings()

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            device = next(one for one in arguments if isinstance(one, Device))
            return getattr(self.guests[device.mac], name)(*arguments, **named)

        return call

    def site(self, site_id: SiteId) -> Any:
        return next(iter(self.guests.values())).site(site_id)


async def test_two_devices_behind_one_address_are_two() -> None:
    first, second = FakeGuest(), FakeGuest(device=OTHER, number=48)
    async with running_portal(Crowd(first, second)) as portal:  # type: ignore[arg-type]
        mine = await arrive(portal)
        theirs = await arrive(portal, mac="02-00-00-00-00-02")
        assert "Enhet 48" in (await ask(portal, f"{theirs}/")).body
        await sign_in(portal, mine)
        assert first.session is not None
        assert second.session is None
        page = await ask(portal, f"{theirs}/")
    assert "Logga in på wifi" in page.body


async def test_a_form_of_one_device_does_nothing_for_another() -> None:
    first, second = FakeGuest(), FakeGuest(device=OTHER)
    async with running_portal(Crowd(first, second)) as portal:  # type: ignore[arg-type]
        mine = await arrive(portal)
        theirs = await arrive(portal, mac="02-00-00-00-00-02")
        page = await ask(portal, f"{mine}/")
        form = {"card": CARD, "pin": PIN, "token": page.token("card")}
        answer = await send(portal, f"{theirs}/card", form)
    assert answer.status == 200
    assert first.calls == second.calls == []


@pytest.mark.parametrize("method", ["get", "post"])
async def test_a_token_that_is_no_good_leads_to_a_page_that_says_what_to_do(method: str) -> None:
    guest = FakeGuest()
    good = via(passage_of())
    over = f"/via/{ACCESS_POINTS.token(passage_of(), NOW - timedelta(hours=25))}"
    elsewhere = passage_of()
    elsewhere = replace(elsewhere, visit=replace(elsewhere.visit, site_id=SiteId("other")))
    gone = replace(elsewhere, visit=replace(elsewhere.visit, client="sold"))
    async with running_portal(guest) as portal:
        for prefix in ("/via", "/via/", "/via/x", good[:-1], over, via(elsewhere), via(gone)):
            if method == "get":
                answer = await ask(portal, f"{prefix}/card")
            else:
                answer = await send(portal, f"{prefix}/card", {"card": CARD, "pin": PIN})
            assert answer.status == 403
            assert "Stäng av wifi på din enhet och slå på det igen." in answer.body
    assert guest.calls == []


async def test_no_page_under_a_token_leads_out_of_it() -> None:
    prefix = via(passage_of(told=LOGON))
    async with running_portal(FakeGuest()) as portal:
        for path in ("/", "/card", "/help", "/wait", "/wait/still", "/failed", "/v/x", "/nowhere"):
            page = await ask(portal, f"{prefix}{path}?lang=en")
            for target in outline_of(page.body).targets:
                if not target.startswith("#"):
                    assert urljoin(f"{prefix}{path}", target).startswith(f"{prefix}/"), target


async def test_the_api_of_a_gateways_network_is_not_there() -> None:
    async with running_portal(FakeGuest()) as portal:
        answer = await ask(portal, f"{via(passage_of())}/captive-portal/api")
    assert answer.status == 404


async def test_the_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    prefix = via(passage_of(told=LOGON))
    guest = FakeGuest()
    with capture_logs() as logs:
        async with running_portal(guest) as portal:
            await sign_in(portal, prefix)
            await ask(portal, f"{prefix}/status")
            await ask(portal, f"{prefix}x/")
            guest.session, guest.library = None, replace(guest.library, id=SiteId("gone"))
            assert (await ask(portal, f"{prefix}/")).status == 500  # a bug, and it is logged
    assert "AssertionError" in caplog.text
    assert prefix[5:] not in caplog.text
    assert prefix[5:] not in str(logs)


# --- who only says which device it is ---


@pytest.mark.parametrize("path", ["/logout", "/extend", "/forget", "/devices", "/card", "/code"])
async def test_who_knows_an_address_alone_changes_nothing_for_its_owner(path: str) -> None:
    guest = FakeGuest(session=make_session(), can_extend=True, remembered=(make_remembered(),))
    async with running_portal(guest) as portal:
        answer = await send(portal, f"{via(UNPROVED)}{path}", {"card": CARD, "pin": PIN})
    assert answer.status == 303
    assert answer.headers["Location"].endswith("/status")
    assert guest.calls == []


async def test_who_knows_an_address_alone_sees_nothing_of_its_owner() -> None:
    guest = FakeGuest(session=make_session(), remembered=(make_remembered(),))
    inside = via(replace(UNPROVED, is_inside=True))
    async with running_portal(guest) as portal:
        devices = await ask(portal, f"{inside}/devices")
        status = await ask(portal, f"{inside}/status")
    assert devices.headers["Location"].endswith("/status")
    assert "Du är uppkopplad" in status.body
    assert not {"logout", "devices", "forget", "extend"} & set(outline_of(status.body).targets)


async def test_an_access_points_word_that_a_device_is_in_shows_nothing_of_its_visit() -> None:
    """`statusCode=1` is written by whoever writes the address."""
    guest = FakeGuest(session=make_session(ground=Ground.VOUCHER), library=LIBRARY)
    url = "/at/controller?switch_url=https://login.controller.test/login.html"
    async with running_portal(guest) as portal:
        arrived = await ask(portal, f"{url}&client_mac={DEVICE.mac}&statusCode=1")
        page = await ask(portal, arrived.headers["Location"])
        mine = passage_of("controller", is_inside=True, is_proved=False, owns=make_session().id)
        own = await ask(portal, f"{via(mine)}/status")
    assert "Du är uppkopplad" in page.body
    for told in ("19.30", "Enhet 47"):  # the end, and the number that a tutor calls it by
        assert told in own.body
        assert told not in page.body


async def test_who_began_the_session_may_end_it() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        answer = await sign_in(portal, via(UNPROVED))
        passage = passage_in(answer.headers["Location"])
        assert guest.session is not None
        assert passage.owns == guest.session.id
        inside = via(replace(passage, is_inside=True))
        page = await ask(portal, f"{inside}/status")
        await send(portal, f"{inside}/logout", {"token": page.token("logout")})
    assert guest.calls[-1] == "sign out"


async def test_a_passage_of_the_session_before_does_not_own_the_next() -> None:
    guest = FakeGuest(session=make_session(id=UUID(int=7)))
    mine = via(replace(UNPROVED, owns=make_session().id, is_inside=True))
    async with running_portal(guest) as portal:
        answer = await send(portal, f"{mine}/logout", {})
    assert guest.calls == []
    assert answer.headers["Location"].endswith("/status")


async def test_every_refusal_leads_on_under_the_token() -> None:
    refusal = Refused(RefusalReason.CARD_BLOCKED)
    guest = FakeGuest(refusal=refusal, last_end=EndReason.TIME_LIMIT, last_ground=Ground.CARD)
    prefix = via(passage_of(told=LOGON))
    async with running_portal(guest) as portal:
        answer = await sign_in(portal, prefix)
    targets = [t for t in outline_of(answer.body).targets if not t.startswith("#")]
    assert all(urljoin(f"{prefix}/card", t).startswith(f"{prefix}/") for t in targets)


async def type_card(portal: Portal, guest: FakeGuest, number: int, card: str = CARD) -> Answer:
    """Type a card and its PIN, as a device that nobody has seen before."""
    mac = MacAddress(f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}")
    guest.device = Device(mac, DEVICE.site_id)
    prefix = via(replace(UNPROVED, visit=replace(UNPROVED.visit, mac=mac)))
    page = await ask(portal, f"{prefix}/")
    form = {"card": card, "pin": PIN, "token": page.token("card")}
    return await send(portal, f"{prefix}/card", form)


async def test_who_calls_itself_another_device_each_time_guesses_no_more_for_that() -> None:
    guest = FakeGuest(refusal=Refused(RefusalReason.CREDENTIALS_WRONG, attempts_left=2))
    async with running_portal(guest) as portal:
        for number in range(GUESSES.burst):
            await type_card(portal, guest, number, f"2000000000{number:04}")
        assert len(guest.calls) == GUESSES.burst
        answer = await type_card(portal, guest, 999)
        assert len(guest.calls) == GUESSES.burst, "nobody was asked"
        assert "14.31" in answer.body or "15.31" in answer.body, answer.body
        guest.device = DEVICE
        proved = via(passage_of("controller"))
        page = await ask(portal, f"{proved}/")
        form = {"card": CARD, "pin": PIN, "token": page.token("card")}
        await send(portal, f"{proved}/card", form)
        assert len(guest.calls) == GUESSES.burst + 1, "whom the bridge names goes on"


async def test_a_library_behind_one_address_logs_in_as_it_likes() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        for number in range(GUESSES.burst + 20):
            guest.session = None
            assert (await type_card(portal, guest, number)).status == 303
    assert len(guest.calls) == GUESSES.burst + 20


async def test_who_comes_again_and_again_is_asked_to_wait() -> None:
    async with running_portal(FakeGuest()) as portal:
        path = chilli_url(portal.plain_port)
        answers = [(await ask(portal, path)).status for _ in range(ARRIVALS.burst + 1)]
    assert answers == [302] * ARRIVALS.burst + [429]


# --- where the access point lets in whoever brings its answer ---


@pytest.mark.parametrize("path", ["/", "/status", "/card", "/code", "/wait", "/failed"])
async def test_that_a_device_is_online_lets_in_nobody_who_names_it(path: str) -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        page = await ask(portal, f"{via(BEARER)}{path}")
    assert page.status == 200
    assert "10.2.0.1:2050/opennds_auth" not in str(page.headers.get("Location"))
    assert "Du är uppkopplad" not in page.body


async def test_a_device_that_is_online_is_asked_for_a_card_and_then_led_in() -> None:
    guest = FakeGuest(session=make_session(started_at=NOW - timedelta(hours=1)))
    async with running_portal(guest) as portal:
        answer = await sign_in(portal, via(BEARER))
        assert answer.headers["Location"].startswith(AUTH)
        status = await ask(portal, await come_back(portal, answer))
    assert "Du är uppkopplad" in status.body


async def test_a_wrong_pin_is_told_to_who_names_a_device_that_is_online() -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        page = await ask(portal, f"{via(BEARER)}/")
        form = {"card": CARD, "pin": "9999", "token": page.token("card")}
        answer = await send(portal, f"{via(BEARER)}/card", form)
    assert 'name="pin"' in answer.body
    assert "Location" not in answer.headers


@pytest.mark.parametrize("session", [None, make_session()])
async def test_nobody_goes_on_with_the_visit_of_a_device_it_only_names(
    session: Session | None,
) -> None:
    guest = FakeGuest(session=session, may_continue=True)
    async with running_portal(guest) as portal:
        page = await ask(portal, f"{via(BEARER)}/")
        answer = await send(portal, f"{via(BEARER)}/continue", {})
    assert 'action="continue"' not in page.body
    assert answer.headers["Location"] == f"{via(BEARER)}/"
    assert guest.calls == []


@pytest.mark.parametrize("path", ["/logout", "/extend", "/forget", "/devices"])
async def test_nor_changes_what_is_its_owners(path: str) -> None:
    guest = FakeGuest(session=make_session(), can_extend=True, remembered=(make_remembered(),))
    async with running_portal(guest) as portal:
        answer = await send(portal, f"{via(BEARER)}{path}", {})
    assert answer.status == 303
    assert guest.calls == []


async def test_a_room_code_leads_in_and_gives_nothing_of_the_session_that_ran() -> None:
    guest = FakeGuest(session=make_session(started_at=NOW - timedelta(hours=1)))
    guest.library = replace(guest.library, tutoring=True)
    async with running_portal(guest) as portal:
        page = await ask(portal, f"{via(BEARER)}/code")
        form = {"code": "408512", "token": page.token("code")}
        answer = await send(portal, f"{via(BEARER)}/code", form)
        assert answer.headers["Location"].startswith(AUTH)
        inside = await come_back(portal, answer)
        status = await ask(portal, inside)
    assert passage_in(inside).owns is None
    assert not {"logout", "devices", "forget", "extend"} & set(outline_of(status.body).targets)


async def test_an_open_network_asks_nothing_there_either() -> None:
    guest = FakeGuest(session=make_session(ground=Ground.OPEN))
    guest.library = replace(guest.library, login_methods=(LoginMethod.NONE,))
    async with running_portal(guest) as portal:
        answer = await ask(portal, f"{via(BEARER)}/")
    assert answer.headers["Location"].startswith(AUTH)
