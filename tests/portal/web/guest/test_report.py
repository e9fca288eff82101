"""/report: what a guest can say, what goes with it, and what never does. And messages on pages."""

from datetime import timedelta

import pytest

from portal.domain.fault_report import FaultKind
from portal.domain.identity import SiteId
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports import DatabaseUnavailableError, GateUnavailableError
from portal.web.guest.report import browser_family
from tests.portal.web.portal_under_test import (
    NOW,
    Answer,
    FakeGuest,
    Portal,
    exchange,
    get,
    make_notice,
    make_session,
    passage_of,
    post,
    running_portal,
    via,
)

FIREFOX = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def page(guest: FakeGuest, path: str) -> Answer:
    async with running_portal(guest) as portal:
        return await exchange(portal.plain_port, get(path))


async def send(portal: Portal, fields: dict[str, str], opened: str = "/report") -> Answer:
    token = (await exchange(portal.plain_port, get(opened))).token("/report")
    request = post("/report", {"token": token, **fields}, "localhost", FIREFOX)
    return await exchange(portal.plain_port, request)


async def test_a_guest_reports_in_two_presses_and_is_given_a_number() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        answer = await send(portal, {"kind": "slow"})
        assert (answer.status, answer.headers["Location"]) == (303, "/report?number=42")
        thanks = await exchange(portal.plain_port, get("/report?number=42"))
    assert "Den har nummer 42." in thanks.body
    assert guest.reports == [("city", FaultKind.SLOW, {"browsers": "Firefox"})]


async def test_what_failed_goes_with_it_and_is_chosen_already() -> None:
    guest = FakeGuest(refusal=Refused(RefusalReason.CARD_BLOCKED))
    async with running_portal(guest) as portal:
        token = (await exchange(portal.plain_port, get("/"))).token("/card")
        fields = {"token": token, "card": "20000000000001", "pin": "1234"}
        refused = await exchange(portal.plain_port, post("/card", fields))
        assert 'href="/report?failed=card.blocked"' in refused.body
        form = await exchange(portal.plain_port, get("/report?failed=card.blocked"))
        assert 'value="not_in" checked' in form.body
        await send(portal, {"kind": "not_in", "failed": "card.blocked"})
    told = {"browsers": "Firefox", "failed": "card.blocked"}
    assert guest.reports == [("city", FaultKind.NOT_IN, told)]


async def test_nothing_that_somebody_writes_gets_into_it() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        fields = {"kind": "other", "failed": "Kim Larsson 20000000000001", "words": "Kim Larsson"}
        await send(portal, fields)
        form = (await exchange(portal.plain_port, get("/report?failed=<b>Kim"))).body
    assert "Kim" not in form
    assert "textarea" not in form
    assert 'type="text"' not in form
    assert guest.reports == [("city", FaultKind.OTHER, {"browsers": "Firefox"})]


@pytest.mark.parametrize("kind", ["", "nobody_in", "all"])
async def test_without_a_choice_nothing_is_sent(kind: str) -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        answer = await send(portal, {"kind": kind})
    assert "Välj det som stämmer bäst" in answer.body
    assert 'href="#kind-not_in"' in answer.body
    assert guest.reports == []


async def test_an_old_form_comes_back_with_its_choice() -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        request = post("/report", {"token": "x", "kind": "slow"})
        answer = await exchange(portal.plain_port, request)
    assert answer.status == 200
    assert 'value="slow" checked' in answer.body
    assert guest.reports == []


async def test_a_device_reports_three_times_and_then_waits() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        for _ in range(3):
            assert (await send(portal, {"kind": "slow"})).status == 303
        late = await send(portal, {"kind": "slow"})
    assert "Vi har fått dina rapporter" in late.body
    assert guest.reports is not None
    assert len(guest.reports) == 3


async def test_one_that_cannot_be_written_gets_no_number() -> None:
    async with running_portal(FakeGuest(reports=None)) as portal:
        answer = await send(portal, {"kind": "slow"})
    assert answer.status == 503
    assert "Berätta för personalen" in answer.body


@pytest.mark.parametrize("error", [GateUnavailableError(), DatabaseUnavailableError()])
async def test_with_a_neighbour_away_a_guest_is_told_so(error: Exception) -> None:
    assert (await page(FakeGuest(raises=error), "/report")).status == 503


async def test_nobody_reports_from_elsewhere() -> None:
    async with running_portal(FakeGuest(device=None)) as portal:
        answer = await exchange(portal.plain_port, post("/report", {"kind": "slow"}))
    assert "Du är inte på bibliotekets" in answer.body or answer.status == 200
    assert portal.guest.reports == []


async def test_behind_an_access_point_the_page_stands_under_its_token() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        path = f"{via(passage_of())}/report"
        form = await exchange(portal.plain_port, get(path))
        fields = {"token": form.token("report"), "kind": "slow"}
        answer = await exchange(portal.plain_port, post(path, fields))
    assert answer.status == 303
    assert answer.headers["Location"].endswith("/report?number=42")


@pytest.mark.parametrize("path", ["/", "/status", "/help", "/wait"])
async def test_the_way_there_is_on_every_page(path: str) -> None:
    assert 'href="/report' in (await page(FakeGuest(), path)).body


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        (FIREFOX, "Firefox"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36", "Chrome"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge"),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605 Version/18.1 Safari/605.1.15", "Safari"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605 Version/18.1 Mobile Safari/604.1", "Safari"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1) AppleWebKit/605 Mobile/15", "iOS login window"),
        ("Mozilla/5.0 (Linux; Android 14; wv) Chrome/130.0 Mobile", "Android login window"),
        ("Mozilla/5.0 (Linux; Android 14) SamsungBrowser/27.0 Chrome/125.0", "Samsung Internet"),
        ("Kim Larsson's own browser", "other"),
        ("", "other"),
    ],
)
def test_a_browser_is_one_of_few_kinds(agent: str, family: str) -> None:
    assert browser_family(agent) == family


# --- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/status", "/code", "/wait", "/help", "/report"])
async def test_a_message_is_on_every_page(path: str) -> None:
    body = (await page(FakeGuest(notices=(make_notice(),)), path)).body
    assert '<p lang="sv">Wifi är avstängt i natt' in body


async def test_a_message_is_in_the_readers_language_and_cannot_do_anything() -> None:
    notice = make_notice(en="<script>alert(1)</script> & more")
    body = (await page(FakeGuest(notices=(notice,)), "/?lang=en")).body
    assert '<p lang="en">&lt;script&gt;alert(1)&lt;/script&gt; &amp; more' in body


async def test_a_message_of_another_library_or_time_is_not_shown() -> None:
    guest = FakeGuest(
        notices=(
            make_notice(site_id=SiteId("branch")),
            make_notice(from_at=NOW + timedelta(seconds=1)),
            make_notice(until_at=NOW),
        )
    )
    assert "avstängt" not in (await page(guest, "/")).body


async def test_who_would_use_a_card_is_told_that_cards_cannot_be_checked() -> None:
    body = (await page(FakeGuest(library_is_away=True), "/")).body
    assert "Vi kan inte kontrollera bibliotekskort just nu" in body
    assert 'name="pin"' in body, "and may try all the same"
