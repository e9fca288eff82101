"""The configuration of the RADIUS bridge: frozen models of ``[radius]``, documented field by field.

Not the reading of the file (config_file.py) and not what follows (access_points/settings.py). The
rule to keep: a shared secret that somebody could guess is refused.
"""

import math
from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from portal.config_controller import ControllerSection
from portal.config_types import Address, HostName, Mac, Network, Port, Section
from radius_bridge.clients import FamilyName

SHORTEST_SECRET = 16
"""Octets, as RFC 2865 section 3 asks for."""

_FEWEST_BITS = 40.0
"""What repeated letters and digits stay below. It finds ``aaaaaaaaaaaaaaaa``; that a secret was
drawn by chance nobody can see."""

_KNOWN = ("testing123", "radius", "secret", "password", "changeme", "kvar")
"""What examples use, FreeRADIUS's among them; a secret that is little more than one is none."""


def check_secret(text: str) -> str:
    """Return a shared secret that is long and not a word of everybody's.

    Raises:
        ValueError: it is not; the text has the way out, never the secret.
    """
    way_out = "make one with: openssl rand -base64 24"
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"holds more than printable ASCII characters; {way_out}")
    if len(text) < SHORTEST_SECRET:
        raise ValueError(f"shorter than {SHORTEST_SECRET} characters; {way_out}")
    if _bits(text) < _FEWEST_BITS or _is_known(text):
        raise ValueError(f"easy to guess; {way_out}")
    return text


def _bits(text: str) -> float:
    """Shannon's entropy of the text's own characters, in bits."""
    counts = Counter(text).values()
    return -sum(count * math.log2(count / len(text)) for count in counts)


def _is_known(text: str) -> bool:
    rest = text.lower()
    for word in _KNOWN:
        rest = rest.replace(word, "")
    return len(rest) < SHORTEST_SECRET // 2


def _secret(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        check_secret(value.get_secret_value())
    return value


SharedSecret = Annotated[SecretStr, AfterValidator(_secret)]


LONGEST_NAME = 63
"""Characters. What every dialect has room for (radius_bridge/vendors), however it is written."""

Named = Annotated[str, Field(max_length=LONGEST_NAME, pattern=r"^[ -~\u00a1-\uffff]*$")]
"""A role or a VLAN. Without control characters, which a VLAN would be read with as a tag (RFC 2868
section 3), and without what takes four octets a character."""


GatewayName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]


ASK_NOTHING = frozenset({FamilyName.OPENNDS})
"""Families that send visitors to the portal, and no RADIUS."""


