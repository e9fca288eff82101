"""The page of the code of the day: a GET shows, a press within ten minutes logs in, here only."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.day_code import GOOD_FOR
from portal.domain.identity import SiteId
from portal.domain.session import EndReason
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports import DatabaseUnavailableError
from portal.web.guest.form_token import Purpose, issue_token
from tests.portal.web.portal_under_test import (
    DAY_CODE,
    DEVICE,
    LIBRARY,
    NOW,
    SETTINGS,
    Answer,
    FakeGuest,
    exchange,
    get,
    make_session,
    post,
    running_portal,
)

AT = "kl.\N{NO-BREAK SPACE}"
PAGE = f"/day/{DAY_CODE}"


async def opened(guest: FakeGuest, path: str = PAGE, host: str = "localhost") -> Answer:
    async with running_portal(guest) as portal:
        return await exchange(portal.plain_port, get(path, host))


async def pressed(guest: FakeGuest, token: str) -> Answer:
    async with running_portal(guest) as portal:
        return await exchange(portal.plain_port, post("/day", {"token": token}))


def token_at(site: SiteId = LIBRARY.id, age: timedelta = timedelta(0)) -> str:
    return issue_token(SETTINGS.form_key, DEVICE.mac, Purpose.DAY.at(site), NOW - age)


@pytest.mark.parametrize("path", [PAGE, PAGE.upper(), f"{PAGE}?lang=sv"])
async def test_the_page_says_until_when_and_has_one_button(path: str) -> None:
    guest = FakeGuest()
    page = await opened(guest, path)
    assert page.status == 200
    assert "Tryck på Logga in så är du uppkopplad." in page.body
    assert f"Loggar du in nu är du uppkopplad till {AT}19.30." in page.body
    assert page.body.count("<button") == 1
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.size < 14_000
    assert guest.calls == []
    assert guest.session is None


async def test_a_press_logs_in_and_its_address_holds_no_code() -> None:
    guest = FakeGuest()
    page = await opened(guest)
    answer = await pressed(guest, page.token("/day"))
    assert (answer.status, answer.headers["Location"]) == (303, "/status")
    assert guest.calls == ["day code"]


async def test_the_button_stays_good_for_ten_minutes() -> None:
    guest = FakeGuest()
    late = await pressed(guest, token_at(age=GOOD_FOR))
    assert "Koden på skärmen har bytts" in late.body
    assert guest.calls == []
    in_time = await pressed(guest, token_at(age=GOOD_FOR - timedelta(seconds=1)))
    assert in_time.status == 303


@pytest.mark.parametrize(
    "token",
    [
        "",
        token_at(SiteId("another")),
        issue_token(SETTINGS.form_key, DEVICE.mac, Purpose.DAY, NOW),
        issue_token(SETTINGS.form_key, DEVICE.mac, Purpose.SCAN, NOW),
    ],
)
async def test_a_page_of_another_site_or_of_another_kind_lets_nobody_in(token: str) -> None:
    guest = FakeGuest()
    answer = await pressed(guest, token)
    assert answer.status == 200
    assert "Skanna koden som står på skärmen nu." in answer.body
    assert guest.calls == []


@pytest.mark.parametrize("path", ["/day/1111111111", "/day/", "/day/x", "/day/" + "1" * 2000])
async def test_an_old_code_asks_for_the_one_on_the_screen(path: str) -> None:
    guest = FakeGuest()
    page = await opened(guest, path)
    assert page.status == 200
    assert "Koden på skärmen har bytts" in page.body
    assert "<b>47</b>" in page.body
    assert page.size < 14_000
    assert guest.session is None


async def test_away_from_the_library_the_page_says_to_join_first() -> None:
    page = await opened(FakeGuest(device=None))
    assert "Du är inte på bibliotekets nät" in page.body
    assert "Skanna sedan koden igen." in page.body


async def test_who_is_online_sees_that() -> None:
    page = await opened(FakeGuest(session=make_session()))
    assert "Du är uppkopplad" in page.body


async def test_the_first_of_two_presses_is_enough() -> None:
    guest = FakeGuest(session=make_session(), refusal=Refused(RefusalReason.CLOSED))
    answer = await pressed(guest, token_at())
    assert (answer.status, answer.headers["Location"]) == (303, "/status")


async def test_a_closed_library_says_when_it_opens() -> None:
    closed = Refused(RefusalReason.CLOSED, opens_at=NOW + timedelta(days=1))
    for answer in (
        await opened(FakeGuest(refusal=closed)),
        await pressed(FakeGuest(refusal=closed), token_at()),
    ):
        assert "Biblioteket är stängt" in answer.body
        assert "<b>47</b>" not in answer.body


async def test_closing_time_is_said_without_its_grace() -> None:
    class UntilClosing(FakeGuest):
        async def day_code(self, *asked: object) -> object:  # type: ignore[override]
            answer = await super().day_code(*asked)  # type: ignore[arg-type]
            return replace(answer, ends_because=EndReason.CLOSING_TIME)  # type: ignore[type-var]

    page = await opened(UntilClosing())
    assert f"uppkopplad till {AT}19.15, då biblioteket stänger." in page.body


async def test_a_short_name_leads_to_the_portals_own_with_the_code() -> None:
    answer = await opened(FakeGuest(), PAGE.upper(), "login.library.test")
    assert answer.headers["Location"] == f"http://wifi.library.test{PAGE}"


async def test_a_reload_after_the_press_is_the_front_page() -> None:
    page = await opened(FakeGuest(), "/day")
    assert "Bibliotekskortets nummer" in page.body


async def test_the_language_can_be_changed_on_the_page() -> None:
    page = await opened(FakeGuest())
    assert f'href="{PAGE}?lang=en"' in page.body
    english = await opened(FakeGuest(), f"{PAGE}?lang=en")
    assert "Press Log in to go online." in english.body


async def test_no_code_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    page = await opened(FakeGuest(raises=DatabaseUnavailableError("away")))
    assert page.status == 503
    assert DAY_CODE not in caplog.text
