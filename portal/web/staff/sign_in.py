"""The way in: name and password, then the code of the app or a recovery code.

Not the first sign-in (enrolment.py). The rule to keep: where somebody wanted to go is one of our
own pages, or the front page.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from aiohttp import web

from portal.domain.staff_session import Stage
from portal.services.staff.attempts import MustWait
from portal.services.staff.doors import Begun
from portal.services.staff.sign_in import SignInRefusal
from portal.web.staff import cookies
from portal.web.staff.errors import explain
from portal.web.staff.paths import wanted
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

Outcome = Begun | MustWait | SignInRefusal


async def sign_in_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the form, but for who is signed in already."""
    if visit.is_signed_in:
        return site.go("/")
    return ask_to_sign_in(site, visit, 200)


def ask_to_sign_in(site: StaffSite, visit: Visit, status: int = 401) -> web.Response:
    """Show the form in place of a page that needs somebody; it leads there afterwards."""
    to = visit.path if visit.request.method in {"GET", "HEAD"} else "/"
    return site.render("sign-in", visit, status, to=wanted(to), name="")


async def with_password(site: StaffSite, visit: Visit) -> web.Response:
    """Take name and password."""
    outcome = await site.sign_in.begin("password", visit.fields, visit.asker, visit.now)
    if isinstance(outcome, Begun):
        return go_on(site, visit, outcome)
    error, status = explain(outcome, "name", site.pages, visit)
    return site.render(
        "sign-in", visit, status, error=error, to=_to(visit), name=visit.fields.get("name", "")
    )


async def code_page(site: StaffSite, visit: Visit) -> web.Response:
    """Ask for the code of the app."""
    return site.render("code", visit, to=_to(visit))


async def with_code(site: StaffSite, visit: Visit) -> web.Response:
    """Take it."""
    return await _second(site, visit, site.sign_in.with_code, "code")


async def recovery_page(site: StaffSite, visit: Visit) -> web.Response:
    """Ask for a recovery code."""
    return site.render("recovery", visit, to=_to(visit))


async def with_recovery_code(site: StaffSite, visit: Visit) -> web.Response:
    """Take it."""
    return await _second(site, visit, site.sign_in.with_recovery_code, "recovery")


async def _second(
    site: StaffSite, visit: Visit, take: Callable[..., Awaitable[Outcome]], template: str
) -> web.Response:
    outcome = await take(visit.me, visit.fields.get("code", ""), visit.asker, visit.now)
    if isinstance(outcome, Begun):
        return go_on(site, visit, outcome)
    error, status = explain(outcome, "code", site.pages, visit)
    return site.render(template, visit, status, error=error, to=_to(visit))


def go_on(site: StaffSite, visit: Visit, begun: Begun) -> web.Response:
    """Give the browser its new token, and show what comes next."""
    to = _to(visit)
    if begun.stage is Stage.CODE:
        response = site.go("/code?" + urlencode({"to": to}))
    else:
        response = site.go("/first/password" if begun.stage is Stage.ENROLLING else to)
    cookies.set_session(response, begun.token)
    return response


def _to(visit: Visit) -> str:
    return wanted(visit.fields.get("to", "") or visit.request.query.get("to", "/"))
