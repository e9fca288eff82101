"""Who was heard where: signs of life of those who are in, and events about everybody else.

Not the hearing (listener.py, agent.py). Pure: time comes in as seconds on the monotonic clock.
The rule to keep: a first sighting is told at once; a device, or a flood of invented ones, that
goes on being heard never makes more than so many events, nor takes more than so much memory.
"""

from collections.abc import Mapping
from typing import Any

from firewall.roster import Roster
from firewall.sightings import Address

SEEN_AGAIN_S = 10.0
"""A device is heard all the time; one event in this time is enough."""
EVENTS_PER_SECOND = 200.0
"""Of all devices together: twenty times the rush at a library's opening; each may cost a query."""
EVENTS_BURST = 400.0
_SEEN_MAX = 10_000  # 10 s of events at that rate are 2,400

Event = dict[str, Any]


class Lookout:
    """Notes signs of life in the roster; tells what others should know."""

    def __init__(self, roster: Roster, sites: Mapping[str, str]) -> None:
        self._roster = roster
        self._sites = sites
        self._told: dict[tuple[str, str], float] = {}
        self._allowance = EVENTS_BURST
        self._allowed_at = 0.0

    def notice(
        self, mac: str, address: Address | None, interface: str, now: float, *, itself: bool = True
    ) -> Event | None:
        """Take note of a device on a guest interface; return the event to publish, if any.

        Args:
            mac: lower case with colons.
            address: its own address, None while it has none.
            interface: the guest interface where it is.
            now: seconds on the monotonic clock.
            itself: whether the device was heard, and not only remembered by the kernel.
        """
        admission = self._roster.get(mac)
        if admission is None:
            if not self._may_tell("device_seen", mac, now):
                return None
            event = {"event": "device_seen", "mac": mac, "ip": str(address or "")}
            return event | {"interface": interface, "site": self._sites[interface]}
        if not itself:
            return None
        heard = admission.heard
        before, heard.at = heard.interface, now
        heard.learn(interface, address)
        if before in ("", interface) or not self._may_tell("device_elsewhere", mac, now):
            return None
        event = {"event": "device_elsewhere", "mac": mac, "interface": interface}
        return event | {"site": self._sites[interface], "before": before}

    def _may_tell(self, event: str, mac: str, now: float) -> bool:
        key = (event, mac)
        if now - self._told.get(key, now - SEEN_AGAIN_S) < SEEN_AGAIN_S:
            return False
        grown = self._allowance + (now - self._allowed_at) * EVENTS_PER_SECOND
        self._allowance, self._allowed_at = min(EVENTS_BURST, grown), now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        if len(self._told) >= _SEEN_MAX:
            self._told.clear()
        self._told[key] = now
        return True
