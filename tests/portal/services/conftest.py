"""Guest services on a real PostgreSQL, with a fake library system and a fake gate."""

from collections.abc import AsyncIterator
from datetime import time
from pathlib import Path

import pytest

from portal.domain.identity import SiteId
from portal.domain.opening_hours import OpeningHours, Span
from portal.domain.site import LoginMethod, Site
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.key_ring import KeyRing
from portal.storage.arrivals import PostgresArrivals
from portal.storage.database import Database, Deadlines
from portal.storage.events import PostgresEvents
from portal.storage.returning import PostgresReturns
from portal.storage.sessions import PostgresSessions
from portal.storage.sign_in_attempts import PostgresAttempts
from portal.storage.tutoring_groups import PostgresGroups
from portal.storage.vouchers import PostgresVouchers
from tests.portal.services.fakes import FakeGate, FakeLibrary

WEEK = OpeningHours("Europe/Stockholm", ((Span(time(10), time(19)),),) * 7)
"""Closes at 18:00 UTC in winter."""


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    """As patient as a crowded machine is slow: crowds of guests wait here for one another."""
    async with Database(postgres_dsn, deadlines=Deadlines(30, 30)) as opened:
        yield opened


@pytest.fixture
def library() -> FakeLibrary:
    return FakeLibrary(c20000000000001="1234", c20000000000002="2345")


@pytest.fixture
def gate() -> FakeGate:
    return FakeGate()


@pytest.fixture
def sites() -> dict[SiteId, Site]:
    main = Site(SiteId("main"), "Main", (LoginMethod.CARD, LoginMethod.ACCEPT), WEEK)
    branch = Site(SiteId("branch"), "Branch", (LoginMethod.CARD,), None)
    lobby = Site(SiteId("lobby"), "Lobby", (LoginMethod.NONE,), WEEK)
    return {site.id: site for site in (main, branch, lobby)}


@pytest.fixture
def doors(
    database: Database,
    library: FakeLibrary,
    gate: FakeGate,
    sites: dict[SiteId, Site],
    tmp_path: Path,
) -> Doors:
    return Doors(
        sessions=PostgresSessions(database),
        attempts=PostgresAttempts(database),
        arrivals=PostgresArrivals(database),
        groups=PostgresGroups(database),
        vouchers=PostgresVouchers(database),
        returns=PostgresReturns(database),
        events=PostgresEvents(database),
        gate=gate,
        keys=KeyRing(tmp_path / "keys"),
        library=library,
        sites=sites,
    )


@pytest.fixture
def guest(doors: Doors) -> GuestService:
    return GuestService(doors)
