"""What the event log holds beside sessions: refused sign-ins, and what staff did.

The rule to keep: an account for some sites sees those sites' events, and none that are no site's.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from portal.domain.session_log import Named, name_of, read_moment, write_moment
from portal.services.outcomes import RefusalReason
from portal.services.ports.session_log import EventCursor, EventFilter, LoggedEvent
from portal.web.staff.log import asked_of, shared, telling, worded, zone_of
from portal.web.staff.log_address import Asked, write_asked
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

PAGE = 50

REFUSALS = tuple(reason.value for reason in RefusalReason)
OFTEN = ("cred.wrong", "card.expired", "card.blocked", "lms.down", "service")
"""What is written down: refusals that reach nobody leave no event."""

_ID = re.compile(r"[0-9]{1,18}")

_Ask = Callable[[EventFilter, EventCursor | None, int], Awaitable[Sequence[LoggedEvent]]]


@dataclass(frozen=True, slots=True)
class _List:
    """A list of events: its address, its page and where its rows come from."""

    path: str
    template: str
    ask: _Ask


async def refused_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show sign-ins that were refused."""
    asked = asked_of(site, visit)
    if asked.reason not in REFUSALS:
        asked = replace(asked, reason=None)
    told = {
        "reasons": OFTEN,
        "refusal": lambda reason: worded(visit, "log.refusal", reason),
        "device": lambda trace: name_of(Named.DEVICE, trace),
    }
    which = _List("/log/refused", "log-refused", site.console.log.refused)
    return await _show(site, visit, asked, which, told)


async def changes_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show what staff and the machine's own users did."""
    told = {
        "change": lambda kind: worded(visit, "log.change", kind),
        "rest": lambda event: [one for one in event.detail.items() if one[0] != "by"],
    }
    which = _List("/audit/changes", "log-changes", site.console.log.by_staff)
    return await _show(site, visit, asked_of(site, visit), which, told)


async def _show(
    site: StaffSite, visit: Visit, asked: Asked, which: _List, told: Mapping[str, object]
) -> web.Response:
    rows = await which.ask(_filter(site, visit, asked), _read(asked.after), PAGE + 1)
    more = None
    if len(rows) > PAGE:
        after = _write(rows[PAGE - 1])
        more = write_asked(which.path, replace(asked, after=after), zone_of(site))
    values = {
        **shared(site, visit, asked),
        **telling(site, visit),
        **told,
        "rows": rows[:PAGE],
        "more": more,
        "path": which.path,
    }
    return site.render(which.template, visit, **values)


def _filter(site: StaffSite, visit: Visit, asked: Asked) -> EventFilter:
    account = visit.me.account
    sites = tuple(one.id for one in site.sites_of(account))
    return EventFilter(
        since=asked.since,
        until=asked.until,
        sites=sites if asked.site is None else (asked.site,),
        every_site=account.sites is None and asked.site is None,
        reasons=REFUSALS if asked.reason is None else (asked.reason,),
    )


def _write(event: LoggedEvent) -> str:
    return f"{write_moment(event.at)}.{event.id}"


def _read(text: str) -> EventCursor | None:
    moment, _, event_id = text.partition(".")
    at = read_moment(moment)
    if at is None or not _ID.fullmatch(event_id):
        return None
    return EventCursor(at, int(event_id))
