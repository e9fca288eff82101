"""The page of a QR code on a slip: a GET shows, a press logs in, the token goes nowhere else."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.identity import Subject
from portal.domain.session import EndReason, Ground
from portal.domain.site import LoginMethod
from portal.services.outcomes import RefusalReason, Refused, VoucherOffer
from portal.services.ports import DatabaseUnavailableError
from portal.web.guest.form_token import LIFETIME, Purpose, issue_token
from tests.portal.web.portal_under_test import (
    DEVICE,
    LIBRARY,
    NOW,
    SETTINGS,
    TOKEN,
    Answer,
    FakeGuest,
    Portal,
    exchange,
    get,
    make_offer,
    make_session,
    post,
    running_portal,
)

AT = "kl.\N{NO-BREAK SPACE}"
CODES = replace(LIBRARY, login_methods=(LoginMethod.CARD, LoginMethod.CODE))
PAGE = f"/v/{TOKEN}"


def visitor(offer: VoucherOffer | None = None, **changes: object) -> FakeGuest:
    guest = FakeGuest(library=CODES, offer=offer or make_offer())
    return replace(guest, **changes)  # type: ignore[arg-type]


async def opened(guest: FakeGuest, path: str = PAGE, host: str = "localhost") -> Answer:
    async with running_portal(guest) as portal:
        return await exchange(portal.plain_port, get(path, host))


async def pressed(portal: Portal, path: str = PAGE) -> Answer:
    page = await exchange(portal.plain_port, get(path))
    return await exchange(portal.plain_port, post(path, {"token": page.token(PAGE)}))


@pytest.mark.parametrize(
    "path", [PAGE, PAGE.lower(), PAGE.upper(), f"/V/{TOKEN.lower()}", f"{PAGE}?lang=sv"]
)
async def test_the_page_says_what_the_code_gives_and_has_one_button(path: str) -> None:
    guest = visitor()
    page = await opened(guest, path)
    assert page.status == 200
    assert "Din kod är ifylld. Tryck på Logga in." in page.body
    assert f"Loggar du in nu är du uppkopplad till {AT}19.30." in page.body
    assert "Koden gäller för 1 enhet." in page.body
    assert "Koden räcker" not in page.body
    assert page.body.count("<button") == 1
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.size < 14_000
    assert guest.calls == []
    assert guest.session is None


async def test_closing_time_is_said_without_its_grace_and_a_long_code_with_its_end() -> None:
    closing = {"ends_because": EndReason.CLOSING_TIME, "lasts_until": NOW + timedelta(days=7)}
    offer = replace(make_offer(devices=3), **closing)  # type: ignore[arg-type]
    page = await opened(visitor(offer))
    assert f"uppkopplad till {AT}19.15, då biblioteket stänger." in page.body
    assert f"Koden räcker till 2 december {AT}15.30." in page.body
    assert "Koden gäller för 3 enheter." in page.body


async def test_a_press_logs_in_and_leads_away_from_the_token() -> None:
    guest = visitor()
    async with running_portal(guest) as portal:
        answer = await pressed(portal, PAGE.lower())
    assert (answer.status, answer.headers["Location"]) == (303, "/status")
    assert guest.calls == [f"redeem {TOKEN}"]
    assert guest.session is not None
    assert guest.session.ground is Ground.VOUCHER


async def test_the_language_can_be_changed_and_stays() -> None:
    async with running_portal(visitor()) as portal:
        page = await exchange(portal.plain_port, get(f"{PAGE}?lang=en"))
        assert "Your code is filled in. Press Log in." in page.body
        assert f'href="{PAGE}?lang=sv"' in page.body
        answer = await pressed(portal, f"{PAGE}?lang=en")
    assert answer.headers["Location"] == "/status?lang=en"


async def test_an_old_or_foreign_form_uses_nothing() -> None:
    guest = visitor()
    old = issue_token(SETTINGS.form_key, DEVICE.mac, Purpose.SCAN, NOW - LIFETIME)
    other = issue_token(SETTINGS.form_key, DEVICE.mac, Purpose.CODE, NOW)
    async with running_portal(guest) as portal:
        for token in (old, other, ""):
            answer = await exchange(portal.plain_port, post(PAGE, {"token": token}))
            assert "Tryck på knappen en gång till." in answer.body
        foreign = post(PAGE, {"token": other}, "localhost", "Origin: https://evil.example")
        assert (await exchange(portal.plain_port, foreign)).status == 403
    assert guest.calls == []


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (Refused(RefusalReason.CODE_UNKNOWN), "Vi hittar inte den koden."),
        (
            Refused(RefusalReason.CODE_EXPIRED, valid_until=NOW),
            f"Koden gällde till {AT}15.30. Be personalen om en ny.",
        ),
        (
            Refused(RefusalReason.CODE_EARLY, valid_from=NOW + timedelta(hours=1)),
            f"Koden börjar gälla {AT}16.30.",
        ),
        (Refused(RefusalReason.CODE_FULL, devices=1), "Koden används redan på 1 enhet"),
        (
            Refused(RefusalReason.CODE_OTHER_SITE, site_name="Filialen"),
            "Koden gäller bara på Filialen.",
        ),
        (Refused(RefusalReason.CODE_REVOKED), "Koden är avstängd. Be personalen om en ny."),
    ],
)
async def test_a_code_that_lets_nobody_in_says_why(refused: Refused, words: str) -> None:
    page = await opened(visitor(refusal=refused))
    assert page.status == 200
    assert "<title>Fel: Det gick inte att logga in med koden" in page.body
    assert words in page.body
    assert "<b>47</b>" in page.body
    assert TOKEN not in page.body.replace(f"{PAGE}?lang=", "")


async def test_what_changes_between_the_look_and_the_press_is_told() -> None:
    guest = visitor()
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get(PAGE))
        guest.refusal = Refused(RefusalReason.CODE_FULL, devices=1)
        answer = await exchange(portal.plain_port, post(PAGE, {"token": page.token(PAGE)}))
    assert "Koden används redan på 1 enhet" in answer.body


async def test_a_closed_library_shows_no_number() -> None:
    page = await opened(visitor(refusal=Refused(RefusalReason.CLOSED)))
    assert "Biblioteket är stängt" in page.body
    assert "<b>47</b>" not in page.body


async def test_the_service_being_away_is_told() -> None:
    page = await opened(visitor(refusal=Refused(RefusalReason.SERVICE_DOWN)))
    assert page.status == 503


@pytest.mark.parametrize(
    ("ssid", "words"),
    [
        ("Bibliotek-gast", "Anslut först till nätverket Bibliotek-gast. Skanna sedan koden igen."),
        ("", "Anslut först till bibliotekets nätverk. Skanna sedan koden igen."),
    ],
)
async def test_off_the_librarys_network_it_says_so(ssid: str, words: str) -> None:
    guest = visitor(device=None)
    async with running_portal(guest, replace(SETTINGS, ssid=ssid)) as portal:
        page = await exchange(portal.plain_port, get(PAGE))
        answer = await exchange(portal.plain_port, post(PAGE, {"token": "x"}))
    assert words in page.body
    assert words in answer.body
    assert f'href="{PAGE}"' in page.body
    assert guest.calls == []


async def test_who_is_online_by_this_code_or_under_tutoring_needs_it_not() -> None:
    offer = make_offer()
    mine = make_session(ground=Ground.VOUCHER, subject=offer.voucher.subject)
    tutored = make_session(protected_until=NOW + timedelta(hours=1))
    for session in (mine, tutored):
        page = await opened(visitor(offer, session=session))
        assert "Du är uppkopplad" in page.body
        assert "Din kod är ifylld" not in page.body


async def test_who_is_online_otherwise_may_change_to_the_code() -> None:
    other = make_session(ground=Ground.VOUCHER, subject=Subject(b"o" * 32))
    page = await opened(visitor(session=other))
    assert "Du är redan uppkopplad. Loggar du in gäller koden i stället." in page.body
    refused = await opened(visitor(session=other, refusal=Refused(RefusalReason.CODE_REVOKED)))
    assert "<b>47</b>" not in refused.body


@pytest.mark.parametrize("path", ["/v/", "/v/short", "/v/%22%3E%3Cscript%3E", '/V/"><script>'])
async def test_a_token_that_is_none_is_unknown_and_never_repeated(path: str) -> None:
    page = await opened(visitor(), path)
    assert "Vi hittar inte den koden." in page.body
    assert "script" not in page.body
    assert "short" not in page.body


async def test_the_short_name_leads_there_and_to_no_made_up_address() -> None:
    good = await opened(visitor(), PAGE.lower(), "login.library.test")
    assert good.headers["Location"] == f"http://wifi.library.test{PAGE}"
    bad = await opened(visitor(), "/v/@evil.example", "login.library.test")
    assert bad.headers["Location"] == "http://wifi.library.test/v/"


@pytest.mark.parametrize("problem", [RuntimeError("broken"), DatabaseUnavailableError("away")])
async def test_the_token_is_in_no_log_and_no_error(
    problem: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    guest = visitor()
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get(PAGE))
        guest.raises = problem
        broken = [
            await exchange(portal.plain_port, get(PAGE)),
            await exchange(portal.plain_port, post(PAGE, {"token": page.token(PAGE)})),
        ]
    assert {answer.status for answer in broken} == {500 if type(problem) is RuntimeError else 503}
    assert caplog.records
    for record in caplog.records:
        assert TOKEN not in f"{record.getMessage()} {record.__dict__}".upper()
        assert record.exc_text is None or TOKEN not in record.exc_text
