import asyncio
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from portal.domain.site import LoginMethod
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports import DatabaseUnavailableError, GateUnavailableError
from portal.web.guest.budget import FORMS
from portal.web.guest.form_token import LIFETIME, Purpose, issue_token
from tests.portal.web.portal_under_test import (
    DEVICE,
    LIBRARY,
    NOW,
    SETTINGS,
    Answer,
    FakeGuest,
    Portal,
    exchange,
    get,
    make_session,
    post,
    running_portal,
)

CARD, PIN = "20000000000001", "1234"


async def send_card(portal: Portal, *more: str, **fields: str) -> Answer:
    """Open the login page and send its form."""
    page = await exchange(portal.plain_port, get("/"))
    form = {"card": CARD, "pin": PIN, "token": page.token("/card"), **fields}
    return await exchange(portal.plain_port, post("/card", form, "localhost", *more))


async def test_card_and_pin_lead_to_the_status_page() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        answer = await send_card(portal)
        assert (answer.status, answer.headers["Location"]) == (303, "/status")
        status = await exchange(portal.plain_port, get("/status"))
    assert guest.calls == [f"card {CARD} {PIN}"]
    assert "Du är uppkopplad" in status.body


async def test_a_chosen_language_is_carried_through() -> None:
    async with running_portal(FakeGuest()) as portal:
        page = await exchange(portal.plain_port, get("/?lang=en"))
        assert 'action="/card?lang=en"' in page.body
        form = {"card": CARD, "pin": PIN, "token": page.token("/card")}
        answer = await exchange(portal.plain_port, post("/card?lang=en", form))
    assert answer.headers["Location"] == "/status?lang=en"


async def test_a_wrong_pin_keeps_the_card_number_and_never_the_pin() -> None:
    async with running_portal(FakeGuest()) as portal:
        answer = await send_card(portal, pin="98765")
    assert answer.status == 200
    assert "<title>Fel: Logga in på wifi" in answer.body
    assert (
        answer.body.count("Du kan försöka 3 gånger till. Sedan behöver du vänta 15 minuter.") == 2
    )
    assert f'value="{CARD}"' in answer.body
    assert "98765" not in answer.body


async def test_switching_language_after_an_error_keeps_the_card_and_asks_nobody() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        wrong = await send_card(portal, pin="9")
        form = {"card": CARD, "token": wrong.token("/card"), "switch": "1"}
        answer = await exchange(portal.plain_port, post("/card?lang=en", form))
    assert "Log in to Wi-Fi" in answer.body
    assert f'value="{CARD}"' in answer.body
    assert len(guest.calls) == 1


async def test_a_personal_identity_number_is_not_given_back() -> None:
    guest = FakeGuest(refusal=Refused(RefusalReason.CARD_PERSONAL_NUMBER))
    async with running_portal(guest) as portal:
        answer = await send_card(portal, card="19121212-1212")
    assert "19121212" not in answer.body


async def test_every_refusal_renders_in_every_language() -> None:
    for reason in RefusalReason:
        for language in ("sv", "en"):
            guest = FakeGuest(refusal=Refused(reason))
            async with running_portal(guest) as portal:
                answer = await send_card(portal, f"Accept-Language: {language}")
            down = reason is RefusalReason.SERVICE_DOWN
            assert answer.status == (503 if down else 200), reason
            assert f'<html lang="{language}"' in answer.body
            prefix = {"sv": "Fel: ", "en": "Error: "}[language]
            assert f"<title>{prefix}" in answer.body


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "A" * 28,
        "ä" * 28,
        issue_token(SETTINGS.form_key, DEVICE.mac, Purpose.CARD, NOW - LIFETIME),
        issue_token(SETTINGS.form_key, DEVICE.mac, Purpose.ACCEPT, NOW),
        issue_token(bytes(32), DEVICE.mac, Purpose.CARD, NOW),
        issue_token(SETTINGS.form_key, "02:00:00:00:00:02", Purpose.CARD, NOW),  # type: ignore[arg-type]
    ],
)
async def test_a_stale_or_foreign_token_asks_for_the_pin_again(token: str) -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        answer = await send_card(portal, token=token)
        assert answer.status == 200
        assert "Vi har sparat kortnumret" in answer.body
        assert f'value="{CARD}"' in answer.body
        fresh = {"card": CARD, "pin": PIN, "token": answer.token("/card")}
        again = await exchange(portal.plain_port, post("/card", fresh))
    assert again.headers["Location"] == "/status"
    assert guest.calls == [f"card {CARD} {PIN}"]


