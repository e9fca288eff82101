"""What keeps the desk's pages up to date: a stream of server-sent events that says "changed".

Not the pages: the script loads the page again and takes over the parts marked ``data-live``. The
rule to keep: a stream carries no data and ends by itself; without one everything still works.
"""

import asyncio
from contextlib import suppress
from functools import partial

from aiohttp import web

from portal.services.ports import DatabaseUnavailableError
from portal.web.staff import answers
from portal.web.staff.console_doors import Mark
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

HEART_BEAT_S = 15.0
"""A comment, so that a connection that is gone is noticed (HTML Standard, section 9.2.7)."""

MOST_STREAMS = 500
"""Who comes later has the page's own button; each costs a connection and some kB."""


async def live(site: StaffSite, visit: Visit) -> web.StreamResponse:
    """Say "changed" whenever the board of the site is another one."""
    return await stream(site, visit, partial(site.desk.live.mark, visit.here.id))


async def stream(site: StaffSite, visit: Visit, mark: Mark) -> web.StreamResponse:
    """Say "changed" whenever the mark is another one."""
    boards = site.desk.live
    if boards.streams >= MOST_STREAMS:
        return answers.plain("too many\n", status=503)
    response = web.StreamResponse(headers=answers.stream_headers("text/event-stream"))
    if visit.request.method == "HEAD":
        return response
    await response.prepare(visit.request)
    boards.streams += 1
    try:
        # The browser is gone; or nobody can be asked: the browser comes again, and is told plainly.
        with suppress(ConnectionResetError, DatabaseUnavailableError):
            await _tell(site, visit, response, mark)
    finally:
        boards.streams -= 1
    return response


async def _tell(site: StaffSite, visit: Visit, response: web.StreamResponse, mark: Mark) -> None:
    """Tell what changes while the visit that asked still holds, and its page is open."""
    look_every_s = site.desk.live.look_every_s
    told, silent_s = await mark(), HEART_BEAT_S
    while visit.request.transport is not None:
        now = await mark()
        if now != told or silent_s >= HEART_BEAT_S:
            if not await site.still_open(visit):
                return
            await response.write(b": here\n\n" if now == told else b"event: changed\ndata: 1\n\n")
            told, silent_s = now, 0.0
        await asyncio.sleep(look_every_s)
        silent_s += look_every_s
