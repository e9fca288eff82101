"""What the guest services are made of: the doors, the sites and the settings.

Not a place for rules. The rule to keep: composition fills this in once; nothing here changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.domain.card import DEFAULT_RULES, CardRules
from portal.domain.identity import Device, SiteId
from portal.domain.session import Session
from portal.domain.sign_in_limits import Limits
from portal.domain.site import Site
from portal.services.identity_key import IdentityKey
from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing
from portal.services.ports import (
    Arrivals,
    Attempts,
    DatabaseUnavailableError,
    Events,
    Gate,
    LibrarySystem,
    Sessions,
)
from portal.services.ports.returning import Returns
from portal.services.ports.spool import Spool
from portal.services.ports.tutoring_groups import Groups
from portal.services.ports.vouchers import VoucherStore

STORE_ERRORS = (DatabaseUnavailableError, KeyRingError)
"""What the guest is told as SERVICE_DOWN: no database, or no key for the new week (disk full)."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Everything a guest service talks to. ``library`` None: no site takes cards.

    ``spool`` None: nothing is kept while the database is away.
    """

    sessions: Sessions
    attempts: Attempts
    arrivals: Arrivals
    groups: Groups
    vouchers: VoucherStore
    returns: Returns
    events: Events
    gate: Gate
    keys: KeyRing
    library: LibrarySystem | None
    sites: Mapping[SiteId, Site]
    card_rules: CardRules = DEFAULT_RULES
    limits: Limits = field(default_factory=Limits)
    spool: Spool | None = None
    identity_key: IdentityKey | None = None
    """What card numbers are sealed to; None: none are."""
    gates: Mapping[SiteId, Gate] = field(default_factory=dict)
    """Of sites that have another gate than this node's, or none."""

    def gate_at(self, site_id: SiteId) -> Gate:
        """Return what lets the site's devices through."""
        return self.gates.get(site_id, self.gate)

    def site_of(self, session: Session, device: Device) -> Site:
        """Return the site whose rules hold for a session.

        That is where it began; on a node that does not know that site, where the device is now.
        """
        return self.sites.get(session.site_id, self.sites[device.site_id])
