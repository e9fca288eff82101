"""Who on a guest network plays the router, the DHCP server, or this machine itself.

Not a wall: such frames pass from device to device and this machine never carries them; a switch can
stop them, this can only tell. Pure: time comes in as seconds on the monotonic clock.
The rule to keep: what is told is rare, and the same once in REPEATED_AFTER_S, whatever is sent.
Sources: RFC 826 (who has an address says so), RFC 2131 (a server answers from port 67 to 68),
RFC 4861 (router advertisements), RFC 5227 (address conflicts).
"""

from collections.abc import Collection, Mapping
from typing import Any

from firewall.sightings import Address, Sighting

REPEATED_AFTER_S = 600.0
"""Who goes on is told again then."""
TOLD_MAX = 50
"""Impostors that are told within REPEATED_AFTER_S; more are a flood, and somebody looks already."""

GATEWAY_ADDRESS = "gateway_address"
"""The kind of an impostor that has an address of this machine; others are Sighting.serves."""

Event = dict[str, Any]


class Impostors:
    """``trusted``: MAC addresses of machines that may: a second gateway, a DHCP server."""

    def __init__(self, sites: Mapping[str, str], trusted: Collection[str] = ()) -> None:
        self._sites = sites
        self._trusted = frozenset(trusted)
        self._own: Mapping[str, Collection[Address]] = {}
        self._told: dict[tuple[str, str], float] = {}

    def follow(self, own: Mapping[str, Collection[Address]]) -> None:
        """Take these for this machine's addresses on each guest interface."""
        self._own = own

    def notice(self, sighting: Sighting, interface: str, now: float) -> Event | None:
        """Return the event to publish when the frame was an impostor's and that is news."""
        kind = sighting.serves or self._taken(sighting, interface)
        if not kind or sighting.mac in self._trusted or not self._is_news(kind, sighting.mac, now):
            return None
        return {
            "event": "impostor",
            "kind": kind,
            "mac": sighting.mac,
            "ip": str(sighting.address or ""),
            "interface": interface,
            "site": self._sites[interface],
        }

    def has_own_address(self, sighting: Sighting, interface: str) -> bool:
        """Return whether the sender says that an address of this machine is its own."""
        return sighting.address in self._own.get(interface, ())

    def _taken(self, sighting: Sighting, interface: str) -> str:
        return GATEWAY_ADDRESS if self.has_own_address(sighting, interface) else ""

    def _is_news(self, kind: str, mac: str, now: float) -> bool:
        self._told = {who: at for who, at in self._told.items() if now - at < REPEATED_AFTER_S}
        if (kind, mac) in self._told or len(self._told) >= TOLD_MAX:
            return False
        self._told[(kind, mac)] = now
        return True
