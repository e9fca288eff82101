"""PURE: what is impossible between the configuration's keys, each with its way out.

Not what one key may be by itself (config.py and its sections). The rule to keep: what is wrong in
one section hides nothing in another.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from portal.config import Faults, Keeper, Portal, Privacy, Retention, Staff, Syslog
from portal.config_controller import BRING_THEIR_ADDRESS, FAMILIES, ControllerSection
from portal.config_library import LibraryRest, LibrarySystem
from portal.config_radius import ASK_NOTHING, Radius, RadiusClientSection
from portal.config_sites import Hours, SiteSection
from portal.domain.site import LoginMethod
from portal.domain.voucher import DEFAULT_PRESETS
from radius_bridge.clients import FamilyName

_PORTS = 3

_LIBRARIES = frozenset({"library_system", "library_rest"})

_CLOSED = Hours()

Sites = dict[int, SiteSection]
"""Sites by their place in the file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the file: where, and the way out."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message


def contradictions(sites: Sites, sections: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is impossible between keys, from all sites and sections that are sound."""
    yield from _double_sites(sites)
    yield from _login_contradictions(sites, has_library=not _LIBRARIES.isdisjoint(sections))
    yield from _library_contradictions(sections.get("library_system"))
    yield from _rest_contradictions(sections.get("library_rest"), sections)
    yield from _network_contradictions(sites, sections)
    yield from _staff_contradictions(sections.get("staff"), sections.get("portal"))
    yield from _radius_contradictions(sites, sections)
    yield from _keeper_contradictions(sections)
    yield from _syslog_contradictions(sections.get("syslog"))
    yield from _fault_contradictions(sections.get("faults", Faults()))
    yield from _privacy_contradictions(
        sections.get("privacy", Privacy()), sections.get("faults", Faults())
    )
    if "backup" in sections and sections.get("retention", Retention()).backups_days is None:
        text = "missing; [backup] needs it, for the privacy page says how long backups live"
        yield Problem("retention.backups_days", text)
    yield from _sites_without_anybody(sites, sections)
    yield from _identity_contradictions(sites, has_key="sealed_identity" in sections)
    for index, site in sites.items():
        yield from _site_contradictions(f"sites[{index}]", site)


def _double_sites(sites: Sites) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    names: set[str] = set()
    for index, site in sites.items():
        if site.id in names:
            yield Problem(f"sites[{index}].id", f"{site.id!r} is used twice; give each its own")
        names.add(site.id)
        for interface in site.guest_interfaces:
            if interface in owners:
                yield Problem(
                    f"sites[{index}].guest_interfaces",
                    f"{interface} already belongs to {owners[interface]}; "
                    "an interface is one site's",
                )
            owners.setdefault(interface, site.id)


def _login_contradictions(sites: Sites, *, has_library: bool) -> Iterator[Problem]:
    for index, site in sites.items():
        methods = set(site.login_methods)
        key = f"sites[{index}].login_methods"
        if LoginMethod.NONE in methods and len(methods) > 1:
            yield Problem(key, "none lets everybody in, so it stands alone; remove the others")
        if LoginMethod.CARD in methods and not has_library:
            yield Problem(
                key,
                "card needs [library_system] or [library_rest]; add it, or choose accept or none",
            )


def _library_contradictions(library: LibrarySystem | None) -> Iterator[Problem]:
    if library is None:
        return
    if library.tls == "off" and not library.plain_text_is_safe_here:
        yield Problem(
            "library_system.tls",
            "off sends PINs in clear; use ca or pin, or set plain_text_is_safe_here = true "
            "where the path never leaves the library's own network",
        )
    if library.tls == "pin" and library.ca_file is None:
        yield Problem(
            "library_system.ca_file", "pin needs the certificate to accept; name its file"
        )
    if library.check_expiry != "off" and library.message != "information":
        yield Problem("library_system.check_expiry", 'needs message = "information"')
    if (library.client_certificate_file is None) != (library.client_key_file is None):
        yield Problem("library_system.client_key_file", "a client certificate needs its key")


def _rest_contradictions(
    library: LibraryRest | None, sections: Mapping[str, Any]
) -> Iterator[Problem]:
    if library is None:
        return
    if "library_system" in sections:
        text = "there is [library_system] already; cards are checked in one place, remove one"
        yield Problem("library_rest", text)
    if library.url.startswith("http:") and not library.plain_text_is_safe_here:
        yield Problem(
            "library_rest.url",
            "http sends PINs in clear; use https, or set plain_text_is_safe_here = true "
            "where the path never leaves the library's own network",
        )
    known = {"koha": {"expired", "restricted", "lost_card"}, "mikromarc": {"debtor"}}[library.kind]
    if unknown := sorted(set(library.refuse) - known):
        text = f"{library.kind} does not tell {', '.join(unknown)}; it knows {', '.join(known)}"
        yield Problem("library_rest.refuse", text)


def _network_contradictions(sites: Sites, sections: Mapping[str, Any]) -> Iterator[Problem]:
    gate, portal = sections.get("gate"), sections.get("portal")
    guests = {name for site in sites.values() for name in site.guest_interfaces}
    for uplink in gate.uplink_interfaces if gate else ():
        if uplink in guests:
            text = f"{uplink} is a guest interface; an uplink leads to the internet"
            yield Problem("gate.uplink_interfaces", text)
    if portal and len({portal.http_port, portal.https_port, portal.health_port}) < _PORTS:
        yield Problem("portal.http_port", "http_port, https_port and health_port must differ")


def _staff_contradictions(staff: Staff | None, portal: Portal | None) -> Iterator[Problem]:
    if staff is None:
        return
    if portal and staff.host_name in {portal.host_name, *portal.short_names}:
        text = "is the guests' name too; give staff one of their own"
        yield Problem("staff.host_name", text)
    if (staff.certificate_file is None) != (staff.private_key_file is None):
        yield Problem("staff.private_key_file", "a certificate needs its key, and the key it")
    is_plain = staff.certificate_file is None and not staff.proxies
    if is_plain and not ip_address(staff.address).is_loopback:
        text = "missing; without TLS only behind one of proxies, or on 127.0.0.1"
        yield Problem("staff.certificate_file", text)
    taken = {portal.http_port, portal.https_port, portal.health_port} if portal else set[int]()
    if staff.health_port in taken | {staff.port}:
        yield Problem("staff.health_port", "is another port of Kvar's too; choose another")


def _sites_without_anybody(sites: Sites, sections: Mapping[str, Any]) -> Iterator[Problem]:
    radius = sections.get("radius")
    served = {client.site for client in radius.clients} if radius else set()
    for index, site in sites.items():
        if not site.guest_interfaces and site.id not in served:
            text = "missing; name the gateway's interface there, or serve it by [[radius.clients]]"
            yield Problem(f"sites[{index}].guest_interfaces", text)


def _identity_contradictions(sites: Sites, *, has_key: bool) -> Iterator[Problem]:
    for index, site in sites.items():
        key = f"sites[{index}].seal_identity"
        if site.seal_identity and not has_key:
            yield Problem(
                key, "needs the key of [sealed_identity]; kvar identity make-key makes it"
            )
        if site.seal_identity and not site.privacy_level.keeps_guests:
            yield Problem(key, f"privacy_level {site.privacy_level} names nobody; 2 or 3 is needed")
        if site.privacy_level.keeps_addresses and not site.guest_interfaces:
            text = "3 notes what this machine's gate gives devices; without guest_interfaces: 2"
            yield Problem(f"sites[{index}].privacy_level", text)


def _radius_contradictions(sites: Sites, sections: Mapping[str, Any]) -> Iterator[Problem]:
    radius: Radius | None = sections.get("radius")
    if radius is None:
        return
    has_tls = radius.certificate_file is not None
    if has_tls and (radius.private_key_file is None or radius.client_ca_file is None):
        text = "a certificate needs its key, and client_ca_file to know the access points by"
        yield Problem("radius.certificate_file", text)
    health_ports = [
        sections[name].health_port for name in ("portal", "staff") if sections.get(name)
    ]
    if radius.health_port in health_ports:
        yield Problem("radius.health_port", "is another port of Kvar's too; choose another")
    if radius.authentication_port == radius.accounting_port:
        yield Problem("radius.accounting_port", "is authentication_port too; choose another")
    yield from _double_clients(radius)
    known = {site.id for site in sites.values()}
    for index, client in enumerate(radius.clients):
        key = f"radius.clients[{index}]"
        if client.site not in known and "sites" in sections:
            text = f"no site {client.site!r}; the sites are {', '.join(sorted(known))}"
            yield Problem(f"{key}.site", text)
        yield from _client_contradictions(key, client, has_tls=has_tls)


def _keeper_contradictions(sections: Mapping[str, Any]) -> Iterator[Problem]:
    names = ("portal", "staff", "radius")
    others = [sections[name].health_port for name in names if sections.get(name)]
    if sections.get("keeper", Keeper()).health_port in others:
        text = "is another port of Kvar's too; choose another"
        yield Problem("keeper.health_port", text)


def _syslog_contradictions(syslog: Syslog | None) -> Iterator[Problem]:
    if syslog and (syslog.client_certificate_file is None) != (syslog.client_key_file is None):
        yield Problem(
            "syslog.client_key_file", "a client certificate needs its key, and it the key"
        )


def _fault_contradictions(faults: Faults) -> Iterator[Problem]:
    if faults.webhook_url and not faults.webhook_secret.get_secret_value():
        text = "missing; the webhook's receiver knows ours by it: openssl rand -base64 24"
        yield Problem("faults.webhook_secret", text)
    if faults.mail_to and not (faults.mail_from and faults.smtp_host):
        yield Problem("faults.smtp_host", "mail_to needs smtp_host and mail_from")


def _privacy_contradictions(privacy: Privacy, faults: Faults) -> Iterator[Problem]:
    if privacy.weekly_letter_to and not (faults.mail_from and faults.smtp_host):
        text = "needs [faults] smtp_host and mail_from: it goes the same way"
        yield Problem("privacy.weekly_letter_to", text)


def _double_clients(radius: Radius) -> Iterator[Problem]:
    names: set[str] = set()
    owners: dict[str, str] = {}
    for index, client in enumerate(radius.clients):
        if client.name in names:
            text = f"{client.name!r} is used twice; give each its own"
            yield Problem(f"radius.clients[{index}].name", text)
        names.add(client.name)
        for network in client.networks:
            if network in owners:
                text = f"{network} is already {owners[network]}'s; it can have one secret only"
                yield Problem(f"radius.clients[{index}].networks", text)
            owners.setdefault(network, client.name)


def _client_contradictions(
    key: str, client: RadiusClientSection, *, has_tls: bool
) -> Iterator[Problem]:
    asks = client.family not in ASK_NOTHING and client.controller is None
    if asks and not client.networks and not client.certificate_names:
        text = "missing; say where its requests come from, or name its certificate"
        yield Problem(f"{key}.networks", text)
    if client.certificate_names and not has_tls:
        yield Problem(f"{key}.certificate_names", "needs [radius] certificate_file")
    secrets = bool(client.secret.get_secret_value()) + (client.secret_file is not None)
    if secrets > 1 or (client.networks and not secrets):
        text = "one of secret and secret_file is needed; make one: openssl rand -base64 24"
        yield Problem(f"{key}.secret", text)
    if client.portal_secret.get_secret_value() and client.portal_secret_file is not None:
        yield Problem(f"{key}.portal_secret", "stands in portal_secret_file too; keep one")
    if client.portal_gateways and client.family is not FamilyName.OPENNDS:
        yield Problem(f"{key}.portal_gateways", "only openNDS asks whom to let in; leave it out")
    if client.controller is not None:
        controller = client.controller
        yield from _controller_contradictions(f"{key}.controller", client.family, controller)


def _controller_contradictions(
    key: str, family: FamilyName, controller: ControllerSection
) -> Iterator[Problem]:
    if family not in FAMILIES:
        names = ", ".join(sorted(FAMILIES))
        yield Problem(key, f"family {family.value} has no controller; these have: {names}")
    if bool(controller.url) is (family in BRING_THEIR_ADDRESS):
        text = "missing; write where it is, such as https://unifi.example.se"
        left_out = "is not used: a visitor's redirect names it; leave it out"
        yield Problem(f"{key}.url", left_out if controller.url else text)
    if bool(controller.secret.get_secret_value()) is (controller.secret_file is not None):
        yield Problem(f"{key}.secret", "one of secret and secret_file is needed")
    if family is FamilyName.OMADA and not controller.user:
        yield Problem(f"{key}.user", "missing; name an operator of the hotspot")
    if controller.ca_file is not None and controller.certificate_sha256:
        yield Problem(f"{key}.ca_file", "stands beside certificate_sha256; keep one")


def _site_contradictions(key: str, site: SiteSection) -> Iterator[Problem]:
    if site.open_network and site.card_login_without_tls:
        text = "sends PINs in clear on an open network; set one of the two to false"
        yield Problem(f"{key}.card_login_without_tls", text)
    if (site.time_limit_min or 0) > site.longest_session_h * 60:
        text = "is longer than longest_session_h; leave it out for no limit"
        yield Problem(f"{key}.time_limit_min", text)
    yield from _preset_contradictions(key, site)
    dates = [exception.date for exception in (site.opening_hours or _CLOSED).exceptions]
    for day in sorted({day for day in dates if dates.count(day) > 1}):
        text = f"{day} stands twice; put its spans into one entry"
        yield Problem(f"{key}.opening_hours.exceptions", text)


def _preset_contradictions(key: str, site: SiteSection) -> Iterator[Problem]:
    known = {preset.id for preset in DEFAULT_PRESETS}
    seen: set[str] = set()
    for index, preset in enumerate(site.voucher_presets):
        if preset.id in seen:
            text = f"{preset.id!r} is used twice; give each its own"
            yield Problem(f"{key}.voucher_presets[{index}].id", text)
        seen.add(preset.id)
        if not preset.label and preset.id not in known:
            text = f"missing; only {', '.join(sorted(known))} have words of their own"
            yield Problem(f"{key}.voucher_presets[{index}].label", text)
