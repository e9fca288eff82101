"""Group tutoring on a real PostgreSQL, with a fake gate."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.room_code import is_guessable
from portal.domain.session import EndReason, Ground, Session
from portal.domain.tutoring import Group
from portal.domain.typed_code import CodeLimits
from portal.services.doors import Doors
from portal.services.group_tutoring import GroupRefusal, GroupTutoring, StartedGroup, draw_code
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Captive, Online, RefusalReason, Refused
from portal.services.ports.tutoring import Tutor
from portal.services.tutoring import Tutoring
from portal.storage.database import Database
from portal.storage.tutoring import PostgresTutored
from portal.storage.tutoring_groups import PostgresGroups
from tests.portal.services.fakes import FakeGate

MAIN, BRANCH = SiteId("main"), SiteId("branch")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CARD, PIN = Secret("20000000000001"), Secret("1234")


def phone(number: int, site_id: SiteId = MAIN) -> Device:
    return Device(MacAddress(f"02:00:00:00:00:{number:02x}"), site_id)


@pytest.fixture
def doors(doors: Doors) -> Doors:
    """The main site limits visits to half an hour."""
    limited = replace(doors.sites[MAIN], time_limit=30 * MINUTE)
    return replace(doors, sites={**doors.sites, MAIN: limited})


@pytest.fixture
def guest(doors: Doors) -> GuestService:
    return GuestService(doors)


@pytest.fixture
def groups(doors: Doors) -> GroupTutoring:
    return GroupTutoring(doors)


async def start(
    groups: GroupTutoring, now: datetime, *, devices: int = 15, site_id: SiteId = MAIN
) -> StartedGroup:
    started = await groups.start(site_id, "ada", 2 * HOUR, devices, now)
    assert isinstance(started, StartedGroup)
    return started


async def join(guest: GuestService, device: Device, code: str, now: datetime) -> Session:
    outcome = await guest.join(device, code, now)
    assert isinstance(outcome, Admitted), outcome
    return outcome.session


def wrong(code: str, *others: str) -> str:
    """Return a code that no group has."""
    return next(f"{n:06}" for n in range(10**6) if f"{n:06}" not in {code, *others})


async def test_a_code_lets_a_group_in(
    groups: GroupTutoring, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    started = await start(groups, now)
    assert started.group.ends_at == now + 2 * HOUR
    for number in range(3):
        await guest.standing(phone(number), now)
        session = await join(guest, phone(number), f" {started.code[:3]}-{started.code[3:]}", now)
        assert (session.ground, session.group_id) == (Ground.TUTOR, started.group.id)
        assert session.protected_until == now + 2 * HOUR
        assert isinstance(await guest.standing(phone(number), now), Online)
    assert len(gate.devices) == 3
    assert await groups.live(MAIN, now) == [(started.group, 3)]
    assert await groups.live(BRANCH, now) == []


async def test_a_running_session_is_kept_and_protected(
    groups: GroupTutoring, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    started = await start(groups, now)
    outcome = await guest.sign_in_with_card(phone(1), CARD, PIN, now)
    assert isinstance(outcome, Admitted)
    session = await join(guest, phone(1), started.code, now + MINUTE)
    assert (session.id, session.ground) == (outcome.session.id, Ground.CARD)
    assert session.due_at == now + 2 * HOUR
    assert gate.devices[phone(1).mac] == (session.due_at - now - MINUTE).total_seconds()
    again = await join(guest, phone(1), started.code, now + 2 * MINUTE)
    assert again.id == session.id
    assert await groups.live(MAIN, now) == [(started.group, 1)]


async def test_no_more_devices_than_places(
    groups: GroupTutoring, guest: GuestService, now: datetime
) -> None:
    started = await start(groups, now, devices=2)
    for number in (1, 2):
        await join(guest, phone(number), started.code, now)
    full = await guest.join(phone(3), started.code, now)
    assert full == Refused(RefusalReason.CODE_FULL, devices=2)
    assert isinstance(await guest.standing(phone(3), now), Captive)
    assert await guest.sign_out(phone(1), now)
    await join(guest, phone(3), started.code, now)


async def test_the_code_is_this_sites_only(
    groups: GroupTutoring, guest: GuestService, now: datetime
) -> None:
    started = await start(groups, now)
    outcome = await guest.join(phone(1, BRANCH), started.code, now)
    assert outcome == Refused(RefusalReason.CODE_UNKNOWN)


async def test_after_its_window_the_code_lets_nobody_in(
    groups: GroupTutoring, guest: GuestService, now: datetime
) -> None:
    started = await start(groups, now)
    late = now + 2 * HOUR
    refused = await guest.join(phone(1), started.code, late)
    assert refused == Refused(RefusalReason.CODE_EXPIRED, valid_until=late)
    longer = await groups.extend(MAIN, started.group.number, "ada", 30 * MINUTE, late)
    assert isinstance(longer, Group)
    assert longer.ends_at == late + 30 * MINUTE
    await join(guest, phone(1), started.code, late)


async def test_prolonging_reaches_every_member(
    groups: GroupTutoring, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    started = await start(groups, now)
    for number in (1, 2):
        await guest.accept(phone(number), now)  # half an hour each, but for the group
        await join(guest, phone(number), started.code, now)
    until = now + 2 * HOUR
    for _ in range(8):
        until += 30 * MINUTE
        longer = await groups.extend(MAIN, started.group.number, "ada", 30 * MINUTE, now)
        assert isinstance(longer, Group)
        assert longer.ends_at == until
    for number in (1, 2):
        standing = await guest.standing(phone(number), now)
        assert isinstance(standing, Online)
        assert standing.session.protected_until == standing.session.due_at == until
        assert gate.devices[phone(number).mac] == (until - now).total_seconds()


async def test_afterwards_its_devices_are_ordinary_guests(
    groups: GroupTutoring, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    started = await start(groups, now)
    await guest.sign_in_with_card(phone(1), CARD, PIN, now)
    for number in (1, 2):
        await join(guest, phone(number), started.code, now)
    late = now + HOUR
    assert await groups.end(MAIN, started.group.number, "ada", late) == 2
    card, tutored = [await guest.standing(phone(number), late) for number in (1, 2)]
    assert isinstance(card, Online)
    assert isinstance(tutored, Online)
    assert (card.session.protected_until, card.session.group_id) == (None, None)
    assert card.session.ends_at == late + 30 * MINUTE, "a visit from now on"
    assert gate.devices[phone(1).mac] == 30 * 60
    assert tutored.session.ends_because is EndReason.CLOSING_TIME
    assert await groups.live(MAIN, late) == []
    refused = await guest.join(phone(3), started.code, late + MINUTE)
    assert refused == Refused(RefusalReason.CODE_EXPIRED, valid_until=late)
    assert await groups.end(MAIN, 1, "ada", late) is GroupRefusal.NO_SUCH_GROUP
    assert await groups.extend(MAIN, 1, "ada", HOUR, late) is GroupRefusal.NO_SUCH_GROUP


async def test_a_member_whom_a_tutor_also_holds_stays_protected(
    groups: GroupTutoring, guest: GuestService, doors: Doors, database: Database, now: datetime
) -> None:
    tutoring = Tutoring(doors, PostgresTutored(database))
    started = await start(groups, now)
    standing = await guest.standing(phone(1), now)
    assert isinstance(standing, Captive)
    assert standing.number is not None
    tutor = Tutor("ada", standing.number)
    await join(guest, phone(1), started.code, now)
    held = await tutoring.let_in(MAIN, tutor, 90 * MINUTE, now)
    assert isinstance(held, Session)
    assert held.protected_until == now + 2 * HOUR
    released = await tutoring.end(MAIN, tutor, now)
    assert isinstance(released, Session)
    assert released.protected_until == now + 2 * HOUR, "it is in the group still"
    await tutoring.let_in(MAIN, tutor, 90 * MINUTE, now)
    await groups.end(MAIN, started.group.number, "ada", now)
    alone = await guest.standing(phone(1), now)
    assert isinstance(alone, Online)
    assert (alone.session.group_id, alone.session.tutored_as) == (None, tutor.number)
    assert alone.session.is_protected(now)


@pytest.mark.parametrize(
    ("typed", "refused"),
    [
        ("", Refused(RefusalReason.CODE_EMPTY)),
        ("12345", Refused(RefusalReason.CODE_LENGTH, expected_length=6, actual_length=5)),
    ],
)
async def test_what_is_no_code_costs_no_guess(
    guest: GuestService, database: Database, now: datetime, typed: str, refused: Refused
) -> None:
    assert await guest.join(phone(1), typed, now) == refused
    assert await database.fetch("SELECT FROM code_attempt") == []


async def test_a_device_that_guesses_waits(
    groups: GroupTutoring, guest: GuestService, now: datetime
) -> None:
    started = await start(groups, now)
    for number in range(10):
        at = now + number * MINUTE
        outcome = await guest.join(phone(1), wrong(started.code), at)
        assert outcome == Refused(RefusalReason.CODE_UNKNOWN)
    late = now + 10 * MINUTE
    waits = Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=now + 15 * MINUTE)
    assert await guest.join(phone(1), started.code, late) == waits
    await join(guest, phone(2), started.code, late)
    await join(guest, phone(1), started.code, now + 15 * MINUTE)


async def test_a_clock_set_back_makes_no_wait_longer(
    groups: GroupTutoring, guest: GuestService, now: datetime
) -> None:
    started = await start(groups, now - HOUR)
    for _ in range(10):
        await guest.join(phone(1), wrong(started.code), now)
    back = now - 30 * timedelta(seconds=1)
    waits = await guest.join(phone(1), started.code, back)
    assert waits == Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=back + 15 * MINUTE)


async def test_a_site_where_codes_are_guessed_looks_none_up(
    doors: Doors, database: Database, now: datetime
) -> None:
    """Neither from a device that never guessed; a tutor lets in by the number meanwhile."""
    groups = GroupTutoring(doors, CodeLimits(per_site=4, everywhere=6))
    started, branch = await start(groups, now), await start(groups, now, site_id=BRANCH)
    bad = wrong(started.code, branch.code)
    for number in range(4):
        await groups.join(phone(number), bad, now)
    busy = Refused(RefusalReason.CODES_BUSY)
    assert await groups.join(phone(9), started.code, now) == busy
    for number in (10, 11):
        assert await groups.join(phone(number, BRANCH), bad, now) != busy
    assert await groups.join(phone(12, BRANCH), branch.code, now) == busy, "everywhere"
    alarms = await database.fetch("SELECT site_id FROM event WHERE kind = 'many_wrong_codes'")
    assert [row["site_id"] for row in alarms] == [MAIN, BRANCH]
    after = await groups.join(phone(9), started.code, now + HOUR)
    assert isinstance(after, Admitted)


async def test_a_refused_code_is_shown_to_the_tutor(
    guest: GuestService, doors: Doors, database: Database, now: datetime
) -> None:
    await guest.standing(phone(1), now)
    await guest.join(phone(1), "408512", now)
    [waiting] = await Tutoring(doors, PostgresTutored(database)).waiting(MAIN, now)
    assert waiting.steps == ("code.unknown",)


async def test_a_code_that_is_taken_is_drawn_anew(doors: Doors, now: datetime) -> None:
    drawn = iter(["408512", "408512", "408513", "408512"])
    groups = GroupTutoring(doors, draw=lambda: next(drawn))
    first = await start(groups, now)
    second = await start(groups, now)
    assert (first.code, second.code) == ("408512", "408513")
    assert (first.group.number, second.group.number) == (1, 2)
    await groups.end(MAIN, 1, "ada", now)
    third = await start(groups, now)
    assert (third.code, third.group.number) == ("408512", 1)


async def test_a_draw_that_never_succeeds_gives_up(doors: Doors, now: datetime) -> None:
    groups = GroupTutoring(doors, draw=lambda: "408512")
    await start(groups, now)
    assert await groups.start(MAIN, "ada", HOUR, 15, now) is GroupRefusal.DATABASE_AWAY


def test_no_guessable_code_is_drawn() -> None:
    codes = {draw_code() for _ in range(3000)}  # about 40 would be
    assert len(codes) > 2900
    assert not any(is_guessable(code) for code in codes)


async def test_closed_and_not_offered(doors: Doors, now: datetime) -> None:
    night = now + 10 * HOUR
    groups = GroupTutoring(doors)
    started = await start(groups, now)
    assert await groups.start(MAIN, "ada", HOUR, 15, night) is GroupRefusal.CLOSED
    refused = await groups.join(phone(1), started.code, night)
    assert isinstance(refused, Refused)
    assert refused.reason is RefusalReason.CLOSED
    sites = {key: replace(site, tutoring=False) for key, site in doors.sites.items()}
    off = GroupTutoring(replace(doors, sites=sites))
    assert await off.start(MAIN, "ada", HOUR, 15, now) is GroupRefusal.NOT_OFFERED
    not_here = Refused(RefusalReason.METHOD_NOT_OFFERED)
    assert await off.join(phone(1), started.code, now) == not_here


async def test_the_code_stands_nowhere_in_clear(
    groups: GroupTutoring, guest: GuestService, database: Database, now: datetime
) -> None:
    started = await start(groups, now)
    await join(guest, phone(1), started.code, now)
    for table in ("tutoring_group", "event", "live_session", "arrival"):
        rows = await database.fetch(f"SELECT t::text FROM {table} AS t")  # noqa: S608
        assert not any(started.code in row["t"] for row in rows)


async def test_who_did_what_is_written_down(
    groups: GroupTutoring, guest: GuestService, database: Database, now: datetime
) -> None:
    await start(groups, now)
    started = await start(groups, now, devices=3)
    session = await join(guest, phone(1), started.code, now)
    await groups.extend(MAIN, 2, "ada", HOUR, now)
    await groups.end(MAIN, 2, "grace", now)
    rows = await database.fetch(
        "SELECT kind, detail, session_id FROM event WHERE kind LIKE 'group%' ORDER BY id"
    )
    assert [(row["kind"], json.loads(row["detail"])) for row in rows[1:]] == [
        ("group_started", {"group": 2, "devices": 3, "by": "ada"}),
        ("group_joined", {"group": 2}),
        ("group_extended", {"group": 2, "by": "ada"}),
        ("group_ended", {"group": 2, "by": "grace"}),
        ("group_left", {"group": 2}),
    ]
    assert [row["session_id"] for row in rows[1:]] == [None, session.id, None, None, session.id]


async def test_a_gate_that_is_away_leaves_it_to_the_keeper(
    groups: GroupTutoring, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    started = await start(groups, now)
    gate.failures = 10**6
    assert await guest.join(phone(1), started.code, now) == Refused(RefusalReason.SERVICE_DOWN)
    assert isinstance(await groups.extend(MAIN, 1, "ada", HOUR, now), Group)
    assert await groups.end(MAIN, 1, "ada", now) == 1


async def test_without_a_database_everybody_is_told(doors: Doors, now: datetime) -> None:
    away = PostgresGroups(Database("postgresql://127.0.0.1:1/none"))
    groups = GroupTutoring(replace(doors, groups=away))
    assert await groups.start(MAIN, "ada", HOUR, 15, now) is GroupRefusal.DATABASE_AWAY
    assert await groups.live(MAIN, now) is GroupRefusal.DATABASE_AWAY
    assert await groups.extend(MAIN, 1, "ada", HOUR, now) is GroupRefusal.DATABASE_AWAY
    assert await groups.end(MAIN, 1, "ada", now) is GroupRefusal.DATABASE_AWAY
    assert await groups.join(phone(1), "408512", now) == Refused(RefusalReason.SERVICE_DOWN)
