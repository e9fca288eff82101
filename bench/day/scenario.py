"""PURE: a library day, drawn from a seed: who comes, what their devices do, what breaks and when.

Time is minutes of the day, from opening. The same seed and size give the same day, whatever it is
played on. Every device has dice of its own, so that one more device changes nobody else's day.
What devices do is taken from the vendors' documents: a locked iPhone answers nothing and wakes to
renew its lease; Android in doze renews at one half and at seven eighths of it; a laptop's lid
takes the link away; iOS gives itself another address after a while.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

OPEN_MIN = 480
"""A library's day: eight hours. A shorter day has everything shorter by the same factor."""
LEASE_MIN = 120
ANDROID_RENEWS_AT = (0.5, 0.875)
SITES = 2
LONGEST_TUTORING_MIN = 120
TUTORED_IDLE_MIN = 30


class Kind(Enum):
    """What a device is like."""

    IPHONE = "iPhone"
    ANDROID = "Android phone"
    LAPTOP = "laptop"
    READER = "silent reader"
    CALLER = "video caller"
    ROAMER = "roamer"
    ROTATING = "phone with changing addresses"


CROWD = (
    Kind.IPHONE, Kind.ANDROID, Kind.LAPTOP, Kind.READER, Kind.IPHONE, Kind.ANDROID,
    Kind.CALLER, Kind.ROAMER, Kind.IPHONE, Kind.ANDROID, Kind.LAPTOP, Kind.ROTATING,
)  # fmt: skip
"""One dozen; the next one is the same."""


class Act(Enum):
    """What a device does at one moment."""

    ARRIVE = "arrives"
    SLEEP = "falls asleep"
    WAKE = "wakes"
    RENEW = "renews its lease"
    HOP = "changes access point"
    ROAM = "goes to the other site"
    ROTATE = "takes another address"
    TUTOR_GOES = "is no longer helped"
    LEAVE = "leaves for a while"
    RETURN = "comes back"
    HOME = "goes home"


class Fault(Enum):
    """What breaks. Not every product has every part."""

    PORTAL_KILLED = "portal killed"
    GATE_KILLED = "gate killed"
    KEEPER_KILLED = "keeper killed"
    EVERYTHING_KILLED = "everything killed"
    GATE_FROZEN = "gate frozen"
    DATABASE_KILLED = "database killed"
    DATABASE_FROZEN = "database frozen"
    LIBRARY_STOPPED = "library system stopped"
    LIBRARY_SILENT = "library system hangs"
    RULES_FLUSHED = "all rules flushed"
    FIREWALLD_RELOADED = "firewalld started and reloaded"
    DOCKER_NFT = "docker started, iptables-nft"
    DOCKER_LEGACY = "docker started, iptables-legacy"
    UPLINK_DOWN = "uplink down"
    DNS_DOWN = "names not resolved upstream"
    RESOLVER_KILLED = "dnsmasq killed"
    GUEST_FLAP = "guest interface down and up"
    GUEST_REMADE = "guest interface made anew"


LENGTHS_MIN: dict[Fault, tuple[float, float]] = {
    Fault.EVERYTHING_KILLED: (1, 20),
    Fault.GATE_FROZEN: (1, 8),
    Fault.DATABASE_FROZEN: (2, 10),
    Fault.LIBRARY_STOPPED: (2, 10),
    Fault.LIBRARY_SILENT: (2, 10),
    Fault.UPLINK_DOWN: (1, 8),
    Fault.DNS_DOWN: (1, 8),
    Fault.FIREWALLD_RELOADED: (0.5, 1),
}
"""Shortest and longest; what is not here happens in a moment."""
SETTLE_MIN = 2.0
"""At least so long between the end of one fault and the next."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one device does at one minute of the day."""

    minute: float
    act: Act


