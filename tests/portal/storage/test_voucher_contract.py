"""The contract of services.ports.vouchers, on PostgreSQL and in memory alike."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.domain.identity import Device, MacAddress, SiteId, Subject
from portal.domain.session import Claim, EndReason, Ground, start
from portal.domain.typed_code import CodeLimits
from portal.domain.voucher import Lasts, Serial, Voucher
from portal.services.ports import Kept, Opening, Sessions, Trace
from portal.services.ports.typed_codes import CodesBusy, DeviceWaits, UnknownCode
from portal.services.ports.vouchers import (
    Making,
    NewVoucher,
    NewVouchers,
    Redemption,
    Revoked,
    Sealed,
    VoucherChanged,
    VoucherFull,
    VoucherNames,
    VoucherStore,
    VoucherTried,
    VoucherUsed,
)
from portal.storage.database import Database
from portal.storage.sessions import PostgresSessions
from portal.storage.upkeep import PostgresUpkeep
from portal.storage.vouchers import PostgresVouchers
from tests.portal.services.stores import MemoryAttempts, MemoryGroups, MemorySessions
from tests.portal.services.voucher_store import MemoryVouchers

MAIN, BRANCH = SiteId("main"), SiteId("branch")
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
_ids = count(1)


@dataclass
class Stores:
    sessions: Sessions
    vouchers: VoucherStore


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        sessions = MemorySessions(MemoryAttempts())
        return Stores(sessions, MemoryVouchers(sessions, MemoryGroups(sessions)))
    database: Database = request.getfixturevalue("database")
    return Stores(PostgresSessions(database), PostgresVouchers(database))


def name(kind: str, number: int) -> Subject:
    return Subject(f"{kind:20}{number:012}".encode())


def new_voucher() -> NewVoucher:
    number = next(_ids)
    names = VoucherNames(
        key_id="voucher-2026",
        code=name("code", number),
        token=name("token", number),
        subject=name("subject", number),
        sealed=b"sealed",
    )
    return NewVoucher(UUID(int=number), names)


def order(now: datetime, *each: NewVoucher, **changes: object) -> NewVouchers:
    wanted = NewVouchers(
        making=UUID(int=next(_ids)),
        site_id=MAIN,
        lasts=Lasts(4 * HOUR),
        most_devices=1,
        starts_at=now,
        use_before=now + 180 * DAY,
        is_everywhere=False,
        preset="4-hours",
        each=each or [new_voucher()],
    )
    return replace(wanted, **changes)  # type: ignore[arg-type]


async def make(stores: Stores, now: datetime, *each: NewVoucher, **changes: object) -> Voucher:
    made = await stores.vouchers.make(order(now, *each, **changes), "ada", now, lambda _: None)
    assert made is not None
    return made[0]


def redemption(
    voucher: Voucher, number: int, now: datetime, *, hours: float = 8, site_id: SiteId = MAIN
) -> Redemption:
    device = Device(MacAddress(f"02:00:00:00:00:{number:02x}"), site_id)
    ends = (now + timedelta(hours=hours), EndReason.CLOSING_TIME)
    claim = Claim(Ground.VOUCHER, voucher.subject)
    session = start(UUID(int=next(_ids)), claim, device, ends, now)
    opening = Opening(session, Trace("log", bytes([number]) * 32, b"u" * 32), 2**31 - 1)
    ends_at = voucher.lasts.ends_at(now, ends[0])
    return Redemption(voucher, opening, ends_at, name("device", number))


async def use(stores: Stores, voucher: Voucher, number: int, now: datetime) -> VoucherUsed:
    used = await stores.vouchers.redeem(redemption(voucher, number, now))
    assert isinstance(used, VoucherUsed), used
    return used


async def shown(stores: Stores, voucher: Voucher) -> Voucher:
    found = await stores.vouchers.by_serial(voucher.serial)
    assert found is not None
    return found


async def test_what_is_made_is_found_by_all_its_names(stores: Stores, now: datetime) -> None:
    new = new_voucher()
    made = await make(stores, now, new)
    assert made == Voucher(
        id=new.id,
        making=made.making,
        serial=Serial("A", 1),
        site_id=MAIN,
        subject=new.names.subject,
        key_id="voucher-2026",
        lasts=Lasts(4 * HOUR),
        most_devices=1,
        made_at=now,
        starts_at=now,
        use_before=now + 180 * DAY,
        preset="4-hours",
        is_sealed=True,
    )
    names, other = new.names, name("other", 1)
    assert await stores.vouchers.by_code([other, names.code]) == made
    assert await stores.vouchers.by_token([names.token, other]) == made
    assert await stores.vouchers.by_serial(Serial("A", 1)) == made
    assert await stores.vouchers.by_subject(names.subject) == made
    assert await stores.vouchers.sealed([made]) == {made.id: Sealed("voucher-2026", b"sealed")}
    for nothing in (
        await stores.vouchers.by_code([other]),
        await stores.vouchers.by_token([]),
        await stores.vouchers.by_serial(Serial("A", 2)),
        await stores.vouchers.by_subject(other),
    ):
        assert nothing is None


async def test_serials_go_on_by_site_and_begin_anew_by_batch(stores: Stores, now: datetime) -> None:
    first = await make(stores, now)
    batch = await stores.vouchers.make(
        order(now, new_voucher(), new_voucher()), "ada", now, lambda _: None
    )
    assert batch is not None
    second = await make(stores, now + SECOND)
    elsewhere = await make(stores, now, site_id=BRANCH)
    assert [str(v.serial) for v in (first, *batch, second, elsewhere)] == [
        "A-0001",
        "B-0001",
        "B-0002",
        "A-0002",
        "C-0001",
    ]
    assert await stores.vouchers.recent(MAIN, 2) == [second, batch[1]]
    latest = await stores.vouchers.makings(MAIN, 3)
    assert latest[0] == Making(second, 1)
    assert {(one.first.id, one.count) for one in latest[1:]} == {(first.id, 1), (batch[0].id, 2)}
    assert await stores.vouchers.makings(MAIN, 1) == latest[:1]
    assert await stores.vouchers.of_series("B") == batch
    assert await stores.vouchers.of_series("Z") == []


async def test_of_a_making_with_a_code_that_is_taken_nothing_is_left(
    stores: Stores, now: datetime
) -> None:
    taken = new_voucher()
    await make(stores, now, taken)
    fresh, again = new_voucher(), new_voucher()
    again = replace(again, names=replace(again.names, code=taken.names.code))
    wanted = order(now, fresh, again)
    assert await stores.vouchers.make(wanted, "ada", now, lambda _: None) is None
    assert await stores.vouchers.by_code([fresh.names.code]) is None
    assert str((await make(stores, now)).serial) == "A-0002"


async def test_a_use_starts_the_clock_and_the_session(stores: Stores, now: datetime) -> None:
    voucher = await make(stores, now)
    wish = redemption(voucher, 1, now)
    used = await stores.vouchers.redeem(wish)
    session = replace(
        wish.opening.session, ends_at=now + 4 * HOUR, ends_because=EndReason.TIME_LIMIT
    )
    assert used == VoucherUsed(session, is_new=True)
    assert await stores.sessions.of_subject(voucher.subject) == [session]
    assert await stores.vouchers.has_place(voucher, wish.device)
    assert not await stores.vouchers.has_place(voucher, name("device", 2))
    assert await shown(stores, voucher) == replace(
        voucher, first_used_at=now, ends_at=now + 4 * HOUR, devices=1, is_sealed=False
    )
    assert await stores.vouchers.sealed([voucher]) == {voucher.id: Sealed("voucher-2026", None)}
    again = await stores.vouchers.redeem(redemption(voucher, 1, now + HOUR))
    assert again == VoucherUsed(replace(session, last_seen_at=now + HOUR), is_new=False)
    assert await stores.vouchers.redeem(redemption(voucher, 2, now + HOUR)) == VoucherFull()


async def test_the_site_may_end_a_session_sooner(stores: Stores, now: datetime) -> None:
    voucher = await make(stores, now, lasts=Lasts())
    used = await stores.vouchers.redeem(redemption(voucher, 1, now, hours=2))
    assert isinstance(used, VoucherUsed)
    assert used.session.ends_because is EndReason.CLOSING_TIME
    assert (await shown(stores, voucher)).ends_at == now + 2 * HOUR


async def test_what_cannot_be_used_any_more_is_to_be_looked_for_again(
    stores: Stores, now: datetime
) -> None:
    now += MINUTE
    early = await make(stores, now, starts_at=now + HOUR)
    late = await make(stores, now, use_before=now + HOUR)
    event = await make(stores, now, lasts=Lasts(until=now + HOUR))
    used = await make(stores, now)
    off = await make(stores, now - MINUTE, starts_at=now - MINUTE)
    await use(stores, used, 1, now)
    await stores.vouchers.revoke([off], "ada", now, only_unused=False)
    gone = replace(used, id=UUID(int=next(_ids)), subject=name("other", 1))
    for voucher, at in (
        (early, now),
        (late, now + HOUR),
        (event, now + HOUR),
        (used, now + 4 * HOUR),
        (off, now),
        (off, now - SECOND),  # by a clock that is behind
        (gone, now),
    ):
        assert await stores.vouchers.redeem(redemption(voucher, 2, at)) == VoucherChanged()
    assert await stores.sessions.find(MacAddress("02:00:00:00:00:02")) is None


async def test_the_place_goes_to_the_devices_new_address(stores: Stores, now: datetime) -> None:
    voucher = await make(stores, now)
    first = await use(stores, voucher, 1, now)
    soon, later = now + MINUTE, now + 2 * MINUTE
    wish = redemption(voucher, 2, soon)
    wish = replace(
        wish,
        opening=replace(wish.opening, continues=first.session.id),
        before=name("device", 1),
    )
    assert await stores.vouchers.redeem(wish) == VoucherFull(), "the other one is in use"
    wish = redemption(voucher, 2, later)
    wish = replace(
        wish,
        opening=replace(wish.opening, continues=first.session.id),
        before=name("device", 1),
    )
    second = await stores.vouchers.redeem(wish)
    assert isinstance(second, VoucherUsed)
    assert second.put_out == ()
    assert (await shown(stores, voucher)).devices == 1
    assert not await stores.vouchers.has_place(voucher, name("device", 1))
    assert await stores.vouchers.redeem(redemption(voucher, 1, later + MINUTE)) == VoucherFull()
    wish = redemption(voucher, 3, later + 2 * MINUTE)
    wish = replace(
        wish,
        opening=replace(wish.opening, continues=second.session.id),
        before=name("device", 2),
    )
    third = await stores.vouchers.redeem(wish)
    assert isinstance(third, VoucherUsed)
    assert third.put_out == (first.session.mac,)
    assert len(await stores.sessions.of_subject(voucher.subject)) == 2


async def test_no_place_is_taken_over_that_was_given_up(stores: Stores, now: datetime) -> None:
    """Whose session goes on elsewhere, and whom a tutor has let in again, has none."""
    voucher = await make(stores, now)
    first = await use(stores, voucher, 1, now)
    second = await goes_on(stores, voucher, (1, first), 2, now + HOUR)
    assert isinstance(second, VoucherUsed)
    tutor = redemption(voucher, 1, now + HOUR).opening
    by_tutor = replace(tutor.session, ground=Ground.TUTOR, subject=None)
    back = await stores.sessions.start(replace(tutor, session=by_tutor))
    assert (back.session.id, back.session.succeeded) == (first.session.id, False)
    assert await goes_on(stores, voucher, (1, first), 3, now + 2 * HOUR) == VoucherFull()
    assert (await shown(stores, voucher)).devices == 1


async def goes_on(
    stores: Stores, voucher: Voucher, old: tuple[int, VoucherUsed], number: int, now: datetime
) -> object:
    """Use the voucher on what may be the new address of an old device."""
    wish = redemption(voucher, number, now)
    opening = replace(wish.opening, continues=old[1].session.id)
    wish = replace(wish, opening=opening, before=name("device", old[0]))
    return await stores.vouchers.redeem(wish)


histories = st.lists(
    st.tuples(
        st.sampled_from(["use", "use", "go on", "log out", "turn off", "extend", "replace"]),
        st.integers(1, 4),  # device
        st.integers(1, 4),  # the device that it may have been before
        st.sampled_from([0, 1, 3, 30, 100]),  # minutes later
    ),
    max_size=14,
)


@settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories, places=st.integers(1, 2))
async def test_both_stores_answer_alike(
    database: Database, now: datetime, history: list[tuple[str, int, int, int]], places: int
) -> None:
    """Places, clocks and sessions in SQL against those in Python, in whatever order."""
    await database.fetch("DELETE FROM live_session")  # the examples share one database
    sessions = MemorySessions(MemoryAttempts())
    pair = (
        Stores(sessions, MemoryVouchers(sessions, MemoryGroups(sessions))),
        Stores(PostgresSessions(database), PostgresVouchers(database)),
    )
    new = new_voucher()
    making = UUID(int=next(_ids))
    current = [await make(stores, now, new, most_devices=places, making=making) for stores in pair]
    for what, number, other, minutes in history:
        now += minutes * MINUTE
        ids = next(_ids), new_voucher()
        told = [
            await _step(stores, voucher, (what, number, other), ids, now)
            for stores, voucher in zip(pair, current, strict=True)
        ]
        assert told[0] == told[1], (what, number, other)
        found = [await stores.vouchers.by_subject(new.names.subject) for stores in pair]
        assert found[0] is not None
        assert found[1] is not None
        assert replace(found[0], serial=found[1].serial) == found[1]
        current = [found[0], found[1]]
        assert found[0].devices <= places
        running = [await stores.sessions.of_subject(new.names.subject) for stores in pair]
        assert sorted(running[0], key=lambda s: s.mac) == sorted(running[1], key=lambda s: s.mac)


async def _step(
    stores: Stores,
    voucher: Voucher,
    step: tuple[str, int, int],
    ids: tuple[int, NewVoucher],
    now: datetime,
) -> object:
    what, number, other = step
    before = await stores.sessions.find(MacAddress(f"02:00:00:00:00:{other:02x}"))
    match what:
        case "use" | "go on":
            wish = redemption(voucher, number, now)
            session = replace(wish.opening.session, id=UUID(int=ids[0]))
            opening = replace(wish.opening, session=session)
            if what == "go on" and before is not None:
                opening = replace(opening, continues=before.id)
                wish = replace(wish, before=name("device", other))
            return await stores.vouchers.redeem(replace(wish, opening=opening))
        case "log out" if before is not None:
            return await stores.sessions.end(before.id, EndReason.LOGGED_OUT, now)
        case "turn off" if number == other:
            revoked = await stores.vouchers.revoke([voucher], "ada", now, only_unused=False)
            return revoked.count, sorted(revoked.put_out)
        case "extend" if voucher.ends_at is not None:
            longer = replace(voucher, ends_at=voucher.ends_at + HOUR)
            return await stores.vouchers.prolong(longer, {}, "ada", now)
        case "replace":
            return await stores.vouchers.replace(voucher, ids[1], "ada", now) is None
    return None


async def test_a_device_with_a_place_takes_over_nobodys_session(
    stores: Stores, now: datetime
) -> None:
    voucher = await make(stores, now, most_devices=2)
    first = await use(stores, voucher, 1, now)
    second = await use(stores, voucher, 2, now)
    await stores.sessions.end(second.session.id, EndReason.LOGGED_OUT, now + MINUTE)
    wish = redemption(voucher, 2, now + HOUR)
    wish = replace(
        wish,
        opening=replace(wish.opening, continues=first.session.id),
        before=name("device", 1),
    )
    assert isinstance(await stores.vouchers.redeem(wish), VoucherUsed)
    assert (await shown(stores, voucher)).devices == 2
    still = await stores.sessions.find(first.session.mac)
    assert still is not None
    assert not still.succeeded


async def test_guesses_are_counted_and_known_codes_are_not(stores: Stores, now: datetime) -> None:
    voucher = await make(stores, now)
    limits = CodeLimits(per_device=2, per_site=3, everywhere=4)
    code = VoucherTried([voucher_code(voucher)], name("phone", 1), MAIN)
    unknown = VoucherTried([name("other", 1), name("other", 2)], name("phone", 1), MAIN)

    async def tries(tried: VoucherTried, phone: int, site: SiteId = MAIN) -> object:
        tried = replace(tried, device=name("phone", phone), site_id=site)
        return await stores.vouchers.try_code(tried, limits, now)

    for _ in range(5):
        assert await tries(code, 1) == voucher
    assert [await tries(unknown, 1) for _ in range(2)] == [UnknownCode()] * 2
    assert await tries(code, 1) == DeviceWaits(now + 15 * MINUTE)
    assert await tries(unknown, 2) == UnknownCode()
    assert await tries(code, 3) == CodesBusy()
    assert await tries(unknown, 3, BRANCH) == UnknownCode()
    assert await tries(code, 4, BRANCH) == CodesBusy()


def voucher_code(voucher: Voucher) -> Subject:
    """Return the code of a voucher made by new_voucher."""
    return name("code", voucher.id.int)


async def test_how_many_codes_would_let_somebody_in(stores: Stores, now: datetime) -> None:
    unused, full = await make(stores, now), await make(stores, now)
    await make(stores, now, is_everywhere=True)
    half = await make(stores, now, most_devices=2)
    await use(stores, full, 1, now)
    await use(stores, half, 2, now)
    assert await stores.vouchers.live(MAIN, now) == 3
    assert await stores.vouchers.live(BRANCH, now) == 1
    await stores.vouchers.revoke([unused], "ada", now, only_unused=False)
    assert await stores.vouchers.live(MAIN, now) == 2


async def test_an_act_is_undone_as_far_as_nobody_used_it(stores: Stores, now: datetime) -> None:
    batch = await stores.vouchers.make(
        order(now, new_voucher(), new_voucher()), "ada", now, lambda _: None
    )
    assert batch is not None
    other = await make(stores, now)
    await use(stores, batch[0], 1, now)
    undo, making = stores.vouchers.undo, batch[0].making
    assert await undo(BRANCH, making, now - SECOND, "ada", now) == 0
    assert await undo(MAIN, making, now, "ada", now) == 0, "not after then"
    assert await undo(MAIN, making, now - SECOND, "ada", now) == 1
    assert await stores.vouchers.by_serial(batch[1].serial) is None
    assert await stores.vouchers.by_serial(batch[0].serial) is not None
    assert await stores.vouchers.by_serial(other.serial) is not None


async def test_turning_off_ends_sessions_and_forgets_slips(stores: Stores, now: datetime) -> None:
    used, unused, off = [await make(stores, now) for _ in range(3)]
    first = await use(stores, used, 1, now)
    revoke = stores.vouchers.revoke
    assert await revoke([off], "ada", now, only_unused=True) == Revoked(1)
    assert await revoke([used, unused, off], "ada", now, only_unused=True) == Revoked(1)
    assert await stores.sessions.of_subject(used.subject) == [first.session]
    off_now = await revoke([used, unused, off], "ada", now + HOUR, only_unused=False)
    assert off_now == Revoked(1, (first.session.mac,))
    assert await stores.sessions.of_subject(used.subject) == []
    assert (await shown(stores, used)).revoked_at == now + HOUR
    assert (await shown(stores, unused)).revoked_at == now, "the first time counts"
    assert await stores.vouchers.sealed([unused]) == {unused.id: Sealed("voucher-2026", None)}
    assert await revoke([used], "ada", now, only_unused=False) == Revoked(0)


async def test_clocks_are_moved_and_sessions_with_them(stores: Stores, now: datetime) -> None:
    used, unused = await make(stores, now), await make(stores, now)
    first = await use(stores, used, 1, now)
    current = await shown(stores, used)
    longer = replace(current, ends_at=now + 6 * HOUR)
    ends = {first.session.id: (now + 6 * HOUR, EndReason.TIME_LIMIT)}
    moved = await stores.vouchers.prolong(longer, ends, "ada", now)
    assert moved == [replace(first.session, ends_at=now + 6 * HOUR)]
    assert await shown(stores, used) == longer
    assert await stores.vouchers.prolong(longer, {}, "ada", now) == []
    later = replace(unused, use_before=now + 300 * DAY)
    assert await stores.vouchers.prolong(later, {}, "ada", now) == []
    assert await shown(stores, unused) == later
    assert await stores.vouchers.prolong(current, ends, "ada", now) == [], "never sooner"
    await stores.vouchers.revoke([used], "ada", now, only_unused=False)
    assert await stores.vouchers.prolong(longer, {}, "ada", now) is None


async def test_one_used_meanwhile_is_not_prolonged_as_unused(stores: Stores, now: datetime) -> None:
    voucher = await make(stores, now)
    later = replace(voucher, use_before=now + 300 * DAY)
    await use(stores, voucher, 1, now)
    assert await stores.vouchers.prolong(later, {}, "ada", now) is None


async def test_another_voucher_goes_on_with_what_is_left(stores: Stores, now: datetime) -> None:
    old = await make(stores, now, most_devices=2)
    first = await use(stores, old, 1, now)
    new = new_voucher()
    assert await stores.vouchers.replace(await make(stores, now), new, "ada", now) is None
    goes_on = await stores.vouchers.replace(old, new, "ada", now + HOUR)
    assert goes_on == replace(
        old,
        id=new.id,
        making=new.id,
        serial=Serial("A", 3),
        lasts=Lasts(until=now + 4 * HOUR),
        made_at=now + HOUR,
        first_used_at=now,
        ends_at=now + 4 * HOUR,
        devices=1,
        is_sealed=True,
    )
    assert await stores.sessions.of_subject(goes_on.subject) == [first.session]
    before = await shown(stores, old)
    assert (before.revoked_at, before.subject) == (now + HOUR, new.names.subject)
    assert await stores.vouchers.redeem(redemption(old, 2, now + HOUR)) == VoucherChanged()
    again = await stores.vouchers.redeem(redemption(goes_on, 1, now + HOUR))
    assert isinstance(again, VoucherUsed)
    assert again.session.id == first.session.id
    for at in (now + HOUR, now + HOUR - SECOND):
        assert await stores.vouchers.replace(old, new_voucher(), "ada", at) is None


async def test_desks_are_told_at_which_site_something_changed(
    database: Database, postgres_dsn: str, now: datetime
) -> None:
    stores = Stores(PostgresSessions(database), PostgresVouchers(database))
    told: asyncio.Queue[object] = asyncio.Queue()
    listener = await asyncpg.connect(postgres_dsn)
    await listener.add_listener("kvar_voucher", lambda *notice: told.put_nowait(notice[-1]))
    voucher = await make(stores, now)
    assert await told.get() == MAIN
    await use(stores, voucher, 1, now)
    assert await told.get() == MAIN
    batch = [new_voucher() for _ in range(250)]
    await make(stores, now, *batch, site_id=BRANCH)
    assert await told.get() == BRANCH
    await stores.vouchers.revoke([voucher], "ada", now, only_unused=False)
    assert await told.get() == MAIN, "a batch is told once"
    await listener.close()


async def test_vouchers_are_kept_as_long_as_said(database: Database, now: datetime) -> None:
    stores = Stores(PostgresSessions(database), PostgresVouchers(database))
    upkeep = PostgresUpkeep(database)
    used = await make(stores, now)
    await use(stores, used, 1, now)
    await stores.sessions.end_due([MAIN], now + DAY)
    batch = await stores.vouchers.make(
        order(now, new_voucher(), new_voucher()), "ada", now, lambda _: None
    )
    assert batch is not None
    await stores.vouchers.revoke(batch[:1], "ada", now + 40 * DAY, only_unused=False)
    kept = Kept()

    async def left(at: datetime) -> list[str]:
        await upkeep.tidy(kept, at)
        rows = await database.fetch("SELECT letters, number FROM voucher ORDER BY 1, 2")
        return [f"{row['letters']}{row['number']}" for row in rows]

    assert await left(now + 30 * DAY) == ["A1", "B1", "B2"]
    assert await left(now + 30 * DAY + 5 * HOUR) == ["B1", "B2"]
    assert await left(now + 70 * DAY + SECOND) == ["B2"]
    assert await left(now + 210 * DAY) == ["B2"]
    assert await left(now + 210 * DAY + SECOND) == []
    assert await database.fetch("SELECT FROM voucher_device") == []
    await left(now + 211 * DAY)
    rows = await database.fetch("SELECT letters FROM voucher_series")
    assert [row["letters"] for row in rows] == ["A"], "the site's own series goes on"
