"""/rate: "was it easy?", in one press, counted and nothing else."""

from datetime import timedelta

import pytest

from portal.domain.month_help import Answer as Rated
from portal.web.guest.budget import RATINGS, Budget
from tests.portal.web.portal_under_test import (
    NOW,
    FakeGuest,
    Portal,
    exchange,
    get,
    make_session,
    passage_of,
    post,
    running_portal,
    via,
)


async def answer(portal: Portal, said: str, token: str | None = None) -> tuple[int, str]:
    if token is None:
        token = (await exchange(portal.plain_port, get("/status"))).token("/rate")
    told = await exchange(portal.plain_port, post("/rate", {"token": token, "answer": said}))
    return told.status, told.headers.get("Location", told.body)


@pytest.mark.parametrize("said", ["easy", "hard"])
async def test_an_answer_is_counted_by_library_and_thanked_for(said: str) -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        assert await answer(portal, said) == (303, "/status?done=rated")
        page = (await exchange(portal.plain_port, get("/status?done=rated"))).body
    assert guest.ratings == [("city", Rated(said))]
    assert "Tack för ditt svar." in page
    assert "Gick det lätt?" not in page, "asked once"


async def test_a_device_is_heard_once_a_day_and_thanked_each_time() -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        token = (await exchange(portal.plain_port, get("/status"))).token("/rate")
        for _ in range(3):
            assert (await answer(portal, "hard", token))[0] == 303
    assert len(guest.ratings) == 1


@pytest.mark.parametrize("said", ["", "5", "easy,hard", "<b>"])
async def test_only_the_two_answers_count(said: str) -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        assert await answer(portal, said) == (303, "/status")
    assert guest.ratings == []


async def test_an_old_form_leads_back_to_the_question() -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        assert await answer(portal, "easy", "x") == (303, "/status")
    assert guest.ratings == []


async def test_who_is_not_online_is_not_asked_and_not_heard() -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        token = (await exchange(portal.plain_port, get("/status"))).token("/rate")
        guest.session = None
        assert await answer(portal, "easy", token) == (303, "/")
        assert "Gick det lätt?" not in (await exchange(portal.plain_port, get("/"))).body
    assert guest.ratings == []


async def test_an_answer_that_cannot_be_counted_may_be_given_again() -> None:
    guest = FakeGuest(session=make_session(), reports=None)
    async with running_portal(guest) as portal:
        status, page = await answer(portal, "easy")
        assert status == 503
        assert "Du är uppkopplad ändå." in page
        guest.reports = []
        assert (await answer(portal, "easy"))[0] == 303
    assert len(guest.ratings) == 1


async def test_a_visitor_whom_nobody_vouches_for_is_not_asked() -> None:
    guest = FakeGuest(session=make_session())
    path = f"{via(passage_of('controller', is_proved=False, is_inside=True))}/status"
    async with running_portal(guest) as portal:
        assert "Gick det lätt?" not in (await exchange(portal.plain_port, get(path))).body


def test_a_budget_that_is_spent_is_whole_again_the_next_day() -> None:
    budget = Budget(RATINGS)
    assert not budget.is_spent("a", NOW)
    assert budget.allows("a", NOW)
    assert budget.is_spent("a", NOW + timedelta(hours=23))
    assert not budget.is_spent("a", NOW + timedelta(hours=25))