@dataclass(frozen=True, slots=True)
class Device:
    """One device and its whole day, in the order of the minutes. ``person`` names the card."""

    number: int
    kind: Kind
    site: int
    person: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Tutoring:
    """A tutor sits with the owner of this device, from one minute to another."""

    device: int
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class FaultAt:
    """One fault, when it begins and how long it lasts."""

    fault: Fault
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Size:
    """How big a day."""

    minutes: int = OPEN_MIN
    devices: int = 60
    tutorings: int = 6
    faults: int = 30

    @property
    def factor(self) -> float:
        """How much shorter than a whole day."""
        return self.minutes / OPEN_MIN


@dataclass(frozen=True, slots=True)
class Day:
    """Everything that is going to happen."""

    seed: int
    size: Size
    devices: tuple[Device, ...]
    tutorings: tuple[Tutoring, ...]
    faults: tuple[FaultAt, ...]


def draw(seed: int, size: Size) -> Day:
    """Return the day of that seed and size."""
    tutorings = tuple(_tutorings(random.Random(f"{seed} tutorings"), size))
    tutored = {tutoring.device: tutoring for tutoring in tutorings}
    devices = tuple(
        _device(random.Random(f"{seed} device {number}"), number, size, tutored.get(number))
        for number in range(size.devices)
    )
    faults = tuple(_faults(random.Random(f"{seed} faults"), size))
    return Day(seed, size, devices, tutorings, faults)


# --- tutoring ------------------------------------------------------------------------------------


def _tutorings(dice: random.Random, size: Size) -> Iterator[Tutoring]:
    """Phones and laptops of people who need help; the first visit takes the longest time."""
    helped = [
        n for n in range(size.devices) if _kind(n) in {Kind.IPHONE, Kind.ANDROID, Kind.LAPTOP}
    ]
    for turn, device in enumerate(sorted(dice.sample(helped, min(size.tutorings, len(helped))))):
        longest = LONGEST_TUTORING_MIN if turn == 0 else dice.uniform(60, LONGEST_TUTORING_MIN)
        length = longest * size.factor
        begins = dice.uniform(0.1 * size.minutes, 0.95 * size.minutes - length)
        yield Tutoring(device, begins, begins + length)


def _kind(number: int) -> Kind:
    return CROWD[number % len(CROWD)]


# --- devices -------------------------------------------------------------------------------------


def _device(dice: random.Random, number: int, size: Size, tutoring: Tutoring | None) -> Device:
    kind = _kind(number)
    steps = _tutored(dice, size, tutoring) if tutoring else _visitor(dice, kind, size)
    ordered = sorted(_with_renewals(steps, kind), key=lambda step: step.minute)
    return Device(number, kind, number % SITES, number, tuple(ordered))


def _tutored(dice: random.Random, size: Size, tutoring: Tutoring) -> list[Step]:
    """Half an hour untouched with a dark screen, then a change of access point, then home."""
    idle = TUTORED_IDLE_MIN * size.factor
    sleeps = dice.uniform(tutoring.begins, tutoring.ends - 1.5 * idle)
    hops = dice.uniform(sleeps + idle, tutoring.ends)
    home = min(tutoring.ends + 10 * size.factor, size.minutes)
    return [
        Step(tutoring.begins, Act.ARRIVE),
        Step(tutoring.ends, Act.TUTOR_GOES),
        Step(sleeps, Act.SLEEP),
        Step(sleeps + idle, Act.WAKE),
        Step(hops, Act.HOP),
        Step(home, Act.HOME),
    ]


def _visitor(dice: random.Random, kind: Kind, size: Size) -> list[Step]:
    arrives = dice.uniform(0, 0.4) * size.minutes
    home = dice.uniform(0.75, 1.0) * size.minutes
    away = _away(dice, arrives, home) if dice.random() < 0.6 else None
    steps = [Step(arrives, Act.ARRIVE), Step(home, Act.HOME)]
    if away is None:
        return steps + _while_there(dice, kind, size, (arrives, home))
    leaves, returns = away
    steps += [Step(leaves, Act.LEAVE), Step(returns, Act.RETURN)]
    steps += _while_there(dice, kind, size, (arrives, leaves))
    steps += _while_there(dice, kind, size, (returns, home))
    if kind is Kind.ROTATING:
        steps.append(Step(returns + 2 * size.factor, Act.ROTATE))
    return steps


