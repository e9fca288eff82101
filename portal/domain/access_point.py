"""What the configuration says of a RADIUS client: whose devices it serves, and what they may do.

Not its dialect, its secret or its address, which are the bridge's business. Pure.
"""

from dataclasses import dataclass
from datetime import timedelta

from portal.domain.identity import MacAddress, SiteId


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """A client of the bridge: an access point, a controller, or a network of them.

    ``counts_bytes``: nothing else counts what its devices send and receive; where the site has a
    gate, the gate does. ``card_login``: card and PIN are taken by PAP from its own form.
    ``allowed_devices`` are always let in. ``vlan``, ``role`` and ``portal_role`` are names that it
    knows; None: none is sent. Rates are the device's, None: no limit.
    """

    name: str
    site_id: SiteId
    counts_bytes: bool = True
    card_login: bool = False
    allowed_devices: frozenset[MacAddress] = frozenset()
    vlan: str | None = None
    role: str | None = None
    portal_role: str | None = None
    portal_vlan: str | None = None
    upload_bit_s: int | None = None
    download_bit_s: int | None = None
    idle_timeout: timedelta | None = None
    interim_interval: timedelta = timedelta(minutes=5)
    browser_logs_in: bool = False
    """The visitor's browser is sent back to it with a login, so it need not be told."""
