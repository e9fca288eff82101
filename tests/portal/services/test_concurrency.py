"""Many at once: one card on fifty devices, hundreds of guesses, cards swapping devices."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.sign_in_limits import Limits
from portal.services.doors import Doors
from portal.services.group_tutoring import GroupTutoring, StartedGroup
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Captive, RefusalReason, Refused
from portal.storage.arrivals import PostgresArrivals
from portal.storage.database import Database, Deadlines
from portal.storage.sessions import PostgresSessions
from portal.storage.tutoring_groups import PostgresGroups
from tests.portal.services.fakes import FakeGate, FakeLibrary

PATIENT = Deadlines(connect_s=20, statement_s=20)
CARD, PIN = Secret("20000000000001"), Secret("1234")
OTHER_CARD, OTHER_PIN = Secret("20000000000002"), Secret("2345")


def device(number: int) -> Device:
    return Device(MacAddress(f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"), SiteId("main"))


async def count(database: Database, table: str, where: str = "true") -> int:
    row = await database.fetch_row(f"SELECT count(*) FROM {table} WHERE {where}")  # noqa: S608
    assert row is not None
    return int(row["count"])


async def test_fifty_devices_of_one_card_at_once(
    guest: GuestService, gate: FakeGate, database: Database, now: datetime
) -> None:
    outcomes = await asyncio.gather(
        *(guest.sign_in_with_card(device(n), CARD, PIN, now) for n in range(50))
    )
    admitted = [o.session for o in outcomes if isinstance(o, Admitted)]
    assert len(admitted) == 50
    assert await count(database, "live_session") == 5
    assert await count(database, "past_session", "end_reason = 'replaced'") == len(admitted) - 5
    rows = await database.fetch("SELECT mac FROM live_session")
    assert {row["mac"] for row in rows} <= gate.devices.keys()


async def test_one_device_pressing_fifty_times(
    guest: GuestService, database: Database, now: datetime
) -> None:
    outcomes = await asyncio.gather(*(guest.accept(device(1), now) for _ in range(50)))
    ids = {o.session.id for o in outcomes if isinstance(o, Admitted)}
    assert len(ids) == 1
    assert await count(database, "live_session") == 1
    assert await count(database, "event", "kind = 'session_started'") == 1


async def test_guesses_in_parallel_never_exceed_the_budget(
    guest: GuestService, library: FakeLibrary, now: datetime
) -> None:
    outcomes = await asyncio.gather(
        *(guest.sign_in_with_card(device(n), CARD, Secret(f"{n:04}"), now) for n in range(200))
    )
    reasons = [o.reason for o in outcomes if isinstance(o, Refused)]
    assert len(reasons) == 200
    assert library.asked[CARD.reveal()] == 3
    assert reasons.count(RefusalReason.CREDENTIALS_WRONG) == 3
    assert reasons.count(RefusalReason.TOO_MANY_ATTEMPTS) == 197


async def test_guesses_in_parallel_from_one_device(
    doors: Doors, library: FakeLibrary, now: datetime
) -> None:
    guest = GuestService(replace(doors, limits=Limits(attempts_per_day=20)))
    await asyncio.gather(
        *(guest.sign_in_with_card(device(1), CARD, Secret(f"{n:04}"), now) for n in range(200))
    )
    assert library.asked[CARD.reveal()] == 5


async def test_spraying_many_cards_from_one_device(
    guest: GuestService, library: FakeLibrary, now: datetime
) -> None:
    outcomes = await asyncio.gather(
        *(
            guest.sign_in_with_card(device(1), Secret(f"{30000000 + n}"), PIN, now)
            for n in range(200)
        )
    )
    assert library.asked.total() <= 20
    assert sum(o == Refused(RefusalReason.TOO_MANY_ATTEMPTS) for o in outcomes) >= 180


async def test_a_card_under_attack_still_works_for_its_owner(
    guest: GuestService, library: FakeLibrary, now: datetime
) -> None:
    assert isinstance(await guest.sign_in_with_card(device(1), CARD, PIN, now), Admitted)
    assert await guest.sign_out(device(1), now)
    later = now + timedelta(minutes=1)
    for n in range(2, 60):
        await guest.sign_in_with_card(device(n), CARD, Secret("0000"), later)
    assert library.wrong[CARD.reveal()] == 3
    assert isinstance(await guest.sign_in_with_card(device(1), CARD, PIN, later), Admitted)
    stranger = await guest.sign_in_with_card(device(99), CARD, PIN, later)
    assert stranger == Refused(RefusalReason.TOO_MANY_ATTEMPTS)
    tomorrow = later + timedelta(hours=24)
    assert isinstance(await guest.sign_in_with_card(device(99), CARD, PIN, tomorrow), Admitted)


async def test_a_thousand_guesses_over_days(
    guest: GuestService, library: FakeLibrary, now: datetime
) -> None:
    for n in range(1000):
        at = now + timedelta(minutes=n) + timedelta(hours=n // 400 * 16)
        await guest.sign_in_with_card(device(n), CARD, Secret("0000"), at)
    days = (1000 // 60 + 2 * 16) / 24 + 1
    assert library.asked[CARD.reveal()] <= 3 * days


async def test_an_owner_who_mistypes_waits_and_then_goes_on(
    guest: GuestService, now: datetime
) -> None:
    await guest.sign_in_with_card(device(1), CARD, PIN, now)
    for left in (4, 3, 2, 1, 0):
        outcome = await guest.sign_in_with_card(device(1), CARD, Secret("0000"), now)
        assert outcome == Refused(RefusalReason.CREDENTIALS_WRONG, attempts_left=left, wait_s=60)
    minute = timedelta(minutes=1)
    waiting = await guest.sign_in_with_card(device(1), CARD, PIN, now)
    assert waiting == Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=now + minute)
    right = await guest.sign_in_with_card(device(1), CARD, PIN, now + minute)
    assert isinstance(right, Admitted)
    wrong = await guest.sign_in_with_card(device(1), CARD, Secret("0000"), now + minute)
    assert wrong == Refused(RefusalReason.CREDENTIALS_WRONG, attempts_left=4, wait_s=60)


async def test_a_site_full_of_wrong_pins_raises_one_alarm(
    doors: Doors, database: Database, now: datetime
) -> None:
    guest = GuestService(replace(doors, limits=Limits(site_wrong=10, site_slow_down_s=0.01)))
    for n in range(30):
        at = now + timedelta(seconds=2 * n)
        await guest.sign_in_with_card(device(n), Secret(f"{30000000 + n}"), PIN, at)
    assert await count(database, "event", "kind = 'many_wrong_pins'") == 1


async def test_a_flood_is_held_to_ten_a_second(
    guest: GuestService, library: FakeLibrary, now: datetime
) -> None:
    connections = 4  # each may slip one in: sites are not locked
    await asyncio.gather(
        *(
            guest.sign_in_with_card(device(n), Secret(f"{30000000 + n}"), PIN, now)
            for n in range(150)
        )
    )
    assert 100 <= library.asked.total() <= 100 + connections


async def test_devices_swapped_between_two_full_cards(
    doors: Doors, postgres_dsn: str, now: datetime
) -> None:
    """Each sign-in ends a session of the other card: the lock order must not deadlock."""
    async with Database(postgres_dsn, size=16, deadlines=PATIENT) as wide:
        guest = GuestService(
            replace(
                doors,
                sessions=PostgresSessions(wide),
                limits=Limits(100, None, 100, device_wrong_per_hour=100, site_checks_per_s=1000),
            )
        )
        for round_ in range(4):
            cards = [(CARD, PIN), (OTHER_CARD, OTHER_PIN)]
            outcomes = await asyncio.gather(
                *(
                    guest.sign_in_with_card(device(n % 12), *cards[(n + round_) % 2], now)
                    for n in range(60)
                ),
            )
            assert all(isinstance(outcome, Admitted) for outcome in outcomes)
            rows = await wide.fetch(
                "SELECT count(*), count(DISTINCT mac) AS macs FROM live_session GROUP BY subject"
            )
            assert all(row["count"] == row["macs"] <= 5 for row in rows)


async def started_group(doors: Doors, now: datetime, devices: int = 15) -> StartedGroup:
    groups = GroupTutoring(doors)
    started = await groups.start(SiteId("main"), "ada", timedelta(hours=2), devices, now)
    assert isinstance(started, StartedGroup)
    return started


async def test_forty_devices_with_one_room_code_at_once(
    doors: Doors, postgres_dsn: str, gate: FakeGate, now: datetime
) -> None:
    """On sixteen connections, and some of the devices are online already."""
    async with Database(postgres_dsn, size=16, deadlines=PATIENT) as wide:
        doors = replace(doors, sessions=PostgresSessions(wide), groups=PostgresGroups(wide))
        guest, started = GuestService(doors), await started_group(doors, now)
        for n in range(0, 40, 4):
            await guest.accept(device(n), now)
        outcomes = await asyncio.gather(
            *(guest.join(device(n % 40), started.code, now) for n in range(80))
        )
        joined = {o.session.mac for o in outcomes if isinstance(o, Admitted)}
        refused = [o for o in outcomes if isinstance(o, Refused)]
        assert len(joined) == 15
        assert {o.reason for o in refused} == {RefusalReason.CODE_FULL}
        assert await count(wide, "live_session", "group_id IS NOT NULL") == 15
        assert await count(wide, "live_session", "protected_until IS NOT NULL") == 15
        assert joined <= gate.devices.keys()


async def test_room_codes_guessed_in_parallel(
    doors: Doors, postgres_dsn: str, now: datetime
) -> None:
    """From one device never more than its ten; from a crowd never more than the site's sixty."""
    async with Database(postgres_dsn, size=16, deadlines=PATIENT) as wide:
        doors = replace(doors, groups=PostgresGroups(wide), arrivals=PostgresArrivals(wide))
        guest, started = GuestService(doors), await started_group(doors, now)
        guesses = [f"{n:06}" for n in range(200) if f"{n:06}" != started.code]
        one = await asyncio.gather(*(guest.join(device(1), code, now) for code in guesses))
        reasons = [o.reason for o in one if isinstance(o, Refused)]
        assert reasons.count(RefusalReason.CODE_UNKNOWN) == 10
        assert reasons.count(RefusalReason.TOO_MANY_ATTEMPTS) == len(guesses) - 10
        crowd = await asyncio.gather(
            *(guest.join(device(2 + n), code, now) for n, code in enumerate(guesses))
        )
        reasons = [o.reason for o in crowd if isinstance(o, Refused)]
        assert reasons.count(RefusalReason.CODE_UNKNOWN) == 50
        assert reasons.count(RefusalReason.CODES_BUSY) == len(guesses) - 50
        assert await count(wide, "code_attempt") == 60
        assert await count(wide, "event", "kind = 'many_wrong_codes'") == 1


