"""Courtesy access while the library system is away, and the check of the card afterwards.

Failure direction: without the site's wish, without memory for the card, a second time a day or
with the database away, the guest is refused as before; a card that is not good ends the session.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import WhenDown
from portal.domain.verification import Verification
from portal.services import courtesy as courtesy_module
from portal.services.courtesy import Courtesy
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Captive, RefusalReason, Refused
from portal.storage.courtesy import PostgresCourtesies
from portal.storage.database import Database
from tests.portal.services.fakes import FakeGate, FakeLibrary

MAIN = SiteId("main")
GOOD, WRONG = ("20000000000001", "1234"), ("20000000000001", "9999")
MINUTE = timedelta(minutes=1)
AWAY = Verification.UNAVAILABLE
REFUSED = Refused(RefusalReason.LIBRARY_SYSTEM_DOWN)


def device(number: int) -> Device:
    return Device(MacAddress(f"02:00:00:00:00:{number:02x}"), MAIN)


class Desk:
    """A portal at a library that gives courtesy, with its library system away."""

    def __init__(self, doors: Doors, database: Database, now: datetime) -> None:
        main = doors.sites[MAIN]
        kind = replace(main, library_down=WhenDown.COURTESY, devices_per_card=2)
        self.doors = replace(doors, sites={**doors.sites, MAIN: kind})
        self.database = database
        self.now = now
        self.restart()

    def restart(self) -> None:
        self.courtesy = Courtesy(self.doors, PostgresCourtesies(self.database))
        self.guest = GuestService(self.doors, courtesy=self.courtesy)

    async def sign_in(self, number: int, typed: tuple[str, str] = GOOD) -> Admitted | Refused:
        card, pin = map(Secret, typed)
        return await self.guest.sign_in_with_card(device(number), card, pin, self.now)

    async def let_in(self, number: int, typed: tuple[str, str] = GOOD) -> Session:
        outcome = await self.sign_in(number, typed)
        assert isinstance(outcome, Admitted), outcome
        assert outcome.session.ground is Ground.COURTESY
        return outcome.session

    async def check(self) -> None:
        await self.courtesy.check_waiting(self.now)

    async def session(self, number: int) -> Session | None:
        return await self.doors.sessions.find(device(number).mac)

    async def count(self, sql: str) -> int:
        row = await self.database.fetch_row(sql)
        assert row is not None
        return int(row["count"])


@pytest.fixture
def desk(doors: Doors, database: Database, library: FakeLibrary, now: datetime) -> Desk:
    library.answer = AWAY
    return Desk(doors, database, now)


async def test_a_site_that_does_not_wish_it_refuses(
    doors: Doors, database: Database, library: FakeLibrary, now: datetime
) -> None:
    library.answer = AWAY
    guest = GuestService(doors, courtesy=Courtesy(doors, PostgresCourtesies(database)))
    assert await guest.sign_in_with_card(device(1), *map(Secret, GOOD), now) == REFUSED


async def test_a_good_card_goes_on_as_an_ordinary_session(
    desk: Desk, library: FakeLibrary, gate: FakeGate
) -> None:
    given = await desk.let_in(1)
    assert given.ends_at == desk.now + 60 * MINUTE
    assert given.subject is None
    await desk.check()
    assert await desk.session(1) == given, "nothing changes while nobody can be asked"
    assert library.asked[GOOD[0]] == 1, "and the card is not used to find that out"
    library.answer = None
    desk.now += 10 * MINUTE
    await desk.check()
    session = await desk.session(1)
    assert session is not None
    assert (session.id, session.ground) == (given.id, Ground.CARD)
    assert session.subject == desk.doors.keys.card(Secret(GOOD[0]), desk.now)
    assert session.ends_because is EndReason.CLOSING_TIME
    assert gate.devices[session.mac] == (session.ends_at - desk.now).total_seconds()
    assert desk.courtesy.waiting == 0
    assert await desk.count("SELECT count(*) FROM sign_in_attempt WHERE outcome = 'ok'") == 1
    assert await desk.count("SELECT count(*) FROM known_device") == 1


@pytest.mark.parametrize(
    ("answer", "written"),
    [
        (None, "bad_credentials"),
        (Verification.BLOCKED, "blocked"),
        (Verification.EXPIRED, "expired"),
    ],
)
async def test_a_card_that_is_not_good_ends_the_session(
    answer: Verification | None,
    written: str,
    desk: Desk,
    library: FakeLibrary,
    gate: FakeGate,
) -> None:
    await desk.let_in(1, WRONG)
    library.answer = answer
    await desk.check()
    assert await desk.session(1) is None
    assert gate.devices == {}
    standing = await desk.guest.standing(device(1), desk.now)
    assert isinstance(standing, Captive)
    assert standing.last_end is EndReason.REVOKED
    row = await desk.database.fetch_row("SELECT outcome FROM sign_in_attempt")
    assert row is not None
    assert row["outcome"] == written


async def test_a_wrong_pin_counts_from_the_beginning(desk: Desk, library: FakeLibrary) -> None:
    """Devices without number guess no more than without courtesy: three a day and card."""
    for number in range(1, 4):
        await desk.let_in(number, WRONG)
    desk.now += MINUTE  # the attempts are no longer being checked: they count
    assert await desk.sign_in(5, WRONG) == Refused(RefusalReason.TOO_MANY_ATTEMPTS)
    library.answer = None
    await desk.check()
    assert library.wrong[WRONG[0]] == 3
    assert await desk.sign_in(6) == Refused(RefusalReason.TOO_MANY_ATTEMPTS)


@pytest.mark.parametrize("typed", [GOOD, WRONG])
async def test_a_device_is_remembered_when_its_card_is_good(
    typed: tuple[str, str], desk: Desk, library: FakeLibrary
) -> None:
    card, pin = map(Secret, typed)
    await desk.guest.sign_in_with_card(device(1), card, pin, desk.now, remember_as="iPhone")
    assert await desk.guest.remembered_here(device(1), desk.now) is None
    library.answer = None
    await desk.check()
    known = await desk.guest.remembered_here(device(1), desk.now)
    assert (known is not None) == (typed == GOOD)


async def test_one_courtesy_a_day(desk: Desk) -> None:
    await desk.let_in(1)
    await desk.guest.sign_out(device(1), desk.now)
    assert await desk.sign_in(1) == REFUSED
    desk.restart()
    assert await desk.sign_in(1) == REFUSED, "whatever the portal remembers"
    desk.now += timedelta(days=1)
    await desk.let_in(1)


async def test_no_memory_no_courtesy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy_module, "MOST_WAITING", 1)
    await desk.let_in(1)
    assert await desk.sign_in(2) == REFUSED


async def test_who_logs_out_is_forgotten(desk: Desk, library: FakeLibrary) -> None:
    await desk.let_in(1)
    await desk.guest.sign_out(device(1), desk.now)
    library.answer = None
    await desk.check()
    assert desk.courtesy.waiting == 0
    assert library.asked[GOOD[0]] == 1


async def test_the_card_is_forgotten_when_the_time_is_over(desk: Desk) -> None:
    await desk.let_in(1)
    desk.now += 60 * MINUTE
    await desk.check()
    assert desk.courtesy.waiting == 0


async def test_a_portal_that_restarted_lets_the_session_end_on_time(
    desk: Desk, library: FakeLibrary
) -> None:
    given = await desk.let_in(1)
    desk.restart()
    library.answer = None
    await desk.check()
    assert await desk.session(1) == given


async def test_places_per_card_hold(desk: Desk, library: FakeLibrary, gate: FakeGate) -> None:
    for number in (1, 2, 3):
        desk.now += timedelta(seconds=1)
        await desk.let_in(number)
    library.answer = None
    desk.now += MINUTE
    await desk.check()
    assert await desk.session(1) is None
    assert {device(2).mac, device(3).mac} == gate.devices.keys()


async def test_answers_that_get_lost_are_not_asked_for_without_end(
    desk: Desk, library: FakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def yes() -> bool:
        return True

    monkeypatch.setattr(library, "answers", yes)
    given = await desk.let_in(1)
    for _ in range(4):
        await desk.check()
    assert library.asked[GOOD[0]] == 1 + courtesy_module.MOST_CHECKS
    assert await desk.session(1) == given


async def test_a_fault_of_the_library_system_is_not_the_guest_s(
    desk: Desk, library: FakeLibrary
) -> None:
    given = await desk.let_in(1)
    library.answer = Verification.NOT_VERIFIED
    await desk.check()
    assert await desk.session(1) == given
    assert (
        await desk.count("SELECT count(*) FROM event WHERE kind = 'library_system_misbehaved'") == 1
    )


async def test_a_tutored_device_is_ended_by_its_tutor_only(
    desk: Desk, library: FakeLibrary
) -> None:
    given = await desk.let_in(1, WRONG)
    await desk.database.fetch(
        "UPDATE live_session SET protected_until = $1", desk.now + 30 * MINUTE
    )
    library.answer = None
    await desk.check()
    session = await desk.session(1)
    assert session is not None
    assert session.id == given.id
