from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import LoginMethod
from portal.services.outcomes import Online, RefusalReason, Refused, Standing
from tests.portal.web.portal_under_test import (
    LIBRARY,
    NOW,
    FakeGuest,
    exchange,
    get,
    make_session,
    post,
    running_portal,
)

AT = "kl.\N{NO-BREAK SPACE}"


async def page_of(guest: FakeGuest, path: str = "/status") -> str:
    async with running_portal(guest) as portal:
        answer = await exchange(portal.plain_port, get(path))
    assert answer.status == 200
    return answer.body


@pytest.mark.parametrize("path", ["/", "/card", "/connect", "/status", "/extend", "/logout"])
async def test_whatever_is_opened_online_shows_the_status(path: str) -> None:
    body = await page_of(FakeGuest(session=make_session()), path)
    assert '<div role="status">\n<h1>Du är uppkopplad</h1>' in body
    assert "Logga ut" in body


async def test_the_end_by_closing_is_told_without_the_grace() -> None:
    session = make_session(
        ends_because=EndReason.CLOSING_TIME, ends_at=NOW + timedelta(hours=4, minutes=45)
    )
    body = await page_of(FakeGuest(session=session))
    assert f"Du är uppkopplad till {AT}20.00, då biblioteket stänger." in body


async def test_an_end_on_another_day_names_the_day() -> None:
    body = await page_of(FakeGuest(session=make_session(ends_at=NOW + timedelta(hours=21))))
    assert f"Du är uppkopplad till torsdag {AT}12.30." in body


async def test_tutoring_names_no_end() -> None:
    session = make_session(protected_until=NOW + timedelta(minutes=1), ends_at=NOW)
    body = await page_of(FakeGuest(session=session))
    assert "Handledning pågår. Du loggas inte ut." in body
    assert "tar slut" not in body


async def test_a_courtesy_says_that_the_card_is_still_to_be_checked() -> None:
    body = await page_of(FakeGuest(session=make_session(ground=Ground.COURTESY)))
    assert f"Du är uppkopplad ändå, till {AT}19.30." in body
    assert "Vi kontrollerar ditt kort så snart det går." in body
    assert 'action="/extend"' not in body


async def test_an_outage_of_the_internet_is_told_on_every_way_in() -> None:
    words = "Bibliotekets internet ligger nere just nu."
    assert words in await page_of(FakeGuest(internet_is_down=True), "/")
    online = await page_of(FakeGuest(session=make_session(), internet_is_down=True))
    assert words in online
    assert "Du behöver inte logga in igen när det fungerar" in online
    assert words not in await page_of(FakeGuest(session=make_session()))


async def test_closing_time_is_told_under_tutoring_too() -> None:
    """It alone ends what a tutor protects."""
    closing = {"ends_because": EndReason.CLOSING_TIME, "ends_at": NOW + timedelta(minutes=19)}
    session = make_session(protected_until=NOW + timedelta(hours=1), **closing)
    body = await page_of(FakeGuest(session=session))
    assert f"Biblioteket stänger {AT}15.34. Då stängs wifi av." in body
    assert "Du loggas inte ut" not in body
    assert 'href="/code"' not in body


@pytest.mark.parametrize(
    ("minutes", "warned"), [(60, False), (5.01, False), (5, True), (1.2, True), (0.1, True)]
)
async def test_a_limit_warns_five_minutes_ahead(minutes: float, warned: bool) -> None:
    session = make_session(ends_at=NOW + timedelta(minutes=minutes))
    body = await page_of(FakeGuest(session=session, can_extend=True))
    assert ("Din uppkoppling tar slut om" in body) is warned
    assert "Förläng" in body


async def test_closing_warns_with_the_closing_time() -> None:
    session = make_session(ends_because=EndReason.CLOSING_TIME, ends_at=NOW + timedelta(minutes=19))
    body = await page_of(FakeGuest(session=session))
    assert f"Biblioteket stänger {AT}15.34. Då stängs wifi av." in body


async def test_a_guest_from_another_library_is_told_that_ones_closing_time() -> None:
    home = replace(LIBRARY, id=SiteId("branch"), closing_grace=timedelta(0))
    ends_at = NOW + timedelta(minutes=90)
    session = make_session(site_id=home.id, ends_because=EndReason.CLOSING_TIME, ends_at=ends_at)
    assert f"{AT}17.00" in await page_of(FakeGuest(session=session, home=home))


async def test_extending_ten_times_in_a_row() -> None:
    library = replace(LIBRARY, time_limit=timedelta(hours=1))
    guest = FakeGuest(library=library, session=make_session(), can_extend=True)
    async with running_portal(guest) as portal:
        for hour in range(10):
            page = await exchange(portal.plain_port, get("/status"))
            assert "Förläng med 60 minuter" in page.body
            form = {"token": page.token("/extend")}
            answer = await exchange(portal.plain_port, post("/extend", form))
            assert answer.headers["Location"] == "/status?done=extend"
            done = await exchange(portal.plain_port, get("/status?done=extend"))
            assert "Klart. Du är uppkopplad till" in done.body
            assert f"{(20 + hour) % 24:02}.30" in done.body
    assert guest.calls == ["extend"] * 10


