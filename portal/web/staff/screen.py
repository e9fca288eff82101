"""The library's screen with the code of the day: a browser that shows it and may do nothing else.

Not the code (services/day_codes.py). The rule to keep: a screen that everybody can touch is signed
in as nobody; what it has is a word of ours that names its site.
"""

import hmac

from aiohttp import web

from portal.domain.identity import SiteId
from portal.slips.display import DayDisplay, Showing, day_on_screen
from portal.web.staff import answers, cookies
from portal.web.staff.frame import signed_out
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


async def day_page(site: StaffSite, visit: Visit) -> web.Response:
    """Explain what becomes of this browser."""
    is_ready = visit.here.code_of_the_day and site.settings.place is not None
    return site.render("day", visit, is_ready=is_ready)


async def become_screen(site: StaffSite, visit: Visit) -> web.Response:
    """Sign out here, and make this browser the site's screen."""
    response = await signed_out(site, visit, "/screen")
    cookies.set_screen(response, f"{visit.here.id}.{_word(site, visit.here.id)}")
    return response


async def screen(site: StaffSite, visit: Visit) -> web.StreamResponse:
    """Show the code of the day to the room."""
    library = site.site(_site_of(site, visit))
    place = site.settings.place
    if library is None or place is None:
        return site.go("/sign-in")
    code = site.desk.day_codes.shown(library.id, visit.now)
    display = DayDisplay(library.name, place.network, place.origin, code)
    languages = site.slips.languages
    language = next(one for one in languages if one.tag == visit.language.tag)
    second = next((one for one in languages if one is not language), None)
    script = site.pages.assets.paths["day.js"]
    showing = Showing(language, second, script=script)
    page = day_on_screen(site.slips.templates, display, showing, visit.now)
    return answers.html(page.html, language=language.tag, policy=page.policy)


def _site_of(site: StaffSite, visit: Visit) -> SiteId | None:
    name, _, word = visit.request.cookies.get(cookies.SCREEN, "").partition(".")
    if not (name.isascii() and word.isascii()):
        return None
    site_id = SiteId(name)
    is_ours = hmac.compare_digest(word.encode(), _word(site, site_id).encode())
    return site_id if is_ours else None


def _word(site: StaffSite, site_id: SiteId) -> str:
    return hmac.digest(site.settings.form_key, f"screen\0{site_id}".encode(), "sha256").hex()
