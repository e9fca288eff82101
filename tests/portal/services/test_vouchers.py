"""Vouchers on a real PostgreSQL, with a fake gate: made at the desk, used by guests."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from portal.domain.clock_jump import ClockReading
from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import LoginMethod
from portal.domain.typed_code import CodeLimits
from portal.domain.voucher import TO_CLOSING, Lasts, Voucher, VoucherState
from portal.domain.voucher_code import encode_token, has_long_run, with_check_digit
from portal.services.doors import Doors
from portal.services.group_tutoring import GroupTutoring, StartedGroup
from portal.services.guest import GuestService
from portal.services.key_ring import KeyRing
from portal.services.outcomes import (
    Admitted,
    Captive,
    Online,
    RefusalReason,
    Refused,
    VoucherOffer,
)
from portal.services.ports.tutoring import Tutor
from portal.services.ports.vouchers import NewVoucher, RedeemAnswer, Redemption
from portal.services.redeem import Redeem
from portal.services.return_tickets import ReturnTickets
from portal.services.tutoring import Tutoring
from portal.services.voucher_orders import (
    IssuedVoucher,
    MadeVouchers,
    Reprinted,
    VoucherOrder,
    VoucherRefusal,
)
from portal.services.voucher_secrets import draw_slip
from portal.services.vouchers import (
    Vouchers,
)
from portal.storage.clocks import PostgresClocks
from portal.storage.database import Database
from portal.storage.outages import PostgresOutages
from portal.storage.tutoring import PostgresTutored
from portal.storage.vouchers import PostgresVouchers
from tests.portal.services.fakes import FakeGate

MAIN, BRANCH, LOBBY = SiteId("main"), SiteId("branch"), SiteId("lobby")
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
CARD, PIN = Secret("20000000000001"), Secret("1234")
CLOSING = timedelta(hours=8, minutes=15)
"""From the tests' now to the end of the grace after closing."""


def phone(number: int, site_id: SiteId = MAIN) -> Device:
    return Device(MacAddress(f"02:00:00:00:00:{number:02x}"), site_id)


@pytest.fixture
def doors(doors: Doors) -> Doors:
    """Vouchers at the main site and the branch; not in the lobby."""
    both = (LoginMethod.CARD, LoginMethod.CODE)
    sites = {
        **doors.sites,
        MAIN: replace(doors.sites[MAIN], login_methods=both),
        BRANCH: replace(doors.sites[BRANCH], login_methods=both, name="Grenbiblioteket"),
    }
    return replace(doors, sites=sites)


@pytest.fixture
def guest(doors: Doors) -> GuestService:
    return GuestService(doors)


@pytest.fixture
def desk(doors: Doors) -> Vouchers:
    return Vouchers(doors)


async def make(
    desk: Vouchers, now: datetime, lasts: Lasts = TO_CLOSING, **order: object
) -> IssuedVoucher:
    made = await desk.make(VoucherOrder(MAIN, lasts, **order), "ada", now)  # type: ignore[arg-type]
    assert isinstance(made, MadeVouchers), made
    return made.issued[0]


async def use(guest: GuestService, device: Device, issued: IssuedVoucher, now: datetime) -> Session:
    outcome = await guest.join(device, issued.slip.code.reveal(), now)
    assert isinstance(outcome, Admitted), outcome
    return outcome.session


async def look(desk: Vouchers, issued: IssuedVoucher, now: datetime) -> Voucher:
    found = await desk.find(issued.voucher.site_id, str(issued.voucher.serial), now)
    assert isinstance(found, Voucher)
    return found


async def scan(
    guest: GuestService, device: Device, issued: IssuedVoucher, now: datetime
) -> Session:
    outcome = await guest.redeem(device, issued.slip.token.reveal().lower(), now)
    assert isinstance(outcome, Admitted), outcome
    return outcome.session


async def refused(
    guest: GuestService, device: Device, issued: IssuedVoucher, now: datetime
) -> Refused:
    """Type the code, and scan it: both are told the same."""
    outcome = await guest.join(device, issued.slip.code.reveal(), now)
    assert isinstance(outcome, Refused), outcome
    token = issued.slip.token.reveal()
    assert await guest.redeem(device, token, now) == outcome
    assert await guest.scanned(device, token, now) == outcome
    return outcome


async def events(database: Database, kind: str) -> list[dict[str, object]]:
    rows = await database.fetch("SELECT detail FROM event WHERE kind = $1 ORDER BY id", kind)
    return [json.loads(row["detail"]) for row in rows]


async def count(database: Database, table: str) -> int:
    row = await database.fetch_row(f"SELECT count(*) FROM {table}")  # noqa: S608 - a test's own
    assert row is not None
    return int(row["count"])


async def standing(guest: GuestService, device: Device, now: datetime) -> Captive:
    answer = await guest.standing(device, now)
    assert isinstance(answer, Captive)
    return answer


async def test_a_code_lets_a_device_in(
    desk: Vouchers, guest: GuestService, gate: FakeGate, database: Database, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(4 * HOUR))
    assert str(issued.voucher.serial) == "A-0001"
    assert issued.voucher.state(now) is VoucherState.UNUSED
    session = await use(guest, phone(1), issued, now + HOUR)
    assert (session.ground, session.ends_at) == (Ground.VOUCHER, now + 5 * HOUR)
    assert session.ends_because is EndReason.TIME_LIMIT
    assert gate.devices == {phone(1).mac: 4 * 3600}
    used = await look(desk, issued, now + HOUR)
    assert (used.devices, used.state(now + HOUR), used.is_sealed) == (1, VoucherState.IN_USE, False)
    assert await events(database, "vouchers_made") == [
        {"series": "A", "first": 1, "count": 1, "preset": "", "by": "ada"}
    ]
    assert await events(database, "voucher_used") == [{"serial": "A-0001"}]


