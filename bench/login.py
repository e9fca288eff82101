"""``make bench NAME=login``: from the pressed button to the first packet beyond the gateway.

The library system's time is taken out: it answers at once, and what the same dialogue costs a
bare client in the gateway (median, same run) is subtracted. The floor (floor.py) has no library.
The rule to keep: the floor's login and ours take turns, login by login.
"""

import select
import time
from dataclasses import dataclass
from time import monotonic, sleep

from bench import stage
from bench.https_phone import HttpsPhone, PhoneError
from bench.library_system import PIN
from bench.namespaces import sleep_precisely
from bench.probes import FarEnd, Probe
from bench.rows import Row, median, percentile
from firewall.lab.network import Lab

LOGINS = 200
PRELOADED = 10_000
AT_ONCE = 50
ROUNDS = 4
PACE_S = 0.125
"""Eight logins a second: a site's limit on checks is ten a second, counted over ten."""
ROUND_PAUSE_S = 10.5
ANSWER_TIMEOUT_S = 10.0
_AFTER_ANSWER_PROBES = 3
_WARM_UP = 5  # logins that open the portal's connections and fill its caches
_THINKING_S = 0.02  # processes have gone to sleep when the button is pressed, as in a real day


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure; the smallest still runs every line. ``at_once`` phones take part."""

    logins: int = LOGINS
    preloaded: int = PRELOADED
    at_once: int = AT_ONCE
    rounds: int = ROUNDS


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds: first packets and answers of Kvar and of the floor, the library's dialogue."""

    packets: list[float]
    answers: list[float]
    floor_packets: list[float]
    floor_answers: list[float]
    library: list[float]


def measure(size: Size | None = None) -> list[Row]:
    """Measure everything on one stage."""
    size = size or Size()
    sleep_precisely()
    with stage.world(max(size.at_once, 1)) as world:
        world.preload(size.preloaded)
        for phone in world.phones:
            phone.join()
        with stage.Floor(world.dsn, size.preloaded) as floor:
            single = one_at_a_time(world, floor, size.logins)
        crowd = many_at_once(world, size)
    return [*_single_rows(single), *_crowd_rows(crowd, size)]


# --- one login at a time ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Visitor:
    """A phone with a card of its own, as guests are: attempts are counted per card and device."""

    number: int
    mac: str
    browser: HttpsPhone
    probe: Probe

    def time_login(self, request: bytes, far_end: FarEnd) -> tuple[float, float]:
        """Return ms to the first packet beyond the gateway and to the whole answer."""
        if far_end.arrivals():
            raise PhoneError("packets passed before the login")
        timed = self.browser.post_and_watch(request, self.probe)
        for _ in range(_AFTER_ANSWER_PROBES):
            self.probe()
            sleep(0.0005)
        arrivals = far_end.arrivals()
        if timed.status != 303 or not arrivals:
            raise PhoneError(f"no login: {timed.status}, {len(arrivals)} packets passed")
        return (arrivals[0][0] - timed.sent_ns) / 1e6, (timed.answered_ns - timed.sent_ns) / 1e6

    def log_out(self) -> None:
        """Log out through the portal."""
        self.browser.post("/logout", f"token={self.browser.token('/status', '/logout')}")


def card_form(token: str, number: int) -> str:
    """Return the card form of the patron with this number, as a browser sends it."""
    return f"token={token}&card={20_000_000_000_000 + number}&pin={PIN}"


def one_at_a_time(world: stage.BenchWorld, floor: stage.Floor, logins: int) -> Measured:
    """Take turns: Kvar, the library's dialogue, the floor."""
    guests, guests_end = _visitors(world.lab), stage.far_end_of(world.lab)
    (bare,), bare_end = _visitors(floor.lab), stage.far_end_of(floor.lab)
    measured = Measured([], [], [], [], [])
    for turn in range(logins + _WARM_UP):
        began = monotonic()
        ours = _kvar_turn(guests[turn % len(guests)], guests_end)
        library, theirs = world.time_library(), _floor_turn(bare, bare_end)
        if turn >= _WARM_UP:
            _note(measured, ours, library, theirs)
        sleep(max(0.0, PACE_S - (monotonic() - began)))
    guests_end.close()
    return measured


def _visitors(lab: Lab) -> list[Visitor]:
    return [
        Visitor(number, phone.mac, stage.browser_of(lab, phone), stage.probe_of(phone))
        for number, phone in enumerate(lab.phones, 1)
    ]


