"""Which access points the log can be narrowed to, and what each is called.

Not the sessions. The rule to keep: an account is told of access points of its own sites only.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from portal.domain.session_log import Point, write_point
from portal.web.staff.log_address import Asked
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

MOST = 500
"""More than a field could let anybody choose from."""

SEEN_WITHIN = timedelta(days=14)
"""Before the end of the time that is looked at. Older ones can be chosen while that time is."""


async def choices(site: StaffSite, visit: Visit, asked: Asked) -> Sequence[tuple[str, str]]:
    """Return what addresses say of each access point, and its name.

    Those are the clients of the configuration and what has let somebody in; which of a client's it
    was, where several have.
    """
    own = {one.id for one in site.sites_of(visit.me.account)}
    own = own if asked.site is None else {asked.site}
    radios: dict[str, set[str]] = defaultdict(set)
    for name, site_id in site.settings.access_points.items():
        if site_id in own:
            radios[name] = set()
    for point, site_id in await site.console.log.points(asked.until - SEEN_WITHIN, MOST):
        if site_id in own:
            radios[point.access_point].add(point.radio)
    if asked.point is not None:  # from a link of another time: what is asked for can be seen
        radios[asked.point.access_point].add(asked.point.radio)
    found: list[Point] = []
    for name in sorted(radios):
        found.append(Point(name))
        several = radios[name] - {""}
        if len(several) > 1 or (asked.point and asked.point.nas and asked.point[0] == name):
            found += [Point(name, radio.encode()) for radio in sorted(several)]
    return [(write_point(one), point_name(one)) for one in found]


def point_name(point: Point) -> str:
    """Return what people call it: "annex", or "annex, AP-2"."""
    radio = point.radio
    return f"{point.access_point}, {radio}" if radio else point.access_point
