"""The demonstration's world with a library system for benchmarks: instant, and a card for all."""

import sys

from firewall.lab import addressing, processes
from portal.demo.world import LIBRARY_PORT, World


class LibraryWorld(World):
    """Kvar's whole world beside a library system that takes no time and knows many cards."""

    def start_library(self) -> None:
        """Start it on the management network and wait until it answers."""
        if self.lab.management is None:
            raise processes.LabError("the library system needs the management network")
        address = (addressing.MANAGEMENT.far_v4, str(LIBRARY_PORT))
        command = [sys.executable, "-m", "bench.library_system", *address]
        self._library = self.lab.management.namespace.spawn(command)
        self._wait_for_library()
