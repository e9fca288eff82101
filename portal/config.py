"""The configuration: frozen models of one TOML file, documented field by field.

Not the reading of the file (config_file.py), the running system (portal/composition) or policy
(portal/domain). The rule to keep: a field has its unit in its name and says what it does.
"""

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from portal.config_library import CardCheck
from portal.config_radius import Radius
from portal.config_types import (
    Address,
    HostName,
    InterfaceName,
    Mac,
    Network,
    Port,
    Recipient,
    Section,
    SpanText,
    StaffHost,
    Target,
    TimeZone,
)
from portal.domain.privacy import DEFAULT_LEVEL, PrivacyLevel
from portal.domain.site import Conformity, LoginMethod, WhenDown

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Organisation(Section):
    """``[organisation]``: who runs the network."""

    name: str = Field(min_length=1, description="Name shown on every page.")
    time_zone: TimeZone = Field(
        "Europe/Stockholm", description="Opening hours and clock times are in this zone."
    )
    default_language: Literal["sv", "en"] = Field(
        "sv", description="Language for a browser that asks for none of ours."
    )
    contact_email: str = Field("", description="Shown on the privacy and accessibility pages.")
    data_protection_contact: str = Field("", description="Shown on the privacy page.")
    ssid: str = Field(
        "", description="The guest Wi-Fi's name, told to visitors who come from another network."
    )
    wifi_password: SecretStr = Field(
        SecretStr(""),
        description="The guest Wi-Fi's WPA2/WPA3 password, for slips and screens. Empty: open.",
    )
    wifi_hidden: bool = Field(
        default=False, description="Whether the name is not announced; slips then say so to phones."
    )
    data_directory: Path = Field(
        Path("/var/lib/kvar"),
        description="Keys, the private database, the list of who is admitted.",
    )


class Database(Section):
    """``[database]``: where the truth is kept."""

    dsn: SecretStr = Field(
        SecretStr(""),
        description="postgresql://… of PostgreSQL 15 or newer; several hosts are allowed. "
        "Empty: Kvar runs a private PostgreSQL under the data directory.",
    )
    connections: int = Field(4, ge=1, le=64, description="Connections per process.")


class Portal(Section):
    """``[portal]``: the guest site."""

    host_name: HostName = Field(description="The fixed name of the portal, in its certificate.")
    short_names: list[HostName] = Field(
        default_factory=list,
        description="Further names that lead to host_name from plain HTTP, such as the one on the "
        "poster; they must resolve to this machine on the guest networks.",
    )
    addresses: list[Address] = Field(
        default_factory=list,
        description="This machine's addresses that host_name resolves to, where a guest network "
        "is told another address than its own gateway's (several guest networks, one name).",
    )
    certificate_file: Path = Field(description="PEM: the certificate and its whole chain.")
    private_key_file: Path = Field(description="PEM: the private key.")
    http_port: Port = Field(80, description="Captive devices' port-80 requests arrive here.")
    https_port: Port = Field(443, description="Login, status and the RFC 8908 API.")
    health_port: Port = Field(9464, description="/healthz, /readyz, /metrics on 127.0.0.1.")


class Staff(Section):
    """``[staff]``: the staff site, on the management network. Left out: there is none."""

    host_name: StaffHost = Field(
        description="A name of its own, in its certificate, which staff's computers resolve to "
        "address. Not the portal's: browsers keep this one to TLS."
    )
    address: Address = Field(
        "127.0.0.1",
        description="This machine's address on the management network; guests never reach it.",
    )
    port: Port = Field(8443, description="The port at that address.")
    certificate_file: Path | None = Field(
        None,
        description="PEM: the certificate and its whole chain. Left out: plain HTTP, only behind "
        "one of proxies, or on a loopback address for a look.",
    )
    private_key_file: Path | None = Field(None, description="PEM: the private key.")
    proxies: list[Address] = Field(
        default_factory=list,
        description="Reverse proxies that end TLS, by their addresses: the last entry of their "
        "X-Forwarded-For is believed. They must pass the Host header on.",
    )
    idle_lock_min: int = Field(
        15, ge=5, le=240, description="Minutes without a sign of anybody until the screen locks."
    )
    longest_visit_h: int = Field(
        12, ge=1, le=24, description="Hours until somebody has to sign in anew."
    )
    health_port: Port = Field(9465, description="/healthz, /readyz, /metrics on 127.0.0.1.")


