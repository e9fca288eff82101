"""A site and a session to work with."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.opening_hours import OpeningHours, Span
from portal.domain.session import Claim, EndReason, Ground, Session, start
from portal.domain.site import LoginMethod, Site


@pytest.fixture
def now() -> datetime:
    """A Wednesday, 11:00 in Stockholm."""
    return datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


@pytest.fixture
def site() -> Site:
    """Open 10-19 every day: closes at 18:00 UTC in winter."""
    week = ((Span(time(10), time(19)),),) * 7
    return Site(
        id=SiteId("main"),
        name="Huvudbiblioteket",
        login_methods=(LoginMethod.CARD, LoginMethod.ACCEPT),
        opening_hours=OpeningHours("Europe/Stockholm", week),
    )


@pytest.fixture
def session(now: datetime) -> Session:
    """One hour, by time limit."""
    return start(
        UUID(int=1),
        Claim(Ground.CARD),
        Device(MacAddress("02:00:00:00:00:01"), SiteId("main")),
        (now + timedelta(hours=1), EndReason.TIME_LIMIT),
        now,
    )