class RadiusClientSection(Section):
    """``[[radius.clients]]``: an access point, a controller, or a network that shares a secret."""

    name: str = Field(
        pattern=r"^[a-z0-9-]{1,40}$", description="Short name, in the log and on the desk."
    )
    networks: list[Network] = Field(
        default_factory=list,
        description="Where its requests come from. May be empty only with certificate_names, and "
        "for what sends none: openNDS, and what its controller lets in.",
    )
    secret: SharedSecret = Field(
        SecretStr(""),
        description="The shared secret: 16 characters or more, made by chance, its own. With "
        "certificate_names alone it may be left out (RFC 6614).",
    )
    secret_file: Path | None = Field(
        None, description="Instead of secret: a file that holds it, and nothing else."
    )
    site: str = Field(description="The id of the site whose devices it serves.")
    family: FamilyName = Field(
        FamilyName.STANDARD, description="Whose dialect it speaks; see the page on access points."
    )
    require_message_authenticator: bool = Field(
        default=True,
        description="false: believe Access-Requests without one (CVE-2024-3596). Only for what "
        "cannot be updated, on a network of its own.",
    )
    limit_proxy_state: bool = Field(
        default=True,
        description="Without the requirement: still refuse what a proxy passed on unsigned.",
    )
    certificate_names: list[HostName] = Field(
        default_factory=list, description="RADIUS/TLS: the names in its certificate."
    )
    coa: bool = Field(
        default=True,
        description="Whether it takes Disconnect and CoA requests (RFC 5176). Without, what ends "
        "here ends there at its Session-Timeout only.",
    )
    coa_address: Address | None = Field(
        None,
        description="Where it takes them. Left out: where the device's last request came from.",
    )
    coa_port: Port | None = Field(
        None, description="The port for them. Left out: 1700 for cisco and meraki, else 3799."
    )
    portal_hosts: list[str] = Field(
        default_factory=list,
        description='Hosts, or "host:port", to which a visitor\'s browser may be sent back with a '
        "login.",
    )
    portal_visitor_networks: list[Network] = Field(
        default_factory=list,
        description="Where visitors' browsers come from, as the portal sees them: behind NAT the "
        "address of the site. Most families sign nothing, so name them where you can. Empty: "
        "anywhere.",
    )
    portal_secret: SecretStr = Field(
        SecretStr(""), description="uamsecret (CoovaChilli) or FAS key (openNDS)."
    )
    portal_secret_file: Path | None = Field(None, description="Instead of portal_secret.")
    portal_in_clear: bool = Field(
        default=False,
        description="openNDS: take the redirects of fas_secure_enabled 1 and 4, which are not "
        "enciphered. Without, only those of levels 2 and 3.",
    )
    portal_gateways: list[GatewayName] = Field(
        default_factory=list,
        description="openNDS at levels 3 and 4: the names of the gateways that ask whom to let in, "
        "as `ndsctl status` shows them. Empty: the visitor's browser carries the answer (levels 1 "
        "and 2).",
    )
    card_login: bool = Field(
        default=False,
        description="Take card and PIN by PAP from its own form. They cross the guest network and "
        "RADIUS then: only where both are encrypted.",
    )
    allowed_devices: list[Mac] = Field(
        default_factory=list,
        description="MAC addresses that are always let in, such as a printer's. Anybody can "
        "imitate one.",
    )
    vlan: Named = Field("", description="VLAN of guests that are in. Empty: the network's own.")
    role: Named = Field(
        "", description="Role, group or filter of guests that are in, as the access point names it."
    )
    portal_role: Named = Field(
        "", description="The same for a device that is to see the login page (cisco: the ACL)."
    )
    portal_vlan: Named = Field(
        "",
        description="VLAN where a gateway shows the login page, for access points that cannot "
        "redirect.",
    )
    upload_kbit_s: int | None = Field(None, ge=64, description="Per device. Left out: no limit.")
    download_kbit_s: int | None = Field(None, ge=64, description="Per device. Left out: no limit.")
    idle_timeout_min: int | None = Field(
        None,
        ge=60,
        description="Minutes of silence after which the access point drops a device. Phones sleep: "
        "less than an hour is refused. Given only where it can be lifted when a tutor helps (see "
        "access-points.md). Left out: it drops none.",
    )
    interim_interval_s: int = Field(
        300, ge=60, le=3600, description="Between two accounting records of a device."
    )
    controller: ControllerSection | None = None


class Radius(Section):
    """``[radius]``: the RADIUS server for access points. Left out: there is none."""

    addresses: list[Address] = Field(
        default_factory=lambda: ["0.0.0.0", "::"],  # noqa: S104 - strangers are not answered
        min_length=1,
        description="This machine's addresses to listen on; strangers get no answer.",
    )
    authentication_port: Port = Field(1812, description="UDP.")
    accounting_port: Port = Field(1813, description="UDP.")
    tls_port: Port = Field(2083, description="RADIUS/TLS (RFC 6614), with certificate_file.")
    certificate_file: Path | None = Field(
        None, description="PEM: the certificate and its chain. Left out: UDP only."
    )
    private_key_file: Path | None = Field(None, description="PEM: the private key.")
    client_ca_file: Path | None = Field(
        None, description="PEM: the authority that signs the access points' certificates."
    )
    client_crl_file: Path | None = Field(
        None,
        description="PEM: that authority's list of revoked certificates. When it is over its time, "
        "no access point connects anew. SIGHUP reads it again. Left out: none is looked at.",
    )
    workers: int = Field(
        1, ge=1, le=16, description="Processes on the same ports; one does for most."
    )
    reject_delay_s: float = Field(
        1.0, ge=0, le=5, description="How late a refusal is sent: a brake on guessing."
    )
    health_port: Port = Field(9466, description="/healthz, /readyz, /metrics on 127.0.0.1.")
    clients: list[RadiusClientSection] = Field(
        min_length=1, description="Who may ask; several networks of one make are one client."
    )
