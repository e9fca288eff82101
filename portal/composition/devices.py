"""Composes staff's command about a remembered device: one wish, said plainly."""

from portal.clock import utc_now
from portal.composition.staff import acting, database_is_there, staff_doors
from portal.composition.start import StartError
from portal.config import Config
from portal.domain.identity import SiteId
from portal.services.remembered import RememberedAtDesk
from portal.storage.tutoring import PostgresTutored


async def forget(config: Config, site: str, number: int) -> str:
    """Forget the device with this number, and say so.

    Raises:
        StartError: no remembered device has it, or the database is away.
    """
    async with staff_doors(config, site) as (doors, database):
        desk = RememberedAtDesk(doors, PostgresTutored(database))
        with database_is_there():
            done = await desk.forget_device(SiteId(site), number, acting(), utc_now())
    if not done:
        raise StartError(
            "no remembered device has that number here; kvar tutor list shows the numbers"
        )
    return f"device {number}: forgotten; it stays online, and logs in again next time"
