"""PURE: from the configuration of who checks cards to the settings of the doors to it.

Not the doors (portal/library) and not the building (portal/composition). The rule to keep: every
key of the two sections is used here.
"""

from collections.abc import Callable
from datetime import date

from portal.config_library import CardCheck, LibraryRest, LibrarySystem
from portal.domain.card import CardRules
from portal.domain.identity import Secret
from portal.library.rest.dialogue import Dialect
from portal.library.rest.koha import Koha, KohaPolicy
from portal.library.rest.mikromarc import Mikromarc
from portal.library.rest.settings import RestSettings
from portal.library.sip2.settings import Sip2Settings, TlsMode, TlsSettings
from portal.library.sip2.verdict import ExpiryCheck
from portal.library.sip2.wire import PatronMessage

DIGITS = r"\d+"
"""The default pattern of card numbers; with it, phones show their number pad."""


def sip2(section: LibrarySystem) -> Sip2Settings:
    """Return the SIP2 client's settings.

    Raises:
        Sip2SettingsError: a value that the protocol cannot carry.
    """
    return Sip2Settings(
        host=section.host,
        port=section.port,
        tls=TlsSettings(
            mode=TlsMode(section.tls),
            ca_file=section.ca_file,
            client_certificate_file=section.client_certificate_file,
            client_key_file=section.client_key_file,
        ),
        login_user=section.login_user,
        login_password=Secret(section.login_password.get_secret_value()),
        location_code=section.location_code,
        institution_id=section.institution_id,
        terminal_password=Secret(section.terminal_password.get_secret_value()),
        encoding=section.encoding,
        delimiter=section.delimiter,
        error_detection=section.error_detection,
        send_status=section.send_status,
        message=PatronMessage(section.message),
        language=section.language,
        deny_positions=frozenset(section.deny_positions),
        check_expiry=ExpiryCheck(section.check_expiry),
        allow_aliases=section.allow_aliases,
        answer_timeout_s=section.answer_timeout_s,
        login_timeout_s=section.login_timeout_s,
        maximum_connections=section.maximum_connections,
        maximum_waiting=section.maximum_waiting,
    )


def rest(section: LibraryRest) -> RestSettings:
    """Return the settings of a library system that is asked over HTTP.

    Raises:
        ValueError: an address that cannot be asked.
    """
    return RestSettings(
        url=section.url,
        ca_file=section.ca_file,
        answer_timeout_s=section.answer_timeout_s,
        login_timeout_s=section.login_timeout_s,
        maximum_connections=section.maximum_connections,
        maximum_waiting=section.maximum_waiting,
    )


def rest_dialect(section: LibraryRest, today: Callable[[], date]) -> Dialect:
    """Return how that make of library system is asked; ``today`` is the library's date."""
    user, password = section.user, Secret(section.password.get_secret_value())
    if section.kind == "mikromarc":
        return Mikromarc(user, password, debtors="debtor" not in section.refuse)
    refused = {f"{name}": name in section.refuse for name in ("expired", "restricted", "lost_card")}
    return Koha(user, password, KohaPolicy(**refused), today)


def card_rules(section: CardCheck) -> CardRules:
    """Return what card numbers and PINs look like."""
    return CardRules(
        card_pattern=section.card_pattern,
        pin_pattern=section.pin_pattern,
        expected_length=section.card_length,
        reject_personal_number=section.reject_personal_numbers,
        delimiter=section.delimiter if isinstance(section, LibrarySystem) else "|",
    )
