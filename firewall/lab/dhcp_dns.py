"""dnsmasq in the gateway's namespace, and beside it the router advertiser."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from firewall.lab import dnsmasq
from firewall.lab.processes import LabError, stop

if TYPE_CHECKING:
    import pathlib

    from firewall.lab.processes import Namespace

START_TIMEOUT_S = 10.0
POLL_S = 0.02


class DhcpDns:
    """DHCPv4, DHCPv6, router advertisements and DNS for all guest interfaces of one gateway."""

    def __init__(
        self, gateway: Namespace, directory: pathlib.Path, service: dnsmasq.GuestService
    ) -> None:
        self._gateway = gateway
        self._directory = directory
        # As root: after a change of user the kernel forgets to kill it with its parent (prctl(2)).
        self.service = dataclasses.replace(service, user="root", group="root")
        """Replace it and `restart` to change the walled garden or anything else."""
        self.log_file = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._advertiser: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until DNS and DHCP sockets are open. Raises LabError."""
        self._directory.mkdir(exist_ok=True)
        configuration = self._directory / "dnsmasq.conf"
        configuration.write_text(dnsmasq.render(self.service))
        with self.log_file.open("ab") as log:
            self._process = self._gateway.spawn(
                ["dnsmasq", "--keep-in-foreground", "--log-facility=-", f"-C{configuration}"],
                stderr=log,
            )
        self._wait_until_open(self._process)
        if self._advertiser is None and self.service.networks[0].prefix_v6 is not None:
            self._advertise()

    def _wait_until_open(self, process: subprocess.Popen[bytes]) -> None:
        give_up = time.monotonic() + START_TIMEOUT_S
        while not self._is_open():
            if process.poll() is not None or time.monotonic() > give_up:
                raise LabError(f"dnsmasq did not start: {self.log_file.read_text().strip()}")
            time.sleep(POLL_S)

    def _is_open(self) -> bool:
        sockets = self._gateway.run(["ss", "-Hlun"]).stdout
        return all(f"{network.gateway_v4}:53" in sockets for network in self.service.networks) and (
            ":67 " in sockets
        )

    def _advertise(self) -> None:
        networks = self.service.networks
        words = [f"{each.interface},{each.prefix_v6},{each.gateway_v6}" for each in networks]
        self._advertiser = self._gateway.spawn(
            [
                sys.executable,
                "-m",
                "firewall.lab.router_advertiser",
                self.service.captive_portal_uri or "",
                *words,
            ],
            stdin=subprocess.PIPE,
        )

    def advertise_anew(self) -> None:
        """Start the advertiser anew: it belongs to the interfaces as they were when it started."""
        if self._advertiser is not None:
            stop(self._advertiser)
            self._advertise()

    def restart(self) -> None:
        """Kill dnsmasq as a crash would, and start it again with the same lease file."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.start()

    def close(self) -> None:
        """Stop both."""
        for process in (self._process, self._advertiser):
            if process is not None:
                stop(process)
