"""A guest's day, through the one service that the pages call, on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import LoginMethod, Site
from portal.domain.verification import Verification
from portal.services import attempts
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.key_ring import KeyRing
from portal.services.outcomes import Admitted, Captive, Online, RefusalReason, Refused
from portal.storage.database import Database
from tests.portal.services.fakes import FakeGate, FakeLibrary

CARD, PIN = Secret("2000 0000 0000 01"), Secret("1234")
OTHER_CARD, OTHER_PIN = Secret("20000000000002"), Secret("2345")
WRONG = Secret("9999")
HOUR = timedelta(hours=1)


def device(number: int = 1, site: str = "main") -> Device:
    return Device(MacAddress(f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"), SiteId(site))


def laptop(number: int) -> Device:
    """A device whose address is not made up: it does not change."""
    return Device(MacAddress(f"00:16:3e:00:00:{number:02x}"), SiteId("main"))


async def test_the_whole_way(guest: GuestService, gate: FakeGate, now: datetime) -> None:
    phone = device()
    standing = await guest.standing(phone, now)
    assert isinstance(standing, Captive)
    assert standing.number is not None
    assert 10 <= standing.number <= 99
    outcome = await guest.sign_in_with_card(phone, CARD, PIN, now)
    assert isinstance(outcome, Admitted)
    assert outcome.session.ground is Ground.CARD
    assert outcome.session.ends_at == now.replace(hour=18, minute=15)
    assert gate.devices == {phone.mac: 8.25 * 3600}
    assert await guest.standing(phone, now) == Online(outcome.session)
    assert await guest.sign_out(phone, now + HOUR)
    assert gate.devices == {}
    after = await guest.standing(phone, now + HOUR)
    assert isinstance(after, Captive)
    assert after.last_end is EndReason.LOGGED_OUT
    assert await guest.sign_out(phone, now + HOUR)


@pytest.mark.parametrize(
    ("card", "pin", "reason"),
    [
        (" ", "1234", RefusalReason.CARD_EMPTY),
        ("200000", "", RefusalReason.PIN_EMPTY),
        ("198112189876", "1234", RefusalReason.CARD_PERSONAL_NUMBER),
        ("2000|AD1234", "1234", RefusalReason.CARD_FORMAT),
        ("kort", "1234", RefusalReason.CARD_FORMAT),
        ("200000", "12|AA", RefusalReason.CREDENTIALS_WRONG),
    ],
)
async def test_what_is_never_sent(
    guest: GuestService,
    library: FakeLibrary,
    database: Database,
    now: datetime,
    card: str,
    pin: str,
    reason: RefusalReason,
) -> None:
    outcome = await guest.sign_in_with_card(device(), Secret(card), Secret(pin), now)
    assert isinstance(outcome, Refused)
    assert outcome.reason is reason
    assert not library.asked
    assert await database.fetch("SELECT FROM sign_in_attempt") == []


async def test_closed_and_not_offered(
    guest: GuestService, library: FakeLibrary, now: datetime
) -> None:
    night = now.replace(hour=21)
    opens = night.replace(hour=9) + 24 * HOUR
    closed = Refused(RefusalReason.CLOSED, opens_at=opens)
    assert await guest.sign_in_with_card(device(), CARD, PIN, night) == closed
    assert await guest.accept(device(), night) == closed
    not_offered = Refused(RefusalReason.METHOD_NOT_OFFERED)
    assert await guest.accept(device(site="branch"), now) == not_offered
    assert await guest.sign_in_with_card(device(site="lobby"), CARD, PIN, now) == not_offered
    assert not library.asked


async def test_no_library_system(doors: Doors, now: datetime) -> None:
    guest = GuestService(replace(doors, library=None))
    outcome = await guest.sign_in_with_card(device(), CARD, PIN, now)
    assert outcome == Refused(RefusalReason.METHOD_NOT_OFFERED)


async def test_a_wrong_pin_leaves_a_step_for_the_desk(
    guest: GuestService, database: Database, now: datetime
) -> None:
    await guest.standing(device(), now)
    outcome = await guest.sign_in_with_card(device(), CARD, WRONG, now)
    assert outcome == Refused(RefusalReason.CREDENTIALS_WRONG, attempts_left=2)
    row = await database.fetch_row("SELECT steps FROM arrival")
    assert row is not None
    assert row["steps"] == ["cred.wrong"]
    event = await database.fetch_row("SELECT kind, detail->>'reason' AS reason FROM event")
    assert event is not None
    assert (event["kind"], event["reason"]) == ("sign_in_refused", "cred.wrong")


@pytest.mark.parametrize(
    ("answer", "reason", "alarm"),
    [
        (Verification.BLOCKED, RefusalReason.CARD_BLOCKED, False),
        (Verification.EXPIRED, RefusalReason.CARD_EXPIRED, False),
        (Verification.UNAVAILABLE, RefusalReason.LIBRARY_SYSTEM_DOWN, False),
        (Verification.NOT_VERIFIED, RefusalReason.LIBRARY_SYSTEM_DOWN, True),
        (Verification.REFUSED_BY_SERVER, RefusalReason.LIBRARY_SYSTEM_DOWN, True),
    ],
)
async def test_answers_that_are_no_guesses(
    guest: GuestService,
    library: FakeLibrary,
    database: Database,
    now: datetime,
    answer: Verification,
    reason: RefusalReason,
    alarm: bool,
) -> None:
    library.answer = answer
    for _ in range(10):
        assert await guest.sign_in_with_card(device(), CARD, PIN, now) == Refused(reason)
    rows = await database.fetch("SELECT FROM event WHERE kind = 'library_system_misbehaved'")
    assert len(rows) == (10 if alarm else 0)
    library.answer = None
    assert isinstance(await guest.sign_in_with_card(device(), CARD, PIN, now), Admitted)


async def test_the_same_card_again_is_the_same_session(guest: GuestService, now: datetime) -> None:
    first = await guest.sign_in_with_card(device(), CARD, PIN, now)
    again = await guest.sign_in_with_card(device(), CARD, PIN, now + HOUR)
    assert isinstance(first, Admitted)
    assert isinstance(again, Admitted)
    assert again.session == replace(first.session, last_seen_at=now + HOUR)
    pressed = await guest.accept(device(), now)
    assert isinstance(pressed, Admitted)
    assert pressed.session == again.session


async def test_another_card_replaces_the_session_on_the_device(
    guest: GuestService, database: Database, gate: FakeGate, now: datetime
) -> None:
    first = await guest.sign_in_with_card(device(), CARD, PIN, now)
    second = await guest.sign_in_with_card(device(), OTHER_CARD, OTHER_PIN, now + HOUR)
    assert isinstance(first, Admitted)
    assert isinstance(second, Admitted)
    assert second.session.id != first.session.id
    row = await database.fetch_row("SELECT id, end_reason FROM past_session")
    assert row is not None
    assert (row["id"], row["end_reason"]) == (first.session.id, "replaced")
    assert device().mac in gate.devices


async def test_the_longest_absent_device_gives_way(
    guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    for number in range(1, 7):
        at = now + timedelta(minutes=number)
        outcome = await guest.sign_in_with_card(laptop(number), CARD, PIN, at)
        assert isinstance(outcome, Admitted)
    assert gate.devices.keys() == {laptop(number).mac for number in range(2, 7)}
    gone = await guest.standing(laptop(1), now + HOUR)
    assert isinstance(gone, Captive)
    assert gone.last_end is EndReason.REPLACED


async def test_a_protected_device_never_gives_way(
    guest: GuestService, database: Database, gate: FakeGate, now: datetime
) -> None:
    await guest.sign_in_with_card(laptop(1), CARD, PIN, now)
    await database.fetch("UPDATE live_session SET protected_until = $1", now + 2 * HOUR)
    for number in range(2, 8):
        at = now + timedelta(minutes=number)
        await guest.sign_in_with_card(laptop(number), CARD, PIN, at)
    assert gate.devices.keys() == {laptop(number).mac for number in (1, 4, 5, 6, 7)}
    other = await guest.sign_in_with_card(laptop(1), OTHER_CARD, OTHER_PIN, now + HOUR)
    assert isinstance(other, Admitted)
    assert other.session.protected_until is not None


async def test_extending(doors: Doors, gate: FakeGate, now: datetime) -> None:
    limited = replace(doors.sites[SiteId("main")], time_limit=HOUR)
    guest = GuestService(replace(doors, sites={limited.id: limited}))
    assert await guest.extend(device(), now) == Refused(RefusalReason.NOT_ONLINE)
    await guest.sign_in_with_card(device(), CARD, PIN, now)
    standing = await guest.standing(device(), now)
    assert isinstance(standing, Online)
    assert standing.extension == HOUR
    for presses in range(1, 8):
        session = await guest.extend(device(), now)
        assert isinstance(session, Session)
        assert session.extensions == presses
        assert session.ends_at == min(now + (presses + 1) * HOUR, now.replace(hour=18, minute=15))
    assert gate.devices[device().mac] == 8 * 3600
    session = await guest.extend(device(), now)
    assert isinstance(session, Session)
    assert session.ends_because is EndReason.CLOSING_TIME
    assert await guest.extend(device(), now) == Refused(RefusalReason.NOT_EXTENDABLE)
    over = await guest.extend(device(), now.replace(hour=18, minute=15))
    assert over == Refused(RefusalReason.NOT_ONLINE)


async def test_two_presses_at_once_are_one_extension(doors: Doors, now: datetime) -> None:
    limited = replace(doors.sites[SiteId("main")], time_limit=HOUR)
    guest = GuestService(replace(doors, sites={limited.id: limited}))
    await guest.sign_in_with_card(device(), CARD, PIN, now)
    answers = await asyncio.gather(*(guest.extend(device(), now) for _ in range(2)))
    ends = {answer.ends_at for answer in answers if isinstance(answer, Session)}
    assert len(answers) == 2
    assert ends in ({now + 2 * HOUR}, {now + 2 * HOUR, now + 3 * HOUR})


async def test_an_unknown_card_and_a_wrong_pin_are_told_the_same(
    guest: GuestService, now: datetime
) -> None:
    unknown = await guest.sign_in_with_card(device(1), Secret("29999999999999"), PIN, now)
    wrong = await guest.sign_in_with_card(device(2), CARD, WRONG, now)
    assert unknown == wrong


async def test_a_check_that_hangs_holds_its_place_for_a_while_only(
    guest: GuestService, library: FakeLibrary, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    monkeypatch.setattr(attempts, "BUSY_PATIENCE_S", 0.3)
    stuck = asyncio.Event()

    async def hang() -> None:
        await stuck.wait()

    library.before_answering = hang
    first = [
        asyncio.create_task(guest.sign_in_with_card(device(n), CARD, PIN, now)) for n in range(3)
    ]
    while library.asked[CARD.reveal().replace(" ", "")] < 3:
        await asyncio.sleep(0.01)
    minute = timedelta(minutes=1)
    busy = await guest.sign_in_with_card(device(9), CARD, PIN, now)
    assert busy == Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=now + minute)
    later = await guest.sign_in_with_card(device(9), CARD, PIN, now + minute)
    assert later == Refused(RefusalReason.TOO_MANY_ATTEMPTS)  # unanswered by now: it counts
    stuck.set()
    assert all(isinstance(outcome, Admitted) for outcome in await asyncio.gather(*first))
    assert isinstance(await guest.sign_in_with_card(device(9), CARD, PIN, now), Admitted)


async def test_an_open_network_asks_for_nothing(
    guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    phone = device(site="lobby")
    standing = await guest.standing(phone, now)
    assert isinstance(standing, Online)
    assert standing.session.ground is Ground.OPEN
    assert phone.mac in gate.devices
    assert isinstance(await guest.standing(device(2, "lobby"), now.replace(hour=22)), Captive)


async def test_a_press_on_an_open_network_says_why_it_is_shut(
    guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    closed = await guest.accept(device(site="lobby"), now.replace(hour=22))
    assert isinstance(closed, Refused)
    assert closed.reason is RefusalReason.CLOSED
    gate.failures = 10**6
    down = await guest.accept(device(site="lobby"), now)
    assert down == Refused(RefusalReason.SERVICE_DOWN)


async def test_a_session_of_a_site_unknown_here_can_be_extended(
    doors: Doors, now: datetime
) -> None:
    limited = replace(doors.sites[SiteId("main")], time_limit=HOUR)
    home = replace(limited, id=SiteId("branch"))
    at_home = GuestService(replace(doors, sites={home.id: home}))
    assert isinstance(
        await at_home.sign_in_with_card(device(site="branch"), CARD, PIN, now), Admitted
    )
    elsewhere = GuestService(replace(doors, sites={limited.id: limited}))
    assert isinstance(await elsewhere.extend(device(), now), Session)


async def test_one_session_for_all_sites(
    guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await guest.sign_in_with_card(device(site="branch"), CARD, PIN, now)
    gate.devices.clear()  # the main library's gate has not seen it yet
    standing = await guest.standing(device(site="main"), now)
    assert isinstance(standing, Online)
    assert standing.session.site_id == "branch"
    assert guest.site_of(standing.session, device(site="main")).id == "branch"
    assert device().mac in gate.devices


async def test_a_gate_that_restarts_is_waited_for(
    guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    gate.failures = 5
    assert isinstance(await guest.sign_in_with_card(device(), CARD, PIN, now), Admitted)
    assert device().mac in gate.devices


async def test_a_gate_that_stays_away_leaves_the_session_standing(
    guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    gate.failures = 10**6
    outcome = await guest.sign_in_with_card(device(), CARD, PIN, now)
    assert outcome == Refused(RefusalReason.SERVICE_DOWN)
    assert isinstance(await guest.standing(device(), now), Online)
    assert await guest.sign_out(device(), now)
    assert isinstance(await guest.standing(device(), now), Captive)


async def test_no_key_for_the_week_is_no_crash(doors: Doors, tmp_path: Path, now: datetime) -> None:
    (tmp_path / "file").touch()
    guest = GuestService(replace(doors, keys=KeyRing(tmp_path / "file" / "keys")))
    down = Refused(RefusalReason.SERVICE_DOWN)
    assert await guest.accept(device(), now) == down
    assert await guest.sign_in_with_card(device(), CARD, PIN, now) == down
    assert await guest.standing(device(), now) == Captive(number=None, is_certain=False)


async def test_no_key_for_the_record_changes_no_refusal(
    doors: Doors, tmp_path: Path, now: datetime
) -> None:
    keys = KeyRing(tmp_path / "year")
    keys.card(CARD, now)  # the year's key is there, the week's cannot be made
    (tmp_path / "year").rename(tmp_path / "away")
    (tmp_path / "year").touch()
    guest = GuestService(replace(doors, keys=keys))
    outcome = await guest.sign_in_with_card(device(), CARD, WRONG, now)
    assert outcome == Refused(RefusalReason.CREDENTIALS_WRONG, attempts_left=2)


async def test_who_is_there(guest: GuestService, gate: FakeGate) -> None:
    gate.addresses["192.0.2.7"] = device()
    assert await guest.identify("192.0.2.7") == device()
    assert await guest.identify("192.0.2.8") is None
    assert guest.site(SiteId("main")).name == "Main"


async def test_a_session_past_its_end_is_not_online(
    guest: GuestService, database: Database, now: datetime
) -> None:
    await guest.sign_in_with_card(device(), CARD, PIN, now)
    late = now.replace(hour=18, minute=15)
    assert isinstance(await guest.standing(device(), late), Captive)
    tomorrow = now + 24 * HOUR
    outcome = await guest.sign_in_with_card(device(), CARD, PIN, tomorrow)
    assert isinstance(outcome, Admitted)
    assert outcome.session.started_at == tomorrow
    row = await database.fetch_row("SELECT ended_at, end_reason FROM past_session")
    assert row is not None
    assert (row["ended_at"], row["end_reason"]) == (late, "closing_time")


async def test_no_card_pin_or_mac_address_is_left_in_the_database(
    guest: GuestService, database: Database, now: datetime
) -> None:
    phone = device()
    await guest.sign_in_with_card(phone, CARD, WRONG, now)
    await guest.sign_in_with_card(phone, CARD, PIN, now)
    await guest.sign_out(phone, now)
    tables = await database.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relname <> 'schema_migration'"
    )
    for table in tables:
        rows = await database.fetch(f"SELECT t::text AS text FROM {table['relname']} AS t")  # noqa: S608
        for row in rows:
            for secret in ("20000000000001", "1234'", WRONG.reveal(), phone.mac):
                assert secret not in row["text"], table["relname"]


def test_the_sites_of_the_fixture(sites: dict[SiteId, Site]) -> None:
    assert sites[SiteId("lobby")].login_methods == (LoginMethod.NONE,)
