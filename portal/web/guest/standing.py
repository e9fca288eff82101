"""Where the device stands that a page is for, as far as this visitor may profit by it.

Not the standing itself (services). The rule to keep: where an access point lets in whoever brings
its answer, that the named device is online says nothing of who asks. Such a visitor is treated as
captive, and nothing is taken up for it, until it has itself used one of the ways in.
"""

from dataclasses import replace

from portal.domain.session import Session
from portal.domain.site import LoginMethod
from portal.services.outcomes import Captive, Standing
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.visit import Here, Visit


async def standing_of(site: GuestSite, visit: Visit, here: Here, kind: str = "") -> Standing:
    """Return where the device stands; a captive one counts among those waiting, as a ``kind``."""
    standing = await site.guest.standing(here.device, visit.now, kind)
    if is_bound(visit) or LoginMethod.NONE in here.library.login_methods:
        return standing  # an open network asks nothing of anybody
    if isinstance(standing, Captive):
        return replace(standing, may_continue=False)
    return standing if _came_in_here(visit, standing.session) else Captive(number=None)


def is_bound(visit: Visit) -> bool:
    """Say whether no other device than the one that is named can get in on this visit."""
    return visit.mount is None or visit.mount.points.is_bound(visit.mount.passage)


def _came_in_here(visit: Visit, session: Session) -> bool:
    """Say whether this very passage led in, or may: its session was begun or taken up on it."""
    passage = None if visit.mount is None else visit.mount.passage
    return passage is not None and (passage.is_inside or passage.owns == session.id)
