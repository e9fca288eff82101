"""Many at once: one card on fifty devices, hundreds of guesses, cards swapping devices."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.sign_in_limits import Limits
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Captive, RefusalReason, Refused
from portal.storage.database import Database, Deadlines
from portal.storage.sessions import PostgresSessions
from tests.portal.services.fakes import FakeGate, FakeLibrary

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
    patient = Deadlines(connect_s=20, statement_s=20)
    async with Database(postgres_dsn, size=16, deadlines=patient) as wide:
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


async def test_a_crowd_gets_numbers_of_its_own(guest: GuestService, now: datetime) -> None:
    standings = await asyncio.gather(*(guest.standing(device(n), now) for n in range(120)))
    numbers = [s.number for s in standings if isinstance(s, Captive) and s.number is not None]
    assert len(set(numbers)) == len(numbers) == 120
    assert sum(number < 100 for number in numbers) == 90