class Keeper(Section):
    """``[keeper]``: what keeps gate and database in step. It speaks for the gate, too."""

    health_port: Port = Field(9467, description="/healthz, /readyz, /metrics on 127.0.0.1.")


class Syslog(Section):
    """``[syslog]``: the organisation's log collector. Left out: events stay here."""

    host: str = Field(min_length=1, description="Its name, as in its certificate.")
    port: Port = Field(6514, description="Its port for syslog over TLS (RFC 5425).")
    kept_days: int = Field(
        ge=1, description="How long it keeps what it is sent, as the privacy page says."
    )
    ca_file: Path | None = Field(
        None, description="PEM: the authority of its certificate. Left out: the system's own."
    )
    client_certificate_file: Path | None = Field(None, description="PEM, where it is asked for.")
    client_key_file: Path | None = Field(None, description="PEM, for the client certificate.")
    facility: Literal[
        "user", "daemon", "auth", "authpriv", "local0", "local1", "local2", "local3", "local4",
        "local5", "local6", "local7",
    ] = Field("local0", description="Facility of RFC 5424.")  # fmt: skip
    enterprise_number: int = Field(
        32473,
        ge=1,
        description="Your private enterprise number (IANA), in the name of the structured data. "
        "The default is the one reserved for documentation.",
    )


class Faults(Section):
    """``[faults]``: where fault reports go besides the staff site's list. By default nowhere."""

    answer_within_h: int = Field(
        4, ge=1, le=168, description="Hours until a report that nobody has seen is told again."
    )
    webhook_url: str = Field(
        "", pattern=r"^(https?://\S+)?$", description="Gets a signed JSON POST."
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="What the signature is made with (HMAC-SHA-256)."
    )
    mail_to: str = Field("", pattern=r"^([^\s@]+@[^\s@]+)?$", description="Gets a letter.")
    mail_from: str = Field("", pattern=r"^([^\s@]+@[^\s@]+)?$", description="Its sender.")
    smtp_host: str = Field("", description="The mail server.")
    smtp_port: Port = Field(587, description="Its port.")
    smtp_tls: bool = Field(
        default=True, description="STARTTLS, or nothing is sent. false: on this machine only."
    )
    smtp_user: str = Field("", description="Log-in. Empty: none.")
    smtp_password: SecretStr = Field(SecretStr(""), description="For the log-in.")


class WalledGarden(Section):
    """``[[gate.walled_garden]]``: names that captive devices may reach."""

    hosts: list[HostName] = Field(min_length=1, description="Exact names; no wildcards.")
    ports: list[Port] = Field(default_factory=lambda: [443], description="Ports on those hosts.")
    protocol: Literal["tcp", "udp"] = Field("tcp", description="tcp, or udp for NTP.")


class Gate(Section):
    """``[gate]``: the nftables gateway."""

    enabled: bool = Field(
        default=True, description="false: a simulated gate, for a look without root."
    )
    socket: Path = Field(Path("/run/kvar/gate.sock"), description="The agent's Unix socket.")
    uplink_interfaces: list[InterfaceName] = Field(
        default_factory=list, description="Towards the internet. Empty: any other interface."
    )
    uplink_targets: list[Target] = Field(
        default_factory=list,
        description='"host:port": the internet counts as down when none of them takes a TCP '
        "connection. Empty: only the uplink's carrier and default route are looked at.",
    )
    ipv6: Literal["routed", "masquerade"] = Field(
        "routed", description="How guests' IPv6 leaves: with its own addresses, or translated."
    )
    lease_files: list[Path] = Field(
        default_factory=list,
        description="dnsmasq lease files; an address leased to one device is refused to others.",
    )
    trusted_machines: list[Mac] = Field(
        default_factory=list,
        description="MAC addresses of other machines on the guest networks that may announce a "
        "router, answer DHCP or take over the gateway's address; anybody else who does is told of.",
    )
    walled_garden: list[WalledGarden] = Field(
        default_factory=list, description="What captive devices may reach besides the portal."
    )
    maximum_devices: int = Field(
        20_000, ge=1, le=32_767, description="Admitted at once; the packet mark has 15 bits."
    )
    public_addresses: list[Address] = Field(
        default_factory=list,
        description="Under which guests appear on the internet, where the gate itself translates. "
        "Needed for a certain answer to a complaint (privacy_level = 3).",
    )
    ports_per_guest: int = Field(
        256,
        ge=64,
        le=4096,
        description="With privacy_level = 3: ports of a device's own. 256 are enough for so many "
        "connections to one and the same server, and for 220 devices at once.",
    )


