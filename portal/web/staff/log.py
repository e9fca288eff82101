"""The log: who was let in, when, how and until when, under names that last a week.

Not a person's own sessions (log_look_up.py asks for those, with a reason). The rule to keep: an
account sees its own sites' sessions, and a page reads no more rows than it shows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web

from portal.domain.identity import SiteId
from portal.domain.session import EndReason, Ground
from portal.domain.session_log import (
    OUTCOMES,
    Held,
    LogFilter,
    Named,
    Sought,
    name_of,
    read_name,
    write_cursor,
    write_point,
)
from portal.services.console.findings import Finding
from portal.services.ports.session_log import LoggedSession
from portal.web.staff.asked import BY_ITSELF
from portal.web.staff.live import stream
from portal.web.staff.log_address import (
    PRESETS,
    Asked,
    Period,
    exact_text,
    local_text,
    next_page,
    read_asked,
    write_asked,
)
from portal.web.staff.log_points import choices, point_name
from portal.web.staff.measures import amount, length, stamp
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

PAGE = 50
MOST_COUNTED = 1000
"""Beyond it the page says "more than": nobody reads on, and counting on would take seconds."""


async def log_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show a page of the log."""
    asked = asked_of(site, visit)
    wanted = filter_of(site, visit, asked)
    if wanted is None:  # what was found is forgotten, or the name is none
        return site.go(write_asked("/log", replace(asked, finding="", name=""), zone_of(site)))
    rows = await site.console.log.page(wanted, asked.cursor, PAGE + 1)
    count = len(rows)
    if asked.after or count > PAGE:  # otherwise the page is all there is
        count = await site.console.log.count(wanted, MOST_COUNTED + 1)
    listed = Listed(rows, count, await choices(site, visit, asked))
    response = _render(site, visit, asked, listed)
    if asked.finding:
        found = site.console.findings.find(asked.finding, visit.me.account.id, visit.now)
        leave_screen(response, found, visit.now, write_asked("/log", asked, zone_of(site)))
    return response


def leave_screen(response: web.Response, found: Finding | None, now: datetime, path: str) -> None:
    """Let the page go on by itself when what it shows is forgotten."""
    left = 1 if found is None else max(1, int((found.until - now).total_seconds()))
    mark = "&" if "?" in path else "?"
    response.headers["Refresh"] = f"{left}; url={path}{mark}{BY_ITSELF}=1"


async def live(site: StaffSite, visit: Visit) -> web.StreamResponse:
    """Say "changed" whenever something new was written."""
    return await stream(site, visit, site.console.mark)


class Listed(NamedTuple):
    """What a page lists; ``points`` are the access points to choose from."""

    rows: Sequence[LoggedSession]
    total: int
    points: Sequence[tuple[str, str]]


def _render(site: StaffSite, visit: Visit, asked: Asked, listed: Listed) -> web.Response:
    rows = listed.rows
    zone, line = zone_of(site), _lines(site, visit, asked)
    more = None
    if len(rows) > PAGE:
        more = write_asked("/log", next_page(asked, rows[PAGE - 1].cursor), zone)
    values = {
        **shared(site, visit, asked),
        "rows": [line(one) for one in rows[:PAGE]],
        "count": listed.total,
        "most_counted": MOST_COUNTED,
        "more": more,
        "lasting": write_asked("/log", asked, zone, lasting=True),
        "newest": write_asked("/log", replace(asked, after=""), zone),
        "grounds": list(Ground),
        "outcomes": OUTCOMES,
        "points": listed.points,
        "point": write_point(asked.point) if asked.point else "",
        "found": None if not asked.finding else found_of(site, visit, asked),
        "export": write_asked("/log/export", replace(asked, after=""), zone),
        **telling(site, visit),
    }
    return site.render("log", visit, **values)


class Line(NamedTuple):
    """A session as its line in the list says it. ``by_...`` lead to all that have that name."""

    key: str
    moment: str
    stamp: str
    place: str
    point: str
    """The access point; empty: none, or not known."""
    ground: str
    outcome: str
    """Empty: it is online."""
    guest: str
    """Empty: nobody's."""
    by_guest: str
    device: str
    by_device: str
    lasted: str
    amount: str


