"""PURE: what counts against a gateway, from what was seen. The same rules for every product.

- **Involuntary log-out**: a device that had logged in and did not log out is led to the login page
  (any answer to its probe but the genuine one, by a redirect or a page), or gets no genuine answer
  three looks in a row, while its own link and the uplink were in order.
- **Log-in of a returning device**: the same, at the first look after it came back to the network
  the same day: after an errand, at the other site, after a change of access point. A device that
  took another hardware address is asked by every product, and is listed by itself.
- **Broken TCP connection**: one between a device that had logged in and a server in the internet
  that was reset or closed, or on which nothing moved for 30 s. Connections that their own device
  gave up (it left, it took another address) are none.
- **Wire**: when the uplink was cut between the last echo and the end, a connection is not
  counted; nor are datagrams lost, and probes unanswered, in that time and 3 s after it. The same
  for any product.
- **Stranger's packet**: any packet that arrives in the internet, addressed to where only devices
  that never log in send.
- **Outage**: datagrams of a stream that did not come back, times their interval. It counts whatever
  the reason, but for the wire.
- **Interrupted tutoring**: a log-out, a log-in on return, a broken connection, or an outage of more
  than 2 s, of a device whose owner is being helped. Each time is one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

WIRE_GRACE_S = 3.0
PATIENCE_S = 30.0
"""A connection on which a word waits so long for its echo is broken."""
LOOKS_IN_A_ROW = 3
NOTICEABLE_OUTAGE_S = 2.0

Window = tuple[float, float]


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """Seen at ``at`` (seconds of the day). ``returning``: at the first look after coming back."""

    device: int
    at: float
    returning: bool
    seen: str

    @property
    def silent(self) -> bool:
        """Whether there was no answer at all, rather than a page."""
        return self.seen.startswith("no answer")


@dataclass(frozen=True, slots=True)
class Broken:
    """A connection that ended: when its last echo came, when the end was seen, and how it ended."""

    device: int
    moved_at: float
    ended_at: float
    how: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A datagram that did not come back: when it was sent, and the interval of its stream."""

    device: int
    at: float
    interval_s: float


@dataclass
class Seen:
    """Everything that was seen in one day; filled while it is played."""

    logged_out: list[LoggedOut] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    """From the first try to be online of every log-in."""
    never_in: int = 0
    """Visitors who went home without ever having been let in."""
    new_addresses: int = 0
    """Log-ins because a device took another address."""
    looks: int = 0
    connections: int = 0
    datagrams: int = 0
    stranger_sent: int = 0
    stranger_packets: int = 0
    uplink_cuts: list[Window] = field(default_factory=list)
    tutored: dict[int, Window] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """One product's day."""

    log_outs: int
    return_log_ins: int
    broken: int
    stranger_packets: int
    outage_s: float
    worst_outage_s: float
    """Of the device that had most."""
    interrupted_tutorings: int


def count(seen: Seen) -> Figures:
    """Apply the rules above."""
    cuts = [(begins, ends + WIRE_GRACE_S) for begins, ends in seen.uplink_cuts]
    broken = [each for each in seen.broken if not _touches((each.moved_at, each.ended_at), cuts)]
    lost = [each for each in seen.lost if not _touches((each.at, each.at), cuts)]
    out = [
        each for each in seen.logged_out if not (each.silent and _touches((each.at, each.at), cuts))
    ]
    outages = _outage_by_device(lost)
    return Figures(
        log_outs=sum(not each.returning for each in out),
        return_log_ins=sum(each.returning for each in out),
        broken=len(broken),
        stranger_packets=seen.stranger_packets,
        outage_s=sum(outages.values()),
        worst_outage_s=max(outages.values(), default=0.0),
        interrupted_tutorings=_interruptions(seen.tutored, out, broken, lost),
    )


def _touches(time: Window, windows: Iterable[Window]) -> bool:
    return any(time[0] <= ends and begins <= time[1] for begins, ends in windows)


def _outage_by_device(lost: Iterable[Lost]) -> dict[int, float]:
    seconds: dict[int, float] = defaultdict(float)
    for each in lost:
        seconds[each.device] += each.interval_s
    return dict(seconds)


def _interruptions(
    tutored: Mapping[int, Window],
    out: Sequence[LoggedOut],
    broken: Sequence[Broken],
    lost: Sequence[Lost],
) -> int:
    moments = [
        *((each.device, each.at) for each in out),
        *((each.device, each.ended_at) for each in broken),
        *_noticeable_outages(lost),
    ]
    return sum(
        device in tutored and _touches((at, at), [tutored[device]]) for device, at in moments
    )


def _noticeable_outages(lost: Iterable[Lost]) -> Iterator[tuple[int, float]]:
    """Yield device and beginning of every run of lost datagrams that somebody notices."""
    run: list[Lost] = []
    for each in sorted(lost, key=lambda each: (each.device, each.at)):
        if run and not _follows(run[-1], each):
            yield from _if_noticeable(run)
            run = []
        run.append(each)
    yield from _if_noticeable(run)


def _follows(before: Lost, each: Lost) -> bool:
    return each.device == before.device and each.at - before.at < 1.5 * before.interval_s


def _if_noticeable(run: Sequence[Lost]) -> Iterator[tuple[int, float]]:
    if sum(each.interval_s for each in run) > NOTICEABLE_OUTAGE_S:
        yield run[0].device, run[0].at
