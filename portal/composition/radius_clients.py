"""Reads the RADIUS clients' secrets, and composes the clients of the bridge."""

import os
import stat
from pathlib import Path

from portal.access_points import settings as access_point_settings
from portal.access_points.settings import Bridged, ClientSecrets
from portal.composition.start import StartError
from portal.config import Config
from portal.config_radius import RadiusClientSection, check_secret
from radius_bridge.secret import Secret

_TLS_SECRET = "radsec"  # noqa: S105 - RFC 6614 section 2.3: the certificates are what is proved
_LONGEST_FILE = 4096
"""Octets; a secret is one line."""


def bridged(config: Config) -> Bridged:
    """Return the clients with their secrets, as they stand in the configuration and its files.

    Raises:
        StartError: a file cannot be used; the text names it.
    """
    sections = config.radius.clients if config.radius else ()
    return access_point_settings.bridged(config, {s.name: _secrets(s) for s in sections})


def _secrets(section: RadiusClientSection) -> ClientSecrets:
    shared = section.secret.get_secret_value() or _TLS_SECRET
    if section.secret_file is not None:
        shared = read_secret(section.secret_file)
        try:
            check_secret(shared)
        except ValueError as problem:
            raise StartError(f"{section.secret_file}: {problem}") from problem
    portal = section.portal_secret.get_secret_value()
    if section.portal_secret_file is not None:
        portal = read_secret(section.portal_secret_file)
    return ClientSecrets(Secret(shared.encode()), Secret(portal.encode()) if portal else None)


def read_secret(file: Path) -> str:
    """Return the one line of a file that only we and its owner can read.

    Raises:
        StartError: it cannot be used; the text names it.
    """
    try:
        with file.open("rb") as opened:
            if os.fstat(opened.fileno()).st_mode & stat.S_IRWXO:
                raise StartError(f"{file} can be read by everybody; chmod 640 it")
            return opened.read(_LONGEST_FILE).decode("ascii").strip()
    except OSError as problem:
        raise StartError(f"{file} cannot be read: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise StartError(f"{file} holds more than ASCII characters") from problem