async def test_a_group_that_ends_while_devices_join(
    doors: Doors, postgres_dsn: str, now: datetime
) -> None:
    """Whoever gets in last is no more protected than the others, and nobody is put out."""
    async with Database(postgres_dsn, size=16, deadlines=PATIENT) as wide:
        doors = replace(doors, sessions=PostgresSessions(wide), groups=PostgresGroups(wide))
        guest, groups = GuestService(doors), GroupTutoring(doors)
        for _ in range(5):
            started = await started_group(doors, now, devices=40)
            number = started.group.number
            *joins, left = await asyncio.gather(
                *(guest.join(device(n), started.code, now) for n in range(20)),
                groups.end(SiteId("main"), number, "ada", now),
            )
            joined = sum(isinstance(outcome, Admitted) for outcome in joins)
            assert left == joined
            assert await count(wide, "live_session", "group_id IS NOT NULL") == 0
            assert await count(wide, "live_session", "protected_until IS NOT NULL") == 0


async def test_groups_that_start_at_once_have_numbers_of_their_own(
    doors: Doors, now: datetime
) -> None:
    started = await asyncio.gather(*(started_group(doors, now) for _ in range(20)))
    assert {one.group.number for one in started} == set(range(1, 21))
    assert len({one.code for one in started}) == 20


async def test_a_crowd_gets_numbers_of_its_own(guest: GuestService, now: datetime) -> None:
    standings = await asyncio.gather(*(guest.standing(device(n), now) for n in range(120)))
    numbers = [s.number for s in standings if isinstance(s, Captive) and s.number is not None]
    assert len(set(numbers)) == len(numbers) == 120
    assert sum(number < 100 for number in numbers) == 90
