"""The configuration of the gateway: frozen models of ``[gate]``, documented field by field.

Not the whole file (config.py). The rule to keep: a field has its unit in its name and says what it
does.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field

from portal.config_types import Address, HostName, InterfaceName, Mac, Port, Section, Target


class WalledGarden(Section):
    """``[[gate.walled_garden]]``: names that captive devices may reach."""

    hosts: list[HostName] = Field(min_length=1, description="Exact names; no wildcards.")
    ports: list[Port] = Field(default_factory=lambda: [443], description="Ports on those hosts.")
    protocol: Literal["tcp", "udp"] = Field("tcp", description="tcp, or udp for NTP.")


class Gate(Section):
    """``[gate]``: the nftables gateway."""

    enabled: bool = Field(
        default=True, description="false: a simulated gate, for a look without root."
    )
    socket: Path = Field(Path("/run/kvar/gate.sock"), description="The agent's Unix socket.")
    uplink_interfaces: list[InterfaceName] = Field(
        default_factory=list, description="Towards the internet. Empty: any other interface."
    )
    uplink_targets: list[Target] = Field(
        default_factory=list,
        description='"host:port": the internet counts as down when none of them takes a TCP '
        "connection. Empty: only the uplink's carrier and default route are looked at.",
    )
    ipv6: Literal["routed", "masquerade"] = Field(
        "routed", description="How guests' IPv6 leaves: with its own addresses, or translated."
    )
    lease_files: list[Path] = Field(
        default_factory=list,
        description="dnsmasq lease files; an address leased to one device is refused to others.",
    )
    trusted_machines: list[Mac] = Field(
        default_factory=list,
        description="MAC addresses of other machines on the guest networks that may announce a "
        "router, answer DHCP or take over the gateway's address; anybody else who does is told of.",
    )
    walled_garden: list[WalledGarden] = Field(
        default_factory=list, description="What captive devices may reach besides the portal."
    )
    maximum_devices: int = Field(
        20_000, ge=1, le=32_767, description="Admitted at once; the packet mark has 15 bits."
    )
    public_addresses: list[Address] = Field(
        default_factory=list,
        description="Under which guests appear on the internet, where the gate itself translates. "
        "Needed for a certain answer to a complaint (privacy_level = 3).",
    )
    ports_per_guest: int = Field(
        256,
        ge=64,
        le=4096,
        description="With privacy_level = 3: ports of a device's own. 256 are enough for so many "
        "connections to one and the same server, and for 220 devices at once.",
    )