async def test_a_slip_is_good_at_once_where_the_clock_is_behind(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    issued = await make(desk, now)
    await use(guest, phone(1), issued, now - 50 * SECOND)


async def test_so_does_the_qr_code_and_looking_at_it_uses_nothing(
    desk: Vouchers, guest: GuestService, database: Database, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(4 * HOUR))
    for _ in range(3):
        offer = await guest.scanned(phone(1), issued.slip.token.reveal(), now)
        assert isinstance(offer, VoucherOffer)
        assert (offer.online_until, offer.lasts_until) == (now + 4 * HOUR, now + 4 * HOUR)
    assert await count(database, "live_session") == 0
    assert (await look(desk, issued, now)).state(now) is VoucherState.UNUSED
    assert (await scan(guest, phone(1), issued, now)).ends_at == now + 4 * HOUR


async def test_a_visit_ends_at_closing_and_a_longer_code_goes_on_the_next_day(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    week = await make(desk, now, Lasts(7 * DAY))
    offer = await guest.scanned(phone(1), week.slip.token.reveal(), now)
    assert isinstance(offer, VoucherOffer)
    assert offer.ends_because is EndReason.CLOSING_TIME
    assert (offer.online_until, offer.lasts_until) == (now + CLOSING, now + 7 * DAY)
    session = await use(guest, phone(1), week, now)
    assert (session.ends_at, session.ends_because) == (now + CLOSING, EndReason.CLOSING_TIME)
    tomorrow = await use(guest, phone(1), week, now + DAY)
    assert tomorrow.ends_at == now + DAY + CLOSING
    last = await use(guest, phone(1), week, now + 7 * DAY - HOUR)
    assert (last.ends_at, last.ends_because) == (now + 7 * DAY, EndReason.TIME_LIMIT)
    assert (await look(desk, week, now)).devices == 1


async def test_a_code_until_closing_is_over_then(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    preset = desk.doors.sites[MAIN].voucher_presets[0]
    made = await desk.make(desk.order(MAIN, preset, now), "ada", now)
    assert isinstance(made, MadeVouchers)
    issued = made.issued[0]
    assert issued.voucher.use_before == desk.doors.sites[MAIN].end_of_day(now)
    session = await use(guest, phone(1), issued, now)
    assert (session.ends_at, session.ends_because) == (now + CLOSING, EndReason.CLOSING_TIME)
    assert (await refused(guest, phone(1), issued, now + DAY)) == Refused(
        RefusalReason.CODE_EXPIRED, valid_until=now + CLOSING
    )


async def test_an_event_has_one_end_for_all(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    group = desk.doors.sites[MAIN].voucher_presets[3]
    order = desk.order(MAIN, group, now, count=3, until=now + 2 * HOUR)
    made = await desk.make(order, "ada", now)
    assert isinstance(made, MadeVouchers)
    assert [str(each.voucher.serial) for each in made.issued] == ["A-0001", "A-0002", "A-0003"]
    for number, each in enumerate(made.issued):
        session = await use(guest, phone(number), each, now + number * MINUTE)
        assert session.ends_at == now + 2 * HOUR


async def test_a_typo_reaches_nobody_and_is_no_guess(
    desk: Vouchers, doors: Doors, database: Database, now: datetime
) -> None:
    """With no store of vouchers at all: whoever asked it would fail."""
    issued = await make(desk, now)
    code = issued.slip.code.reveal()
    alone = GuestService(replace(doors, vouchers=None))  # type: ignore[arg-type]
    for place in range(10):
        other = str((int(code[place]) + 1) % 10)
        typed = code[:place] + other + code[place + 1 :]
        assert await alone.join(phone(1), typed, now) == Refused(RefusalReason.CODE_TYPO)
    assert await alone.join(phone(1), " ", now) == Refused(RefusalReason.CODE_EMPTY)
    assert await alone.join(phone(1), code[:9], now) == Refused(
        RefusalReason.CODE_LENGTH, expected_length=10, actual_length=9
    )
    assert await count(database, "code_attempt") == 0


async def test_which_kind_of_code_is_meant_is_told_by_its_length(
    guest: GuestService, doors: Doors, now: datetime
) -> None:
    async def expected(site: GuestService, typed: str) -> int | None:
        outcome = await site.join(phone(1), typed, now)
        assert isinstance(outcome, Refused)
        return outcome.expected_length

    assert [await expected(guest, "1" * typed) for typed in (5, 7, 8, 9, 11)] == [6, 6, 10, 10, 10]
    sites = doors.sites
    only_codes = {**sites, MAIN: replace(sites[MAIN], tutoring=False)}
    only_groups = {**sites, MAIN: replace(sites[MAIN], login_methods=(LoginMethod.CARD,))}
    assert await expected(GuestService(replace(doors, sites=only_codes)), "1") == 10
    assert await expected(GuestService(replace(doors, sites=only_groups)), "1" * 10) == 6


async def test_codes_of_any_script_and_spacing_are_taken(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    issued = await make(desk, now, most_devices=5)
    code = issued.slip.code.reveal()
    arabic = "".join(chr(0x0660 + int(digit)) for digit in code)
    typed = [code, f" {code[:3]} {code[3:6]} {code[6:]} ", "-".join(code), arabic]
    for number, text in enumerate(typed):
        assert isinstance(await guest.join(phone(number), text, now), Admitted)


async def test_what_is_wrong_with_a_known_code_is_told_and_is_no_guess(
    desk: Vouchers, guest: GuestService, database: Database, now: datetime
) -> None:
    early = await make(desk, now, starts_at=now + DAY)
    late = await make(desk, now, use_before=now + MINUTE)
    off, full = await make(desk, now), await make(desk, now)
    await desk.revoke(MAIN, str(off.voucher.serial), "ada", now)
    await use(guest, phone(1), full, now)
    later = now + MINUTE
    assert await refused(guest, phone(2), early, later) == Refused(
        RefusalReason.CODE_EARLY, valid_from=now + DAY
    )
    assert await refused(guest, phone(2), late, later) == Refused(
        RefusalReason.CODE_EXPIRED, valid_until=later
    )
    assert await refused(guest, phone(2), off, later) == Refused(RefusalReason.CODE_REVOKED)
    assert await refused(guest, phone(2), full, later) == Refused(
        RefusalReason.CODE_FULL, devices=1
    )
    assert await refused(guest, phone(2, BRANCH), full, later) == Refused(
        RefusalReason.CODE_OTHER_SITE, site_name="Main"
    )
    assert await count(database, "code_attempt") == 0


async def test_a_code_of_another_nodes_site_is_told_without_its_name(
    desk: Vouchers, doors: Doors, now: datetime
) -> None:
    issued = await make(desk, now)
    sites = {BRANCH: doors.sites[BRANCH]}
    elsewhere = GuestService(replace(doors, sites=sites))
    outcome = await elsewhere.join(phone(1, BRANCH), issued.slip.code.reveal(), now)
    assert outcome == Refused(RefusalReason.CODE_OTHER_SITE)


async def test_codes_are_taken_where_they_are_offered_and_while_it_is_open(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    issued = await make(desk, now, is_everywhere=True)
    token = issued.slip.token.reveal()
    not_here = Refused(RefusalReason.METHOD_NOT_OFFERED)
    assert await guest.redeem(phone(1, LOBBY), token, now) == not_here
    assert await guest.scanned(phone(1, LOBBY), token, now) == not_here
    night = await refused(guest, phone(1), issued, now + 12 * HOUR)
    assert night.reason is RefusalReason.CLOSED
    assert (await use(guest, phone(1, BRANCH), issued, now)).site_id == BRANCH
    order = VoucherOrder(LOBBY)
    assert await desk.make(order, "ada", now) is VoucherRefusal.NOT_OFFERED


async def test_places_are_counted_by_device_and_never_by_login(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(7 * DAY), most_devices=2)
    for day in range(3):
        for number in (1, 2):
            device = phone(number)
            await use(guest, device, issued, now + day * DAY)
            await scan(guest, device, issued, now + day * DAY)
            await guest.sign_out(device, now + day * DAY + HOUR)
    assert (await look(desk, issued, now)).devices == 2
    outcome = await refused(guest, phone(3), issued, now + 3 * DAY)
    assert outcome == Refused(RefusalReason.CODE_FULL, devices=2)


async def test_unknown_codes_are_counted_together_with_room_codes(
    desk: Vouchers, guest: GuestService, database: Database, now: datetime
) -> None:
    issued = await make(desk, now)
    unknown = with_check_digit("408512773")
    room = [f"{n}" for n in range(135790, 135795)]
    for number in range(5):
        assert await guest.join(phone(1), unknown, now) == Refused(RefusalReason.CODE_UNKNOWN)
        assert await guest.join(phone(1), room[number], now) == Refused(RefusalReason.CODE_UNKNOWN)
    for code in (unknown, room[0], issued.slip.code.reveal()):
        waits = await guest.join(phone(1), code, now + MINUTE)
        assert waits == Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=now + 15 * MINUTE)
    assert await count(database, "code_attempt") == 10
    await scan(guest, phone(1), issued, now + MINUTE)


async def test_above_the_sites_cap_only_typing_waits(
    desk: Vouchers, guest: GuestService, database: Database, now: datetime
) -> None:
    issued = await make(desk, now, most_devices=3)
    for number in range(60):
        code = with_check_digit(f"{408512000 + number}")
        await guest.join(phone(100 + number), code, now + number * SECOND)
        alarms = await events(database, "many_wrong_codes")
        assert len(alarms) == (number >= 29), "told once, at half the cap"
    later = now + 2 * MINUTE
    busy = await guest.join(phone(1), issued.slip.code.reveal(), later)
    assert busy == Refused(RefusalReason.CODES_BUSY)
    offer = await guest.scanned(phone(1), issued.slip.token.reveal(), later)
    assert isinstance(offer, VoucherOffer)
    await scan(guest, phone(1), issued, later)
    card = await guest.sign_in_with_card(phone(2), CARD, PIN, later)
    assert isinstance(card, Admitted)
    assert isinstance(await make(desk, later), IssuedVoucher)
    found = await desk.find(MAIN, issued.slip.code.reveal(), later)
    assert isinstance(found, Voucher), "staff are not guessing"
    other = await guest.join(phone(3, BRANCH), issued.slip.code.reveal(), later)
    assert isinstance(other, Refused)
    assert other.reason is RefusalReason.CODE_OTHER_SITE, "each site has a cap of its own"
    assert isinstance(
        await guest.join(phone(3), issued.slip.code.reveal(), now + 2 * HOUR), Admitted
    )


async def test_the_whole_installation_has_a_cap(
    doors: Doors, desk: Vouchers, now: datetime
) -> None:
    few = Redeem(doors, CodeLimits(per_site=3, everywhere=4))
    issued = await make(desk, now, is_everywhere=True)
    tried = [
        (await few.with_code(phone(n, site), with_check_digit(f"40851200{n}"), now))
        for n, site in enumerate([MAIN, MAIN, BRANCH, BRANCH])
    ]
    assert {t.reason for t in tried if isinstance(t, Refused)} == {RefusalReason.CODE_UNKNOWN}
    for site in (MAIN, BRANCH):
        outcome = await few.with_code(phone(9, site), issued.slip.code.reveal(), now)
        assert outcome == Refused(RefusalReason.CODES_BUSY)


async def test_a_phone_that_changes_its_address_keeps_its_place_and_its_session(
    desk: Vouchers, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(4 * HOUR))
    first = await use(guest, phone(1), issued, now)
    soon, later = now + MINUTE, now + 10 * MINUTE
    assert (await refused(guest, phone(2), issued, soon)).reason is RefusalReason.CODE_FULL
    offer = await guest.scanned(phone(2), issued.slip.token.reveal(), later)
    assert isinstance(offer, VoucherOffer)
    goes_on = await use(guest, phone(2), issued, later)
    assert goes_on.id != first.id
    assert goes_on.ends_at == first.ends_at
    assert (await look(desk, issued, later)).devices == 1
    assert set(gate.devices) == {phone(1).mac, phone(2).mac}, "a wrong guess throws nobody out"
    third = await use(guest, phone(3), issued, later + 10 * MINUTE)
    assert third.ends_at == first.ends_at
    assert set(gate.devices) == {phone(2).mac, phone(3).mac}, "but a code is not handed round"
    gone = await standing(guest, phone(1), later + 11 * MINUTE)
    assert (gone.last_end, gone.last_ground) == (EndReason.REPLACED, Ground.VOUCHER)


async def test_a_voucher_on_a_card_session_and_the_other_way_round(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(HOUR))
    await guest.sign_in_with_card(phone(1), CARD, PIN, now)
    by_code = await use(guest, phone(1), issued, now)
    assert (by_code.ground, by_code.ends_at) == (Ground.VOUCHER, now + HOUR)
    by_card = await guest.sign_in_with_card(phone(1), CARD, PIN, now)
    assert isinstance(by_card, Admitted)
    assert by_card.session.ground is Ground.CARD


async def test_under_tutoring_a_voucher_is_not_used_up(
    desk: Vouchers, guest: GuestService, doors: Doors, database: Database, now: datetime
) -> None:
    issued = await make(desk, now)
    device = phone(1)
    number = (await standing(guest, device, now)).number
    assert number is not None
    tutoring = Tutoring(doors, PostgresTutored(database))
    held = await tutoring.let_in(MAIN, Tutor("ada", number), HOUR, now)
    assert isinstance(held, Session)
    outcome = await guest.join(device, issued.slip.code.reveal(), now)
    assert isinstance(outcome, Admitted)
    assert (outcome.session.id, outcome.is_own) == (held.id, False)
    assert (await look(desk, issued, now)).state(now) is VoucherState.UNUSED


async def test_turned_off_the_devices_are_out_at_once_and_are_told(
    desk: Vouchers, guest: GuestService, gate: FakeGate, database: Database, now: datetime
) -> None:
    issued, other = await make(desk, now, most_devices=2), await make(desk, now)
    for number, each in ((1, issued), (2, issued), (3, other)):
        await use(guest, phone(number), each, now)
    off = await desk.revoke(MAIN, "a1", "bo", now + MINUTE)
    assert isinstance(off, Voucher)
    assert off.state(now + MINUTE) is VoucherState.REVOKED
    assert set(gate.devices) == {phone(3).mac}
    for number in (1, 2):
        gone = await standing(guest, phone(number), now + MINUTE)
        assert (gone.last_end, gone.last_ground) == (EndReason.REVOKED, Ground.VOUCHER)
        assert not gone.may_continue
    assert (await refused(guest, phone(1), issued, now + MINUTE)).reason is (
        RefusalReason.CODE_REVOKED
    )
    assert await events(database, "vouchers_revoked") == [
        {"serial": "A-0001", "count": 1, "devices": 2, "by": "bo"}
    ]
    again = await desk.revoke(MAIN, "A-0001", "bo", now + HOUR)
    assert again == off, "once is enough"


async def test_turning_off_ends_a_tutored_visit_too(
    desk: Vouchers, guest: GuestService, doors: Doors, gate: FakeGate, now: datetime
) -> None:
    issued = await make(desk, now)
    await use(guest, phone(1), issued, now)
    started = await GroupTutoring(doors).start(MAIN, "ada", HOUR, 5, now)
    assert isinstance(started, StartedGroup)
    await guest.join(phone(1), started.code, now)
    await desk.revoke(MAIN, "A-0001", "ada", now + MINUTE)
    assert gate.devices == {}


async def test_a_batch_is_turned_off_as_a_whole_or_what_is_left_of_it(
    desk: Vouchers, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    single = await make(desk, now)
    made = await desk.make(VoucherOrder(MAIN, count=4), "ada", now)
    assert isinstance(made, MadeVouchers)
    assert [str(each.voucher.serial) for each in made.issued][:2] == ["B-0001", "B-0002"]
    await use(guest, phone(1), made.issued[0], now)
    assert await desk.revoke_series(MAIN, "b", "ada", now, only_unused=True) == 3
    assert gate.devices
    assert await desk.revoke_series(MAIN, "B", "ada", now) == 1
    assert not gate.devices
    assert await desk.revoke_series(MAIN, "C", "ada", now) is VoucherRefusal.NO_SUCH_VOUCHER
    assert await desk.revoke_series(BRANCH, "B", "ada", now) is VoucherRefusal.NO_SUCH_VOUCHER
    await make(desk, now)
    assert await desk.revoke_series(MAIN, "A", "ada", now) is VoucherRefusal.NOT_A_BATCH
    assert (await look(desk, single, now)).revoked_at is None


async def test_what_was_made_by_mistake_is_taken_back_for_ten_seconds(
    desk: Vouchers, guest: GuestService, database: Database, now: datetime
) -> None:
    made = await desk.make(VoucherOrder(MAIN, count=3), "ada", now)
    assert isinstance(made, MadeVouchers)
    await use(guest, phone(1), made.issued[1], now)
    assert await desk.undo(BRANCH, made.making, "ada", now) is VoucherRefusal.TOO_LATE
    assert await desk.undo(MAIN, made.making, "ada", now + 10 * SECOND) == 2
    assert await desk.undo(MAIN, made.making, "ada", now + 10 * SECOND) is VoucherRefusal.TOO_LATE
    assert (await guest.join(phone(2), made.issued[0].slip.code.reveal(), now)) == Refused(
        RefusalReason.CODE_UNKNOWN
    )
    assert await events(database, "vouchers_undone") == [
        {"series": "A", "first": 1, "count": 2, "by": "ada"}
    ]
    late = await desk.make(VoucherOrder(MAIN), "ada", now)
    assert isinstance(late, MadeVouchers)
    undone = await desk.undo(MAIN, late.making, "ada", now + 13 * SECOND)
    assert undone is VoucherRefusal.TOO_LATE


async def test_a_running_visit_is_extended_without_a_new_code(
    desk: Vouchers, guest: GuestService, gate: FakeGate, database: Database, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(2 * HOUR))
    await use(guest, phone(1), issued, now)
    longer = await desk.extend(MAIN, "A-0001", HOUR, "bo", now + HOUR)
    assert isinstance(longer, Voucher)
    assert longer.ends_at == now + 3 * HOUR
    assert gate.devices == {phone(1).mac: 2 * 3600}
    online = await guest.standing(phone(1), now + HOUR)
    assert isinstance(online, Online)
    assert online.session.ends_at == now + 3 * HOUR
    assert online.extension is None, "staff extend a voucher, its guest does not"
    await desk.extend(MAIN, "A-0001", DAY, "bo", now + HOUR)
    online = await guest.standing(phone(1), now + HOUR)
    assert isinstance(online, Online)
    assert online.session.ends_because is EndReason.CLOSING_TIME
    assert online.session.ends_at == now + CLOSING
    assert len(await events(database, "voucher_extended")) == 2
    assert (await events(database, "voucher_extended"))[0] == {"serial": "A-0001", "by": "bo"}


async def test_extended_after_its_end_the_same_code_lets_in_again(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(HOUR))
    await use(guest, phone(1), issued, now)
    later = now + 3 * HOUR
    assert (await refused(guest, phone(1), issued, later)).reason is RefusalReason.CODE_EXPIRED
    await desk.extend(MAIN, "A-0001", HOUR, "ada", later)
    assert (await use(guest, phone(1), issued, later)).ends_at == later + HOUR


async def test_one_that_nobody_used_may_be_used_later(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    issued = await make(desk, now, use_before=now + HOUR)
    longer = await desk.extend(MAIN, "A-0001", 2 * HOUR, "ada", now)
    assert isinstance(longer, Voucher)
    assert longer.use_before == now + 3 * HOUR
    await use(guest, phone(1), issued, now + 2 * HOUR)


async def test_what_cannot_be_extended(desk: Vouchers, now: datetime) -> None:
    await make(desk, now)
    zero = timedelta(0)
    assert await desk.extend(MAIN, "A-0001", zero, "ada", now) is VoucherRefusal.IMPOSSIBLE
    await desk.revoke(MAIN, "A-0001", "ada", now)
    assert await desk.extend(MAIN, "A-0001", HOUR, "ada", now) is VoucherRefusal.OVER


async def test_an_unused_slip_is_printed_again(
    desk: Vouchers, guest: GuestService, database: Database, now: datetime
) -> None:
    issued = await make(desk, now)
    again = await desk.reprint(MAIN, "A-0001", "bo", now)
    assert isinstance(again, Reprinted)
    assert not again.is_new
    assert again.issued.slip.code.reveal() == issued.slip.code.reveal()
    assert again.issued.slip.token.reveal() == issued.slip.token.reveal()
    assert await events(database, "voucher_reprinted") == [{"serial": "A-0001", "by": "bo"}]
    await use(guest, phone(1), again.issued, now)


async def test_a_used_one_goes_on_with_what_is_left_under_a_new_code(
    desk: Vouchers, guest: GuestService, gate: FakeGate, database: Database, now: datetime
) -> None:
    old = await make(desk, now, Lasts(4 * HOUR), most_devices=2)
    running = await use(guest, phone(1), old, now)
    again = await desk.reprint(MAIN, "A-0001", "bo", now + HOUR)
    assert isinstance(again, Reprinted)
    new = again.issued
    assert again.is_new
    assert str(new.voucher.serial) == "A-0002"
    assert new.voucher.remaining(now + HOUR) == 3 * HOUR
    assert new.slip.code.reveal() != old.slip.code.reveal()
    online = await guest.standing(phone(1), now + HOUR)
    assert isinstance(online, Online), "the running visit goes on"
    assert online.session.id == running.id
    assert (await refused(guest, phone(2), old, now + HOUR)) == Refused(RefusalReason.CODE_REVOKED)
    assert (await use(guest, phone(1), new, now + HOUR)).id == running.id, "it has its place still"
    second = await use(guest, phone(2), new, now + HOUR)
    assert second.ends_at == now + 4 * HOUR
    full = await refused(guest, phone(3), new, now + HOUR)
    assert full == Refused(RefusalReason.CODE_FULL, devices=2)
    await desk.revoke(MAIN, "A-0002", "bo", now + 2 * HOUR)
    assert gate.devices == {}, "whoever came by the old code belongs to the new one"
    assert await events(database, "voucher_replaced") == [
        {"serial": "A-0001", "new": "A-0002", "by": "bo"}
    ]


async def test_a_new_slip_can_be_printed_twice_before_it_is_used(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    await use(guest, phone(1), await make(desk, now, Lasts(4 * HOUR)), now)
    first = await desk.reprint(MAIN, "A-0001", "ada", now)
    second = await desk.reprint(MAIN, "A-0002", "ada", now)
    assert isinstance(first, Reprinted)
    assert isinstance(second, Reprinted)
    assert not second.is_new
    assert second.issued.slip.code.reveal() == first.issued.slip.code.reveal()


async def test_what_is_over_is_not_printed_again(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    await use(guest, phone(1), await make(desk, now, Lasts(HOUR)), now)
    assert await desk.reprint(MAIN, "A-0001", "ada", now + HOUR) is VoucherRefusal.OVER
    assert await desk.reprint(MAIN, "A-0009", "ada", now) is VoucherRefusal.NO_SUCH_VOUCHER


async def test_a_lost_key_is_told_and_no_other_slip_is_printed(
    desk: Vouchers, doors: Doors, tmp_path: Path, now: datetime
) -> None:
    await make(desk, now)
    elsewhere = Vouchers(replace(doors, keys=KeyRing(tmp_path / "other")))
    assert await elsewhere.reprint(MAIN, "A-0001", "ada", now) is VoucherRefusal.DATABASE_AWAY


async def test_the_desk_sees_its_own_sites_vouchers(desk: Vouchers, now: datetime) -> None:
    mine = await make(desk, now)
    theirs = await desk.make(VoucherOrder(BRANCH), "bo", now)
    shared = await make(desk, now + MINUTE, is_everywhere=True)
    assert isinstance(theirs, MadeVouchers)
    other = theirs.issued[0]
    assert str(other.voucher.serial) == "B-0001"
    nobody = VoucherRefusal.NO_SUCH_VOUCHER
    for text in ("B-0001", other.slip.code.reveal(), "nonsense", ""):
        assert await desk.find(MAIN, text, now) is nobody
    assert await desk.revoke(MAIN, "B-0001", "ada", now) is nobody
    assert await desk.extend(MAIN, "B-0001", HOUR, "ada", now) is nobody
    assert await desk.reprint(MAIN, "B-0001", "ada", now) is nobody
    assert await desk.find(BRANCH, shared.slip.code.reveal(), now) == shared.voucher
    assert await desk.find(MAIN, mine.slip.code.reveal(), now) == mine.voucher
    assert await desk.recent(MAIN) == [shared.voucher, mine.voucher]
    assert await desk.recent(MAIN, 1) == [shared.voucher]
    assert await desk.series(MAIN, "A") == [mine.voucher, shared.voucher]
    assert await desk.series(MAIN, "B") is nobody
    assert (await desk.live(MAIN, now), await desk.live(BRANCH, now)) == (2, 2)


async def test_a_list_is_taken_out_with_the_codes_of_unused_ones_only_if_wanted(
    desk: Vouchers, guest: GuestService, database: Database, now: datetime
) -> None:
    made = await desk.make(VoucherOrder(MAIN, count=3), "ada", now)
    assert isinstance(made, MadeVouchers)
    await use(guest, phone(1), made.issued[0], now)
    plain = await desk.export(MAIN, "a", "bo", now)
    assert not isinstance(plain, VoucherRefusal)
    assert [(str(v.serial), v.devices, slip) for v, slip in plain] == [
        ("A-0001", 1, None),
        ("A-0002", 0, None),
        ("A-0003", 0, None),
    ]
    full = await desk.export(MAIN, "A", "bo", now, with_codes=True)
    assert not isinstance(full, VoucherRefusal)
    assert [slip for _, slip in full] == [None, *(each.slip for each in made.issued[1:])]
    assert await desk.export(BRANCH, "A", "bo", now) is VoucherRefusal.NO_SUCH_VOUCHER
    for kind in ("vouchers_exported", "voucher_codes_exported"):
        assert await events(database, kind) == [{"serial": "A", "by": "bo"}]


async def test_a_thousand_are_made_with_progress(desk: Vouchers, now: datetime) -> None:
    told: list[int] = []
    made = await desk.make(VoucherOrder(MAIN, count=1000), "ada", now, told.append)
    assert isinstance(made, MadeVouchers)
    assert told == list(range(100, 1001, 100))
    assert [each.voucher.serial.number for each in made.issued] == list(range(1, 1001))
    assert len({each.slip.code.reveal() for each in made.issued}) == 1000
    assert not any(has_long_run(each.slip.code.reveal()) for each in made.issued)
    found = await desk.find(MAIN, made.issued[777].slip.code.reveal(), now)
    assert found == made.issued[777].voucher


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"count": 1001},
        {"most_devices": 0},
        {"most_devices": 501},
        {"use_before": -MINUTE},
        {"use_before": 367 * DAY},
        {"starts_at": 2 * DAY, "use_before": DAY},
        {"lasts": Lasts(timedelta(0))},
        {"lasts": Lasts(733 * DAY)},
    ],
)
async def test_an_impossible_order_makes_nothing(
    desk: Vouchers, now: datetime, change: dict[str, object]
) -> None:
    moments = {
        key: now + value if isinstance(value, timedelta) else value for key, value in change.items()
    }
    order = replace(VoucherOrder(MAIN), **moments)  # type: ignore[arg-type]
    assert await desk.make(order, "ada", now) is VoucherRefusal.IMPOSSIBLE


async def test_an_event_in_the_past_makes_nothing(desk: Vouchers, now: datetime) -> None:
    for until in (now, now + 733 * DAY):
        order = VoucherOrder(MAIN, Lasts(until=until))
        assert await desk.make(order, "ada", now) is VoucherRefusal.IMPOSSIBLE


async def test_a_code_that_is_taken_is_drawn_again(doors: Doors, now: datetime) -> None:
    first, second = draw_slip(), draw_slip()
    drawn = iter([first, first, second])
    desk = Vouchers(doors, draw=lambda: next(drawn))
    made = [await make(desk, now), await make(desk, now)]
    assert [each.slip for each in made] == [first, second]
    assert [each.voucher.serial.number for each in made] == [1, 2], "no number is lost"
    stuck = Vouchers(doors, draw=lambda: first)
    assert await stuck.make(VoucherOrder(MAIN), "ada", now) is VoucherRefusal.DATABASE_AWAY
    await use(GuestService(doors), phone(1), made[1], now)
    assert await stuck.reprint(MAIN, "A-0002", "ada", now) is VoucherRefusal.DATABASE_AWAY


async def test_the_clock_of_a_voucher_stands_still_under_tutoring(
    desk: Vouchers, guest: GuestService, doors: Doors, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(2 * HOUR))
    await use(guest, phone(1), issued, now)
    groups = GroupTutoring(doors)
    started = await groups.start(MAIN, "ada", 3 * HOUR, 5, now)
    assert isinstance(started, StartedGroup)
    await guest.join(phone(1), started.code, now + HOUR)
    await groups.end(MAIN, started.group.number, "ada", now + 150 * MINUTE)
    online = await guest.standing(phone(1), now + 150 * MINUTE)
    assert isinstance(online, Online)
    assert online.session.ends_at == now + 210 * MINUTE, "an hour was left, and is left"
    assert (await look(desk, issued, now)).ends_at == now + 210 * MINUTE


async def test_tutoring_makes_no_voucher_last_beyond_closing(
    desk: Vouchers, guest: GuestService, doors: Doors, now: datetime
) -> None:
    late, until_closing = await make(desk, now, Lasts(8 * HOUR)), await make(desk, now)
    for number, issued in ((1, late), (2, until_closing)):
        await use(guest, phone(number), issued, now)
    groups = GroupTutoring(doors)
    started = await groups.start(MAIN, "ada", 3 * HOUR, 5, now)
    assert isinstance(started, StartedGroup)
    for number in (1, 2):
        await guest.join(phone(number), started.code, now)
    await groups.end(MAIN, started.group.number, "ada", now + 2 * HOUR)
    for number in (1, 2):
        online = await guest.standing(phone(number), now + 2 * HOUR)
        assert isinstance(online, Online)
        assert online.session.ends_at == now + CLOSING
        assert online.session.ends_because is EndReason.CLOSING_TIME


async def absent(doors: Doors, session: Session, now: datetime) -> None:
    ended = await doors.sessions.end(session.id, EndReason.ABSENT, now)
    assert ended is not None
    await ReturnTickets(doors).ended(ended, now)


async def test_who_was_absent_comes_back_by_itself_and_no_longer_than_the_voucher(
    desk: Vouchers, guest: GuestService, doors: Doors, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(6 * HOUR))
    first = await use(guest, phone(1), issued, now)
    await absent(doors, first, now + 4 * HOUR)
    back = await guest.standing(phone(1), now + 4 * HOUR + MINUTE)
    assert isinstance(back, Online)
    assert (back.session.ground, back.session.ends_at) == (Ground.VOUCHER, now + 6 * HOUR)
    assert back.session.ends_because is EndReason.TIME_LIMIT
    await absent(doors, back.session, now + 6 * HOUR - SECOND)
    late = await standing(guest, phone(1), now + 6 * HOUR)
    assert not late.may_continue


async def test_a_code_that_was_turned_off_brings_nobody_back(
    desk: Vouchers, guest: GuestService, doors: Doors, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(6 * HOUR))
    first = await use(guest, phone(1), issued, now)
    await absent(doors, first, now + 5 * HOUR)
    await desk.revoke(MAIN, "A-0001", "ada", now + 5 * HOUR)
    assert not (await standing(guest, phone(1), now + 5 * HOUR)).may_continue


async def test_where_nothing_closes_a_long_code_is_taken_up_by_a_press(
    desk: Vouchers, guest: GuestService, doors: Doors, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(7 * DAY), is_everywhere=True)
    session = await use(guest, phone(1, BRANCH), issued, now)
    assert session.ends_at == now + 21 * HOUR
    later = now + 21 * HOUR
    [ended] = await doors.sessions.end_due([BRANCH], later)
    await ReturnTickets(doors).ended(ended, later)
    assert (await standing(guest, phone(1, BRANCH), later)).may_continue
    again = await guest.continue_visit(phone(1, BRANCH), later)
    assert isinstance(again, Admitted)
    assert again.session.ends_at == later + 21 * HOUR


async def test_time_without_internet_is_not_charged_to_the_voucher(
    desk: Vouchers, guest: GuestService, database: Database, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(2 * HOUR), most_devices=2)
    await use(guest, phone(1), issued, now)
    outages = PostgresOutages(database)
    latest = {MAIN: now + CLOSING}
    await outages.count(now + HOUR, now + HOUR + 30 * MINUTE, latest)
    assert (await look(desk, issued, now)).ends_at == now + 150 * MINUTE
    second = await use(guest, phone(2), issued, now + 2 * HOUR)
    assert second.ends_at == now + 150 * MINUTE


async def test_a_voucher_of_last_year_is_good_this_year(
    desk: Vouchers, guest: GuestService, now: datetime
) -> None:
    """Its names stand under the key of the year in which it was made."""
    old = await make(desk, now, most_devices=2, use_before=now + 300 * DAY)
    next_year = datetime(2027, 6, 1, 10, tzinfo=UTC)
    new = await make(desk, next_year)
    await use(guest, phone(1), new, next_year)
    await scan(guest, phone(2), old, next_year)
    assert await use(guest, phone(2), old, next_year)
    assert await desk.find(MAIN, old.slip.code.reveal(), next_year) == await look(
        desk, old, next_year
    )
    again = await desk.reprint(MAIN, str(old.voucher.serial), "ada", next_year)
    assert isinstance(again, Reprinted)
    await use(guest, phone(2), again.issued, next_year)
    assert again.issued.voucher.devices == 1, "its device is known under the new code"


@pytest.fixture
async def away() -> AsyncIterator[Database]:
    async with Database("postgresql://127.0.0.1:1/none", size=1) as closed:
        yield closed


async def test_a_database_that_is_away_is_told(
    desk: Vouchers, doors: Doors, away: Database, now: datetime
) -> None:
    issued = await make(desk, now)
    gone = replace(doors, vouchers=PostgresVouchers(away))
    guest, desk = GuestService(gone), Vouchers(gone)
    down = Refused(RefusalReason.SERVICE_DOWN)
    token = issued.slip.token.reveal()
    assert await guest.join(phone(1), issued.slip.code.reveal(), now) == down
    assert await guest.redeem(phone(1), token, now) == down
    assert await guest.scanned(phone(1), token, now) == down
    serial = str(issued.voucher.serial)
    answers = [
        await desk.make(VoucherOrder(MAIN), "ada", now),
        await desk.find(MAIN, serial, now),
        await desk.recent(MAIN),
        await desk.series(MAIN, "A"),
        await desk.live(MAIN, now),
        await desk.undo(MAIN, issued.voucher.making, "ada", now),
        await desk.revoke(MAIN, serial, "ada", now),
        await desk.revoke_series(MAIN, "A", "ada", now),
        await desk.extend(MAIN, serial, HOUR, "ada", now),
        await desk.reprint(MAIN, serial, "ada", now),
        await desk.export(MAIN, "A", "ada", now),
    ]
    assert set(answers) == {VoucherRefusal.DATABASE_AWAY}


async def test_a_gate_that_is_away_stops_no_extension(
    desk: Vouchers, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(HOUR))
    await use(guest, phone(1), issued, now)
    gate.failures = 1000
    longer = await desk.extend(MAIN, "A-0001", HOUR, "ada", now)
    assert isinstance(longer, Voucher)
    assert longer.ends_at == now + 2 * HOUR
    down = await guest.join(phone(1), issued.slip.code.reveal(), now)
    assert down == Refused(RefusalReason.SERVICE_DOWN)


async def test_a_session_that_began_elsewhere_is_let_in_here_too(
    desk: Vouchers, guest: GuestService, doors: Doors, now: datetime
) -> None:
    issued = await make(desk, now, is_everywhere=True)
    session = await use(guest, phone(1, BRANCH), issued, now)
    assert (await use(guest, phone(1), issued, now)).id == session.id
    assert [mac for mac, _ in await doors.sessions.admitted([MAIN], now)] == [phone(1).mac]


async def test_a_token_that_is_none_or_nobodys_is_unknown(
    desk: Vouchers, guest: GuestService, database: Database, now: datetime
) -> None:
    await make(desk, now)
    for token in ("", "x" * 26, encode_token(bytes(16))):
        unknown = Refused(RefusalReason.CODE_UNKNOWN)
        assert await guest.scanned(phone(1), token, now) == unknown
        assert await guest.redeem(phone(1), token, now) == unknown
    assert await count(database, "code_attempt") == 0


async def test_no_secret_of_a_voucher_shows_in_a_repr(desk: Vouchers, now: datetime) -> None:
    made = await desk.make(VoucherOrder(MAIN, count=2), "ada", now)
    assert isinstance(made, MadeVouchers)
    told = repr(made) + repr(await desk.doors.vouchers.sealed([made.issued[0].voucher]))
    for each in made.issued:
        assert each.slip.code.reveal() not in told
        assert each.slip.token.reveal() not in told


@pytest.mark.parametrize("tail", ["\r\n{}", "\x1b[31m", "\u202e", "x" * 1_000_000])
async def test_nothing_that_is_typed_is_logged(
    desk: Vouchers, guest: GuestService, now: datetime, tail: str
) -> None:
    with capture_logs() as lines:
        issued = await make(desk, now)
        code = issued.slip.code.reveal()
        await guest.join(phone(1), code + tail, now)
        await guest.redeem(phone(1), issued.slip.token.reveal() + tail, now)
        await guest.join(phone(1), with_check_digit("408512773"), now)
        await desk.find(MAIN, code + tail, now)
        await desk.revoke(MAIN, "A-0001" + tail, "ada", now)
        await use(guest, phone(1), issued, now)
    told = repr(lines)
    assert lines
    for secret in (code, issued.slip.token.reveal(), "4085127730", repr(tail)[1:-1][:40]):
        assert secret not in told


class Overtaken(PostgresVouchers):
    """A store in which somebody turns the voucher off, or takes it back, just before its use."""

    def __init__(self, database: Database, before: Callable[[], Awaitable[object]]) -> None:
        super().__init__(database)
        self.before = before

    async def redeem(self, wish: Redemption) -> RedeemAnswer:
        await self.before()
        return await super().redeem(wish)

    async def prolong(
        self,
        longer: Voucher,
        ends: Mapping[UUID, tuple[datetime, EndReason]],
        by: str,
        now: datetime,
    ) -> list[Session] | None:
        await self.before()
        return await super().prolong(longer, ends, by, now)

    async def replace(
        self, old: Voucher, new: NewVoucher, by: str, now: datetime
    ) -> Voucher | None:
        await self.before()
        return await super().replace(old, new, by, now)


async def test_what_staff_do_in_the_same_moment_holds(
    desk: Vouchers, guest: GuestService, doors: Doors, database: Database, now: datetime
) -> None:
    async def code_of(issued: IssuedVoucher, before: Callable[[], Awaitable[object]]) -> Refused:
        late = GuestService(replace(doors, vouchers=Overtaken(database, before)))
        outcome = await late.join(phone(9), issued.slip.code.reveal(), now)
        assert isinstance(outcome, Refused)
        return outcome

    off, undone = await make(desk, now), await make(desk, now)
    told = await code_of(off, lambda: desk.revoke(MAIN, str(off.voucher.serial), "bo", now))
    assert told == Refused(RefusalReason.CODE_REVOKED)
    told = await code_of(undone, lambda: desk.undo(MAIN, undone.voucher.making, "bo", now))
    assert told == Refused(RefusalReason.CODE_UNKNOWN)

    used = await make(desk, now)
    await use(guest, phone(1), used, now)
    serial = str(used.voucher.serial)
    store = Overtaken(database, lambda: desk.revoke(MAIN, serial, "bo", now))
    late = Vouchers(replace(doors, vouchers=store))
    assert await late.reprint(MAIN, serial, "ada", now) is VoucherRefusal.OVER
    fresh = await make(desk, now)
    store.before = lambda: use(guest, phone(2), fresh, now)
    serial = str(fresh.voucher.serial)
    assert await late.extend(MAIN, serial, HOUR, "ada", now) is VoucherRefusal.OVER


async def test_replaced_at_the_same_moment_the_old_code_is_off(
    desk: Vouchers, guest: GuestService, doors: Doors, database: Database, now: datetime
) -> None:
    """The new one has the old one's subject: the code still does not pass."""
    issued = await make(desk, now, Lasts(4 * HOUR), most_devices=2)
    await use(guest, phone(1), issued, now)
    store = Overtaken(database, lambda: desk.reprint(MAIN, "A-0001", "bo", now))
    late = GuestService(replace(doors, vouchers=store))
    outcome = await late.join(phone(2), issued.slip.code.reveal(), now)
    assert outcome == Refused(RefusalReason.CODE_REVOKED)


@pytest.mark.parametrize("jump", [timedelta(days=2), -timedelta(days=2), HOUR])
async def test_a_clock_that_is_put_right_moves_the_voucher_with_its_session(
    desk: Vouchers, guest: GuestService, database: Database, now: datetime, jump: timedelta
) -> None:
    made = await desk.make(VoucherOrder(MAIN, Lasts(4 * HOUR)), "ada", now)
    assert isinstance(made, MadeVouchers)
    outcome = await guest.join(phone(1), made.issued[0].slip.code.reveal(), now)
    assert isinstance(outcome, Admitted)
    clocks = PostgresClocks(database)
    await clocks.settle([MAIN], "one", ClockReading(now, 100.0))
    await clocks.settle([MAIN], "one", ClockReading(now + jump, 100.0))
    session = await desk.doors.sessions.find(phone(1).mac)
    found = await desk.find(MAIN, "A-0001", now)
    assert session is not None
    assert isinstance(found, Voucher)
    assert session.ends_at == outcome.session.ends_at + jump
    assert (found.ends_at, found.first_used_at) == (session.ends_at, now + jump)
