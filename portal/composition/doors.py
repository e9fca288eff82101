"""Composes what the services talk to."""

from portal import settings, settings_library
from portal.composition.database import spool_directory
from portal.composition.start import StartError
from portal.config import Config
from portal.domain.card import DEFAULT_RULES
from portal.domain.identity import SiteId
from portal.no_gate import NoGate
from portal.services.doors import Doors
from portal.services.identity_key import IdentityKey
from portal.services.key_ring import KeyRing
from portal.services.ports import Gate, LibrarySystem
from portal.services.spooling import SpooledEvents
from portal.storage.arrivals import PostgresArrivals
from portal.storage.database import Database
from portal.storage.events import PostgresEvents
from portal.storage.returning import PostgresReturns
from portal.storage.sessions import PostgresSessions
from portal.storage.sign_in_attempts import PostgresAttempts
from portal.storage.spool import DiskSpool
from portal.storage.tutoring_groups import PostgresGroups
from portal.storage.vouchers import PostgresVouchers


def compose_doors(
    config: Config,
    database: Database,
    gate: Gate,
    keys: KeyRing,
    library: LibrarySystem | None,
) -> Doors:
    """Return the doors of one process; ``library`` None: it checks no cards."""
    section = config.card_check
    spool = DiskSpool(spool_directory(config))
    return Doors(
        sessions=PostgresSessions(database),
        attempts=PostgresAttempts(database, settings.kept(config).known_devices),
        arrivals=PostgresArrivals(database),
        groups=PostgresGroups(database),
        vouchers=PostgresVouchers(database),
        returns=PostgresReturns(database),
        events=SpooledEvents(PostgresEvents(database), spool),
        gate=gate,
        keys=keys,
        library=library,
        sites=settings.sites(config),
        card_rules=DEFAULT_RULES if section is None else settings_library.card_rules(section),
        limits=settings.limits(config),
        spool=spool,
        identity_key=_identity_key(config),
        gates=_other_gates(config),
    )


def _other_gates(config: Config) -> dict[SiteId, Gate]:
    """Return the gates of sites that the node's own does not serve: access points do."""
    gated = settings.gate_sites(config)
    sites = [SiteId(site.id) for site in config.sites]
    return {site_id: NoGate() for site_id in sites if site_id not in gated}


def _identity_key(config: Config) -> IdentityKey | None:
    section = config.sealed_identity
    if section is None:
        return None
    try:
        return IdentityKey(section.public_key)
    except ValueError as problem:
        text = "[sealed_identity] public_key is no key; print one by kvar identity make-key"
        raise StartError(text) from problem
