"""The first sign-in: the one-time code, a password, the app; then the recovery codes, once.

The rule to keep: the one-time code is typed, or stands behind the # of a link, which reaches no
server and no log; the script puts it into the field.
"""

from aiohttp import web

from portal.domain.identity import Secret
from portal.domain.password import SHORTEST
from portal.services.staff.codes import in_fours
from portal.services.staff.doors import Begun
from portal.services.staff.enrolment import Enrolled
from portal.services.staff.passwords import PasswordsBusyError
from portal.web.staff import cookies
from portal.web.staff.codes_page import show_recovery_codes
from portal.web.staff.errors import FieldError, explain
from portal.web.staff.qr import qr_svg
from portal.web.staff.sign_in import go_on
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


async def first_page(site: StaffSite, visit: Visit) -> web.Response:
    """Ask for the one-time code."""
    return site.render("first", visit)


async def begin(site: StaffSite, visit: Visit) -> web.Response:
    """Take it."""
    outcome = await site.enrolment.begin(visit.fields.get("code", ""), visit.asker, visit.now)
    if isinstance(outcome, Begun):
        return go_on(site, visit, outcome)
    error, status = explain(outcome, "code", site.pages, visit)
    return site.render("first", visit, status, error=error)


async def password_page(site: StaffSite, visit: Visit) -> web.Response:
    """Ask for a password."""
    return site.render("first-password", visit, shortest=SHORTEST)


async def choose_password(site: StaffSite, visit: Visit) -> web.Response:
    """Take it."""
    password = visit.fields.get("password", "")
    if password != visit.fields.get("again", ""):
        error, status = FieldError("again", visit.language.text("password.differ")), 400
        return site.render("first-password", visit, status, error=error, shortest=SHORTEST)
    try:
        fault = await site.enrolment.choose_password(visit.me, Secret(password))
    except PasswordsBusyError:
        return site.render("message", visit, 503, key="busy")
    if fault is None:
        return site.go("/first/app")
    error, status = explain(fault, "password", site.pages, visit)
    return site.render("first-password", visit, status, error=error, shortest=SHORTEST)


async def app_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the second factor, and ask for its first code."""
    if not await site.enrolment.has_password(visit.me):
        return site.go("/first/password")
    return await _show_app(site, visit)


async def confirm(site: StaffSite, visit: Visit) -> web.Response:
    """Take the first code, and show the recovery codes."""
    if not await site.enrolment.has_password(visit.me):
        return site.go("/first/password")
    typed = visit.fields.get("code", "")
    outcome = await site.enrolment.confirm(visit.me, typed, visit.asker, visit.now)
    if not isinstance(outcome, Enrolled):
        error, status = explain(outcome, "code", site.pages, visit)
        return await _show_app(site, visit, status, error)
    response = show_recovery_codes(site, visit, outcome.recovery_codes)
    cookies.set_session(response, outcome.begun.token)
    return response


async def _show_app(
    site: StaffSite, visit: Visit, status: int = 200, error: FieldError | None = None
) -> web.Response:
    offer = await site.enrolment.offer(visit.me)
    picture = qr_svg(offer.uri.reveal(), visit.language.text("first.app.qr"))
    secret = in_fours(offer.secret.reveal())
    return site.render("first-app", visit, status, error=error, picture=picture, secret=secret)
