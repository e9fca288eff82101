"""Reconciling: what is due ends, the gate agrees, and nobody is put out by mistake."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.session import EndReason
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Captive
from portal.services.ports import DatabaseUnavailableError, GateUnavailableError
from portal.services.reconcile import Reconciled, Reconciliation
from portal.storage.database import Database, Deadlines
from portal.storage.sessions import PostgresSessions
from tests.portal.services.fakes import FakeGate

CARD, PIN = Secret("20000000000001"), Secret("1234")
MAIN: Sequence[SiteId] = (SiteId("main"),)


def device(number: int, site: str = "main") -> Device:
    return Device(MacAddress(f"02:00:00:00:00:{number:02x}"), SiteId(site))


@pytest.fixture
def reconciliation(doors: Doors, gate: FakeGate) -> Reconciliation:
    return Reconciliation(doors.sessions, gate, MAIN)


async def test_following_carries_over_only_what_changed(
    reconciliation: Reconciliation, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await guest.accept(device(1), now)
    await guest.accept(device(2), now)
    await reconciliation.run(now)
    await guest.accept(device(3), now)
    await guest.sign_out(device(1), now)
    gate.devices = {device(1).mac: 5.0, device(2).mac: 6.0}  # as if no call had come through
    await reconciliation.follow(now)
    assert gate.devices == {device(2).mac: 6.0, device(3).mac: 8.25 * 3600}


async def test_following_compares_all_at_first_and_after_a_failure(
    reconciliation: Reconciliation, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await guest.accept(device(1), now)
    gate.devices = {device(9).mac: 5.0}
    await reconciliation.follow(now)
    assert gate.devices == {device(1).mac: 8.25 * 3600}
    await guest.accept(device(2), now)
    await guest.sign_out(device(1), now)
    gate.failures = 1
    with pytest.raises(GateUnavailableError):
        await reconciliation.follow(now)
    gate.devices = {device(9).mac: 5.0}
    await reconciliation.follow(now)
    assert set(gate.devices) == {device(2).mac}


async def test_who_moved_here_from_another_site_stays(
    reconciliation: Reconciliation, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    looked, pressed = device(1), device(2)
    for phone in (looked, pressed, device(3)):
        await guest.sign_in_with_card(Device(phone.mac, SiteId("branch")), CARD, PIN, now)
    await reconciliation.run(now)
    assert gate.devices == {}  # nobody of them was seen here
    await guest.standing(looked, now)
    await guest.sign_in_with_card(pressed, CARD, PIN, now)
    await reconciliation.run(now)
    assert gate.devices.keys() == {looked.mac, pressed.mac}
    await guest.sign_out(Device(looked.mac, SiteId("branch")), now)
    await reconciliation.follow(now)
    assert gate.devices.keys() == {pressed.mac}


async def test_a_gate_that_forgot_is_told_again(
    reconciliation: Reconciliation, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await guest.accept(device(1), now)
    await guest.sign_in_with_card(device(2, "branch"), CARD, PIN, now)
    gate.devices = {device(9).mac: 5.0}
    assert await reconciliation.run(now) == Reconciled(ended=0, mended=2)
    assert gate.devices == {device(1).mac: 8.25 * 3600}
    assert await reconciliation.run(now) == Reconciled(ended=0, mended=0)


async def test_what_is_due_ends_for_its_own_reason_at_its_own_time(
    reconciliation: Reconciliation,
    guest: GuestService,
    gate: FakeGate,
    database: Database,
    now: datetime,
) -> None:
    await guest.accept(device(1), now)
    closing = now.replace(hour=18, minute=15)
    just_before = closing - timedelta(microseconds=1)
    assert await reconciliation.run(just_before) == Reconciled(0, 0)
    assert await reconciliation.run(closing + timedelta(minutes=40)) == Reconciled(1, 1)
    assert gate.devices == {}
    row = await database.fetch_row("SELECT ended_at, end_reason FROM past_session")
    assert row is not None
    assert (row["ended_at"], row["end_reason"]) == (closing, "closing_time")
    event = await database.fetch_row("SELECT at FROM event WHERE kind = 'session_ended'")
    assert event is not None
    assert event["at"] == closing
    standing = await guest.standing(device(1), closing + timedelta(minutes=41))
    assert isinstance(standing, Captive)
    assert standing.last_end is EndReason.CLOSING_TIME


async def test_an_end_on_time_puts_out_who_has_no_new_session(
    reconciliation: Reconciliation, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await guest.accept(device(1), now)
    await guest.accept(device(2), now)
    closing = now.replace(hour=18, minute=15)
    assert await reconciliation.end_due(closing - timedelta(seconds=1)) == 0
    tomorrow = now + timedelta(days=1)
    await guest.accept(device(2), tomorrow)  # ends its own old session
    assert await reconciliation.end_due(tomorrow) == 1
    assert gate.devices.keys() == {device(2).mac}


@pytest.mark.parametrize("end", [Reconciliation.end_due, Reconciliation.follow])
async def test_what_began_and_ended_between_two_looks_is_put_out(
    reconciliation: Reconciliation,
    guest: GuestService,
    gate: FakeGate,
    now: datetime,
    end: Callable[[Reconciliation, datetime], Awaitable[object]],
) -> None:
    await reconciliation.run(now)
    await guest.accept(device(1), now)
    assert gate.devices.keys() == {device(1).mac}
    await end(reconciliation, now.replace(hour=18, minute=15))
    assert gate.devices == {}


async def test_a_sign_in_meanwhile_is_not_undone(
    reconciliation: Reconciliation, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await guest.accept(device(1), now)

    async def sign_in_now() -> None:
        gate.before_reconciling = None
        await guest.accept(device(2), now)

    gate.before_reconciling = sign_in_now
    await reconciliation.run(now)
    assert gate.devices.keys() == {device(1).mac, device(2).mac}


async def test_a_sign_out_meanwhile_is_not_undone(
    reconciliation: Reconciliation, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await guest.accept(device(1), now)

    async def sign_out_now() -> None:
        gate.before_reconciling = None
        await guest.sign_out(device(1), now)

    gate.before_reconciling = sign_out_now
    await reconciliation.run(now)
    assert gate.devices == {}


async def test_a_database_that_is_away_puts_nobody_out(gate: FakeGate, now: datetime) -> None:
    gate.devices = {device(1).mac: 60.0}
    nowhere = "postgresql://kvar@/postgres?host=/nonexistent"
    async with Database(nowhere, deadlines=Deadlines(0.1, 0.1)) as away:
        reconciliation = Reconciliation(PostgresSessions(away), gate, MAIN)
        with pytest.raises(DatabaseUnavailableError):
            await reconciliation.run(now)
    assert gate.devices == {device(1).mac: 60.0}


async def test_a_gate_that_is_away_is_said_so(
    reconciliation: Reconciliation, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await guest.accept(device(1), now)
    gate.failures = 1
    with pytest.raises(GateUnavailableError):
        await reconciliation.run(now)
    assert await reconciliation.run(now) == Reconciled(0, 0)
