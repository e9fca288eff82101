"""What a visit leaves in the database at each privacy level: exactly what the level allows."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from structlog.testing import capture_logs

from portal.clock import utc_now
from portal.domain.identity import SiteId
from portal.domain.privacy import PrivacyLevel
from portal.domain.session import EndReason
from portal.services import privacy
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Captive
from portal.services.ports import Kept
from portal.services.privacy import keep_telling, tell_levels
from portal.storage.database import Database
from portal.storage.privacy import PostgresPrivacy
from portal.storage.statements import load_statements
from portal.storage.upkeep import PostgresUpkeep
from tests.portal.services.test_guest import CARD, HOUR, PIN, WRONG, device

MAIN = SiteId("main")
LEVELS = list(PrivacyLevel)


async def told(database: Database, level: PrivacyLevel) -> None:
    await tell_levels(PostgresPrivacy(database), {MAIN: level})


async def signed_in(guest: GuestService, now: datetime) -> Admitted:
    await guest.standing(device(), now)
    await guest.sign_in_with_card(device(), CARD, WRONG, now)
    outcome = await guest.sign_in_with_card(device(), CARD, PIN, now)
    assert isinstance(outcome, Admitted)
    return outcome


async def rows(database: Database, table: str) -> list[dict[str, Any]]:
    found = await database.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608 - our own
    return [dict(row) for row in found]


async def names_in(database: Database, tables: tuple[str, ...]) -> set[bytes]:
    """Return every long byte string in these tables."""
    found: set[bytes] = set()
    for table in tables:
        for row in await rows(database, table):
            found |= {value for value in row.values() if isinstance(value, bytes)}
    return found


@pytest.mark.parametrize("level", LEVELS)
async def test_a_visit_leaves_what_its_level_allows(
    level: PrivacyLevel, guest: GuestService, doors: Doors, database: Database, now: datetime
) -> None:
    await told(database, level)
    outcome = await signed_in(guest, now)
    assert await guest.sign_out(device(), now + HOUR)
    trace = doors.keys.trace(device().mac, outcome.session.subject, now)
    history = await names_in(database, ("past_session", "event", "live_session"))
    assert (trace.device in history) is level.keeps_guests
    assert (trace.subject in history) is level.keeps_guests
    past = await rows(database, "past_session")
    assert [row["id"] for row in past] == [outcome.session.id] * level.keeps_visits
    events = await rows(database, "event")
    kinds = ["session_ended", "session_started", "sign_in_refused"]
    assert sorted(row["kind"] for row in events) == (kinds if level.keeps_visits else kinds[2:])
    if not level.keeps_visits:
        assert all(row["session_id"] is row["trace_key"] is None for row in events)
    if not level.keeps_guests:
        assert not [row for row in [*past, *events] if (row["trace_key"] or "").startswith("log-")]
        assert not [row for row in past if row["subject_trace"]]
    for table in ("port_block", "guest_address"):  # nobody has told of any
        assert await rows(database, table) == []


async def test_two_visits_of_a_device_have_nothing_in_common_at_level_1(
    guest: GuestService, database: Database, now: datetime
) -> None:
    await told(database, PrivacyLevel.VISITS)
    for hour in range(2):
        await signed_in(guest, now + hour * HOUR)
        assert await guest.sign_out(device(), now + hour * HOUR + HOUR / 2)
    past = await rows(database, "past_session")
    assert len({row["device_trace"] for row in past}) == len(past) == 2
    of_visit = await rows(database, "event")
    for row in of_visit:  # the time-line of each visit holds together
        own = {one["device_trace"] for one in past if one["id"] == row["session_id"]}
        assert {row["device_trace"]} == (own or {None})


async def test_a_return_the_same_day_works_at_every_level(
    guest: GuestService, doors: Doors, database: Database, now: datetime
) -> None:
    """The ticket is no history: it is under the device's name, and goes with the next visit."""
    await told(database, PrivacyLevel.COUNTS)
    outcome = await signed_in(guest, now)
    ticket = doors.keys.trace(device().mac, None, now).device
    await database.fetch(
        "INSERT INTO returning_device VALUES ($1, 'card', $2, $3, true)",
        *(ticket, outcome.session.subject, now + HOUR),
    )
    assert await guest.sign_out(device(), now + timedelta(minutes=1))
    await signed_in(guest, now + timedelta(minutes=2))
    assert await rows(database, "returning_device") == []
    assert isinstance(await guest.standing(device(2), now), Captive)


@pytest.mark.parametrize("level", LEVELS[:3])
async def test_raising_reveals_nothing_of_a_visit_that_runs(
    level: PrivacyLevel, guest: GuestService, doors: Doors, database: Database, now: datetime
) -> None:
    await told(database, level)
    outcome = await signed_in(guest, now)
    await told(database, PrivacyLevel.ADDRESSES)
    assert await guest.sign_out(device(), now + HOUR)
    trace = doors.keys.trace(device().mac, outcome.session.subject, now)
    history = await names_in(database, ("past_session", "event"))
    assert (trace.device in history) is level.keeps_guests
    assert len(await rows(database, "past_session")) == int(level.keeps_visits)


