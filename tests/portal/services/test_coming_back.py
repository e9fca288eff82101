"""A visit taken up again: by itself, by one press, or not at all; on a real PostgreSQL."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.domain.verification import Verification
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Captive, Online, RefusalReason, Refused
from portal.services.reconcile import Reconciliation
from portal.services.remembered import RememberedAtDesk
from portal.services.return_tickets import ReturnTickets
from portal.services.returning import Recognised, Returning
from portal.storage.database import Database
from portal.storage.sessions import PostgresSessions
from portal.storage.tutoring import PostgresTutored
from tests.portal.services.fakes import FakeGate, FakeLibrary

CARD, PIN = Secret("20000000000001"), Secret("1234")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PHONE = Device(MacAddress("02:00:00:00:00:01"), SiteId("main"))
LAPTOP = Device(MacAddress("00:1b:63:00:00:02"), SiteId("main"))


def at(site: str, device: Device = PHONE) -> Device:
    return Device(device.mac, SiteId(site))


async def sign_in(
    guest: GuestService, now: datetime, device: Device = PHONE, label: str | None = None
) -> Session:
    outcome = await guest.sign_in_with_card(device, CARD, PIN, now, remember_as=label)
    assert isinstance(outcome, Admitted), outcome
    return outcome.session


async def end(doors: Doors, session: Session, reason: EndReason, now: datetime) -> None:
    """End a session as presence does."""
    ended = await doors.sessions.end(session.id, reason, now)
    assert ended is not None
    await doors.gate.expel(session.mac)
    await ReturnTickets(doors).ended(ended, now)


async def seen(doors: Doors, now: datetime, device: Device = PHONE) -> Session | None:
    """What the keeper does when the gate tells of the device."""
    returning = Returning(doors)
    found = (await returning.recognise([device], now)).get(device.mac)
    return None if found is None else await returning.let_in(found, now)


async def captive(guest: GuestService, now: datetime, device: Device = PHONE) -> Captive:
    standing = await guest.standing(device, now)
    assert isinstance(standing, Captive), standing
    return standing


# --- the same day ---------------------------------------------------------------------------------


async def test_who_was_absent_comes_back_the_same_day_without_a_page(
    doors: Doors, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    before = await sign_in(guest, now)
    await end(doors, before, EndReason.ABSENT, now + HOUR)
    after = await seen(doors, now + 2 * HOUR, at("branch"))
    assert after is not None
    assert (after.subject, after.ground) == (before.subject, Ground.REMEMBERED)
    assert after.ends_at == now + 23 * HOUR, "by the rules of the library where it is"
    assert set(gate.devices) == {PHONE.mac}
    await end(doors, after, EndReason.LOGGED_OUT, now + 3 * HOUR)
    assert await seen(doors, now + 3 * HOUR) is None, "a ticket is good once"


async def test_the_page_lets_it_in_as_well(
    doors: Doors, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await end(doors, await sign_in(guest, now), EndReason.ABSENT, now + HOUR)
    assert isinstance(await guest.standing(PHONE, now + 2 * HOUR), Online)
    assert set(gate.devices) == {PHONE.mac}


async def test_a_gate_that_is_away_is_no_reason_to_show_the_login(
    doors: Doors, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await end(doors, await sign_in(guest, now), EndReason.ABSENT, now + HOUR)
    gate.failures = 1
    assert isinstance(await guest.standing(PHONE, now + 2 * HOUR), Online)


async def test_not_the_next_day_and_not_while_the_library_is_closed(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await end(doors, await sign_in(guest, now), EndReason.ABSENT, now + HOUR)
    assert await seen(doors, now + DAY) is None
    closed = now.replace(hour=20)
    assert await seen(doors, closed) is None
    assert not (await captive(guest, closed)).may_continue


@pytest.mark.parametrize("reason", [EndReason.REVOKED, EndReason.REPLACED])
async def test_who_was_put_out_on_purpose_stays_out(
    doors: Doors, guest: GuestService, now: datetime, reason: EndReason
) -> None:
    await end(doors, await sign_in(guest, now), reason, now + HOUR)
    assert await seen(doors, now + HOUR) is None
    assert not (await captive(guest, now + HOUR)).may_continue


async def test_an_end_noticed_the_day_after_leaves_nothing(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await sign_in(guest, now, at("branch"))
    keeper = Reconciliation(
        doors.sessions, doors.gate, list(doors.sites), ended=ReturnTickets(doors).ended
    )
    await keeper.run(now + 2 * DAY)  # it ended after 21 hours
    assert not (await captive(guest, now + 2 * DAY, at("branch"))).may_continue


# --- continue -------------------------------------------------------------------------------------


async def by_time_limit(
    doors: Doors, guest: GuestService, database: Database, now: datetime
) -> None:
    session = await sign_in(guest, now)
    await database.fetch(
        "UPDATE live_session SET ends_at = $2, ends_because = 'time_limit' WHERE id = $1",
        session.id,
        now + HOUR,
    )
    keeper = Reconciliation(
        doors.sessions, doors.gate, list(doors.sites), ended=ReturnTickets(doors).ended
    )
    await keeper.end_due(now + HOUR)


async def test_a_visit_that_ran_out_is_continued_by_one_press(
    doors: Doors, guest: GuestService, database: Database, gate: FakeGate, now: datetime
) -> None:
    await by_time_limit(doors, guest, database, now)
    assert gate.devices == {}
    later = now + HOUR
    assert await seen(doors, later) is None, "not by itself"
    assert (await captive(guest, later)).may_continue
    outcome = await guest.continue_visit(PHONE, later)
    assert isinstance(outcome, Admitted)
    assert set(gate.devices) == {PHONE.mac}
    assert await guest.continue_visit(PHONE, later) == outcome, "twice is once"
    assert await guest.sign_out(PHONE, later)
    assert not (await captive(guest, later)).may_continue
    assert await guest.continue_visit(PHONE, later) == Refused(RefusalReason.NOT_ONLINE)


async def test_whoever_signs_in_meanwhile_leaves_nothing_to_continue(
    doors: Doors, guest: GuestService, database: Database, now: datetime
) -> None:
    await by_time_limit(doors, guest, database, now)
    await guest.accept(PHONE, now + HOUR)
    assert await guest.sign_out(PHONE, now + HOUR)
    assert not (await captive(guest, now + HOUR)).may_continue


async def test_continue_tells_of_a_database_that_is_away(doors: Doors, now: datetime) -> None:
    async with Database("postgresql://127.0.0.1:1/none", size=1) as away:
        guest = GuestService(replace(doors, sessions=PostgresSessions(away)))
        assert await guest.continue_visit(PHONE, now) == Refused(RefusalReason.SERVICE_DOWN)


@pytest.mark.parametrize("reason", [EndReason.ABSENT, EndReason.TIME_LIMIT])
async def test_who_logs_out_after_the_end_leaves_nothing_to_take_up(
    doors: Doors, guest: GuestService, now: datetime, reason: EndReason
) -> None:
    """From an old status page: the next person with the device must not go on as this one."""
    await end(doors, await sign_in(guest, now), reason, now + HOUR)
    assert await guest.sign_out(PHONE, now + HOUR)
    assert await seen(doors, now + HOUR) is None
    assert not (await captive(guest, now + HOUR)).may_continue
    assert await guest.continue_visit(PHONE, now + HOUR) == Refused(RefusalReason.NOT_ONLINE)


# --- remembered devices ---------------------------------------------------------------------------


async def test_a_remembered_device_comes_back_the_next_day_at_any_library(
    doors: Doors, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    first = await sign_in(guest, now, label="iPhone")
    await end(doors, first, EndReason.CLOSING_TIME, now.replace(hour=18))
    gate.devices.clear()
    tomorrow = now + DAY
    session = await seen(doors, tomorrow, at("branch"))
    assert session is not None
    assert (session.ground, session.subject) == (Ground.REMEMBERED, first.subject)
    device = await guest.remembered_here(PHONE, tomorrow)
    assert device is not None
    assert (device.label, device.added_at, device.last_visit_at) == ("iPhone", now, tomorrow)
    assert device.expires_at == tomorrow + 90 * DAY
    assert await guest.remembered_devices(PHONE, tomorrow) is None, "no card was shown"


async def test_without_the_tick_nobody_is_remembered(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await end(doors, await sign_in(guest, now), EndReason.CLOSING_TIME, now.replace(hour=18))
    assert await guest.remembered_here(PHONE, now) is None
    assert await seen(doors, now + DAY) is None


async def test_it_stays_out_where_cards_are_not_taken_and_while_closed(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await end(doors, await sign_in(guest, now, label=""), EndReason.CLOSING_TIME, now)
    assert await seen(doors, now + DAY, at("lobby")) is None
    assert await seen(doors, (now + DAY).replace(hour=3)) is None
    assert await seen(doors, now + 91 * DAY) is None
    assert await seen(doors, now + DAY) is not None


async def test_who_logs_out_stays_out_that_day(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await sign_in(guest, now, label="iPhone")
    assert await guest.sign_out(PHONE, now + HOUR)
    assert await seen(doors, now + HOUR) is None
    assert not (await captive(guest, now + HOUR)).may_continue
    assert await seen(doors, now + DAY) is not None


async def test_a_remembered_device_puts_nobody_out(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await end(doors, await sign_in(guest, now, label=""), EndReason.CLOSING_TIME, now)
    tomorrow = now + DAY
    for number in range(5):
        mac = MacAddress(f"00:1b:63:00:01:0{number}")
        await sign_in(guest, tomorrow, Device(mac, PHONE.site_id))
    assert await seen(doors, tomorrow) is None


async def test_its_owner_lists_and_forgets_it(guest: GuestService, now: datetime) -> None:
    await sign_in(guest, now, label="iPhone")
    await sign_in(guest, now, LAPTOP, label="Mac")
    listed = await guest.remembered_devices(LAPTOP, now)
    assert listed is not None
    assert {device.label for device in listed} == {"iPhone", "Mac"}
    phone = next(device for device in listed if device.label == "iPhone")
    await guest.forget_listed(LAPTOP, phone.id)
    assert await guest.remembered_here(PHONE, now) is None
    await guest.forget_here(LAPTOP, now)
    assert await guest.remembered_devices(LAPTOP, now) == []


async def test_who_only_has_the_address_lists_and_forgets_nothing(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await end(doors, await sign_in(guest, now, label="iPhone"), EndReason.CLOSING_TIME, now)
    assert await seen(doors, now + DAY) is not None
    kept = await guest.remembered_here(PHONE, now + DAY)
    assert kept is not None
    await guest.forget_listed(PHONE, kept.id)
    await guest.forget_listed(LAPTOP, kept.id)
    assert await guest.remembered_here(PHONE, now + DAY) == kept


@pytest.mark.parametrize("ground", [Ground.REMEMBERED, Ground.CARD])
async def test_another_card_shown_under_tutoring_sees_and_remembers_nothing(
    doors: Doors, guest: GuestService, database: Database, now: datetime, ground: Ground
) -> None:
    """The session stays its owner's: so do the devices, whoever has the address or the phone."""
    first = await sign_in(guest, now, label="iPhone" if ground is Ground.REMEMBERED else None)
    if ground is Ground.REMEMBERED:
        await end(doors, first, EndReason.CLOSING_TIME, now)
        now += DAY
        assert await seen(doors, now) is not None
    await database.fetch("UPDATE live_session SET protected_until = $1", now + 2 * HOUR)
    other = (Secret("20000000000002"), Secret("2345"))
    outcome = await guest.sign_in_with_card(PHONE, *other, now + HOUR, remember_as="theirs")
    assert isinstance(outcome, Admitted)
    assert (outcome.session.subject, outcome.session.ground) == (first.subject, ground)
    labels = await database.fetch("SELECT label FROM remembered_device")
    assert [row["label"] for row in labels] == (["iPhone"] if ground is Ground.REMEMBERED else [])
    if ground is Ground.REMEMBERED:
        assert await guest.remembered_devices(PHONE, now + HOUR) is None


