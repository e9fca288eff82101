"""The configuration of who checks cards: the library system over SIP2, or over its own HTTP.

Not the whole file (config.py). The rule to keep: what both have is said once, in ``CardCheck``.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from portal.config_types import Pattern, Port, Section


class CardCheck(Section):
    """Cards and PINs are checked by somebody else."""

    card_pattern: Pattern = Field(r"\d+", description="Regular expression a whole card must match.")
    card_length: int | None = Field(None, ge=1, le=64, description="Digits on every card, if so.")
    pin_pattern: Pattern = Field(r"\d+", description="Regular expression a whole PIN must match.")
    reject_personal_numbers: bool = Field(
        default=True, description="Refuse what looks like a Swedish personal identity number."
    )
    answer_timeout_s: float = Field(5.0, gt=0, le=30, description="For each answer.")
    login_timeout_s: float = Field(8.0, gt=0, le=60, description="For a login in all.")
    maximum_connections: int = Field(
        2, ge=1, le=16, description="At once; some vendors license each."
    )
    maximum_waiting: int = Field(
        20, ge=0, le=1000, description="Logins that wait for a connection; more are told to wait."
    )
    lock_limit: int | None = Field(
        None, ge=3, description="After how many wrong PINs the library system locks a card."
    )


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