@pytest.mark.parametrize("level", LEVELS[:3])
async def test_lowering_takes_back_what_was_written(
    level: PrivacyLevel, guest: GuestService, doors: Doors, database: Database, now: datetime
) -> None:
    await told(database, PrivacyLevel.ADDRESSES)
    outcome = await signed_in(guest, now)
    assert await guest.sign_out(device(), now + timedelta(minutes=1))
    await signed_in(guest, now + timedelta(minutes=2))
    await database.fetch(
        "INSERT INTO port_block VALUES ($1, 'main', '{}', 1024, 1279, $2, $2)",
        *(outcome.session.id, now),
    )
    await database.fetch(
        "INSERT INTO guest_address VALUES ($1, 'main', '2001:db8::1', $2, $2)",
        *(outcome.session.id, now),
    )
    await told(database, level)
    trace = doors.keys.trace(device().mac, outcome.session.subject, now)
    live = await names_in(database, ("live_session",))
    assert (trace.device in live) is level.keeps_guests
    await PostgresUpkeep(database).tidy(Kept(), now + HOUR)
    history = await names_in(database, ("past_session", "event", "live_session"))
    assert (trace.device in history) is level.keeps_guests
    assert (trace.subject in history) is level.keeps_guests
    assert len(await rows(database, "past_session")) == int(level.keeps_visits)
    for table in ("port_block", "guest_address"):
        assert await rows(database, table) == []
    assert await database.fetch("SELECT FROM site_privacy WHERE lowered") == []
    assert await guest.sign_out(device(), now + HOUR)
    assert len(await rows(database, "past_session")) == 2 * int(level.keeps_visits)


async def test_what_staff_did_is_written_down_at_every_level(
    guest: GuestService, database: Database, now: datetime
) -> None:
    await told(database, PrivacyLevel.COUNTS)
    outcome = await signed_in(guest, now)
    await database.fetch(
        "INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail) "
        "SELECT $2, 'tutoring_started', site_id, id, trace_key, device_trace, '{\"by\": \"kim\"}' "
        "FROM live_session WHERE id = $1",
        *(outcome.session.id, now),
    )
    (row,) = [row for row in await rows(database, "event") if row["kind"] == "tutoring_started"]
    assert row["device_trace"] is row["trace_key"] is None
    assert row["session_id"] == outcome.session.id  # the pause is counted from here
    await database.fetch("UPDATE live_session SET protected_until = $1", now + 2 * HOUR)
    (pause,) = await database.fetch(
        load_statements("vouchers")["pauses"], [outcome.session.id], now + HOUR
    )
    assert pause["paused"] == HOUR


async def test_lowering_keeps_what_staff_did_without_whom_it_was_about(
    guest: GuestService, database: Database, now: datetime
) -> None:
    outcome = await signed_in(guest, now)
    for kind in ("tutoring_started", "session_extended_by_staff", "voucher_used"):
        detail = '{"serial": "A-0412"}' if kind == "voucher_used" else '{"by": "kim"}'
        await database.fetch(
            "INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail) "
            "SELECT $2, $3, site_id, id, trace_key, device_trace, $4 FROM live_session "
            "WHERE id = $1",
            *(outcome.session.id, now, kind, detail),
        )
    await database.fetch("INSERT INTO forwarding DEFAULT VALUES")
    for level, left in ((PrivacyLevel.VISITS, 1), (PrivacyLevel.COUNTS, 0)):
        await told(database, level)
        await PostgresUpkeep(database).tidy(Kept(), now)
        events = {row["kind"]: row for row in await rows(database, "event")}
        assert ("voucher_used" in events) == left
        assert not any("serial" in row["detail"] for row in events.values())
        by_staff = [row for row in events.values() if "kim" in row["detail"]]
        assert len(by_staff) == 2
        own = sha256(str(outcome.session.id).encode()).digest() if left else None
        assert {row["device_trace"] for row in by_staff} == {own}
    assert await database.fetch("SELECT FROM event_outbox") == []  # it is no news
    assert await database.fetch("SELECT FROM site_privacy WHERE lowered") == []


async def test_the_last_end_is_told_where_it_is_known(
    guest: GuestService, database: Database, now: datetime
) -> None:
    for level in LEVELS:
        await told(database, level)
        await signed_in(guest, now)
        assert await guest.sign_out(device(), now + timedelta(seconds=1))
        standing = await guest.standing(device(), now + timedelta(seconds=1))
        assert isinstance(standing, Captive)
        expected = EndReason.LOGGED_OUT if level.keeps_guests else None
        assert standing.last_end is expected
        await PostgresUpkeep(database).tidy(Kept(), now)


