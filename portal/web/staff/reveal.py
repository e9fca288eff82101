"""Opening the sealed card number of a session, which somebody of IT has found in the log.

Not the log: an account that may reveal need not see it. The rules to keep: a reason, a case and the
code of the app come before the key is looked at; what was opened is shown for ten minutes, to that
account alone; key and passphrase are never given back to a browser.
"""

from dataclasses import dataclass, field
from uuid import UUID

from aiohttp import web

from portal.domain.audit_chain import LONGEST_CASE, Reason
from portal.domain.identity import Secret
from portal.domain.session_log import instant_of
from portal.services.console.look_ups import LookUpRefusal, read_why
from portal.services.console.revealing import Brought, RevealRefusal
from portal.services.ports.session_log import LoggedSession
from portal.web.staff.asked import asked
from portal.web.staff.confirmation import confirmed_by_code
from portal.web.staff.errors import FieldError
from portal.web.staff.log import leave_screen, telling
from portal.web.staff.log_look_up import FIELDS
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

_FIELDS = {
    RevealRefusal.NOT_SEALED: "one",
    RevealRefusal.WEEK_GONE: "one",
    RevealRefusal.NOT_THE_KEY: "passphrase",
    RevealRefusal.ANOTHER_KEY: "private_key",
}


@dataclass(frozen=True, slots=True)
class Revealed:
    """What was opened."""

    session: LoggedSession
    card: Secret = field(repr=False)


async def reveal_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the form, or what was just opened."""
    word = asked(visit, "finding")
    found = site.console.findings.find(word, visit.me.account.id, visit.now) if word else None
    if found is None or not isinstance(found.value, Revealed):
        return _show(site, visit, asked(visit, "one"))
    values = {"revealed": found.value, **telling(site, visit)}
    response = site.render("revealed", visit, **values)
    leave_screen(response, found, visit.now, "/reveal")
    return response


async def reveal(site: StaffSite, visit: Visit) -> web.Response:
    """Open it, and write down who does, and why."""
    fields = visit.fields
    session = await _session(site, visit, fields.get("one", ""))
    if session is None:
        return _refused(site, visit, "one", "reveal.no_session")
    why = read_why(visit.me.account.name, fields.get("reason", ""), fields.get("case", ""))
    if isinstance(why, LookUpRefusal):
        return _refused(site, visit, FIELDS[why], why.value)
    wrong = await confirmed_by_code(site, visit)
    if wrong is not None:
        return _show(site, visit, fields.get("one", ""), *wrong)
    brought = Brought(Secret(fields.get("private_key", "")), Secret(fields.get("passphrase", "")))
    opened = await site.console.revealing.reveal(session, brought, why, visit.now)
    if isinstance(opened, RevealRefusal):
        return _refused(site, visit, _FIELDS[opened], opened.value)
    word = site.console.findings.keep(visit.me.account.id, Revealed(session, opened), visit.now)
    return site.go(f"/reveal?finding={word}")


async def _session(site: StaffSite, visit: Visit, text: str) -> LoggedSession | None:
    """Return the session of this id at a library of the account's."""
    try:
        session_id = UUID(text.strip())
    except ValueError:
        return None
    at = instant_of(session_id)
    found = None if at is None else await site.console.log.find(at, session_id)
    return found if found and visit.me.account.works_at(found.site_id) else None


def _refused(site: StaffSite, visit: Visit, field_id: str, text: str) -> web.Response:
    error = FieldError(field_id, visit.language.text(text))
    return _show(site, visit, visit.fields.get("one", ""), error, 400)


def _show(
    site: StaffSite, visit: Visit, one: str, error: FieldError | None = None, status: int = 200
) -> web.Response:
    values = {
        "one": one[:60],
        "reasons": [reason.value for reason in Reason],
        "longest_case": LONGEST_CASE,
        "given": visit.fields,
        "error": error,
    }
    return site.render("reveal", visit, status, **values)
