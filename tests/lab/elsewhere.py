"""Kvar somewhere in the lab's internet: no gate, no guest network, access points only."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from firewall.lab.network import Lab
from firewall.lab.processes import LabError, Namespace, stop
from portal.clock import utc_now
from portal.demo.world import LIBRARY_COMMAND, START_TIMEOUT_S
from portal.library.demo_library import INSTITUTION, LOGIN_PASSWORD, LOGIN_USER

HOST = "wifi.elsewhere.example"
"""The lab's names lead every such name to an address in its internet."""
HTTP_PORT, HTTPS_PORT, LIBRARY_PORT, HEALTH_PORT = 8080, 8443, 8601, 9464

_CONFIGURATION = """
[organisation]
name = "Exempelby bibliotek"
data_directory = "{directory}/data"

[portal]
host_name = "{host}"
certificate_file = "{chain}"
private_key_file = "{key}"
http_port = {http_port}
https_port = {https_port}

[library_system]
host = "127.0.0.1"
port = {library_port}
tls = "off"
plain_text_is_safe_here = true
login_user = "{login_user}"
login_password = "{login_password}"
institution_id = "{institution}"
message = "information"
check_expiry = "PA"

[[sites]]
id = "village"
name = "Bybiblioteket"
login_methods = ["card"]

[radius]
"""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A running Kvar; ``log`` is all that it has said."""

    address: str
    log: Path
    origin: str = f"https://{HOST}:{HTTPS_PORT}"


@contextmanager
def kvar_elsewhere(lab: Lab, clients: str) -> Iterator[Elsewhere]:
    """Run Kvar with these ``[[radius.clients]]``."""
    directory, there = lab.run_directory / "elsewhere", lab.internet.namespace
    directory.mkdir(mode=0o755)
    lab.run_directory.chmod(0o755)
    file = directory / "kvar.toml"
    file.write_text(_text(lab, directory) + clients, encoding="utf-8")
    library = ["--host", "127.0.0.1", "--port", str(LIBRARY_PORT)]
    kvar = [sys.executable, "-m", "portal", "--config", str(file), "run"]
    with ExitStack() as stack:
        log = stack.enter_context((directory / "log").open("ab"))
        for command in ([*LIBRARY_COMMAND, *library], kvar):
            process = there.spawn(command, stdout=log, stderr=log)
            stack.callback(stop, process, grace_s=10.0)
        _wait(there, process, directory / "log")
        yield Elsewhere(lab.internet.address_of(HOST), directory / "log")


def _text(lab: Lab, directory: Path) -> str:
    certificate = lab.authority.issue([HOST], utc_now())
    return _CONFIGURATION.format(
        directory=directory,
        host=HOST,
        chain=certificate.chain,
        key=certificate.key,
        http_port=HTTP_PORT,
        https_port=HTTPS_PORT,
        library_port=LIBRARY_PORT,
        login_user=LOGIN_USER,
        login_password=LOGIN_PASSWORD,
        institution=INSTITUTION,
    )


def _wait(there: Namespace, kvar: subprocess.Popen[bytes], log: Path) -> None:
    url = f"http://127.0.0.1:{HEALTH_PORT}/readyz"
    script = f"import urllib.request as u; u.urlopen({url!r}, timeout=2).read()"
    deadline = monotonic() + START_TIMEOUT_S
    while there.run([sys.executable, "-S", "-c", script], check=False).returncode:
        if monotonic() > deadline or kvar.poll() is not None:
            raise LabError(f"Kvar did not start:\n{log.read_text(errors='replace')[-3000:]}")
        sleep(0.05)
