"""Adapter: the services' gate door, opened on the gate agent's socket.

Not the gate (package firewall). The rule to keep: it translates names and the one exception,
and decides nothing. Fails closed: without the agent nobody new comes in.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address

from firewall.client import GateClient, GateError
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.presence import Signals
from portal.services.ports import GateUnavailableError
from portal.services.ports.address_log import Given, GivenPorts

PROFILE = "default"
"""Every guest's bandwidth and filter class, until sites may name their own."""


class AgentGate:
    """``services.ports.Gate`` over a ``GateClient``."""

    def __init__(self, client: GateClient) -> None:
        self._client = client

    async def admit(self, mac: MacAddress, remaining_s: float) -> None:
        """Let the device through for so long on the monotonic clock."""
        try:
            await self._client.admit(mac, remaining_s, PROFILE)
        except GateError as error:
            raise GateUnavailableError(str(error)) from error

    async def expel(self, mac: MacAddress) -> None:
        """Put the device out and end its connections."""
        try:
            await self._client.expel(mac)
        except GateError as error:
            raise GateUnavailableError(str(error)) from error

    async def identify(self, ip: str) -> Device | None:
        """Return the device behind an address on a guest network, None for any other address."""
        try:
            found = await self._client.identify(ip)
        except GateError as error:
            raise GateUnavailableError(str(error)) from error
        return None if found is None else Device(MacAddress(found.mac), SiteId(found.site))

    async def reconcile(self, devices: Sequence[tuple[MacAddress, float]]) -> int:
        """Make exactly these devices admitted; return the number of changes made."""
        try:
            changes = await self._client.reconcile([(mac, left, PROFILE) for mac, left in devices])
        except GateError as error:
            raise GateUnavailableError(str(error)) from error
        return changes.count

    async def usage(self) -> Mapping[MacAddress, Signals]:
        """Return what the gate knows of each admitted device."""
        try:
            usage = await self._client.usage()
        except GateError as error:
            raise GateUnavailableError(str(error)) from error
        return {
            MacAddress(mac): Signals(
                device.counters.up_bytes, device.counters.down_bytes, device.heard_s_ago
            )
            for mac, device in usage.devices.items()
        }

    async def addresses(self) -> Given:
        """Return which ports of the public address and which IPv6 addresses devices have."""
        try:
            told = await self._client.addresses()
        except GateError as error:
            raise GateUnavailableError(str(error)) from error
        ports = [
            GivenPorts(MacAddress(mac), own.low, own.high, own.since_s_ago)
            for mac, own in told.ports.items()
        ]
        return Given(ports, [(MacAddress(mac), IPv6Address(text)) for mac, text in told.ipv6])

    async def probe(self, macs: Sequence[MacAddress]) -> None:
        """Ask devices for a sign of life."""
        try:
            await self._client.probe(macs)
        except GateError as error:
            raise GateUnavailableError(str(error)) from error

    async def missing_interfaces(self) -> frozenset[str]:
        """Return the guest interfaces that do not exist now."""
        try:
            health = await self._client.ping()
        except GateError as error:
            raise GateUnavailableError(str(error)) from error
        return frozenset(health["missing_interfaces"])
