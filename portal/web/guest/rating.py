"""The question on the status page: was it easy? Two buttons, and a count.

No words are asked for and none are taken. The rules to keep: what is counted names no guest and no
device; only who is online is asked, and a device is heard once a day.
"""

from typing import Final

from aiohttp import web

from portal.domain.month_help import Answer
from portal.services.outcomes import Online
from portal.web.guest.form_token import Purpose
from portal.web.guest.front import may_decide
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.posted import read_posted
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Visit

PATH: Final = "/rate"


async def rate(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Count an answer; a second one of the same day is thanked for, and not counted."""
    posted = await read_posted(site, visit, here, Purpose.RATE)
    if isinstance(posted, web.Response):
        return posted
    said = posted.fields.get("answer", "")
    if not posted.fresh or said not in set(Answer):
        return site.go(visit, "/status")
    standing = await standing_of(site, visit, here)
    if not isinstance(standing, Online) or not may_decide(visit, standing.session):
        return site.go(visit, "/")
    mac = here.device.mac
    if site.ratings_left.allows(mac, visit.now) and not await site.rate(
        here.library.id, Answer(said), visit.now
    ):
        site.ratings_left.give_back(mac)
        return site.pages.render("message", visit, {"key": "rating.away"}, status=503)
    return site.go_done(visit, "rated")
