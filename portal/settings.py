"""PURE: from the configuration file's models to the settings each part is built with.

Not who checks cards (settings_library.py), not the staff site (settings_staff.py), and not the
building (portal/composition). The rule to keep: every key of the file is used there or here or in
portal/composition, and a part's own refusal of a value is told as a problem of the file.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

from firewall.settings import GardenGroup, GateSettings, GuestNetwork
from portal import settings_library
from portal.config import Config
from portal.config_sites import WEEKDAYS, Hours, SiteSection, VoucherPreset
from portal.config_types import parse_span, parse_target
from portal.domain.identity import SiteId
from portal.domain.opening_hours import OpeningHours, Span
from portal.domain.presence import Policy
from portal.domain.privacy import PrivacyLevel
from portal.domain.sign_in_limits import Limits
from portal.domain.site import LoginMethod, Site
from portal.domain.voucher import DEFAULT_PRESETS, Lasts, Preset
from portal.services.ports import Kept
from portal.web.guest.settings import GuestSettings, Retention, Statement

PAGE_MARGIN_S = 12.0
"""What a page may take beside the library system: up to eight seconds while others are checked with
the same card, the gate, the database. Broken off earlier, a login would count as a wrong PIN."""


def login_budget_s(config: Config) -> float:
    """Return how long a login may take in all, on a page and at an access point."""
    library = config.card_check
    return PAGE_MARGIN_S + (library.login_timeout_s if library else 0.0)


def check(config: Config) -> None:
    """Build every part's settings, so that their own refusals are heard before the start.

    Raises:
        ValueError: a part cannot work with a value (Sip2SettingsError is one).
    """
    sites(config)
    gate(config, frozenset({0}))
    if config.library_system is not None:
        settings_library.sip2(config.library_system)
    if config.library_rest is not None:
        settings_library.rest(config.library_rest)
    if config.card_check is not None:
        settings_library.card_rules(config.card_check)


def sites(config: Config) -> dict[SiteId, Site]:
    """Return what policy needs to know of each site, by its id."""
    zone = config.organisation.time_zone
    return {SiteId(section.id): _site(section, zone) for section in config.sites}


def privacy_levels(config: Config) -> dict[SiteId, PrivacyLevel]:
    """Return what is written down at each site."""
    return {SiteId(site.id): site.privacy_level for site in config.sites}


def has_gate(config: Config) -> bool:
    """Say whether any site has a guest network behind this machine.

    Where none has, the access points let devices in and keep them out, and no gate runs.
    """
    return any(site.guest_interfaces for site in config.sites)


def gate_sites(config: Config) -> list[SiteId]:
    """Return the sites whose devices this machine's gate lets through."""
    return [SiteId(site.id) for site in config.sites if site.guest_interfaces]


def guest_interfaces(config: Config) -> dict[SiteId, frozenset[str]]:
    """Return the gateway's interfaces on each site's guest network."""
    return {SiteId(site.id): frozenset(site.guest_interfaces) for site in config.sites}


def _site(section: SiteSection, time_zone: str) -> Site:
    hours = section.opening_hours
    return Site(
        id=SiteId(section.id),
        name=section.name,
        login_methods=tuple(section.login_methods),
        opening_hours=None if hours is None else _opening_hours(hours, time_zone),
        closing_grace=timedelta(minutes=section.closing_grace_min),
        time_limit=_minutes(section.time_limit_min),
        longest_session=timedelta(hours=section.longest_session_h),
        absence=Policy(timedelta(hours=section.absent_after_h)),
        devices_per_card=section.devices_per_card,
        library_down=section.library_down,
        database_down=section.database_down,
        courtesy_length=timedelta(minutes=section.courtesy_min),
        card_login_without_tls=section.card_login_without_tls,
        open_network=section.open_network,
        tutoring=section.tutoring,
        code_of_the_day=section.code_of_the_day,
        voucher_presets=_presets(section.voucher_presets),
        time_zone=time_zone,
        privacy=section.privacy_level,
        seal_identity=section.seal_identity,
        support_phone=section.support_phone,
        rules_text=section.rules_text,
    )


def _presets(sections: Iterable[VoucherPreset]) -> tuple[Preset, ...]:
    return tuple(map(_preset, sections)) or DEFAULT_PRESETS


def _preset(section: VoucherPreset) -> Preset:
    length = None if section.lasts_h is None else timedelta(hours=section.lasts_h)
    within = section.use_within_days
    return Preset(
        id=section.id,
        lasts=Lasts(length),
        most_devices=section.devices,
        use_within=timedelta(days=within) if within else None,
        label=section.label,
        asks=section.asks,
    )


