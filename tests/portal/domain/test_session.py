"""The session's transitions, and that no history ends it wrongly or leaves it alive too long."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portal.domain.admission import Admit, Extended, admit
from portal.domain.admission import extend as extension
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.opening_hours import OpeningHours, Span
from portal.domain.session import (
    Claim,
    End,
    EndReason,
    Ground,
    InvalidTransitionError,
    Keep,
    Session,
    Warn,
    decide,
    end,
    extend,
    holds,
    see,
    start,
)
from portal.domain.site import LoginMethod, Site

HOUR = timedelta(hours=1)


def test_decisions_by_time(session: Session, now: datetime) -> None:
    assert decide(session, now - 1000 * HOUR) == Keep()
    assert decide(session, now) == Keep()
    assert decide(session, session.ends_at - timedelta(minutes=5)) == Warn(session.ends_at)
    assert decide(session, session.ends_at) == End(EndReason.TIME_LIMIT)


def test_protection_outlasts_a_limit_but_not_closing(session: Session, now: datetime) -> None:
    protected = replace(session, protected_until=now + 2 * HOUR)
    assert decide(protected, session.ends_at) == Keep()
    assert decide(protected, now + 2 * HOUR) == End(EndReason.TIME_LIMIT)
    by_closing = replace(protected, ends_because=EndReason.CLOSING_TIME)
    assert decide(by_closing, session.ends_at) == End(EndReason.CLOSING_TIME)


def test_a_session_that_was_due_ended_then(session: Session, now: datetime) -> None:
    ended = end(session, EndReason.TIME_LIMIT, now + 5 * HOUR)
    assert (ended.ended_at, ended.end_reason) == (session.ends_at, EndReason.TIME_LIMIT)
    out = end(session, EndReason.LOGGED_OUT, now - HOUR)  # the clock was set back
    assert out.ended_at == session.started_at


@pytest.mark.parametrize("reason", [EndReason.CLOSING_TIME, EndReason.TIME_LIMIT, EndReason.ABSENT])
def test_reasons_that_do_not_hold(session: Session, now: datetime, reason: EndReason) -> None:
    with pytest.raises(InvalidTransitionError, match="does not hold"):
        end(session, reason, now)


def test_a_protected_session_is_not_replaced(session: Session, now: datetime) -> None:
    protected = replace(session, protected_until=now + HOUR)
    assert not holds(protected, EndReason.REPLACED, now)
    assert holds(protected, EndReason.REPLACED, now + HOUR)
    assert holds(protected, EndReason.REVOKED, now)


def test_nothing_follows_the_end(session: Session, now: datetime) -> None:
    ended = end(session, EndReason.LOGGED_OUT, now)
    with pytest.raises(InvalidTransitionError, match="has ended"):
        end(ended, EndReason.LOGGED_OUT, now)
    with pytest.raises(InvalidTransitionError, match="has ended"):
        see(ended, now)
    with pytest.raises(InvalidTransitionError, match="has ended"):
        extend(ended, now + 9 * HOUR, EndReason.TIME_LIMIT)


def test_extending_and_seeing(session: Session, now: datetime) -> None:
    longer = extend(session, now + 2 * HOUR, EndReason.TIME_LIMIT)
    assert (longer.ends_at, longer.extensions) == (now + 2 * HOUR, 1)
    with pytest.raises(InvalidTransitionError, match="later"):
        extend(session, session.ends_at, EndReason.TIME_LIMIT)
    assert see(session, now - HOUR).last_seen_at == now
    assert see(session, now + HOUR).last_seen_at == now + HOUR


DAWN = datetime(2026, 10, 24, 6, 0, tzinfo=UTC)  # the day before clocks go back
NIGHTLY = OpeningHours("Europe/Stockholm", ((Span(time(10), time(3, 30)),),) * 7)


class SessionLife(RuleBasedStateMachine):
    """One device at one site: guests, staff, and a clock that jumps both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.now = DAWN
        self.site = Site(SiteId("main"), "Main", (LoginMethod.ACCEPT,), NIGHTLY)
        self.session: Session | None = None

    @property
    def live(self) -> Session:
        assert self.session is not None
        return self.session

    def is_online(self) -> bool:
        return self.session is not None and self.session.is_live

    @rule(minutes=st.integers(-180, 26 * 60))
    def step_the_clock(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.tick()

    @rule(limit=st.none() | st.integers(10, 240))
    def change_the_visit_limit(self, limit: int | None) -> None:
        length = None if limit is None else timedelta(minutes=limit)
        self.site = replace(self.site, time_limit=length)

    @rule()
    def tick(self) -> None:
        if self.is_online():
            match decide(self.live, self.now):
                case End(reason):
                    self.session = end(self.live, reason, self.now)
                case Warn(ends_at):
                    assert timedelta(0) < ends_at - self.now <= timedelta(minutes=5)
                case Keep():
                    pass

    @precondition(lambda self: not self.is_online())
    @rule()
    def arrive(self) -> None:
        answer = admit(self.site, Ground.ACCEPT, self.now)
        if isinstance(answer, Admit):
            device = Device(MacAddress("02:00:00:00:00:01"), SiteId("main"))
            ends = (answer.ends_at, answer.ends_because)
            self.session = start(UUID(int=1), Claim(Ground.ACCEPT), device, ends, self.now)

    @precondition(is_online)
    @rule()
    def press_extend(self) -> None:
        answer = extension(self.live, self.site, self.now)
        if isinstance(answer, Extended):
            self.session = extend(self.live, answer.ends_at, answer.ends_because)

    @precondition(is_online)
    @rule(minutes=st.integers(1, 90))
    def be_tutored(self, minutes: int) -> None:
        self.session = replace(self.live, protected_until=self.now + timedelta(minutes=minutes))

    @precondition(is_online)
    @rule(reason=st.sampled_from([EndReason.LOGGED_OUT, EndReason.REVOKED, EndReason.REPLACED]))
    def be_ended(self, reason: EndReason) -> None:
        if holds(self.live, reason, self.now):
            self.session = end(self.live, reason, self.now)
        else:
            assert self.live.is_protected(self.now)

    @invariant()
    def never_alive_past_its_end(self) -> None:
        if self.is_online():
            assert self.now < self.live.due_at

    @invariant()
    def ended_for_a_reason_that_held(self) -> None:
        ended = self.session
        if ended is None or ended.ended_at is None:
            return
        assert ended.ended_at >= ended.started_at
        if ended.end_reason in {EndReason.TIME_LIMIT, EndReason.CLOSING_TIME}:
            assert ended.end_reason is ended.ends_because
            assert ended.ended_at == ended.due_at
        if ended.end_reason is EndReason.CLOSING_TIME:
            closing = ended.ends_at - self.site.closing_grace
            assert not NIGHTLY.is_open(closing)
            assert NIGHTLY.is_open(closing - timedelta(minutes=1))


SessionLife.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestSessionLife = SessionLife.TestCase
