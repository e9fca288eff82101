"""The power goes during logins: everything dies at once and nothing is cleaned up.

What the cut takes: every process (PostgreSQL's included), all of nftables, connection tracking, the
neighbour table, the interfaces' state, the sockets. What it leaves: the disk. What a disk forgets
that lies about having written cannot be shown in namespaces. ``make power-cut KILLS=50`` cuts it
fifty times.
"""

import random
import shutil
import statistics
import threading
from collections.abc import Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic

import pytest

from firewall.lab.phone import Phone
from firewall.lab.processes import LabError, stop
from firewall.snapshot import decode
from portal.demo.world import World, WorldSettings
from portal.settings import snapshot_path
from tests.faults.gateway import Gateway, pause
from tests.faults.probes import Probes
from tests.lab.guest import Guest, fetch_sql, until

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
ONLINE_WITHIN_S = 5.0
"""From the start of Kvar until a device whose login was answered is online again, by itself."""
YARDSTICK_S = 1.6
"""What ``kvar --help`` takes on a machine with nothing else to do. A busy one takes longer for
everything, and is given as many times longer."""
GIVE_UP_S = 120.0
VISITORS = 5
_EXTRA = """
devices_per_card = 50

[limits]
pin_attempts_per_day = 20
"""


@dataclass
class Cut:
    """What became of one power cut. Times are seconds from Kvar's start."""

    acknowledged: int
    yardstick_s: float
    online_after_s: list[float] = field(default_factory=list)
    redirected: list[str] = field(default_factory=list)
    """Phones of the keeper's list that were led to the login page before they were online."""
    new_after_s: list[float] = field(default_factory=list)
    new_redirected: list[str] = field(default_factory=list)
    """The same of those whose login was answered too late for the list: the database knows them."""

    @property
    def in_time(self) -> bool:
        busy = max(1.0, self.yardstick_s / YARDSTICK_S)
        return max(self.online_after_s, default=0.0) <= ONLINE_WITHIN_S * busy


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(WorldSettings(phones=VISITORS + 1, extra=_EXTRA)) as built:
        for phone in built.phones:
            phone.join(ipv6=True)
        yield built


class Visitors:
    """Phones that log in and out without pause, and which of them have been told "you are in"."""

    def __init__(self, guests: list[Guest]) -> None:
        self._guests = guests
        self._told: dict[str, Guest] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self) -> None:
        """Everybody starts logged out."""
        self._told, self._stop = {}, threading.Event()
        self._threads = [
            threading.Thread(target=self._come_and_go, args=(guest, random.Random(guest.phone.mac)))
            for guest in self._guests
        ]
        for guest in self._guests:
            if guest.is_admitted():
                guest.sign_out()
        for thread in self._threads:
            thread.start()

    def told(self) -> list[Guest]:
        """Who has been told so and has not begun to log out."""
        with self._lock:
            return list(self._told.values())

    def somebody_stays(self) -> bool:
        return self._guests[0] in self.told()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _come_and_go(self, guest: Guest, dice: random.Random) -> None:
        while not self._stop.is_set():
            try:
                self._come(guest)
                if guest is self._guests[0]:  # stays, so that nobody can have missed the cut
                    return
                if not self._stop.wait(dice.uniform(0, 3)):
                    self._go(guest)
            except (AssertionError, LabError):  # the power is gone
                self._stop.wait(0.1)

    def _come(self, guest: Guest) -> None:
        answer = guest.sign_in()
        assert answer.status == 303, answer
        with self._lock:
            self._told[guest.phone.mac] = guest

    def _go(self, guest: Guest) -> None:
        """The power may go at any moment from here on, so nothing is promised any more."""
        with self._lock:
            if self._stop.is_set():
                return
            self._told.pop(guest.phone.mac, None)
        guest.sign_out()


