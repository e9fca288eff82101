"""PURE: from the configuration's ``[radius]`` to the bridge's clients and what policy says of them.

Not the reading of secret files (portal/composition/radius_clients.py) and not the server. The rule
to keep: every key of ``[[radius.clients]]`` is used here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network

from portal.config import Config
from portal.config_radius import RadiusClientSection
from portal.domain.access_point import AccessPoint
from portal.domain.identity import MacAddress, SiteId
from portal.settings import gate_sites
from radius_bridge.clients import (
    Clients,
    DynamicAuthorization,
    RadiusClient,
)
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import PortalSettings
from radius_bridge.vendors.opennds_authmon import gateway_hash
from radius_bridge.vendors.registry import dynamic_port_of


@dataclass(frozen=True, slots=True)
class ClientSecrets:
    """A client's secrets, from the configuration or from their files; None: there is none."""

    shared: Secret
    portal: Secret | None = None


@dataclass(frozen=True, slots=True)
class Bridged:
    """All that is known of the clients, each part by the client's name."""

    clients: Clients = field(default_factory=Clients)
    access_points: Mapping[str, AccessPoint] = field(default_factory=dict)
    portals: Mapping[str, PortalSettings] = field(default_factory=dict)


def bridged(config: Config, secrets: Mapping[str, ClientSecrets]) -> Bridged:
    """Return the clients of ``[radius]``; ``secrets`` by name, of every client."""
    sections: Iterable[RadiusClientSection] = config.radius.clients if config.radius else ()
    gated = frozenset(gate_sites(config))
    return Bridged(
        Clients(_client(section, secrets[section.name]) for section in sections),
        {section.name: _access_point(section, gated) for section in sections},
        {section.name: _portal(section, secrets[section.name]) for section in sections},
    )


def _client(section: RadiusClientSection, secrets: ClientSecrets) -> RadiusClient:
    return RadiusClient(
        name=section.name,
        networks=tuple(ip_network(text) for text in section.networks),
        secret=secrets.shared,
        family=section.family,
        require_message_authenticator=section.require_message_authenticator,
        limit_proxy_state=section.limit_proxy_state,
        dynamic_authorization=_dynamic(section) if section.coa else None,
        certificate_names=tuple(section.certificate_names),
    )


def _dynamic(section: RadiusClientSection) -> DynamicAuthorization:
    port = section.coa_port or dynamic_port_of(section.family)
    return DynamicAuthorization(port, section.coa_address)


def _access_point(section: RadiusClientSection, gated: frozenset[SiteId]) -> AccessPoint:
    site_id = SiteId(section.site)
    return AccessPoint(
        name=section.name,
        site_id=site_id,
        counts_bytes=site_id not in gated,
        card_login=section.card_login,
        allowed_devices=frozenset(map(MacAddress, section.allowed_devices)),
        vlan=section.vlan or None,
        role=section.role or None,
        portal_role=section.portal_role or None,
        portal_vlan=section.portal_vlan or None,
        upload_bit_s=_bit_s(section.upload_kbit_s),
        download_bit_s=_bit_s(section.download_kbit_s),
        idle_timeout=_minutes(section.idle_timeout_min),
        interim_interval=timedelta(seconds=section.interim_interval_s),
        browser_logs_in=bool(section.portal_hosts),
    )


def _bit_s(kbit_s: int | None) -> int | None:
    return None if kbit_s is None else kbit_s * 1000


def _minutes(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(minutes=count)


def _portal(section: RadiusClientSection, secrets: ClientSecrets) -> PortalSettings:
    return PortalSettings(
        tuple(section.portal_hosts),
        secrets.portal,
        section.portal_in_clear,
        frozenset(map(gateway_hash, _as_shown_and_as_written(section.portal_gateways))),
    )


def _as_shown_and_as_written(names: Iterable[str]) -> Iterator[str]:
    """Yield names with the space at their end, too, that openNDS puts there and nobody sees."""
    for name in names:
        yield from (name, f"{name} ")
