"""openNDS (Debian's package) in the lab's gateway, which sends its guests to a service elsewhere.

Unless a test has its own, nobody answers there: it reads the address that a phone is sent to, and
leads it back. It has processes of its own, too: when it starts it kills every `authmon` that it
sees, whosever that is, and nothing of it outlives it.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from bench.day.opennds import BROWSER, PROBE_URL, command_in, prepare_files
from firewall.lab import processes
from firewall.lab.network import Lab, LabSettings
from firewall.lab.phone import Phone
from firewall.lab.processes import LabError

FAS_KEY = b"1234567890"
GATEWAY = "10.44.0.1"
"""The lab's first site."""
START_TIMEOUT_S = 60.0
ANSWERS_WITHIN_S = 20.0
_CONFIGURATION = """\
GatewayInterface guest0
GatewayName Library
gatewayfqdn disable
login_option_enabled 0
fasremoteip {service.address}
fasremotefqdn {service.name}
fasport {service.port}
faspath {service.path}
fas_secure_enabled {level}
faskey 1234567890
checkinterval {check_s}
FirewallRuleSet authenticated-users {{
  FirewallRule allow all
}}
FirewallRuleSet preauthenticated-users {{
  FirewallRule allow tcp port {service.tls_port} to {service.address}
  FirewallRule allow udp port 53
}}
FirewallRuleSet users-to-router {{
  FirewallRule allow udp port 53
  FirewallRule allow tcp port 53
  FirewallRule allow udp port 67
}}
"""


CHECK_S = 5
"""How often it looks for sessions that are over."""


@dataclass(frozen=True, slots=True)
class Service:
    """The forwarding authentication service, as its configuration names it."""

    address: str = "203.0.113.80"
    name: str = "203.0.113.80"
    port: int = 80
    tls_port: int = 443
    path: str = "/at/library"


NOBODY = Service()


@dataclass(frozen=True, slots=True)
class OpenNds:
    """A running one."""

    lab: Lab
    process: subprocess.Popen[bytes]
    directory: Path

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command where it runs, and return what that says."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        inside = ["nsenter", "--target", children.read_text().split()[0], "--mount", "--pid"]
        return self.lab.gateway.run([*inside, *command], check=check).stdout

    def clients(self) -> Mapping[str, Mapping[str, str]]:
        """Return what it knows of devices, by their addresses."""
        known: Mapping[str, Mapping[str, str]] = json.loads(self.run("ndsctl", "json"))["clients"]
        return known


@contextmanager
def lab_for_opennds(phones: int = 1) -> Iterator[Lab]:
    """Build a lab whose gateway it can have for itself."""
    settings = LabSettings(
        phones=phones,
        ipv6=False,
        fail_closed_bit=None,
        management=False,
        announce_captive_portal=False,
    )
    with Lab(settings) as lab:
        lab.open_plain_nat()
        yield lab


@contextmanager
def running_opennds(lab: Lab, level: int, service: Service = NOBODY) -> Iterator[OpenNds]:
    """Run it until it asks the first phone, which joins."""
    directory = lab.run_directory / "opennds"
    leases = lab.dhcp_dns.service.lease_file if lab.dhcp_dns else ""
    text = _CONFIGURATION.format(level=level, service=service, check_s=CHECK_S)
    prepare_files(directory, text, str(leases))
    _prepare_authmon(lab, directory, text, service)
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *command_in(directory)]
    with (directory / "log").open("ab") as log:
        process = lab.gateway.spawn(command, stdout=log, stderr=log)
        try:
            lab.phones[0].join()
            _wait_until_it_asks(lab.phones[0], directory / "log")
            yield OpenNds(lab, process, directory)
        finally:
            process.kill()
            process.wait()


def _prepare_authmon(lab: Lab, directory: Path, configuration: str, service: Service) -> None:
    """Give its daemon what it reads itself: settings, the service's name, and whom to trust."""
    etc = directory / "etc"
    text = f"{configuration}nat_traversal_poll_interval 1\n"  # openNDS itself does not know it
    (etc / "opennds/opennds.conf").write_text(text, encoding="ascii")
    with (etc / "hosts").open("a") as hosts:
        hosts.write(f"{service.address} {service.name}\n")
    file = lab.authority.certificate_file
    hashed = processes.run(["openssl", "x509", "-noout", "-hash", "-in", str(file)]).stdout.strip()
    shutil.copyfile(file, etc / f"ssl/certs/{hashed}.0")


@contextmanager
def guest_of_opennds(level: int) -> Iterator[Phone]:
    """Start a lab in which it asks, and give a phone that it has not let in."""
    with lab_for_opennds() as lab, running_opennds(lab, level):
        yield lab.phones[0]


def sent_to(phone: Phone) -> str | None:
    """Return where a phone is sent; None: it is let through, or nobody answers for long.

    It is one thread that answers, and it waits for its scripts: ask again, as browsers do.
    """
    deadline = monotonic() + ANSWERS_WITHIN_S
    while True:
        answer = phone.http(PROBE_URL, timeout_s=5, headers=BROWSER)
        if answer.status or monotonic() > deadline:
            return answer.header("Location")


def _wait_until_it_asks(phone: Phone, log: Path) -> None:
    deadline = monotonic() + START_TIMEOUT_S
    while sent_to(phone) is None:
        if monotonic() > deadline:
            raise LabError(f"openNDS did not start:\n{log.read_text(errors='replace')[-2000:]}")
        sleep(0.5)
