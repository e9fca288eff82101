"""The presence service on a real PostgreSQL and a fake gate: who is gone ends, nobody else does."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.presence import PROBES, Signals
from portal.domain.session import EndReason, Session
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.ports import DatabaseUnavailableError, GateUnavailableError
from portal.services.presence import PresenceWatch
from portal.storage.database import Database
from portal.storage.sightings import PostgresSightings
from tests.portal.services.fakes import FakeGate

MAIN, BRANCH = SiteId("main"), SiteId("branch")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PHONE = MacAddress("02:00:00:00:00:01")


@dataclass
class Library:
    """A library with a keeper that looks once a minute."""

    presence: PresenceWatch
    gate: FakeGate
    now: datetime
    seconds: float = 0.0
    gone: list[Session] = field(default_factory=list)

    async def passes(self, time: timedelta, *, looks: bool = True) -> None:
        for _ in range(int(time / MINUTE)):
            self.now += MINUTE
            self.seconds += 60
            if looks:
                await self.presence.look(self.now, self.seconds)

    async def note(self, session: Session, now: datetime) -> None:
        assert now == self.now
        self.gone.append(session)

    def signs(self, mac: MacAddress = PHONE, **signals: float) -> None:
        before = self.gate.signals.get(mac, Signals(0, 0))
        self.gate.signals[mac] = replace(before, **signals)


@pytest.fixture
def doors(doors: Doors) -> Doors:
    """The main site never closes."""
    always = replace(doors.sites[MAIN], opening_hours=None)
    return replace(doors, sites={**doors.sites, MAIN: always})


@pytest.fixture
def guest(doors: Doors) -> GuestService:
    return GuestService(doors)


@pytest.fixture
async def library(
    doors: Doors, database: Database, guest: GuestService, gate: FakeGate, now: datetime
) -> Library:
    sites = {MAIN: doors.sites[MAIN]}
    interfaces = {MAIN: frozenset({"guest0"})}
    library: Library

    async def ended(session: Session, at: datetime) -> None:
        await library.note(session, at)

    sightings = PostgresSightings(database)
    watch = PresenceWatch(doors.sessions, sightings, gate, sites, interfaces, ended)
    library = Library(watch, gate, now)
    await guest.accept(Device(PHONE, MAIN), now)
    return library


async def session_of(doors: Doors, mac: MacAddress = PHONE) -> Session | None:
    return await doors.sessions.find(mac)


async def test_four_silent_hours_end_a_session(library: Library, doors: Doors) -> None:
    await library.passes(4 * HOUR)
    assert library.gone == []
    await library.passes(MINUTE)
    [gone] = library.gone
    assert (gone.mac, gone.end_reason) == (PHONE, EndReason.ABSENT)
    assert await session_of(doors) is None
    assert library.gate.probed[PHONE] >= PROBES


async def test_a_look_that_finds_nothing_new_asks_for_nothing(
    library: Library, database: Database
) -> None:
    await library.passes(10 * MINUTE)
    xmin = await database.fetch_row("SELECT xmin FROM live_session")
    await library.passes(10 * MINUTE)
    assert await database.fetch_row("SELECT xmin FROM live_session") == xmin
    assert not library.gate.probed


@pytest.mark.parametrize("sign", ["up_bytes", "down_bytes", "heard_s_ago"])
async def test_any_sign_begins_the_silence_anew(library: Library, doors: Doors, sign: str) -> None:
    await library.passes(3 * HOUR + 59 * MINUTE)
    library.signs(**{sign: 5})
    await library.passes(MINUTE)
    library.signs(heard_s_ago=None)  # type: ignore[arg-type]
    await library.passes(3 * HOUR + 58 * MINUTE)
    assert library.gone == []
    session = await session_of(doors)
    assert session is not None
    assert session.last_seen_at > library.now - 4 * HOUR
    await library.passes(5 * MINUTE)
    assert len(library.gone) == 1


async def test_counters_reach_the_session(library: Library, doors: Doors) -> None:
    library.signs(up_bytes=10, down_bytes=20)
    await library.passes(2 * MINUTE)
    library.signs(up_bytes=15)
    await library.passes(2 * MINUTE)
    session = await session_of(doors)
    assert session is not None
    assert (session.upload_bytes, session.download_bytes) == (15, 20)
    assert session.last_seen_at == library.now - MINUTE


async def test_a_device_that_left_the_gate_begins_anew(library: Library, doors: Doors) -> None:
    library.signs(up_bytes=10)
    await library.passes(2 * MINUTE)
    due = library.gate.devices.pop(PHONE)
    await library.passes(MINUTE)
    library.gate.devices[PHONE] = due
    library.signs(up_bytes=4)
    await library.passes(MINUTE)
    session = await session_of(doors)
    assert session is not None
    assert session.upload_bytes == 14


async def test_time_in_which_nobody_looked_does_not_count(library: Library) -> None:
    await library.passes(2 * HOUR)
    await library.passes(9 * HOUR, looks=False)
    await library.passes(2 * HOUR)
    assert library.gone == []
    await library.passes(5 * MINUTE)
    assert len(library.gone) == 1


async def test_a_gate_that_does_not_answer_is_no_silence(library: Library) -> None:
    await library.passes(2 * HOUR)
    for _ in range(180):
        library.gate.failures = 1
        with pytest.raises(GateUnavailableError):
            await library.passes(MINUTE)
    await library.passes(2 * HOUR - MINUTE)
    assert library.gone == []
    await library.passes(5 * MINUTE)
    assert len(library.gone) == 1


async def test_an_interface_that_is_gone_is_no_silence(library: Library) -> None:
    library.gate.missing = frozenset({"guest0"})
    await library.passes(9 * HOUR)
    library.gate.missing = frozenset({"guest7"})
    await library.passes(4 * HOUR)
    assert library.gone == []
    await library.passes(5 * MINUTE)
    assert len(library.gone) == 1


async def test_who_is_tutored_stays_and_is_not_asked(library: Library, database: Database) -> None:
    await database.fetch("UPDATE live_session SET protected_until = $1", library.now + 6 * HOUR)
    await library.passes(6 * HOUR - MINUTE)
    assert library.gone == []
    assert not library.gate.probed
    await library.passes(5 * MINUTE)
    assert len(library.gone) == 1


async def test_nobody_is_absent_who_could_not_be_asked(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: object) -> None:
        raise GateUnavailableError("an older gate")

    monkeypatch.setattr(library.gate, "probe", refuse)
    await library.passes(4 * HOUR - 5 * MINUTE)
    for _ in range(60):
        with pytest.raises(GateUnavailableError):
            await library.passes(MINUTE)
    assert library.gone == []


async def test_who_was_let_in_elsewhere_too_is_not_judged_from_here(
    library: Library, doors: Doors
) -> None:
    session = await session_of(doors)
    assert session is not None
    await doors.sessions.admit_at(session.id, BRANCH)
    await library.passes(5 * HOUR)
    assert library.gone == []


async def test_a_database_that_is_away_loses_no_bytes(
    library: Library, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise DatabaseUnavailableError("away")

    await library.passes(MINUTE)
    with monkeypatch.context() as context:
        context.setattr(library.presence.sightings, "note", away)
        for up in (10, 20):
            library.signs(up_bytes=up)
            with pytest.raises(DatabaseUnavailableError):
                await library.passes(MINUTE)
    await library.passes(MINUTE)
    session = await session_of(doors)
    assert session is not None
    assert session.upload_bytes == 20
    assert session.last_seen_at == library.now - MINUTE


async def test_a_succeeded_session_comes_back_only_with_a_new_sign(
    library: Library, doors: Doors, database: Database
) -> None:
    library.signs(up_bytes=10)
    await library.passes(MINUTE)
    await database.fetch("UPDATE live_session SET succeeded = true")
    library.signs(up_bytes=11)  # may have been sent before the other address came
    await library.passes(2 * MINUTE)
    session = await session_of(doors)
    assert session is not None
    assert session.succeeded
    library.signs(up_bytes=12)
    await library.passes(MINUTE)
    session = await session_of(doors)
    assert session is not None
    assert not session.succeeded


async def test_a_keeper_that_restarts_counts_the_silence_anew(library: Library) -> None:
    await library.passes(3 * HOUR)
    before = library.presence
    library.presence = PresenceWatch(
        before.sessions,
        before.sightings,
        before.gate,
        before.sites,
        before.interfaces,
        before.ended,
    )
    await library.passes(4 * HOUR)
    assert library.gone == []
    await library.passes(5 * MINUTE)
    assert len(library.gone) == 1
