"""PURE: what the record of processing (portal/domain/processing_record.py) is made of.

Not its words. The rule to keep: whoever gets data by configuration is a receiver here.
"""

from collections.abc import Iterator

from portal import settings
from portal.config import Config
from portal.domain.processing_record import Facts, Receiver, Section, record
from portal.domain.returning import KEPT_AFTER_VISIT
from portal.domain.site import LoginMethod


def make_record(config: Config) -> tuple[Section, ...]:
    """Return the record of processing as the configuration makes it."""
    return record(facts(config))


def facts(config: Config) -> Facts:
    """Return what is configured, as far as the record tells it."""
    kept = config.retention
    methods = {method for site in config.sites for method in site.login_methods}
    return Facts(
        organisation=config.organisation.name,
        contact=config.organisation.contact_email,
        officer=config.organisation.data_protection_contact,
        levels={site.name: site.privacy_level for site in config.sites},
        session_days=kept.sessions_days,
        event_days=kept.events_days,
        attempt_days=kept.attempts_days,
        known_device_days=kept.known_devices_days,
        remembered_days=KEPT_AFTER_VISIT.days,
        voucher_days=kept.vouchers_days,
        backup_days=kept.backups_days,
        takes_cards=LoginMethod.CARD in methods,
        takes_codes=LoginMethod.CODE in methods,
        seals_identities=any(site.seals_identities for site in settings.sites(config).values()),
        has_access_points=config.radius is not None and bool(config.radius.clients),
        has_staff_site=config.staff is not None,
        receivers=tuple(_receivers(config)),
        measures=tuple(_measures(config)),
    )


def _receivers(config: Config) -> Iterator[Receiver]:
    host = _library_host(config)
    if host is not None:
        what = "Kortnummer och pinkod vid inloggning, som systemet redan har"
        yield Receiver(f"Bibliotekssystemet ({host})", what, "Kontrollera kortet")
    if config.radius is not None and config.radius.clients:
        names = ", ".join(client.name for client in config.radius.clients)
        what = "Enhetens wifi-adress och om den får vara uppkopplad. Inget kort, ingen pinkod"
        if any(client.card_login for client in config.radius.clients):
            what = "Enhetens wifi-adress; kort och pinkod där accesspunkten själv frågar efter dem"
        yield Receiver(f"Accesspunkter och styrsystem ({names})", what, "Släppa in enheten")
    if config.syslog is not None:
        what = "Händelser med enheten som pseudonym, inga personer"
        why = f"Organisationens logg, som sparar i {config.syslog.kept_days} dagar"
        yield Receiver(f"Loggsystem ({config.syslog.host})", what, why)
    if config.faults.mail_to or config.faults.webhook_url:
        name = config.faults.mail_to or config.faults.webhook_url.split("/")[2]
        what = "Felanmälningar, utan uppgifter om besökare"
        yield Receiver(f"Ärendesystem ({name})", what, "Åtgärda fel")
    if config.privacy.weekly_letter_to:
        what = "Hur ofta personal slagit upp något om besökare, efter konto; inga besökare"
        yield Receiver(f"Dataskydd ({config.privacy.weekly_letter_to})", what, "Följa upp uppslag")


def _library_host(config: Config) -> str | None:
    if config.library_system is not None:
        return config.library_system.host
    return None if config.library_rest is None else config.library_rest.url.split("/")[2]


def _measures(config: Config) -> Iterator[str]:
    yield f"Gästsidorna går över TLS på {config.portal.host_name}."
    if any(site.card_login_without_tls for site in config.sites):
        yield "Undantag: på minst ett bibliotek tas kort och pinkod emot utan TLS, på låst wifi."
    if any(site.open_network for site in config.sites):
        yield "Wifi är öppet, utan kryptering, på minst ett bibliotek. Sidan säger det."
    if config.library_system is not None:
        ways = {
            "off": "går utan kryptering, inom bibliotekets eget nät",
            "ca": "går över TLS med kontrollerat certifikat",
            "pin": "går över TLS med ett bestämt certifikat",
        }
        yield f"Frågor till bibliotekssystemet {ways[config.library_system.tls]}."
    if config.library_rest is not None:
        is_plain = config.library_rest.url.startswith("http:")
        way = "utan kryptering, inom bibliotekets eget nät" if is_plain else "över TLS"
        yield f"Frågor till bibliotekssystemet går {way}."
    if config.staff is not None:
        yield f"Personalens sidor låses efter {config.staff.idle_lock_min} minuter utan tecken."
    if config.sealed_identity is not None and any(site.seal_identity for site in config.sites):
        yield f"Kortnummer förseglas av ett angivet skäl: {config.sealed_identity.reason}"
    if config.syslog is not None:
        yield "Loggsystemet nås över TLS."
    if config.radius is not None and config.radius.certificate_file is not None:
        yield "Accesspunkter kan nås över RADIUS/TLS."
    if config.organisation.wifi_password.get_secret_value():
        yield "Gästnätets wifi är krypterat."