def _away(dice: random.Random, arrives: float, home: float) -> tuple[float, float]:
    """An errand or lunch in the middle of a visit: a tenth to two fifths of its time."""
    length = dice.uniform(0.1, 0.4) * (home - arrives)
    leaves = dice.uniform(arrives + 0.2 * (home - arrives), home - length - 0.2 * (home - arrives))
    return leaves, leaves + length


AWAKE_AND_ASLEEP_MIN: dict[Kind, tuple[tuple[float, float], tuple[float, float]]] = {
    Kind.IPHONE: ((5, 25), (10, 90)),
    Kind.ROTATING: ((5, 25), (10, 60)),
    Kind.ANDROID: ((5, 30), (10, 60)),
    Kind.LAPTOP: ((30, 90), (10, 40)),
}
"""Shortest and longest times awake and asleep; the other kinds do not sleep."""


def _while_there(
    dice: random.Random, kind: Kind, size: Size, visit: tuple[float, float]
) -> list[Step]:
    begins, ends = visit
    moves = {Kind.ROAMER: Act.ROAM, Kind.LAPTOP: Act.HOP}
    steps: list[Step] = list(_sleeps(dice, kind, size, visit))
    if kind in moves and not steps:
        steps.append(Step(dice.uniform(begins, ends), moves[kind]))
    return steps


def _sleeps(
    dice: random.Random, kind: Kind, size: Size, visit: tuple[float, float]
) -> Iterator[Step]:
    if kind not in AWAKE_AND_ASLEEP_MIN:
        return
    awake, asleep = AWAKE_AND_ASLEEP_MIN[kind]
    minute, ends = visit
    while True:
        minute += dice.uniform(*awake) * size.factor
        wakes = minute + dice.uniform(*asleep) * size.factor
        if wakes >= ends:
            return
        yield Step(minute, Act.SLEEP)
        yield Step(wakes, Act.WAKE)
        minute = wakes


def _with_renewals(steps: Sequence[Step], kind: Kind) -> list[Step]:
    """Add the renewals that fall into the times when the device has its link.

    A new lease begins with every arrival; a laptop with a closed lid renews when it wakes.
    """
    fresh = {Act.ARRIVE, Act.RETURN, Act.ROAM, Act.ROTATE}
    ordered = sorted(steps, key=lambda step: step.minute)
    added: list[Step] = []
    for step, after in zip(ordered, [*ordered[1:], None], strict=True):
        if after is None or step.act in {Act.LEAVE, Act.HOME}:
            continue
        if step.act in fresh:
            leased = step.minute
        for share in ANDROID_RENEWS_AT if kind is Kind.ANDROID else (0.5,):
            due = leased + share * LEASE_MIN
            if step.minute < due < after.minute and not _lid_is_closed(step, kind):
                added.append(Step(due, Act.RENEW))
                leased = due
    return [*ordered, *added]


def _lid_is_closed(step: Step, kind: Kind) -> bool:
    return step.act is Act.SLEEP and kind is Kind.LAPTOP


# --- faults --------------------------------------------------------------------------------------


def _faults(dice: random.Random, size: Size) -> Iterator[FaultAt]:
    """Every kind once, then at random; at random moments, never two at once."""
    kinds = _fault_kinds(dice, size.faults)
    lengths = [dice.uniform(*LENGTHS_MIN.get(kind, (0, 0))) * size.factor for kind in kinds]
    taken = [length + SETTLE_MIN * size.factor for length in lengths]
    room = 0.92 * size.minutes - sum(taken)
    moments = sorted(dice.uniform(0, room) for _ in kinds)
    before = 0.04 * size.minutes
    for kind, moment, length, takes in zip(kinds, moments, lengths, taken, strict=True):
        yield FaultAt(kind, before + moment, before + moment + length)
        before += takes


def _fault_kinds(dice: random.Random, number: int) -> list[Fault]:
    every = list(Fault)
    dice.shuffle(every)
    kinds = [every[place] if place < len(every) else dice.choice(every) for place in range(number)]
    dice.shuffle(kinds)
    return kinds
