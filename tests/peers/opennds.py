"""openNDS (Debian's package) in the lab's gateway, which sends its guests to a service elsewhere.

Unless a test has its own, nobody answers there: it reads the address that a phone is sent to, and
leads it back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from bench.day.opennds import BROWSER, PROBE_URL, command_in, prepare_files
from firewall.lab.network import Lab, LabSettings
from firewall.lab.phone import Phone
from firewall.lab.processes import LabError

FAS_KEY = b"1234567890"
GATEWAY = "10.44.0.1"
"""The lab's first site."""
START_TIMEOUT_S = 60.0
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


@dataclass(frozen=True, slots=True)
class Service:
    """The forwarding authentication service, as its configuration names it."""

    address: str = "203.0.113.80"
    name: str = "203.0.113.80"
    port: int = 80
    tls_port: int = 443
    path: str = "/at/library"


NOBODY = Service()


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
def running_opennds(lab: Lab, level: int, service: Service = NOBODY) -> Iterator[None]:
    """Run it until it asks the first phone, which joins."""
    directory = lab.run_directory / "opennds"
    leases = lab.dhcp_dns.service.lease_file if lab.dhcp_dns else ""
    prepare_files(directory, _CONFIGURATION.format(level=level, service=service), str(leases))
    with (directory / "log").open("ab") as log:
        process = lab.gateway.spawn(command_in(directory), stdout=log, stderr=log)
        try:
            lab.phones[0].join()
            _wait_until_it_asks(lab.phones[0], directory / "log")
            yield
        finally:
            process.kill()
            process.wait()


@contextmanager
def guest_of_opennds(level: int) -> Iterator[Phone]:
    """Start a lab in which it asks, and give a phone that it has not let in."""
    with lab_for_opennds() as lab, running_opennds(lab, level):
        yield lab.phones[0]


def sent_to(phone: Phone) -> str | None:
    """Return where a phone is sent; None: it is let through."""
    return phone.http(PROBE_URL, timeout_s=5, headers=BROWSER).header("Location")


def _wait_until_it_asks(phone: Phone, log: Path) -> None:
    deadline = monotonic() + START_TIMEOUT_S
    while sent_to(phone) is None:
        if monotonic() > deadline:
            raise LabError(f"openNDS did not start:\n{log.read_text(errors='replace')[-2000:]}")
        sleep(0.5)
