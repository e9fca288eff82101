"""PURE: from the configuration to the settings of the staff site, of its API and of its slips.

Not the building (portal/composition). The rule to keep: a part's own refusal of a value is told as
a problem of the file.
"""

from datetime import timedelta

from portal import settings
from portal.config import Config, Staff
from portal.domain.identity import Secret, SiteId
from portal.domain.slip import Network, Security, SlipPlace
from portal.domain.staff_session import SessionTimes
from portal.web.api.settings import ApiSettings
from portal.web.guest.settings import origin
from portal.web.staff.settings import StaffSettings


def staff_site(config: Config, section: Staff, form_key: bytes) -> StaffSettings:
    """Return the staff site's settings; ``form_key`` signs its forms."""
    return StaffSettings(
        host_name=section.host_name,
        form_key=form_key,
        organisation=config.organisation.name,
        sites=settings.sites(config),
        access_points=access_points(config),
        default_language=config.organisation.default_language,
        time_zone=config.organisation.time_zone,
        encrypted=section.certificate_file is not None or bool(section.proxies),
        proxies=frozenset(section.proxies),
        place=slip_place(config),
        ssid=config.organisation.ssid,
        kept=settings.kept(config).history,
        answer_within=timedelta(hours=config.faults.answer_within_h),
    )


def access_points(config: Config) -> dict[str, SiteId]:
    """Return the RADIUS clients by name, with their sites."""
    clients = config.radius.clients if config.radius is not None else ()
    return {one.name: SiteId(one.site) for one in clients}


def api(config: Config, section: Staff) -> ApiSettings:
    """Return the settings of the API, which the staff site's listener serves."""
    return ApiSettings(
        host_name=section.host_name,
        guest_origin=origin("https", config.portal.host_name, config.portal.https_port),
        sites=settings.sites(config),
        time_zone=config.organisation.time_zone,
        encrypted=section.certificate_file is not None or bool(section.proxies),
        proxies=frozenset(section.proxies),
        most_at_once=max(1, config.database.connections // 2),
    )


def slip_place(config: Config) -> SlipPlace | None:
    """Return what slips say of the network; None: nobody configured its name."""
    organisation, names = config.organisation, config.portal.short_names
    if not organisation.ssid:
        return None
    password = organisation.wifi_password.get_secret_value()
    network = Network(
        organisation.ssid,
        Security.WPA if password else Security.OPEN,
        Secret(password) if password else None,
        organisation.wifi_hidden,
    )
    return SlipPlace(
        network,
        origin("https", config.portal.host_name, config.portal.https_port),
        names[0] if names else config.portal.host_name,
        organisation.time_zone,
    )


def staff_times(section: Staff | None) -> SessionTimes:
    """Return when staff's visits lock and end."""
    if section is None:
        return SessionTimes()
    return SessionTimes(
        idle_lock=timedelta(minutes=section.idle_lock_min),
        longest=timedelta(hours=section.longest_visit_h),
    )


def staff_address(section: Staff) -> str:
    """Return where staff find the site, as a browser writes it."""
    is_encrypted = section.certificate_file is not None or bool(section.proxies)
    if section.proxies:
        return f"https://{section.host_name}"
    return origin("https" if is_encrypted else "http", section.host_name, section.port)
