"""A session as an access point is told of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from portal.access_points.grants import grant_of, terms_of
from portal.domain.access_point import AccessPoint
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.session import Claim, EndReason, Ground, start
from portal.services.opening import new_id

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
SITE = SiteId("village")


def test_who_is_tutored_is_dropped_for_no_silence() -> None:
    device = Device(MacAddress("02:00:00:00:00:01"), SITE)
    ends = (NOON + timedelta(hours=1), EndReason.TIME_LIMIT)
    session = start(new_id(NOON), Claim(Ground.ACCEPT), device, ends, NOON)
    terms = terms_of(AccessPoint("ap", SITE, idle_timeout=timedelta(hours=1)))
    assert grant_of(session, terms, NOON).idle_timeout_s == 3600
    over = NOON + timedelta(minutes=30)
    tutored = replace(session, protected_until=over)
    assert grant_of(tutored, terms, NOON).idle_timeout_s is None
    assert grant_of(tutored, terms, over).idle_timeout_s == 3600
