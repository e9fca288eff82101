"""Tutoring on a real PostgreSQL, with a fake gate."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.services.doors import Doors
from portal.services.group_tutoring import GroupTutoring, StartedGroup
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Captive, Online
from portal.services.ports.tutoring import Tutor
from portal.services.reconcile import Reconciliation
from portal.services.tutoring import Tutoring, TutoringRefusal
from portal.storage.arrivals import PostgresArrivals
from portal.storage.database import Database
from portal.storage.tutoring import PostgresTutored
from tests.portal.services.fakes import FakeGate

MAIN, BRANCH = SiteId("main"), SiteId("branch")
PHONE = Device(MacAddress("02:00:00:00:00:01"), MAIN)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CARD, PIN = Secret("20000000000001"), Secret("1234")


@pytest.fixture
def doors(doors: Doors) -> Doors:
    """The main site limits visits to half an hour."""
    limited = replace(doors.sites[MAIN], time_limit=30 * MINUTE)
    return replace(doors, sites={**doors.sites, MAIN: limited})


@pytest.fixture
def guest(doors: Doors) -> GuestService:
    return GuestService(doors)


@pytest.fixture
def tutoring(doors: Doors, database: Database) -> Tutoring:
    return Tutoring(doors, PostgresTutored(database))


async def number_of(guest: GuestService, device: Device, now: datetime) -> int:
    standing = await guest.standing(device, now)
    assert isinstance(standing, Captive)
    assert standing.number is not None
    return standing.number


async def let_in(tutoring: Tutoring, guest: GuestService, now: datetime) -> tuple[Tutor, Session]:
    tutor = Tutor("ada", await number_of(guest, PHONE, now))
    session = await tutoring.let_in(MAIN, tutor, 90 * MINUTE, now)
    assert isinstance(session, Session)
    return tutor, session


async def test_a_waiting_device_is_let_in_by_its_number(
    tutoring: Tutoring, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    tutor, session = await let_in(tutoring, guest, now)
    assert (session.ground, session.subject) == (Ground.TUTOR, None)
    assert session.protected_until == now + 90 * MINUTE
    assert session.tutored_as == tutor.number
    assert PHONE.mac in gate.devices
    assert isinstance(await guest.standing(PHONE, now), Online)
    assert await tutoring.waiting(MAIN, now) == []
    assert await tutoring.under_way(MAIN, now) == [session]


async def test_who_waits_is_listed_with_what_it_tried(
    tutoring: Tutoring, guest: GuestService, now: datetime
) -> None:
    number = await number_of(guest, PHONE, now)
    await guest.sign_in_with_card(PHONE, CARD, Secret("9999"), now)
    waiting = await tutoring.waiting(MAIN, now)
    assert [(device.number, device.steps) for device in waiting] == [(number, ("cred.wrong",))]
    assert await tutoring.waiting(BRANCH, now) == []


async def test_an_unknown_number_lets_nobody_in(
    tutoring: Tutoring, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    number = await number_of(guest, PHONE, now)
    for site_id, wrong in ((MAIN, number + 1), (BRANCH, number)):
        outcome = await tutoring.let_in(site_id, Tutor("ada", wrong), HOUR, now)
        assert outcome is TutoringRefusal.NO_SUCH_DEVICE
    assert not gate.devices


async def test_a_closed_library_lets_nobody_in(
    tutoring: Tutoring, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    night = now + 12 * HOUR
    tutor = Tutor("ada", await number_of(guest, PHONE, night))
    assert await tutoring.let_in(MAIN, tutor, HOUR, night) is TutoringRefusal.CLOSED
    assert not gate.devices


async def test_a_time_limit_does_not_end_a_tutored_visit(
    tutoring: Tutoring, guest: GuestService, doors: Doors, gate: FakeGate, now: datetime
) -> None:
    """The visitor came with a card, for half an hour; the tutor takes on what is online."""
    number = await number_of(guest, PHONE, now)
    outcome = await guest.sign_in_with_card(PHONE, CARD, PIN, now)
    assert isinstance(outcome, Admitted)
    held = await tutoring.let_in(MAIN, Tutor("ada", number), 90 * MINUTE, now + MINUTE)
    assert isinstance(held, Session)
    assert (held.id, held.ground) == (outcome.session.id, Ground.CARD)

    keeper = Reconciliation(doors.sessions, gate, [MAIN])
    late = now + 80 * MINUTE
    assert await keeper.end_due(late) == 0
    assert isinstance(await guest.standing(PHONE, late), Online)
    assert await keeper.end_due(now + 92 * MINUTE) == 1


async def test_thirty_minutes_more_as_often_as_wanted(
    tutoring: Tutoring, guest: GuestService, now: datetime
) -> None:
    tutor, session = await let_in(tutoring, guest, now)
    for _ in range(16):
        longer = await tutoring.extend(MAIN, tutor, 30 * MINUTE, now)
        assert isinstance(longer, Session)
        session = longer
    assert session.protected_until == now + 90 * MINUTE + 480 * MINUTE
    assert session.due_at < session.protected_until, "closing time ends it all the same"


async def test_a_second_press_on_let_in_shortens_nothing(
    tutoring: Tutoring, guest: GuestService, now: datetime
) -> None:
    tutor, first = await let_in(tutoring, guest, now)
    again = await tutoring.let_in(MAIN, tutor, 10 * MINUTE, now + MINUTE)
    much_later = await tutoring.let_in(MAIN, tutor, 90 * MINUTE, now + HOUR)
    assert isinstance(again, Session)
    assert isinstance(much_later, Session)
    assert again.protected_until == first.protected_until
    assert (much_later.id, much_later.protected_until) == (first.id, now + HOUR + 90 * MINUTE)


async def test_afterwards_the_device_is_an_ordinary_guest(
    tutoring: Tutoring, guest: GuestService, now: datetime
) -> None:
    """Its visit began long ago, and goes on for a visit's length from the end of tutoring."""
    number = await number_of(guest, PHONE, now)
    await guest.sign_in_with_card(PHONE, CARD, PIN, now)
    tutor = Tutor("ada", number)
    await tutoring.let_in(MAIN, tutor, 90 * MINUTE, now)
    late = now + 60 * MINUTE
    session = await tutoring.end(MAIN, tutor, late)
    assert isinstance(session, Session)
    assert (session.protected_until, session.tutored_as) == (None, None)
    assert (session.ends_at, session.ends_because) == (late + 30 * MINUTE, EndReason.TIME_LIMIT)
    assert isinstance(await guest.standing(PHONE, late), Online)
    assert await tutoring.end(MAIN, tutor, late) is TutoringRefusal.NO_SUCH_DEVICE
    assert await tutoring.extend(MAIN, tutor, HOUR, late) is TutoringRefusal.NO_SUCH_DEVICE


