"""PURE: the configuration of the demo without root: no gate, no privileged port, this machine."""

from pathlib import Path

from firewall.lab.authority import ServerCertificate
from portal.library.demo_library import LOGIN_PASSWORD, LOGIN_USER

HOST_NAME = "wifi.exempelby.example"
LIBRARY_PORT = 6001
HTTPS_PORT = 8443


def config_text(directory: Path, certificate: ServerCertificate, http_port: int) -> str:
    """Return the TOML text; everything Kvar writes goes below ``directory``."""
    return f"""
[organisation]
name = "Exempelby bibliotek"
data_directory = "{directory}/data"

[portal]
host_name = "{HOST_NAME}"
certificate_file = "{certificate.chain}"
private_key_file = "{certificate.key}"
http_port = {http_port}
https_port = {HTTPS_PORT}

[gate]
enabled = false
socket = "{directory}/gate.sock"

[library_system]
host = "127.0.0.1"
port = {LIBRARY_PORT}
tls = "off"
plain_text_is_safe_here = true
login_user = "{LOGIN_USER}"
login_password = "{LOGIN_PASSWORD}"
institution_id = "DEMO"
message = "information"
check_expiry = "PA"
card_length = 14

[[sites]]
id = "stadsbiblioteket"
name = "Exempelby stadsbibliotek"
guest_interfaces = ["guest0"]
support_phone = "08-465 004 01"
"""
