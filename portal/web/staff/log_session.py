"""One session: who let it in, what kept it alive, why it ended; and whether it was somebody's.

Not the log's list. The rule to keep: a session of a site that is not the account's is not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from portal.domain.audit_chain import LONGEST_CASE, Reason
from portal.domain.identity import Secret
from portal.domain.session_log import Named, read_cursor, write_cursor, write_point
from portal.services.console.look_ups import LookUpRefusal, read_why
from portal.services.ports.session_log import LoggedEvent, LoggedSession
from portal.web.staff.asked import asked
from portal.web.staff.confirmation import confirmed
from portal.web.staff.errors import FieldError
from portal.web.staff.log import leave_screen, telling, worded
from portal.web.staff.log_look_up import FIELDS
from portal.web.staff.measures import length
from portal.web.staff.navigation import SEES_PERSONS
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


async def session_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show its time-line; and what was just found of it."""
    session = await _session(site, visit, asked(visit, "one"))
    if session is None:
        return site.go("/log")
    word = asked(visit, "finding")
    found = site.console.findings.find(word, visit.me.account.id, visit.now) if word else None
    fits = found.value if found is not None and isinstance(found.value, Compared) else None
    answer = fits if fits is not None and fits.session_id == session.id else None
    response = await show_session(site, visit, session, Said(compared=answer))
    if answer is not None:
        leave_screen(response, found, visit.now, f"/log/session?one={_key(session)}")
    return response


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found of a session; its page says it for ten minutes."""

    session_id: UUID
    what: Named
    fits: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What a session's page says besides the session."""

    error: FieldError | None = None
    status: int = 200
    compared: Compared | None = None


NOTHING = Said()


async def compare(site: StaffSite, visit: Visit) -> web.Response:
    """Say whether the session was the card's or the device's that was typed."""
    fields = visit.fields
    session = await _session(site, visit, fields.get("one", ""))
    if session is None:
        return site.go("/log")
    why = read_why(visit.me.account.name, fields.get("reason", ""), fields.get("case", ""))
    if isinstance(why, LookUpRefusal):
        return await _refused(site, visit, session, why)
    wrong = await confirmed(site, visit)
    if wrong is not None:
        return await show_session(site, visit, session, Said(*wrong))
    what = Named.DEVICE if fields.get("what") == "device" else Named.GUEST
    typed = Secret(fields.get("typed", ""))
    fits = await site.console.look_ups.compare(session, typed, what, why, visit.now)
    if isinstance(fits, LookUpRefusal):
        return await _refused(site, visit, session, fits)
    compared = Compared(session.id, what, fits)
    word = site.console.findings.keep(visit.me.account.id, compared, visit.now)
    return site.go(f"/log/session?one={_key(session)}&finding={word}")


async def show_session(
    site: StaffSite, visit: Visit, session: LoggedSession, said: Said = NOTHING
) -> web.Response:
    """Answer with the page."""
    events = await site.console.log.time_line(session)
    values = {
        "one": session,
        "key": _key(session),
        "events": [(event, told(visit, event)) for event in events],
        "by_point": _by_point(session),
        "points": await site.console.log.access_points(session),
        "summary": _summary(visit, session, events),
        "reasons": [reason.value for reason in Reason],
        "longest_case": LONGEST_CASE,
        "given": visit.fields,
        "compared": said.compared,
        "sealed": await site.console.revealing.is_sealed(session),
        "may_reveal": visit.me.account.has_one_of(SEES_PERSONS),
        "error": said.error,
        **telling(site, visit),
    }
    return site.render("log-session", visit, said.status, **values)


def told(visit: Visit, event: LoggedEvent) -> str:
    """Return an event in plain words."""
    detail = event.detail
    seconds = detail.get("seconds", "0").partition(".")[0].removeprefix("-")
    words = {
        "by": detail.get("by", "–"),
        "number": detail.get("number", "–"),
        "group": detail.get("group", "–"),
        "reason": worded(visit, "log.outcome", detail.get("reason", "")),
        "refusal": worded(visit, "log.refusal", detail.get("reason", "")),
        "ground": worded(visit, "log.ground", detail.get("ground", "")),
        "time": length(timedelta(seconds=int(seconds or "0")), visit.language),
    }
    key = f"log.event.{event.kind}"
    return visit.language.text(key, **words) if key in visit.language.texts else event.kind


def _summary(
    visit: Visit, session: LoggedSession, events: Sequence[LoggedEvent]
) -> list[tuple[str, str]]:
    """Answer the three questions: who let it in, what kept it, why did it end."""
    kinds = [event.kind for event in events]
    kept = [
        visit.language.text(f"log.kept.{what}")
        for what, holds in (
            ("extended", session.extensions > 0),
            ("tutored", any(kind.startswith(("tutoring_", "group_")) for kind in kinds)),
            ("outage", "uplink_returned" in kinds),
            ("clock", "clock_jumped" in kinds),
        )
        if holds
    ]
    end = session.end_reason.value if session.end_reason is not None else "online"
    return [
        ("in", worded(visit, "log.in", session.ground)),
        ("kept", " ".join(kept) or visit.language.text("log.kept.nothing")),
        ("end", worded(visit, "log.why", end)),
    ]


async def _session(site: StaffSite, visit: Visit, key: str) -> LoggedSession | None:
    cursor = read_cursor(key)
    if cursor is None:
        return None
    session = await site.console.log.find(cursor.at, cursor.id)
    if session is None or not visit.me.account.works_at(session.site_id):
        return None
    return session


async def _refused(
    site: StaffSite, visit: Visit, session: LoggedSession, why: LookUpRefusal
) -> web.Response:
    error = FieldError(FIELDS[why], visit.language.text(why.value))
    return await show_session(site, visit, session, Said(error, 400))


def _by_point(session: LoggedSession) -> str:
    """Return the address of all that its access point let in; "" where that is not known."""
    if session.point is None:
        return ""
    return "/log?" + urlencode({"period": "all", "point": write_point(session.point)})


def _key(session: LoggedSession) -> str:
    return write_cursor(session.cursor)
