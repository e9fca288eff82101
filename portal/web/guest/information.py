"""Pages to read: help, rules, privacy, accessibility. Open to everybody, before login too.

Not dependent on gate or database: whoever is captive because something is broken must be able to
read them. The rule to keep: numbers and names come from the settings.
"""

from aiohttp import web

from portal.web.device_help import STEPS
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.visit import Visit

_DEFAULT_RULES = 5


def help_page(site: GuestSite, visit: Visit) -> web.Response:
    """Show how to get in, device by device."""
    host = (site.settings.plain_names or (site.settings.portal_host,))[0]
    return site.pages.render("help", visit, {"sections": STEPS, "address": host})


def rules_page(site: GuestSite, visit: Visit) -> web.Response:
    """Show the site's own rules, or the built-in ones."""
    own = visit.here.library.rules_text if visit.here else ""
    rules = [part.strip() for part in own.split("\n\n") if part.strip()] or [
        visit.language.text(f"rules.default.{number + 1}") for number in range(_DEFAULT_RULES)
    ]
    return site.pages.render("rules", visit, {"rules": rules})


def privacy_page(site: GuestSite, visit: Visit) -> web.Response:
    """Show what is stored, why and how long: here, or where most is, when nobody knows where."""
    level = visit.here.library.privacy if visit.here else site.settings.highest_privacy
    here = visit.here.library.seals_identities if visit.here else site.settings.seals_identities
    return site.pages.render("privacy", visit, {"level": level, "sealed": here})


def accessibility_page(site: GuestSite, visit: Visit) -> web.Response:
    """Show the accessibility statement."""
    return site.pages.render("accessibility", visit, {})
