"""What every handler of the guest site works with, and the way back to a page.

Not a handler. The rule to keep: locations are our own paths, never anything from a request.
"""

from dataclasses import dataclass, field

from aiohttp import web

from portal.services.ports.access_points import AccessPoints
from portal.web.guest import answers
from portal.web.guest.budget import FORMS, RATINGS, REPORTS, Budget
from portal.web.guest.door import GuestDoor
from portal.web.guest.form_token import issue_token
from portal.web.guest.guesses import Guesses
from portal.web.guest.pages import Pages
from portal.web.guest.sent_back import SentBack
from portal.web.guest.settings import GuestSettings
from portal.web.guest.surroundings import GuestFaults, NobodyListens, Rate, not_counted
from portal.web.guest.visit import Here, Visit


@dataclass(frozen=True, slots=True)
class GuestSite:
    """The settings, the services and the pages, together."""

    settings: GuestSettings
    guest: GuestDoor
    pages: Pages
    own_hosts: frozenset[str]
    access_points: AccessPoints | None = None
    faults: GuestFaults = field(default_factory=NobodyListens)
    reports_left: Budget = field(default_factory=lambda: Budget(REPORTS))
    """Reports a device may send: three at once, then one in twenty minutes."""
    rate: Rate = not_counted
    ratings_left: Budget = field(default_factory=lambda: Budget(RATINGS))
    """Answers a device may give: one a day. This process alone knows that it did."""
    led_in: Budget = field(default_factory=lambda: Budget(FORMS))
    """Times that a device is let in elsewhere: each asks its controller, or writes a list."""
    sent_back: SentBack = field(default_factory=SentBack)
    guesses: Guesses = field(default_factory=Guesses)

    def token(self, visit: Visit, here: Here, purpose: str) -> str:
        """Return a fresh form token for the device."""
        return issue_token(self.settings.form_key, here.device.mac, purpose, visit.now)

    def go(self, visit: Visit, path: str) -> web.Response:
        """Send the browser on with a full navigation: only that lets iOS look again."""
        return self.go_to(visit.location(path))

    def go_to(self, location: str) -> web.Response:
        """Send the browser to a path of our own, query and all."""
        return answers.redirect(location)

    def go_done(self, visit: Visit, done: str) -> web.Response:
        """Send the browser to the status page, which says what was done."""
        joiner = "&" if visit.asked_language else "?"
        return self.go_to(f"{visit.location('/status')}{joiner}done={done}")

    def go_encrypted(self, visit: Visit, path: str) -> web.Response:
        """Send the browser to the encrypted side of the portal."""
        return answers.redirect(self.settings.portal_origin + visit.location(path))
