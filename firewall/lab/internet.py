"""The world beyond the gateway: answers for every address, and counts what arrives."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime
    import pathlib

    from firewall.lab.authority import Authority
    from firewall.lab.processes import Namespace


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """Packets of one kind that arrived from the gateway. `port` is 0 but for TCP and UDP."""

    source: str
    destination: str
    protocol: str
    port: int
    packets: int
    bytes: int


class Internet:
    """One namespace that is everything beyond an interface of the gateway.

    It accepts TCP on every port (80 and 443 the web, 53 DNS, 9000 an endless download, any other
    an echo) and echoes UDP on every port but 53, at every address, over IPv4 and IPv6.
    """

    def __init__(self, namespace: Namespace, directory: pathlib.Path, authority: Authority) -> None:
        self.namespace = namespace

    def start(
        self,
        address_v4: str,
        prefix_v4: int,
        address_v6: str,
        prefix_v6: int,
        *,
        gateway_v4: str,
        gateway_v6: str,
        started_at: datetime.datetime,
    ) -> None:
        """Set up addresses and counters and start the servers."""

    def address_of(self, host: str, family: int = 4) -> str:
        """The address that the internet's DNS gives for a host; stable and distinct per host."""
        raise NotImplementedError

    def arrivals(self) -> list[Arrival]:
        """Everything that arrived from the gateway since `forget`, counted by the kernel before
        any routing: nothing can be missed while a server is busy or dead.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Set all counters to zero."""

    def close(self) -> None:
        """Stop the servers."""
