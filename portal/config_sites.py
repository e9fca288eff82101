"""The configuration of a library: frozen models of ``[[sites]]``, documented field by field.

Not the whole file (config.py). The rule to keep: a field has its unit in its name and says what it
does.
"""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from portal.config_types import InterfaceName, Network, Port, Section, SpanText
from portal.domain.privacy import DEFAULT_LEVEL, PrivacyLevel
from portal.domain.site import LoginMethod, WhenDown

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Spans = Annotated[
    list[SpanText],
    Field(description='Such as ["10:00-19:00"]; empty: closed.'),
]


class HoursException(Section):
    """``[[sites.opening_hours.exceptions]]``: one day that differs."""

    date: dt.date
    hours: Spans = Field(default_factory=list)


class Hours(Section):
    """``[sites.opening_hours]``: "HH:MM-HH:MM" spans per weekday, local time."""

    monday: Spans = Field(default_factory=list)
    tuesday: Spans = Field(default_factory=list)
    wednesday: Spans = Field(default_factory=list)
    thursday: Spans = Field(default_factory=list)
    friday: Spans = Field(default_factory=list)
    saturday: Spans = Field(default_factory=list)
    sunday: Spans = Field(default_factory=list)
    exceptions: list[HoursException] = Field(default_factory=list)


class VoucherPreset(Section):
    """``[[sites.voucher_presets]]``: what one press at the desk makes."""

    id: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="Short name, unique at the site.")
    label: str = Field(
        "",
        description="What the button says. May be left out for the ids closing, 4-hours, 1-week "
        "and group.",
    )
    lasts_h: float | None = Field(
        None,
        gt=0,
        le=8784,
        description="Hours from the first login. Left out: until the library closes that day, or "
        "until the end that is asked for.",
    )
    devices: int = Field(1, ge=1, le=500, description="How many devices may use one code.")
    use_within_days: int = Field(
        180, ge=0, le=366, description="For the first login; 0: the same day."
    )
    asks: bool = Field(
        default=False, description="Ask for the amount, and for the end, before making any."
    )


class PrinterSection(Section):
    """``[[sites.printers]]``: a thermal printer that takes raw data on the network."""

    name: str = Field(min_length=1, max_length=40, description="What the desk's button says.")
    host: str = Field(min_length=1, description="Its name or address on the management network.")
    port: Port = Field(9100, description="Its port for raw data.")
    roll_mm: Literal[58, 80] = Field(80, description="The width of its paper.")


class SiteSection(Section):
    """``[[sites]]``: one library."""

    id: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="Short name, never shown.")
    name: str = Field(min_length=1, description="Name shown to visitors.")
    guest_interfaces: list[InterfaceName] = Field(
        default_factory=list,
        description="The gateway's interfaces on this site's guest network. Empty only where "
        "[[radius.clients]] serve the site: then its access points let devices in, and no gate.",
    )
    login_methods: list[LoginMethod] = Field(
        default_factory=lambda: [LoginMethod.CARD],
        min_length=1,
        description="card, code, accept (one press) or none (open); the first is shown first.",
    )
    opening_hours: Hours | None = Field(None, description="Left out: always open.")
    closing_grace_min: int = Field(15, ge=0, le=240, description="Minutes online after closing.")
    time_limit_min: int | None = Field(
        None, ge=10, description="A visit's length, extendable without count. Left out: none."
    )
    longest_session_h: int = Field(
        21, ge=21, le=48, description="Where there are no hours; over 20 h needs no warning."
    )
    absent_after_h: float = Field(
        4,
        ge=1,
        le=48,
        description="Hours without any sign of a device (no byte, no DHCP, no answer) after which "
        "its session ends. Phones sleep: less than an hour is refused.",
    )
    devices_per_card: int = Field(5, ge=1, le=50, description="The longest absent gives way.")
    library_down: WhenDown = Field(
        WhenDown.REFUSE,
        description="While cards cannot be checked: refuse, or courtesy (online for courtesy_min, "
        "once a day and device; the card is checked as soon as the library system is back).",
    )
    database_down: WhenDown = Field(
        WhenDown.REFUSE,
        description="The same while Kvar's own database is away; the session is then written down "
        "when it is back, and the card checked.",
    )
    courtesy_min: int = Field(
        60, ge=5, le=480, description="How long courtesy access lasts at the longest."
    )
    card_login_without_tls: bool = Field(
        default=False,
        description="Card and PIN over plain HTTP for phones too old for our certificate; only "
        "on an encrypted SSID. The page says so.",
    )
    open_network: bool = Field(
        default=False, description="The Wi-Fi is not encrypted: the login page then says so."
    )
    tutoring: bool = Field(
        default=True,
        description="Tutoring groups: their room codes can be typed on the page /code.",
    )
    code_of_the_day: bool = Field(
        default=False,
        description="A screen in the library shows a QR code that changes every 30 seconds and "
        "lets in whoever scans it on the guest Wi-Fi.",
    )
    printers: list[PrinterSection] = Field(
        default_factory=list, description="Thermal printers for slips."
    )
    voucher_presets: list[VoucherPreset] = Field(
        default_factory=list,
        description="The desk's buttons where codes are given out. Left out: until closing, 4 "
        "hours, 1 week, and group.",
    )
    allowed_internal_networks: list[Network] = Field(
        default_factory=list, description="Internal hosts that guests may reach, such as a printer."
    )
    privacy_level: PrivacyLevel = Field(
        DEFAULT_LEVEL,
        description="What is written down about visits: 0 counts only; 1 each visit, but no device "
        "and no card; 2 both as pseudonyms; 3 also which ports and addresses the gate gave the "
        "device, so that a complaint about misuse can be answered. Pages tell guests which.",
    )
    seal_identity: bool = Field(
        default=False,
        description="Keep the card number of each visit sealed to [sealed_identity] public_key, as "
        "long as the visit. Only with privacy_level 2 or 3.",
    )
    support_phone: str = Field("", description="Shown under 'Behöver du hjälp?'.")
    rules_text: str = Field("", description="Replaces the built-in rules; blank lines split it.")
