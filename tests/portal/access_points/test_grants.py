"""A session as an access point is told of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from portal.access_points.grants import LONG_END_S, changed_grant, grant_of, terms_of
from portal.domain.access_point import AccessPoint
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.session import Claim, EndReason, Ground, Session, start
from portal.services.opening import new_id
from radius_bridge.vendors.family import Reach

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


def session_for(hours: float) -> Session:
    device = Device(MacAddress("02:00:00:00:00:01"), SITE)
    ends = (NOON + timedelta(hours=hours), EndReason.TIME_LIMIT)
    return start(new_id(NOON), Claim(Ground.ACCEPT), device, ends, NOON)


def test_what_cannot_be_changed_later_has_an_end_that_no_visit_reaches() -> None:
    terms = terms_of(AccessPoint("ap", SITE, idle_timeout=timedelta(hours=1)))
    ends = {reach: grant_of(session_for(1), terms, NOON, reach) for reach in Reach}
    assert ends[Reach.CHANGE].session_timeout_s == 3602
    assert ends[Reach.EXPEL].session_timeout_s == LONG_END_S == 12 * 3600
    assert ends[Reach.NOTHING].session_timeout_s == 3602, "nothing else would end it"
    assert ends[Reach.CHANGE].idle_timeout_s == 3600
    assert ends[Reach.EXPEL].idle_timeout_s is None, "tutoring may begin at any time"
    assert ends[Reach.NOTHING].idle_timeout_s is None
    longest = grant_of(session_for(40), terms, NOON, Reach.EXPEL)
    assert longest.session_timeout_s == 40 * 3600 + 2


def test_a_new_end_comes_late_whichever_way_an_access_point_counts() -> None:
    grant = grant_of(session_for(1), terms_of(AccessPoint("ap", SITE)), NOON)
    assert changed_grant(grant, timedelta(hours=3)).session_timeout_s == 4 * 3600 + 2
    assert changed_grant(grant, timedelta(seconds=-5)) == grant, "a clock went back"
