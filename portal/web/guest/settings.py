"""What the guest site must be told: names, keys, and the facts its information pages state.

Not the configuration file (portal/config.py reads that) and not a site's rules (domain/site.py).
The rule to keep: every number the pages state comes from here or from the site, never from a text.
"""

from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from portal.domain.privacy import DEFAULT_LEVEL, PrivacyLevel
from portal.domain.returning import KEPT_AFTER_VISIT
from portal.domain.site import Conformity
from portal.domain.voucher import KEPT_AFTER_END


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each class of record is kept, in days."""

    session_days: int = 14
    attempt_days: int = 7
    known_device_days: int = 30
    event_days: int = 14
    voucher_days: int = KEPT_AFTER_END.days
    """After each one's end."""
    remembered_device_days: int = KEPT_AFTER_VISIT.days
    """After the last visit; each device by its owner's wish only."""
    backup_days: int | None = None
    collector_days: int | None = None
    """How much longer backups live; None where nothing is said about them."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The facts of the accessibility statement that every public service must publish."""

    conformity: Conformity = Conformity.PARTIAL
    assessed_on: date = date(2026, 11, 25)
    updated_on: date = date(2026, 11, 25)
    shortcomings: tuple[str, ...] = ()
    """Known shortcomings with their reasons, one sentence each, in the organisation's language."""
    exemptions: tuple[str, ...] = ()
    feedback_email: str = ""
    feedback_phone: str = ""
    complaint_url: str = "https://www.digg.se/tdosanmalan"


@dataclass(frozen=True, slots=True)
class GuestSettings:
    """Settings of one guest site, the same for every library of the organisation.

    ``portal_host`` is the one name in the certificate; every redirect leads there.
    ``plain_names`` are further names that lead there over plain HTTP: the short address on the
    poster. ``plain_port`` is where guests reach plain HTTP.
    ``secure_plain_names`` are names whose plain HTTP counts as safe for card and PIN, because
    somebody else protects the way there (a relay on this machine: ``localhost``).

    Raises:
        ValueError: a value that cannot work, with the way out.
    """

    portal_host: str
    form_key: bytes = field(repr=False)
    organisation: str
    portal_port: int = 443
    plain_port: int = 80
    plain_names: tuple[str, ...] = ()
    secure_plain_names: tuple[str, ...] = ()
    default_language: str = "sv"
    time_zone: str = "Europe/Stockholm"
    card_is_numeric: bool = True
    """Whether card numbers are digits only: phones then show their number pad."""
    seals_identities: bool = False
    """Whether any library keeps card numbers sealed: told where nobody knows which one it is."""
    takes_vouchers: bool = False
    """Whether any library of the organisation takes codes: the privacy page then tells of them."""
    has_access_points: bool = False
    """Whether access points of any library tell of their devices."""
    highest_privacy: PrivacyLevel = DEFAULT_LEVEL
    """The highest level of any library: told to whoever is at none."""
    ssid: str = ""
    controller_contact: str = ""
    """Who answers for the personal data, and how to reach them: name, e-mail, telephone."""
    protection_officer: str = ""
    retention: Retention = field(default_factory=Retention)
    statement: Statement = field(default_factory=Statement)
    templates: Path | None = None
    """Where the templates stand; None looks beside the packages, then inside the wheel."""
    answer_timeout_s: float = 20.0
    """Longest a page may take: the library system's 8 s, and room for everything else."""

    def __post_init__(self) -> None:
        if len(self.form_key) < 32:
            raise ValueError("form_key needs 32 random bytes: make it with secrets.token_bytes(32)")
        if _is_address(self.portal_host) or "." not in self.portal_host.strip("."):
            # RFC 8910 section 2: the URI SHOULD NOT hold an IP literal; no authority signs one.
            raise ValueError("portal_host must be a full host name, such as wifi.example.se")

    @property
    def portal_origin(self) -> str:
        """Where the portal is over TLS."""
        return origin("https", self.portal_host, self.portal_port)

    @property
    def plain_origin(self) -> str:
        """Where the portal is over plain HTTP."""
        return origin("http", self.portal_host, self.plain_port)


def origin(scheme: Literal["http", "https"], host: str, port: int) -> str:
    """Return scheme and host, with the port only where it is not the scheme's own (RFC 6454)."""
    own_port = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host}" if port == own_port else f"{scheme}://{host}:{port}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True
