"""The page of one's own account: password, recovery codes, where one is signed in."""

from uuid import UUID

from aiohttp import web

from portal.domain.identity import Secret
from portal.domain.password import SHORTEST
from portal.services.staff.passwords import PasswordsBusyError
from portal.services.staff.sign_in import SignInRefusal
from portal.web.staff.codes_page import show_recovery_codes
from portal.web.staff.errors import FieldError, explain
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


async def account_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show it."""
    return await _show(site, visit)


async def change_password(site: StaffSite, visit: Visit) -> web.Response:
    """Replace the password, and end the account's other visits."""
    fields = visit.fields
    new = fields.get("password", "")
    if new != fields.get("again", ""):
        error = FieldError("again", visit.language.text("password.differ"))
        return await _show(site, visit, 400, error=error)
    try:
        refusal = await site.own_account.change_password(
            visit.me, Secret(fields.get("old", "")), Secret(new), visit.asker, visit.now
        )
    except PasswordsBusyError:
        return site.render("message", visit, 503, key="busy")
    if refusal is None:
        return await _show(site, visit, said="account.password.done")
    field = "old" if isinstance(refusal, SignInRefusal) else "password"
    error, status = explain(refusal, field, site.pages, visit)
    return await _show(site, visit, status, error=error)


async def new_recovery_codes(site: StaffSite, visit: Visit) -> web.Response:
    """Make new ones and show them once."""
    password = Secret(visit.fields.get("password", ""))
    outcome = await site.own_account.new_recovery_codes(visit.me, password, visit.asker, visit.now)
    if isinstance(outcome, list):
        return show_recovery_codes(site, visit, outcome)
    error, status = explain(outcome, "recovery-password", site.pages, visit)
    return await _show(site, visit, status, error=error)


async def end_visit(site: StaffSite, visit: Visit) -> web.Response:
    """End one of the account's visits."""
    try:
        which = UUID(visit.fields.get("visit", ""))
    except ValueError:
        return site.go("/account")
    await site.own_account.end(visit.me, which)
    return site.go("/account")


async def end_others(site: StaffSite, visit: Visit) -> web.Response:
    """End all visits but this one."""
    await site.own_account.end_others(visit.me)
    return site.go("/account")


async def _show(
    site: StaffSite,
    visit: Visit,
    status: int = 200,
    *,
    error: FieldError | None = None,
    said: str | None = None,
) -> web.Response:
    values = {
        "visits": await site.own_account.visits(visit.me, visit.now),
        "recovery_left": await site.own_account.recovery_left(visit.me),
        "shortest": SHORTEST,
        "error": error,
        "said": said,
    }
    return site.render("account", visit, status, **values)
