"""dnsmasq in the gateway's namespace, and beside it the router advertiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

    from firewall.lab.addressing import GuestNetwork
    from firewall.lab.dnsmasq import GardenName
    from firewall.lab.processes import Namespace


class DhcpDns:
    """DHCPv4, DHCPv6 and DNS for all guest interfaces of one gateway."""

    def __init__(
        self,
        gateway: Namespace,
        directory: pathlib.Path,
        networks: Sequence[GuestNetwork],
        *,
        portal_host: str,
        captive_portal_uri: str | None,
        upstream: str,
        lease_s: int,
        garden: Sequence[GardenName] = (),
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Start, and wait until it answers."""

    def restart(self) -> None:
        """Kill and start again with the same lease file."""

    def close(self) -> None:
        """Stop both."""