def _kvar_turn(guest: Visitor, far_end: FarEnd) -> tuple[float, float]:
    guest.browser.reconnect()  # the portal lets an idle connection go after ten seconds
    token = guest.browser.token("/", "/card")
    request = guest.browser.encode_post("/card", card_form(token, guest.number))
    sleep(_THINKING_S)
    times = guest.time_login(request, far_end)
    guest.log_out()
    far_end.arrivals()
    return times


def _floor_turn(bare: Visitor, far_end: FarEnd) -> tuple[float, float]:
    sleep(_THINKING_S)
    times = bare.time_login(bare.browser.encode_post("/card", f"login={bare.mac}"), far_end)
    bare.browser.post("/logout", f"logout={bare.mac}")
    far_end.arrivals()
    return times


def _note(
    measured: Measured, ours: tuple[float, float], library: float, theirs: tuple[float, float]
) -> None:
    measured.packets.append(ours[0])
    measured.answers.append(ours[1])
    measured.library.append(library * 1000)
    measured.floor_packets.append(theirs[0])
    measured.floor_answers.append(theirs[1])


def _single_rows(measured: Measured) -> list[Row]:
    library = median(measured.library)
    floor, value = median(measured.floor_packets), median(measured.packets) - library
    last = percentile(measured.packets, 99) - library
    runs = len(measured.packets)
    return [
        Row("login to first packet, median, library taken out", value, "ms", floor,
            goal="ratio <= 2", holds=value <= 2 * floor, runs=runs),
        Row("login to first packet, p99, library taken out", last, "ms",
            percentile(measured.floor_packets, 99), goal="< 10 ms", holds=last < 10, runs=runs),
        Row("login to first packet, median, nothing taken out", median(measured.packets), "ms",
            floor, runs=runs),
        Row("login to whole answer, median, nothing taken out", median(measured.answers), "ms",
            median(measured.floor_answers), runs=runs),
        Row("library dialogue by a bare client, median", library, "ms", runs=runs),
    ]  # fmt: skip


# --- many at once -------------------------------------------------------------------------------


def many_at_once(world: stage.BenchWorld, size: Size) -> list[float]:
    """Let all phones log in at the same moment, some times; return ms to each answer."""
    visitors, far_end = _visitors(world.lab), stage.far_end_of(world.lab)
    times: list[float] = []
    sleep(ROUND_PAUSE_S if size.logins > 10 else 0)
    for _ in range(size.rounds):
        began = monotonic()
        times += _round(visitors, far_end)
        if size.rounds > 1:
            sleep(max(0.0, ROUND_PAUSE_S - (monotonic() - began)))
    return times


def _round(visitors: list[Visitor], far_end: FarEnd) -> list[float]:
    for visitor in visitors:
        visitor.browser.reconnect()
    requests = [
        v.browser.encode_post("/card", card_form(v.browser.token("/", "/card"), v.number))
        for v in visitors
    ]
    sleep(0.3)
    times = _all_log_in(visitors, requests)
    _require_open(visitors, far_end)
    for visitor in visitors:
        visitor.log_out()
    return times


def _all_log_in(visitors: list[Visitor], requests: list[bytes]) -> list[float]:
    waiting = dict(zip((v.browser for v in visitors), requests, strict=True))
    sent_ns = {browser: browser.send(request) for browser, request in waiting.items()}
    times = []
    while sent_ns:
        for browser in select.select(list(sent_ns), (), (), ANSWER_TIMEOUT_S)[0]:
            status = browser.read_status()
            times.append((time.time_ns() - sent_ns.pop(browser)) / 1e6)
            if status != 303:
                raise PhoneError(f"one of many was answered {status}")
    return times


def _require_open(visitors: list[Visitor], far_end: FarEnd) -> None:
    """An answer is worth its time only if the gate stood open when it came."""
    far_end.arrivals()
    for visitor in visitors:
        visitor.probe()
    sleep(0.05)
    passed = len(far_end.arrivals())
    if passed != len(visitors):
        raise PhoneError(f"answered {len(visitors)}, but packets of {passed} pass")


def _crowd_rows(times: list[float], size: Size) -> list[Row]:
    what = f"answer with {size.at_once} phones at once, nothing taken out"
    last = percentile(times, 95)
    return [
        Row(f"{what}, median", median(times), "ms", runs=len(times)),
        Row(f"{what}, p95", last, "ms", goal="< 150 ms", holds=last < 150, runs=len(times)),
    ]
