"""The contracts of services.ports, on PostgreSQL and on the stores in memory alike."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.domain.identity import Device, MacAddress, SiteId, Subject
from portal.domain.session import Claim, EndReason, Ground, Session, start
from portal.domain.sign_in_limits import Tally
from portal.domain.tutoring import Group
from portal.domain.typed_code import CodeLimits
from portal.domain.verification import Verification
from portal.services.ports import (
    Arrivals,
    Attempts,
    Event,
    EventKind,
    Events,
    Kept,
    Opening,
    Sessions,
    Started,
    Trace,
)
from portal.services.ports.courtesy import Confirmation, Courtesies
from portal.services.ports.tutoring_groups import (
    CodeTried,
    GroupFull,
    GroupOver,
    Groups,
    Joined,
    NewGroup,
)
from portal.services.ports.typed_codes import CodesBusy, DeviceWaits, UnknownCode
from portal.storage.arrivals import PostgresArrivals
from portal.storage.courtesy import PostgresCourtesies
from portal.storage.database import Database
from portal.storage.events import PostgresEvents
from portal.storage.sessions import PostgresSessions
from portal.storage.sign_in_attempts import PostgresAttempts
from portal.storage.tutoring_groups import PostgresGroups
from portal.storage.upkeep import PostgresUpkeep
from tests.portal.services.stores import (
    MemoryArrivals,
    MemoryAttempts,
    MemoryCourtesies,
    MemoryEvents,
    MemoryGroups,
    MemorySessions,
)

MAIN, BRANCH = SiteId("main"), SiteId("branch")
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
CARD, OTHER_CARD = Subject(b"c" * 32), Subject(b"o" * 32)


@dataclass
class Stores:
    sessions: Sessions
    attempts: Attempts
    arrivals: Arrivals
    events: Events
    courtesies: Courtesies
    groups: Groups


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return in_memory()
    return in_postgres(request.getfixturevalue("database"))


def in_memory() -> Stores:
    attempts = MemoryAttempts()
    sessions = MemorySessions(attempts)
    groups = MemoryGroups(sessions)
    courtesies = MemoryCourtesies(sessions)
    return Stores(sessions, attempts, MemoryArrivals(), MemoryEvents(), courtesies, groups)


def in_postgres(database: Database) -> Stores:
    return Stores(
        PostgresSessions(database),
        PostgresAttempts(database),
        PostgresArrivals(database),
        PostgresEvents(database),
        PostgresCourtesies(database),
        PostgresGroups(database),
    )


def mac(number: int) -> MacAddress:
    return MacAddress(f"02:00:00:00:00:{number:02x}")


def name(number: int) -> Subject:
    return Subject(number.to_bytes(32))


def opening(
    number: int,
    now: datetime,
    subject: Subject | None = None,
    *,
    site_id: SiteId = MAIN,
    most: int = 3,
    hours: float = 1,
) -> Opening:
    claim = Claim(Ground.CARD if subject else Ground.ACCEPT, subject)
    ends = (now + hours * HOUR, EndReason.TIME_LIMIT)
    session = start(_id(), claim, Device(mac(number), site_id), ends, now)
    return Opening(session, Trace("log", bytes([number]) * 32, subject), most)


_ids = iter(range(1, 10**9))


def _id() -> UUID:
    return UUID(int=next(_ids))


async def test_start_find_end(stores: Stores, now: datetime) -> None:
    wanted = opening(1, now, CARD)
    assert await stores.sessions.start(wanted) == Started(wanted.session, is_new=True)
    assert await stores.sessions.find(mac(1)) == wanted.session
    assert await stores.sessions.find(mac(2)) is None
    assert await stores.sessions.of_devices([mac(1), mac(2)]) == {mac(1): wanted.session}
    assert await stores.sessions.of_devices([]) == {}
    ended = await stores.sessions.end(wanted.session.id, EndReason.LOGGED_OUT, now + HOUR)
    assert ended == replace(wanted.session, ended_at=now + HOUR, end_reason=EndReason.LOGGED_OUT)
    assert await stores.sessions.end(wanted.session.id, EndReason.REVOKED, now + HOUR) is None
    assert await stores.sessions.find(mac(1)) is None
    assert await last_reason(stores, [bytes([1]) * 32], now) is EndReason.LOGGED_OUT
    assert await last_reason(stores, [bytes([2]) * 32], now) is None
    assert await last_reason(stores, [bytes([1]) * 32], now + 2 * HOUR) is None


async def last_reason(stores: Stores, devices: list[bytes], since: datetime) -> EndReason | None:
    last = await stores.sessions.last_end(devices, since)
    return None if last is None else last.reason


async def test_a_session_goes_on_under_another_address(stores: Stores, now: datetime) -> None:
    first = opening(1, now, CARD, most=1)
    await stores.sessions.start(first)
    later = now + 2 * MINUTE
    new = replace(opening(2, later, CARD, most=1), continues=first.session.id)
    goes_on = replace(new.session, ends_at=first.session.ends_at)
    assert await stores.sessions.start(new) == Started(goes_on, is_new=True)
    assert await stores.sessions.of_subject(CARD) == [
        replace(first.session, succeeded=True),
        goes_on,
    ]
    assert await stores.sessions.of_subject(OTHER_CARD) == []
    # it comes back: the same session, which has its place again, and there is only one
    again = await stores.sessions.start(opening(1, later, CARD, most=1))
    seen = replace(first.session, last_seen_at=later)
    assert again == Started(seen, is_new=False, put_out=(mac(2),))


async def test_no_session_goes_on_that_is_in_use_or_anothers(stores: Stores, now: datetime) -> None:
    first = opening(1, now, CARD)
    await stores.sessions.start(first)
    soon, later = now + MINUTE, now + 3 * MINUTE
    for wish in (
        replace(opening(2, soon, CARD), continues=first.session.id),
        replace(opening(3, later, OTHER_CARD), continues=first.session.id),
        replace(opening(4, later, CARD), continues=_id()),
    ):
        assert await stores.sessions.start(wish) == Started(wish.session, is_new=True)
    assert await stores.sessions.find(mac(1)) == first.session


async def test_a_clock_set_back_ends_no_session_before_it_began(
    stores: Stores, now: datetime
) -> None:
    wanted = opening(1, now)
    await stores.sessions.start(wanted)
    ended = await stores.sessions.end(wanted.session.id, EndReason.LOGGED_OUT, now - HOUR)
    assert ended is not None
    assert ended.ended_at == now


async def test_who_runs_on_and_who_is_replaced(stores: Stores, now: datetime) -> None:
    first = await stores.sessions.start(opening(1, now, CARD))
    same = await stores.sessions.start(opening(1, now + MINUTE, CARD))
    seen = replace(first.session, last_seen_at=now + MINUTE)
    assert same == Started(seen, is_new=False)
    assert await stores.sessions.start(opening(1, now, None)) == same
    other = await stores.sessions.start(opening(1, now + MINUTE, OTHER_CARD))
    assert other.is_new
    assert other.put_out == ()
    assert await last_reason(stores, [bytes([1]) * 32], now) is EndReason.REPLACED


async def test_a_session_without_owner_is_replaced_by_a_card(stores: Stores, now: datetime) -> None:
    await stores.sessions.start(opening(1, now))
    assert (await stores.sessions.start(opening(1, now, CARD))).is_new


async def test_the_longest_absent_give_way(stores: Stores, now: datetime) -> None:
    for number in (1, 2, 3):
        await stores.sessions.start(opening(number, now + number * SECOND, CARD))
    await stores.sessions.start(opening(1, now + 9 * SECOND, CARD))  # seen again
    fourth = await stores.sessions.start(opening(4, now + 10 * SECOND, CARD))
    assert fourth.put_out == (mac(2),)
    fewer = await stores.sessions.start(opening(5, now + 11 * SECOND, CARD, most=1))
    assert set(fewer.put_out) == {mac(3), mac(1), mac(4)}
    unlimited = await stores.sessions.start(opening(6, now, None, most=1))
    assert unlimited.put_out == ()


async def test_what_is_due_ended_for_its_own_reason(stores: Stores, now: datetime) -> None:
    await stores.sessions.start(opening(1, now, CARD))
    await stores.sessions.start(opening(2, now, CARD, hours=2, site_id=BRANCH))
    later = await stores.sessions.start(opening(1, now + HOUR, CARD))
    assert later.is_new
    assert await last_reason(stores, [bytes([1]) * 32], now) is EndReason.TIME_LIMIT
    assert await stores.sessions.end_due([MAIN], now + 2 * HOUR - SECOND) == []
    [ended] = await stores.sessions.end_due([MAIN], now + 3 * HOUR)
    assert (ended.mac, ended.ended_at) == (mac(1), now + 2 * HOUR)
    assert await stores.sessions.find(mac(2)) is not None


async def test_admitted(stores: Stores, now: datetime) -> None:
    await stores.sessions.start(opening(1, now))
    await stores.sessions.start(opening(2, now, site_id=BRANCH))
    assert await stores.sessions.admitted([MAIN], now) == [(mac(1), now + HOUR)]
    both = await stores.sessions.admitted([MAIN, BRANCH], now)
    assert sorted(both) == [(mac(1), now + HOUR), (mac(2), now + HOUR)]
    assert await stores.sessions.admitted([MAIN, BRANCH], now + HOUR) == []


async def test_extending_once(stores: Stores, now: datetime) -> None:
    running = (await stores.sessions.start(opening(1, now))).session
    wanted = (running, now + 2 * HOUR, EndReason.CLOSING_TIME, now)
    longer = await stores.sessions.extend(*wanted)
    assert longer == replace(
        running, ends_at=now + 2 * HOUR, ends_because=EndReason.CLOSING_TIME, extensions=1
    )
    assert await stores.sessions.extend(*wanted) is None
    assert await stores.sessions.find(mac(1)) == longer


async def test_a_courtesy_is_given_once_a_day(stores: Stores, now: datetime) -> None:
    assert await stores.courtesies.take(name(1), now - HOUR, now)
    assert not await stores.courtesies.take(name(1), now - HOUR, now + HOUR)
    assert await stores.courtesies.take(name(2), now - HOUR, now + HOUR)
    assert await stores.courtesies.take(name(1), now + HOUR, now + 2 * HOUR)


async def unchecked(stores: Stores, number: int, now: datetime) -> Confirmation:
    """Let a device in by courtesy and return what a good card makes of it."""
    attempt = await stores.attempts.reserve(CARD, name(number), MAIN, now)
    wanted = opening(number, now)
    wanted = replace(wanted, session=replace(wanted.session, ground=Ground.COURTESY))
    session = (await stores.sessions.start(wanted)).session
    ends = (now + 5 * HOUR, EndReason.CLOSING_TIME)
    trace = replace(wanted.trace, subject=bytes(CARD))
    return Confirmation(session, CARD, trace, ends, 2, attempt.id, name(number))


async def test_a_courtesy_is_confirmed(stores: Stores, now: datetime) -> None:
    for number in (1, 2):
        await stores.sessions.start(opening(number, now + number * SECOND, CARD))
    good = await unchecked(stores, 3, now)
    later = now + MINUTE
    confirmed = await stores.courtesies.confirm(good, later)
    assert confirmed is not None
    assert confirmed.put_out == (mac(1),)
    assert confirmed.session == replace(
        good.session,
        ground=Ground.CARD,
        subject=CARD,
        ends_at=now + 5 * HOUR,
        ends_because=EndReason.CLOSING_TIME,
    )
    assert await stores.sessions.find(mac(3)) == confirmed.session
    assert await stores.courtesies.confirm(good, later) is None, "it is a card's already"
    tally = (await stores.attempts.reserve(CARD, name(3), MAIN, later)).tally
    assert (tally.device_is_known, tally.pair_wrong) == (True, 0)


async def test_what_is_over_takes_no_place_from_a_confirmed_courtesy(
    stores: Stores, now: datetime
) -> None:
    """It may stand there for long: nobody ends it while its own node is away."""
    await stores.sessions.start(opening(1, now, CARD))
    over = opening(2, now + SECOND, CARD)
    over = replace(over, session=replace(over.session, ends_at=now + MINUTE))
    await stores.sessions.start(over)
    confirmed = await stores.courtesies.confirm(await unchecked(stores, 3, now), now + 2 * MINUTE)
    assert confirmed is not None
    assert confirmed.put_out == ()
    assert await stores.sessions.find(mac(1)) is not None


async def test_a_courtesy_that_ended_is_not_confirmed(stores: Stores, now: datetime) -> None:
    good = await unchecked(stores, 1, now)
    await stores.sessions.end(good.session.id, EndReason.LOGGED_OUT, now)
    assert await stores.courtesies.confirm(good, now + MINUTE) is None
    assert await stores.sessions.find(mac(1)) is None


async def test_an_attempt_counts_until_it_is_settled_well(stores: Stores, now: datetime) -> None:
    first = await stores.attempts.reserve(CARD, name(1), MAIN, now)
    assert first.tally == Tally()
    second = await stores.attempts.reserve(CARD, name(1), MAIN, now)
    assert second.tally.strangers_wrong == second.tally.strangers_undecided == 1
    await stores.attempts.settle(first.id, Verification.BAD_CREDENTIALS)
    await stores.attempts.settle(second.id, Verification.UNAVAILABLE)
    third = await stores.attempts.reserve(CARD, name(1), MAIN, now)
    assert (third.tally.strangers_wrong, third.tally.strangers_undecided) == (1, 0)
    assert third.tally.site_checks == 2
    await stores.attempts.release(third.id)
    forgotten = await stores.attempts.reserve(CARD, name(2), MAIN, now + 24 * HOUR)
    assert forgotten.tally == Tally()


async def test_a_device_that_used_the_card_is_known_for_a_month(
    stores: Stores, now: datetime
) -> None:
    mistyped = await stores.attempts.reserve(CARD, name(1), MAIN, now)
    await stores.attempts.settle(mistyped.id, Verification.BAD_CREDENTIALS)
    right = await stores.attempts.reserve(CARD, name(1), MAIN, now)
    used = replace(opening(1, now, CARD), attempt=right.id, device=name(1))
    await stores.sessions.start(used)
    again = await stores.attempts.reserve(CARD, name(1), MAIN, now)
    assert again.tally == Tally(
        device_is_known=True, device_wrong=1, device_first_at=now, site_checks=2, site_wrong=1
    )
    other = await stores.attempts.reserve(OTHER_CARD, name(1), MAIN, now)
    assert not other.tally.device_is_known
    assert other.tally.cards_tried == 1
    late = await stores.attempts.reserve(CARD, name(1), MAIN, now + timedelta(days=30))
    assert not late.tally.device_is_known


async def test_numbers_and_steps_of_a_visit(stores: Stores, now: datetime) -> None:
    device, other = Device(mac(1), MAIN), Device(mac(2), MAIN)
    number = await stores.arrivals.see(device, now)
    assert number is not None
    assert await stores.arrivals.see(other, now) != number
    await stores.arrivals.add_step(device, "cred.wrong", now + 9 * MINUTE)
    assert await stores.arrivals.see(device, now + 18 * MINUTE) == number
    assert await stores.arrivals.see(device, now - HOUR) == number
    await stores.arrivals.add_step(Device(mac(9), MAIN), "cred.wrong", now)  # never seen: nothing


async def test_events_are_taken(stores: Stores, now: datetime) -> None:
    trace = Trace("log", b"d" * 32)
    await stores.events.record(Event(EventKind.MANY_WRONG_PINS, MAIN, now))
    await stores.events.record(
        Event(EventKind.SIGN_IN_REFUSED, MAIN, now, trace, {"reason": "cred.wrong"})
    )


steps = st.lists(
    st.tuples(
        st.sampled_from(["wrong", "wrong", "right", "leave", "down", "take_back"]),
        st.integers(1, 2),  # device
        st.sampled_from([CARD, OTHER_CARD]),
        st.sampled_from([0, 5, 20, 61, 600, 1900, 3700, 40_000, 90_000]),  # seconds later
    ),
    max_size=15,
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=steps)
async def test_both_stores_tally_alike(
    database: Database, now: datetime, history: list[tuple[str, int, Subject, int]]
) -> None:
    """The whole of the counting in SQL against the counting in Python."""
    pair = (in_memory(), in_postgres(database))
    salt = secrets.token_bytes(8)  # the examples share one database
    site_id = SiteId(salt.hex())
    for what, number, card, seconds in history:
        now += seconds * SECOND
        mine = Subject(salt + card[8:])
        device = Subject(salt + name(number)[8:])
        reserved = [await s.attempts.reserve(mine, device, site_id, now) for s in pair]
        assert reserved[0].tally == reserved[1].tally
        for store, reservation in zip(pair, reserved, strict=True):
            if what == "wrong":
                await store.attempts.settle(reservation.id, Verification.BAD_CREDENTIALS)
            elif what == "down":
                await store.attempts.settle(reservation.id, Verification.UNAVAILABLE)
            elif what == "take_back":
                await store.attempts.release(reservation.id)
            elif what == "right":
                used = opening(number, now, mine, site_id=site_id)
                await store.sessions.start(replace(used, attempt=reservation.id, device=device))


async def test_the_database_agrees_when_a_session_is_due(database: Database, now: datetime) -> None:
    sessions = PostgresSessions(database)
    cases: list[Session] = []
    for number, because in enumerate([EndReason.TIME_LIMIT, EndReason.CLOSING_TIME]):
        for offset in (None, -HOUR, 2 * HOUR):
            wanted = opening(len(cases), now)
            session = replace(
                wanted.session,
                ends_because=because,
                protected_until=None if offset is None else now + offset,
            )
            await sessions.start(replace(wanted, session=session))
            await database.fetch(
                "UPDATE live_session SET protected_until = $2 WHERE mac = $1",
                *(session.mac, session.protected_until),
            )
            cases.append(session)
        assert len(cases) == 3 * (number + 1)
    due = dict(await sessions.admitted([MAIN], now))
    assert due == {session.mac: session.due_at for session in cases}


async def test_upkeep_deletes_what_is_due(database: Database, now: datetime) -> None:
    stores, upkeep = in_postgres(database), PostgresUpkeep(database)
    reservation = await stores.attempts.reserve(CARD, name(1), MAIN, now)
    await stores.sessions.start(
        replace(opening(1, now, CARD), attempt=reservation.id, device=name(1))
    )
    await stores.arrivals.see(Device(mac(2), MAIN), now)
    assert await upkeep.tidy(Kept(), now) == 0
    assert await upkeep.tidy(Kept(), now + 11 * MINUTE) == 1
    assert await upkeep.tidy(Kept(), now + timedelta(days=8)) == 1
    assert await upkeep.tidy(Kept(), now + timedelta(days=31)) == 2  # the start's event as well
    tables = await database.fetch("SELECT FROM pg_class WHERE relname = 'event_2027w01'")
    assert len(tables) == 1


async def test_history_is_kept_as_long_as_said_and_no_longer(
    database: Database, now: datetime
) -> None:
    stores, upkeep = in_postgres(database), PostgresUpkeep(database)
    kept = Kept(sessions=timedelta(days=10), events=timedelta(days=3))
    for number in (1, 2):
        wanted = opening(number, now + number * HOUR)
        await stores.sessions.start(wanted)
        await stores.sessions.end(wanted.session.id, EndReason.LOGGED_OUT, now + 3 * number * HOUR)

    async def left(table: str) -> int:
        return len(await database.fetch(f"SELECT FROM {table}"))

    assert (await left("past_session"), await left("event")) == (2, 4)
    await upkeep.tidy(kept, now + timedelta(days=3) + 2.5 * HOUR)
    assert (await left("past_session"), await left("event")) == (2, 2)
    await upkeep.tidy(kept, now + timedelta(days=10) + 5 * HOUR)
    assert (await left("past_session"), await left("event")) == (1, 0)
    await upkeep.tidy(kept, now + timedelta(days=10) + 7 * HOUR)
    assert await left("past_session") == 0


async def test_weeks_that_are_over_and_empty_are_dropped(database: Database, now: datetime) -> None:
    upkeep = PostgresUpkeep(database)
    await upkeep.tidy(Kept(), now)

    async def weeks() -> set[str]:
        rows = await database.fetch(
            "SELECT relname FROM pg_class WHERE relname ~ '^event_20..w..$'"
        )
        return {row["relname"] for row in rows}

    before = await weeks()
    insert = "INSERT INTO event (at, kind, site_id) VALUES ($1, 'test', 'main')"
    await database.fetch(insert, now + timedelta(days=7))
    later = now + timedelta(days=21)  # the week of the event is over, the event is kept
    await upkeep.tidy(Kept(events=timedelta(days=20)), later)
    assert before - await weeks() == {"event_2026w47", "event_2026w48"}
    await upkeep.tidy(Kept(events=timedelta(days=13)), later)
    assert "event_2026w49" not in await weeks()


async def test_a_session_is_in_the_list_of_every_site_that_let_it_in(
    stores: Stores, now: datetime
) -> None:
    sessions, wanted = stores.sessions, opening(1, now, CARD)
    await sessions.start(wanted)
    here = (wanted.session.mac, wanted.session.due_at)
    assert await sessions.admitted([BRANCH], now) == []
    for _ in range(2):
        await sessions.admit_at(wanted.session.id, BRANCH)
    assert await sessions.admitted([BRANCH], now) == [here]
    assert await sessions.admitted([MAIN, BRANCH], now) == [here]
    assert await sessions.end(wanted.session.id, EndReason.LOGGED_OUT, now)
    await sessions.admit_at(wanted.session.id, BRANCH)
    assert await sessions.admitted([MAIN, BRANCH], now) == []


CODE, OTHER_CODE, NOBODYS = (Subject(letter * 32) for letter in (b"1", b"2", b"3"))


async def a_group(
    stores: Stores, now: datetime, code: Subject = CODE, *, site_id: SiteId = MAIN, devices: int = 2
) -> Group:
    new = NewGroup(_id(), site_id, code, now, now + 2 * HOUR, devices)
    started = await stores.groups.start(new, "ada")
    assert started is not None
    return started


async def test_a_code_is_one_groups_while_it_lives(stores: Stores, now: datetime) -> None:
    first = await a_group(stores, now)
    assert (first.number, first.ends_at, first.ended_at) == (1, now + 2 * HOUR, None)
    again = NewGroup(_id(), MAIN, CODE, now, now + HOUR, 3)
    assert await stores.groups.start(again, "ada") is None
    assert (await a_group(stores, now, site_id=BRANCH)).number == 1
    assert (await a_group(stores, now, OTHER_CODE)).number == 2
    assert await stores.groups.end(first, {}, "ada", now) == []
    assert await stores.groups.end(first, {}, "ada", now) is None
    assert await stores.groups.prolong(first, now + 9 * HOUR, "ada", now) is None
    assert await stores.groups.start(again, "ada") is not None
    assert [group.number for group, _ in await stores.groups.live(MAIN, now)] == [1, 2]


async def test_whose_code_it_is(stores: Stores, now: datetime) -> None:
    group = await a_group(stores, now)

    async def tried(code: Subject, device: int = 1, site_id: SiteId = MAIN) -> object:
        asked = CodeTried(code, name(device), site_id)
        return await stores.groups.try_code(asked, CodeLimits(2, 10 * MINUTE, 4, 6, HOUR), now)

    assert await tried(CODE) == group
    assert await tried(CODE, site_id=BRANCH) == UnknownCode()
    assert await tried(NOBODYS) == UnknownCode()
    assert await tried(CODE) == DeviceWaits(now + 10 * MINUTE)
    for device in (2, 3, 4):
        assert await tried(NOBODYS, device) == UnknownCode()
    assert await tried(CODE, 5) == CodesBusy()
    assert await tried(NOBODYS, 6, BRANCH) == UnknownCode()
    assert await tried(NOBODYS, 7, BRANCH) == CodesBusy()
    now += 10 * MINUTE
    assert await tried(CODE) == CodesBusy()
    now += HOUR
    await stores.groups.end(group, {}, "ada", now)
    ended = await tried(CODE)
    assert isinstance(ended, Group)
    assert (ended.id, ended.ended_at) == (group.id, now)


async def test_joining_a_group(stores: Stores, now: datetime) -> None:
    group = await a_group(stores, now)
    running = (await stores.sessions.start(opening(1, now, CARD))).session
    held = replace(running, group_id=group.id, protected_until=group.ends_at)
    assert await stores.groups.join(group, opening(1, now)) == Joined(held, is_new=False)
    new = opening(2, now)
    started = replace(new.session, group_id=group.id, protected_until=group.ends_at)
    assert await stores.groups.join(group, new) == Joined(started, is_new=True)
    assert await stores.groups.join(group, opening(3, now)) == GroupFull()
    assert await stores.sessions.find(mac(3)) is None
    assert await stores.groups.members(group) == sorted([held, started], key=lambda s: s.id)
    assert await stores.groups.live(MAIN, now) == [(group, 2)]
    assert await stores.groups.join(group, opening(2, now + 2 * HOUR)) == GroupOver()


async def test_prolonging_and_ending_a_group(stores: Stores, now: datetime) -> None:
    group = await a_group(stores, now)
    first, second = opening(1, now), opening(2, now)
    for one in (first, second):
        await stores.groups.join(group, one)
    answer = await stores.groups.prolong(group, now + 3 * HOUR, "ada", now)
    assert answer is not None
    assert answer[0] == replace(group, ends_at=now + 3 * HOUR)
    assert {member.protected_until for member in answer[1]} == {now + 3 * HOUR}
    assert await stores.groups.prolong(answer[0], now, "ada", now) is not None, "shortens nothing"
    assert await stores.groups.live(MAIN, now) == [(answer[0], 2)]
    ends = {first.session.id: (now + 5 * HOUR, EndReason.CLOSING_TIME)}
    left = await stores.groups.end(group, ends, "ada", now)
    assert left is not None
    told = replace(first.session, ends_at=now + 5 * HOUR, ends_because=EndReason.CLOSING_TIME)
    assert sorted(left, key=lambda s: s.id) == [told, second.session]
    assert await stores.sessions.find(mac(1)) == told
    assert await stores.groups.members(group) == []


async def test_upkeep_forgets_guesses_and_old_groups(database: Database, now: datetime) -> None:
    stores, upkeep = in_postgres(database), PostgresUpkeep(database)
    group = await a_group(stores, now)
    await a_group(stores, now, OTHER_CODE)
    await stores.groups.join(group, opening(1, now, hours=30))
    await stores.groups.try_code(CodeTried(NOBODYS, name(1), MAIN), CodeLimits(), now)
    assert await upkeep.tidy(Kept(), now + 26 * HOUR) == 0
    assert await upkeep.tidy(Kept(), now + 27 * HOUR) == 1, "the other still has a member"
    assert [found for found, _ in await stores.groups.live(MAIN, now)] == [group]
    member = await stores.sessions.find(mac(1))
    assert member is not None
    await stores.sessions.end(member.id, EndReason.LOGGED_OUT, now + 28 * HOUR)
    assert await upkeep.tidy(Kept(), now + 28 * HOUR) == 1
    assert await upkeep.tidy(Kept(), now + timedelta(days=7, minutes=1)) == 1
    assert await database.fetch("SELECT FROM code_attempt") == []


async def test_an_old_address_that_comes_to_life_again_takes_a_place(
    stores: Stores, now: datetime
) -> None:
    first = (await stores.sessions.start(replace(opening(1, now, CARD), most_devices=2))).session
    later = now + 10 * MINUTE
    goes_on = replace(opening(2, later, CARD), most_devices=2, continues=first.id)
    await stores.sessions.start(goes_on)
    third = replace(opening(3, later + MINUTE, CARD), most_devices=2)
    assert (await stores.sessions.start(third)).put_out == ()
    again = replace(opening(1, later + 2 * MINUTE, CARD), most_devices=2)
    started = await stores.sessions.start(again)
    assert (started.session.id, started.is_new) == (first.id, False)
    assert started.put_out == (mac(2),)
    assert await stores.sessions.find(mac(2)) is None
