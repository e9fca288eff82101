"""Who may ask the bridge: access points, controllers and proxies, each with a secret of its own.

Pure. The rule to keep: on UDP the source address is the only name a client has, so an address that
fits no network is nobody, and of several networks the narrowest holds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from radius_bridge.secret import Secret

DYNAMIC_AUTHORIZATION_PORT = 3799
"""RFC 5176 section 3; Cisco and Meraki listen on 1700."""


class FamilyName(StrEnum):
    """Whose dialect a client speaks; `vendors/registry.py` says which file holds it."""

    STANDARD = "standard"
    COOVACHILLI = "coovachilli"
    MIKROTIK = "mikrotik"
    CISCO = "cisco"
    ARUBA = "aruba"
    ARUBA_INSTANT = "aruba_instant"
    RUCKUS = "ruckus"
    MERAKI = "meraki"
    UNIFI = "unifi"
    OMADA = "omada"
    FORTINET = "fortinet"
    HOSTAPD = "hostapd"
    OPENNDS = "opennds"


@dataclass(frozen=True, slots=True)
class DynamicAuthorization:
    """Where a client takes Disconnect and CoA requests.

    ``address`` None: the address that the device's last request came from.
    """

    port: int = DYNAMIC_AUTHORIZATION_PORT
    address: str | None = None


@dataclass(frozen=True, slots=True)
class RadiusClient:
    """One client, or all those of a network that share a secret.

    ``certificate_names`` are the DNS names of its certificate on RADIUS/TLS; empty: UDP only.
    ``dynamic_authorization`` None: it takes none.
    """

    name: str
    networks: tuple[IPv4Network | IPv6Network, ...]
    secret: Secret
    family: FamilyName = FamilyName.STANDARD
    require_message_authenticator: bool = True
    limit_proxy_state: bool = True
    dynamic_authorization: DynamicAuthorization | None = field(default_factory=DynamicAuthorization)
    certificate_names: tuple[str, ...] = ()


class Clients:
    """All clients, found by address. An IPv4 address inside IPv6 is the IPv4 address."""

    def __init__(self, clients: Iterable[RadiusClient] = ()) -> None:
        self.all = tuple(clients)
        self._by_name = {client.name: client for client in self.all}
        networks = [(network, client) for client in self.all for network in client.networks]
        self._networks = sorted(networks, key=lambda entry: -entry[0].prefixlen)
        self._known: dict[str, RadiusClient | None] = {}
        self._by_certificate_name = {
            name.lower(): client for client in self.all for name in client.certificate_names
        }

    def certified(self, names: Iterable[str]) -> RadiusClient | None:
        """Return the client whose certificate holds these DNS names, None for a stranger.

        Of several names the first that is anybody's counts. The certificate itself was verified.
        """
        found = (self._by_certificate_name.get(name.lower()) for name in names)
        return next((client for client in found if client is not None), None)

    def named(self, name: str) -> RadiusClient | None:
        """Return the client of this name."""
        return self._by_name.get(name)

    def at(self, address: str) -> RadiusClient | None:
        """Return the client at an address, None for a stranger.

        Raises:
            ValueError: the text is no address.
        """
        if address not in self._known:
            if len(self._known) >= _REMEMBERED_MAX:
                self._known.clear()
            self._known[address] = self._search(_plain(address))
        return self._known[address]

    def _search(self, address: IPv4Address | IPv6Address) -> RadiusClient | None:
        return next(
            (
                client
                for network, client in self._networks
                if network.version == address.version and address in network
            ),
            None,
        )


def inside_tls(client: RadiusClient) -> RadiusClient:
    """Return the client as it is served inside mutual TLS.

    The secret is `radsec` (RFC 6614 section 2.3). Message-Authenticator is not required there,
    whatever the client's setting for UDP: TLS has proved who sends and that nobody changed it,
    which leaves CVE-2024-3596 no way in, and proxies such as radsecproxy pass on requests as they
    get them. One that is present must be right all the same.
    """
    return replace(
        client, secret=_TLS_SECRET, require_message_authenticator=False, limit_proxy_state=False
    )


_TLS_SECRET = Secret(b"radsec")
_REMEMBERED_MAX = 10_000
"""Addresses looked up lately; spoofed ones must not fill the memory."""


def _plain(address: str) -> IPv4Address | IPv6Address:
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
