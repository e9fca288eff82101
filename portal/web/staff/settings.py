"""What the staff site must be told: its name, its keys, and who may stand in front of it.

Not the configuration file (portal/config.py reads that).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from portal.domain.identity import SiteId
from portal.domain.processing_record import Section
from portal.domain.site import Site
from portal.domain.slip import PrintTarget, SlipPlace
from portal.slips.printer import Printer


@dataclass(frozen=True, slots=True)
class SitePrinter:
    """A thermal printer of a site: what the desk calls it, its roll, and its door."""

    name: str
    target: PrintTarget
    door: Printer = field(repr=False)


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
    access_points: Mapping[str, SiteId] = field(default_factory=dict)
    """RADIUS clients by name, and whose devices each serves."""
    default_language: str = "sv"
    time_zone: str = "Europe/Stockholm"
    encrypted: bool = True
    """Whether browsers reach it over TLS, ours or a proxy's; a demonstration on localhost: not."""
    proxies: frozenset[str] = frozenset()
    place: SlipPlace | None = None
    """What slips say of the network; None: its name is not configured, and none is printed."""
    printers: Mapping[SiteId, Sequence[SitePrinter]] = field(default_factory=dict)
    templates: Path | None = None
    ssid: str = ""
    """The guest network's name, told to who does not find it."""
    answer_within: timedelta = timedelta(hours=4)
    """How soon somebody is to have seen a fault report."""
    answer_timeout_s: float = 10.0
    kept: timedelta = timedelta(days=14)
    """How long ended sessions and events stay."""
    record: tuple[Section, ...] = ()
    """The record of processing, as the configuration makes it."""