async def test_a_stale_form_of_a_device_that_is_online_leads_to_status() -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        answer = await exchange(portal.plain_port, post("/card", {"token": "old"}))
    assert answer.headers["Location"] == "/status"


async def test_a_double_submit_is_harmless() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/"))
        form = {"card": CARD, "pin": PIN, "token": page.token("/card")}
        first = await exchange(portal.plain_port, post("/card", form))
        guest.refusal = Refused(RefusalReason.CREDENTIALS_WRONG)  # whatever the service says now
        second = await exchange(portal.plain_port, post("/card", form))
    assert first.headers["Location"] == second.headers["Location"] == "/status"


# T20: another site can make a browser ask, but nothing happens.
@pytest.mark.parametrize("path", ["/card", "/connect", "/extend", "/logout"])
@pytest.mark.parametrize(
    "header",
    [
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Origin: https://evil.example",
        "Origin: http://localhost.evil.example",
        "Origin: https://[::1",
    ],
)
async def test_a_cross_site_post_is_refused(path: str, header: str) -> None:
    guest = FakeGuest()
    purpose = {"/card": Purpose.CARD, "/connect": Purpose.ACCEPT}.get(path, Purpose.SIGN_OUT)
    token = issue_token(SETTINGS.form_key, DEVICE.mac, purpose, NOW)
    async with running_portal(guest) as portal:
        form = {"card": CARD, "pin": PIN, "token": token}
        answer = await exchange(portal.plain_port, post(path, form, "localhost", header))
    assert answer.status == 403
    assert "Det kom från en annan webbplats" in answer.body
    assert guest.calls == []


@pytest.mark.parametrize("path", ["/card", "/connect", "/extend", "/logout"])
async def test_a_cross_site_post_without_browser_headers_lacks_the_token(path: str) -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        answer = await exchange(portal.plain_port, post(path, {"card": CARD, "pin": PIN}))
    assert answer.status in {200, 303}
    assert guest.calls == []


@pytest.mark.parametrize("header", ["Origin: null", "Sec-Fetch-Site: same-origin", "X-A: 1"])
async def test_our_own_form_is_taken(header: str) -> None:
    async with running_portal(FakeGuest()) as portal:
        answer = await send_card(portal, header)
    assert answer.headers["Location"] == "/status"


@pytest.mark.parametrize("path", ["/card", "/connect", "/extend", "/logout", "/status", "/"])
@pytest.mark.parametrize("query", ["", "?card=20000000000001&pin=1234", "?done=extend"])
async def test_a_get_changes_nothing(path: str, query: str) -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        answer = await exchange(portal.plain_port, get(path + query))
    assert answer.status == 200
    assert "Bibliotekskortets nummer" in answer.body
    assert guest.calls == []


# DESIGN of plain HTTP: card and PIN only where nobody can listen.
@pytest.mark.parametrize(
    "host", ["wifi.library.test", "WIFI.library.test:80", "wifi.library.test."]
)
async def test_plain_http_sends_card_login_to_the_encrypted_page(host: str) -> None:
    guest = FakeGuest()
    token = issue_token(SETTINGS.form_key, DEVICE.mac, Purpose.CARD, NOW)
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/", host))
        form = {"card": CARD, "pin": PIN, "token": token}
        sent = await exchange(portal.plain_port, post("/card", form, host))
    for answer in (page, sent):
        assert (answer.status, answer.headers["Location"]) == (303, "https://wifi.library.test/")
    assert guest.calls == []