@pytest.mark.parametrize("level", LEVELS[:2])
async def test_access_points_accounts_go_soon_where_no_visit_is_written_down(
    level: PrivacyLevel, database: Database
) -> None:
    await told(database, level)
    await database.fetch(
        "INSERT INTO accounting_session SELECT sha256(n::text::bytea), 'points', 'n', 'b', 'main',"
        " NULL, now(), now(), now(), 0, 0, 0, 0, interval '0', NULL,"
        " now() - n * interval '1 hour', 'stop', NULL FROM unnest(ARRAY[1, 30]) AS n"
    )
    await PostgresUpkeep(database).tidy(Kept(), utc_now())
    assert len(await rows(database, "accounting_session")) == (2 if level.keeps_visits else 1)


async def level_of(database: Database) -> int:
    (row,) = await database.fetch("SELECT privacy_of('main') AS level")
    return int(row["level"])


@pytest.mark.parametrize("last", ["lax", "strict"])
async def test_of_two_nodes_that_differ_the_stricter_holds_whoever_told_last(
    database: Database, last: str
) -> None:
    lax, strict = PostgresPrivacy(database, "lax"), PostgresPrivacy(database, "strict")
    for one in (lax, strict) if last == "strict" else (strict, lax):
        differing = await one.tell({MAIN: PrivacyLevel(3 if one is lax else 1)})
    assert differing == [MAIN]
    assert await level_of(database) == 1
    assert await lax.differing() == [
        (MAIN, "strict", PrivacyLevel.VISITS),
        (MAIN, "lax", PrivacyLevel.ADDRESSES),
    ]
    for _ in range(3):
        await lax.tell({MAIN: PrivacyLevel.ADDRESSES})
    (alarm,) = await database.fetch("SELECT * FROM event WHERE kind = 'privacy_levels_differ'")
    assert (alarm["site_id"], alarm["session_id"]) == ("main", None)
    assert await strict.tell({MAIN: PrivacyLevel.ADDRESSES}) == [], "mended by its own file"
    assert await level_of(database) == 3
    assert await lax.differing() == []


async def test_a_node_that_is_no_more_is_forgotten_after_a_day(database: Database) -> None:
    lax, strict = PostgresPrivacy(database, "lax"), PostgresPrivacy(database, "strict")
    await strict.tell({MAIN: PrivacyLevel.COUNTS})
    await lax.tell({MAIN: PrivacyLevel.GUESTS})
    await database.fetch(
        "UPDATE node_privacy SET told_at = now() - interval '23 hours' WHERE node = 'strict'"
    )
    await lax.tell({MAIN: PrivacyLevel.GUESTS})
    assert await level_of(database) == 0
    await database.fetch(
        "UPDATE node_privacy SET told_at = now() - interval '25 hours' WHERE node = 'strict'"
    )
    assert await lax.tell({MAIN: PrivacyLevel.GUESTS}) == []
    assert await level_of(database) == 2


async def test_a_site_that_a_node_has_no_more_is_no_concern_of_its(database: Database) -> None:
    one, two = PostgresPrivacy(database, "one"), PostgresPrivacy(database, "two")
    await one.tell({MAIN: PrivacyLevel.COUNTS})
    await two.tell({MAIN: PrivacyLevel.GUESTS})
    await one.tell({SiteId("branch"): PrivacyLevel.COUNTS})
    assert await two.tell({MAIN: PrivacyLevel.GUESTS}) == []
    assert await level_of(database) == 2


async def test_nodes_that_tell_at_once_end_at_the_strictest(database: Database) -> None:
    nodes = [PostgresPrivacy(database, f"n{n}") for n in range(4)]
    for _ in range(5):
        await asyncio.gather(*(one.tell({MAIN: PrivacyLevel(n)}) for n, one in enumerate(nodes)))
        assert await level_of(database) == 0


class _Nodes:
    """What is said of other nodes, one answer a time; then the telling is broken off."""

    def __init__(self, *answers: list[SiteId]) -> None:
        self.answers = iter(answers)

    async def tell(self, levels: Mapping[SiteId, PrivacyLevel]) -> list[SiteId]:  # noqa: ARG002
        try:
            return next(self.answers)
        except StopIteration:
            raise asyncio.CancelledError from None


@pytest.mark.parametrize(
    ("answers", "warned"),
    [([[]], []), ([[], [MAIN], [MAIN], []], [["main"]])],
)
async def test_only_nodes_that_differ_are_warned_of_and_once(
    answers: list[list[SiteId]], warned: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy, "AGAIN_S", 0)
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await keep_telling(_Nodes(*answers), {MAIN: PrivacyLevel(2)})
    told = [one["sites"] for one in logs if one["event"] == "privacy_levels_differ"]
    assert told == warned
