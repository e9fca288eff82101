"""What is counted of guests' tries, on a real PostgreSQL: no answer is changed by it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from portal.domain.arrivals import NUMBER_IS_KEPT
from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.session import Ground
from portal.services.doors import Doors
from portal.services.first_sight import MOST_DEVICES, FirstSight
from portal.services.guest import GuestService
from portal.services.observed_guest import ObservedGuest
from portal.services.outcomes import Admitted, RefusalReason
from portal.services.tutoring import Tutor, Tutoring
from portal.storage.database import Database
from portal.storage.tutoring import PostgresTutored

MAIN, LOBBY = SiteId("main"), SiteId("lobby")
CARD, PIN, WRONG = Secret("20000000000001"), Secret("1234"), Secret("9999")
PHONE = Device(MacAddress("02:00:00:00:00:01"), MAIN)


@dataclass
class Noted:
    """A SignInObserver that keeps what it is told."""

    told: Counter[tuple[str, ...]] = field(default_factory=Counter)
    waits: list[tuple[str, str, float]] = field(default_factory=list)

    def admitted(self, site_id: SiteId, ground: Ground, _point: str = "") -> None:
        self.told[site_id, ground, "admitted"] += 1

    def refused(
        self, site_id: SiteId, method: Ground, reason: RefusalReason, _point: str = ""
    ) -> None:
        self.told[site_id, method, reason] += 1

    def came_online(self, site_id: SiteId, ground: Ground, waited: timedelta) -> None:
        self.waits.append((site_id, ground, waited.total_seconds()))


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def observed(doors: Doors, noted: Noted) -> ObservedGuest:
    return ObservedGuest(doors, noted, FirstSight())


def after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)


async def test_each_try_is_counted_with_its_way_and_its_reason(
    observed: ObservedGuest, noted: Noted, now: datetime
) -> None:
    await observed.standing(PHONE, now)
    await observed.sign_in_with_card(PHONE, CARD, WRONG, after(now, 5))
    await observed.sign_in_with_card(PHONE, CARD, Secret(""), after(now, 6))
    await observed.join(PHONE, "408 512 7730", after(now, 7))
    await observed.join(PHONE, "123456", after(now, 8))
    await observed.redeem(PHONE, "A" * 26, after(now, 9))
    await observed.sign_in_with_day_code(PHONE, after(now, 10))
    await observed.continue_visit(PHONE, after(now, 11))
    await observed.sign_in_with_card(PHONE, CARD, PIN, after(now, 20))
    assert noted.told["main", "card", "cred.wrong"] == 1
    assert noted.told["main", "card", "pin.empty"] == 1
    assert noted.told["main", "card", "admitted"] == 1
    assert sum(noted.told.values()) == 8
    assert {way for _, way, _ in noted.told} >= {"card", "tutor", "day_code", "remembered"}
    assert noted.waits == [("main", "card", 20.0)]


async def test_a_wait_is_counted_once(observed: ObservedGuest, noted: Noted, now: datetime) -> None:
    await observed.standing(PHONE, now)
    await observed.accept(PHONE, after(now, 3))
    await observed.standing(PHONE, after(now, 4))
    await observed.accept(PHONE, after(now, 5))
    assert noted.told == {("main", "accept", "admitted"): 2}
    assert noted.waits == [("main", "accept", 3.0)]


async def test_an_open_network_is_counted_where_the_page_is_shown(
    observed: ObservedGuest, noted: Noted, now: datetime
) -> None:
    await observed.standing(Device(PHONE.mac, LOBBY), now)
    await observed.standing(Device(PHONE.mac, LOBBY), after(now, 1))
    assert noted.told == {("lobby", "open", "admitted"): 1}


async def test_who_was_let_in_by_staff_is_counted_at_the_next_look(
    observed: ObservedGuest, noted: Noted, doors: Doors, database: Database, now: datetime
) -> None:
    standing = await observed.standing(PHONE, now)
    number = getattr(standing, "number", None)
    assert number is not None
    tutoring = Tutoring(doors, PostgresTutored(database))
    await tutoring.let_in(MAIN, Tutor("anna", number), timedelta(hours=1), after(now, 30))
    await observed.standing(PHONE, after(now, 33))
    await observed.standing(PHONE, after(now, 60))
    assert noted.told == {("main", "tutor", "admitted"): 1}
    assert noted.waits == [("main", "tutor", 30.0)]


async def test_the_answers_are_those_of_who_does_not_count(
    observed: ObservedGuest, guest: GuestService, now: datetime
) -> None:
    first = await observed.accept(PHONE, now)
    second = await guest.accept(PHONE, now)
    assert isinstance(first, Admitted)
    assert first == second


def test_a_visit_that_was_given_up_is_not_part_of_the_next(now: datetime) -> None:
    seen = FirstSight()
    seen.note(PHONE.mac, now)
    seen.note(PHONE.mac, after(now, 60))
    assert seen.take(PHONE.mac, after(now, 90)) == timedelta(seconds=90)
    assert seen.take(PHONE.mac, after(now, 91)) is None
    seen.note(PHONE.mac, now)
    later = now + NUMBER_IS_KEPT + timedelta(seconds=1)
    seen.note(PHONE.mac, later)
    assert seen.take(PHONE.mac, after(later, 7)) == timedelta(seconds=7)
    seen.note(PHONE.mac, now)
    assert seen.take(PHONE.mac, later) is None
    seen.note(PHONE.mac, now)
    assert seen.take(PHONE.mac, after(now, -1)) is None


def test_made_up_addresses_do_not_fill_the_memory(now: datetime) -> None:
    seen = FirstSight()
    for number in range(MOST_DEVICES + 1):
        seen.note(
            MacAddress(f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"),
            now,
        )
    assert seen.take(MacAddress("02:00:00:00:00:00"), now) is None
    assert seen.take(MacAddress("02:00:00:00:00:01"), now) is not None