class Processes(Section):
    """``[processes]``: users for ``kvar run`` started as root."""

    user: str = Field("", description="Runs portal and keeper. Empty: no change of user.")
    gate_user: str = Field("", description="Runs the gate, with CAP_NET_ADMIN and CAP_NET_RAW.")


class LibrarySystem(CardCheck):
    """``[library_system]``: the system that knows cards and PINs, reached over SIP2."""

    kind: Literal["sip2"] = Field("sip2", description="SIP2 2.00.")
    host: str = Field(min_length=1, description="Host name or address of the SIP2 server.")
    port: Port = Field(6001, description="Its port.")
    tls: Literal["off", "ca", "pin"] = Field(
        "ca",
        description="ca: verify against ca_file or the system's authorities; pin: accept exactly "
        "the certificate in ca_file; off: plain text, only inside the library's own network.",
    )
    plain_text_is_safe_here: bool = Field(
        default=False,
        description="Must be true for tls = off: SIP2 then sends PINs in clear on this path.",
    )
    ca_file: Path | None = Field(None, description="PEM: authority, or the pinned certificate.")
    client_certificate_file: Path | None = Field(None, description="PEM, where it is asked for.")
    client_key_file: Path | None = Field(None, description="PEM, for the client certificate.")
    login_user: str = Field("", description="SIP2 login (93 CN). Empty: access by address.")
    login_password: SecretStr = Field(SecretStr(""), description="SIP2 login (93 CO).")
    location_code: str = Field("", description="93 CP; FOLIO requires the service point's UUID.")
    institution_id: str = Field("", description="AO.")
    terminal_password: SecretStr = Field(SecretStr(""), description="AC; usually empty.")
    encoding: Literal["utf-8", "cp850", "iso-8859-1", "ascii"] = Field(
        "utf-8", description="As the library system's SIP2 account is set."
    )
    delimiter: str = Field("|", min_length=1, max_length=1, description="Field delimiter.")
    error_detection: bool = Field(default=True, description="AY and AZ on every message.")
    send_status: bool = Field(default=True, description="Send 99 after the login.")
    message: Literal["status", "information"] = Field(
        "status", description="23, or 63 where 23 does not check the PIN."
    )
    language: str = Field("006", pattern=r"^\d{3}$", description="006 is Swedish.")
    deny_positions: list[Annotated[int, Field(ge=0, le=13)]] = Field(
        default_factory=lambda: [4],
        description="Patron status flags that refuse: 4 lost card; add 0 for 'no loans, no Wi-Fi'.",
    )
    check_expiry: Literal["off", "PA", "PY"] = Field(
        "off", description="With message = information: PA Evergreen, PY Polaris."
    )
    allow_aliases: bool = Field(
        default=False, description="Accept an answer for another number than the one sent."
    )


class LibraryRest(CardCheck):
    """``[library_rest]``: a library system by its own HTTP interface, instead of SIP2."""

    kind: Literal["koha", "mikromarc"] = Field(description="What it is.")
    url: str = Field(
        pattern=r"^https?://[^\s?#@]+$",
        description="Koha: the staff interface's address. Mikromarc: up to and with the unit.",
    )
    plain_text_is_safe_here: bool = Field(
        default=False, description="Must be true for http: PINs then go in clear on this path."
    )
    ca_file: Path | None = Field(None, description="PEM: an authority other than the system's.")
    user: str = Field(min_length=1, description="Koha: the API key's client ID.")
    password: SecretStr = Field(description="Koha: the API key's secret.")
    refuse: list[Literal["expired", "restricted", "lost_card", "debtor"]] = Field(
        default_factory=list,
        description="Who is refused with a right PIN. Koha: expired, restricted, lost_card (each "
        "makes Kvar read the whole record, of which nothing is kept); Mikromarc: debtor.",
    )


