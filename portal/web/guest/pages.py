"""Renders the guest pages: templates, texts and one style sheet, read once at start.

Not a place for decisions: what a page shows is decided by the handlers, how it looks by the
templates. The rule to keep: autoescape on, no default for a missing value, one request a page.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup

from portal.web import moments
from portal.web.device_help import DEVICE_HELP
from portal.web.guest import answers
from portal.web.guest.settings import GuestSettings
from portal.web.guest.surroundings import Surroundings
from portal.web.guest.visit import Visit
from portal.web.templating import Linked, find_templates, make_environment
from portal.web.texts import load_languages

TEXTS = Path(__file__).parent / "texts"

_PRESSED_ONLY = "connect"
_ANYWHERE = ("https:", "http:")


class Pages:
    """Every page of the guest site."""

    def __init__(self, settings: GuestSettings, around: Surroundings) -> None:
        self._around = around
        self.languages = load_languages(TEXTS, TEXTS / "report", DEVICE_HELP)
        self._settings = settings
        folder = settings.templates or find_templates()
        self._css = _squeeze((folder / "guest" / "guest.css").read_text("utf-8"))
        self._policy = answers.content_policy(self._css)
        self._environment = make_environment(folder / "guest")

    def render(
        self,
        name: str,
        visit: Visit,
        values: Mapping[str, object],
        *,
        status: int = 200,
    ) -> web.Response:
        """Render a template with what every page has, and this page's own values."""
        context = {**self._shared(visit), **values}
        body = self._environment.get_template(f"{name}.html").render(context)
        tag = visit.language.tag
        return answers.html(body, policy=self._policy_for(visit, name), language=tag, status=status)

    def _policy_for(self, visit: Visit, name: str) -> str:
        """Let a form lead to the visitor's access point: redirects after it are judged too.

        Where an access point leads on to when it has taken its form is its own matter: some go to
        a page of theirs, or to where the visitor was going. That page has nothing typed on it.
        """
        if visit.mount is None:
            return self._policy
        sources = visit.mount.points.sources(visit.mount.passage)
        anywhere = _ANYWHERE if name == _PRESSED_ONLY else ()
        return answers.content_policy(self._css, (*sources, *anywhere))

    def zone(self, visit: Visit) -> ZoneInfo:
        """Return the time zone of the site, or of the organisation where there is no site."""
        hours = visit.here.library.opening_hours if visit.here else None
        return ZoneInfo(hours.time_zone if hours else self._settings.time_zone)

    def clock(self, visit: Visit, moment: datetime) -> str:
        """Return a moment as the guest reads it: a clock time, with its day if not today."""
        return moments.day_and_time(moment, visit.now, self.zone(visit), visit.language)

    def _said(self, visit: Visit) -> Sequence[tuple[str, str]]:
        here = [visit.here.library.id] if visit.here else []
        return [one.words(visit.language.tag) for one in self._around.notices(here, visit.now)]

    def _shared(self, visit: Visit) -> Mapping[str, object]:
        settings = self._settings
        language = visit.language
        return {
            "t": language.text,
            "linked": Linked(language),
            "counted": lambda key, count: moments.counted(language, key, count),
            "calendar_day": lambda day: moments.calendar_day(day, language),
            "local_day": lambda at: moments.calendar_day(
                at.astimezone(self.zone(visit)).date(), language
            ),
            "language": language,
            "languages": self.languages,
            "visit": visit,
            "css": Markup(self._css),  # noqa: S704 - our own file, read at start
            "settings": settings,
            "library": visit.here.library.name if visit.here else settings.organisation,
            "phone": _unbroken(visit.here.library.support_phone if visit.here else ""),
            "internet_is_down": self._around.internet_is_down(),
            "library_is_away": self._around.library_is_away(),
            "notices": self._said(visit),
            "number": None,
            "kept_card": None,
            "token": None,
            "error": False,
        }


def _unbroken(phone: str) -> str:
    """Keep a telephone number on one line."""
    return phone.replace(" ", "\N{NO-BREAK SPACE}").replace("-", "\N{NON-BREAKING HYPHEN}")


def _squeeze(css: str) -> str:
    """Drop line breaks and indentation: the style sheet travels with every page."""
    return "".join(line.strip() for line in css.splitlines())