async def test_plain_http_takes_cards_where_the_site_says_so_and_says_it() -> None:
    guest = FakeGuest(library=replace(LIBRARY, card_login_without_tls=True))
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/", "wifi.library.test"))
        form = {"card": CARD, "pin": PIN, "token": page.token("/card")}
        sent = await exchange(portal.plain_port, post("/card", form, "wifi.library.test"))
    assert "Den här sidan är inte krypterad" in page.body
    assert sent.headers["Location"] == "/status"


# A POST under a short name could lose its connection: no form is ever shown under one.
@pytest.mark.parametrize(
    ("asked", "led_to"),
    [
        ("/", "/"),
        ("/status?lang=en", "/status?lang=en"),
        ("/help?lang=xx&to=https://evil.example", "/help"),
        ("/wp-login.php", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
    ],
)
@pytest.mark.parametrize(
    "host", ["login.library.test", "LOGIN.library.test.", "login.library.test:80"]
)
async def test_a_short_address_leads_to_the_portals_own_name(
    host: str, asked: str, led_to: str
) -> None:
    for guest in (FakeGuest(), FakeGuest(session=make_session())):
        async with running_portal(guest) as portal:
            answer = await exchange(portal.plain_port, get(asked, host))
        assert answer.status == 303
        assert answer.headers["Location"] == f"http://wifi.library.test{led_to}"
        assert answer.headers["Cache-Control"] == "no-store"
        assert guest.addresses == []


async def test_the_own_name_works_over_plain_http_in_both_states() -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        online = await exchange(portal.plain_port, get("/", "wifi.library.test"))
        guest.session = None
        captive = await exchange(portal.plain_port, get("/", "wifi.library.test"))
    assert "Du är uppkopplad" in online.body
    assert captive.headers["Location"] == "https://wifi.library.test/"
    for answer in (online, captive):
        assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("method", [LoginMethod.ACCEPT, LoginMethod.NONE])
async def test_one_press_lets_in_over_plain_http_too(method: LoginMethod) -> None:
    guest = FakeGuest(library=replace(LIBRARY, login_methods=(method,)))
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/", "wifi.library.test"))
        assert "Du behöver inte logga in" in page.body
        form = {"token": page.token("/connect")}
        answer = await exchange(portal.plain_port, post("/connect", form, "wifi.library.test"))
    assert (answer.status, answer.headers["Location"]) == (303, "/status")
    assert guest.calls == ["accept"]


async def test_a_press_on_an_old_page_shows_a_fresh_one() -> None:
    guest = FakeGuest(library=replace(LIBRARY, login_methods=(LoginMethod.ACCEPT,)))
    async with running_portal(guest) as portal:
        answer = await exchange(portal.plain_port, post("/connect", {"token": "old"}))
    assert answer.status == 200
    assert answer.token("/connect")
    assert guest.calls == []


async def test_a_refused_press_is_explained() -> None:
    guest = FakeGuest(
        library=replace(LIBRARY, login_methods=(LoginMethod.ACCEPT,)),
        refusal=Refused(RefusalReason.CLOSED, opens_at=NOW + timedelta(hours=18)),
    )
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/"))
        answer = await exchange(
            portal.plain_port, post("/connect", {"token": page.token("/connect")})
        )
    assert "Wifi öppnar torsdag kl.\N{NO-BREAK SPACE}09.30." in answer.body


@pytest.mark.parametrize("error", [GateUnavailableError(), DatabaseUnavailableError()])
async def test_a_neighbour_away_is_told_plainly_while_probes_go_on(error: Exception) -> None:
    async with running_portal(FakeGuest(raises=error)) as portal:
        page = await exchange(portal.plain_port, get("/"))
        sent = await exchange(portal.plain_port, post("/card", {"card": CARD}))
        probe = await exchange(portal.plain_port, get("/generate_204", "a.example"))
    for answer in (page, sent):
        assert answer.status == 503
        assert "Om du redan är uppkopplad fortsätter det att fungera" in answer.body
    assert probe.status == 302


async def test_a_neighbour_that_never_answers_is_not_waited_for() -> None:
    settings = replace(SETTINGS, answer_timeout_s=0.05)

    class Silent(FakeGuest):
        async def identify(self, ip: str) -> None:
            await super().identify(ip)
            await _for_ever()

    async with running_portal(Silent(), settings) as portal:
        answer = await exchange(portal.plain_port, get("/"))
    assert answer.status == 503


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def test_a_bug_ends_in_a_plain_page_and_the_next_guest_is_served() -> None:
    guest = FakeGuest(raises=RuntimeError("a bug"))
    async with running_portal(guest) as portal:
        broken = await exchange(portal.plain_port, get("/"))
        guest.raises = None
        well = await exchange(portal.plain_port, get("/"))
    assert broken.status == 500
    assert "Inloggningen fungerar inte just nu" in broken.body
    assert "a bug" not in broken.body
    assert well.status == 200


async def test_an_address_off_the_guest_networks_gets_help() -> None:
    async with running_portal(FakeGuest(device=None)) as portal:
        page = await exchange(portal.plain_port, get("/"))
        sent = await exchange(portal.plain_port, post("/card", {"card": CARD, "pin": PIN}))
    for answer in (page, sent):
        assert answer.status == 200
        assert "Du är inte på bibliotekets nät" in answer.body


# T56: who asks is the connection's address, whatever the headers say.
@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "True-Client-IP", "X-Client-IP"],
)
async def test_proxy_headers_are_ignored(header: str) -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        await exchange(portal.plain_port, get("/", "localhost", f"{header}: 192.0.2.9"))
    assert guest.addresses == ["127.0.0.1"]