class Limits(Section):
    """``[limits]``: sign-in attempts (each counts wrong answers only)."""

    pin_attempts_per_day: int = Field(
        3, ge=1, le=20, description="Per card, from devices that never used it."
    )


class Retention(Section):
    """``[retention]``: how long each class of data is kept, in days."""

    sessions_days: int = Field(14, ge=1, le=730, description="Ended sessions.")
    attempts_days: int = Field(7, ge=1, le=90, description="Sign-in attempts.")
    known_devices_days: int = Field(30, ge=1, le=90, description="Which device used which card.")
    events_days: int = Field(14, ge=1, le=730, description="The event log.")
    vouchers_days: int = Field(30, ge=1, le=365, description="Vouchers, after each one's end.")
    backups_days: int | None = Field(
        None,
        ge=1,
        le=730,
        description="How much longer your backups of the database live, as the privacy page says. "
        "Left out: the page says nothing of backups.",
    )


class Backup(Section):
    """``[backup]``: what ``kvar backup`` writes. Needs ``[retention] backups_days``."""

    directory: Path = Field(
        Path("/var/backups/kvar"), description="Where backups stand; best a disk of its own."
    )
    keep: int = Field(
        7,
        ge=1,
        le=365,
        description="How many stay. Older than [retention] backups_days none does, but the newest.",
    )
    recipients: list[Recipient] = Field(
        default_factory=list,
        description="age1… of whoever may read backups: kvar backup-key makes one. Empty: they are "
        "not encrypted, and hold no keys.",
    )
    week_keys: bool = Field(
        default=True,
        description="Whether the file of keys holds those of weeks, too. false where copies of it "
        "are kept in versions: a destroyed key must be gone from all of them in time.",
    )


class SealedIdentity(Section):
    """``[sealed_identity]``: the key that card numbers are sealed to. Left out: none is kept."""

    public_key: str = Field(
        pattern=r"^[A-Za-z0-9+/]{43}=$",
        description="What kvar identity make-key printed. The other half is on no machine of ours.",
    )
    reason: str = Field(
        min_length=10, max_length=300, description="Why it is needed, for the record of processing."
    )


class Accessibility(Section):
    """``[accessibility]``: the facts of the accessibility statement that the law asks for."""

    conformity: Conformity = Field(
        Conformity.PARTIAL, description="full, partial or none (Digg, MDFFS 2019:2)."
    )
    assessed_on: dt.date = Field(
        dt.date(2026, 11, 25), description="Last assessment; the default is Kvar's own."
    )
    updated_on: dt.date = Field(
        dt.date(2026, 11, 25), description="When the statement was last updated."
    )
    shortcomings: list[str] = Field(
        default_factory=list, description="Known ones with their reasons, a sentence each."
    )
    exemptions: list[str] = Field(
        default_factory=list, description="Claimed as disproportionate burden, a sentence each."
    )
    feedback_email: str = Field("", description="Left out: [organisation] contact_email.")
    feedback_phone: str = Field("", description="Shown beside it.")


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


class Config(Section):
    """The whole file."""

    organisation: Organisation
    portal: Portal
    sites: list[SiteSection] = Field(min_length=1)
    database: Database = Field(default_factory=Database)
    gate: Gate = Field(default_factory=Gate)
    keeper: Keeper = Field(default_factory=Keeper)
    syslog: Syslog | None = None
    faults: Faults = Field(default_factory=Faults)
    processes: Processes = Field(default_factory=Processes)
    library_system: LibrarySystem | None = None
    library_rest: LibraryRest | None = None
    limits: Limits = Field(default_factory=Limits)
    retention: Retention = Field(default_factory=Retention)
    backup: Backup = Field(default_factory=Backup)
    sealed_identity: SealedIdentity | None = None
    accessibility: Accessibility = Field(default_factory=Accessibility)
    staff: Staff | None = None
    radius: Radius | None = None

    @property
    def card_check(self) -> CardCheck | None:
        """Who checks cards and PINs, however it is asked; None: nobody does."""
        return self.library_system or self.library_rest
