"""What the frame around every page does: front page, site, language, signing out."""

from aiohttp import web

from portal.domain.identity import SiteId
from portal.services.ports import EventKind
from portal.web.staff import cookies
from portal.web.staff.navigation import entries_for
from portal.web.staff.paths import wanted
from portal.web.staff.refusals import refuse
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


async def home(site: StaffSite, visit: Visit) -> web.Response:
    """Lead to the first part of the site that the account may open."""
    return site.go(entries_for(visit.me.account)[0].path)


async def choose_site(site: StaffSite, visit: Visit) -> web.Response:
    """Work at another site of the account's."""
    wish = SiteId(visit.fields.get("site", ""))
    if wish not in site.settings.sites or not visit.me.account.works_at(wish):
        return await refuse(site, visit)
    await site.sign_in.doors.sessions.choose_site(visit.me.id, wish)
    return site.go(wanted(visit.fields.get("to", "")))


async def choose_language(site: StaffSite, visit: Visit) -> web.Response:
    """Remember the language in this browser."""
    response = site.go(wanted(visit.fields.get("to", "")))
    wish = visit.fields.get("language", "")
    if wish in {language.tag for language in site.pages.languages}:
        cookies.set_language(response, wish)
    return response


async def sign_out(site: StaffSite, visit: Visit) -> web.Response:
    """End the visit."""
    return await signed_out(site, visit, "/sign-in")


async def signed_out(site: StaffSite, visit: Visit, to: str) -> web.Response:
    """End the visit in this browser, and lead to a path of our own."""
    me = visit.me
    await site.sign_in.doors.sessions.end(me.account.id, me.id)
    await site.sign_in.doors.tell(EventKind.STAFF_SIGNED_OUT, visit.now, by=me.account.name)
    response = site.go(to)
    cookies.end_session(response)
    return response