async def test_a_press_that_gives_less_than_a_whole_visit_promises_no_minutes() -> None:
    class NearClosing(FakeGuest):
        async def standing(self, device: Device, now: datetime, kind: str = "") -> Standing:
            online = await super().standing(device, now, kind)
            assert isinstance(online, Online)
            return replace(online, extension=timedelta(minutes=40))

    library = replace(LIBRARY, time_limit=timedelta(hours=1))
    body = await page_of(NearClosing(library=library, session=make_session()))
    assert '<button class="go">Förläng</button>' in body


async def test_a_page_loaded_again_near_the_end_warns() -> None:
    session = make_session(ends_at=NOW + timedelta(minutes=3))
    body = await page_of(FakeGuest(session=session, can_extend=True), "/status?done=extend")
    assert "Din uppkoppling tar slut om 3 minuter" in body
    assert "Klart." not in body


async def test_extending_keeps_the_language() -> None:
    guest = FakeGuest(session=make_session(), can_extend=True)
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/status?lang=en"))
        form = {"token": page.token("/extend")}
        answer = await exchange(portal.plain_port, post("/extend?lang=en", form))
    assert answer.headers["Location"] == "/status?lang=en&done=extend"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (RefusalReason.NOT_EXTENDABLE, "biblioteket stänger då"),
        (RefusalReason.SERVICE_DOWN, "gick inte att förlänga"),
    ],
)
async def test_a_refused_extension_is_explained(reason: RefusalReason, words: str) -> None:
    guest = FakeGuest(session=make_session(), can_extend=True, refusal=Refused(reason))
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/status"))
        form = {"token": page.token("/extend")}
        answer = await exchange(portal.plain_port, post("/extend", form))
    assert answer.status == 200
    assert words in answer.body


async def test_extending_after_the_end_leads_to_the_login_page() -> None:
    guest = FakeGuest(session=make_session(), can_extend=True)
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/status"))
        guest.session = None
        form = {"token": page.token("/extend")}
        answer = await exchange(portal.plain_port, post("/extend", form))
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(("ground", "offered"), [(Ground.ACCEPT, True), (Ground.OPEN, False)])
async def test_no_log_out_is_offered_where_the_next_page_lets_in_again(
    ground: Ground, offered: bool
) -> None:
    body = await page_of(FakeGuest(session=make_session(ground=ground)))
    assert ('action="/logout"' in body) is offered


async def test_logging_out_leads_to_the_login_page_that_says_so() -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/status"))
        form = {"token": page.token("/logout")}
        answer = await exchange(portal.plain_port, post("/logout", form))
        again = await exchange(portal.plain_port, post("/logout", form))
        after = await exchange(portal.plain_port, get("/"))
    assert answer.headers["Location"] == again.headers["Location"] == "/"
    assert "Du är utloggad." in after.body


async def test_a_log_out_that_could_not_be_done_is_not_claimed() -> None:
    class Away(FakeGuest):
        async def sign_out(self, device: object, now: object) -> bool:
            assert device
            assert now
            return False

    guest = Away(session=make_session())
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/status"))
        form = {"token": page.token("/logout")}
        answer = await exchange(portal.plain_port, post("/logout", form))
    assert answer.status == 503


@pytest.mark.parametrize("path", ["/extend", "/logout"])
async def test_an_old_form_leads_to_the_status_page(path: str) -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        answer = await exchange(portal.plain_port, post(path, {"token": "old"}))
    assert answer.headers["Location"] == "/status"
    assert guest.calls == []


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (EndReason.TIME_LIMIT, "Din uppkoppling har tagit slut. Logga in"),
        (EndReason.CLOSING_TIME, "Wifi stängdes av när biblioteket stängde. Du kan koppla upp dig"),
        (EndReason.ABSENT, "Därför avslutades uppkopplingen. Logga in"),
        (EndReason.REVOKED, "kortet kunde inte godkännas. Kontrollera kortnumret"),
        (EndReason.REPLACED, "Därför avslutades uppkopplingen här. Logga in igen"),
        (EndReason.LOGGED_OUT, "Du är utloggad."),
    ],
)
async def test_a_returning_guest_is_told_why(end: EndReason, words: str) -> None:
    assert words in await page_of(FakeGuest(last_end=end), "/")


@pytest.mark.parametrize("end", [EndReason.TIME_LIMIT, EndReason.ABSENT, EndReason.REPLACED])
async def test_where_a_press_is_enough_no_log_in_is_asked_for(end: EndReason) -> None:
    library = replace(LIBRARY, login_methods=(LoginMethod.ACCEPT,))
    page = await page_of(FakeGuest(library=library, last_end=end), "/")
    assert "Tryck på Fortsätt" in page
    assert "Logga in" not in page


async def test_who_is_online_can_show_the_device_s_number() -> None:
    body = await page_of(FakeGuest(session=make_session(), number=52))
    assert "Enhetens nummer är 52." in body
    assert "Enhetens nummer" not in await page_of(FakeGuest(session=make_session(), number=None))


@pytest.mark.parametrize("session", [None, make_session()])
async def test_the_desk_learns_the_kind_of_device_and_nothing_else(session: Session | None) -> None:
    guest = FakeGuest(session=session)
    async with running_portal(guest) as portal:
        browser = "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"
        await exchange(portal.plain_port, get("/", "localhost", browser))
    assert set(guest.kinds) == {"iPhone"}
