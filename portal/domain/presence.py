"""Presence: is a device still there? One picture of it from all its signs, and what follows.

Not the signs themselves (the gate and the access points notice them) and not the end by time
(session.py), which is asked first here. The rule to keep: silence counts only while somebody really
looked; a sleeping phone is silent for a long time and is not absent.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.domain import session as by_time
from portal.domain.session import SHORTEST_ABSENCE, Decision, End, EndReason, Session, Warn

LONGEST_GAP_S = 90.0
"""Between two looks. Somebody who was away for longer (stopped, suspended) did not watch."""

PROBES = 3
"""Questions a device leaves unanswered before it is called absent: one may be lost in the air."""

PROBE_BEFORE = timedelta(minutes=5)
"""A sleeping phone is asked for this long before it would be called absent."""

WARN_SLACK = timedelta(seconds=30)
"""Who was warned stays so until the end has moved this far beyond the time to warn."""

_SAME_SIGN_S = 1.0  # two accounts of one sign differ by their rounding
_KEPT_S = 72 * 3600.0  # longer than any absence that a site may set


@dataclass(frozen=True, slots=True)
class Signals:
    """What the neighbours say of one device in one look; None: that one says nothing.

    Bytes are the gate's counters of IPv4 and IPv6 together. ``heard_s_ago``: the gate heard a frame
    of it (ARP, DHCP, neighbour discovery). ``interim_s_ago``: an access point accounted for it over
    RADIUS. ``associated_s_ago``: it stood in an access point's list of stations.
    """

    up_bytes: int
    down_bytes: int
    heard_s_ago: float | None = None
    interim_s_ago: float | None = None
    associated_s_ago: float | None = None

    @property
    def seen_s_ago(self) -> float | None:
        """The latest of the signs that come with a time of their own."""
        known = (self.heard_s_ago, self.interim_s_ago, self.associated_s_ago)
        return min((ago for ago in known if ago is not None), default=None)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of one device: its counters, its last sign, and probes unanswered since.

    ``seen_at_s`` is on the monotonic clock, and never earlier than the last sign really was; before
    there is one (``has_signed``) it is the first look.
    """

    up_bytes: int
    down_bytes: int
    seen_at_s: float
    probes: int = 0
    has_signed: bool = True


def observe(before: Picture | None, signals: Signals, now_s: float) -> Picture:
    """Return the picture after one look; the very same object when there was no new sign.

    Whoever is looked at for the first time counts as seen now. Counters that changed in either
    direction are a sign of now, also when they began anew.
    """
    counters = (signals.up_bytes, signals.down_bytes)
    if before is None:
        return Picture(*counters, now_s, has_signed=False)
    if counters != (before.up_bytes, before.down_bytes):
        return Picture(*counters, now_s)
    if signals.seen_s_ago is None:
        return before
    seen_at_s = now_s - max(signals.seen_s_ago, 0.0)
    if seen_at_s <= before.seen_at_s + _SAME_SIGN_S:
        return before
    return Picture(*counters, seen_at_s)


def probed(picture: Picture) -> Picture:
    """Note that the device was asked for a sign."""
    return replace(picture, probes=picture.probes + 1)


Stretch = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Watch:
    """The stretches of time in which somebody looked, oldest first, on the monotonic clock."""

    stretches: tuple[Stretch, ...] = ()
    is_broken: bool = True

    def looked(self, now_s: float) -> "Watch":
        """Note a look that told something: the time since the last one was watched too."""
        *earlier, (began_s, ended_s) = self.stretches or ((now_s, now_s),)
        if not self.is_broken and 0 <= now_s - ended_s <= LONGEST_GAP_S:
            return Watch((*earlier, (began_s, now_s)), is_broken=False)
        kept = (stretch for stretch in self.stretches if now_s - _KEPT_S <= stretch[1] < now_s)
        return Watch((*kept, (now_s, now_s)), is_broken=False)

    def missed(self) -> "Watch":
        """Note a look that told nothing: the time around it was not watched."""
        return self if self.is_broken else Watch(self.stretches, is_broken=True)

    def since_s(self, at_s: float) -> float:
        """Return how much of the time since then was watched, in seconds."""
        return sum(ended_s - max(began_s, at_s) for began_s, ended_s in self.stretches
                   if ended_s > at_s)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Presence:
    """A device as a decision needs it.

    ``silent`` is the watched time without any sign, ``probes`` how often it was asked in vain, and
    ``is_warned`` whether its guest has been told that the end comes.
    """

    silent: timedelta
    probes: int = 0
    is_warned: bool = False


def presence_of(picture: Picture, watch: Watch, *, is_warned: bool = False) -> Presence:
    """Return the presence of a device from its picture and the time that was watched."""
    silent = timedelta(seconds=watch.since_s(picture.seen_at_s))
    return Presence(silent, picture.probes, is_warned)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site says of absence; less than an hour counts as an hour."""

    absent_after: timedelta = timedelta(hours=4)

    @property
    def absence(self) -> timedelta:
        """The silence after which a device is absent."""
        return max(self.absent_after, SHORTEST_ABSENCE)

    @property
    def probe_after(self) -> timedelta:
        """The silence after which it is asked."""
        return self.absence - PROBE_BEFORE


DEFAULT_POLICY = Policy()


def decide(session: Session, presence: Presence, policy: Policy, now: datetime) -> Decision:
    """Say what time and absence together demand of a live session."""
    decision = by_time.decide(session, now)
    if isinstance(decision, End):
        return decision
    if is_absent(session, presence, policy, now):
        return End(EndReason.ABSENT)
    left = session.due_at - now
    if presence.is_warned and left <= by_time.WARN_BEFORE + WARN_SLACK:
        return Warn(session.due_at)
    return decision


def is_absent(session: Session, presence: Presence, policy: Policy, now: datetime) -> bool:
    """Whether the device is gone: silent for long, asked in vain, and not under tutoring.

    The session's own ``last_seen_at`` has a say too: another node may have seen the device.
    """
    silent = min(presence.silent, now - session.last_seen_at)
    enough = silent >= policy.absence and presence.probes >= PROBES
    return enough and by_time.holds(session, EndReason.ABSENT, now)