# T14: nothing typed becomes markup.
XSS = [
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onfocus="alert(1)" autofocus="',
    "</title><svg onload=alert(1)>",
    "</style><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{7*7}}",
    "{% raw %}",
    "\N{RIGHT-TO-LEFT OVERRIDE}<b>",
    "<!--",
    "]]><x>",
    "\0<script>",
    "＜script＞",
]


@pytest.mark.parametrize("payload", XSS)
async def test_nothing_typed_becomes_markup(payload: str) -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        answers = [
            await send_card(portal, card=payload),
            await send_card(portal, card=payload, token=payload),
            await send_card(portal, pin=payload, switch=payload, lang=payload),
        ]
        for name in ("lang", "done", "card", "token", "next", "url"):
            target = f"/?{name}={quote(payload)}"
            answers.append(await exchange(portal.plain_port, get(target)))
            answers.append(await exchange(portal.plain_port, get(f"/{quote(payload)}")))
    for answer in answers:
        for needle in ("<script", "<img", "<svg onload", "<b>\n", 'onfocus="alert', "49"):
            assert needle not in answer.body.replace("<b>47", "")
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_device_that_posts_without_end_is_refused_and_probes_are_not() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        form = {"card": CARD, "pin": "0000", "token": "old"}
        statuses = [
            (await exchange(portal.plain_port, post("/card", form))).status
            for _ in range(FORMS.burst + 1)
        ]
        refused = await exchange(portal.plain_port, post("/logout", form))
        page = await exchange(portal.plain_port, get("/"))
        probe = await exchange(portal.plain_port, get("/generate_204", "example.com"))
        posted = await exchange(portal.plain_port, post("/generate_204", {}, "example.com"))
    assert statuses == [200] * FORMS.burst + [429]
    assert (refused.status, refused.headers["Retry-After"]) == (429, "60")
    assert refused.headers["Connection"] == "close"
    assert (page.status, probe.status, posted.status) == (200, 302, 303)
