"""Tutoring groups: started in two presses, shown on the whole screen, prolonged and ended.

Not the rules (services/group_tutoring.py).
"""

from datetime import timedelta

from aiohttp import web

from portal.domain.room_code import written
from portal.domain.tutoring import GROUP_DEVICES, GROUP_WINDOW, STEP
from portal.services.group_tutoring import GroupRefusal
from portal.slips.qr import draw, wifi_text
from portal.web.staff.asked import asked, number_in, whole_number, written_instant
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

MOST_MINUTES = 12 * 60
MOST_DEVICES = 100


async def start(site: StaffSite, visit: Visit) -> web.Response:
    """Start a group, and show its code on the whole screen."""
    minutes = number_in(visit.fields, "minutes") or int(GROUP_WINDOW.total_seconds() // 60)
    devices = number_in(visit.fields, "devices") or GROUP_DEVICES
    if not (1 <= minutes <= MOST_MINUTES and 1 <= devices <= MOST_DEVICES):
        return site.go("/tutoring?failed=group")
    length = timedelta(minutes=minutes)
    by = visit.me.account.name
    started = await site.desk.groups.start(visit.here.id, by, length, devices, visit.now)
    if isinstance(started, GroupRefusal):
        return site.go(f"/tutoring?failed={started.value}")
    return site.go(f"/tutoring/group?number={started.group.number}")


async def show(site: StaffSite, visit: Visit) -> web.Response:
    """Show a group's code and how many have joined, to the room."""
    number = whole_number(asked(visit, "number"))
    if number is None:
        return site.go("/tutoring")
    found = await site.desk.board.group(visit.here.id, number, visit.now)
    if found is None or found.code is None:
        return site.go("/tutoring")
    network = site.settings.place.network if site.settings.place else None
    return site.render(
        "group",
        visit,
        found=found,
        code=written(found.code),
        join=None if network is None else draw(wifi_text(network)),
        network=network,
        address=site.settings.place.short_address if site.settings.place else "",
    )


async def extend(site: StaffSite, visit: Visit) -> web.Response:
    """Half an hour more for everybody in it."""
    number, by = number_in(visit.fields, "group"), visit.me.account.name
    if number is None:
        return site.go("/tutoring")
    group = await site.desk.groups.extend(visit.here.id, number, by, STEP, visit.now)
    if isinstance(group, GroupRefusal):
        return site.go(f"/tutoring?failed={group.value}")
    until = written_instant(group.ends_at)
    return site.go(f"/tutoring?done=group-extend&number={number}&until={until}")


async def end(site: StaffSite, visit: Visit) -> web.Response:
    """End the group; its devices stay online as ordinary guests."""
    number, by = number_in(visit.fields, "group"), visit.me.account.name
    if number is None:
        return site.go("/tutoring")
    left = await site.desk.groups.end(visit.here.id, number, by, visit.now)
    if isinstance(left, GroupRefusal):
        return site.go(f"/tutoring?failed={left.value}")
    return site.go(f"/tutoring?done=group-end&number={number}")