async def test_a_number_under_tutoring_is_given_to_nobody_else(
    tutoring: Tutoring, guest: GuestService, now: datetime
) -> None:
    tutor, _ = await let_in(tutoring, guest, now)
    later = now + HOUR
    crowd = [Device(MacAddress(f"02:00:00:00:01:{n:02x}"), MAIN) for n in range(89)]
    numbers = [await number_of(guest, device, later) for device in crowd]
    assert tutor.number not in numbers
    assert len(set(numbers)) == 89


async def test_who_did_what_is_written_down(
    tutoring: Tutoring, guest: GuestService, database: Database, now: datetime
) -> None:
    tutor, _ = await let_in(tutoring, guest, now)
    await tutoring.extend(MAIN, tutor, HOUR, now)
    await tutoring.end(MAIN, tutor, now)
    rows = await database.fetch("SELECT kind, detail FROM event WHERE kind LIKE 'tutoring%'")
    wanted = {"number": tutor.number, "by": "ada"}
    assert {row["kind"]: json.loads(row["detail"]) for row in rows} == {
        "tutoring_started": wanted,
        "tutoring_extended": wanted,
        "tutoring_ended": wanted,
    }


async def test_without_a_database_the_tutor_is_told(
    tutoring: Tutoring, guest: GuestService, now: datetime
) -> None:
    tutor, session = await let_in(tutoring, guest, now)
    away = Tutoring(tutoring.doors, PostgresTutored(Database("postgresql://127.0.0.1:1/none")))
    assert await away.let_in(MAIN, tutor, HOUR, now) is TutoringRefusal.DATABASE_AWAY
    assert await away.extend(MAIN, tutor, HOUR, now) is TutoringRefusal.DATABASE_AWAY
    assert await away.end(MAIN, tutor, now) is TutoringRefusal.DATABASE_AWAY
    moved = await away.carry_over(MAIN, tutor, tutor.number, HOUR, now)
    assert moved is TutoringRefusal.DATABASE_AWAY
    assert await tutoring.under_way(MAIN, now) == [session]


