"""Remembered devices and "continue" on the pages: the tick, the list, and the way out of it."""

from dataclasses import replace

from portal.domain.session import EndReason, Ground
from portal.domain.site import LoginMethod
from tests.portal.web.portal_under_test import (
    LIBRARY,
    Answer,
    FakeGuest,
    exchange,
    get,
    make_remembered,
    make_session,
    post,
    running_portal,
)

IPHONE = "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)"
CARD = {"card": "20000000000001", "pin": "1234"}


async def send(
    guest: FakeGuest, page: str, action: str, fields: dict[str, str], *headers: str
) -> Answer:
    """Open a page and send its form with that action."""
    async with running_portal(guest) as portal:
        token = (await exchange(portal.plain_port, get(page))).token(action)
        request = post(action, {"token": token, **fields}, "localhost", *headers)
        return await exchange(portal.plain_port, request)


async def shown(guest: FakeGuest, path: str) -> str:
    async with running_portal(guest) as portal:
        answer = await exchange(portal.plain_port, get(path))
    assert answer.status == 200
    return answer.body


async def test_the_box_is_not_ticked_and_nothing_is_remembered_without_it() -> None:
    guest = FakeGuest()
    page = await shown(guest, "/")
    assert 'type="checkbox" value="1" aria-describedby="remember-hint">' in page
    assert (await send(guest, "/", "/card", CARD)).status == 303
    assert guest.calls == ["card 20000000000001 1234"]


async def test_a_tick_remembers_the_kind_of_device() -> None:
    guest = FakeGuest()
    await send(guest, "/", "/card", {**CARD, "remember": "1"}, IPHONE)
    assert guest.calls == ["card 20000000000001 1234", "remember as iPhone"]


async def test_the_tick_stays_over_a_mistake() -> None:
    fields = {"card": CARD["card"], "pin": "0000", "remember": "1"}
    answer = await send(FakeGuest(), "/", "/card", fields)
    assert 'aria-describedby="remember-hint" checked>' in answer.body


async def test_the_status_page_offers_to_stop_remembering() -> None:
    guest = FakeGuest(session=make_session(), remembered=(make_remembered(),))
    assert "Vi kommer ihåg den här enheten" in await shown(guest, "/status")
    answer = await send(guest, "/status", "/forget", {})
    assert (answer.status, answer.headers["Location"]) == (303, "/status")
    assert guest.calls == ["forget here"]
    assert "Vi kommer ihåg den här enheten" not in await shown(guest, "/status")


async def test_the_list_shows_the_cards_devices_and_forgets_each() -> None:
    devices = (make_remembered(1), make_remembered(2, ""))
    guest = FakeGuest(session=make_session(), remembered=devices)
    page = await shown(guest, "/devices")
    assert page.count('action="/devices"') == 2
    assert "iPhone – den här enheten" in page
    assert "Tillagd 22 november 2026. Senast här 23 november 2026." in page
    fields = {"device": str(devices[1].id)}
    answer = await send(guest, "/devices", "/devices", fields)
    assert (answer.status, answer.headers["Location"]) == (303, "/devices")
    assert guest.calls == ["forget 2"]


async def test_nonsense_forgets_nothing() -> None:
    guest = FakeGuest(session=make_session(), remembered=(make_remembered(),))
    assert (await send(guest, "/devices", "/devices", {"device": "1"})).status == 303
    async with running_portal(guest) as portal:
        for action in ("/devices", "/forget"):
            fields = {"token": "x", "device": str(make_remembered().id)}
            assert (await exchange(portal.plain_port, post(action, fields))).status == 303
    assert guest.calls == []


async def test_the_list_is_for_who_showed_the_card_in_this_session() -> None:
    session = make_session(ground=Ground.REMEMBERED)
    guest = FakeGuest(session=session, remembered=(make_remembered(),))
    page = await shown(guest, "/devices")
    assert "iPhone" not in page
    assert "logga in igen med kortet" in page
    assert "/devices" not in await shown(guest, "/status")
    guest.session = None
    async with running_portal(guest) as portal:
        assert (await exchange(portal.plain_port, get("/devices"))).status == 303


async def test_an_empty_list_says_so() -> None:
    page = await shown(FakeGuest(session=make_session()), "/devices")
    assert "Vi kommer inte ihåg någon enhet" in page


async def test_a_visit_that_ran_out_is_continued_by_one_press() -> None:
    guest = FakeGuest(last_end=EndReason.TIME_LIMIT, may_continue=True)
    page = await shown(guest, "/")
    assert "Tryck på Fortsätt" in page
    assert 'class="note"' not in page, "it is said once"
    assert 'action="/card"' in page, "somebody else may hold the device now"
    answer = await send(guest, "/", "/continue", {})
    assert (answer.status, answer.headers["Location"]) == (303, "/status")
    assert guest.calls == ["continue"]


async def test_continue_is_not_offered_where_one_press_does_anyway() -> None:
    press = replace(LIBRARY, login_methods=(LoginMethod.ACCEPT,))
    page = await shown(FakeGuest(library=press, may_continue=True), "/")
    assert 'action="/continue"' not in page


async def test_what_is_offered_no_longer_leads_to_the_ordinary_way() -> None:
    guest = FakeGuest(may_continue=True)
    async with running_portal(guest) as portal:
        token = (await exchange(portal.plain_port, get("/"))).token("/continue")
        guest.may_continue = False
        answer = await exchange(portal.plain_port, post("/continue", {"token": token}))
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        stale = await exchange(portal.plain_port, post("/continue", {"token": "x"}))
        assert 'action="/card"' in stale.body
        assert (await exchange(portal.plain_port, get("/continue"))).status == 200
