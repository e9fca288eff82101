"""The settings of one SIP2 library system.

Not the sign-in's rules: patterns of cards and PINs stand in ``portal.domain.card.CardRules``.
The rule to keep: a setting that would fail at the first login is refused here instead, and all
problems are told at once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from portal.domain.card import is_safe
from portal.domain.identity import Secret
from portal.library.sip2.verdict import ExpiryCheck, Policy
from portal.library.sip2.wire import NO_SECRET, PATRON_STATUS_FLAGS, Dialect, PatronMessage


class Sip2SettingsError(ValueError):
    """Impossible settings; the text names each of them and holds no secret."""


class TlsMode(StrEnum):
    """How the connection is protected. There is no fall-back from one to another."""

    OFF = "off"
    """Plain text: only where the path is protected otherwise (VPN, stunnel, same machine)."""
    CA = "ca"
    """The server's certificate is signed by an authority and names the host."""
    PIN = "pin"
    """The server shows exactly the certificate in ``ca_file``, whoever signed it."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """All files are PEM. ``ca_file`` holds an authority, with ``PIN`` the certificate itself.

    Without ``ca_file`` the system's authorities count; ``server_name`` "" means the host. The
    client's key may stand in the same file as its certificate.
    """

    mode: TlsMode
    ca_file: Path | None = None
    server_name: str = ""
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Sip2Settings:
    """One library system. Ask its vendor for the SIP2 sheet, then let the probe decide.

    ``tls`` has no default: plain text must be chosen. ``login_user`` "" means access by address:
    no 93 is sent. ``allow_aliases`` accepts an answer that names another card than was asked
    about, if its sequence number fits. ``check_expiry`` needs ``message`` INFORMATION.

    ``maximum_connections`` at once, because commercial systems license sessions and some start a
    process for each; ``maximum_waiting`` more wait for their turn, the rest is answered at once.

    Raises:
        Sip2SettingsError: on construction, for impossible values.
    """

    host: str
    port: int
    tls: TlsSettings
    login_user: str = ""
    login_password: Secret = NO_SECRET
    location_code: str = ""
    institution_id: str = ""
    terminal_password: Secret = NO_SECRET
    encoding: str = "utf-8"
    delimiter: str = "|"
    error_detection: bool = True
    send_status: bool = True
    message: PatronMessage = PatronMessage.STATUS
    language: str = "006"
    deny_positions: frozenset[int] = frozenset({4})
    check_expiry: ExpiryCheck = ExpiryCheck.OFF
    allow_aliases: bool = False
    answer_timeout_s: float = 5.0
    login_timeout_s: float = 8.0
    maximum_connections: int = 2
    maximum_waiting: int = 20

    def __post_init__(self) -> None:
        problems = [
            *_problems_of_address(self),
            *_problems_of_text(self),
            *_problems_of_rules(self),
        ]
        if problems:
            raise Sip2SettingsError("; ".join(problems))

    @property
    def dialect(self) -> Dialect:
        """How this server writes text."""
        return Dialect(self.encoding, self.delimiter)

    @property
    def policy(self) -> Policy:
        """Which patrons with a right PIN are refused."""
        return Policy(self.deny_positions, self.check_expiry)


def _problems_of_address(settings: Sip2Settings) -> Iterator[str]:
    if not re.fullmatch(r"[0-9A-Za-z._:-]{1,253}", settings.host):
        yield "host: give a host name or an address"
    if not 1 <= settings.port <= 65535:
        yield "port: give a number from 1 to 65535"
    tls = settings.tls
    if tls.mode is TlsMode.PIN and tls.ca_file is None:
        yield "ca_file: pin needs the certificate to accept"
    if tls.client_key_file is not None and tls.client_certificate_file is None:
        yield "client_key_file: goes only with a client_certificate_file"


def _problems_of_text(settings: Sip2Settings) -> Iterator[str]:
    if not re.fullmatch(r"[!-/:-@\[-`{-~]", settings.delimiter):
        yield "delimiter: give one ASCII punctuation mark"
        return
    if not _is_ascii_compatible(settings.encoding):
        yield "encoding: give one that Python knows and that contains ASCII, such as utf-8 or cp850"
        return
    if not re.fullmatch("[0-9]{3}", settings.language):
        yield "language: give three digits, 006 for Swedish"
    for name, value in _texts(settings):
        if not is_safe(value, settings.delimiter) or not _can_encode(value, settings.encoding):
            yield f"{name}: too long, unencodable, or holds a delimiter or control character"


def _texts(settings: Sip2Settings) -> Iterator[tuple[str, str]]:
    yield "login_user", settings.login_user
    yield "login_password", settings.login_password.reveal()
    yield "location_code", settings.location_code
    yield "institution_id", settings.institution_id
    yield "terminal_password", settings.terminal_password.reveal()


def _problems_of_rules(settings: Sip2Settings) -> Iterator[str]:
    if not settings.deny_positions <= frozenset(range(PATRON_STATUS_FLAGS)):
        yield f"deny_positions: give numbers from 0 to {PATRON_STATUS_FLAGS - 1}"
    needs_information = settings.check_expiry is not ExpiryCheck.OFF
    if needs_information and settings.message is not PatronMessage.INFORMATION:
        yield 'check_expiry: needs message = "information"'
    if not 0 < settings.answer_timeout_s <= settings.login_timeout_s:
        yield "answer_timeout_s: more than 0 and at most login_timeout_s"
    if settings.maximum_connections < 1 or settings.maximum_waiting < 0:
        yield "maximum_connections and maximum_waiting: at least 1 and 0"


def _is_ascii_compatible(encoding: str) -> bool:
    letters = "".join(chr(code) for code in range(0x20, 0x7F))
    try:
        return letters.encode(encoding) == letters.encode("ascii")
    except LookupError:
        return False


def _can_encode(value: str, encoding: str) -> bool:
    try:
        value.encode(encoding)
    except UnicodeError:
        return False
    return True
