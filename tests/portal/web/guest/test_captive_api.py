import json
from datetime import timedelta

import pytest

from portal.services.ports import GateUnavailableError
from tests.portal.web.portal_under_test import (
    NOW,
    Answer,
    FakeGuest,
    exchange,
    get,
    make_session,
    running_portal,
)

PATH = "/captive-portal/api"


async def ask(guest: FakeGuest, accept: str | None = "application/captive+json") -> Answer:
    more = [] if accept is None else [f"Accept: {accept}"]
    async with running_portal(guest) as portal:
        return await exchange(portal.plain_port, get(PATH, "localhost", *more))


async def test_captive() -> None:
    answer = await ask(FakeGuest())
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/captive+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Vary"] == "Accept"
    assert len(answer.body) <= 4096
    assert json.loads(answer.body) == {
        "captive": True,
        "user-portal-url": "https://wifi.library.test/",
        "x-android-use-custom-tabs": 361335020,
    }


async def test_online() -> None:
    session = make_session(ends_at=NOW + timedelta(seconds=3600.9))
    answer = await ask(FakeGuest(session=session, can_extend=True))
    assert json.loads(answer.body) == {
        "captive": False,
        "user-portal-url": "https://wifi.library.test/",
        "venue-info-url": "https://wifi.library.test/status",
        "can-extend-session": True,
        "seconds-remaining": 3600,
        "x-android-use-custom-tabs": 361335020,
    }


async def test_a_session_under_tutoring_has_its_real_end() -> None:
    until = NOW + timedelta(hours=2)
    session = make_session(ends_at=NOW + timedelta(hours=1), protected_until=until)
    answer = await ask(FakeGuest(session=session))
    assert json.loads(answer.body)["seconds-remaining"] == 7200


async def test_an_end_that_is_due_is_never_negative() -> None:
    answer = await ask(FakeGuest(session=make_session(ends_at=NOW - timedelta(seconds=2))))
    assert json.loads(answer.body)["seconds-remaining"] == 0


async def test_an_address_the_gate_does_not_know_is_captive() -> None:
    assert json.loads((await ask(FakeGuest(device=None))).body)["captive"] is True


async def test_it_follows_every_change() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        for session in (None, make_session(), None):
            guest.session = session
            answer = await exchange(portal.plain_port, get(PATH))
            assert json.loads(answer.body)["captive"] is (session is None)


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        "application/captive+json",
        "application/capport+json",
        "application/json",
        "text/html;q=0.1, application/captive+json",
    ],
)
async def test_clients_of_the_api_get_json(accept: str | None) -> None:
    assert (await ask(FakeGuest(), accept)).status == 200


async def test_a_browser_is_sent_to_the_page_for_people() -> None:
    answer = await ask(FakeGuest(), "text/html,application/xhtml+xml,*/*;q=0.8")
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert answer.headers["Vary"] == "Accept"


async def test_over_plain_http_it_sends_to_the_encrypted_one() -> None:
    async with running_portal(FakeGuest()) as portal:
        answer = await exchange(portal.plain_port, get(PATH, "wifi.library.test"))
    assert answer.headers["Location"] == f"https://wifi.library.test{PATH}"


async def test_no_answer_is_better_than_a_wrong_one() -> None:
    answer = await ask(FakeGuest(raises=GateUnavailableError()))
    assert answer.status == 503
    assert "captive+json" not in answer.headers["Content-Type"]


async def test_a_device_that_nobody_could_look_up_is_not_called_captive() -> None:
    """The database is away and the portal was just restarted: the probes tell the truth."""
    answer = await ask(FakeGuest(is_certain=False))
    assert answer.status == 503
    assert "captive" not in answer.headers["Content-Type"]
