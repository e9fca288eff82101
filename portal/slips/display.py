"""Pages for a visitor's camera: one slip on the whole screen, and the code of the day.

Not paper (sheet.py) and not the staff site that serves them. The rules to keep: black on white at
any time of day, 60 mm at least for every QR code, and a page that works without its script.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.domain.day_code import SCANNED_WITHIN, STEP, DayCode
from portal.domain.identity import Secret
from portal.domain.slip import Network, Slip
from portal.slips.pages import Page, Templates
from portal.slips.qr import draw, login_text, wifi_text
from portal.slips.words import Language, choose, digits, word

CLOSED_REFRESH_S = 60
"""How often a closed library's screen looks whether it has opened."""


@dataclass(frozen=True, slots=True)
class DayDisplay:
    """What the screen with the code of the day shows.

    ``day_origin`` is where the guest site is (``https://wifi.example.se``). ``code`` None: nobody
    can log in now, because the library is closed.
    """

    library: str
    network: Network
    day_origin: str
    code: DayCode | None


@dataclass(frozen=True, slots=True)
class Showing:
    """In which language, and what surrounds it.

    ``second`` is said below, smaller (the code of the day only). ``back`` is where the page's link
    leads. ``script`` is the address of ``templates/slips/day.js``; without it the page with the
    code of the day loads itself anew.
    """

    language: Language
    second: Language | None = None
    back: str | None = None
    script: str | None = None


def slip_on_screen(templates: Templates, slip: Slip, showing: Showing) -> Page:
    """Return the page that shows a slip to a visitor."""
    language = showing.language
    url = slip.login_url
    values = {
        "words": word(slip, language),
        "title": language.texts["title"].format(library=slip.library),
        "code": digits(slip.code.reveal()),
        "join": draw(wifi_text(slip.network)),
        "login": None if url is None else draw(login_text(url.reveal())),
        "back": showing.back,
    }
    return templates.render("display", ("screen",), language, values)


def day_on_screen(
    templates: Templates, display: DayDisplay, showing: Showing, now: datetime
) -> Page:
    """Return the page with the code of the day, which takes the next one by itself."""
    code = display.code
    values = {
        "library": display.library,
        "network": choose(display.network, showing.language),
        "join": draw(wifi_text(display.network)),
        "login": None if code is None else draw(login_text(day_url(display, code).reveal())),
        "refresh_s": CLOSED_REFRESH_S if code is None else _seconds_until(code.changes_at, now),
        "second": showing.second,
        "good_s": int((STEP + SCANNED_WITHIN).total_seconds()),
        "back": showing.back,
    }
    return templates.render("day", ("screen",), showing.language, values, showing.script)


def day_url(display: DayDisplay, code: DayCode) -> Secret:
    """Return the address in the QR code."""
    return Secret(f"{display.day_origin}/day/{code.token}")


def _seconds_until(moment: datetime, now: datetime) -> int:
    """Return whole seconds, rounded up, 1 at least: a page must not ask for the same code again."""
    return max(1, -(-(moment - now) // timedelta(seconds=1)))
