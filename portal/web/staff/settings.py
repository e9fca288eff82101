"""What the staff site must be told: its name, its keys, and who may stand in front of it.

Not the configuration file (portal/config.py reads that).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from portal.domain.identity import SiteId
from portal.domain.site import Site


@dataclass(frozen=True, slots=True)
class StaffSettings:
    """Settings of the staff site.

    ``host_name`` is the one name that requests may come under. ``proxies`` are the addresses whose
    word about who asks is believed. ``form_key`` signs the forms.
    """

    host_name: str
    form_key: bytes = field(repr=False)
    organisation: str
    sites: Mapping[SiteId, Site]
    default_language: str = "sv"
    time_zone: str = "Europe/Stockholm"
    encrypted: bool = True
    """Whether browsers reach it over TLS, ours or a proxy's; a demonstration on localhost: not."""
    proxies: frozenset[str] = frozenset()
    templates: Path | None = None
    answer_timeout_s: float = 10.0
