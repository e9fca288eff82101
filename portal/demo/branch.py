"""The demonstration's branch: a library that has an access point and no gateway of ours.

Not the access point (portal/demo/access_point) and not its wires (firewall/lab/branch.py): this
starts the one inside the other, and reads what it tells.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from firewall.lab import branch, processes
from firewall.lab.branch import Branch
from portal.demo.access_point.settings import PointSettings

SITE = "filialen"
CLIENT = "filial-ap1"
INTERIM_S = 2.0
"""A demonstration waits for one; the access point's own setting wins over ours (RFC 2869, 5.16)."""
START_TIMEOUT_S = 30.0


def radius_text(secret: str) -> str:
    """PURE: the TOML text that makes the branch a site, and its access point a RADIUS client."""
    return f"""
[[sites]]
id = "{SITE}"
name = "Exempelby filialbibliotek"
login_methods = ["card", "code"]

[radius]
addresses = ["{branch.GATEWAY_ADDRESS}"]

[[radius.clients]]
name = "{CLIENT}"
networks = ["{branch.POINT_ADDRESS}/32"]
secret = "{secret}"
site = "{SITE}"
family = "cisco"
"""


class AccessPointProcess:
    """The access point of a branch, running."""

    def __init__(self, built: Branch, portal: str, secret: str, directory: Path) -> None:
        self._point = built.point
        self._file = directory / "access-point.json"
        self.log_file = directory / "access-point.log"
        settings = PointSettings(
            server=branch.GATEWAY_ADDRESS,
            secret=secret,
            portal=portal,
            address=branch.POINT_ADDRESS,
            radio=built.radio,
            ssid="Exempelby-gast",
            name=CLIENT,
            air=branch.AIR,
            uplink=branch.UPLINK,
            interim_s=INTERIM_S,
        )
        self._file.touch(mode=0o600)
        self._file.write_text(json.dumps(asdict(settings)), encoding="utf-8")

    def start(self) -> None:
        """Switch it on, and wait until it listens."""
        command = [sys.executable, "-m", "portal.demo.access_point", str(self._file)]
        with self.log_file.open("ab") as log:
            self._process = self._point.spawn(command, stdout=log, stderr=subprocess.STDOUT)
        self.wait_for("ready", timeout_s=START_TIMEOUT_S)

    def stop(self) -> None:
        """Switch it off; it takes leave of the server."""
        processes.stop(self._process, grace_s=10.0)

    def told(self, event: str, after: int = 0, **facts: object) -> list[Mapping[str, Any]]:
        """Return what it told of this kind, from line `after` on."""
        return [
            one
            for one in self._lines()[after:]
            if one["event"] == event and facts.items() <= one.items()
        ]

    def count(self) -> int:
        """Return how much it has told; for `after`."""
        return len(self._lines())

    def wait_for(
        self, event: str, after: int = 0, timeout_s: float = 20.0, **facts: object
    ) -> Mapping[str, Any]:
        """Return the first such line, waiting for it. Raises LabError with all it told."""
        deadline = monotonic() + timeout_s
        while not (found := self.told(event, after, **facts)):
            if monotonic() > deadline:
                told = self.log_file.read_text(errors="replace")[-3000:]
                raise processes.LabError(f"the access point did not tell {event} {facts}:\n{told}")
            sleep(0.05)
        return found[0]

    def _lines(self) -> list[dict[str, Any]]:
        """Whole lines only, of JSON only: Python's words about a fault stand there too."""
        text, _, _ = self.log_file.read_text(errors="replace").rpartition("\n")
        return [json.loads(line) for line in text.split("\n") if line.startswith("{")]
