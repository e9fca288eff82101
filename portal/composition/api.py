"""Composes the API, which the staff site's process serves beside its pages."""

from portal.clock import utc_now
from portal.services.api_tokens import TokenGuard
from portal.services.doors import Doors
from portal.services.ports import Clock
from portal.services.vouchers import Vouchers
from portal.storage.api_tokens import PostgresApiTokens
from portal.storage.database import Database
from portal.web.api.api_site import ApiSite
from portal.web.api.settings import ApiSettings


def compose_api(
    settings: ApiSettings, doors: Doors, database: Database, clock: Clock = utc_now
) -> ApiSite:
    """Return the API with all that its operations work with."""
    tokens = TokenGuard(PostgresApiTokens(database), doors.events)
    return ApiSite(settings, tokens, Vouchers(doors), doors.events, clock)
