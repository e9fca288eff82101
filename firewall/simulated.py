"""The gate without a kernel: the same verbs, for a demo without root and for tests.

Not a firewall: nobody is let in or kept out. It says so in its health.
The rule to keep: whatever the contract tests ask of the real gate, this one answers alike.
"""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from firewall.roster import Admission, Roster
from firewall.settings import GateSettings
from firewall.verbs import (
    Addresses,
    Admit,
    Changes,
    Counters,
    DeviceUsage,
    Identified,
    Identify,
    RefusedError,
    Usage,
)


class SimulatedGate:
    """Devices in memory. Every loopback address is a device of its own at the first site."""

    def __init__(
        self,
        settings: GateSettings,
        clock: Callable[[], float],
        neighbours: Mapping[str, Identified] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._neighbours = dict(neighbours or {})
        blocks = settings.port_blocks
        self._roster = Roster(settings.devices_max, blocks.count if blocks else 0)
        self._profiles = {number: name for name, number in settings.profiles.items()}
        self._generation = 1

    def __contains__(self, mac: str) -> bool:
        return mac in self._roster

    def admit(self, device: Admit) -> None:
        """Note the device, its time and profile.

        Raises:
            RefusedError: no such profile, or the gate is full.
        """
        profile, deadline = self._profile(device.profile), self._clock() + device.remaining_s
        known = self._roster.get(device.mac)
        if known is None and not self._roster.room:
            raise RefusedError("busy", "the gate is full")
        self._note(device.mac, profile, deadline).asked_at = self._clock()

    def expel(self, mac: str) -> Counters | None:
        """Forget the device."""
        self._generation += 1
        known = self._roster.leave(mac)
        return known.counted if known else self._roster.take_end(mac)

    def reconcile(self, devices: Sequence[Admit]) -> Changes:
        """Make exactly these devices the noted ones, and spare whom `admit` has just let in.

        Raises:
            RefusedError: no such profile, or more devices than the gate takes; nothing is done.
        """
        if len(devices) > self._settings.devices_max:
            raise RefusedError("busy", "more devices than the gate takes")
        now = self._clock()
        wanted = {d.mac: (self._profile(d.profile), now + d.remaining_s) for d in devices}
        surplus = self._roster.surplus(wanted, now)
        expelled = {mac: self.expel(mac) or Counters() for mac in surplus}
        admitted = tuple(mac for mac in wanted if mac not in self._roster)
        changed = tuple(
            mac
            for mac, known in self._roster.items()
            if mac in wanted and not known.is_as(*wanted[mac], 1.0)
        )
        for mac, wish in wanted.items():
            self._note(mac, *wish)
        return Changes(admitted, changed, expelled)

    def usage(self) -> Usage:
        """Return the devices; their counters stand still."""
        now = self._clock()
        return Usage(
            self._generation,
            {
                mac: DeviceUsage(
                    known.counted,
                    known.deadline - now,
                    self._profiles[known.profile],
                    known.heard_s_ago(now),
                )
                for mac, known in self._roster.items()
            },
        )

    def addresses(self) -> Addresses:
        """Return what the numbers stand for; nobody has an address."""
        return Addresses(self._roster.own_ports(self._settings.port_blocks, self._clock()))

    def probe(self, macs: Sequence[str]) -> int:
        """Ask nobody: there is no wire."""
        return 0 * len(macs)

    def identify(self, query: Identify) -> Identified | None:
        """Return a configured neighbour, or the device a loopback address stands for."""
        found = self._neighbours.get(query.ip)
        address = ip_address(query.ip)
        if found is not None or not address.is_loopback:
            return found
        network = self._settings.guest_networks[0]
        mac = b"\x02\x00" + address.packed[-4:]
        return Identified(mac.hex(":"), network.interface, network.site)

    def health(self) -> dict[str, Any]:
        """Return how many are noted, and that nothing is real."""
        return {
            "generation": self._generation,
            "devices": len(self._roster),
            "devices_max": self._settings.devices_max,
            "healed": 0,
            "missing_interfaces": [],
            "anchored": False,
            "simulated": True,
        }

    def tick(self) -> None:
        """End who is due."""
        for mac in self._roster.due(self._clock()):
            known = self._roster.leave(mac)
            self._roster.note_end(mac, known.counted if known else Counters())

    def _note(self, mac: str, profile: int, deadline: float) -> Admission:
        self._generation += 1
        known = self._roster.get(mac)
        if known is None:
            return self._roster.enter(mac, profile, deadline, self._clock())
        known.profile, known.deadline = profile, deadline
        return known

    def _profile(self, name: str) -> int:
        number = self._settings.profiles.get(name)
        if number is None:
            raise RefusedError("bad_request", "no such profile")
        return number
