"""PURE: what happens during 120 minutes of tutoring, minute by minute.

Not the doing (tutoring_visit.py). The rule to keep: one schedule for the test on a scaled clock and
for the run in real time, so that neither can be easier than the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

LENGTH_MIN = 120.0
LEASE_S = 40 * 60
"""A visit has three of them: the phone renews at half of each, or after it has woken up."""


class Act(StrEnum):
    """One thing that happens to the visitor, the phone or the gateway."""

    LET_IN = "the tutor lets the waiting visitor in"
    CONNECT = "the phone opens a TCP connection over each family and begins a download"
    PORTAL_KILLED = "the portal is killed and comes back"
    GATE_KILLED = "the gate is killed and comes back"
    KEEPER_KILLED = "the keeper is killed and comes back"
    DATABASE_KILLED = "the database is killed and comes back"
    DATABASE_RESTARTED = "the database is restarted politely"
    ALL_KILLED = "everything of Kvar is killed and started"
    RENEW = "the phone renews its lease at T1"
    REBOOT = "the phone confirms its lease (init-reboot)"
    SLEEP = "the screen goes off: not one frame from the phone"
    WAKE = "the screen goes on"
    ROAM = "the phone walks to another access point of the site"
    ROAM_BACK = "the phone walks back"
    OTHER_SITE = "the phone walks to another library of the organisation"
    HOME_AGAIN = "the phone walks back to the first library"
    EXTEND = "the tutor prolongs by 30 minutes"
    RADIUS = "RADIUS re-authentication"
    LIMIT = "the session's own time is made to be over: only the tutoring keeps it"
    LEAVE = "the visit ends"


NOT_BUILT = frozenset({Act.RADIUS})


@dataclass(frozen=True, slots=True)
class Step:
    """``minute`` counts from the moment the tutor let the visitor in."""

    minute: float
    act: Act


SCHEDULE = (
    Step(0, Act.LET_IN),
    Step(0.5, Act.CONNECT),
    Step(7, Act.PORTAL_KILLED),
    Step(12, Act.DATABASE_KILLED),
    Step(20, Act.RENEW),
    Step(25, Act.SLEEP),
    Step(30, Act.GATE_KILLED),
    Step(32, Act.LIMIT),
    Step(35, Act.PORTAL_KILLED),
    Step(40, Act.KEEPER_KILLED),
    Step(46, Act.DATABASE_RESTARTED),
    Step(55, Act.WAKE),
    Step(55.5, Act.REBOOT),
    Step(62, Act.ROAM),
    Step(65, Act.REBOOT),
    Step(70, Act.GATE_KILLED),
    Step(74, Act.KEEPER_KILLED),
    Step(78, Act.EXTEND),
    Step(82, Act.SLEEP),
    Step(86, Act.ALL_KILLED),
    Step(93, Act.WAKE),
    Step(97, Act.RENEW),
    Step(101, Act.ROAM_BACK),
    Step(105, Act.EXTEND),
    Step(107, Act.OTHER_SITE),
    Step(110, Act.HOME_AGAIN),
    Step(111, Act.RADIUS),
    Step(113, Act.DATABASE_RESTARTED),
    Step(116, Act.PORTAL_KILLED),
    Step(LENGTH_MIN, Act.LEAVE),
)


def timed(scale: float) -> Iterator[tuple[float, Step]]:
    """Yield each step with its second, where ``scale`` minutes pass in one minute."""
    for step in SCHEDULE:
        yield step.minute * 60 / scale, step


def asleep_min() -> float:
    """Return how long the phone says nothing, in the longest stretch."""
    longest, since = 0.0, 0.0
    for step in SCHEDULE:
        if step.act is Act.SLEEP:
            since = step.minute
        elif step.act is Act.WAKE:
            longest = max(longest, step.minute - since)
    return longest