def _lines(site: StaffSite, visit: Visit, asked: Asked) -> Callable[[LoggedSession], Line]:
    """Return what makes a line of a session; what all lines share is worked out once."""
    zone, language = zone_of(site), visit.language
    by_name = write_asked("/log", replace(asked, name="", finding="", after=""), zone) + "&name="
    places = {one.id: one.name for one in site.settings.sites.values()}
    grounds: dict[str, str] = {one: worded(visit, "log.ground", one) for one in Ground}
    outcomes = {one: worded(visit, "log.outcome", one) for one in EndReason}

    def line(one: LoggedSession) -> Line:
        device = name_of(Named.DEVICE, one.device_trace)
        guest = name_of(Named.GUEST, one.guest_trace) if one.guest_trace else ""
        return Line(
            key=write_cursor(one.cursor),
            moment=one.started_at.isoformat(),
            stamp=stamp(one.started_at, zone),
            place=places.get(one.site_id, one.site_id),
            point=point_name(one.point) if one.point else "",
            ground=grounds.get(one.ground, one.ground),
            outcome=outcomes[one.end_reason] if one.end_reason else "",
            guest=guest,
            by_guest=by_name + guest,
            device=device,
            by_device=by_name + device,
            lasted=length((one.ended_at or visit.now) - one.started_at, language),
            amount=amount(one.upload_bytes + one.download_bytes, language),
        )

    return line


def asked_of(site: StaffSite, visit: Visit, fields: Mapping[str, str] | None = None) -> Asked:
    """Read what the address asks for, or a form that goes on from it."""
    query = visit.request.query if fields is None else fields
    asked = read_asked(query, visit.now, zone_of(site), site.console.kept)
    known = {one.id for one in site.sites_of(visit.me.account)}
    return asked if asked.site in known else replace(asked, site=None)


def filter_of(site: StaffSite, visit: Visit, asked: Asked) -> LogFilter | None:
    """Return the filter; None where a name or a finding leads nowhere."""
    sought: Sought | Held | None = None
    if asked.finding:
        sought = found_of(site, visit, asked)
    elif asked.name:
        sought = read_name(asked.name, asked.since, asked.until)
    if sought is None and (asked.finding or asked.name):
        return None
    account = visit.me.account
    sites = tuple(one.id for one in site.sites_of(account))
    return LogFilter(
        since=asked.since,
        until=asked.until,
        sites=sites if asked.site is None else (asked.site,),
        every_site=account.sites is None and asked.site is None,
        ground=asked.ground,
        outcome=asked.outcome,
        point=asked.point,
        sought=sought,
    )


def found_of(site: StaffSite, visit: Visit, asked: Asked) -> Sought | Held | None:
    """Return what this account found a moment ago."""
    found = site.console.findings.find(asked.finding, visit.me.account.id, visit.now)
    return found.value if found is not None and isinstance(found.value, Sought | Held) else None


def shared(site: StaffSite, visit: Visit, asked: Asked) -> dict[str, object]:
    """Return what every list of the console shows of its filter."""
    zone = zone_of(site)
    own = asked.period is Period.OWN
    return {
        "asked": asked,
        "periods": PRESETS,
        "from_text": local_text(asked.since, zone) if own else "",
        "to_text": local_text(asked.until, zone) if own else "",
        "exact": {
            "from_at": exact_text(asked.since, zone),
            "to_at": exact_text(asked.until, zone),
        }
        if own
        else {},
        "sites": site.sites_of(visit.me.account),
        "kept_days": site.console.kept // timedelta(days=1),
    }


def telling(site: StaffSite, visit: Visit) -> dict[str, object]:
    """Return the words for a session's facts."""
    language, zone = visit.language, zone_of(site)

    def place(site_id: SiteId) -> str:
        known = site.site(site_id)
        return known.name if known is not None else site_id

    def lasted(session: LoggedSession) -> str:
        return length((session.ended_at or visit.now) - session.started_at, language)

    return {
        "point_name": point_name,
        "stamp": lambda moment: stamp(moment, zone),
        "place": place,
        "lasted": lasted,
        "amount": lambda count: amount(count, language),
        "ground": lambda ground: worded(visit, "log.ground", ground),
        "outcome": lambda one: worded(visit, "log.outcome", one),
        "device": lambda trace: name_of(Named.DEVICE, trace),
        "guest": lambda trace: name_of(Named.GUEST, trace),
    }


def worded(visit: Visit, group: str, word: str) -> str:
    """Return the text of a word of ours; the word itself where another release wrote it."""
    key = f"{group}.{word}"
    return visit.language.text(key) if key in visit.language.texts else word


def zone_of(site: StaffSite) -> ZoneInfo:
    """Return the organisation's time zone."""
    return ZoneInfo(site.settings.time_zone)
