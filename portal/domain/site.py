"""A site: one library with its guest network, its hours and its rules."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from portal.domain.identity import SiteId
from portal.domain.opening_hours import OpeningHours
from portal.domain.presence import DEFAULT_POLICY, Policy
from portal.domain.privacy import DEFAULT_LEVEL, PrivacyLevel
from portal.domain.voucher import DEFAULT_PRESETS, Preset


class LoginMethod(StrEnum):
    """How a guest gets in. ``NONE`` means an open network: nobody is asked for anything."""

    CARD = "card"
    CODE = "code"
    ACCEPT = "accept"
    NONE = "none"


class WhenDown(StrEnum):
    """What a guest with a card meets while a neighbour that is needed to check it is away."""

    REFUSE = "refuse"
    COURTESY = "courtesy"
    """Let in for ``courtesy_length``; the card is checked as soon as that can be done."""


class Conformity(StrEnum):
    """How far the guest pages conform, in the words of the Swedish statement (MDFFS 2019:2)."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Site:
    """What policy needs to know about a site.

    ``time_limit`` None means "until closing time plus ``closing_grace``", or ``longest_session``
    where the site has no opening hours (WCAG 2.2.1 exempts limits over 20 hours).
    """

    id: SiteId
    name: str
    login_methods: tuple[LoginMethod, ...]
    opening_hours: OpeningHours | None
    closing_grace: timedelta = timedelta(minutes=15)
    time_limit: timedelta | None = None
    longest_session: timedelta = timedelta(hours=21)
    absence: Policy = DEFAULT_POLICY
    devices_per_card: int = 5
    library_down: WhenDown = WhenDown.REFUSE
    database_down: WhenDown = WhenDown.REFUSE
    courtesy_length: timedelta = timedelta(minutes=60)
    card_login_without_tls: bool = False
    open_network: bool = False
    tutoring: bool = True
    """Whether room codes of tutoring groups can be typed here."""
    code_of_the_day: bool = False
    """Whether the code on the library's screen lets in."""
    voucher_presets: tuple[Preset, ...] = DEFAULT_PRESETS
    """What the desk makes by one press, in this order."""
    seal_identity: bool = False
    """Whether the card number of a visit is kept, sealed to the organisation's key."""
    time_zone: str = "UTC"
    """Where there are no hours: with them, their own zone holds."""
    privacy: PrivacyLevel = DEFAULT_LEVEL
    """What is written down about visits here."""
    support_phone: str = ""
    rules_text: str = ""

    @property
    def seals_identities(self) -> bool:
        """Whether that is wished, and the site's privacy level names guests at all."""
        return self.seal_identity and self.privacy.keeps_guests

    def start_of_day(self, now: datetime) -> datetime:
        """Return the midnight before, in the site's time zone."""
        zone = ZoneInfo(self.opening_hours.time_zone if self.opening_hours else self.time_zone)
        return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)

    def end_of_day(self, now: datetime) -> datetime:
        """Return the midnight after, in the same time zone."""
        noon_tomorrow = self.start_of_day(now).replace(hour=12) + timedelta(days=1)
        return self.start_of_day(noon_tomorrow)
