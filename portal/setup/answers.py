"""The answers to the nine questions, as the dialogue gathers them or a file holds them.

Not the configuration (config.py): fewer keys, and those of the installation alone. The rule to
keep: a wrong answer is told with the name of its key, and a secret is never told at all.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError

from portal.config import SealedIdentity
from portal.config_contradictions import Problem
from portal.config_file import ConfigError
from portal.config_library import LibraryRest, LibrarySystem
from portal.config_sites import Hours
from portal.config_types import (
    Address,
    HostName,
    InterfaceName,
    Recipient,
    Section,
    StaffHost,
)
from portal.domain.privacy import DEFAULT_LEVEL, PrivacyLevel
from portal.domain.site import LoginMethod
from portal.domain.staff_account import is_account_name
from portal.setup.shapes import short_name

CERTIFICATES = Path("/etc/kvar/tls")


def _account(name: str) -> str:
    if not is_account_name(name):
        raise ValueError("a name is 2 to 40 of a-z, 0-9, dot, hyphen and underscore")
    return name


class Municipality(Section):
    """Question 1: who runs the network."""

    name: str = Field(min_length=1)
    contact_email: str = ""
    data_protection_contact: str = ""


class Library(Section):
    """Question 2: the first library. ``id`` follows from the name where it is left out."""

    name: str = Field(min_length=1)
    id: str = Field("", pattern=r"^[a-z0-9-]{0,40}$")
    support_phone: str = ""

    @property
    def short_name(self) -> str:
        """The site's id."""
        return self.id or short_name(self.name)


class Network(Section):
    """Question 3: the Wi-Fi's name, and the portal's own in its certificate."""

    ssid: str = Field(min_length=1, max_length=32)
    wifi_password: SecretStr = SecretStr("")
    portal_host_name: HostName
    certificate_file: Path = CERTIFICATES / "fullchain.pem"
    private_key_file: Path = CERTIFICATES / "privkey.pem"


class Interfaces(Section):
    """Question 4: this machine's three sides: guests, the internet, staff."""

    guest: list[InterfaceName] = Field(min_length=1)
    uplink: list[InterfaceName] = Field(default_factory=list)
    management_address: Address = "127.0.0.1"
    staff_host_name: StaffHost = "localhost"
    staff_certificate_file: Path = CERTIFICATES / "staff-fullchain.pem"
    staff_private_key_file: Path = CERTIFICATES / "staff-privkey.pem"


class Privacy(Section):
    """Question 8: what is written down of visits, for how long, and who can open backups.

    ``backup_recipient`` is the public half of a key that ``kvar backup-key`` makes; without one
    backups are not encrypted, and hold no keys. ``sealed_identity`` is the public half of a key of
    ``kvar identity make-key``; without one no card number is kept.
    """

    level: PrivacyLevel = DEFAULT_LEVEL
    keep_days: int = Field(14, ge=1, le=730)
    backup_recipient: Recipient | None = None
    sealed_identity: SealedIdentity | None = None


class Administrator(Section):
    """Question 9: the first account, which makes all others."""

    name: Annotated[str, AfterValidator(_account)] = "admin"


class Machine(Section):
    """What the dialogue does not ask. ``database``: local, private, or an address.

    ``local`` is the machine's own PostgreSQL, reached by its socket without a password;
    ``private`` is one that ``kvar run`` starts; anything else is a ``postgresql://`` address.
    """

    database: SecretStr = SecretStr("local")
    data_directory: Path = Path("/var/lib/kvar")


class Answers(Section):
    """All of them. The file has one table a question."""

    language: Literal["sv", "en"] = "sv"
    municipality: Municipality
    library: Library
    network: Network
    interfaces: Interfaces
    opening_hours: Hours | None = None
    login_methods: list[LoginMethod] = Field(min_length=1)
    library_system: LibrarySystem | None = None
    library_rest: LibraryRest | None = None
    privacy: Privacy = Privacy()
    administrator: Administrator = Administrator()
    machine: Machine = Machine()


def read(path: Path) -> Answers:
    """Read the file of an unattended installation.

    Raises:
        ConfigError: it cannot be used; each problem names its key.
    """
    try:
        return check(tomllib.loads(path.read_text(encoding="utf-8")), path)
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(path, [Problem("", f"cannot be read: {problem}")]) from problem
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(path, [Problem("", f"not TOML: {problem}")]) from problem


def check(document: Mapping[str, Any], path: Path) -> Answers:
    """Check answers; ``path`` only names where they stand.

    Raises:
        ConfigError: some cannot be used.
    """
    try:
        return Answers.model_validate(document)
    except ValidationError as refused:
        told = (_told(detail) for detail in refused.errors(include_input=False, include_url=False))
        raise ConfigError(path, list(told)) from None  # its text would hold the answers


def _told(detail: Any) -> Problem:
    key = ".".join(map(str, detail["loc"]))
    words = {"extra_forbidden": "unknown key", "missing": "missing; this answer is required"}
    message = str(detail["msg"]).removeprefix("Value error, ")
    return Problem(key, words.get(detail["type"], message[:1].lower() + message[1:]))