@pytest.mark.parametrize("answer", [Verification.BLOCKED, Verification.EXPIRED])
async def test_a_card_that_is_no_good_any_more_is_forgotten_everywhere(
    doors: Doors,
    guest: GuestService,
    library: FakeLibrary,
    gate: FakeGate,
    now: datetime,
    answer: Verification,
) -> None:
    await end(doors, await sign_in(guest, now, label="iPhone"), EndReason.CLOSING_TIME, now)
    tomorrow = now + DAY
    assert await seen(doors, tomorrow) is not None
    library.answer = Verification.BAD_CREDENTIALS
    await guest.sign_in_with_card(LAPTOP, CARD, PIN, tomorrow)
    assert set(gate.devices) == {PHONE.mac}, "a wrong PIN forgets nobody"
    library.answer = answer
    await guest.sign_in_with_card(LAPTOP, CARD, PIN, tomorrow + HOUR)
    assert gate.devices == {}
    assert await guest.remembered_here(PHONE, tomorrow + HOUR) is None
    assert await seen(doors, tomorrow + HOUR) is None


async def test_it_is_known_over_the_turn_of_the_year(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await end(doors, await sign_in(guest, now, label="iPhone"), EndReason.CLOSING_TIME, now)
    january = datetime(2027, 1, 11, 10, tzinfo=now.tzinfo)
    assert await seen(doors, january) is not None
    kept = await guest.remembered_here(PHONE, january)
    assert kept is not None
    assert kept.name == doors.keys.device(PHONE.mac, january)
    assert kept.subject == doors.keys.card(CARD, now)
    assert kept.expires_at == datetime(2027, 4, 1, tzinfo=now.tzinfo)
    await sign_in(guest, january, LAPTOP)  # the card is shown, on any device
    kept = await guest.remembered_here(PHONE, january)
    assert kept is not None
    assert kept.subject == doors.keys.card(CARD, january)


async def test_staff_forget_a_device_by_the_number_it_shows(
    doors: Doors, guest: GuestService, database: Database, now: datetime
) -> None:
    desk = RememberedAtDesk(doors, PostgresTutored(database))
    await sign_in(guest, now, label="iPhone")
    await guest.sign_out(PHONE, now)
    number = (await captive(guest, now)).number
    assert number is not None
    assert not await desk.forget_device(PHONE.site_id, number + 1, "berit", now)
    assert await desk.forget_device(PHONE.site_id, number, "berit", now)
    assert not await desk.forget_device(PHONE.site_id, number, "berit", now)
    assert await seen(doors, now + DAY) is None
    row = await database.fetch_row("SELECT detail FROM event WHERE kind = 'device_forgotten'")
    assert row is not None
    assert "berit" in row["detail"]


async def test_what_was_recognised_and_forgotten_meanwhile_stays_out(
    doors: Doors, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await end(doors, await sign_in(guest, now, label=""), EndReason.CLOSING_TIME, now)
    returning = Returning(doors)
    found: Recognised = (await returning.recognise([PHONE], now + DAY))[PHONE.mac]
    await guest.forget_here(PHONE, now + DAY)
    assert await returning.let_in(found, now + DAY) is None
    assert gate.devices == {}


# --- a device that changed its address ------------------------------------------------------------

ROTATED = Device(MacAddress("da:00:00:00:00:99"), SiteId("main"))


async def test_a_card_goes_on_with_its_own_session_under_a_new_address(
    doors: Doors, guest: GuestService, database: Database, gate: FakeGate, now: datetime
) -> None:
    await sign_in(guest, now)
    held = now + 2 * HOUR
    await database.fetch(
        "UPDATE live_session SET ends_at = $1, ends_because = 'time_limit', extensions = 3,"
        " upload_bytes = 5, download_bytes = 7, protected_until = $2, tutored_as = 47",
        now + HOUR,
        held,
    )
    new = await sign_in(guest, now + HOUR / 2, ROTATED)
    assert (new.ends_at, new.ends_because) == (now + HOUR, EndReason.TIME_LIMIT)
    assert (new.extensions, new.upload_bytes, new.download_bytes) == (3, 5, 7)
    assert (new.protected_until, new.tutored_as) == (held, 47)
    before = await doors.sessions.find(PHONE.mac)
    assert before is not None
    assert (before.succeeded, before.tutored_as, before.upload_bytes) == (True, None, 0)
    assert set(gate.devices) == {PHONE.mac, ROTATED.mac}, "nobody is put out"


async def test_the_old_address_gives_up_its_place(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    """Ten addresses in a day and five places: never a dead end, and nobody gives way."""
    await sign_in(guest, now, LAPTOP)
    for number in range(10):
        mac = MacAddress(f"da:00:00:00:00:{number:02x}")
        later = now + number * timedelta(minutes=5)
        await sign_in(guest, later, Device(mac, PHONE.site_id))
    assert await doors.sessions.find(LAPTOP.mac) is not None
    subject = doors.keys.card(CARD, now)
    live = await doors.sessions.of_subject(subject)
    assert sum(not session.succeeded for session in live) == 2


async def test_a_device_in_use_goes_on_beside_the_new_one(
    doors: Doors, guest: GuestService, database: Database, now: datetime
) -> None:
    await sign_in(guest, now)
    later = now + HOUR
    await database.fetch("UPDATE live_session SET last_seen_at = $1", later - timedelta(minutes=1))
    await sign_in(guest, later, ROTATED)
    phone = await doors.sessions.find(PHONE.mac)
    assert phone is not None
    assert not phone.succeeded


async def test_a_card_shown_by_a_device_that_came_by_itself_is_shown(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await end(doors, await sign_in(guest, now, label=""), EndReason.CLOSING_TIME, now)
    assert await seen(doors, now + DAY) is not None
    session = await sign_in(guest, now + DAY)
    assert session.ground is Ground.CARD