class Stranger:
    """Sends probes from the first moment to the last, whatever happens to the gateway."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        while not self._stop.wait(0.02):
            self._probes.send(10)

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


def test_nobody_logs_in_again_after_a_power_cut(
    world: World, gateway: Gateway, pytestconfig: pytest.Config
) -> None:
    visitors = Visitors([Guest(world, phone) for phone in world.phones[:VISITORS]])
    probes = Probes(world, Guest(world, world.phones[VISITORS]))
    stranger = Stranger(probes)
    try:
        wanted = int(pytestconfig.getoption("--cuts"))
        cuts = [_cut_during_logins(world, gateway, visitors) for _ in range(wanted)]
        again = [_cut_during_logins(world, gateway, visitors) for cut in cuts if not cut.in_time]
    finally:
        stranger.end()
    _print([*cuts, *again], probes)
    assert probes.sent > 100 * wanted
    assert all(max(cut.new_after_s, default=0.0) < GIVE_UP_S for cut in (*cuts, *again))
    assert sum(len(cut.online_after_s) for cut in cuts) >= len(cuts) / 2
    assert probes.arrived() == []
    # A burst of other work can fall into one start; into the repeated one it must not as well.
    assert all(cut.in_time for cut in again)
    assert len(again) <= len(cuts) / 2


def test_the_gate_alone_brings_guests_back(world: World, gateway: Gateway) -> None:
    """No database, no keeper, no portal: the gate has a list of its own."""
    guest, stranger = Guest(world, world.phones[0]), Guest(world, world.phones[VISITORS])
    if not guest.is_admitted():
        assert guest.sign_in().status == 303
    snapshot = snapshot_path(world.config)
    until(lambda: guest.phone.mac.encode() in snapshot.read_bytes(), "the keeper notes it", 60)
    probes = Probes(world, stranger)
    _cut_power(world, gateway)
    _boot(gateway)
    probes.send(200)
    world.config.gate.socket.parent.mkdir(mode=0o755)
    log = world.log_file.open("ab")
    alone = world.lab.gateway.spawn(world.kvar_command("gate"), stdout=log, stderr=log)
    try:
        probes.send(200)
        until(lambda: guest.phone.http(PROBE_URL, timeout_s=0.5).status == 200, "online", 60)
        probes.send(200)
        assert stranger.phone.tcp_connect("198.51.100.9", 443).outcome == "refused"
    finally:
        stop(alone)
        log.close()
        world.start()
    assert not guest.is_captive()
    assert _sessions_of(guest) == 1
    assert probes.arrived() == []


def _print(cuts: list[Cut], probes: Probes) -> None:
    times = sorted(seconds for cut in cuts for seconds in cut.online_after_s)
    late = max((seconds for cut in cuts for seconds in cut.new_after_s), default=0.0)
    print(  # noqa: T201
        f"\n{len(cuts)} cuts, {sum(cut.acknowledged for cut in cuts)} logins acknowledged, online "
        f"again after {statistics.median(times):.2f} s (median), {times[-1]:.2f} s (longest), "
        f"{late:.2f} s (too new for the list); "
        f"yardstick {statistics.median(cut.yardstick_s for cut in cuts):.2f} s; "
        f"{probes.sent} probes of a stranger, {len(probes.arrived())} arrived; "
        f"redirected: {[phone for cut in cuts for phone in cut.redirected]}, "
        f"of those too new for the list: {[phone for cut in cuts for phone in cut.new_redirected]}"
    )


def _cut_during_logins(world: World, gateway: Gateway, visitors: Visitors) -> Cut:
    visitors.begin()
    until(visitors.somebody_stays, "somebody has logged in", 120)
    pause(random.Random().uniform(0.3, 2.0))
    _cut_power(world, gateway)
    told = visitors.told()
    visitors.end()
    assert told, "nobody was online when the power went"
    _boot(gateway)
    noted = dict(decode(snapshot_path(world.config).read_bytes()).devices)
    cut = Cut(len(told), _yardstick_s(world))
    began = monotonic()
    world.begin()
    _watch(cut, [guest.phone for guest in told], began, noted)
    world.wait_until_ready()
    for guest in told:
        assert not guest.is_captive()
        assert _sessions_of(guest) == 1
    print(cut, flush=True)  # noqa: T201
    return cut


def _cut_power(world: World, gateway: Gateway) -> None:
    world.kill()
    gateway.run("ip", "link", "set", "guest0", "down")
    gateway.run("nft", "flush", "ruleset")
    gateway.run("conntrack", "-F")
    gateway.run("ip", "neigh", "flush", "all")
    shutil.rmtree(world.config.gate.socket.parent)


def _boot(gateway: Gateway) -> None:
    """As at every boot: the fail-closed rules stand before the guest interface comes up."""
    assert sorted(gateway.fail_closed_rules()) == ["-4 guest0", "-6 guest0"]
    assert gateway.run("nft", "list", "tables") == ""
    gateway.run("ip", "link", "set", "guest0", "up")
    gateway.run("ip", "addr", "replace", "2001:db8:44::1/64", "dev", "guest0", "nodad")


def _yardstick_s(world: World) -> float:
    began = monotonic()
    world.lab.gateway.run(world.kvar_command("--help"))
    return monotonic() - began


def _watch(cut: Cut, phones: list[Phone], began: float, noted: Container[str]) -> None:
    """Ask from each phone until the genuine answer comes."""
    with ThreadPoolExecutor(len(phones)) as pool:
        answers = pool.map(lambda phone: _online_after(phone, began), phones)
        for phone, (seconds, redirects) in zip(phones, answers, strict=True):
            known = phone.mac in noted
            (cut.online_after_s if known else cut.new_after_s).append(seconds)
            (cut.redirected if known else cut.new_redirected).extend(redirects)


def _online_after(phone: Phone, began: float) -> tuple[float, list[str]]:
    redirects: list[str] = []
    while (seconds := monotonic() - began) < GIVE_UP_S:
        status = phone.http(PROBE_URL, timeout_s=0.5).status
        if status == 200:
            break
        if status == 302:
            redirects.append(f"{phone.mac} after {seconds:.2f} s")
        pause(0.02)
    return monotonic() - began, redirects


def _sessions_of(guest: Guest) -> int:
    query = "SELECT count(*) FROM live_session WHERE mac = $1::text::macaddr"
    return int(fetch_sql(guest.world, query, guest.phone.mac))
