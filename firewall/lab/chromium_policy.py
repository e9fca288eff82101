"""Chromium's managed policy for one namespace: trust the lab's certificate authority.

`ip netns exec` lays /etc/netns/<name>/chromium over /etc/chromium, so only browsers on that phone
see it, and they validate certificates as they do in real life (Chrome policy CACertificates).
"""

from __future__ import annotations

import base64
import json
import pathlib
import shutil
import ssl

SYSTEM_CONFIGURATION = pathlib.Path("/etc/chromium")


def trust(configuration: pathlib.Path, authority: pathlib.Path) -> None:
    """Write the policy below the namespace's /etc/netns directory; `authority` is a PEM file.

    Nothing is done on a machine without Chromium: there would be nothing to lay it over.
    """
    if not SYSTEM_CONFIGURATION.is_dir():
        return
    place = configuration / SYSTEM_CONFIGURATION.name
    shutil.copytree(SYSTEM_CONFIGURATION, place, dirs_exist_ok=True)
    managed = place / "policies" / "managed"
    managed.mkdir(parents=True, exist_ok=True)
    certificate = base64.b64encode(ssl.PEM_cert_to_DER_cert(authority.read_text())).decode("ascii")
    (managed / "lab.json").write_text(json.dumps({"CACertificates": [certificate]}))
