"""The log's search: its own names lead on at once; a card, a device or an address takes a reason.

The rule to keep: what was typed travels in a form only, never in an address, and is not kept.
"""

from dataclasses import replace
from uuid import UUID

from aiohttp import web

from portal.domain.audit_chain import LONGEST_CASE, Reason
from portal.domain.identity import Secret
from portal.domain.session_log import (
    Held,
    Named,
    Sought,
    instant_of,
    read_name,
    write_cursor,
)
from portal.services.console.look_ups import ADDRESS, LookUpRefusal, guess_what, read_why
from portal.web.staff.errors import FieldError
from portal.web.staff.log import asked_of, filter_of, zone_of
from portal.web.staff.log_address import Asked, Period, write_asked
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

WHATS = ("guest", "device", ADDRESS)

FIELDS = {
    LookUpRefusal.NO_REASON: "reason-abuse",
    LookUpRefusal.NO_CASE: "case",
    LookUpRefusal.NO_CARD: "typed",
    LookUpRefusal.NO_DEVICE: "typed",
    LookUpRefusal.NO_KEY: "typed",
    LookUpRefusal.NO_ADDRESS: "typed",
    LookUpRefusal.NOT_KEPT: "typed",
    LookUpRefusal.NOT_KEPT_IPV4: "typed",
}


async def find(site: StaffSite, visit: Visit) -> web.Response:
    """Lead to what the field names."""
    typed = visit.fields.get("find", "").strip()
    everything = replace(_everything(site, visit), name=typed.upper())
    if not typed:
        return site.go("/log")
    if read_name(typed, visit.now, visit.now) is not None:
        return site.go(write_asked("/log", everything, zone_of(site)))
    if (one := await _session_key(site, visit, typed)) is not None:
        return site.go(f"/log/session?one={one}")
    return _show(site, visit, typed, guess_what(typed))


async def look_up_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the form."""
    return _show(site, visit, "", WHATS[0])


async def look_up(site: StaffSite, visit: Visit) -> web.Response:
    """Look for sessions of what was typed, and write down who does, and why."""
    fields = visit.fields
    what = fields["what"] if fields.get("what") in WHATS else WHATS[0]
    typed = fields.get("typed", "")
    why = read_why(visit.me.account.name, fields.get("reason", ""), fields.get("case", ""))
    if isinstance(why, LookUpRefusal):
        return _refused(site, visit, typed, what, why)
    everything = _everything(site, visit)
    wanted = filter_of(site, visit, everything)
    if wanted is None:
        return site.go("/log")
    look_ups = site.console.look_ups
    sought: Sought | Held | LookUpRefusal
    if what == ADDRESS:
        sought = await look_ups.seek_address(Secret(typed), wanted, why, visit.now)
    else:
        sought = await look_ups.seek(Secret(typed), Named[what.upper()], wanted, why, visit.now)
    if isinstance(sought, LookUpRefusal):
        return _refused(site, visit, typed, what, sought)
    word = site.console.findings.keep(visit.me.account.id, sought, visit.now)
    return site.go(write_asked("/log", replace(everything, finding=word), zone_of(site)))


def _everything(site: StaffSite, visit: Visit) -> Asked:
    """Return a question for all that is kept."""
    asked = asked_of(site, visit)
    begins = visit.now - site.console.kept
    return Asked(Period.ALL, min(asked.since, begins), asked.until)


async def _session_key(site: StaffSite, visit: Visit, typed: str) -> str | None:
    try:
        session_id = UUID(typed)
    except ValueError:
        return None
    at = instant_of(session_id)
    found = None if at is None else await site.console.log.find(at, session_id)
    if found is None or not visit.me.account.works_at(found.site_id):
        return None
    return write_cursor(found.cursor)


def _refused(
    site: StaffSite, visit: Visit, typed: str, what: str, why: LookUpRefusal
) -> web.Response:
    error = FieldError(FIELDS[why], visit.language.text(why.value))
    return _show(site, visit, typed, what, error)


def _show(
    site: StaffSite, visit: Visit, typed: str, what: str, error: FieldError | None = None
) -> web.Response:
    values = {
        "typed": typed,
        "what": what,
        "whats": WHATS,
        "keeps_addresses": site.console.look_ups.keeps_addresses,
        "reasons": [reason.value for reason in Reason],
        "longest_case": LONGEST_CASE,
        "given": visit.fields,
        "error": error,
    }
    return site.render("log-look-up", visit, 200 if error is None else 400, **values)
