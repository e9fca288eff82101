"""The page on which a visitor waits for staff: the number, the look again, and the way out."""

from datetime import timedelta

import pytest

from portal.domain.session import Ground
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports import GateUnavailableError
from tests.portal.web.portal_under_test import (
    NOW,
    Answer,
    FakeGuest,
    exchange,
    get,
    make_session,
    post,
    running_portal,
)

PHONE = "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"


async def opened(guest: FakeGuest, path: str = "/wait", *more: str) -> Answer:
    async with running_portal(guest) as portal:
        return await exchange(portal.plain_port, get(path, "localhost", *more))


async def test_the_number_stands_there_and_the_page_looks_again_by_itself() -> None:
    guest = FakeGuest()
    page = await opened(guest, "/wait", PHONE)
    assert page.status == 200
    assert "<b>47</b>" in page.body
    assert "ändras av sig själv när du är uppkopplad" in page.body
    assert page.headers["Refresh"] == "5"
    assert "<script" not in page.body
    assert "<form" not in page.body


async def test_who_waits_is_seen_and_nothing_else_changes() -> None:
    guest = FakeGuest()
    await opened(guest, "/wait", PHONE)
    assert guest.kinds == ["iPhone"]
    assert (guest.calls, guest.session) == ([], None)


async def test_looking_again_can_be_stopped() -> None:
    page = await opened(FakeGuest(), "/wait/still")
    assert "Refresh" not in page.headers
    assert "Sidan ändras inte av sig själv nu." in page.body
    for path in ("/wait/still", "/wait"):
        assert f'href="{path}"' in page.body
    assert 'href="/wait/still"' in (await opened(FakeGuest())).body


@pytest.mark.parametrize("path", ["/wait", "/wait/still"])
async def test_let_in_by_staff_it_leads_to_the_status_page_which_says_so(path: str) -> None:
    session = make_session(ground=Ground.TUTOR, protected_until=NOW + timedelta(minutes=90))
    async with running_portal(FakeGuest(session=session)) as portal:
        answer = await exchange(portal.plain_port, get(path))
        assert (answer.status, answer.headers["Location"]) == (303, "/status?done=letin")
        assert "Refresh" not in answer.headers
        status = await exchange(portal.plain_port, get(answer.headers["Location"]))
        plain = await exchange(portal.plain_port, get("/status"))
    assert "Personalen har släppt in dig." in status.body
    assert "Du är uppkopplad" in status.body
    assert "Refresh" not in status.headers
    assert "Personalen har släppt in dig." not in plain.body


async def test_who_came_in_by_something_else_is_not_told_that_staff_did_it() -> None:
    async with running_portal(FakeGuest(session=make_session())) as portal:
        answer = await exchange(portal.plain_port, get("/wait"))
        assert (answer.status, answer.headers["Location"]) == (303, "/status")
        forged = await exchange(portal.plain_port, get("/status?done=letin"))
    assert "Personalen har släppt in dig." not in forged.body


async def test_it_goes_on_in_the_language_that_was_chosen() -> None:
    page = await opened(FakeGuest(), "/wait?lang=en")
    assert "Wait for staff" in page.body
    assert 'href="/wait/still?lang=en"' in page.body
    assert 'href="/wait?lang=sv"' in page.body
    session = make_session(protected_until=NOW + timedelta(minutes=90))
    answer = await opened(FakeGuest(session=session), "/wait?lang=en")
    assert answer.headers["Location"] == "/status?lang=en&done=letin"


async def test_an_outage_does_not_end_the_waiting() -> None:
    page = await opened(FakeGuest(raises=GateUnavailableError("away")))
    assert (page.status, page.headers["Refresh"]) == (503, "5")
    page = await opened(FakeGuest(number=None, is_certain=False))
    assert (page.status, page.headers["Refresh"]) == (200, "5")
    assert "Prata med personalen." in page.body
    away = FakeGuest(raises=GateUnavailableError("away"))
    assert "Refresh" not in (await opened(away, "/status")).headers


@pytest.mark.parametrize("path", ["/", "/code"])
async def test_the_ways_in_lead_there(path: str) -> None:
    assert (
        '<a class="quiet" href="/wait">Vänta på personalen</a>'
        in (await opened(FakeGuest(), path)).body
    )
    unnumbered = FakeGuest(number=None, is_certain=False)
    assert 'href="/wait"' not in (await opened(unnumbered, path)).body


async def test_so_does_a_page_that_can_only_point_to_staff() -> None:
    refused = Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=NOW + timedelta(minutes=12))
    async with running_portal(FakeGuest(refusal=refused)) as portal:
        form = {"card": "20000000000001", "pin": "0000"}
        form["token"] = (await exchange(portal.plain_port, get("/"))).token("/card")
        answer = await exchange(portal.plain_port, post("/card", form))
    assert 'href="/wait"' in answer.body
