"""Composes staff's accounts: for the staff site, and for the command line that makes them."""

from portal import settings_staff
from portal.composition.start import StartError
from portal.config import Config
from portal.domain.identity import SiteId
from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing
from portal.services.staff.doors import StaffDoors, StaffKeys
from portal.services.staff.passwords import Passwords
from portal.storage.database import Database
from portal.storage.events import PostgresEvents
from portal.storage.staff_accounts import PostgresStaffAccounts
from portal.storage.staff_attempts import PostgresStaffAttempts
from portal.storage.staff_sessions import PostgresStaffSessions


def compose_staff(config: Config, database: Database, ring: KeyRing) -> StaffDoors:
    """Return the doors of staff's services.

    Raises:
        StartError: the keys cannot be used.
    """
    try:
        keys = StaffKeys(ring)
    except KeyRingError as problem:
        raise StartError(str(problem)) from problem
    return StaffDoors(
        accounts=PostgresStaffAccounts(database),
        sessions=PostgresStaffSessions(database),
        attempts=PostgresStaffAttempts(database),
        events=PostgresEvents(database),
        keys=keys,
        passwords=Passwords(),
        organisation=config.organisation.name,
        site_ids=tuple(SiteId(site.id) for site in config.sites),
        times=settings_staff.staff_times(config.staff),
    )