def _minutes(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(minutes=count)


def _opening_hours(hours: Hours, time_zone: str) -> OpeningHours:
    return OpeningHours(
        time_zone=time_zone,
        weekly=tuple(_spans(getattr(hours, day)) for day in WEEKDAYS),
        exceptions={exception.date: _spans(exception.hours) for exception in hours.exceptions},
    )


def _spans(texts: Iterable[str]) -> tuple[Span, ...]:
    return tuple(parse_span(text) for text in texts)


def gate(config: Config, allowed_uids: frozenset[int]) -> GateSettings:
    """Return the gate's settings; ``allowed_uids`` may speak to its socket."""
    section = config.gate
    return GateSettings(
        guest_networks=tuple(
            GuestNetwork(interface, site.id, tuple(config.portal.addresses))
            for site in config.sites
            for interface in site.guest_interfaces
        ),
        uplinks=tuple(section.uplink_interfaces),
        http_port=config.portal.http_port,
        https_port=config.portal.https_port,
        garden=walled_garden(config),
        allowed_networks=tuple(
            ip_network(text) for site in config.sites for text in site.allowed_internal_networks
        ),
        masquerade_ipv6=section.ipv6 == "masquerade",
        lease_files=tuple(section.lease_files),
        trusted_machines=frozenset(section.trusted_machines),
        socket_path=section.socket,
        allowed_uids=allowed_uids,
        devices_max=section.maximum_devices,
        logged_sites=logged_sites(config),
        ports_per_device=section.ports_per_guest,
        snapshot_path=snapshot_path(config),
    )


def logged_sites(config: Config) -> frozenset[str]:
    """Return the sites behind this gate where it is written down which ports devices had."""
    return frozenset(
        site.id
        for site in config.sites
        if site.privacy_level.keeps_addresses and site.guest_interfaces
    )


def public_addresses(config: Config) -> list[IPv4Address | IPv6Address]:
    """Return the addresses under which guests of this machine's gate appear on the internet."""
    return [ip_address(text) for text in config.gate.public_addresses]


def snapshot_path(config: Config) -> Path:
    """Return where the keeper writes who is admitted, for the gate to read after a power cut.

    The file's directory belongs to the keeper's user and the gate's group, and to nobody else:
    a file with mode 0640 in it is readable by both.
    """
    return config.organisation.data_directory / "admitted" / "devices"


def walled_garden(config: Config) -> tuple[GardenGroup, ...]:
    """Return the walled garden, one group for each protocol and port."""
    hosts: dict[tuple[str, int], list[str]] = defaultdict(list)
    for entry in config.gate.walled_garden:
        for port in entry.ports:
            hosts[entry.protocol, port] += entry.hosts
    return tuple(
        GardenGroup(
            name=f"{protocol}{port}",
            hosts=tuple(dict.fromkeys(names)),
            port=port,
            protocol="udp" if protocol == "udp" else "tcp",
        )
        for (protocol, port), names in hosts.items()
    )


def uplink_targets(config: Config) -> list[tuple[str, int]]:
    """Return the hosts and ports that are asked whether the internet is there."""
    return [parse_target(text) for text in config.gate.uplink_targets]


def guest_site(config: Config, form_key: bytes) -> GuestSettings:
    """Return the guest site's settings; ``form_key`` signs its forms."""
    organisation, library, retention = (
        config.organisation,
        config.card_check,
        config.retention,
    )
    return GuestSettings(
        portal_host=config.portal.host_name,
        portal_port=config.portal.https_port,
        # The gate leads port 80 to where the portal listens.
        plain_port=80 if config.gate.enabled and has_gate(config) else config.portal.http_port,
        form_key=form_key,
        plain_names=tuple(config.portal.short_names),
        # A simulated gate is looked at from this machine, where nobody listens in between.
        secure_plain_names=() if config.gate.enabled else ("localhost",),
        organisation=organisation.name,
        default_language=organisation.default_language,
        time_zone=organisation.time_zone,
        ssid=organisation.ssid,
        answer_timeout_s=login_budget_s(config),
        card_is_numeric=library is None or library.card_pattern == settings_library.DIGITS,
        seals_identities=any(site.seals_identities for site in sites(config).values()),
        takes_vouchers=any(LoginMethod.CODE in site.login_methods for site in config.sites),
        has_access_points=config.radius is not None and bool(config.radius.clients),
        highest_privacy=max(privacy_levels(config).values()),
        controller_contact=organisation.contact_email,
        protection_officer=organisation.data_protection_contact,
        retention=Retention(
            session_days=retention.sessions_days,
            attempt_days=retention.attempts_days,
            known_device_days=retention.known_devices_days,
            event_days=retention.events_days,
            voucher_days=retention.vouchers_days,
            backup_days=retention.backups_days,
            collector_days=config.syslog.kept_days if config.syslog else None,
        ),
        statement=_statement(config),
    )


def _statement(config: Config) -> Statement:
    facts = config.accessibility
    return Statement(
        conformity=facts.conformity,
        assessed_on=facts.assessed_on,
        updated_on=facts.updated_on,
        shortcomings=tuple(facts.shortcomings),
        exemptions=tuple(facts.exemptions),
        feedback_email=facts.feedback_email or config.organisation.contact_email,
        feedback_phone=facts.feedback_phone,
    )


def limits(config: Config) -> Limits:
    """Return the limits of sign-in attempts."""
    library = config.card_check
    return Limits(
        attempts_per_day=config.limits.pin_attempts_per_day,
        lock_limit=None if library is None else library.lock_limit,
    )


def kept(config: Config) -> Kept:
    """Return how long what is no longer needed stays in the database."""
    retention = config.retention
    return Kept(
        sessions=timedelta(days=retention.sessions_days),
        events=timedelta(days=retention.events_days),
        attempts=timedelta(days=retention.attempts_days),
        known_devices=timedelta(days=retention.known_devices_days),
        vouchers=timedelta(days=retention.vouchers_days),
    )
