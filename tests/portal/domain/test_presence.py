"""Presence: the rules one by one, and thousands of histories in which nobody is ended wrongly."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.domain.clock_jump import ClockReading, jump_between, move
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.presence import (
    LONGEST_GAP_S,
    PROBES,
    Picture,
    Policy,
    Presence,
    Signals,
    Watch,
    decide,
    observe,
    presence_of,
    probed,
)
from portal.domain.session import (
    Claim,
    End,
    EndReason,
    Ground,
    Keep,
    Session,
    Warn,
    end,
    extend,
    see,
    start,
)

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
POLICY = Policy()


def gone(hours: float = 4, probes: int = PROBES) -> Presence:
    return Presence(hours * HOUR, probes)


@pytest.fixture
def long_session(session: Session, now: datetime) -> Session:
    return replace(session, ends_at=now + 21 * HOUR)


# --- one look -----------------------------------------------------------------------------------


def test_who_is_seen_first_is_seen_now() -> None:
    assert observe(None, Signals(5, 7, heard_s_ago=900), 1000) == Picture(
        5, 7, 1000, has_signed=False
    )


@pytest.mark.parametrize("counters", [(6, 7), (5, 8), (0, 0)])
def test_bytes_either_way_are_a_sign(counters: tuple[int, int]) -> None:
    before = Picture(5, 7, 10, probes=2)
    assert observe(before, Signals(*counters), 40) == Picture(*counters, 40)


def test_silence_changes_nothing_at_all() -> None:
    before = Picture(5, 7, 10, probes=2)
    assert observe(before, Signals(5, 7), 40) is before
    assert observe(before, Signals(5, 7, heard_s_ago=30.2), 40) is before
    assert observe(before, Signals(5, 7, heard_s_ago=500), 40) is before


@pytest.mark.parametrize("sign", ["heard_s_ago", "interim_s_ago", "associated_s_ago"])
def test_a_sign_with_a_time_of_its_own_counts_from_then(sign: str) -> None:
    before = Picture(5, 7, 10, probes=2)
    assert observe(before, Signals(5, 7, **{sign: 12.0}), 40) == Picture(5, 7, 28)
    assert observe(before, Signals(5, 7, **{sign: -3.0}), 40) == Picture(5, 7, 40)


def test_the_latest_sign_counts() -> None:
    assert Signals(0, 0, heard_s_ago=9, associated_s_ago=4).seen_s_ago == 4


# --- the time that was watched ------------------------------------------------------------------


def test_only_watched_time_counts() -> None:
    watch = Watch()
    assert watch.missed() is watch
    for at_s in (0, 30, 60):
        watch = watch.looked(at_s)
    watch = watch.missed().missed().looked(90).looked(120)  # the gate did not answer at 75
    watch = watch.looked(120 + LONGEST_GAP_S + 1).looked(240)  # the keeper slept
    assert watch.stretches == ((0, 60), (90, 120), (211, 240))
    assert watch.since_s(0) == 60 + 30 + 29
    assert watch.since_s(50) == 10 + 30 + 29
    assert watch.since_s(70) == 30 + 29
    assert watch.since_s(1000) == 0
    assert presence_of(Picture(0, 0, 70, probes=1), watch) == Presence(59 * SECOND, 1)


def test_what_is_long_past_is_forgotten() -> None:
    watch = Watch().looked(0).looked(30).looked(10**6)
    assert watch.stretches == ((10**6, 10**6),)


def test_a_clock_that_went_back_begins_anew() -> None:
    """The monotonic clock never does; a saved watch of another machine start would."""
    assert Watch().looked(1000).looked(1030).looked(10).stretches == ((10, 10),)


# --- the decision -------------------------------------------------------------------------------


def test_absence_ends_a_session(long_session: Session, now: datetime) -> None:
    later = now + 4 * HOUR
    assert decide(long_session, gone(), POLICY, later) == End(EndReason.ABSENT)
    assert decide(long_session, gone(3.99), POLICY, later) == Keep()
    assert decide(long_session, gone(probes=PROBES - 1), POLICY, later) == Keep()
    ended = end(long_session, EndReason.ABSENT, later)
    assert (ended.ended_at, ended.end_reason) == (later, EndReason.ABSENT)


def test_a_sign_that_another_node_saw_counts(long_session: Session, now: datetime) -> None:
    seen = see(long_session, now + HOUR)
    assert decide(seen, gone(9), POLICY, now + 4 * HOUR) == Keep()
    assert decide(seen, gone(9), POLICY, now + 5 * HOUR) == End(EndReason.ABSENT)


def test_who_is_tutored_is_never_absent(long_session: Session, now: datetime) -> None:
    held = replace(long_session, protected_until=now + 9 * HOUR)
    assert decide(held, gone(8), POLICY, now + 8 * HOUR) == Keep()
    assert decide(held, gone(9), POLICY, now + 9 * HOUR) == End(EndReason.ABSENT)


def test_a_succeeded_session_is_not_absent_for_that(long_session: Session, now: datetime) -> None:
    succeeded = replace(long_session, succeeded=True)
    assert decide(succeeded, gone(3.9), POLICY, now + 8 * HOUR) == Keep()


def test_no_site_may_call_an_hours_sleep_absence(long_session: Session, now: datetime) -> None:
    hasty = Policy(timedelta(minutes=1))
    assert hasty.absence == HOUR
    assert hasty.probe_after == 55 * MINUTE
    assert decide(long_session, gone(0.9), hasty, now + HOUR) == Keep()
    assert decide(long_session, gone(1), hasty, now + HOUR) == End(EndReason.ABSENT)


def test_time_is_asked_first(session: Session, now: datetime) -> None:
    assert decide(session, gone(), POLICY, now + 9 * HOUR) == End(EndReason.TIME_LIMIT)


def test_who_was_warned_stays_so_at_the_edge(session: Session) -> None:
    warned, edge = Presence(0 * HOUR, is_warned=True), session.ends_at - 5 * MINUTE
    assert decide(session, warned, POLICY, edge) == Warn(session.ends_at)
    assert decide(session, warned, POLICY, edge - 20 * SECOND) == Warn(session.ends_at)
    assert decide(session, warned, POLICY, edge - 31 * SECOND) == Keep()
    assert decide(session, gone(0), POLICY, edge - 20 * SECOND) == Keep()


@given(
    silent_s=st.integers(0, 30 * 3600),
    protected_min=st.none() | st.integers(0, 600),
    closing=st.booleans(),
    at_s=st.integers(0, 30 * 3600),
    later_s=st.integers(0, 30 * 3600),
)
@settings(max_examples=500)
def test_more_silence_and_more_time_never_save_a_session(
    silent_s: int, protected_min: int | None, closing: bool, at_s: int, later_s: int
) -> None:
    session = fresh(21 * HOUR, EndReason.CLOSING_TIME if closing else EndReason.TIME_LIMIT)
    if protected_min is not None:
        session = replace(session, protected_until=DAWN + protected_min * MINUTE)
    at = DAWN + at_s * SECOND
    first = decide(session, Presence(silent_s * SECOND, PROBES), POLICY, at)
    longer = Presence((silent_s + later_s) * SECOND, PROBES)
    second = decide(session, longer, POLICY, at + later_s * SECOND)
    if isinstance(first, End):
        assert isinstance(second, End)
    if isinstance(second, Keep):
        assert isinstance(first, Keep)


# --- histories ----------------------------------------------------------------------------------

DAWN = datetime(2026, 10, 24, 6, 0, tzinfo=UTC)
LOOK_S = 60.0


def fresh(length: timedelta, because: EndReason = EndReason.TIME_LIMIT) -> Session:
    device = Device(MacAddress("02:00:00:00:00:01"), SiteId("main"))
    return start(UUID(int=1), Claim(Ground.CARD), device, (DAWN + length, because), DAWN)


@dataclass(frozen=True)
class Pass:
    """Time passes, and the keeper looks every minute. ``sign``: what comes before each look."""

    minutes: int
    sign: str = ""


@dataclass(frozen=True)
class Unwatched:
    """Nobody looks: the keeper is stopped or restarted, or the gate does not answer."""

    minutes: int
    how: str
    sign: bool = False


@dataclass(frozen=True)
class Step:
    """Somebody sets the wall clock."""

    seconds: float


@dataclass(frozen=True)
class Press:
    """Somebody acts: a tutor or the guest."""

    what: str
    minutes: int


Happening = Pass | Unwatched | Step | Press
minutes = st.sampled_from([1, 5, 30, 120, 236, 244])
happenings = st.one_of(
    st.builds(Pass, minutes, st.just("")),
    st.builds(Pass, st.integers(1, 20), st.sampled_from(["up", "down", "heard", "reset"])),
    st.builds(Unwatched, minutes, st.sampled_from(["stopped", "restarted", "deaf"]), st.booleans()),
    st.builds(Step, st.sampled_from([-31536000, -3600, -0.6, 0.6, 1.5, 3600, 31536000])),
    st.builds(Press, st.sampled_from(["protect", "extend"]), st.integers(5, 240)),
)


class History:
    """One device, a keeper, and the truth beside it: real seconds, that no clock step touches."""

    def __init__(self, length: timedelta, because: EndReason) -> None:
        self.real_s = 0.0
        self.offset_s = 0.0
        self.session = fresh(length, because)
        self.limit_s = length.total_seconds()
        self.protected_s = 0.0
        self.sign_s = 0.0
        self.silent_s = 0.0
        self.looked_s: float | None = None
        self.missed_since_s = 0.0
        self.up = self.down = self.restarts = 0
        self.picture: Picture | None = None
        self.watch = Watch()
        self.reference = self.read_clocks()

    def read_clocks(self) -> ClockReading:
        return ClockReading(DAWN + (self.real_s + self.offset_s) * SECOND, self.real_s)

    def live_through(self, happening: Happening) -> None:
        match happening:
            case Pass(minutes, sign):
                for _ in range(minutes):
                    if self.session.is_live:
                        self.real_s += LOOK_S
                        self.look(self.sense(sign))
            case Unwatched(minutes, how, sign):
                self.go_unwatched(minutes, how, sign)
            case Step(seconds):
                self.offset_s += seconds
            case Press(what, minutes):
                self.press(what, minutes)

    def sense(self, sign: str) -> float | None:
        """Let a sign come; return how long ago the gate heard it, where that is the sign."""
        if sign:
            self.sign_s = self.real_s - (7.0 if sign == "heard" else 0.0)
        if sign == "reset":  # after a power cut; the device then talks
            self.restarts += 1
            self.up, self.down = 0, self.restarts
        self.up += 100 * (sign == "up")
        self.down += 100 * (sign == "down")
        return 7.0 if sign == "heard" else None

    def go_unwatched(self, minutes: int, how: str, sign: bool) -> None:
        self.real_s += 60 * minutes
        if sign:
            self.sign_s = self.real_s - 30
            self.up += 1
        self.looked_s = None
        if how == "restarted":
            self.picture, self.watch, self.silent_s = None, Watch(), 0.0
            self.sign_s = self.missed_since_s = self.real_s  # it begins to count anew
        elif how == "deaf":
            self.watch = self.watch.missed()

    def press(self, what: str, minutes: int) -> None:
        now, length = self.follow_the_clock(), minutes * MINUTE
        if not self.session.is_live or now >= self.session.due_at:
            return
        if what == "protect":
            until = now + length
            self.session = replace(self.session, protected_until=until)
            self.protected_s = self.real_s + 60 * minutes
        elif self.session.ends_because is EndReason.TIME_LIMIT:
            longer = self.session.ends_at + length
            self.session = extend(self.session, longer, EndReason.TIME_LIMIT)
            self.limit_s += 60 * minutes

    def follow_the_clock(self) -> datetime:
        """What the keeper does before anything else; small steps add up until they are a jump."""
        reading = self.read_clocks()
        jump = jump_between(self.reference, reading)
        if jump:
            self.session = move(self.session, jump)
            self.reference = reading
        return reading.wall

    def look(self, heard_s_ago: float | None) -> None:
        now = self.follow_the_clock()
        before, signals = self.picture, Signals(self.up, self.down, heard_s_ago)
        self.picture = observe(before, signals, self.real_s)
        self.watch = self.watch.looked(self.real_s)
        self.note_the_look()
        if before is not None and self.picture.seen_at_s > before.seen_at_s:
            seen = now - (self.real_s - self.picture.seen_at_s) * SECOND
            self.session = see(self.session, seen)
        presence = presence_of(self.picture, self.watch)
        self.judge(decide(self.session, presence, POLICY, now), now)
        if presence.silent >= POLICY.probe_after:
            self.picture = probed(self.picture)

    def judge(self, decision: object, now: datetime) -> None:
        """Compare what was decided with the truth."""
        overdue_s, silent_s = self.real_s - self.due_s, self.silent_s
        match decision:
            case End(EndReason.ABSENT):
                assert self.real_s >= self.protected_s, "ended while protected"
                assert silent_s >= 4 * 3600, "ended with a sign within four hours"
                self.session = end(self.session, EndReason.ABSENT, now)
            case End(reason):
                assert reason is self.session.ends_because
                assert overdue_s >= -1, "ended before it was due"
                self.session = end(self.session, reason, now)
            case _:
                assert overdue_s < 1, "alive past its end"
                asked_too = 4 * 3600 + PROBES * LOOK_S
                held = self.real_s < self.protected_s + 1
                assert silent_s < asked_too or held, "silent for too long"

    @property
    def due_s(self) -> float:
        by_limit = self.session.ends_because is EndReason.TIME_LIMIT
        return max(self.limit_s, self.protected_s) if by_limit else self.limit_s

    def note_the_look(self) -> None:
        """Count how long the device gave no sign while somebody looked."""
        if self.looked_s is None:  # nothing is known of the time before
            since_s = self.real_s
            self.silent_s *= self.sign_s <= self.missed_since_s
        else:
            since_s = self.looked_s
            self.silent_s *= self.sign_s <= since_s
        self.silent_s += self.real_s - max(since_s, min(self.sign_s, self.real_s))
        self.looked_s = self.missed_since_s = self.real_s


CLOSING, LIMIT = EndReason.CLOSING_TIME, EndReason.TIME_LIMIT


@given(st.lists(happenings, max_size=10), st.sampled_from([CLOSING, LIMIT]), st.integers(30, 1260))
@settings(max_examples=1500)
@example([Pass(300)], LIMIT, 1260)
@example([Press("protect", 240), Pass(330)], CLOSING, 600)
@example([Unwatched(330, "stopped"), Pass(20)], LIMIT, 1260)
@example([Pass(200), Step(31536000), Pass(100)], CLOSING, 1260)
@example([Step(0.6), Step(0.6), Pass(60)], LIMIT, 60)
@example([Press("protect", 240), Step(-3600), Step(31536000), Pass(244)], LIMIT, 60)
@example([Pass(2, "reset"), Pass(239)], CLOSING, 242)
def test_no_history_ends_a_session_wrongly_or_leaves_it_alive(
    story: list[Happening], because: EndReason, length_min: int
) -> None:
    history = History(length_min * MINUTE, because)
    for happening in story:
        if not history.session.is_live:
            break
        history.live_through(happening)
