"""What the API must be told: its name, its sites, and who may stand in front of it.

Not the configuration file (portal/config.py reads that).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.domain.identity import SiteId
from portal.domain.site import Site


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Settings of the API.

    ``host_name`` is the one name that requests may come under. ``proxies`` are the addresses whose
    word about who asks is believed. ``guest_origin`` is where the links of slips lead.
    """

    host_name: str
    guest_origin: str
    sites: Mapping[SiteId, Site]
    time_zone: str = "Europe/Stockholm"
    encrypted: bool = True
    proxies: frozenset[str] = frozenset()
    most_at_once: int = 2
    """Calls that ask the database: half of the process's connections are left to staff's pages."""
    answer_timeout_s: float = 20.0
    """A thousand vouchers take 0.2 s; the rest is for those that wait for a place."""
