"""The configuration: frozen models of one TOML file, documented field by field.

Not its larger sections (config_sites.py, config_gate.py, config_library.py, config_radius.py), the
reading of the file (config_file.py), the running system (portal/composition) or policy
(portal/domain). The rule to keep: a field has its unit in its name and says what it does.
"""

import datetime as dt
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from portal.config_gate import Gate
from portal.config_library import CardCheck, LibraryRest, LibrarySystem
from portal.config_radius import Radius
from portal.config_sites import SiteSection
from portal.config_types import (
    Address,
    HostName,
    Port,
    Recipient,
    Section,
    StaffHost,
    TimeZone,
)
from portal.domain.site import Conformity


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


class Privacy(Section):
    """``[privacy]``: who is told of what staff look up. What is kept is said at each site."""

    weekly_letter_to: str = Field(
        "",
        pattern=r"^([^\s@]+@[^\s@]+)?$",
        description="Gets a letter every Monday: what was looked up, opened, taken out and "
        "deleted, in counts. Needs [faults] smtp_host and mail_from. Empty: none.",
    )


class Processes(Section):
    """``[processes]``: users for ``kvar run`` started as root."""

    user: str = Field("", description="Runs portal and keeper. Empty: no change of user.")
    gate_user: str = Field("", description="Runs the gate, with CAP_NET_ADMIN and CAP_NET_RAW.")


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
    privacy: Privacy = Field(default_factory=Privacy)
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
