"""The configuration of a controller that lets an access point's devices in: one documented model.

Not the controllers (radius_bridge/controllers). The rule to keep: what a controller is told holds a
secret of ours, so it is told over TLS only.
"""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from portal.config_types import Section
from radius_bridge.clients import FamilyName
from radius_bridge.vendors.omada_api import TimeUnit, is_controller

FAMILIES = frozenset({FamilyName.UNIFI, FamilyName.OMADA, FamilyName.RUCKUS})
"""Those whose controllers Kvar speaks with."""

BRING_THEIR_ADDRESS = frozenset({FamilyName.RUCKUS})
"""A visitor's redirect names the interface; portal_hosts says which may be believed."""

_FINGERPRINT = re.compile("[0-9a-f]{64}")


def _https(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme != "https" or not parts.hostname or parts.path.strip("/")):
        raise ValueError("not an address; write one such as https://unifi.example.se:8443")
    return text


def _fingerprint(text: str) -> str:
    plain = text.replace(":", "").lower()
    if text and not _FINGERPRINT.fullmatch(plain):
        raise ValueError("not a SHA-256 fingerprint; openssl x509 -noout -fingerprint -sha256")
    return plain


def _omada_id(text: str) -> str:
    if not is_controller(text):
        raise ValueError("not an Omada controller's id, which has 32 hexadecimal digits")
    return text


class ControllerSection(Section):
    """``[radius.clients.controller]``: the controller that lets this client's devices in."""

    url: Annotated[str, AfterValidator(_https)] = Field(
        "", description="https://host:port. Left out for ruckus: a visitor's redirect names it."
    )
    user: str = Field(
        "",
        description="UniFi: a local account, for the classic interface; empty with an API key. "
        "Omada: an operator of the hotspot. Not for ruckus.",
    )
    secret: SecretStr = Field(
        SecretStr(""), description="The API key, or the password of the account or interface."
    )
    secret_file: Path | None = Field(None, description="Instead of secret.")
    site: str = Field(
        "default",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="UniFi: the site's name in the controller's addresses; visitors come by "
        "/guest/s/ and it.",
    )
    omada_id: Annotated[str, AfterValidator(_omada_id)] = Field(
        "", description="Omada 5: the identifier in the controller's addresses."
    )
    omada_time_unit: TimeUnit = Field(
        TimeUnit.FOR_MILLISECONDS,
        description="Omada: what the number time counts. If a device is out again after seconds, "
        "or never, take another.",
    )
    ca_file: Path | None = Field(
        None, description="PEM: who signed its certificate. Left out: the system's authorities."
    )
    certificate_sha256: Annotated[str, AfterValidator(_fingerprint)] = Field(
        "", description="Instead: the fingerprint of its certificate, which then is the only one."
    )