NEW_PHONE = Device(MacAddress("02:00:00:00:00:02"), MAIN)


async def test_a_phone_that_changed_its_address_goes_on_as_the_same_tile(
    tutoring: Tutoring, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    tutor, old = await let_in(tutoring, guest, now)
    later = now + 60 * MINUTE
    other = Tutor("ada", await number_of(guest, NEW_PHONE, later))
    session = await tutoring.carry_over(MAIN, other, tutor.number, 90 * MINUTE, later)
    assert isinstance(session, Session)
    assert (session.mac, session.ground) == (NEW_PHONE.mac, Ground.TUTOR)
    assert (session.tutored_as, session.protected_until) == (tutor.number, later + 90 * MINUTE)
    assert NEW_PHONE.mac in gate.devices
    assert await tutoring.under_way(MAIN, later) == [session]
    left = await guest.standing(PHONE, later)
    assert isinstance(left, Online), "the old address is not put out"
    assert (left.session.id, left.session.succeeded) == (old.id, True)
    assert (left.session.tutored_as, left.session.protected_until) == (None, None)
    longer = await tutoring.extend(MAIN, tutor, 30 * MINUTE, later)
    assert isinstance(longer, Session)
    assert longer.mac == NEW_PHONE.mac


async def test_going_on_shortens_nothing_and_keeps_the_group(
    tutoring: Tutoring, guest: GuestService, doors: Doors, now: datetime
) -> None:
    groups = GroupTutoring(doors)
    started = await groups.start(MAIN, "ada", 4 * HOUR, 1, now)
    assert isinstance(started, StartedGroup)
    tutor, _ = await let_in(tutoring, guest, now)
    assert isinstance(await guest.join(PHONE, started.code, now), Admitted)
    other = Tutor("ada", await number_of(guest, NEW_PHONE, now))
    session = await tutoring.carry_over(MAIN, other, tutor.number, 10 * MINUTE, now)
    assert isinstance(session, Session)
    assert (session.group_id, session.protected_until) == (started.group.id, now + 4 * HOUR)
    assert await groups.live(MAIN, now) == [(started.group, 1)]


async def test_a_session_that_the_new_address_has_is_kept(
    tutoring: Tutoring, guest: GuestService, now: datetime
) -> None:
    tutor, _ = await let_in(tutoring, guest, now)
    other = Tutor("ada", await number_of(guest, NEW_PHONE, now))
    own = await guest.sign_in_with_card(NEW_PHONE, CARD, PIN, now)
    assert isinstance(own, Admitted)
    session = await tutoring.carry_over(MAIN, other, tutor.number, HOUR, now)
    assert isinstance(session, Session)
    assert (session.id, session.ground) == (own.session.id, Ground.CARD)
    assert session.tutored_as == tutor.number
    assert session.is_protected(now)


async def test_going_on_as_itself_is_a_second_press(
    tutoring: Tutoring, guest: GuestService, now: datetime
) -> None:
    tutor, first = await let_in(tutoring, guest, now)
    again = await tutoring.carry_over(MAIN, tutor, tutor.number, 90 * MINUTE, now + MINUTE)
    assert isinstance(again, Session)
    assert (again.id, again.succeeded) == (first.id, False)
    assert again.protected_until == now + 91 * MINUTE


async def test_a_wrong_number_moves_nothing_and_lets_nobody_in(
    tutoring: Tutoring, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    tutor, session = await let_in(tutoring, guest, now)
    number = await number_of(guest, NEW_PHONE, now)
    nobody = next(n for n in range(10, 100) if n not in {tutor.number, number})
    outcomes = [
        await tutoring.carry_over(MAIN, Tutor("ada", number), nobody, HOUR, now),
        await tutoring.carry_over(MAIN, Tutor("ada", nobody), tutor.number, HOUR, now),
    ]
    assert outcomes == [TutoringRefusal.NO_SUCH_TUTORING, TutoringRefusal.NO_SUCH_DEVICE]
    assert await tutoring.under_way(MAIN, now) == [session]
    assert NEW_PHONE.mac not in gate.devices
    night = now + 10 * HOUR
    over = await tutoring.carry_over(MAIN, Tutor("ada", number), tutor.number, HOUR, night)
    assert over is TutoringRefusal.NO_SUCH_TUTORING


async def test_who_moved_it_is_written_down(
    tutoring: Tutoring, guest: GuestService, database: Database, now: datetime
) -> None:
    tutor, old = await let_in(tutoring, guest, now)
    other = Tutor("grace", await number_of(guest, NEW_PHONE, now))
    new = await tutoring.carry_over(MAIN, other, tutor.number, HOUR, now)
    assert isinstance(new, Session)
    rows = await database.fetch("SELECT * FROM event WHERE detail ? 'device'")
    wanted = {"number": tutor.number, "device": other.number, "by": "grace"}
    assert all(json.loads(row["detail"]) == wanted for row in rows)
    assert {row["kind"]: row["session_id"] for row in rows} == {
        "tutoring_left": old.id,
        "tutoring_carried_over": new.id,
    }


async def test_what_ended_meanwhile_cannot_be_moved(
    tutoring: Tutoring, guest: GuestService, doors: Doors, now: datetime
) -> None:
    tutor, old = await let_in(tutoring, guest, now)
    own = await guest.sign_in_with_card(NEW_PHONE, CARD, PIN, now)
    assert isinstance(own, Admitted)
    left, kept = (old, (old.ends_at, old.ends_because)), (own.session, now + HOUR)
    await doors.sessions.end(own.session.id, EndReason.LOGGED_OUT, now)
    assert await tutoring.tutored.carry_over(left, kept, tutor, now) is None
    assert await tutoring.under_way(MAIN, now) == [old]
    again = await guest.sign_in_with_card(NEW_PHONE, CARD, PIN, now)
    assert isinstance(again, Admitted)
    await tutoring.end(MAIN, tutor, now)
    kept = (again.session, now + HOUR)
    assert await tutoring.tutored.carry_over(left, kept, tutor, now) is None


async def test_who_is_online_shows_a_number_and_is_protected_by_it(
    tutoring: Tutoring, guest: GuestService, now: datetime
) -> None:
    await guest.sign_in_with_card(PHONE, CARD, PIN, now)
    standing = await guest.standing(PHONE, now)
    assert isinstance(standing, Online)
    assert await tutoring.waiting(MAIN, now) == []
    number = await guest.number_of(standing, PHONE, now, "iPhone")
    assert number is not None
    assert await guest.number_of(standing, PHONE, now, "") == number
    (shown,) = await tutoring.online(MAIN, now)
    assert (shown.number, shown.kind) == (number, "iPhone")
    assert await tutoring.online(BRANCH, now) == []
    held = await tutoring.let_in(MAIN, Tutor("ada", number), HOUR, now)
    assert isinstance(held, Session)
    assert (held.id, held.ground) == (standing.session.id, Ground.CARD)
    assert await tutoring.online(MAIN, now) == []
    assert await guest.number_of(Online(held), PHONE, now, "") == number


async def test_the_kind_of_a_waiting_device_is_told_once_known(
    tutoring: Tutoring, guest: GuestService, now: datetime
) -> None:
    await guest.standing(PHONE, now)
    assert [device.kind for device in await tutoring.waiting(MAIN, now)] == [""]
    await guest.standing(PHONE, now, "Android")
    await guest.standing(PHONE, now)
    assert [device.kind for device in await tutoring.waiting(MAIN, now)] == ["Android"]


async def test_without_a_database_who_is_online_has_no_number(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await guest.sign_in_with_card(PHONE, CARD, PIN, now)
    standing = await guest.standing(PHONE, now)
    assert isinstance(standing, Online)
    away = PostgresArrivals(Database("postgresql://127.0.0.1:1/none"))
    alone = GuestService(replace(doors, arrivals=away))
    assert await alone.number_of(standing, PHONE, now, "") is None
