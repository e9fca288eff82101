"""PURE: the demonstration's configurations: in the lab's gateway, and without root on this machine.

The library system and the site are the same in both. The rule to keep: everything that Kvar writes
goes below the given directory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firewall.lab.authority import ServerCertificate
from portal.library.demo_library import INSTITUTION, LOGIN_PASSWORD, LOGIN_USER

HOST_NAME = "wifi.exempelby.example"
"""Of the portal without a lab."""

LIBRARY_PORT = 6001
"""On this machine, without a lab."""

HTTPS_PORT = 8443
STAFF_PORT = 8081
"""Of the staff site, on localhost: browsers count that as secure, and keep its cookies."""

STAFF = f"""
[staff]
host_name = "localhost"
address = "127.0.0.1"
port = {STAFF_PORT}
"""

_SITE = """
[[sites]]
id = "stadsbiblioteket"
name = "Exempelby stadsbibliotek"
guest_interfaces = ["guest0"]
login_methods = ["card", "code"]
support_phone = "08-465 004 01"
code_of_the_day = true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What the lab knows of its gateway.

    ``user`` and ``gate_user`` are empty for no change of user; ``library`` is the library system's
    address and port.
    """

    portal_host: str
    portal_addresses: Sequence[str]
    certificate: ServerCertificate
    uplink: str
    lease_file: str
    user: str
    gate_user: str
    library: tuple[str, int]


def gateway_text(directory: Path, gateway: Gateway) -> str:
    """Return the TOML text for the lab's gateway."""
    return f"""{_organisation(directory)}
[portal]
host_name = "{gateway.portal_host}"
addresses = {list(gateway.portal_addresses)}
{_certificate(gateway.certificate)}
[gate]
socket = "{directory}/gate/gate.sock"
uplink_interfaces = ["{gateway.uplink}"]
lease_files = ["{gateway.lease_file}"]

[[gate.walled_garden]]
hosts = ["crl.lab.example"]
ports = [80]

[[gate.walled_garden]]
hosts = ["ntp.lab.example"]
ports = [123]
protocol = "udp"

[processes]
user = "{gateway.user}"
gate_user = "{gateway.gate_user}"
{_library_system(*gateway.library)}{_SITE}"""


def simulated_text(directory: Path, certificate: ServerCertificate, http_port: int) -> str:
    """Return the TOML text for a demo without root: no gate, no privileged port."""
    return f"""{_organisation(directory)}
[portal]
host_name = "{HOST_NAME}"
{_certificate(certificate)}http_port = {http_port}
https_port = {HTTPS_PORT}

[gate]
enabled = false
socket = "{directory}/gate.sock"
{_library_system("127.0.0.1", LIBRARY_PORT)}{_SITE}{STAFF}"""


def _organisation(directory: Path) -> str:
    return f"""
[organisation]
name = "Exempelby bibliotek"
contact_email = "biblioteket@exempelby.example"
ssid = "Exempelby-gast"
data_directory = "{directory}/data"
"""


def _certificate(certificate: ServerCertificate) -> str:
    return f"""certificate_file = "{certificate.chain}"
private_key_file = "{certificate.key}"
"""


def _library_system(host: str, port: int) -> str:
    return f"""
[library_system]
host = "{host}"
port = {port}
tls = "off"
plain_text_is_safe_here = true
login_user = "{LOGIN_USER}"
login_password = "{LOGIN_PASSWORD}"
institution_id = "{INSTITUTION}"
message = "information"
check_expiry = "PA"
card_length = 14
"""
