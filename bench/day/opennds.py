"""openNDS (Debian's package) in the lab's gateway, started again when it dies, as its unit says.

Not a judgement of it: another free captive portal in wide use, so that zeros have something beside
them. It runs in a mount namespace of its own, because it changes files in /etc; there iptables is
the legacy one, since the version in Debian 12 fails on the other.
"""

import html
import math
import re
import shutil
import signal
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Self

from bench.day import faults
from bench.day.product import Breakage
from bench.day.scenario import Fault
from bench.rows import RESULTS
from firewall.lab import processes
from firewall.lab.network import Lab, LabSettings
from firewall.lab.phone import Phone
from firewall.lab.processes import LabError

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
LEASE_S = 120
RESTART_PAUSE_S = 0.1
"""systemd's default (RestartSec); Debian's unit has Restart=on-failure."""
START_TIMEOUT_S = 60.0
BROWSER = (("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"),)
"""Without one, this version of openNDS crashes on the request."""
PAGES = 3
"""Terms, thanks, landing."""
LOOKS = 20
LOOK_PAUSE_S = 0.25
_FORM = re.compile(r'<form action="([^"]*)" method="get">(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r'name="([^"]*)" value="([^"]*)"')
_CONFIGURATION = """\
GatewayInterface guest0
GatewayName Exempelby
gatewayfqdn disable
login_option_enabled 1
checkinterval {timeouts.check_s}
preauthidletimeout {timeouts.before_login_min}
authidletimeout {timeouts.idle_min}
sessiontimeout {timeouts.session_min}
FirewallRuleSet authenticated-users {{
  FirewallRule allow all
}}
FirewallRuleSet users-to-router {{
  FirewallRule allow udp port 53
  FirewallRule allow tcp port 53
  FirewallRule allow udp port 67
}}
"""
_START = """\
mount --make-rprivate / && mount --bind {0}/etc /etc && mount --bind {0}/tmp /tmp &&
mount --bind {0}/misc /var/lib/misc && exec opennds -f -d 1 -c {0}/opennds.conf"""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Of openNDS, in minutes of the day but for the first."""

    check_s: int
    before_login_min: int
    idle_min: int
    session_min: int

    def scaled(self, minute_s: float) -> "Timeouts":
        """Return them on the day's clock; it takes whole minutes, so they are rounded up.

        How often it looks stays as it is: every second, it has no time left for guests.
        """
        return Timeouts(
            self.check_s,
            math.ceil(self.before_login_min * minute_s / 60),
            math.ceil(self.idle_min * minute_s / 60),
            math.ceil(self.session_min * minute_s / 60),
        )


DEFAULT = Timeouts(check_s=15, before_login_min=30, idle_min=120, session_min=1440)
BEST = Timeouts(check_s=15, before_login_min=1440, idle_min=1440, session_min=0)
"""Nobody is idle for a day, and sessions have no limit (0)."""


class OpenNds:
    """One day's openNDS. Use as a context manager."""

    ipv6 = False
    terms = (
        "IPv4 alone: the guests' network has no IPv6 (in its favour)",
        "one network for both sites: roamers only change access point (in its favour)",
        "a click on its terms instead of a card, for tutored guests too (in its favour)",
        "time-outs rounded up to whole minutes of its own clock (in its favour)",
        "looks for idle devices every 15 s of real time, as it does by default (in its favour)",
        "address translation, which is not its own, put back at once after a flush (in its favour)",
        "guests come faster than it can serve its page here: waits cannot be compared (see docs)",
        "started again 0.1 s after it dies, as by systemd with Debian's unit",
        "chains that a killed one leaves are removed first: its own way does not (in its favour)",
    )

    def __init__(self, name: str, timeouts: Timeouts, minute_s: float) -> None:
        self.name = name
        self._timeouts = timeouts.scaled(minute_s)
        self._open = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = threading.Event()
        self._closing = threading.Event()

    lab: Lab

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        RESULTS.mkdir(exist_ok=True)
        shutil.copyfile(self._directory / "log", RESULTS / "day-opennds.log")
        self._open.close()

    def _build(self) -> None:
        settings = LabSettings(
            phones=0,
            ipv6=False,
            fail_closed_bit=None,
            management=False,
            announce_captive_portal=False,
            lease_s=LEASE_S,
        )
        self.lab = self._open.enter_context(Lab(settings))
        self.lab.open_plain_nat()
        self._prepare_files()
        self._log: IO[bytes] = self._open.enter_context((self._directory / "log").open("ab"))
        self._wanted.set()
        keeper = threading.Thread(target=self._keep_running, name="openNDS", daemon=True)
        self._open.callback(keeper.join)
        self._open.callback(self._stop)
        keeper.start()
        self._wait_until_it_asks()

    def _prepare_files(self) -> None:
        self._directory = self.lab.run_directory / "opennds"
        leases = self.lab.dhcp_dns.service.lease_file if self.lab.dhcp_dns else ""
        text = _CONFIGURATION.format(timeouts=self._timeouts)
        prepare_files(self._directory, text, str(leases))

    # --- its process ------------------------------------------------------------------------------

    def _keep_running(self) -> None:
        command = command_in(self._directory)
        while not self._closing.is_set():
            self._wanted.wait()
            if self._closing.is_set():
                return
            self._clear_chains()
            started = self.lab.gateway.spawn(command, stdout=self._log, stderr=self._log)
            self._process = started
            code = started.wait()
            self._log.write(f"--- ended with {code}\n".encode())
            self._log.flush()
            sleep(RESTART_PAUSE_S)

    def _clear_chains(self) -> None:
        """Remove what a killed one left, or no other can start.

        It does so itself, but by `nft`, which does not know the rules of the legacy iptables.
        """
        for table in ("filter", "nat", "mangle"):
            for flag in ("-F", "-X"):
                self.lab.gateway.run(["iptables-legacy", "-t", table, flag])

    def _stop(self) -> None:
        self._closing.set()
        self._wanted.set()
        if self._process is not None:
            self._process.kill()

    def _wait_until_it_asks(self) -> None:
        """A phone that is there for nothing else sees its redirect."""
        phone = self.lab.add_phone()
        phone.join()
        deadline = monotonic() + START_TIMEOUT_S
        while phone.http(PROBE_URL, timeout_s=2).header("Location") is None:
            if monotonic() > deadline:
                log = (self._directory / "log").read_text(errors="replace")[-2000:]
                raise LabError(f"openNDS did not start:\n{log}")
            sleep(0.5)
        self.lab.remove_phone(phone)

    # --- what guests do ---------------------------------------------------------------------------

    def log_in(self, phone: Phone, person: int) -> str:
        """Accept its terms and go on to its last page."""
        del person
        answer = phone.http(PROBE_URL, timeout_s=5, headers=BROWSER)
        url = answer.header("Location")
        if url is None:
            return f"no redirect: {answer.status} {answer.failure or ''}"
        for page in range(PAGES):
            answer = phone.http(url, timeout_s=20, headers=BROWSER)
            form = _FORM.search(answer.body.decode())
            if answer.status != 200 or form is None:
                return f"page {page + 1}: {answer.status} {answer.failure or ''}"
            fields = {name: html.unescape(value) for name, value in _FIELD.findall(form[2])}
            query = urllib.parse.urlencode(fields)
            url = f"http://{self.lab.sites[0].gateway_v4}:2050{form[1]}?{query}"
        return (
            "" if self._is_let_in(phone) else "its last page came, but the phone is captive still"
        )

    def _is_let_in(self, phone: Phone) -> bool:
        """Say whether its promise holds: its page may come before its rules do."""
        for _ in range(LOOKS):
            if phone.http(PROBE_URL, timeout_s=5, headers=BROWSER).status == 200:
                return True
            sleep(LOOK_PAUSE_S)
        return False

    def let_in_by_tutor(self, phone: Phone, person: int) -> str:
        """It has no tutoring."""
        return self.log_in(phone, person)

    def end_tutoring(self, phone: Phone) -> None:
        """It has no tutoring."""

    def roam(self, phone: Phone) -> None:
        """To another access point: its only network goes on."""
        self.lab.move(phone, 0)

    # --- faults -----------------------------------------------------------------------------------

    @property
    def breakages(self) -> Mapping[Fault, Breakage]:
        """It has one process, no database and no library system."""
        return {
            **faults.of_the_lab(self.lab, self.lab.open_plain_nat),
            Fault.GATE_KILLED: faults.at_once(self._kill),
            Fault.EVERYTHING_KILLED: self._killed,
            Fault.GATE_FROZEN: partial(self._frozen),
        }

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    @contextmanager
    def _killed(self) -> Iterator[None]:
        self._wanted.clear()
        self._kill()
        yield
        self._wanted.set()

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        process = self._process
        if process is not None:
            process.send_signal(signal.SIGSTOP)
        yield
        if process is not None:
            process.send_signal(signal.SIGCONT)


def prepare_files(directory: Path, configuration: str, leases: str) -> None:
    """Make what it gets instead of this machine's own files."""
    for name in ("tmp", "misc"):
        (directory / name).mkdir(parents=True)
    processes.run(["cp", "-a", "/etc", str(directory / "etc")])
    for family in ("iptables", "ip6tables"):
        for part in ("", "-save", "-restore"):
            link = directory / "etc/alternatives" / f"{family}{part}"
            link.unlink(missing_ok=True)
            link.symlink_to(f"/usr/sbin/{family}-legacy{part}")
    (directory / "misc/dnsmasq.leases").symlink_to(leases)
    (directory / "opennds.conf").write_text(configuration, encoding="ascii")


def command_in(directory: Path) -> list[str]:
    """Return the command that runs it, with these files, in a mount namespace of its own."""
    return ["unshare", "--mount", "bash", "-c", _START.format(directory)]
